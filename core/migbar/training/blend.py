"""Training of ``migbar-fast``: trees and a Gaussian process on band descriptors."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import ModelCard
from migbar.datasets import BandRecord
from migbar.models.blend import Blend, MigbarFast
from migbar.models.explanation import KnownPath
from migbar.models.process import NormalScores, Process, covariance
from migbar.models.relaxed import RelaxedBarrier
from migbar.progress import SILENT, Progress
from migbar.training.forest import ForestSettings, grow
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

VERSION = "3"

KNOTS = 200
HIGHEST_DEVIATE = 2.5
"""Normal deviates are cut off here, so that no single odd path stands far out."""

BLUR = 0.02
"""Where many paths share a value (a difference of two like ends), noise in its last digits must not
decide on the rank."""

LICENCE = (
    "The names, classes, path labels and DFT-NEB barriers of known paths come from the published "
    "training data, MIT licence, © 2023 Simulations and Informatics of Materials Group."
)


@dataclass(frozen=True, slots=True)
class BlendSettings:
    """Settings, selected by cross-validation on the published training paths.

    Attributes
    ----------
    forest : ForestSettings
    length : float
        Length scale of the Matérn kernel in root mean square normal scores.
    noise : float
        Variance of the noise over that of the process.
    power : float
        The process is fitted to the barrier to this power.
    other_ions : float
        How much paths of other ions count for it beside those of the same one.
    share : float
        Weight of the process in the blend.
    """

    forest: ForestSettings = field(default_factory=ForestSettings)
    length: float = 1.2
    noise: float = 0.02
    power: float = 0.25
    other_ions: float = 0.8
    share: float = 0.6


def train_migbar_fast(
    records: Sequence[BandRecord],
    labels: Mapping[str, str] | None = None,
    seed: int = 123,
    progress: Progress = SILENT,
    cross_validate: bool = True,
    settings: BlendSettings | None = None,
    protocols: Protocols = PROTOCOLS,
    relaxed: Mapping[str, RelaxedBarrier] | None = None,
) -> MigbarFast:
    """Train the blend on bands with known barriers.

    The intervals are calibrated on residuals out of fold, with whole groups held out. Same records (in
    any order), seed and library versions give the same weights.

    Parameters
    ----------
    records : sequence of BandRecord
        Those without a known barrier are left out.
    labels : mapping, optional
        Which path of its crystal a record is, by ``sys_name``.
    seed : int
    progress : Progress
    cross_validate : bool
        Whether to put cross-validated scores and the effect of other cells on the card.
    settings : BlendSettings, optional
    protocols : Protocols
        Of the cross-validation, and of the calibration.
    relaxed : mapping, optional
        Barriers of relaxed bands by ``sys_name``, all of one kind: the model then learns to take them, too.

    Raises
    ------
    BandsFileError
        If there are too few paths with a barrier.
    """
    settings = settings or BlendSettings()
    started = time.monotonic()
    known = known_records(records)
    x, y = described(known, progress), targets(known)
    fit = partial(fit_blend, seed=seed, settings=settings)
    work = Counter(progress, "Training migbar-fast")
    scores, unseen = validate(known, x, y, fit, protocols, cross_validate, work)
    with_relaxed, about = None, {}
    if relaxed:
        from migbar.training.relaxed import RelaxedPaths, train_with_relaxed

        paths = RelaxedPaths.of(known, relaxed)
        work = Counter(progress, "Training with relaxed barriers")
        with_relaxed, more = train_with_relaxed(
            known, x, y, paths, seed, settings, protocols, cross_validate, work
        )
        scores |= {f"{name}_with_relaxed": found for name, found in more.items()}
        left_out = len(known) - len(paths.row)
        about = {"relaxed": asdict(paths.kind) | {"paths": len(paths.row), "left_out": left_out}}
    blend = fit(x, y)
    card = ModelCard(
        name="migbar-fast",
        version=VERSION,
        summary=(
            "Weighted mean of extremely randomised trees and a Gaussian process on band descriptors: geometry, "
            "bond valences, electrostatics and the bond-valence site energy across the channel. "
            "No potential."
        ),
        training={
            "recipe": "migbar-fast",
            "settings": asdict(settings),
            **about,
            **provenance(known, seed, time.monotonic() - started),
        },
        scores=scores,
        notes=[*NOTES, LICENCE],
    )
    return MigbarFast(
        card,
        blend,
        calibrate(y, unseen),
        reach(blend, x, [record.group for record in known]),
        _known_paths(known, labels or {}),
        with_relaxed,
    )


def fit_blend(
    x: NDArray[np.float64], y: NDArray[np.float64], seed: int, settings: BlendSettings
) -> Blend:
    """Fit both members.

    Parameters
    ----------
    x : ndarray, shape (n, n_descriptors)
    y : ndarray, shape (n,)
        Barriers in eV.
    """
    trees, process = grow(x, y, seed, settings.forest), fit_process(x, y, settings)
    return Blend(trees, process, settings.share)


def fit_process(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    settings: BlendSettings,
    weights: NDArray[np.float64] | None = None,
) -> Process:
    """Condition the Gaussian process on all paths.

    Parameters
    ----------
    x : ndarray, shape (n, n_columns)
    y : ndarray, shape (n,)
        Barriers in eV.
    settings : BlendSettings
    weights : ndarray, shape (n_columns,), optional
        How much a column counts in squared distances; all alike where not given.
    """
    scores = normal_scores(x)
    if weights is not None:
        scale = scores.scale / np.sqrt(weights)
        scores = replace(scores, scale=scale.astype(np.float32))
    support = scores(x).astype(np.float32)
    powers = y**settings.power
    offset = float(powers.mean())
    own = support.astype(np.float64)
    kernel = covariance(own, own, settings.length, settings.other_ions)
    kernel[np.diag_indices(len(y))] = 1.0 + settings.noise
    solved = np.asarray(np.linalg.solve(kernel, powers - offset), np.float64)
    constants = offset, settings.length, settings.power, settings.other_ions
    return Process(scores, support, solved, *constants)


def normal_scores(x: NDArray[np.float64]) -> NormalScores:
    """Learn the quantiles of every descriptor, each value blurred by `BLUR` standard deviations."""
    ranks = (np.arange(KNOTS) + 0.5) / KNOTS
    blur = np.maximum(BLUR * x.std(axis=0), 1e-6)
    blurred = x[:, None] + blur * _deviates(np.arange(0.05, 1.0, 0.1))[:, None]
    knots = np.quantile(blurred.reshape(-1, x.shape[1]), ranks, axis=0).astype(np.float32)
    cut = np.clip(_deviates(ranks), -HIGHEST_DEVIATE, HIGHEST_DEVIATE).astype(np.float32)
    none, one = (np.full(x.shape[1], v, np.float32) for v in (0.0, 1.0))
    raw = NormalScores(knots, cut, none, one).raw(x)
    scale = raw.std(axis=0)
    scale[scale < 1e-6] = 1.0
    return NormalScores(knots, cut, raw.mean(axis=0).astype(np.float32), scale.astype(np.float32))


def _deviates(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    normal = NormalDist()
    return np.array([normal.inv_cdf(rank) for rank in ranks])


def reach(blend: Blend, x: NDArray[np.float64], groups: Sequence[Hashable]) -> tuple[float, float]:
    """Percentiles of the distance to the nearest path of another framework; of one alone, to another path."""
    between = blend.process.distances(x)
    names = {group: k for k, group in enumerate(dict.fromkeys(groups))}
    group = np.array([names[g] for g in groups])
    alone = len(names) == 1
    between[np.eye(len(group), dtype=bool) if alone else group[:, None] == group] = np.inf
    usual, farthest = np.quantile(between.min(axis=1), [0.9, 0.975])
    return float(usual), float(farthest)


def _known_paths(records: Sequence[BandRecord], labels: Mapping[str, str]) -> list[KnownPath]:
    return [
        KnownPath(
            r.sys_name, r.family, r.band.ion, labels.get(r.sys_name, ""), float(r.target_ev or 0.0)
        )
        for r in records
    ]
