"""Surfaces of equal site energy, as translucent skins around where an ion likes to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
from vtkmodules.vtkRenderingCore import vtkPolyDataMapper, vtkRenderer

from migbar_gui.viewer.drawing import Layer

if TYPE_CHECKING:
    from migbar.landscape import Landscape

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Isosurface:
    """A surface of equal energy in one cell.

    Attributes
    ----------
    points, normals : ndarray, shape (n, 3)
        Corners in Å, and unit vectors that point to higher energy.
    triangles : ndarray of int, shape (m, 3)
        Rows of `points`.
    """

    points: Floats
    normals: Floats
    triangles: NDArray[np.int_]


def isosurface(landscape: Landscape, level: float) -> Isosurface:
    """Find where a landscape has one energy (eV), by flying edges in fractions of the cell.

    The surface ends at the faces of the cell.
    """
    energies = np.pad(landscape.energies, [(0, 1)] * 3, mode="wrap")
    grid = pv.ImageData(dimensions=energies.shape)
    grid["energy"] = energies.astype(np.float32).ravel(order="F")
    finder = vtkFlyingEdges3D()
    finder.SetInputData(grid)
    finder.SetInputArrayToProcess(0, 0, 0, 0, "energy")
    finder.SetValue(0, level)
    finder.ComputeScalarsOff()
    finder.ComputeNormalsOn()
    finder.Update()
    found = pv.wrap(finder.GetOutput())
    if not found.n_points:
        return Isosurface(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3), int))
    shape = np.array(landscape.energies.shape)
    matrix = landscape.lattice.matrix
    # Flying edges looks towards lower energy; these skins are seen from the outside. Slopes
    # transform with the inverse, and their common length is of no concern.
    slopes = -(np.asarray(found.point_data["Normals"], float) * shape) @ np.linalg.inv(matrix).T
    turned = -1 if np.linalg.det(matrix) > 0 else 1
    lengths = np.linalg.norm(slopes, axis=1, keepdims=True)
    return Isosurface(
        np.asarray(found.points, float) / shape @ matrix,
        slopes / np.maximum(lengths, 1e-12),
        np.asarray(found.regular_faces, int)[:, ::turned],
    )


class IsosurfaceLayer(Layer):
    """A translucent smooth surface."""

    def __init__(self, renderer: vtkRenderer, back: bool) -> None:
        super().__init__(renderer, vtkPolyDataMapper(), outline=0.35, translucent=True)
        look = self.actor.GetProperty()
        # The far side first, then the near one: sorting enough for skins that are mostly convex.
        look.SetFrontfaceCulling(back)
        look.SetBackfaceCulling(not back)
        look.SetSpecular(0.15)

    def draw(self, surface: Isosurface | None, colour: Floats) -> None:
        """Replace the surface; colour with opacity, four numbers from 0 to 1."""
        if surface is None or not len(surface.triangles):
            self.clear()
            return
        data = pv.PolyData.from_regular_faces(surface.points.astype(np.float32), surface.triangles)
        normals = pv.convert_array(surface.normals.astype(np.float32), name="Normals")
        data.GetPointData().SetNormals(normals)
        data["colour"] = np.tile(np.round(255 * colour).astype(np.uint8), (len(surface.points), 1))
        self.show(data)
