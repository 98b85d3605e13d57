"""A Gaussian process on normal scores of the descriptors, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ION = slice(0, 4)
"""Columns of the descriptors that speak of the ion alone; `migbar.descriptors` puts them first."""

ION_LENGTH = 0.3
"""Length scale of the likeness of ions in root mean square scores: any two known ions are unlike."""


@dataclass(frozen=True, slots=True)
class NormalScores:
    """Turns each descriptor into the normal deviate of its rank among the training paths.

    Attributes
    ----------
    knots : ndarray of float32, shape (n_knots, n_descriptors)
        Quantiles of the training values, ascending.
    deviates : ndarray of float32, shape (n_knots,)
    mean, scale : ndarray of float32, shape (n_descriptors,)
        Of the deviates of the training paths.
    """

    knots: NDArray[np.float32]
    deviates: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of shape (rows, n_descriptors)."""
        return (self.raw(x) - self.mean) / self.scale

    def raw(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Deviates before scaling."""
        columns = zip(x.T, self.knots.T, strict=True)
        return np.column_stack([np.interp(v, knots, self.deviates) for v, knots in columns])

    def values(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of descriptors that have given scores, within the range of the training paths."""
        columns = zip((scores * self.scale + self.mean).T, self.knots.T, strict=True)
        return np.column_stack([np.interp(raw, self.deviates, knots) for raw, knots in columns])


@dataclass(frozen=True, slots=True)
class Process:
    """Mean of a Gaussian process for a power of the barrier; its kernel is `covariance`.

    Attributes
    ----------
    scores : NormalScores
    support : ndarray of float32, shape (n_paths, n_descriptors)
        Scores of the training paths.
    weights : ndarray of float64, shape (n_paths,)
    offset : float
        Mean of the powers.
    length : float
        Length scale of the kernel in root mean square scores.
    power : float
    other_ions : float
        How much the path of another ion counts beside a like path of the same one.
    """

    scores: NormalScores
    support: NDArray[np.float32]
    weights: NDArray[np.float64]
    offset: float
    length: float
    power: float
    other_ions: float

    def distances(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Root mean square difference of scores to every training path, shape (rows, n_paths)."""
        return distances(self.scores(x), self.support.astype(np.float64))

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Barriers in eV, shape (rows,)."""
        support = self.support.astype(np.float64)
        kernel = covariance(self.scores(x), support, self.length, self.other_ions)
        powers = kernel @ self.weights + self.offset
        return np.asarray(np.maximum(powers, 0.0) ** (1 / self.power))


def distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square difference of every row of `a` to every row of `b`."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0) / a.shape[1]))


def covariance(
    a: NDArray[np.float64], b: NDArray[np.float64], length: float, other_ions: float
) -> NDArray[np.float64]:
    """Covariance of paths with scores `a` and `b` over that of a path with itself.

    A Matérn kernel of all descriptors, times one of the ion's that falls to `other_ions`: what paths of several ions
    share, and what each ion has of its own (intrinsic coregionalisation; Álvarez, Rosasco and Lawrence,
    Found. Trends Mach. Learn. 4, 195 (2012)).
    """
    likeness = matern(distances(a[:, ION], b[:, ION]), ION_LENGTH)
    return matern(distances(a, b), length) * (other_ions + (1 - other_ions) * likeness)


def matern(distance: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Matérn kernel with ν = 3/2 (Rasmussen and Williams, Gaussian Processes, 2006, Eq. 4.17)."""
    r = np.sqrt(3) * distance / length
    return np.asarray((1 + r) * np.exp(-r))
