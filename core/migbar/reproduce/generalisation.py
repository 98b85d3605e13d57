"""How quick models do with fewer paths, and on pathways, compositions and chemistries held out.

Source of the questions: Devi, Butler and Sai Gautam (2026), Fig. 3b, 3c and S5. The paper asks them of its test set;
here they are asked of the training paths, each predicted by a model that has not seen what is held out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.datasets import BandRecord
from migbar.errors import MigbarError
from migbar.evaluation import Scores, grouped_folds, score
from migbar.progress import SILENT, Progress
from migbar.training.blend import BlendSettings, fit_blend
from migbar.training.classical import feature_table, fit_classical
from migbar.training.forest import ForestSettings, grow
from migbar.training.validation import Counter, described, known_records, targets

Array = NDArray[np.float64]
Describe = Callable[[Sequence[BandRecord], Progress], Array]
FitPredict = Callable[[Array, Array, Array], Array]
"""Fits features and barriers (eV), and predicts for other features."""

SIZES = (100, 200, 400, 559)
SEED = 123

HELD_OUT_FOLDS = 5
"""What is held out in a scenario is shared out to so many models."""


@dataclass(frozen=True, slots=True)
class QuickModel:
    """A model that is fitted in seconds.

    Attributes
    ----------
    describe : callable
        Gives the features of paths.
    fit_predict : callable
    """

    describe: Describe
    fit_predict: FitPredict


def _trees(x: Array, y: Array, new: Array) -> Array:
    return grow(x, y, SEED, ForestSettings()).predict(new)[0]


def _blend(x: Array, y: Array, new: Array) -> Array:
    return fit_blend(x, y, SEED, BlendSettings()).predict(new)[0]


def _classical(kind: str, x: Array, y: Array, new: Array) -> Array:
    return fit_classical(kind, x, y).predict(new)


def _features(records: Sequence[BandRecord], progress: Progress) -> Array:
    return feature_table(records, progress=progress).values


QUICK = {
    "migbar-fast": QuickModel(described, _blend),
    "band-forest": QuickModel(described, _trees),
    "RFR": QuickModel(_features, partial(_classical, "RFR")),
    "GBR": QuickModel(_features, partial(_classical, "GBR")),
}


def quick_model(name: str) -> QuickModel:
    """Return the quick model of that name.

    Raises
    ------
    MigbarError
        If there is none.
    """
    if name not in QUICK:
        raise MigbarError(f"'{name}' is not fitted in seconds; choose of {', '.join(QUICK)}.")
    return QUICK[name]


@dataclass(frozen=True, slots=True)
class SizeScore:
    """Scores of a model trained on some of the paths.

    Attributes
    ----------
    size : int
        Paths trained on.
    train, unseen : Scores
        Of those paths, and of paths that it has not seen.
    """

    model: str
    size: int
    train: Scores
    unseen: Scores


def by_dataset_size(
    records: Sequence[BandRecord],
    models: Sequence[str],
    test: Sequence[BandRecord] | None = None,
    progress: Progress = SILENT,
) -> list[SizeScore]:
    """Score models trained on random parts of the paths (Fig. 3b, S5).

    Parameters
    ----------
    records : sequence of BandRecord
    models : sequence of str
        Of `QUICK`.
    test : sequence of BandRecord, optional
        Unseen paths; where not given, those of one fold after the other, frameworks kept together, so that
        no more than the paths of the other folds can be trained on.
    progress : Progress
    """
    known = known_records(records)
    if test is None:
        parts = [known]
        groups = [record.group for record in known]
        fold = grouped_folds(groups, min(10, len(set(groups))), SEED)
        rounds = int(fold.max()) + 1
    else:
        parts = [known, [r for r in test if r.target_ev is not None]]
        fold, rounds = np.repeat([1, 0], [len(part) for part in parts]), 1
    y = np.concatenate([targets(part) for part in parts])
    work = Counter(progress, "Training on parts", len(models) * len(SIZES) * rounds)
    order = np.random.default_rng(SEED).permutation(len(known))
    found = []
    for name in models:
        model = quick_model(name)
        x = np.concatenate([model.describe(part, progress) for part in parts])
        for size in SIZES:
            seen: list[Array] = []
            unseen: list[Array] = []
            for k in range(rounds):
                own, held = order[fold[order] != k][:size], fold == k
                both = model.fit_predict(x[own], y[own], np.concatenate([x[own], x[held]]))
                seen.append(np.array([y[own], both[: len(own)]]))
                unseen.append(np.array([y[held], both[len(own) :]]))
                work.step()
            most = max(part.shape[1] for part in seen)
            found.append(SizeScore(name, most, _scored(seen), _scored(unseen)))
    return found


def _scored(parts: Sequence[Array]) -> Scores:
    y, predicted = np.concatenate(parts, axis=1)
    return score(y, predicted, GOOD_CONDUCTOR_EV)


@dataclass(frozen=True, slots=True)
class ScenarioErrors:
    """Errors of a model on what was held out.

    Attributes
    ----------
    model, scenario : str
    names : tuple of str
        Of the paths.
    error_ev : ndarray
        Absolute errors, eV.
    """

    model: str
    scenario: str
    names: tuple[str, ...]
    error_ev: Array


SCENARIOS = {
    "pathway": "one path of a structure is held out, its other paths are known",
    "composition": "the charged (or discharged) paths of a framework are held out, the others are known",
    "chemistry": "framework and ion are held out, others of the structural class are known",
}
"""A, B and C of Fig. 3c."""


def by_scenario(
    records: Sequence[BandRecord], models: Sequence[str], progress: Progress = SILENT
) -> list[ScenarioErrors]:
    """Predict paths whose pathway, composition or chemistry was held out (Fig. 3c).

    Parameters
    ----------
    records : sequence of BandRecord
    models : sequence of str
        Of `QUICK`.
    progress : Progress
    """
    known = known_records(records)
    y = targets(known)
    makers = {
        "pathway": held_out_pathways,
        "composition": held_out_compositions,
        "chemistry": held_out_chemistries,
    }
    shares = {name: maker(known, HELD_OUT_FOLDS) for name, maker in makers.items()}
    work = Counter(progress, "Holding out", len(models) * len(shares) * HELD_OUT_FOLDS)
    found = []
    for name in models:
        model = quick_model(name)
        x = model.describe(known, progress)
        for scenario, fold in shares.items():
            predicted = np.full(len(y), np.nan)
            for k in range(HELD_OUT_FOLDS):
                test = fold == k
                if test.any():
                    predicted[test] = model.fit_predict(x[~test], y[~test], x[test])
                work.step()
            chosen = np.flatnonzero(fold >= 0)
            names = tuple(known[i].sys_name for i in chosen)
            errors = np.abs(predicted[chosen] - y[chosen])
            found.append(ScenarioErrors(name, scenario, names, errors))
    return found


def held_out_pathways(records: Sequence[BandRecord], folds: int) -> NDArray[np.int64]:
    """Give each path of a structure with several a fold, no two of one structure the same; others −1.

    Of a structure with more paths than folds, only as many as there are folds are held out.
    """
    members = _members([record.structure for record in records])
    fold = np.full(len(records), -1)
    shift = 0
    for paths in members:
        if len(paths) > 1:
            held = paths[:folds]
            fold[held] = (np.arange(len(held)) + shift) % folds
            shift += 1
    return fold


def held_out_compositions(records: Sequence[BandRecord], folds: int) -> NDArray[np.int64]:
    """Give charged and discharged paths of each framework known in both states different folds; others −1."""
    members = _members([record.group for record in records])
    charged = np.array([r.band.ion not in r.band.host.symbol_set for r in records])
    fold = np.full(len(records), -1)
    shift = 0
    for paths in members:
        if len(set(charged[paths])) == 2:
            fold[paths] = (charged[paths] + shift) % folds
            shift += 2
    return fold


def held_out_chemistries(records: Sequence[BandRecord], folds: int) -> NDArray[np.int64]:
    """Give whole frameworks with their ion a fold where another one of their class stays; others −1."""
    groups = [record.group for record in records]
    fold = grouped_folds(groups, folds, SEED)
    family = np.array([record.family for record in records])
    alone = [not ((family == family[i]) & (fold != fold[i])).any() for i in range(len(records))]
    fold[np.array(alone) | (family == "")] = -1
    return fold


def _members(keys: Sequence[Hashable]) -> list[NDArray[np.int64]]:
    found: dict[Any, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        found[key].append(i)
    return [np.array(found[key]) for key in sorted(found, key=repr)]
