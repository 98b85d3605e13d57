"""Training of ``band-forest``: extremely randomised trees on band descriptors."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.barriers import GOOD_CONDUCTOR_EV, ModelCard
from migbar.datasets import BandRecord, data_hash
from migbar.descriptors import descriptor_matrix, descriptor_names
from migbar.errors import BandsFileError
from migbar.evaluation import grouped_folds, random_folds, score
from migbar.models.forest import INTERVAL_LEVEL, LEAF, BandForest, Calibration, Domain, Trees
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.training.cells import doubled_cell, equivalent_cell

VERSION = "1"
MIN_PATHS = 20

FLOOR = 0.3
"""Least width of an interval's arm in units of the median spread of the trees.

Chosen so that every third of the predicted barriers is covered alike in grouped cross-validation.
"""

_GRID = 1e-3
# Thresholds lie this far above a grid point: off the grid on which training values are rounded and
# off round numbers, so that noise in the last digits of a structure does not send it another way.
_OFF_GRID = 0.37e-3


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """Settings of the ensemble, selected by cross-validation on the published training paths.

    Attributes
    ----------
    trees : int
    power : float
        Trees are grown on the barrier to this power, so that the few large ones do not rule the splits.
    features : float
        Fraction of the descriptors tried at a split.
    folds, repeats : int
        Of the cross-validation; groups are split `folds`-fold once for each repeat too.
    """

    trees: int = 250
    power: float = 0.25
    features: float = 0.4
    folds: int = 10
    repeats: int = 5


@dataclass(frozen=True, slots=True)
class _OutOfFold:
    """Predictions for paths that a model has not seen: barriers (eV), spreads (√eV), folds."""

    barrier: NDArray[np.float64]
    spread: NDArray[np.float64]
    fold: NDArray[np.int64]


def train_band_forest(
    records: Sequence[BandRecord],
    seed: int = 123,
    progress: Progress = SILENT,
    cross_validate: bool = True,
    settings: ForestSettings | None = None,
) -> BandForest:
    """Train the tree ensemble on bands with known barriers.

    The intervals are calibrated on residuals out of fold, with whole groups held out. Same records (in
    any order), seed and library versions give the same weights bit for bit.

    Parameters
    ----------
    records : sequence of BandRecord
        Those without a known barrier are left out.
    seed : int
    progress : Progress
    cross_validate : bool
        Whether to put cross-validated scores and the effect of other cells on the card.
    settings : ForestSettings, optional

    Raises
    ------
    BandsFileError
        If there are too few paths with a barrier.
    """
    settings = settings or ForestSettings()
    started = time.monotonic()
    known = sorted((r for r in records if r.target_ev is not None), key=lambda r: r.sys_name)
    groups = [record.group for record in known]
    if len(known) < MIN_PATHS or len(set(groups)) < 5:
        raise BandsFileError(
            "training data",
            [
                f"{len(known)} paths with a barrier in {len(set(groups))} groups of framework and "
                f"ion; at least {MIN_PATHS} paths in 5 groups are needed"
            ],
        )
    y = np.array([record.target_ev for record in known], float)
    x = _described(known, progress)
    rounds = list(_rounds(groups, seed, settings, cross_validate))
    steps = [int(fold.max()) + 1 for _, fold in rounds]
    work = _Counter(progress, sum(steps) + 1 + (steps[0] if cross_validate else 0))
    unseen: dict[str, list[_OutOfFold]] = {"grouped": [], "random": []}
    for name, fold in rounds:
        unseen[name].append(_out_of_fold(x, y, fold, seed, settings, work))
    trees = grow(x, y, seed, settings)
    work.step()
    scores: dict[str, Any] = {name: _scores(y, found) for name, found in unseen.items() if found}
    if cross_validate:
        bands = [record.band for record in known]
        scores["cells"] = _cell_changes(bands, x, y, rounds[0][1], seed, settings, work)
    model = BandForest(
        card=ModelCard("band-forest", VERSION, "", scores=scores),
        trees=trees,
        calibration=_calibrate(y, unseen["grouped"]),
        domain=_domain(x),
    )
    model.card = _card(model, known, seed, settings, time.monotonic() - started)
    return model


class _Counter:
    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, int(total), 0

    def step(self) -> None:
        check_cancelled(self.progress)
        self.done += 1
        self.progress.report(self.done, self.total, "Growing trees")


def _described(records: Sequence[BandRecord], progress: Progress) -> NDArray[np.float64]:
    rows = []
    for done, record in enumerate(records):
        check_cancelled(progress)
        progress.report(done, len(records), "Describing paths")
        rows.append(descriptor_matrix([record.band])[0])
    return np.array(rows)


def _rounds(
    groups: Sequence[tuple[str, str]], seed: int, settings: ForestSettings, cross_validate: bool
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Give the folds of every round of cross-validation; grouped ones calibrate, so come always."""
    repeats = settings.repeats if cross_validate else 1
    k = min(settings.folds, len(set(groups)))
    for repeat in range(repeats):
        yield "grouped", grouped_folds(groups, k, seed + repeat)
    for repeat in range(repeats if cross_validate else 0):
        yield "random", random_folds(len(groups), k, seed + repeat)


def grow(
    x: NDArray[np.float64], y: NDArray[np.float64], seed: int, settings: ForestSettings
) -> Trees:
    """Grow the trees down to single paths.

    Parameters
    ----------
    x : ndarray, shape (n, n_descriptors)
    y : ndarray, shape (n,)
        Barriers in eV.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    rounded = np.round(x / _GRID) * _GRID
    grown = ExtraTreesRegressor(
        settings.trees, max_features=settings.features, random_state=seed
    ).fit(rounded, y**settings.power)
    parts = [_tree_arrays(tree.tree_, settings.power) for tree in grown.estimators_]
    feature, threshold, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    sizes = [len(part[0]) for part in parts]
    return Trees(
        roots=np.cumsum([0, *sizes[:-1]]).astype(np.int32),
        feature=feature,
        threshold=threshold,
        right=right,
    )


def _tree_arrays(tree: Any, power: float) -> tuple[NDArray[Any], ...]:
    """Return feature, threshold (for leaves √barrier) and steps to the right child of each node."""
    leaf = tree.children_left < 0
    node = np.arange(tree.node_count)
    if not np.array_equal(tree.children_left[~leaf], node[~leaf] + 1):
        raise RuntimeError("scikit-learn no longer stores trees depth first")
    threshold = np.floor(tree.threshold / _GRID) * _GRID + _OFF_GRID
    root = np.maximum(tree.value[:, 0, 0], 0.0) ** (0.5 / power)
    return (
        np.where(leaf, LEAF, tree.feature).astype(np.int16),
        np.where(leaf, root, threshold).astype(np.float32),
        np.where(leaf, 0, tree.children_right - node).astype(np.int16),
    )


def _out_of_fold(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    fold: NDArray[np.int64],
    seed: int,
    settings: ForestSettings,
    work: _Counter,
) -> _OutOfFold:
    barrier, spread = np.empty(len(y)), np.empty(len(y))
    for k in range(int(fold.max()) + 1):
        test = fold == k
        barrier[test], spread[test] = grow(x[~test], y[~test], seed, settings).predict(x[test])
        work.step()
    return _OutOfFold(barrier, spread, fold)


# ------------------------------------------------------------------ intervals and domain


def _calibrate(y: NDArray[np.float64], unseen: Sequence[_OutOfFold]) -> Calibration:
    """Take the ends of the interval from all residuals out of fold."""
    y = np.tile(y, len(unseen))
    barrier = np.concatenate([u.barrier for u in unseen])
    spread = np.concatenate([u.spread for u in unseen])
    return _conformal(y, barrier, spread, len(y) // len(unseen))


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


def _coverage(y: NDArray[np.float64], unseen: Sequence[_OutOfFold]) -> dict[str, Any]:
    """Coverage and width of the intervals; a fold's residuals never calibrate its own intervals."""
    inside, widths, levels = [], [], []
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
    hit, width, level = (np.concatenate(part) for part in (inside, widths, levels))
    third = np.searchsorted(np.quantile(level, [1 / 3, 2 / 3]), level)
    return {
        "coverage": _rounded(hit.mean()),
        "coverage_by_predicted_third": [_rounded(hit[third == k].mean()) for k in range(3)],
        "mean_width_ev": _rounded(width.mean()),
        "median_width_ev": _rounded(np.median(width)),
    }


def _scores(y: NDArray[np.float64], unseen: Sequence[_OutOfFold]) -> dict[str, Any]:
    """Mean over the repeats of every score and of its bootstrap error."""
    rounds = [asdict(score(y, found.barrier, GOOD_CONDUCTOR_EV)) for found in unseen]
    means = {key: _rounded(np.mean([r[key] for r in rounds])) for key in rounds[0] if key != "n"}
    return {
        "n": len(y),
        "folds": int(unseen[0].fold.max()) + 1,
        "repeats": len(unseen),
        **means,
        **_coverage(y, unseen),
    }


def _rounded(value: Any) -> float:
    return round(float(value), 4)


def _domain(x: NDArray[np.float64]) -> Domain:
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-6] = 1.0
    domain = Domain(
        mean.astype(np.float32),
        scale.astype(np.float32),
        ((x - mean) / scale).astype(np.float32),
        0.0,
    )
    between = domain.distances(x)
    np.fill_diagonal(between, np.inf)
    reach = float(np.quantile(between.min(axis=1), 0.975))
    return Domain(domain.mean, domain.scale, domain.known, reach)


# ------------------------------------------------------------------ other cells


def _cell_changes(
    bands: Sequence[Band],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    fold: NDArray[np.int64],
    seed: int,
    settings: ForestSettings,
    work: _Counter,
) -> dict[str, dict[str, float]]:
    """How far (meV) the barriers of paths move in other cells of the same crystal.

    Each path is predicted by trees that have not seen it: those that have would say its barrier
    from memory in any cell.
    """
    variants: dict[str, Callable[[Band], Band]] = {
        "equivalent": equivalent_cell,
        "doubled": partial(doubled_cell, copy="perfect"),
        "doubled_with_copied_ion": partial(doubled_cell, copy="same"),
        "doubled_host_alone": partial(doubled_cell, copy="host"),
    }
    described = {name: descriptor_matrix(map(cell, bands)) for name, cell in variants.items()}
    moved = {name: np.empty(len(y)) for name in variants}
    for k in range(int(fold.max()) + 1):
        test = fold == k
        trees = grow(x[~test], y[~test], seed, settings)
        plain = trees.predict(x[test])[0]
        for name, other in described.items():
            moved[name][test] = np.abs(trees.predict(other[test])[0] - plain) * 1000
        work.step()
    return {
        name: {
            "p95_mev": round(float(np.quantile(change, 0.95)), 2),
            "max_mev": round(float(change.max()), 2),
        }
        for name, change in moved.items()
    }


# ------------------------------------------------------------------ card


def _card(
    model: BandForest,
    records: Sequence[BandRecord],
    seed: int,
    settings: ForestSettings,
    seconds: float,
) -> ModelCard:
    elements = {s for r in records for s in r.band.host.symbol_set}
    return ModelCard(
        name=model.card.name,
        version=model.card.version,
        summary=(
            "Extremely randomised trees on band descriptors: geometry, bond valences and "
            "electrostatics of the straight path, and the chemistry around it. Instant; no potential."
        ),
        training={
            "recipe": "band-forest",
            "data_sha256": data_hash(records),
            "paths": len(records),
            "seed": seed,
            "settings": asdict(settings),
            "ions": sorted({r.band.ion for r in records}),
            "elements": sorted(elements),
            "descriptors": list(descriptor_names()),
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "scikit-learn", "pymatgen")},
            },
            "wall_time_s": round(seconds, 1),
            "hardware": f"{os.cpu_count()} CPU cores ({platform.machine()}), one used",
        },
        scores=model.card.scores,
        notes=[
            "A predicted barrier has no direction; the larger of forward and reverse is meant.",
            "Barriers above 2 eV are rare in the training data and come out too low.",
            f"Intervals hold {INTERVAL_LEVEL:.0%} of paths of unseen materials, not of any one class.",
        ],
    )
