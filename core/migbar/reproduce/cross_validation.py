"""The table of cross-validated models, made again from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.datasets import BandRecord, PublishedPath
from migbar.evaluation import held_out
from migbar.progress import SILENT, Progress
from migbar.training.blend import BlendSettings, fit_blend
from migbar.training.relaxed import RelaxedPaths, fit_with_relaxed, published_barriers
from migbar.training.unseen import OutOfFold, coverage, mean_of_scores
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

WITH_MACE = "migbar-fast with MACE-NEB"


@dataclass(frozen=True, slots=True)
class Row:
    """Scores of one model under one protocol, means over the repeats; ± are bootstrap errors.

    Attributes
    ----------
    model, protocol : str
    n : int
        Number of paths.
    mae_ev, median_ev, r2, accuracy : float
        Mean and median absolute error, coefficient of determination, accuracy at 0.65 eV.
    mae_se_ev, median_se_ev, r2_se, accuracy_se : float
    coverage : float or None
        Fraction of paths inside their 90 % interval; None for what gives no intervals.
    coverage_by_predicted_third, coverage_by_true_third : list of float or None
    mean_width_ev, median_width_ev : float or None
    """

    model: str
    protocol: str
    n: int
    mae_ev: float
    mae_se_ev: float
    median_ev: float
    median_se_ev: float
    r2: float
    r2_se: float
    accuracy: float
    accuracy_se: float
    coverage: float | None = None
    coverage_by_predicted_third: list[float] | None = None
    coverage_by_true_third: list[float] | None = None
    mean_width_ev: float | None = None
    median_width_ev: float | None = None


def cross_validation_table(
    records: Sequence[BandRecord],
    published: Mapping[str, PublishedPath] | None = None,
    seed: int = 123,
    settings: BlendSettings | None = None,
    protocols: Protocols = PROTOCOLS,
    progress: Progress = SILENT,
) -> list[Row]:
    """Cross-validate ``migbar-fast``, ``band-forest`` and the mean of the class on the same folds.

    Where relaxed MACE-NEB barriers are given, so is ``migbar-fast`` with their help, on the paths that have one.

    Parameters
    ----------
    records : sequence of BandRecord
        Those without a known barrier are left out.
    published : mapping, optional
        Published MACE-NEB barriers by ``sys_name``, to stand beside; blanks do not count.
    seed : int
    settings : BlendSettings, optional
    protocols : Protocols
    progress : Progress

    Raises
    ------
    BandsFileError
        If there are too few paths with a barrier.
    """
    known = known_records(records)
    x, y = described(known, progress), targets(known)
    folds = all_folds(known, protocols)
    settings = settings or BlendSettings()
    relaxed = published_barriers(published or {})
    paths = RelaxedPaths.of(known, relaxed) if relaxed else None
    total = sum(int(fold.max()) + 1 for found in folds.values() for fold in found)
    work = Counter(progress, "Cross-validating", total if paths is None else 2 * total)
    rows = []
    for protocol, found in folds.items():
        unseen = [_members(x, y, fold, seed, settings, work) for fold in found]
        blends, forests = zip(*unseen, strict=True)
        rows.append(_row("migbar-fast", protocol, y, blends))
        if paths is not None:
            helped = [_with_relaxed(x, y, paths, fold, seed, settings, work) for fold in found]
            rows.append(_row(WITH_MACE, protocol, y[paths.row], helped))
        rows.append(_row("band-forest", protocol, y, forests))
        classes = [_class_means(known, y, fold) for fold in found]
        rows.append(Row("mean of the class", protocol, len(y), **_columns(y, classes)))
        rows += _published_rows(known, y, published or {}, protocol)
    return rows


def _members(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    fold: NDArray[np.int64],
    seed: int,
    settings: BlendSettings,
    work: Counter,
) -> tuple[OutOfFold, OutOfFold]:
    """Predict by the blend and by its trees alone, which are those of ``band-forest``."""
    blend, forest = np.empty((2, len(y))), np.empty((2, len(y)))
    for test in held_out(fold):
        model = fit_blend(x[~test], y[~test], seed, settings)
        blend[:, test] = model.predict(x[test])
        forest[:, test] = model.trees.predict(x[test])
        work.step()
    return OutOfFold(blend[0], blend[1], fold), OutOfFold(forest[0], forest[1], fold)


def _with_relaxed(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    paths: RelaxedPaths,
    fold: NDArray[np.int64],
    seed: int,
    settings: BlendSettings,
    work: Counter,
) -> OutOfFold:
    """Predict with relaxed barriers, on the same folds without the paths that have none."""
    fit = partial(fit_with_relaxed, seed=seed, settings=settings)
    return out_of_fold(paths.inputs(x), y[paths.row], fold[paths.row], fit, work)


def _class_means(
    records: Sequence[BandRecord], y: NDArray[np.float64], fold: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Predict the mean of the other folds' paths of the class, or of all where there are none."""
    family = np.array([record.family for record in records])
    means = np.empty(len(y))
    for i in range(len(y)):
        others = fold != fold[i]
        alike = others & (family == family[i])
        means[i] = y[alike if alike.any() else others].mean()
    return means


def _row(model: str, protocol: str, y: NDArray[np.float64], unseen: Sequence[OutOfFold]) -> Row:
    columns = _columns(y, [found.barrier for found in unseen])
    return Row(model, protocol, len(y), **columns, **coverage(y, unseen))


def _columns(y: NDArray[np.float64], predictions: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    left_out = ("rmse_ev", "rmse_se_ev", "threshold_ev")
    return {k: v for k, v in mean_of_scores(y, predictions).items() if k not in left_out}


def _published_rows(
    records: Sequence[BandRecord],
    y: NDArray[np.float64],
    published: Mapping[str, PublishedPath],
    protocol: str,
) -> list[Row]:
    rows = []
    for name, column in (
        ("MACE-NEB, ends relaxed (published)", "mace_neb_relax_ev"),
        ("MACE-NEB, ends not relaxed (published)", "mace_neb_no_relax_ev"),
    ):
        pairs = [
            (target, getattr(published[record.sys_name], column))
            for record, target in zip(records, y, strict=True)
            if record.sys_name in published
        ]
        given = np.array([pair for pair in pairs if pair[1] is not None], float)
        if len(given):
            columns = _columns(given[:, 0], [given[:, 1]])
            rows.append(Row(name, protocol, len(given), **columns))
    return rows


def as_markdown(rows: Sequence[Row]) -> str:
    """Write the table for people, a block for each protocol."""
    lines = []
    for protocol in dict.fromkeys(row.protocol for row in rows):
        lines += [
            f"## {protocol.capitalize()} cross-validation",
            "",
            "| model | paths | MAE (eV) | median (eV) | R² "
            f"| accuracy at {GOOD_CONDUCTOR_EV} eV | coverage (by predicted third) | mean width (eV) |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *(_line(row) for row in rows if row.protocol == protocol),
            "",
        ]
    return "\n".join(lines)


def _line(row: Row) -> str:
    if row.coverage is None or row.coverage_by_predicted_third is None:
        interval, width = "–", "–"
    else:
        thirds = ", ".join(f"{part:.2f}" for part in row.coverage_by_predicted_third)
        interval, width = f"{row.coverage:.3f} ({thirds})", f"{row.mean_width_ev:.2f}"
    cells = (
        row.model,
        str(row.n),
        f"{row.mae_ev:.3f} ± {row.mae_se_ev:.3f}",
        f"{row.median_ev:.3f} ± {row.median_se_ev:.3f}",
        f"{row.r2:.2f} ± {row.r2_se:.2f}",
        f"{row.accuracy:.3f} ± {row.accuracy_se:.3f}",
        interval,
        width,
    )
    return f"| {' | '.join(cells)} |"
