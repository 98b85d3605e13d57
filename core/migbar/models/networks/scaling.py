"""How a barrier is scaled for a network, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class TargetScaling:
    """Barriers as the networks see them: from −1 for the lowest to 1 for the highest of the training data.

    z = (y − mean)/std, then w = 2 (z − z_min)/(z_max − z_min) − 1, as published; here y is the barrier to the
    power `power`, which is 1 in the paper.

    Attributes
    ----------
    mean, std : float
        Of y over the training data; population standard deviation.
    z_min, z_max : float
    power : float
    """

    mean: float
    std: float
    z_min: float
    z_max: float
    power: float = 1.0

    @classmethod
    def of(cls, barriers_ev: ArrayLike, power: float = 1.0) -> TargetScaling:
        """Take the statistics of training data."""
        y = np.asarray(barriers_ev, float) ** power
        mean, std = float(y.mean()), float(y.std())
        z = (y - mean) / std
        return cls(mean, std, float(z.min()), float(z.max()), power)

    def scale(self, barriers_ev: ArrayLike) -> NDArray[np.float64]:
        """Return w for barriers in eV."""
        z = (np.asarray(barriers_ev, float) ** self.power - self.mean) / self.std
        return 2 * (z - self.z_min) / (self.z_max - self.z_min) - 1

    def unscale(self, w: ArrayLike) -> NDArray[np.float64]:
        """Return barriers in eV, none below zero."""
        z = (np.asarray(w, float) + 1) / 2 * (self.z_max - self.z_min) + self.z_min
        return np.maximum(z * self.std + self.mean, 0.0) ** (1 / self.power)


PUBLISHED = TargetScaling(
    mean=0.8441084078711985,
    std=0.839762393145722,
    z_min=-1.0010074453588085,
    z_max=9.438254983577766,
)
"""Statistics of the 559 published training paths, which the published networks are scaled by."""
