"""``migbar train``: make a model from bands with known barriers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import progress_bar
from migbar.cli.models import Out, keep
from migbar.cli.options import LARGEST_SEED, AsJson
from migbar.cli.train_own import OWN, TrainGroup, train_own

app = typer.Typer(
    help="Train a model: one of your own data, or one of the bundled kinds.", cls=TrainGroup
)
app.command(OWN)(train_own)

Data = Annotated[Path, typer.Option("--data", help="JSON file of bands in the published format.")]
Seed = Annotated[
    int, typer.Option(help="Same data, seed and versions: same model.", min=0, max=LARGEST_SEED)
]


@app.command("band-forest")
def band_forest(data: Data, out: Out = None, seed: Seed = 123, as_json: AsJson = False) -> None:
    """Train the tree ensemble on band descriptors, with cross-validated scores on its card."""
    from migbar.datasets import read_bands
    from migbar.training.forest import train_band_forest

    with progress_bar() as progress:
        model = train_band_forest(read_bands(data), seed, progress)
    keep(model, out, as_json)
