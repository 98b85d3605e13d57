"""Models with cards of what a plan has trained on another machine."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.datasets import BandRecord, data_hash
from migbar.evaluation import held_out
from migbar.graphs import load_arrays
from migbar.models.networks.predictor import NetworkPredictor
from migbar.models.store import save_model
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.training.networks.finetuning import (
    CELL_PATHS,
    Reading,
    make_predictor,
    with_cell_changes,
)
from migbar.training.networks.loop import METRICS, Epoch
from migbar.training.networks.packing import SavedNetwork, TrainingData, TrainingFileError
from migbar.training.networks.plan import (
    FOLDS,
    NETWORK,
    PREDICTIONS,
    PRETRAINING,
    RUNS,
    PlannedRun,
    chosen_paths,
)
from migbar.training.networks.presets import TrainingSettings
from migbar.training.networks.recipes import Recipe
from migbar.training.unseen import OutOfFold

CURVES = "training.csv"

ALIKE_EV = 0.005
"""What a model may say otherwise here than where it was trained, in single precision on other hardware."""

_HALF_MEV = 1.0

_TOLD = ("hardware", "torch", "precision", "runs_at_once", "epochs", "seconds_per_epoch")
"""What a card tells of the training besides."""


def collect_models(
    work: Path,
    data: TrainingData,
    records: Sequence[BandRecord],
    out: Path,
    progress: Progress = SILENT,
) -> dict[str, str]:
    """Make a model of each network that was trained, with its curves beside it.

    Parameters
    ----------
    work : path
        Folder of the plan (see `read_parcel`).
    data : TrainingData
        What the networks were trained on.
    records : sequence of BandRecord
        The same paths.
    out : path
        Gets a folder for each model, and the pre-trained network.

    Returns
    -------
    dict of str
        What became of each run: its training error, or that it is not trained.

    Raises
    ------
    TrainingFileError
        If the paths are others, or a model says something else here than where it was trained.
    """
    if data.info["data_sha256"] != data_hash(records):
        raise TrainingFileError(work, "the bands are not those that were packed.")
    out.mkdir(parents=True, exist_ok=True)
    made = {}
    for run in RUNS:
        check_cancelled(progress)
        folder = work / run.name
        if run.fold is not None:
            continue
        if not (folder / NETWORK).exists():
            ended = (folder / PREDICTIONS).exists()
            made[run.name] = "trained, but its network is not here" if ended else "not trained"
        elif run.name == PRETRAINING:
            shutil.copy(folder / NETWORK, out / f"{run.name}.npz")
            shutil.copy(folder / METRICS, out / f"{run.name}.csv")
            made[run.name] = "saved"
        else:
            model = _model(run, work, data, records, progress)
            place = save_model(model, out / run.name)
            shutil.copy(folder / METRICS, place / CURVES)
            made[run.name] = f"training MAE {model.card.scores['training']['mae_ev']:.3f} eV"
    return made


def _model(
    run: PlannedRun,
    work: Path,
    data: TrainingData,
    records: Sequence[BandRecord],
    progress: Progress,
) -> NetworkPredictor:
    """Make the model, and see that it says here what it said where it was trained."""
    said = load_arrays(work / run.name / PREDICTIONS)
    single, half = (data.scaling.unscale(said[name].astype(float)) for name in ("scaled", "half"))
    model = _as_trained(run, work, data, said, 1000 * float(np.abs(half - single).max()))
    seed = model.card.training["settings"]["seed"]
    few = np.random.default_rng(seed).permutation(chosen_paths(run, data))[:CELL_PATHS]
    bands = [records[int(k)].band for k in few]
    found = np.array([b.barrier_ev for b in model.predict(bands, progress)])
    if (off := float(np.abs(found - half[few]).max())) > ALIKE_EV:
        raise TrainingFileError(
            work / run.name / NETWORK,
            f"predicts barriers {off:.3f} eV away from those it predicted where it was trained.",
        )
    return with_cell_changes(model, bands, progress)


def _as_trained(
    run: PlannedRun, work: Path, data: TrainingData, said: dict[str, NDArray[Any]], half_mev: float
) -> NetworkPredictor:
    """Make the model from what it said where it was trained; half precision moves its barriers by `half_mev`."""
    saved = SavedNetwork.load(work / run.name / NETWORK)
    chosen = chosen_paths(run, data)
    part = TrainingData({}, data.targets[chosen], data.info)
    reading = Reading(said["half"][chosen], said["pooled"][chosen].astype(float))
    unseen = _unseen(run, work, data)
    remark = f"Stored in half precision, which moves barriers by up to {half_mev:.1f} meV."
    model = make_predictor(
        run.name,
        saved.network(),
        _recipe(run, saved),
        part,
        _curve(work / run.name / METRICS),
        [data.info["groups"][k] for k in chosen],
        reading,
        unseen,
        [remark] if half_mev > _HALF_MEV else (),
    )
    training = {**model.card.training, **{key: saved.info[key] for key in _TOLD}}
    training |= {"half_precision": True, "half_precision_mev": round(half_mev, 2)}
    card = replace(model.card, training=training)
    return NetworkPredictor(card, model.network, model.calibration, model.domain)


def _recipe(run: PlannedRun, saved: SavedNetwork) -> Recipe:
    before = saved.info["pretraining"]
    return Recipe(
        run.architecture,
        saved.info["preset"],
        TrainingSettings(**saved.info["settings"]),
        None if before is None else replace(saved, architecture=PRETRAINING, info=before),
        run.single,
    )


def _unseen(run: PlannedRun, work: Path, data: TrainingData) -> OutOfFold | None:
    """Return the barriers predicted by networks that had not seen them, where all folds were trained."""
    files = [work / f"{run.name}-fold-{k}" / PREDICTIONS for k in range(FOLDS)]
    if not all(file.exists() for file in files):
        return None
    fold = np.array(data.info["folds"])
    barriers = np.empty(len(fold))
    for test, file in zip(held_out(fold), files, strict=True):
        scaling = data.scaled_by(np.flatnonzero(~test)).scaling
        barriers[test] = scaling.unscale(load_arrays(file)["scaled"][test])
    return OutOfFold(barriers, np.zeros(len(fold)), fold)


def _curve(path: Path) -> list[Epoch]:
    with path.open(encoding="utf-8") as file:
        return [
            Epoch(int(row["epoch"]), *(float(row[key]) for key in list(row)[1:]))
            for row in csv.DictReader(file)
        ]
