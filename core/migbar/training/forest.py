"""Training of ``band-forest``: extremely randomised trees on band descriptors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import ModelCard
from migbar.datasets import BandRecord
from migbar.models.forest import LEAF, BandForest, Trees
from migbar.models.nearness import Domain
from migbar.progress import SILENT, Progress
from migbar.training.unseen import calibrate
from migbar.training.validation import (
    NOTES,
    PROTOCOLS,
    Counter,
    Protocols,
    described,
    known_records,
    provenance,
    targets,
    validate,
)

VERSION = "4"

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
    """

    trees: int = 250
    power: float = 0.25
    features: float = 0.4


def train_band_forest(
    records: Sequence[BandRecord],
    seed: int = 123,
    progress: Progress = SILENT,
    cross_validate: bool = True,
    settings: ForestSettings | None = None,
    protocols: Protocols = PROTOCOLS,
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
    protocols : Protocols
        Of the cross-validation, and of the calibration.

    Raises
    ------
    BandsFileError
        If there are too few paths with a barrier.
    """
    settings = settings or ForestSettings()
    started = time.monotonic()
    known = known_records(records)
    x, y = described(known, progress), targets(known)
    fit = partial(grow, seed=seed, settings=settings)
    work = Counter(progress, "Growing trees")
    scores, unseen = validate(known, x, y, fit, protocols, cross_validate, work)
    card = ModelCard(
        name="band-forest",
        version=VERSION,
        summary=(
            "Extremely randomised trees on band descriptors: geometry, bond valences and "
            "electrostatics of the straight path, and the chemistry around it. Instant; no potential."
        ),
        training={
            "recipe": "band-forest",
            "settings": asdict(settings),
            **provenance(known, seed, time.monotonic() - started),
        },
        scores=scores,
        notes=list(NOTES),
    )
    return BandForest(card, fit(x, y), calibrate(y, unseen), Domain.of(x))


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
    feature, threshold, right, root, cover = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    sizes = [len(part[0]) for part in parts]
    return Trees(
        roots=np.cumsum([0, *sizes[:-1]]).astype(np.int32),
        feature=feature,
        threshold=threshold,
        right=right,
        root_barrier=root,
        cover=cover,
    )


def _tree_arrays(tree: Any, power: float) -> tuple[NDArray[Any], ...]:
    """Return feature, threshold, steps to the right child, √barrier and cover of each node."""
    leaf = tree.children_left < 0
    node = np.arange(tree.node_count)
    if not np.array_equal(tree.children_left[~leaf], node[~leaf] + 1):
        raise RuntimeError("scikit-learn no longer stores trees depth first")
    threshold = np.floor(tree.threshold / _GRID) * _GRID + _OFF_GRID
    root = np.maximum(tree.value[:, 0, 0], 0.0) ** (0.5 / power)
    return (
        np.where(leaf, LEAF, tree.feature).astype(np.int16),
        np.where(leaf, 0.0, threshold).astype(np.float32),
        np.where(leaf, 0, tree.children_right - node).astype(np.int16),
        root.astype(np.float32),
        tree.n_node_samples.astype(np.uint16),
    )
