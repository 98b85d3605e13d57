"""``migbar reproduce neb``: NEB barriers of a potential beside the known ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.options import AsJson
from migbar.cli.reproduce.shared import Bands, Out, Table, show


def neb(
    bands: Bands,
    barriers: Annotated[
        Path, typer.Option(help="Table of NEB barriers that migbar neb --bands has written.")
    ],
    table: Table = None,
    out: Out = None,
    measured: Annotated[
        Path | None,
        typer.Option(help="Write bias and spread (JSON) here, as the program tells them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print how far NEB barriers of a potential are from the known ones, beside published MACE-NEB."""
    from migbar.datasets import read_bands, read_published_table
    from migbar.files import write_text
    from migbar.neb.baseline import read_rows
    from migbar.neb.scores import baseline_table, measure, measured_json
    from migbar.reproduce.rows import as_markdown

    records, rows = read_bands(bands), read_rows(barriers)
    published = {} if table is None else read_published_table(table)
    scores = baseline_table(rows, records, published)
    if measured is not None:
        command = "migbar neb --bands FILE --limit N --preset paper --ends both --out DIR"
        write_text(measured, measured_json(measure(rows, records), command))
    show("neb", scores, as_markdown(scores), out, as_json)
