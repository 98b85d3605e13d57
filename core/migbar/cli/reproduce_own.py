"""``migbar reproduce own-data``: what a scientist's own paths are worth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import print_json, progress_bar
from migbar.cli.options import AsJson


def own_data(
    data: Annotated[
        Path, typer.Option("--data", help="JSON file of bands in the published format.")
    ],
    networks: Annotated[
        bool, typer.Option("--networks", help="The compact network, too (about ten minutes).")
    ] = False,
    repeats: Annotated[int, typer.Option(help="Draws of every protocol.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Same seed, same parts and models.")] = 123,
    out: Annotated[Path | None, typer.Option(help="Markdown file to write.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take the published paths apart into base, own paths and a judge, and see what the own paths are worth."""
    from migbar.datasets import read_bands
    from migbar.files import write_text
    from migbar.reproduce_own_data import (
        as_markdown,
        network_rows,
        suggestion_rows,
        tree_rows,
    )

    records = read_bands(data)
    with progress_bar() as progress:
        rows = tree_rows(records, seed, repeats, progress)
        rows += suggestion_rows(records, seed, 2 * repeats, progress)
        if networks:
            rows += network_rows(records, seed, progress)
    if out is not None:
        write_text(out, as_markdown(rows))
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        typer.echo(as_markdown(rows), nl=False)
