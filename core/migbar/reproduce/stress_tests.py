"""Stress tests: whole ions, structural classes and structure types held out. They select nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Composition

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.datasets import BandRecord
from migbar.evaluation import grouped_folds, held_out, score
from migbar.progress import SILENT, Progress
from migbar.training.blend import BlendSettings, fit_blend
from migbar.training.unseen import calibrate, rounded
from migbar.training.validation import (
    PROTOCOLS,
    Counter,
    Protocols,
    all_folds,
    described,
    known_records,
    out_of_fold,
    targets,
)

FEWEST = 5
"""Classes with fewer paths are held out, too, but their rows are put together."""

OTHERS = "(all smaller classes)"
ALL = "(all)"
RELATED = "(of several frameworks)"
ALONE = "(of one framework)"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of ``migbar-fast`` on all paths of an ion, a class or structure types that it was trained without.

    Attributes
    ----------
    test : {"ion", "class", "structure type"}
    held_out : str
    n : int
        Number of paths.
    mae_ev, mae_se_ev, median_ev, bias_ev : float
        Mean and median absolute error, and mean error (predicted minus known).
    accuracy : float
        At 0.65 eV.
    coverage : float
        Fraction inside the 90 % interval, which is calibrated on other paths.
    grouped_mae_ev : float
        For the same paths where only their frameworks are held out.
    """

    test: str
    held_out: str
    n: int
    mae_ev: float
    mae_se_ev: float
    median_ev: float
    bias_ev: float
    accuracy: float
    coverage: float
    grouped_mae_ev: float


def stress_tests(
    records: Sequence[BandRecord],
    seed: int = 123,
    settings: BlendSettings | None = None,
    protocols: Protocols = PROTOCOLS,
    progress: Progress = SILENT,
) -> list[HeldOut]:
    """Hold out every ion, every structural class, and every structure type with its ion, in turn.

    Structure types are held out some at a time, in as many folds as the grouped cross-validation has.

    Parameters
    ----------
    records : sequence of BandRecord
        Those without a known barrier are left out.
    seed : int
    settings : BlendSettings, optional
    protocols : Protocols
        Of the grouped cross-validation that stands beside.
    progress : Progress

    Returns
    -------
    list of HeldOut
        All ions, all classes, and structure types of several frameworks and of one, each after the row of
        all paths together.

    Raises
    ------
    BandsFileError
        If there are too few paths with a barrier.
    """
    known = known_records(records)
    x, y = described(known, progress), targets(known)
    ions = np.array([record.band.ion for record in known])
    classes = np.array([record.family or "(none)" for record in known])
    types = [structure_type(record) for record in known]
    tests = {
        "ion": (_numbers(ions), _shown(ions)),
        "class": (_numbers(classes), _shown(_without_small(classes))),
        "structure type": (grouped_folds(types, protocols.folds, seed), _by_relatives(known)),
    }
    fold = all_folds(known, protocols, full=False)["grouped"][0]
    total = int(fold.max()) + 1 + sum(int(number.max()) + 1 for number, _ in tests.values())
    work = Counter(progress, "Holding out ions, classes and structure types", total)
    fit = partial(fit_blend, seed=seed, settings=settings or BlendSettings())
    grouped = out_of_fold(x, y, fold, fit, work)
    rows = []
    for test, (number, shown) in tests.items():
        unseen = out_of_fold(x, y, number, fit, work)
        inside = np.empty(len(y), bool)
        for held in held_out(number):
            calibration = calibrate(y[~held], [grouped.chosen(~held)])
            low, high = calibration.interval(unseen.barrier[held], unseen.spread[held])
            inside[held] = (low <= y[held]) & (y[held] <= high)
        for name, chosen in shown.items():
            rows.append(_row(test, name, y, unseen.barrier, grouped.barrier, inside, chosen))
    return rows


def structure_type(record: BandRecord) -> tuple[str, str, str]:
    """Return what close relatives share: the framework's formula without its elements, the class, and the ion.

    MgEr2S4 and MgTm2S4 are two frameworks of one type: knowing the one is nearly knowing the other.
    """
    framework, ion = record.group
    return Composition(framework).anonymized_formula, record.family, ion


def _by_relatives(records: Sequence[BandRecord]) -> dict[str, NDArray[np.bool_]]:
    frameworks: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for record in records:
        frameworks.setdefault(structure_type(record), set()).add(record.group)
    related = np.array([len(frameworks[structure_type(record)]) > 1 for record in records])
    rows = {ALL: np.ones(len(records), bool), RELATED: related, ALONE: ~related}
    return {name: chosen for name, chosen in rows.items() if chosen.any()}


def _numbers(names: NDArray[np.str_]) -> NDArray[np.int64]:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _without_small(names: NDArray[np.str_]) -> NDArray[np.str_]:
    few = [name for name in set(names) if (names == name).sum() < FEWEST]
    return np.where(np.isin(names, few), OTHERS, names)


def _shown(names: NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    """Return which paths each row of the table is about, the largest first."""
    order = sorted(set(names), key=lambda name: (name == OTHERS, -(names == name).sum(), name))
    return {ALL: np.ones(len(names), bool)} | {str(name): names == name for name in order}


def _row(
    test: str,
    name: str,
    y: NDArray[np.float64],
    unseen: NDArray[np.float64],
    grouped: NDArray[np.float64],
    inside: NDArray[np.bool_],
    chosen: NDArray[np.bool_],
) -> HeldOut:
    scores = score(y[chosen], unseen[chosen], GOOD_CONDUCTOR_EV)
    return HeldOut(
        test=test,
        held_out=name,
        n=scores.n,
        mae_ev=rounded(scores.mae_ev),
        mae_se_ev=rounded(scores.mae_se_ev),
        median_ev=rounded(scores.median_ev),
        bias_ev=rounded((unseen - y)[chosen].mean()),
        accuracy=rounded(scores.accuracy),
        coverage=rounded(inside[chosen].mean()),
        grouped_mae_ev=rounded(np.abs(grouped - y)[chosen].mean()),
    )


def as_markdown(rows: Sequence[HeldOut]) -> str:
    """Write the table for people, a block for each test."""
    lines = []
    for test in dict.fromkeys(row.test for row in rows):
        lines += [
            f"## Each {test} held out in turn",
            "",
            f"| {test} | paths | MAE (eV) | median (eV) | mean error (eV) | accuracy at "
            f"{GOOD_CONDUCTOR_EV} eV | coverage | MAE with only frameworks held out (eV) |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *(_line(row) for row in rows if row.test == test),
            "",
        ]
    return "\n".join(lines)


def _line(row: HeldOut) -> str:
    return (
        f"| {row.held_out} | {row.n} | {row.mae_ev:.3f} ± {row.mae_se_ev:.3f} | {row.median_ev:.3f} "
        f"| {row.bias_ev:+.3f} | {row.accuracy:.2f} | {row.coverage:.2f} | {row.grouped_mae_ev:.3f} |"
    )
