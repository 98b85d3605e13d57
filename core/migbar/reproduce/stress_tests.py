"""Stress tests: whole ions and whole structural classes held out. They select nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.datasets import BandRecord
from migbar.evaluation import score
from migbar.progress import SILENT, Progress
from migbar.training.blend import BlendSettings, fit_blend
from migbar.training.validation import (
    PROTOCOLS,
    Counter,
    OutOfFold,
    Protocols,
    all_folds,
    calibrate,
    described,
    known_records,
    out_of_fold,
    rounded,
    targets,
)

FEWEST = 5
"""Classes with fewer paths are held out, too, but their rows are put together."""

OTHERS = "(all smaller classes)"
ALL = "(all)"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of ``migbar-fast`` on all paths of an ion, or of a class, that it was trained without.

    Attributes
    ----------
    test : {"ion", "class"}
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
    """Hold out every ion, and every structural class, in turn.

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
        All ions, then all classes, each after the row of all paths together.

    Raises
    ------
    BandsFileError
        If there are too few paths with a barrier.
    """
    known = known_records(records)
    x, y = described(known, progress), targets(known)
    labels = {
        "ion": np.array([record.band.ion for record in known]),
        "class": np.array([record.family or "(none)" for record in known]),
    }
    fold = all_folds(known, protocols, full=False)["grouped"][0]
    total = int(fold.max()) + 1 + sum(len(set(names)) for names in labels.values())
    work = Counter(progress, "Holding out ions and classes", total)
    fit = partial(fit_blend, seed=seed, settings=settings or BlendSettings())
    grouped = out_of_fold(x, y, fold, fit, work)
    rows = []
    for test, names in labels.items():
        _, number = np.unique(names, return_inverse=True)
        unseen = out_of_fold(x, y, number.astype(np.int64), fit, work)
        inside = np.empty(len(y), bool)
        for k in range(number.max() + 1):
            held = number == k
            rest = _chosen(grouped, ~held)
            low, high = calibrate(y[~held], [rest]).interval(
                unseen.barrier[held], unseen.spread[held]
            )
            inside[held] = (low <= y[held]) & (y[held] <= high)
        for name, chosen in _shown(test, names).items():
            rows.append(_row(test, name, y, unseen.barrier, grouped.barrier, inside, chosen))
    return rows


def _chosen(unseen: OutOfFold, rows: NDArray[np.bool_]) -> OutOfFold:
    return OutOfFold(unseen.barrier[rows], unseen.spread[rows], unseen.fold[rows])


def _shown(test: str, names: NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    """Return which paths each row of the table is about, the largest first."""
    if test == "class":
        few = [name for name in set(names) if (names == name).sum() < FEWEST]
        names = np.where(np.isin(names, few), OTHERS, names)
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
