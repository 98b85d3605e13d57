"""Train on packed data alone, on a machine with little but PyTorch, NumPy and Lightning.

``python -m migbar.training.networks try`` looks at the GPU first; ``… plan`` trains all networks, the same command
again goes on; ``… MODEL-3`` trains one. What they write is made into models with cards at home.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from migbar.errors import Cancelled
from migbar.graphs import GraphSettings
from migbar.models.networks.architectures import ARCHITECTURES
from migbar.training.networks.loop import Hardware, train_network
from migbar.training.networks.packing import SavedNetwork, TrainingData, state_arrays
from migbar.training.networks.parcel import write_parcel
from migbar.training.networks.plan import (
    MOST_EPOCHS,
    Plan,
    carry_out_all,
    hardware_name,
    progress_table,
)
from migbar.training.networks.presets import PRESETS, training_settings, with_changes
from migbar.training.networks.recipes import Recipe
from migbar.training.networks.trial import Trial

UNFINISHED = 3


class _Lines:
    """Prints a line every so many steps."""

    def report(self, done: int, total: int, message: str = "") -> None:
        if done % max(1, total // 200) == 0:
            print(f"{done}/{total} {message}", flush=True)

    def cancelled(self) -> bool:
        return False


def main() -> int:
    """Do what was asked for; 3 if it is not finished and the command should be given again."""
    # Batches differ in size: without it pieces of memory pile up that fit none of them.
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    options = _options()
    return int(options.command(options))


def _try(options: argparse.Namespace) -> int:
    trial = Trial(options.pretraining, options.finetuning, options.preset, options.steps)
    for line in trial.lines():
        print(line, flush=True)
    return 0


def _plan(options: argparse.Namespace) -> int:
    plan = Plan(
        options.folder,
        options.pretraining,
        options.finetuning,
        options.preset,
        options.total,
        options.at_once,
        Hardware(precision=options.precision, matmul=options.matmul),
        options.seed,
        options.most_epochs,
    )
    finished = carry_out_all(plan, options.seconds)
    print(*progress_table(plan), sep="\n")
    for name in write_parcel(plan, options.out, options.at_home):
        print(f"no room for {name}")
    return 0 if finished else UNFINISHED


def _train(options: argparse.Namespace) -> int:
    base = training_settings(options.preset, options.architecture)
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
        return UNFINISHED
    graphs = GraphSettings(**data.info["graphs"])
    info = {**data.info, "preset": options.preset, "epochs": len(curve), "seed": options.seed}
    info |= {
        "wall_time_s": curve[-1].seconds,
        "hardware": hardware_name(),
        "pretraining": None if start is None else start.info,
    }
    saved = SavedNetwork(options.architecture, network.size, graphs, state_arrays(network), info)
    saved.save(options.out / "network.npz")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m migbar.training.networks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    of_both = argparse.ArgumentParser(add_help=False)
    of_both.add_argument("--pretraining", type=Path, required=True, help="packed corpus (.npz)")
    of_both.add_argument("--finetuning", type=Path, required=True, help="packed bands (.npz)")
    of_both.add_argument("--preset", default="paper", choices=sorted(PRESETS))
    of_all = argparse.ArgumentParser(add_help=False)
    of_all.add_argument("--seed", type=int, default=123)
    of_all.add_argument("--precision", default="32-true", help="as Lightning names them")

    trial = commands.add_parser("try", parents=[of_both], help="look at the GPU first")
    trial.add_argument("--steps", type=int, default=20, help="timed steps of each kind")
    trial.set_defaults(command=_try)

    plan = commands.add_parser("plan", parents=[of_both, of_all], help="train all networks")
    plan.add_argument("folder", type=Path, help="folder of all runs")
    plan.add_argument("--out", type=Path, required=True, help="folder for what travels home")
    plan.add_argument("--total", type=float, default=1500.0, help="seconds for all commands")
    plan.add_argument("--seconds", type=float, default=540.0, help="seconds for this command")
    plan.add_argument("--at-once", type=int, default=2, help="runs that share the GPU")
    plan.add_argument("--at-home", nargs="*", default=[], help="runs whose networks are fetched")
    plan.add_argument("--most-epochs", type=int, default=MOST_EPOCHS)
    plan.add_argument("--matmul", default="high", choices=("highest", "high", "medium"))
    plan.set_defaults(command=_plan)

    for architecture in ARCHITECTURES:
        train = commands.add_parser(architecture, parents=[of_all])
        train.add_argument("--data", type=Path, required=True, help="packed data (.npz)")
        train.add_argument("--out", type=Path, required=True, help="folder of the run")
        train.add_argument("--start", type=Path, help="network.npz of an MPT")
        train.add_argument("--preset", default="paper", choices=sorted(PRESETS))
        train.add_argument("--epochs", type=int)
        train.add_argument("--batch-size", type=int)
        train.add_argument("--stop-after", type=float, help="seconds")
        train.add_argument("--matmul", default="highest", choices=("highest", "high", "medium"))
        train.set_defaults(command=_train, architecture=architecture)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
