"""The run of a training on own data, in a process of its own (see `migbar.runs`)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from migbar import __version__
from migbar.barriers import Barrier, Predictor
from migbar.datasets import BandRecord, data_hash
from migbar.datasets.splits import TRAINING, Split, SplitError, split_dataset
from migbar.datasets.storage import BarrierDataset
from migbar.errors import BandsFileError
from migbar.models.store import StoredModel, bundled_models_dir, load_model, save_model
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.runs import RunProgress
from migbar.training.machine import versions
from migbar.training.own.judgement import class_means, judge
from migbar.training.own.options import TrainingOptions, write_options
from migbar.training.own.paths import known_frameworks
from migbar.training.own.report import write_report
from migbar.training.own.starts import TREES, Kind, find_start
from migbar.training.own.trees import Step, TreeLearner
from migbar.training.unseen import OutOfFold
from migbar.training.validation import targets

LIBRARIES = ("numpy", "scikit-learn", "pymatgen", "torch", "scipy")
"""What makes the weights."""

SAMPLE = 6
"""Paths that an estimate of time is measured on."""

FEWEST = 8
"""Paths to train on where none of the bundled ones are among them."""


def run(folder: Path, options: Mapping[str, Any], progress: RunProgress) -> dict[str, Any]:
    """Train, judge and keep a model: the task ``training`` of `migbar.runs`.

    Parameters
    ----------
    folder : path
        Of the run. What was begun there is gone on with. It gets ``options.toml`` and ``report.html``.
    options : mapping
        `TrainingOptions.to_dict`.
    progress : RunProgress
        Besides ``progress`` it is told these events:

        ``stage``
            ``name`` (``reading``, ``judging``, ``training``, ``saving``), ``text`` for people, ``number`` and
            ``total`` of the stages.
        ``split``
            ``training`` and ``validation`` (numbers of paths; with folds of the first one), ``folds`` (0 or the
            number), ``known`` (paths that the starting model has seen, which are trained on only), ``warnings``.
        ``step``
            One point of the curves: ``done`` of ``total`` in ``unit`` (``epochs`` or ``own paths``),
            ``training_ev`` and ``validation_ev`` (mean absolute errors in eV or null), ``seconds`` since the stage
            began, ``seconds_left`` of the stage (estimated), ``fold``.
        ``fold``
            A fold is judged: ``fold``, ``folds``, ``mae_ev``, ``n``.

    Returns
    -------
    dict
        ``model`` (name in the store), ``folder`` (of the model), ``report`` (HTML file), ``options``,
        ``verdict`` (``better``,
        ``unclear``, ``not_better``, ``no_start``) and ``verdict_text`` for people; ``scores`` (by ``model``, ``start``,
        ``model_where_start``: the model on those paths that the start can be judged by, and ``baseline``; the fields
        of `migbar.evaluation.Scores`); ``against_start`` and ``against_baseline`` (``mae_ev``, ``mae_se_ev``:
        difference of the errors, negative where the model is better, ``independent``: of how many frameworks;
        ``against_start`` is missing where there is
        none); ``confusion`` (by the same names: ``good_called_good`` …); ``calibration`` (``nominal``, ``coverage``,
        ``coverage_se``, ``median_width_ev``); ``parity`` (lists over the validation paths: ``name``, ``family``,
        ``ion``, ``file``, ``row``, ``target_ev``, ``predicted_ev``, ``interval_ev``, ``start_ev`` (null where it has
        seen the path), ``baseline_ev``); ``worst`` (indices into those lists, the largest error first);
        ``curve`` (the ``step`` events of the judged model); ``split`` (as in the event); ``threshold_ev``;
        ``seconds``.

    Raises
    ------
    MigbarError
    Cancelled
    """
    return _Training(folder, TrainingOptions.from_dict(options), progress).run()


class Learner(Protocol):
    """Trains one kind of model on own paths."""

    unit: str

    def train(
        self,
        chosen: NDArray[np.int64],
        watched: NDArray[np.int64],
        stage: str,
        watch: Any,
    ) -> StoredModel:
        """Train on the chosen paths."""

    def calibrated(self, model: Any, y: NDArray[np.float64], unseen: OutOfFold) -> StoredModel:
        """Set the intervals by held-out paths (barriers in eV), where the model has none of its own."""

    def seconds(self, count: int) -> float:
        """Estimate how long one training on `count` own paths takes."""


def make_learner(
    options: TrainingOptions, records: Sequence[BandRecord], folder: Path, progress: Progress
) -> Learner:
    """Choose what trains by what is started from.

    Raises
    ------
    MigbarError
        If there is no such start or recipe.
    """
    kind = find_start(options).kind
    if kind is Kind.GROWN or options.recipe in TREES:
        return TreeLearner(options, records, folder, progress)
    from migbar.training.own.network import NetworkLearner

    return NetworkLearner(options, records, folder, progress)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run will take on this machine, from a few measured steps.

    Attributes
    ----------
    reading, judging, training : float
        Seconds of the stages.
    """

    reading: float
    judging: float
    training: float

    @property
    def seconds(self) -> float:
        """All together."""
        return self.reading + self.judging + self.training


def estimate(options: TrainingOptions, progress: Progress = SILENT) -> Estimate:
    """Measure on a few paths how long a run would take; takes some seconds itself.

    Raises
    ------
    MigbarError
        If the options or the data are no good; the same is raised as by the run.
    """
    dataset = BarrierDataset(options.data)
    kept = np.flatnonzero(np.isfinite(dataset.barriers))
    split = split_dataset(dataset, options.split)
    require_enough(options, split.fold[kept])
    few = dataset.records(kept[np.linspace(0, len(kept) - 1, min(SAMPLE, len(kept)), dtype=int)])
    model = starting_model(options)
    model.predict([few[0].band], progress)  # what is loaded once is no part of the measure
    with tempfile.TemporaryDirectory() as folder:
        make_learner(options, few[:1], Path(folder), progress)
        started = time.perf_counter()
        learner = make_learner(options, few, Path(folder), progress)
        model.predict([record.band for record in few], progress)
        each = (time.perf_counter() - started) / len(few)
        chosen = int((split.fold != 0).sum())
        return Estimate(
            reading=each * len(kept),
            judging=learner.seconds(chosen) * split.folds,
            training=learner.seconds(len(kept)) if options.refit or split.folds > 1 else 0.0,
        )


def require_enough(options: TrainingOptions, fold: NDArray[np.int64]) -> None:
    """Check that enough paths are left to train on, whichever part is held out.

    Raises
    ------
    BandsFileError
    """
    largest = int(np.bincount(fold[fold != TRAINING], minlength=1).max())
    left = len(fold) - largest
    if find_start(options).kind is not Kind.GROWN and left < FEWEST:
        paths = "1 path is" if left == 1 else f"{left} paths are"
        text = (
            f"{paths} left to train on, and from this start at least {FEWEST} are needed: start from migbar-fast, "
            "which has paths of its own, or add paths"
        )
        raise BandsFileError("training data", [text])


class _Training:
    def __init__(self, folder: Path, options: TrainingOptions, progress: RunProgress) -> None:
        self.folder, self.options, self.progress = folder, options, progress
        self.work = folder / "work"
        self.curve: list[dict[str, Any]] = []
        self.started = time.monotonic()

    def run(self) -> dict[str, Any]:
        options = self.options
        write_options(options, self.folder / "options.toml")
        self._stage(1, "reading", "Reading and describing the paths")
        dataset = BarrierDataset(options.data)
        split = split_dataset(dataset, options.split)
        kept = np.flatnonzero(np.isfinite(dataset.barriers))
        records = dataset.records(kept)
        learner = make_learner(options, records, self.work, self.progress)
        start = self._start(records)
        fold = split.fold[kept]
        require_enough(options, fold)
        if find_start(options).kind in (Kind.GROWN, Kind.TUNED):
            fold = np.where(np.isfinite(start), fold, TRAINING)
        told = self._tell_split(split, records, fold, int(np.isnan(start).sum()))
        self._stage(2, "judging", "Training without the validation paths, to judge the model")
        barriers, baseline, model = self._judge(learner, records, fold)
        judged = np.flatnonzero(fold != TRAINING)
        result = judge(_at(records, judged), barriers, baseline, start[judged])
        sources = [dataset.sources[kept[i]] for i in judged]
        result["parity"] |= {"file": [s.file for s in sources], "row": [s.row for s in sources]}
        if options.refit or model is None:
            self._stage(3, "training", "Training on all paths")
            model = learner.train(
                np.arange(len(records)), np.array([], np.int64), "all", lambda step: None
            )
        predicted = np.array([b.barrier_ev for b in barriers])
        unseen = OutOfFold(predicted, np.zeros(len(judged)), fold[judged])
        model = learner.calibrated(model, targets(_at(records, judged)), unseen)
        self._stage(4, "saving", "Saving the model")
        place = self._save(model, records, result)
        whole = without_nan(
            {
                "model": place.name,
                "folder": str(place),
                "report": str(self.folder / "report.html"),
                "options": options.to_dict(),
                **result,
                "curve": self.curve,
                "split": told,
                "seconds": round(time.monotonic() - self.started, 1),
            }
        )
        write_report(self.folder / "report.html", whole)
        return whole

    def _stage(self, number: int, name: str, text: str) -> None:
        check_cancelled(self.progress)
        self.progress.tell("stage", name=name, text=text, number=number, total=4)

    def _start(self, records: Sequence[BandRecord]) -> NDArray[np.float64]:
        """Return what the starting model says, in eV; NaN for what it has seen."""
        model = starting_model(self.options)
        barriers = model.predict([record.band for record in records], self.progress)
        return np.array([np.nan if b.is_memory else b.barrier_ev for b in barriers])

    def _tell_split(
        self,
        split: Split,
        records: Sequence[BandRecord],
        fold: NDArray[np.int64],
        known: int,
    ) -> dict[str, Any]:
        first = int((fold == 0).sum())
        if not (fold != TRAINING).any():
            raise SplitError(
                "Every path that would be held out is in the training data of the starting model, which "
                "knows its barrier: there is nothing to judge by. Start from scratch, or add other paths."
            )
        told = {
            "training": len(fold) - first,
            "validation": first,
            "folds": split.folds if split.folds > 1 else 0,
            "known": known,
            "warnings": [*split.warnings, *self._leaks(records, fold)],
        }
        self.progress.tell("split", **told)
        return told

    def _leaks(self, records: Sequence[BandRecord], fold: NDArray[np.int64]) -> list[str]:
        """Warn where a start that has seen the published paths knows frameworks that are held out."""
        start = self.options.start
        if not (bundled_models_dir() / start).is_dir():
            return []
        held = np.flatnonzero(fold != TRAINING)
        shared = int(known_frameworks(_at(records, held), self.progress).sum())
        if not shared:
            return []
        return [
            f"Leak: {shared} of {len(held)} held-out paths have a framework and ion that are among the published paths "
            f"behind {start}, too. The scores will be better than those on new materials."
        ]

    def _judge(
        self, learner: Learner, records: Sequence[BandRecord], fold: NDArray[np.int64]
    ) -> tuple[list[Barrier], NDArray[np.float64], StoredModel | None]:
        """Predict every held-out path by a model that has not seen it.

        Returns the predictions and class means in the order of the paths, and the model where there is one only.
        """
        barriers: dict[int, Barrier] = {}
        baseline = np.full(len(records), np.nan)
        model = None
        folds = [k for k in range(int(fold.max()) + 1) if (fold == k).any()]
        for k in folds:
            chosen, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            model = learner.train(chosen, test, f"fold-{k}", self._watch(learner.unit, k))
            judged = _at(records, test)
            found = model.predict([r.band for r in judged], self.progress)
            barriers |= dict(zip(test.tolist(), found, strict=True))
            baseline[test] = class_means(_at(records, chosen), judged)
            errors = [
                abs(b.barrier_ev - (r.target_ev or 0)) for b, r in zip(found, judged, strict=True)
            ]
            self.progress.tell(
                "fold", fold=k, folds=len(folds), mae_ev=float(np.mean(errors)), n=len(test)
            )
        order = sorted(barriers)
        return [barriers[i] for i in order], baseline[order], model if len(folds) == 1 else None

    def _watch(self, unit: str, fold: int) -> Any:
        began = time.monotonic()

        def watch(step: Step) -> None:
            seconds = time.monotonic() - began
            point = {
                **without_nan(asdict(step)),
                "unit": unit,
                "fold": fold,
                "seconds": round(seconds, 2),
                "seconds_left": round(seconds * (step.total - step.done) / max(step.done, 1), 1),
            }
            self.curve.append(point)
            self.progress.tell("step", **point)

        return watch

    def _save(
        self, model: StoredModel, records: Sequence[BandRecord], result: dict[str, Any]
    ) -> Path:
        """Put the model into the store under its name, all at once."""
        options = self.options
        card = model.card
        asked = {k: v for k, v in options.to_dict().items() if k not in ("name", "data", "notes")}
        training = card.training | {
            "own_data": {"paths": len(records), "data_sha256": data_hash(records)},
            "options": asked,
            "seed": options.seed,
            "versions": {"migbar": __version__, **versions(*LIBRARIES)},
            "wall_time_s": round(time.monotonic() - self.started, 1),
        }
        scores = card.scores | {
            "own_validation": {
                key: result[key] for key in ("scores", "calibration", "verdict", "verdict_text")
            }
        }
        notes = [*([options.notes] if options.notes else []), *card.notes]
        if options.refit:
            notes.append(
                "The scores are those of the same recipe trained without the validation paths; the model "
                "itself has seen them."
            )
        model.card = replace(card, training=training, scores=scores, notes=notes)
        return save_model(model)


def starting_model(options: TrainingOptions) -> Predictor:
    """Return the model that there was before: the start, or the default one where that predicts nothing."""
    known = find_start(options).kind in (Kind.GROWN, Kind.TUNED)
    return load_model(options.start if known else None)


def without_nan(data: Any) -> Any:
    """Return JSON data with null for what is not defined."""
    if isinstance(data, dict):
        return {key: without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [without_nan(value) for value in data]
    return None if isinstance(data, float) and not np.isfinite(data) else data


def _at(records: Sequence[BandRecord], index: NDArray[np.int64]) -> list[BandRecord]:
    return [records[int(i)] for i in index]
