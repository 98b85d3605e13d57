"""``migbar reproduce own-data``: what a scientist's own paths are worth."""

from __future__ import annotations

from typing import Annotated

import typer

from migbar.cli.common import progress_bar
from migbar.cli.options import AsJson
from migbar.cli.reproduce.shared import Bands, Out, Seed, show


def own_data(
    bands: Bands,
    networks: Annotated[
        bool, typer.Option("--networks", help="The compact network, too (about ten minutes).")
    ] = False,
    repeats: Annotated[int, typer.Option(help="Draws of every protocol.", min=1)] = 2,
    seed: Seed = 123,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Take the published paths apart into base, own paths and a judge, and see what the own paths are worth."""
    from migbar.datasets import read_bands
    from migbar.reproduce.own_data import (
        as_markdown,
        network_rows,
        suggestion_rows,
        tree_rows,
    )

    records = read_bands(bands)
    with progress_bar() as progress:
        rows = tree_rows(records, seed, repeats, progress)
        rows += suggestion_rows(records, seed, 2 * repeats, progress)
        if networks:
            rows += network_rows(records, seed, progress)
    show("own-data", [row.to_dict() for row in rows], as_markdown(rows), out, as_json)
