"""A first look at a GPU: does it compute the same as a CPU, how fast, and what does it wait for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from migbar.models.networks.architectures import Network, make_network
from migbar.models.networks.batch import DeviceGraphs
from migbar.training.networks.loop import WARM_UP_STEPS, Hardware, TrainingRun
from migbar.training.networks.packing import TrainingData
from migbar.training.networks.plan import hardware_name
from migbar.training.networks.presets import PRESETS, training_settings

ALIKE = 10.0
"""So many times as far off as a CPU's single precision a GPU's may be."""

_PROFILED = 3
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """Packed data and preset to try."""

    pretraining: Path
    finetuning: Path
    preset: str = "paper"
    steps: int = 20

    def lines(self) -> Iterator[str]:
        """Try everything, and say how it went."""
        yield f"{hardware_name()}, PyTorch {torch.__version__}"
        pretraining, finetuning = (
            TrainingData.load(path) for path in (self.pretraining, self.finetuning)
        )
        if torch.cuda.is_available():
            yield from self._bandwidth()
        for name, data in (("MPT", pretraining), ("MODEL-4", finetuning)):
            yield from self._difference(name, data)
        for name, data in (
            ("MPT", pretraining),
            ("MODEL-3", finetuning),
            ("MODEL-4", finetuning),
            ("MODEL-1-CC", finetuning),
            ("MODEL-2", finetuning),
        ):
            yield from self._speed(name, data)

    def _bandwidth(self) -> Iterator[str]:
        source = torch.randn(1 << 30, device="cuda")
        target = torch.empty_like(source)
        seconds = []
        for _ in range(6):
            torch.cuda.synchronize()
            started = time.perf_counter()
            target.copy_(source)
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - started)
        yield f"copy {2 * source.nbytes / np.median(seconds[1:]) / 1e12:.2f} TB/s"

    def _network(self, name: str) -> Network:
        torch.manual_seed(0)
        return make_network(name, PRESETS[self.preset].size)

    def _difference(self, name: str, data: TrainingData) -> Iterator[str]:
        """Compare outputs and gradients of one batch in single precision with those in double precision."""
        torch.set_float32_matmul_precision("highest")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        double, single, here = (
            self._answers(name, data, *where)
            for where in (
                ("cpu", torch.float64),
                ("cpu", torch.float32),
                (device, torch.float32),
            )
        )
        for what, exact, cpu, mine in zip(
            ("outputs", "gradients"), double, single, here, strict=True
        ):
            usual, off = (float((t - exact).norm() / exact.norm()) for t in (cpu, mine))
            fine = off <= ALIKE * usual + 1e-5
            verdict = "alike" if fine else "NOT AS ON THE CPU: do not train"
            yield (
                f"{name}: {what} off by {off:.1e} on {device}, by {usual:.1e} on a CPU: {verdict}"
            )

    def _answers(
        self, name: str, data: TrainingData, device: str, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        network = self._network(name).to(device, dtype).train()
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        graphs = [DeviceGraphs(data.graphs[kind], device, dtype) for kind in network.inputs]
        out = network(*(g.batch(range(4)) for g in graphs))
        gradients = torch.autograd.grad(
            out.square().sum(), list(network.parameters()), allow_unused=True
        )
        known = [g.reshape(-1) for g in gradients if g is not None]
        return out.detach().double().cpu(), torch.cat(known).double().cpu()

    def _speed(self, name: str, data: TrainingData) -> Iterator[str]:
        epochs = WARM_UP_STEPS + self.steps + _PROFILED
        base = replace(training_settings(self.preset, name), epochs=epochs)
        for hardware in (
            Hardware(),
            Hardware(matmul="high"),
            Hardware(precision="bf16-mixed", matmul="high"),
        ):
            run = TrainingRun(self._network(name), data, base, hardware=hardware)
            for _ in range(WARM_UP_STEPS):
                run.step()
            run.loss.zero_()
            started = run.now()
            for _ in range(self.steps):
                run.step()
            handed_over = time.monotonic() - started
            seconds = (run.now() - started) / self.steps
            yield (
                f"{name} {hardware.precision} {hardware.matmul}: {seconds * 1000:.1f} ms a step "
                f"({handed_over / self.steps * 1000:.1f} ms to launch it), "
                f"{seconds * run.steps_per_epoch:.2f} s an epoch without validation, "
                f"mean loss {run.loss.item() / self.steps:.4f}{_memory()}"
            )
        if torch.cuda.is_available():
            yield from _kernels(run)


def _memory() -> str:
    if not torch.cuda.is_available():
        return ""
    peak = torch.cuda.max_memory_allocated() / 1e9
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.empty_cache()
    return f", {peak:.1f} GB"


def _kernels(run: TrainingRun) -> Iterator[str]:
    """Say which kernels take the time of a step, and how long the GPU does nothing."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        started = run.now()
        for _ in range(_PROFILED):
            run.step()
        seconds = run.now() - started
    kernels = sorted(profiler.key_averages(), key=lambda k: -k.self_device_time_total)
    busy = sum(k.self_device_time_total for k in kernels) / 1e6
    launches = sum(k.count for k in kernels) // _PROFILED
    yield f"  {launches} launches a step, the GPU is busy {busy / seconds:.0%} of the time; most of it:"
    for kernel in kernels[:_SHOWN]:
        took = kernel.self_device_time_total / _PROFILED / 1000
        yield f"  {took:8.3f} ms, {kernel.count // _PROFILED} times: {kernel.key[:80]}"
