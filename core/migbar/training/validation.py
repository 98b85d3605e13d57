"""Cross-validation of models on band descriptors, and the intervals that come from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.datasets import BandRecord, data_hash
from migbar.descriptors import descriptor_matrix, descriptor_names
from migbar.errors import BandsFileError
from migbar.evaluation import grouped_folds, random_folds, score
from migbar.models.intervals import INTERVAL_LEVEL, Calibration
from migbar.progress import Progress, check_cancelled, reported
from migbar.training.cells import doubled_cell, equivalent_cell
from migbar.training.machine import processor, versions

MIN_PATHS = 20

FLOOR = 0.3
"""Least width of an interval's arm in units of the median spread.

Chosen so that every third of the predicted barriers is covered alike in grouped cross-validation.
"""


class Regressor(Protocol):
    """What a fit gives."""

    def predict(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Barriers in eV and their spreads in √eV."""


Fit = Callable[[NDArray[np.float64], NDArray[np.float64]], Regressor]
"""Makes a regressor from descriptors and barriers (eV); all its preprocessing happens inside."""


@dataclass(frozen=True, slots=True)
class Protocols:
    """How a model is judged.

    Attributes
    ----------
    folds, repeats : int
        Of random and of grouped cross-validation.
    seed : int
        Of the folds; repeat r uses seed + r.
    """

    folds: int = 10
    repeats: int = 5
    seed: int = 123


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for paths that a model has not seen: barriers (eV), spreads (√eV), folds."""

    barrier: NDArray[np.float64]
    spread: NDArray[np.float64]
    fold: NDArray[np.int64]


PROTOCOLS = Protocols()

NOTES = (
    "A predicted barrier has no direction; the larger of forward and reverse is meant.",
    "Barriers above 2 eV are rare in the training data and come out too low.",
    f"Intervals hold {100 * INTERVAL_LEVEL:.0f} % of paths of unseen materials, not of any one class.",
)
"""What a user of any model on band descriptors should know."""


class Counter:
    """Counts the fits of a training run; `total` may be set once it is known."""

    def __init__(self, progress: Progress, message: str, total: int = 0) -> None:
        self.progress, self.total, self.message, self.done = progress, total, message, 0

    def step(self) -> None:
        """Report one more fit, or stop if asked to."""
        check_cancelled(self.progress)
        self.done += 1
        self.progress.report(self.done, self.total, self.message)


def known_records(records: Sequence[BandRecord]) -> list[BandRecord]:
    """Return the records with a barrier, sorted by name.

    Raises
    ------
    BandsFileError
        If there are too few of them.
    """
    known = sorted((r for r in records if r.target_ev is not None), key=lambda r: r.sys_name)
    groups = {record.group for record in known}
    if len(known) < MIN_PATHS or len(groups) < 5:
        raise BandsFileError(
            "training data",
            [
                f"{len(known)} paths with a barrier in {len(groups)} groups of framework and "
                f"ion; at least {MIN_PATHS} paths in 5 groups are needed"
            ],
        )
    return known


def targets(records: Sequence[BandRecord]) -> NDArray[np.float64]:
    """Barriers in eV."""
    return np.array([record.target_ev for record in records], float)


def described(records: Sequence[BandRecord], progress: Progress) -> NDArray[np.float64]:
    """Describe the paths, one row each."""
    return descriptor_matrix(r.band for r in reported(records, progress, "Describing paths"))


def all_folds(
    records: Sequence[BandRecord], protocols: Protocols, full: bool = True
) -> dict[str, list[NDArray[np.int64]]]:
    """Folds of every repeat of the ``grouped`` and ``random`` protocols.

    Where not `full`, only one grouped repeat: what the calibration of intervals needs.
    """
    groups = [record.group for record in records]
    k, seed = min(protocols.folds, len(set(groups))), protocols.seed
    seeds = [seed + repeat for repeat in range(protocols.repeats if full else 1)]
    return {
        "grouped": [grouped_folds(groups, k, s) for s in seeds],
        "random": [random_folds(len(records), k, s) for s in seeds] if full else [],
    }


def out_of_fold(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    fold: NDArray[np.int64],
    fit: Fit,
    work: Counter,
) -> OutOfFold:
    """Predict every path by a model that has not seen its fold."""
    barrier, spread = np.empty(len(y)), np.empty(len(y))
    for k in range(int(fold.max()) + 1):
        test = fold == k
        barrier[test], spread[test] = fit(x[~test], y[~test]).predict(x[test])
        work.step()
    return OutOfFold(barrier, spread, fold)


def validate(
    records: Sequence[BandRecord],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    fit: Fit,
    protocols: Protocols,
    full: bool,
    work: Counter,
) -> tuple[dict[str, Any], list[OutOfFold]]:
    """Cross-validate a model.

    Returns
    -------
    scores : dict
        By protocol, and the effect of other cells; empty unless `full`.
    unseen : list of OutOfFold
        Of the grouped protocol, to calibrate intervals on.
    """
    folds = all_folds(records, protocols, full)
    rounds = [fold for found in folds.values() for fold in found]
    cells = folds["grouped"][:1] if full else []
    work.total = sum(int(fold.max()) + 1 for fold in rounds + cells)
    unseen = {
        name: [out_of_fold(x, y, fold, fit, work) for fold in found]
        for name, found in folds.items()
    }
    if not full:
        return {}, unseen["grouped"]
    scores: dict[str, Any] = {name: mean_scores(y, found) for name, found in unseen.items()}
    scores["cells"] = cell_changes([r.band for r in records], x, y, cells[0], fit, work)
    return scores, unseen["grouped"]


def provenance(records: Sequence[BandRecord], seed: int, seconds: float) -> dict[str, Any]:
    """Say for a card what a model was trained on, with what, and where."""
    return {
        "data_sha256": data_hash(records),
        "paths": len(records),
        "seed": seed,
        "ions": sorted({r.band.ion for r in records}),
        "elements": sorted({s for r in records for s in r.band.host.symbol_set}),
        "descriptors": list(descriptor_names()),
        "versions": versions("numpy", "scikit-learn", "pymatgen"),
        "wall_time_s": round(seconds, 1),
        "hardware": f"{processor()}, one used",
    }


# ------------------------------------------------------------------ intervals and scores


def calibrate(y: NDArray[np.float64], unseen: Sequence[OutOfFold]) -> Calibration:
    """Take the ends of the interval from all residuals out of fold."""
    barrier = np.concatenate([u.barrier for u in unseen])
    spread = np.concatenate([u.spread for u in unseen])
    return _conformal(np.tile(y, len(unseen)), barrier, spread, len(y))


def _conformal(
    y: NDArray[np.float64], barrier: NDArray[np.float64], spread: NDArray[np.float64], n: int
) -> Calibration:
    """Split-conformal ends with equal tails; `n` is the number of different paths."""
    floor = FLOOR * float(np.median(spread))
    residual = (np.sqrt(y) - np.sqrt(barrier)) / (floor + spread)
    tail = (1 - INTERVAL_LEVEL) / 2
    upper = min(np.ceil((n + 1) * (1 - tail)) / n, 1.0)
    low, high = np.quantile(residual, [1 - upper, upper])
    return Calibration(floor, float(low), float(high))


def coverage(y: NDArray[np.float64], unseen: Sequence[OutOfFold]) -> dict[str, Any]:
    """Coverage and width of the intervals; a fold's residuals never calibrate its own intervals."""
    inside, widths, levels, truths = [], [], [], []
    for found in unseen:
        for k in range(int(found.fold.max()) + 1):
            test = found.fold == k
            calibration = _conformal(
                y[~test], found.barrier[~test], found.spread[~test], int((~test).sum())
            )
            low, high = calibration.interval(found.barrier[test], found.spread[test])
            inside.append((low <= y[test]) & (y[test] <= high))
            widths.append(high - low)
            levels.append(found.barrier[test])
            truths.append(y[test])
    hit, width, level, truth = (np.concatenate(p) for p in (inside, widths, levels, truths))
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


# ------------------------------------------------------------------ other cells


def cell_changes(
    bands: Sequence[Band],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    fold: NDArray[np.int64],
    fit: Fit,
    work: Counter,
) -> dict[str, dict[str, float]]:
    """How far (meV) the barriers of paths move in other cells of the same crystal.

    Each path is predicted by a model that has not seen it: one that has would say its barrier
    from memory in any cell.
    """
    variants: dict[str, Callable[[Band], Band]] = {
        "equivalent": equivalent_cell,
        "doubled": partial(doubled_cell, copy="perfect"),
        "doubled_with_copied_ion": partial(doubled_cell, copy="same"),
        "doubled_host_alone": partial(doubled_cell, copy="host"),
    }
    seen = {name: descriptor_matrix(map(cell, bands)) for name, cell in variants.items()}
    moved = {name: np.empty(len(y)) for name in variants}
    for k in range(int(fold.max()) + 1):
        test = fold == k
        model = fit(x[~test], y[~test])
        plain = model.predict(x[test])[0]
        for name, other in seen.items():
            moved[name][test] = np.abs(model.predict(other[test])[0] - plain) * 1000
        work.step()
    return {
        name: {
            "p95_mev": round(float(np.quantile(change, 0.95)), 2),
            "max_mev": round(float(change.max()), 2),
        }
        for name, change in moved.items()
    }
