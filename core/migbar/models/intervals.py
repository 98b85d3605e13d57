"""Intervals of predicted barriers."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

INTERVAL_LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a predicted barrier and its spread become an interval.

    In √eV the ends are √barrier + q · (floor + spread), with q from residuals out of fold; so the upper
    arm is the longer one and the lower end never falls below zero.

    Attributes
    ----------
    floor : float
    low, high : float
        q of the two ends.
    """

    floor: float
    low: float
    high: float

    @classmethod
    def of(cls, array: NDArray[Any]) -> Calibration:
        """Make it again from what `array` gave."""
        return cls(*(float(v) for v in array))

    @property
    def array(self) -> NDArray[np.float64]:
        """Floor, and q of the two ends."""
        return np.array(astuple(self))

    def interval(
        self, barrier: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends in eV."""
        root, scale = np.sqrt(barrier), self.floor + spread
        ends = [np.maximum(root + q * scale, 0.0) ** 2 for q in (self.low, self.high)]
        return np.minimum(ends[0], barrier), np.maximum(ends[1], barrier)
