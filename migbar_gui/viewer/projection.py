"""Where points of the scene fall on the widget, and which ball a pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Projection:
    """A camera over a picture of `width` by `height` pixels, y downwards.

    Attributes
    ----------
    right, up, towards : ndarray, shape (3,)
        Unit vectors of the picture; `towards` points from the scene to the camera.
    focus : ndarray, shape (3,)
        The point in the middle of the picture.
    distance : float
        From the camera to the focus in Å; infinite for a parallel projection.
    scale : float
        Pixels per Å at the focus.
    """

    right: Floats
    up: Floats
    towards: Floats
    focus: Floats
    distance: float
    scale: float
    width: float
    height: float

    @property
    def half_height(self) -> float:
        """Half the height of the picture at the focus in Å."""
        return self.height / 2 / self.scale

    @classmethod
    def of(cls, camera, width: float, height: float) -> Projection:  # type: ignore[no-untyped-def]
        """Read a vtkCamera."""
        focus = np.array(camera.GetFocalPoint())
        towards = np.array(camera.GetPosition()) - focus
        distance = float(np.linalg.norm(towards))
        towards = towards / distance
        right = np.cross(camera.GetViewUp(), towards)
        right /= np.linalg.norm(right)
        if camera.GetParallelProjection():
            half = camera.GetParallelScale()
            distance = np.inf
        else:
            half = distance * np.tan(np.radians(camera.GetViewAngle()) / 2)
        scale = height / 2 / half
        return cls(right, np.cross(towards, right), towards, focus, distance, scale, width, height)

    def pixels(self, points: Floats) -> Floats:
        """Return the pixel and the height towards the camera (Å) of each point, shape (n, 3)."""
        view = np.atleast_2d(points - self.focus) @ np.array([self.right, self.up, self.towards]).T
        enlarged = self.scale * self._enlargement(view[:, 2])
        return np.stack(
            [
                self.width / 2 + enlarged * view[:, 0],
                self.height / 2 - enlarged * view[:, 1],
                view[:, 2],
            ],
            axis=1,
        )

    def size(self, points: Floats, lengths: Floats) -> Floats:
        """Return how many pixels `lengths` (Å) at `points` take up."""
        heights = np.atleast_2d(points - self.focus) @ self.towards
        return np.asarray(self.scale * self._enlargement(heights) * lengths)

    def _enlargement(self, heights: Floats) -> Floats:
        if np.isinf(self.distance):
            return np.ones_like(heights)
        return self.distance / np.maximum(self.distance - heights, 1e-3)

    def pushed_back(self, positions: Floats, radii: Floats) -> tuple[Floats, Floats]:
        """Move balls away from the viewer by their radius, so that they look the same but for what hides them."""
        if np.isinf(self.distance):
            return positions - radii[:, None] * self.towards, radii
        camera = self.focus + self.distance * self.towards
        rays = positions - camera
        growth = 1 + radii / np.linalg.norm(rays, axis=1)
        return camera + growth[:, None] * rays, growth * radii

    def _ray(self, x: float, y: float) -> tuple[Floats, Floats]:
        """Return a point on the ray through a pixel, and its direction away from the viewer."""
        offset = (x - self.width / 2) * self.right - (y - self.height / 2) * self.up
        origin = self.focus + offset / self.scale
        if np.isinf(self.distance):
            return origin, -self.towards
        camera = self.focus + self.distance * self.towards
        return camera, (origin - camera) / np.linalg.norm(origin - camera)

    def hit_stick(
        self, x: float, y: float, ends: Floats, radii: Floats, spare: float = 0.0
    ) -> tuple[int, float] | None:
        """Find the foremost stick under a pixel by the distance of its axis from the ray.

        Parameters
        ----------
        x, y : float
            The pixel.
        ends : ndarray, shape (n, 2, 3)
            In Å.
        radii : ndarray, shape (n,)
            In Å.
        spare : float
            Pixels beside a stick that still belong to it.

        Returns
        -------
        row : int
        depth : float
            Along the ray in Å, as `hit` returns it.
        """
        if not len(ends):
            return None
        origin, ray = self._ray(x, y)
        way = ends[:, 1] - ends[:, 0]
        # In the plane across the ray the nearest point of a segment to the ray's foot is plain geometry.
        start = ends[:, 0] - origin
        flat_start = start - (start @ ray)[:, None] * ray
        flat_way = way - (way @ ray)[:, None] * ray
        squared = np.einsum("ij,ij->i", flat_way, flat_way)
        along = -np.einsum("ij,ij->i", flat_start, flat_way) / np.maximum(squared, 1e-12)
        nearest = start + np.clip(along, 0, 1)[:, None] * way
        depths = nearest @ ray
        miss = np.linalg.norm(nearest - depths[:, None] * ray, axis=1)
        reach = radii + spare / np.maximum(self.size(origin + nearest, np.ones(len(ends))), 1e-9)
        under = miss <= reach
        if np.isfinite(self.distance):
            under &= depths > 0
        rows = np.flatnonzero(under)
        if not len(rows):
            return None
        surface = depths[rows] - np.sqrt(np.maximum(radii[rows] ** 2 - miss[rows] ** 2, 0))
        best = int(surface.argmin())
        return int(rows[best]), float(surface[best])

    def hit(self, x: float, y: float, positions: Floats, radii: Floats) -> tuple[int, float] | None:
        """Find the foremost ball under a pixel by cutting its ray with all of them.

        Returns
        -------
        row : int
        depth : float
            Along the ray in Å; comparable between calls for the same pixel.
        """
        origin, direction = self._ray(x, y)
        towards_centre = positions - origin
        along = towards_centre @ direction
        miss = np.einsum("ij,ij->i", towards_centre, towards_centre) - along**2
        under = miss <= radii**2
        if np.isfinite(self.distance):
            under &= along > 0
        rows = np.flatnonzero(under)
        if not len(rows):
            return None
        depths = along[rows] - np.sqrt(radii[rows] ** 2 - np.maximum(miss[rows], 0))
        best = int(depths.argmin())
        return int(rows[best]), float(depths[best])
