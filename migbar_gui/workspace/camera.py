"""Where one looks at a crystal from."""

from __future__ import annotations

import math
from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """A point of view.

    Attributes
    ----------
    focus : tuple of 3 floats
        What is in the middle of the picture, in Å in the frame of the structure.
    towards, up : tuple of 3 floats
        From the focus to the camera, and upwards in the picture; any length.
    scale : float
        Half the height of the picture at the focus in Å.
    """

    focus: Vector
    towards: Vector
    up: Vector
    scale: float

    @property
    def is_sound(self) -> bool:
        """Whether anything can be seen from there."""
        numbers = (*self.focus, *self.towards, *self.up, self.scale)
        return (
            self.scale > 0
            and any(self.towards)
            and any(self.up)
            and all(map(math.isfinite, numbers))
        )
