"""The training loop, on Lightning Fabric.

Graphs lie on the accelerator as packed tensors. What a step does depends on the seed and the step's number
alone, so a run that was interrupted goes on bit for bit where it stopped.

On several GPUs or nodes the batch is shared out; start the same command under Slurm with
``srun --nodes=2 --ntasks-per-node=4 migbar train MODEL-3 … --devices 4 --nodes 2``.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from migbar.errors import Cancelled
from migbar.files import replacing, write_text
from migbar.models.networks.architectures import Network
from migbar.models.networks.batch import DeviceGraphs, to_device
from migbar.progress import SILENT, Progress
from migbar.training.networks.packing import TrainingData, TrainingFileError
from migbar.training.networks.presets import TrainingSettings

CHECKPOINT = "checkpoint.pt"
METRICS = "metrics.csv"
CHECKPOINT_SECONDS = 180.0
WARM_UP_STEPS = 3

_TIMED_STEPS = 12
_EVALUATION_BATCH = 64
_READING_BATCH = 32


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where to train; the defaults take one CPU or one GPU.

    Attributes
    ----------
    accelerator, precision, strategy : str
        As Lightning names them; for several devices ``ddp_find_unused_parameters_true``.
    devices, nodes : int
    matmul : str
        Precision of products of single-precision matrices, as PyTorch names them: ``highest``; ``high`` takes
        TF32 on a GPU; ``medium`` takes bf16, also on a CPU that has it.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    precision: str = "32-true"
    strategy: str = "auto"
    matmul: str = "highest"


ONE_DEVICE = Hardware()


@dataclass(slots=True)
class Epoch:
    """One line of the metrics."""

    epoch: int
    lr: float
    training_loss: float
    validation_loss: float
    seconds: float


@dataclass(slots=True)
class _State:
    """Everything that a run needs to go on, beside weights and optimizer."""

    step: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    best: float = float("inf")
    epochs: list[list[float]] = field(default_factory=list)


def train_network(
    network: Network,
    data: TrainingData,
    settings: TrainingSettings,
    folder: str | Path | None = None,
    chosen: Sequence[int] | NDArray[np.int64] | None = None,
    hardware: Hardware = ONE_DEVICE,
    progress: Progress = SILENT,
    stop_after: float | None = None,
    watch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train a network in place; it ends with the weights that are to be kept.

    Parameters
    ----------
    network : Network
    data : TrainingData
    settings : TrainingSettings
    folder : path, optional
        For checkpoint and metrics. A run whose checkpoint lies there goes on from it.
    chosen : sequence of int, optional
        Which of the data to use; all where not given.
    hardware : Hardware
    progress : Progress
        Where cancelled, a checkpoint is written and `Cancelled` raised.
    stop_after : float, optional
        Seconds after which to write a checkpoint and stop as if cancelled.
    watch : callable, optional
        Told every epoch that ends; it may look at the network, and changes nothing.

    Returns
    -------
    list of Epoch
    """
    run = TrainingRun(network, data, settings, folder, chosen, hardware, progress, stop_after)
    run.watch = watch
    run.resume()
    run.train()
    return [Epoch(int(row[0]), *row[1:]) for row in run.state.epochs]


class TrainingRun:
    """A run of `train_network`, to be driven step by step."""

    def __init__(
        self,
        network: Network,
        data: TrainingData,
        settings: TrainingSettings,
        folder: str | Path | None = None,
        chosen: Sequence[int] | NDArray[np.int64] | None = None,
        hardware: Hardware = ONE_DEVICE,
        progress: Progress = SILENT,
        stop_after: float | None = None,
    ) -> None:
        from lightning.fabric import Fabric

        self.settings, self.progress = settings, progress
        self.folder = None if folder is None else Path(folder)
        self.deadline = None if stop_after is None else time.monotonic() + stop_after
        self.fabric = Fabric(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            num_nodes=hardware.nodes,
            precision=hardware.precision,  # type: ignore[arg-type]
            strategy=hardware.strategy,
        )
        self.fabric.launch()
        torch.set_float32_matmul_precision(hardware.matmul)
        index = np.arange(len(data)) if chosen is None else np.asarray(chosen, np.int64)
        index = np.random.default_rng(settings.seed).permutation(index)
        held_out = round(len(index) * settings.validation)
        self.training = index[: len(index) - held_out]
        self.validation = index[len(index) - held_out :]
        self.batch_size = min(settings.batch_size, len(self.training))
        self.steps_per_epoch = len(self.training) // self.batch_size
        self.raw = network
        optimizer = torch.optim.AdamW(
            _parameter_groups(network, settings.weight_decay),
            lr=1e-4,
            fused=self.fabric.device.type == "cuda",
        )
        self.network, self.optimizer = self.fabric.setup(network, optimizer)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=settings.max_lr,
            total_steps=settings.epochs * self.steps_per_epoch,
            pct_start=settings.pct_start,
        )
        device = self.fabric.device
        self.graphs = [DeviceGraphs(data.graphs[name], device) for name in network.inputs]
        targets = torch.from_numpy(data.targets).to(device)
        self.known = torch.isfinite(targets)
        self.targets = torch.where(self.known, targets, torch.zeros_like(targets))
        self.watch: Callable[[Epoch], None] | None = None
        self.state = _State()
        self.loss = torch.zeros((), dtype=torch.float64, device=device)
        self.epoch, self.order = -1, self.training
        self.best: dict[str, Tensor] | None = None

    # -------------------------------------------------------------- checkpoints

    def resume(self) -> None:
        if self.folder is None or not (self.folder / CHECKPOINT).exists():
            return
        path = self.folder / CHECKPOINT
        try:
            saved = torch.load(path, map_location=self.fabric.device, weights_only=True)
            if saved["settings"] != asdict(self.settings):
                raise TrainingFileError(
                    path,
                    "belongs to a run with other settings; remove it or choose another folder.",
                )
            self.raw.load_state_dict(saved["network"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.schedule.load_state_dict(saved["schedule"])
            self.state = _State(**saved["state"])
            self.loss.fill_(self.state.loss)
            self.best = saved["best"]
        except TrainingFileError:
            raise
        except Exception as error:  # torch raises many kinds for files that are damaged or foreign
            raise TrainingFileError(
                path, f"is no checkpoint of this network ({type(error).__name__}); remove it."
            ) from None

    def save(self) -> None:
        if self.folder is None or not self.fabric.is_global_zero:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state.loss = self.loss.item()
        content = {
            "settings": asdict(self.settings),
            "network": self.raw.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "state": asdict(self.state),
            "best": self.best,
        }
        with replacing(self.folder / CHECKPOINT) as temporary:
            torch.save(content, temporary)
        write_text(self.folder / METRICS, self._metrics())

    def _metrics(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", "lr", "training_loss", "validation_loss", "seconds"])
        writer.writerows([int(row[0]), *(f"{v:.6g}" for v in row[1:])] for row in self.state.epochs)
        return text.getvalue()

    # -------------------------------------------------------------- training

    def train(self) -> None:
        total = self.settings.epochs * self.steps_per_epoch
        saved = started = time.monotonic()
        before = self.state.seconds
        while self.state.step < total:
            if self.progress.cancelled() or self._too_late():
                self.save()
                raise Cancelled
            self.step()
            self.state.seconds = before + time.monotonic() - started
            if self.state.step % self.steps_per_epoch == 0:
                self._end_epoch()
            self.progress.report(self.state.step, total, self._message())
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()
        if self.best is not None:
            self.raw.load_state_dict(self.best)
        self.raw.eval()

    def _too_late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def now(self) -> float:
        """Read the clock once all work on the device is done."""
        if self.fabric.device.type == "cuda":
            torch.cuda.synchronize()
        return time.monotonic()

    def step(self) -> None:
        """Train on one batch."""
        settings, step = self.settings, self.state.step
        epoch, within = divmod(step, self.steps_per_epoch)
        torch.manual_seed(settings.seed * 1_000_003 + step)
        if self.epoch != epoch:
            self.epoch = epoch
            self.order = np.random.default_rng([settings.seed, epoch]).permutation(self.training)
        batch = self.order[within * self.batch_size : (within + 1) * self.batch_size]
        batch = batch[self.fabric.global_rank :: self.fabric.world_size]
        self.network.train()
        loss = self._loss(batch)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        # Stays on the device: to ask for a number is to wait for it.
        self.loss += loss.detach()
        self.state.step += 1

    def _loss(self, batch: NDArray[np.int64]) -> Tensor:
        """Mean absolute error over all outputs, unknown ones counting as met: Eq. (2) of the paper."""
        index = to_device(batch, self.fabric.device)
        out = self.network(*(graphs.batch(batch) for graphs in self.graphs))
        return ((out - self.targets[index]).abs() * self.known[index]).mean()

    def _end_epoch(self) -> None:
        state = self.state
        validation = self._validate() if len(self.validation) else float("nan")
        if validation < state.best:
            state.best = validation
            self.best = {k: v.detach().clone() for k, v in self.raw.state_dict().items()}
        lr = float(self.schedule.get_last_lr()[0])
        epoch = state.step // self.steps_per_epoch
        mean = self.loss.item() / self.steps_per_epoch
        self.loss.zero_()
        state.epochs.append([epoch, lr, mean, validation, state.seconds])
        if self.watch is not None:
            self.watch(Epoch(epoch, lr, mean, validation, state.seconds))

    @torch.no_grad()
    def _validate(self) -> float:
        self.network.eval()
        losses = [
            self._loss(part).item() * len(part)
            for part in np.array_split(
                self.validation, max(1, len(self.validation) // _EVALUATION_BATCH)
            )
        ]
        return sum(losses) / len(self.validation)

    def _message(self) -> str:
        if not self.state.epochs:
            return "Training"
        _, _, training, validation, _ = self.state.epochs[-1]
        watched = f", validation {validation:.3f}" if np.isfinite(validation) else ""
        return f"Training: loss {training:.3f}{watched}"


def _parameter_groups(network: Network, weight_decay: float) -> list[dict[str, Any]]:
    """Leave biases and norms without weight decay, as the published code does."""
    free = ("bias", "bn", "norm")
    named = list(network.named_parameters())
    return [
        {
            "params": [p for name, p in named if not any(part in name for part in free)],
            "weight_decay": weight_decay,
        },
        {
            "params": [p for name, p in named if any(part in name for part in free)],
            "weight_decay": 0.0,
        },
    ]


def seconds_per_epoch(
    network: Network,
    data: TrainingData,
    settings: TrainingSettings,
    chosen: Sequence[int] | NDArray[np.int64] | None = None,
    hardware: Hardware = ONE_DEVICE,
) -> float:
    """Say how long an epoch takes, by some steps that train the network."""
    epochs = WARM_UP_STEPS + _TIMED_STEPS  # enough, however long they are
    settings = replace(settings, epochs=epochs)
    run = TrainingRun(network, data, settings, chosen=chosen, hardware=hardware)
    for step in range(-WARM_UP_STEPS, _TIMED_STEPS):
        if step == 0:
            started = run.now()
        run.step()
    return (run.now() - started) / _TIMED_STEPS * run.steps_per_epoch


def predict_scaled(
    network: Network,
    data: TrainingData,
    chosen: Sequence[int] | NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """Return the scaled outputs of a network for (some of the) data, shape (n, outputs)."""
    return _read(network, network.forward, data, chosen)


def pooled_vectors(network: Network, data: TrainingData) -> NDArray[np.float64]:
    """Return the vectors that the heads read, for all data, shape (n, hidden)."""
    return _read(network, network.pooled, data).astype(float)


@torch.no_grad()
def _read(
    network: Network,
    function: Callable[..., Tensor],
    data: TrainingData,
    chosen: Sequence[int] | NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    device = next(network.parameters()).device
    graphs = [DeviceGraphs(data.graphs[name], device) for name in network.inputs]
    index = np.arange(len(data)) if chosen is None else np.asarray(chosen, np.int64)
    network.eval()
    parts = [
        function(*(g.batch(part) for g in graphs)).float().cpu().numpy()
        for part in np.array_split(index, max(1, -(-len(index) // _READING_BATCH)))
        if len(part)
    ]
    return np.concatenate(parts)
