"""Own data for models on descriptors: the default predictor with paths added, or made from scratch."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import ModelCard
from migbar.datasets import BandRecord
from migbar.descriptors import descriptor_names
from migbar.errors import BandsFileError
from migbar.evaluation import grouped_folds, held_out
from migbar.files import replacing
from migbar.models.blend import MigbarFast
from migbar.models.forest import BandForest
from migbar.models.intervals import Calibration
from migbar.models.nearness import SAME_PATH, Domain
from migbar.models.store import StoredModel, load_model
from migbar.progress import Progress, check_cancelled
from migbar.training.blend import BlendSettings, fit_blend, fit_process, reach
from migbar.training.forest import ForestSettings, grow
from migbar.training.own.options import Preset, TrainingOptions
from migbar.training.own.paths import DescribedPaths, bundled_training_paths, describe_records
from migbar.training.unseen import OutOfFold, calibrate
from migbar.training.validation import MIN_PATHS, NOTES, Fit, Regressor

TREES = {Preset.QUICK: 100, Preset.PAPER: 250, Preset.THOROUGH: 500}
FOLDS = {Preset.QUICK: 3, Preset.PAPER: 10, Preset.THOROUGH: 10}
"""Trees, and folds of the cross-validation that calibrates the intervals."""

MOST_PATHS = 8000
"""The Gaussian process compares every path with every other one; beyond this a network is the better choice."""

STEPS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the own paths that the learning curve is drawn at."""


@dataclass(frozen=True, slots=True)
class Step:
    """One point of a curve that a training draws.

    Attributes
    ----------
    done, total : int
        Epochs, or own paths in use.
    training_ev, validation_ev : float
        Mean absolute errors in eV; NaN where there is none.
    """

    done: int
    total: int
    training_ev: float
    validation_ev: float


class TreeLearner:
    """Trains ``migbar-fast`` or ``band-forest`` on (some of the) own paths.

    Parameters
    ----------
    options : TrainingOptions
    records : sequence of BandRecord
        Own paths, all with a barrier.
    folder : path
        For what can be taken up again after an interruption.
    progress : Progress
    """

    unit = "own paths"

    def __init__(
        self,
        options: TrainingOptions,
        records: Sequence[BandRecord],
        folder: Path,
        progress: Progress,
    ) -> None:
        self.options, self.folder, self.progress = options, folder, progress
        self.recipe = options.recipe or "migbar-fast"
        if len(records) > MOST_PATHS:
            raise BandsFileError(
                "training data",
                [
                    f"{len(records)} paths are too many for trees and a Gaussian process (at most {MOST_PATHS}); "
                    "start from a network (on the command line: --from MODEL-3-compact)"
                ],
            )
        self.own = describe_records(records, progress)
        self.base = self._base()
        forest = ForestSettings(trees=TREES[options.preset])
        self.settings: Any = forest
        fit: Fit = partial(grow, seed=options.seed, settings=forest)
        if self.recipe == "migbar-fast":
            self.settings = BlendSettings(forest=forest)
            fit = partial(fit_blend, seed=options.seed, settings=self.settings)
        self._fit = fit

    def _base(self) -> DescribedPaths | None:
        """Return the bundled training paths without those that are among the own ones."""
        if self.options.start != "migbar-fast":
            return None
        bundled, model = bundled_training_paths(), load_model("migbar-fast")
        assert isinstance(model, MigbarFast)
        twins = (model.blend.process.distances(self.own.x) < SAME_PATH).any(axis=0)
        return bundled.chosen(np.flatnonzero(~twins))

    def train(
        self,
        chosen: NDArray[np.int64],
        watched: NDArray[np.int64],
        stage: str,
        watch: Callable[[Step], None],
    ) -> StoredModel:
        """Train on the chosen own paths, watched by others.

        Parameters
        ----------
        chosen, watched : ndarray of int
            Own paths to train on, and to draw the curve by; they decide nothing.
        stage : str
            Names what may be taken up again.
        watch : callable
            Told every point of the curve, if any paths are watched.
        """
        if len(watched):
            order = np.random.default_rng(self.options.seed).permutation(chosen)
            for share in STEPS[:-1]:
                part = order[: max(1, round(share * len(chosen)))]
                if self.base is not None or len(part) >= MIN_PATHS:
                    self._tell(part, len(chosen), watched, watch)
        paths = self._with(chosen)
        fitted = self._fit(paths.x, paths.y)
        if len(watched):
            watch(self._step(fitted, chosen, len(chosen), watched))
        return self._model(fitted, paths, calibrate(paths.y, [self._out_of_fold(paths, stage)]))

    def calibrated(
        self, model: StoredModel, y: NDArray[np.float64], unseen: OutOfFold
    ) -> StoredModel:
        """Return the model as it is: its intervals come from its own cross-validation."""
        return model

    def seconds(self, count: int) -> float:
        """Estimate how long one training on `count` own paths takes on this machine, by a small one."""
        paths = self._with(np.arange(count) % len(self.own))
        grow(paths.x, paths.y, self.options.seed, ForestSettings(trees=1))  # loads the library
        started = time.perf_counter()
        few = ForestSettings(trees=max(1, TREES[self.options.preset] // 10))
        grow(paths.x, paths.y, self.options.seed, few)
        grown = time.perf_counter()
        if self.recipe == "migbar-fast":
            fit_process(paths.x, paths.y, self.settings)
        once = 10 * (grown - started) + time.perf_counter() - grown
        return once * (1 + len(STEPS) + FOLDS[self.options.preset])

    def _with(self, chosen: NDArray[np.int64]) -> DescribedPaths:
        """Join bundled and chosen own paths in order of names: the order decides on the weights."""
        own = self.own.chosen(chosen)
        paths = own if self.base is None else self.base + own
        return paths.chosen(sorted(range(len(paths)), key=lambda i: paths.known[i].sys_name))

    def _tell(
        self,
        part: NDArray[np.int64],
        total: int,
        watched: NDArray[np.int64],
        watch: Callable[[Step], None],
    ) -> None:
        check_cancelled(self.progress)
        paths = self._with(part)
        watch(self._step(self._fit(paths.x, paths.y), part, total, watched))

    def _step(
        self, fitted: Regressor, part: NDArray[np.int64], total: int, watched: NDArray[np.int64]
    ) -> Step:
        errors = []
        for index in (part, watched):
            own = self.own.chosen(index)
            errors.append(float(np.abs(fitted.predict(own.x)[0] - own.y).mean()))
        return Step(len(part), total, *errors)

    def _out_of_fold(self, paths: DescribedPaths, stage: str) -> OutOfFold:
        """Predict every path by a model that has not seen its group; folds that are done are read."""
        groups: Sequence[Hashable] = paths.groups
        if len(set(groups)) == 1:  # of one framework alone, it is another path that is unseen
            groups = range(len(paths))
        count = min(FOLDS[self.options.preset], len(set(groups)))
        fold = grouped_folds(groups, count, self.options.seed)
        barrier, spread = np.empty(len(paths)), np.empty(len(paths))
        key = self._key(paths)
        for k, test in enumerate(held_out(fold)):
            check_cancelled(self.progress)
            self.progress.report(k, count, "Calibrating intervals")
            barrier[test], spread[test] = self._kept(
                f"{stage}-{k}-{key}", partial(self._held_out, paths, test)
            )
        return OutOfFold(barrier, spread, fold)

    def _held_out(self, paths: DescribedPaths, test: NDArray[np.bool_]) -> NDArray[np.float64]:
        fitted = self._fit(paths.x[~test], paths.y[~test])
        return np.array(fitted.predict(paths.x[test]))

    def _key(self, paths: DescribedPaths) -> str:
        """Tell what folds were made of: a run may go on with a MigBar that describes paths otherwise."""
        content = hashlib.sha256(repr((self.recipe, self.settings)).encode())
        for array in (paths.x, paths.y):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()[:12]

    def _kept(self, name: str, make: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return what was worked out before an interruption, or work it out."""
        file = self.folder / f"{name}.npy"
        if file.exists():
            with suppress(ValueError, OSError, EOFError):
                kept: NDArray[np.float64] = np.load(file, allow_pickle=False)
                return kept
        made = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            np.save(temporary, made)
        return made

    def _model(self, fitted: Any, paths: DescribedPaths, calibration: Calibration) -> StoredModel:
        ions = {path.ion for path in paths.known}
        training = {
            "recipe": self.recipe,
            "settings": asdict(self.settings),
            "paths": len(paths),
            "bundled_paths": 0 if self.base is None else len(self.base),
            "ions": sorted(ions),
            "elements": sorted(paths.elements),
            "descriptors": list(descriptor_names()),
        }
        start = (
            "grown anew with own paths among those of the bundled model"
            if self.base is not None
            else "from own paths alone"
        )
        summary = f"{_SUMMARIES[self.recipe]}, {start}."
        card = ModelCard(self.options.name, "1", summary, training, notes=list(NOTES))
        if self.recipe == "band-forest":
            return BandForest(card, fitted, calibration, Domain.of(paths.x))
        return MigbarFast(
            card, fitted, calibration, reach(fitted, paths.x, paths.groups), paths.known
        )


_SUMMARIES = {
    "migbar-fast": "Mean of extremely randomised trees and a Gaussian process on band descriptors",
    "band-forest": "Extremely randomised trees on band descriptors",
}
