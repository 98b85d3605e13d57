"""Where one looks at the crystal from: turns, moves and zooms the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QWidget
from vtkmodules.vtkRenderingCore import vtkRenderer

from migbar_gui.viewer.projection import Projection
from migbar_gui.workspace.camera import Camera, Vector

Floats = NDArray[np.float64]

MARGIN = 1.08
"""Room around what is shown, as a multiple of its size."""


class Viewpoint:
    """The camera of a view.

    Parameters
    ----------
    renderer : vtkRenderer
    view : QWidget
        The picture has its size.

    Attributes
    ----------
    fitted : bool
        Whether all that is drawn is in the picture, and stays so when its size changes.
    """

    def __init__(self, renderer: vtkRenderer, view: QWidget) -> None:
        self._renderer = renderer
        self._view = view
        self._centre, self._radius = np.zeros(3), 1.0
        self.fitted = False

    def projection(self) -> Projection:
        """Return where points of the scene fall on the view."""
        return Projection.of(self._camera, max(1, self._view.width()), max(1, self._view.height()))

    def camera(self) -> Camera:
        """Return where one looks from."""
        seen = self.projection()
        focus, towards, up = (_vector(v) for v in (seen.focus, seen.towards, seen.up))
        return Camera(focus, towards, up, seen.half_height)

    def set_camera(self, camera: Camera) -> None:
        """Look from somewhere else, whatever is drawn."""
        self.look(np.asarray(camera.towards), np.asarray(camera.up))
        self._aim(np.asarray(camera.focus), self.projection().towards, camera.scale)
        self.fitted = False  # or the next change of size would look from elsewhere

    def look(self, towards: Floats, up: Floats) -> None:
        """Look from a direction."""
        towards = towards / np.linalg.norm(towards)
        self._camera.SetFocalPoint(0, 0, 0)
        self._camera.SetPosition(*(100 * towards))
        self._camera.SetViewUp(*(up - (up @ towards) * towards))

    def look_at_cell(self, cell: Floats) -> None:
        """Look down the shorter of a and b, slightly turned, with c upwards."""
        a, b, c = cell
        up = c / np.linalg.norm(c)
        front, across = (a, b) if np.linalg.norm(a) < np.linalg.norm(b) else (b, a)
        front = front - (front @ up) * up
        front = front / np.linalg.norm(front)
        if np.cross(up, front) @ across < 0:  # the other one points to the right
            front = -front
        self.look(front + 0.42 * np.cross(up, front) + 0.27 * up, up)

    def turn(self, across: float, upwards: float) -> None:
        """Turn around the focus by degrees to the right and upwards."""
        self._camera.Azimuth(across)
        self._camera.Elevation(upwards)
        self._camera.OrthogonalizeViewUp()

    def zoom(self, times: float) -> None:
        """Show what is in the middle larger."""
        self._camera.Zoom(times)

    def fit(self, points: Floats, radii: Floats) -> None:
        """Move and zoom so that balls (Å) fill the picture."""
        if not len(points):
            return
        self.fitted = True
        seen = self.projection()
        axes = np.array([seen.right, seen.up, seen.towards])
        sides = points @ axes.T
        low, high = (sides - radii[:, None]).min(axis=0), (sides + radii[:, None]).max(axis=0)
        middle = (low + high) / 2
        half = np.abs(sides - middle)[:, :2] + radii[:, None]
        half[:, 0] *= seen.height / seen.width
        self._aim(middle @ axes, seen.towards, MARGIN * max(float(half.max()), 0.5))

    def measure(self, points: Floats, radii: Floats) -> None:
        """Note how far what is drawn reaches: none of these balls (Å) may be cut off."""
        if len(points):
            self._centre = (points.min(axis=0) + points.max(axis=0)) / 2
            reach = np.linalg.norm(points - self._centre, axis=1) + radii
            self._radius = float(reach.max()) + 1.0

    def clip(self) -> tuple[float, float]:
        """Set the clipping range; return distance and radius (Å) of what is drawn."""
        camera = self._camera
        position, focus = np.array(camera.GetPosition()), np.array(camera.GetFocalPoint())
        distance = float(np.linalg.norm(position - focus))
        towards = (position - focus) / max(distance, 1e-9)
        ahead = float((position - self._centre) @ towards)
        nearest, farthest = ahead - self._radius, ahead + self._radius
        camera.SetClippingRange(max(nearest, 0.02 * distance, 0.01), max(farthest, 0.1))
        return ahead, self._radius

    def _aim(self, focus: Floats, towards: Floats, scale: float) -> None:
        """Place the camera so that half the picture's height is `scale` Å."""
        self._camera.ParallelProjectionOn()
        self._camera.SetParallelScale(scale)
        distance = 4 * max(scale, self._radius)  # nothing behind the camera
        self._camera.SetFocalPoint(*focus)
        self._camera.SetPosition(*(focus + distance * towards))

    @property
    def _camera(self):  # type: ignore[no-untyped-def]
        return self._renderer.GetActiveCamera()


def _vector(values: Floats) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
