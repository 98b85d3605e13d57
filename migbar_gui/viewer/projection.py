"""Where points of the scene fall on the widget, in parallel projection, and which ball a pixel shows."""

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
    scale : float
        Pixels per Å.
    """

    right: Floats
    up: Floats
    towards: Floats
    focus: Floats
    scale: float
    width: float
    height: float

    @property
    def half_height(self) -> float:
        """Half the height of the picture in Å."""
        return self.height / 2 / self.scale

    @classmethod
    def of(cls, camera, width: float, height: float) -> Projection:  # type: ignore[no-untyped-def]
        """Read a vtkCamera."""
        focus = np.array(camera.GetFocalPoint())
        towards = np.array(camera.GetPosition()) - focus
        towards = towards / np.linalg.norm(towards)
        right = np.cross(camera.GetViewUp(), towards)
        right /= np.linalg.norm(right)
        scale = height / 2 / camera.GetParallelScale()
        return cls(right, np.cross(towards, right), towards, focus, scale, width, height)

    def pixels(self, points: Floats) -> Floats:
        """Return the pixel and the height towards the camera (Å) of each point, shape (n, 3)."""
        view = np.atleast_2d(points - self.focus) @ np.array([self.right, self.up, self.towards]).T
        return np.stack(
            [
                self.width / 2 + self.scale * view[:, 0],
                self.height / 2 - self.scale * view[:, 1],
                view[:, 2],
            ],
            axis=1,
        )

    def _ray(self, x: float, y: float) -> tuple[Floats, Floats]:
        """Return a point on the ray through a pixel, and its direction away from the viewer."""
        offset = (x - self.width / 2) * self.right - (y - self.height / 2) * self.up
        return self.focus + offset / self.scale, -self.towards

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
        rows = np.flatnonzero(miss <= radii + spare / self.scale)
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
        rows = np.flatnonzero(miss <= radii**2)
        if not len(rows):
            return None
        depths = along[rows] - np.sqrt(radii[rows] ** 2 - np.maximum(miss[rows], 0))
        best = int(depths.argmin())
        return int(rows[best]), float(depths[best])
