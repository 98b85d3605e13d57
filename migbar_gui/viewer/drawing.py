"""Balls, sticks and faces on the graphics card: one actor per kind, whatever the number of atoms.

Balls and sticks are ray-cast in the shader from one vertex each. They are perfectly round at any
zoom and cost the same for 10 and 10,000 atoms but for the pixels they cover.
"""

from __future__ import annotations

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.vtkRenderingCore import vtkActor, vtkMapper, vtkPolyDataMapper, vtkRenderer
from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLSphereMapper, vtkOpenGLStickMapper

Floats = NDArray[np.float64]

# Darker towards the outline, and paler with distance: both make depth readable in a parallel projection.
_SHADE = """//VTK::Light::Impl
  gl_FragData[0].rgb *= mix(1.0, smoothstep(0.0, 0.55, normalVCVSOutput.z), outline);
  gl_FragData[0].rgb = mix(gl_FragData[0].rgb, hazeColour,
    hazeStrength * clamp((hazeStart - vertexVC.z) / hazeDepth, 0.0, 1.0));
"""


class Layer:
    """One actor whose content is replaced as a whole."""

    def __init__(
        self,
        renderer: vtkRenderer,
        mapper: vtkMapper,
        outline: float = 0.0,
        translucent: bool = False,
        lit: bool = True,
    ) -> None:
        mapper.SetScalarModeToUsePointFieldData()
        mapper.SelectColorArray("colour")
        mapper.SetColorModeToDirectScalars()
        self._empty = True
        self.mapper = mapper
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.VisibilityOff()
        if translucent:
            self.actor.ForceTranslucentOn()
        else:
            self.actor.ForceOpaqueOn()
        look = self.actor.GetProperty()
        look.SetInterpolationToPhong()
        look.SetAmbient(0.22 if lit else 1.0)
        look.SetDiffuse(0.82 if lit else 0.0)
        look.SetSpecular(0.28 if lit else 0.0)
        look.SetSpecularPower(38)
        shader = self.actor.GetShaderProperty()
        shader.AddFragmentShaderReplacement("//VTK::Light::Impl", True, _SHADE, False)
        self._uniforms = shader.GetFragmentCustomUniforms()
        self._uniforms.SetUniformf("outline", outline)
        self.set_haze((1.0, 1.0, 1.0), 0.0, 0.0, 1.0)
        renderer.AddActor(self.actor)

    def set_haze(
        self, colour: tuple[float, float, float], strength: float, start: float, depth: float
    ) -> None:
        """Fade what lies behind `start` (Å along the view, 0 at the camera, negative) into a colour."""
        self._uniforms.SetUniform3f("hazeColour", colour)
        self._uniforms.SetUniformf("hazeStrength", strength)
        self._uniforms.SetUniformf("hazeStart", start)
        self._uniforms.SetUniformf("hazeDepth", depth)

    def set_visible(self, visible: bool) -> None:
        """Show or hide what was drawn."""
        self.actor.SetVisibility(visible and not self._empty)

    def clear(self) -> None:
        """Draw nothing."""
        self._empty = True
        self.set_visible(False)

    def show(self, data: pv.PolyData) -> None:
        """Draw other points or faces, with their ``colour``."""
        self._empty = False
        self.set_visible(True)
        self.mapper.SetInputData(data)


class BallLayer(Layer):
    """Spheres."""

    def __init__(self, renderer: vtkRenderer, **options: float) -> None:
        mapper = vtkOpenGLSphereMapper()
        mapper.SetScaleArray("radius")
        super().__init__(renderer, mapper, **options)  # type: ignore[arg-type]

    def draw(self, positions: Floats, radii: Floats, colours: Floats) -> None:
        """Replace all balls; positions and radii in Å, colours (n, 3) or (n, 4) from 0 to 1."""
        if not len(positions):
            self.clear()
            return
        data = pv.PolyData(np.asarray(positions, np.float32))
        data["radius"] = np.asarray(radii, np.float32)
        data["colour"] = _bytes(colours)
        self.show(data)


class StickLayer(Layer):
    """Round sticks."""

    def __init__(self, renderer: vtkRenderer, **options: float) -> None:
        mapper = vtkOpenGLStickMapper()
        mapper.SetScaleArray("size")
        mapper.SetOrientationArray("axis")
        super().__init__(renderer, mapper, **options)  # type: ignore[arg-type]

    def draw(self, starts: Floats, ends: Floats, radii: Floats, colours: Floats) -> None:
        """Replace all sticks; ends and radii in Å, colours (n, 3) or (n, 4) from 0 to 1."""
        if not len(starts):
            self.clear()
            return
        axes = np.asarray(ends - starts, np.float32)
        lengths = np.linalg.norm(axes, axis=1)
        data = pv.PolyData(np.asarray((starts + ends) / 2, np.float32))
        data["size"] = np.stack([lengths, radii, radii], axis=1).astype(np.float32)
        data["axis"] = axes / lengths[:, None]
        data["colour"] = _bytes(colours)
        self.show(data)


class ArrowLayer:
    """Round arrows: a stick with a cone at its tip."""

    def __init__(self, renderer: vtkRenderer) -> None:
        self.shafts = StickLayer(renderer, outline=0.2)
        self.tips = Layer(renderer, vtkPolyDataMapper(), outline=0.2)

    def draw(self, starts: Floats, ends: Floats, radius: float, colour: Floats) -> None:
        """Replace all arrows; ends and radius in Å, one colour from 0 to 1."""
        vectors = ends - starts
        lengths = np.linalg.norm(vectors, axis=1)
        if not len(starts):
            self.shafts.clear()
            self.tips.clear()
            return
        heads = np.minimum(4.5 * radius, 0.6 * lengths)
        necks = ends - vectors * (heads / lengths)[:, None]
        colours = np.tile(colour, (len(starts), 1))
        self.shafts.draw(starts, necks, np.full(len(starts), radius), colours)
        cones = pv.merge(
            [
                pv.Cone(
                    center=(neck + end) / 2,
                    direction=vector,
                    height=head,
                    radius=2.4 * radius,
                    resolution=20,
                )
                for neck, end, vector, head in zip(necks, ends, vectors, heads, strict=True)
            ]
        ).extract_surface(algorithm=None)
        cones = cones.compute_normals(split_vertices=True, feature_angle=40)
        cones["colour"] = _bytes(np.tile(colour, (cones.n_points, 1)))
        self.tips.show(cones)


class FaceLayer(Layer):
    """Flat translucent triangles."""

    def __init__(self, renderer: vtkRenderer) -> None:
        super().__init__(renderer, vtkPolyDataMapper(), translucent=True)
        look = self.actor.GetProperty()
        look.SetInterpolationToFlat()
        look.SetSpecular(0.1)

    def draw(self, triangles: Floats, colours: Floats) -> None:
        """Replace all triangles; corners (n, 3, 3) in Å, colours (n, 4) from 0 to 1."""
        if not len(triangles):
            self.clear()
            return
        corners = np.asarray(triangles.reshape(-1, 3), np.float32)
        data = pv.PolyData.from_regular_faces(corners, np.arange(len(corners)).reshape(-1, 3))
        data["colour"] = _bytes(np.repeat(colours, 3, axis=0))
        self.show(data)


def _bytes(colours: Floats) -> NDArray[np.uint8]:
    return np.round(np.asarray(colours) * 255).astype(np.uint8)
