"""``migbar models``: what can predict."""

from __future__ import annotations

import typer

from migbar.cli.common import AsJson, print_json

app = typer.Typer(help="List the models.")


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
