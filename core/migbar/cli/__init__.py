"""The ``migbar`` command: one thin file per task, over the same core as the window.

Every command takes ``--json``: machine-readable output on stdout and nothing else there.
Errors go to stderr in one line, with exit code 2.
"""

from __future__ import annotations

import io
import sys

import typer

from migbar import __version__
from migbar.cli.common import Panels, add_commands
from migbar.errors import Cancelled, MigbarError, words_of
from migbar.files import leave_missing_folder

STOPPED = 130
"""Exit code after Ctrl-C."""

app = typer.Typer(
    name="migbar",
    help="Predict ionic migration barriers in crystals.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", is_eager=True
    ),
) -> None:
    if version:
        typer.echo(f"migbar {__version__}")
        raise typer.Exit


def _register() -> None:
    from migbar.cli import (
        batch,
        data,
        dft,
        dynamics,
        evaluate,
        gui,
        models,
        neb,
        paths,
        predict,
        relax,
        reproduce,
        search,
        sites,
        symmetry,
        train,
        train_networks,
        vibrations,
        volume,
    )

    train_networks.register(train.app, models.app)
    panels: Panels = {
        "One crystal": {
            "search": search.search,
            "sites": sites.sites,
            "symmetry": symmetry.symmetry,
            "predict": predict.predict,
            "paths": paths.paths,
        },
        "Many crystals": {"batch": batch.batch},
        "Relaxing, and DFT": {
            "relax": relax.relax,
            "neb": neb.neb,
            "volume": volume.volume,
            "vibrations": vibrations.vibrations,
            "dynamics": dynamics.dynamics,
            "read-dynamics": dynamics.read_dynamics,
            "export-dft": dft.export_dft,
            "read-dft": dft.read_dft,
        },
        "Models and data": {"evaluate": evaluate.evaluate},
        "The window": {"gui": gui.gui},
    }
    add_commands(app, panels)
    groups = {
        "models": models.app,
        "data": data.app,
        "train": train.app,
        "reproduce": reproduce.app,
    }
    for name, group in groups.items():
        app.add_typer(group, name=name, rich_help_panel="Models and data")


_register()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; user errors become one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a code page of Windows has no Å or no →
            stream.reconfigure(errors="replace")
    leave_missing_folder()
    try:
        given = sys.argv[1:] if arguments is None else arguments
        code = app(given or ["--help"], prog_name="migbar", standalone_mode=False)
    except Cancelled:
        _fail("cancelled.", STOPPED)
    except MigbarError as error:
        _fail(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        _fail(f"{error.format_message().rstrip('.')}{hint}.")
    except typer.Abort:
        _fail("stopped.", STOPPED)
    except MemoryError:
        _fail("there is not enough memory for this.")
    except (FileExistsError, NotADirectoryError) as error:
        _fail(f"{error.filename}: a file stands where a folder is needed; name another place.")
    except OSError as error:
        _fail(f"{error.filename or 'the output'}: {words_of(error)}")
    if code == STOPPED:  # what Typer makes of Ctrl-C
        _fail("stopped.", STOPPED)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int = 2) -> None:
    print("migbar: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
