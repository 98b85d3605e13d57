"""Mean squared displacements of paths, and their slopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_LAGS = 60
"""Points of a mean squared displacement that are computed."""

Paths = NDArray[np.float64]
"""Unwrapped positions in Å, shape (n_frames, n_ions, 3)."""


def lags_between(first: int, last: int) -> NDArray[np.int_]:
    """Return lags from the first to the last, in frames; not all where they are many."""
    return np.unique(np.linspace(first, last, min(MOST_LAGS, last - first + 1)).round().astype(int))


def squared_displacements(ions: Paths, lags: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the mean over ions and beginnings of the squared displacement after each lag, Å²."""
    return np.array([((ions[lag:] - ions[:-lag]) ** 2).sum(axis=-1).mean() for lag in lags])


def slope(ions: Paths, first: int, last: int) -> float:
    """Return the slope of the mean squared displacement from one lag to another, Å² per frame."""
    lags = lags_between(first, last)
    return float(np.polyfit(lags, squared_displacements(ions, lags), 1)[0])
