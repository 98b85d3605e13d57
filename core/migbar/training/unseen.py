"""Predictions for paths that a model has not seen: the intervals and the scores that come from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.evaluation import held_out, score
from migbar.models.intervals import INTERVAL_LEVEL, Calibration

FLOOR = 0.3
"""Least width of an interval's arm in units of the median spread.

Chosen so that every third of the predicted barriers is covered alike in grouped cross-validation.
"""


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for paths that a model has not seen.

    Attributes
    ----------
    barrier : ndarray, shape (n,)
        In eV.
    spread : ndarray, shape (n,)
        In √eV; 0 everywhere for a model that tells none.
    fold : ndarray of int, shape (n,)
        The model that predicted a path has not seen any of its fold.
    """

    barrier: NDArray[np.float64]
    spread: NDArray[np.float64]
    fold: NDArray[np.int64]

    def chosen(self, rows: NDArray[np.bool_]) -> OutOfFold:
        """Return some of the paths."""
        return OutOfFold(self.barrier[rows], self.spread[rows], self.fold[rows])


def calibrate(y: NDArray[np.float64], unseen: Sequence[OutOfFold]) -> Calibration:
    """Take the ends of the interval from all residuals out of fold: split-conformal, with equal tails.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Barriers in eV.
    unseen : sequence of OutOfFold
        Of the same paths, one for each repeat.
    """
    barrier = np.concatenate([found.barrier for found in unseen])
    spread = np.concatenate([found.spread for found in unseen])
    floor = FLOOR * float(np.median(spread)) or 1.0
    residual = (np.sqrt(np.tile(y, len(unseen))) - np.sqrt(barrier)) / (floor + spread)
    tail = (1 - INTERVAL_LEVEL) / 2
    upper = min(np.ceil((len(y) + 1) * (1 - tail)) / len(y), 1.0)
    low, high = np.quantile(residual, [1 - upper, upper])
    return Calibration(floor, float(low), float(high))


def coverage(y: NDArray[np.float64], unseen: Sequence[OutOfFold]) -> dict[str, Any]:
    """Coverage and width of the intervals; a fold's residuals never calibrate its own intervals."""
    parts: list[tuple[NDArray[Any], ...]] = []
    for found in unseen:
        for test in held_out(found.fold):
            calibration = calibrate(y[~test], [found.chosen(~test)])
            low, high = calibration.interval(found.barrier[test], found.spread[test])
            inside = (low <= y[test]) & (y[test] <= high)
            parts.append((inside, high - low, found.barrier[test], y[test]))
    hit, width, level, truth = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {
        "coverage": rounded(hit.mean()),
        "coverage_by_predicted_third": _by_third(hit, level),
        "coverage_by_true_third": _by_third(hit, truth),
        "mean_width_ev": rounded(width.mean()),
        "median_width_ev": rounded(np.median(width)),
    }


def _by_third(hit: NDArray[np.bool_], level: NDArray[np.float64]) -> list[float]:
    third = np.searchsorted(np.quantile(level, [1 / 3, 2 / 3]), level)
    return [rounded(hit[third == k].mean()) for k in range(3)]


def mean_scores(y: NDArray[np.float64], unseen: Sequence[OutOfFold]) -> dict[str, Any]:
    """Mean over the repeats of every score and of its bootstrap error, and the intervals' coverage."""
    return {
        "n": len(y),
        "folds": int(unseen[0].fold.max()) + 1,
        "repeats": len(unseen),
        **mean_of_scores(y, [found.barrier for found in unseen]),
        **coverage(y, unseen),
    }


def mean_of_scores(
    y: NDArray[np.float64], predictions: Sequence[NDArray[np.float64]]
) -> dict[str, float]:
    """Mean over several predictions (eV) of every score and of its bootstrap error."""
    rounds = [asdict(score(y, p, GOOD_CONDUCTOR_EV)) for p in predictions]
    return {key: rounded(np.mean([r[key] for r in rounds])) for key in rounds[0] if key != "n"}


def rounded(value: Any) -> float:
    """Round for a card."""
    return round(float(value), 4)
