"""How the ions move together: the Haven ratio, of how fast each of them spreads to how fast their charge does."""

from __future__ import annotations

import math

import numpy as np

from migbar.dynamics.displacements import Paths, slope, squared_displacements

FIRST_PS = 1.0
"""Lags begin here at the earliest: before, ions swing and cages rattle."""

LONGER = 1.5
"""The next lags that are tried are longer by this."""

ALIKE = 0.1
"""Ions that spread over some lags as over long ones, but for this part of it, have begun to diffuse there."""

SPAN = 3
"""The slope is taken from a lag to this many times it."""

VARIANCE = 9.0
"""Relative variance of the slope for one walker at random in one direction, per lag and length of the simulation.

By 600 random walks of 1000 steps each: 7 for short lags, 9 for those of 0.075 of the length.
"""

SWINGS = (6.0, 1.5)
"""What is added to it where the walker swings besides: times the squared displacement of the swings, by what the walk
adds from the first lag to the last, and times the square of that.

By walks with swings of up to five times that last 0.05 to 1 ps: near the most that was seen.
"""

MOST_VARIANCE = 0.5
"""Relative; with more the ratio is not known. Its interval then spans a factor of 13."""

TAIL = 0.05
"""Chance that the ratio is beyond one of the ends of its interval."""


def haven_ratio(
    ions: Paths, frame_ps: float, spread: tuple[float, float], hops: int
) -> tuple[float, float, float] | None:
    """Return the Haven ratio with the ends of its interval; None where the simulation is too short for one.

    The diffusivity of the charge is a sixth of the slope of the squared displacement of all ions' sum, for each ion.
    That sum is one walker, so its slope is taken over the shortest lags over which the ions diffuse. Its error is that
    of a walker at random in each direction that the ions take, and more where it swings besides, or hops are few. The
    conductivity by Nernst and Einstein, divided by the ratio, is the one with what ions do together.

    Parameters
    ----------
    ions : ndarray, shape (n_frames, n_ions, 3)
        Unwrapped positions in Å, beside the host.
    frame_ps : float
    spread : tuple of 2 floats
        Slope of the ions' mean squared displacement over long lags, Å² per frame, and its relative standard error.
    hops : int
        Seen in the simulation.
    """
    n_frames, n_ions, _ = ions.shape
    each, error = spread
    if n_ions < 2 or each <= 0:
        return None
    from scipy.stats import chi2

    lag = _first_lag(ions, frame_ps, each)
    walker = ions.mean(axis=1, keepdims=True)
    walk = slope(walker, lag, SPAN * lag)
    if walk <= 0:
        return None
    (at_first,) = squared_displacements(walker, np.array([lag]))
    swings = max(0.0, at_first / (walk * lag) - 1) / (SPAN - 1)
    walkers = _directions(ions, lag) * n_frames / lag
    of_walker = (VARIANCE + SWINGS[0] * swings + SWINGS[1] * swings**2) / walkers
    variance = of_walker + 1 / max(hops, 1) + error**2
    if variance > MOST_VARIANCE:
        return None
    low, high = chi2.ppf([TAIL, 1 - TAIL], 2 / variance) * variance / 2
    ratio = each / (n_ions * walk)
    return float(ratio), float(ratio * low), float(ratio * high)


def _first_lag(ions: Paths, frame_ps: float, each: float) -> int:
    """Return the lag, in frames, that the ions diffuse from on."""
    longest = max(1, len(ions) // (4 * SPAN))
    lag = max(1, round(FIRST_PS / frame_ps))
    while lag < longest:
        near, far = squared_displacements(ions, np.array([lag, SPAN * lag]))
        if abs((far - near) / ((SPAN - 1) * lag) - each) <= ALIKE * each:
            break
        lag = math.ceil(LONGER * lag)
    return min(lag, longest)


def _directions(ions: Paths, lag: int) -> float:
    """Return along how many directions the ions move: three, or one where all go along a channel."""
    moved = (ions[lag:] - ions[:-lag]).reshape(-1, 3)
    spread = moved.T @ moved
    return float(np.trace(spread) ** 2 / (spread**2).sum())
