"""How near a path is to those that a model learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import Remark
from migbar.models.domain import memory, unlike
from migbar.models.process import distances

SAME_PATH = 0.02
"""Two paths closer than this (root mean square, in scaled descriptors) are taken for the same."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The training paths in scaled descriptors: what is near to what the model knows.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (n_descriptors,)
    known : ndarray of float32, shape (n_paths, n_descriptors)
        Scaled descriptors of the training paths.
    reach : float
        97.5th percentile of the distance of a training path to the nearest other one.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    known: NDArray[np.float32]
    reach: float

    @classmethod
    def of(cls, x: NDArray[np.float64]) -> Domain:
        """Say what a model knows that was trained on these descriptors."""
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scale[scale < 1e-6] = 1.0
        known = ((x - mean) / scale).astype(np.float32)
        domain = cls(mean.astype(np.float32), scale.astype(np.float32), known, 0.0)
        between = domain.distances(x)
        np.fill_diagonal(between, np.inf)
        return replace(domain, reach=float(np.quantile(between.min(axis=1), 0.975)))

    @classmethod
    def from_weights(cls, weights: Mapping[str, NDArray[Any]]) -> Domain:
        """Make it again from what `weights` gave."""
        mean, scale, known = (weights[f"domain.{name}"] for name in ("mean", "scale", "known"))
        return cls(mean, scale, known, float(weights["domain.reach"][0]))

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        return {
            "domain.mean": self.mean,
            "domain.scale": self.scale,
            "domain.known": self.known,
            "domain.reach": np.array([self.reach]),
        }

    def distances(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Root mean square distance to every training path, shape (rows, n_paths)."""
        return distances((x - self.mean) / self.scale, self.known.astype(np.float64))

    def remarks(self, x: NDArray[np.float64]) -> list[Remark]:
        """Say where a path is one of the training paths, or far from all of them.

        Parameters
        ----------
        x : ndarray, shape (1, n_descriptors)
        """
        nearest = float(self.distances(x)[0].min())
        if nearest < SAME_PATH:
            return [memory()]
        return [concern.remark for concern in unlike(nearest, self.reach, self.reach)]
