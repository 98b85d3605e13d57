"""Cross-validation of models on band descriptors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.datasets import BandRecord, data_hash
from migbar.descriptors import descriptor_matrix, descriptor_names
from migbar.errors import BandsFileError
from migbar.evaluation import grouped_folds, held_out, random_folds
from migbar.models.intervals import INTERVAL_LEVEL
from migbar.progress import Progress, check_cancelled, reported
from migbar.training.cells import doubled_cell, equivalent_cell
from migbar.training.machine import processor, versions
from migbar.training.unseen import OutOfFold, mean_scores

MIN_PATHS = 20


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
    for test in held_out(fold):
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
    for test in held_out(fold):
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
