"""``migbar reproduce neb``: NEB barriers of a potential beside the known ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import print_json
from migbar.cli.options import AsJson


def neb(
    bands: Annotated[Path, typer.Option("--bands", help="JSON file of bands with known barriers.")],
    barriers: Annotated[
        Path, typer.Option(help="Table of NEB barriers that migbar neb --bands has written.")
    ],
    table: Annotated[
        Path | None, typer.Option(help="Published table of the paths (CSV): MACE-NEB barriers.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for neb.md and neb.csv.")] = None,
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
    from migbar.reproduce import as_csv, as_markdown

    records, rows = read_bands(bands), read_rows(barriers)
    published = {} if table is None else read_published_table(table)
    scores = baseline_table(rows, records, published)
    if measured is not None:
        command = "migbar neb --bands FILE --limit N --preset paper --ends both --out DIR"
        write_text(measured, measured_json(measure(rows, records), command))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "neb.md", as_markdown(scores))
        write_text(out / "neb.csv", as_csv(scores))
    if as_json:
        print_json(scores)
    else:
        typer.echo(as_markdown(scores), nl=False)
