"""``migbar models``: what can predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migbar.cli.common import print_json
from migbar.cli.options import AsJson

if TYPE_CHECKING:
    from migbar.models.store import StoredModel

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
        error = card.usual_error_ev
        usual = "" if error is None else f"   MAE on unseen frameworks {error:.2f} eV"
        typer.echo(f"{card.name} {card.version}{mark}{usual}\n  {card.summary}")


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


Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder for the model; your model store where not given."),
]


def keep(model: StoredModel, out: Path | None, as_json: bool) -> None:
    """Save a model that was trained just now, and tell where it is and how good."""
    from migbar.models.store import save_model

    folder = save_model(model, out)
    if as_json:
        print_json({"folder": str(folder), **model.card.to_dict()})
        return
    typer.echo(f"{model.card.name} {model.card.version} saved in {folder}")
    for protocol in ("random", "grouped"):
        scores = model.card.scores[protocol]
        typer.echo(
            f"  {protocol} {scores['folds']}-fold: MAE {scores['mae_ev']:.3f} ± {scores['mae_se_ev']:.3f} eV, "
            f"R² {scores['r2']:.2f} ± {scores['r2_se']:.2f}, accuracy {scores['accuracy']:.2f}"
        )
