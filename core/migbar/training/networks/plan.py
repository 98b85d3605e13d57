"""All networks of the paper, trained one after the other in the time that there is.

Made for a borrowed GPU: commands are short, a run goes on where the last command left it, and its epochs are as many
as fit into its share of the whole time, as measured on its first steps. Several runs share the GPU as processes of
their own; those that need the pre-trained network wait for it.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import subprocess
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from migbar.errors import Cancelled
from migbar.files import write_text
from migbar.graphs import GraphSettings, save_arrays
from migbar.models.networks.architectures import Network
from migbar.training.machine import processor
from migbar.training.networks.loop import (
    METRICS,
    Hardware,
    pooled_vectors,
    predict_scaled,
    seconds_per_epoch,
    train_network,
)
from migbar.training.networks.packing import SavedNetwork, TrainingData, halved, state_arrays
from migbar.training.networks.presets import TrainingSettings, training_settings
from migbar.training.networks.recipes import Recipe

RUN = "run.json"
NETWORK = "network.npz"
PREDICTIONS = "predictions.npz"
ERROR = "error.txt"
GPU_LOG = "gpu.csv"

PRETRAINING = "MPT"
WHOLE = "SCRATCH-MODEL-3"
"""Its epochs say how many the folds of the cross-validation get."""

FOLDS = 3
MOST_EPOCHS = 500
"""As many as in the paper."""

TF32 = Hardware(matmul="high")

SPARE_SECONDS = 15.0
"""Left over at the end of a command, to write things down."""

_USABLE_MEMORY = 0.96
_KEEPS_TO_TIME = 0.9
_PER_RUN = ("names", "groups", "folds", "single")


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One network to train.

    Attributes
    ----------
    name, architecture : str
    share : int
        Of the whole time, in percent.
    scratch : bool
        Starts from random numbers.
    single : bool
        Trained on one path of each structure.
    fold : int or None
        Trained without this fold, whose barriers it then predicts.
    """

    name: str
    architecture: str
    share: int
    scratch: bool = False
    single: bool = False
    fold: int | None = None


def _folds(name: str, scratch: bool) -> list[PlannedRun]:
    return [PlannedRun(f"{name}-fold-{k}", "MODEL-3", 3, scratch, fold=k) for k in range(FOLDS)]


RUNS = (
    PlannedRun(PRETRAINING, "MPT", 14, scratch=True),
    PlannedRun("MODEL-3", "MODEL-3", 9),
    PlannedRun("SCRATCH-MODEL-3", "MODEL-3", 9, scratch=True),
    PlannedRun("MODEL-4", "MODEL-4", 9),
    PlannedRun("MODEL-1-CC", "MODEL-1-CC", 7),
    PlannedRun("MODEL-2", "MODEL-2", 7),
    PlannedRun("MODEL-1-ADD", "MODEL-1-ADD", 6),
    PlannedRun("MODEL-1-SUB", "MODEL-1-SUB", 6),
    PlannedRun("MODEL-1-CC-SINGLE-PATH", "MODEL-1-CC", 3, single=True),
    PlannedRun("SCRATCH-ADD", "MODEL-1-ADD", 4, scratch=True),
    PlannedRun("SCRATCH-SUB", "MODEL-1-SUB", 4, scratch=True),
    PlannedRun("SCRATCH-CC", "MODEL-1-CC", 4, scratch=True),
    *_folds("MODEL-3", scratch=False),
    *_folds("SCRATCH-MODEL-3", scratch=True),
)
"""In the order of their worth."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What all runs have in common.

    Attributes
    ----------
    folder : Path
        A folder per run is made in it.
    pretraining, finetuning : Path
        Packed data.
    preset : str
    total_seconds : float
        Time for all runs together, over all commands.
    at_once : int
        Runs that share the GPU.
    hardware : Hardware
    seed : int
    most_epochs : int
    """

    folder: Path
    pretraining: Path
    finetuning: Path
    preset: str = "paper"
    total_seconds: float = 1500.0
    at_once: int = 2
    hardware: Hardware = TF32
    seed: int = 123
    most_epochs: int = MOST_EPOCHS

    def seconds(self, run: PlannedRun) -> float:
        """Time for a run: while it goes on, others do, too."""
        return run.share / 100 * self.total_seconds * self.at_once

    def done(self, run: PlannedRun) -> bool:
        """Whether a run has ended."""
        return (self.folder / run.name / PREDICTIONS).exists()


def carry_out_all(plan: Plan, seconds: float) -> bool:
    """Train what fits into a command of so many seconds; true once there is nothing left to train."""
    deadline = time.time() + seconds - SPARE_SECONDS
    plan.folder.mkdir(parents=True, exist_ok=True)
    waiting = [run for run in RUNS if not plan.done(run)]
    running: dict[Future[str], PlannedRun] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(plan.at_once, context) as pool, suppress(BrokenProcessPool):
        while True:
            for run in list(waiting):
                if len(running) < plan.at_once and _ready(plan, run, deadline):
                    waiting.remove(run)
                    running[pool.submit(carry_out, run, plan, deadline)] = run
            if not running:
                break
            finished, _ = wait(running, timeout=5.0, return_when="FIRST_COMPLETED")
            _log_gpu(plan.folder / GPU_LOG)
            for future in finished:
                said = future.exception() or future.result()
                print(f"{running.pop(future).name}: {said}", flush=True)
    return all(plan.done(run) for run in RUNS)


def _ready(plan: Plan, run: PlannedRun, deadline: float) -> bool:
    """Whether a run can start; one that would hardly begin before the command ends is left to the next one."""
    if not run.scratch and not plan.done(RUNS[0]):
        return False
    if run.fold is not None and not (plan.folder / WHOLE / RUN).exists():
        return False
    left = deadline - time.time()
    begun = (plan.folder / run.name / RUN).exists()
    return left > (0 if begun else plan.seconds(run) / 2)


def carry_out(run: PlannedRun, plan: Plan, deadline: float) -> str:
    """Train one network until it is done or the time is over, and say how far it came."""
    folder = plan.folder / run.name
    folder.mkdir(exist_ok=True)
    (folder / ERROR).unlink(missing_ok=True)
    try:
        torch.set_num_threads(1)
        if torch.cuda.is_available():
            # A share of the memory for each: what one keeps in reserve would be missing elsewhere.
            torch.cuda.set_per_process_memory_fraction(_USABLE_MEMORY / plan.at_once)
        return _carry_out(run, plan, deadline)
    except Cancelled:
        return "goes on in the next command"
    except Exception as error:
        write_text(folder / ERROR, traceback.format_exc())
        return f"failed: {type(error).__name__}: {error}"
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _carry_out(run: PlannedRun, plan: Plan, deadline: float) -> str:
    folder = plan.folder / run.name
    data = _load(plan.pretraining if run.architecture == PRETRAINING else plan.finetuning)
    chosen = chosen_paths(run, data)
    if run.fold is not None:
        data = data.scaled_by(chosen)
    start = None if run.scratch else SavedNetwork.load(plan.folder / PRETRAINING / NETWORK)
    settings = _settings(run, plan, data, chosen, start, deadline)
    network = Recipe(run.architecture, plan.preset, settings, start).fresh()
    curve = train_network(
        network, data, settings, folder, chosen, plan.hardware, stop_after=deadline - time.time()
    )
    last = curve[-1]
    info = {
        **{k: v for k, v in data.info.items() if k not in _PER_RUN},
        "preset": plan.preset,
        "settings": asdict(settings),
        "epochs": len(curve),
        "seed": plan.seed,
        "training_loss": last.training_loss,
        "validation_loss": last.validation_loss,
        "wall_time_s": last.seconds,
        "seconds_per_epoch": last.seconds / len(curve),
        "hardware": hardware_name(),
        "torch": torch.__version__,
        "precision": [plan.hardware.precision, plan.hardware.matmul],
        "runs_at_once": plan.at_once,
        "pretraining": None if start is None else start.info,
    }
    weights = halved(state_arrays(network))
    graphs = GraphSettings(**data.info["graphs"])
    if run.fold is None:
        saved = SavedNetwork(run.architecture, network.size, graphs, weights, info)
        saved.save(folder / NETWORK)
    save_arrays(_predictions(run, network, weights, data), folder / PREDICTIONS)
    return f"{len(curve)} epochs in {last.seconds:.0f} s, training loss {last.training_loss:.4f}"


@functools.lru_cache(maxsize=2)
def _load(path: Path) -> TrainingData:
    return TrainingData.load(path)


def chosen_paths(run: PlannedRun, data: TrainingData) -> NDArray[np.int64]:
    """Return which of the data a run trains on."""
    if run.single:
        return np.array(data.info["single"], np.int64)
    if run.fold is not None:
        return np.flatnonzero(np.array(data.info["folds"]) != run.fold)
    return np.arange(len(data))


def _settings(
    run: PlannedRun,
    plan: Plan,
    data: TrainingData,
    chosen: NDArray[np.int64],
    start: SavedNetwork | None,
    deadline: float,
) -> TrainingSettings:
    """Return the settings that a run has begun with, or now begins with."""
    place = plan.folder / run.name / RUN
    if place.exists():
        return TrainingSettings(**json.loads(place.read_text())["settings"])
    base = replace(training_settings(plan.preset, run.architecture), seed=plan.seed)
    if run.fold is None:
        trial = Recipe(run.architecture, plan.preset, base, start).fresh()
        one = seconds_per_epoch(trial, data, base, chosen, plan.hardware)
        time_for_it = min(plan.seconds(run), deadline - time.time()) * _KEEPS_TO_TIME
        epochs = int(time_for_it / one)
    else:
        epochs = _fold_epochs(run, plan)
    settings = replace(base, epochs=min(max(2, epochs), plan.most_epochs))
    write_text(place, json.dumps({"settings": asdict(settings)}, indent=1))
    return settings


def _fold_epochs(run: PlannedRun, plan: Plan) -> int:
    """As many for every fold, with and without pre-training; an epoch is shorter by the fold that is left out."""
    (whole,) = (r for r in RUNS if r.name == WHOLE)
    settings = json.loads((plan.folder / whole.name / RUN).read_text())["settings"]
    return int(settings["epochs"] * run.share / whole.share * FOLDS / (FOLDS - 1))


def _predictions(
    run: PlannedRun, network: Network, weights: dict[str, NDArray[Any]], data: TrainingData
) -> dict[str, NDArray[Any]]:
    """Return what the network says of all paths, with its weights in single and in half precision."""
    if run.architecture == PRETRAINING:
        return {}
    torch.set_float32_matmul_precision("highest")
    scaled = predict_scaled(network, data)[:, 0]
    if run.fold is not None:
        return {"scaled": scaled}
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    half = predict_scaled(network, data)[:, 0]
    return {"scaled": scaled, "half": half, "pooled": pooled_vectors(network, data).astype("f4")}


def hardware_name() -> str:
    """Name the device that trains."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return processor()


def _log_gpu(path: Path) -> None:
    """Note how busy the GPU is, as NVIDIA's tool says, where there is one."""
    query = "--query-gpu=timestamp,utilization.gpu,utilization.memory,memory.used,power.draw"
    try:
        done = subprocess.run(
            ["nvidia-smi", query, "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return
    with path.open("a", encoding="utf-8") as log:
        log.write(done.stdout)


def progress_table(plan: Plan) -> Iterator[str]:
    """Say of each run how far it is, a line each."""
    for run in RUNS:
        folder = plan.folder / run.name
        if (folder / ERROR).exists() and not plan.done(run):
            yield f"{run.name}: failed, see {ERROR}"
        elif not (folder / RUN).exists():
            yield f"{run.name}: not begun"
        else:
            epochs = json.loads((folder / RUN).read_text())["settings"]["epochs"]
            rows = (
                (folder / METRICS).read_text().splitlines() if (folder / METRICS).exists() else []
            )
            last = f" (epoch, lr, training, validation, seconds: {rows[-1]})" if rows[1:] else ""
            yield f"{run.name}: {max(len(rows) - 1, 0)} of {epochs} epochs{last}"
