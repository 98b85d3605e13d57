"""``migbar train NAME``: a model from own data."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from migbar.cli.common import goes_on, print_json, progress_bar
from migbar.cli.options import LARGEST_SEED, AsJson
from migbar.errors import Cancelled, MigbarError
from migbar.wording import counted, duration

if TYPE_CHECKING:
    from migbar.runs import Run
    from migbar.training.own.options import TrainingOptions

OWN = "NAME"
"""How the command is listed; it is what any name that is no other command stands for."""

_POLL_S = 0.2


class TrainGroup(TyperGroup):
    """Takes a name that is no command for the name of a new model."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            args = [OWN, *args]
        return super().resolve_command(ctx, args)


def train_own(
    name: Annotated[str, typer.Argument(help="Name of the new model.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(help="Dataset (.parquet, see migbar data import).")
    ] = None,
    options_file: Annotated[
        Path | None,
        typer.Option("--options", help="TOML file of options; given ones go before it."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="migbar-fast, MODEL-3-compact, MPT-compact, network.npz or scratch."
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="From scratch or MPT: migbar-fast, band-forest, MODEL-3 …")
    ] = None,
    train: Annotated[str | None, typer.Option(help="Of a network: all or heads.")] = None,
    preset: Annotated[str | None, typer.Option(help="quick, paper or thorough.")] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Split by groups, classes, random or column.")
    ] = None,
    folds: Annotated[int | None, typer.Option(help="Cross-validate; 0: hold one part out.")] = None,
    validation: Annotated[float | None, typer.Option(help="Share that is held out.")] = None,
    refit: Annotated[
        bool | None,
        typer.Option("--refit/--no-refit", help="Train on all paths after the judgement."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Same options and seed: same weights.", min=0, max=LARGEST_SEED),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    notes: Annotated[str | None, typer.Option(help="Your own words for the card.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; one in your own store where not given.")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only measure how long it would take here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model of that NAME on your own data, judge it, and put it into your model store.

    The same command goes on with a run that was interrupted, and joins one that is still running.
    """
    from migbar.training.own.options import TrainingOptions, read_options

    given = {
        "data": None if data is None else str(data.absolute()), "start": start, "recipe": recipe, "train": train,
        "preset": preset, "scheme": scheme, "folds": folds, "validation": validation, "refit": refit,
        "seed": seed, "device": device, "notes": notes,
    }  # fmt: skip
    told = {} if options_file is None else read_options(options_file).to_dict()
    told |= {key: value for key, value in given.items() if value is not None}
    if "data" not in told:
        raise MigbarError("say which data to train on (--data, or --options with a TOML file).")
    options = TrainingOptions.from_dict(told | {"name": name})
    if estimate:
        _tell_estimate(options, as_json)
        return
    result = _run(_folder(options, run), as_json)
    if as_json:
        print_json(result)
        return
    typer.echo(result["verdict_text"])
    for warning in result["split"]["warnings"]:
        typer.echo(f"! {warning}")
    typer.echo(f"model {result['model']} in {result['folder']}; report in {result['report']}")


def _tell_estimate(options: TrainingOptions, as_json: bool) -> None:
    from migbar.training.own.task import estimate

    with progress_bar() as progress:
        found = estimate(options, progress)
    if as_json:
        print_json(
            {
                "seconds": found.seconds,
                "judging_seconds": found.judging,
                "training_seconds": found.training,
            }
        )
    else:
        typer.echo(f"about {duration(found.seconds)} on this machine")


def _folder(options: TrainingOptions, folder: Path | None) -> Path:
    """Make the run, or find the one to go on with."""
    from migbar import runs

    place = folder or _place(options)
    if (place / "run.json").exists():
        before = runs.read_run(place)
        if before.options != options.to_dict():
            raise MigbarError(
                f"{place} holds a run with other options; give another folder (--run), or remove it."
            )
        return place
    return runs.create_run(
        place, runs.TRAINING, f"Training {options.name}", options.to_dict()
    ).folder


def _place(options: TrainingOptions) -> Path:
    """Folder of a run that was not finished with these options, or the next free one."""
    from migbar import runs

    number = 1
    while True:
        place = runs.runs_dir() / f"training-{options.name}{'' if number == 1 else f'-{number}'}"
        if not (place / "run.json").exists():
            return place
        before = runs.read_run(place)
        if before.state is not runs.RunState.FINISHED and before.options == options.to_dict():
            return place
        number += 1


def _run(folder: Path, quiet: bool) -> dict[str, Any]:
    """Do the run in a process of its own, or join the one that is at it, and show what it tells."""
    from migbar import runs

    if runs.read_run(folder).state is not runs.RunState.FINISHED:
        _, place = runs.read_events(folder)
        is_alive = _started(folder)
        with goes_on(folder), progress_bar() as progress:
            try:
                while is_alive():
                    place = _tell(folder, place, progress, quiet)
                    time.sleep(_POLL_S)
            except KeyboardInterrupt:
                runs.stop_run(folder)
                while is_alive():
                    time.sleep(_POLL_S)
                raise
            _tell(folder, place, progress, quiet)
    return _result(runs.read_run(folder))


def _started(folder: Path) -> Callable[[], bool]:
    """Start the process of a run unless there is one; return whether it is still alive."""
    from migbar import runs

    run = runs.read_run(folder)
    if run.state is runs.RunState.RUNNING:  # its terminal was closed, or the window started it
        print(f"{run.title} is running already; this shows it, Ctrl-C stops it.", file=sys.stderr)
        return lambda: runs.read_run(folder).state is runs.RunState.RUNNING
    process = runs.start_run(folder)
    return lambda: process.poll() is None


def _result(run: Run) -> dict[str, Any]:
    from migbar.runs import RunState

    if run.state is RunState.FINISHED:
        return dict(run.result)
    if run.state is RunState.STOPPED:
        raise Cancelled
    raise MigbarError(
        run.error
        or f"the run in {run.folder} was killed, or ran out of memory (its log.txt may tell); the same command "
        "goes on."
    )


def _tell(folder: Path, place: int, progress: Any, quiet: bool) -> int:
    from migbar import runs

    events, place = runs.read_events(folder, place)
    for event in events:
        kind = event["kind"]
        if kind == "progress":
            progress.report(event["done"], event["total"], event["message"])
        elif quiet:
            continue
        elif kind == "stage":
            typer.echo(f"[{event['number']}/{event['total']}] {event['text']}")
        elif kind == "split":
            typer.echo(
                f"  {counted(event['training'], 'path')} to train on, {event['validation']} to judge by"
                + (f", {event['folds']} folds" if event["folds"] else "")
                + (f"; {event['known']} are known to the start" if event["known"] else "")
            )
        elif kind == "fold" and event["folds"] > 1:
            typer.echo(f"  fold {event['fold'] + 1}: MAE {event['mae_ev']:.3f} eV")
        elif kind == "step" and event["validation_ev"] is not None:
            typer.echo(
                f"  {event['done']} of {event['total']} {event['unit']}: MAE {event['validation_ev']:.3f} eV"
            )
    return place
