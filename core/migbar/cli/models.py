"""``migbar models``: what can predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import print_json
from migbar.cli.options import AsJson

app = typer.Typer(help="List, share and remove models.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the bundled models and your own."""
    from migbar.models.store import DEFAULT_MODEL, list_models

    cards = list_models()
    if as_json:
        print_json([{**card.to_dict(), "default": card.name == DEFAULT_MODEL} for card in cards])
        return
    for card in cards:
        mark = " (default)" if card.name == DEFAULT_MODEL else ""
        typer.echo(f"{card.name} {card.version}{mark}\n  {card.summary}")


Name = Annotated[str, typer.Argument(help="Name of the model.")]


@app.command("export")
def export(
    name: Name, out: Annotated[Path, typer.Argument(help="File to write, NAME.migbar-model.")]
) -> None:
    """Write a model as one file, for another machine or a colleague."""
    from migbar.models.sharing import export_model

    typer.echo(f"wrote {export_model(name, out)}")


@app.command("remove")
def remove(name: Name) -> None:
    """Delete a model of your own."""
    from migbar.models.sharing import remove_model

    remove_model(name)
    typer.echo(f"removed {name}")
