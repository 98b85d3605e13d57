"""How good predictions are: scores with their errors, and honest splits."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from migbar.barriers import GOOD_CONDUCTOR_EV, Barrier, Predictor
from migbar.datasets import BandRecord
from migbar.progress import SILENT, Progress

if TYPE_CHECKING:
    from migbar.models.relaxed import RelaxedBarrier


FEWEST_FOR_R2 = 10
"""Tables of scores leave out the R² of fewer paths: it says nothing (−8.28 ± 4531.51 was seen with three)."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of predicted barriers, each with its bootstrap standard error.

    A score that is not defined (no paths; R² of one path or of equal barriers) is NaN.

    Attributes
    ----------
    n : int
        Number of paths.
    mae_ev, rmse_ev, median_ev : float
        Mean absolute, root mean square, and median absolute error in eV.
    r2 : float
        Coefficient of determination.
    accuracy : float
        Fraction of paths that are put on the right side of the threshold.
    threshold_ev : float
    mae_se_ev, rmse_se_ev, median_se_ev, r2_se, accuracy_se : float
        Standard deviations over bootstrap samples of the paths.
    """

    n: int
    mae_ev: float
    r2: float
    rmse_ev: float
    accuracy: float
    median_ev: float
    mae_se_ev: float
    r2_se: float
    rmse_se_ev: float
    accuracy_se: float
    median_se_ev: float
    threshold_ev: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Predictions of a model for bands, and their scores where the barrier is known."""

    records: tuple[BandRecord, ...]
    barriers: tuple[Barrier, ...]
    scores: Scores

    @property
    def coverage(self) -> float | None:
        """Fraction of the known barriers that lie in their intervals; None where none is known."""
        inside = [
            barrier.interval_ev[0] <= record.target_ev <= barrier.interval_ev[1]
            for record, barrier in zip(self.records, self.barriers, strict=True)
            if record.target_ev is not None
        ]
        return float(np.mean(inside)) if inside else None


def score(
    targets: ArrayLike,
    predictions: ArrayLike,
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Scores:
    """Score predictions against known barriers.

    Parameters
    ----------
    targets, predictions : array_like, shape (n,)
        Barriers in eV.
    threshold_ev : float
        Barrier up to which a path counts as good.
    bootstrap : int
        Number of bootstrap samples behind the standard errors.
    seed : int
        Seed of the bootstrap.
    """
    y = np.asarray(targets, float)
    p = np.asarray(predictions, float)
    if y.shape != p.shape or y.ndim != 1:
        raise ValueError(f"targets of shape {y.shape} and predictions of shape {p.shape}")
    if len(y) == 0:
        nan = float("nan")
        return Scores(0, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, threshold_ev)
    whole = _metrics(y[None], p[None], threshold_ev)[:, 0]
    sample = np.random.default_rng(seed).integers(0, len(y), (bootstrap, len(y)))
    errors = [_spread(row) for row in _metrics(y[sample], p[sample], threshold_ev)]
    mae, r2, rmse, accuracy, median = (float(v) for v in whole)
    mae_se, r2_se, rmse_se, accuracy_se, median_se = errors
    return Scores(
        n=len(y),
        mae_ev=mae,
        r2=r2,
        rmse_ev=rmse,
        accuracy=accuracy,
        median_ev=median,
        mae_se_ev=mae_se,
        r2_se=r2_se,
        rmse_se_ev=rmse_se,
        accuracy_se=accuracy_se,
        median_se_ev=median_se,
        threshold_ev=threshold_ev,
    )


def _spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of what is defined; a sample of equal barriers has no R²."""
    defined = values[np.isfinite(values)]
    return float(defined.std()) if len(defined) else float("nan")


def _metrics(
    y: NDArray[np.float64], p: NDArray[np.float64], threshold: float
) -> NDArray[np.float64]:
    """MAE, R², RMSE, accuracy and median absolute error of every row, shape (5, rows)."""
    error = p - y
    squares = (error**2).mean(axis=1)
    # Rounding leaves equal barriers a variance that is not quite zero.
    variance = np.where(np.ptp(y, axis=1) > 0, y.var(axis=1), np.nan)
    r2 = 1 - squares / variance
    right = (p <= threshold) == (y <= threshold)
    size = np.abs(error)
    return np.array(
        [size.mean(axis=1), r2, np.sqrt(squares), right.mean(axis=1), np.median(size, axis=1)]
    )


def evaluate(
    records: Sequence[BandRecord],
    model: Predictor,
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    progress: Progress = SILENT,
    relaxed: Mapping[str, RelaxedBarrier] | None = None,
) -> Evaluation:
    """Predict every band and score those whose barrier is known.

    Parameters
    ----------
    records : sequence of BandRecord
    model : Predictor
    threshold_ev : float
    progress : Progress
    relaxed : mapping, optional
        Barriers of relaxed bands by ``sys_name``, to predict with where they are given.

    Raises
    ------
    ModelError
        If the model does not take such relaxed barriers.
    """
    bands = [record.band for record in records]
    if relaxed is None:
        barriers = model.predict(bands, progress)
    else:
        from migbar.models.relaxed import predict_with_relaxed

        helps = [relaxed.get(record.sys_name) for record in records]
        barriers = predict_with_relaxed(model, bands, helps, progress)
    known = [
        (record.target_ev, barrier.barrier_ev)
        for record, barrier in zip(records, barriers, strict=True)
        if record.target_ev is not None
    ]
    targets, predictions = zip(*known, strict=True) if known else ((), ())
    return Evaluation(tuple(records), tuple(barriers), score(targets, predictions, threshold_ev))


def random_folds(n: int, k: int, seed: int) -> NDArray[np.int64]:
    """Give each of `n` paths one of `k` folds at random, all of nearly the same size."""
    folds = np.empty(n, np.int64)
    folds[np.random.default_rng(seed).permutation(n)] = np.arange(n) % k
    return folds


def grouped_folds(groups: Sequence[Hashable], k: int, seed: int) -> NDArray[np.int64]:
    """Give each path one of `k` folds so that no group is split, all of nearly the same size.

    Large groups are dealt first, each to the smallest fold; groups of one size in random order.
    """
    names = sorted(set(groups), key=repr)
    index = {name: i for i, name in enumerate(names)}
    member = np.array([index[group] for group in groups], np.int64)
    size = np.bincount(member, minlength=len(names))
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-size[order], kind="stable")]
    load = np.zeros(k, np.int64)
    fold = np.empty(len(names), np.int64)
    for group in order:
        fold[group] = load.argmin()
        load[fold[group]] += size[group]
    return fold[member]


def held_out(fold: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    """Tell of one fold after the other which paths are in it."""
    for k in range(int(fold.max()) + 1):
        yield fold == k
