"""Train on packed data alone: ``python -m migbar.training.networks``, for a machine with little but PyTorch.

The same command goes on from its last checkpoint; ``--stop-after`` cuts a run into short commands. What it
writes, ``network.npz``, is made into a model with a card at home.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from migbar.errors import Cancelled
from migbar.training.networks.loop import Hardware, train_network
from migbar.training.networks.packing import SavedNetwork, TrainingData, state_arrays
from migbar.training.networks.presets import PRESETS, finetuning_settings, with_changes
from migbar.training.networks.recipes import Recipe


class _Lines:
    """Prints a line every so many steps."""

    def report(self, done: int, total: int, message: str = "") -> None:
        if done % max(1, total // 200) == 0:
            print(f"{done}/{total} {message}", flush=True)

    def cancelled(self) -> bool:
        return False


def main() -> int:
    """Run one training; 3 if it was cut short and should be started again."""
    options = _options()
    preset = PRESETS[options.preset]
    pretraining = options.architecture == "MPT"
    base = (
        preset.pretraining
        if pretraining
        else finetuning_settings(options.preset, options.architecture)
    )
    settings = with_changes(base, options.epochs, options.batch_size, options.seed)
    start = None if options.start is None else SavedNetwork.load(options.start)
    network = Recipe(options.architecture, options.preset, settings, start).fresh()
    hardware = Hardware(precision=options.precision, matmul=options.matmul)
    data = TrainingData.load(options.data)
    try:
        curve = train_network(
            network, data, settings, options.out, None, hardware, _Lines(), options.stop_after
        )
    except Cancelled:
        return 3
    graphs = preset.pretraining_graphs if pretraining else preset.graphs
    info = {**data.info, "preset": options.preset, "epochs": len(curve), "seed": options.seed}
    info |= {
        "wall_time_s": curve[-1].seconds,
        "hardware": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "pretraining": None if start is None else start.info,
    }
    saved = SavedNetwork(options.architecture, network.size, graphs, state_arrays(network), info)
    saved.save(options.out / "network.npz")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m migbar.training.networks", description=__doc__)
    parser.add_argument("architecture", help="MPT, MODEL-1-ADD … MODEL-4")
    parser.add_argument("--data", type=Path, required=True, help="packed data (.npz)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--start", type=Path, help="network.npz of an MPT")
    parser.add_argument("--preset", default="paper", choices=sorted(PRESETS))
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--seed", type=int, default=123)
    parser.add_argument("--stop-after", type=float, help="seconds")
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--matmul", default="highest", choices=("highest", "high", "medium"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
