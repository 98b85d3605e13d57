"""``migbar gui``: open the window."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from migbar.errors import MigbarError


def gui(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="A structure, a session, or the folder of a NEB calculation."),
    ] = None,
) -> None:
    """Open the window."""
    # The core knows the window by name only, so that it installs and imports without it.
    try:
        window = importlib.import_module("migbar_gui.app")
    except ImportError as error:
        raise MigbarError(
            f"the window is not installed here ({error}); use the commands instead."
        ) from None
    raise typer.Exit(window.main([str(file) for file in files or []]))
