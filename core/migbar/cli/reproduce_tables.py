"""``migbar reproduce table-s5``, ``pathways``, ``confusion``, ``neb``: the paper's tables with the models at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from migbar.cli.common import THRESHOLD, AsJson, Threshold, print_json, progress_bar

Bands = Annotated[Path, typer.Option("--bands", help="JSON file of bands with known barriers.")]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write the table here, too.")]
Models = Annotated[
    list[str] | None, typer.Option("--model", "-m", help="Models; all that can be loaded if none.")
]


def table_s5(
    bands: Bands,
    test: Annotated[Path | None, typer.Option(help="Bands of a test set.")] = None,
    csv_file: CsvFile = None,
    as_json: AsJson = False,
) -> None:
    """Print Table S5: every model of the paper and our own, beside the published numbers."""
    from migbar import reproduce
    from migbar.datasets import read_bands

    with progress_bar() as progress:
        rows = reproduce.table_s5(
            read_bands(bands), None if test is None else read_bands(test), progress
        )
    _show(rows, csv_file, as_json)


def pathways(
    bands: Bands, model: Models = None, csv_file: CsvFile = None, as_json: AsJson = False
) -> None:
    """Print how many structures with several paths have their paths told apart (Fig. 3a)."""
    from migbar import reproduce
    from migbar.datasets import read_bands

    with progress_bar() as progress:
        rows = reproduce.pathways(read_bands(bands), _load(model), progress)
    _show(rows, csv_file, as_json)


def confusion(
    bands: Bands,
    model: Models = None,
    threshold: Threshold = THRESHOLD,
    csv_file: CsvFile = None,
    as_json: AsJson = False,
) -> None:
    """Print good and bad conductors by what a model takes them for (Fig. 3d)."""
    from migbar import reproduce
    from migbar.datasets import read_bands

    with progress_bar() as progress:
        rows = reproduce.confusion(read_bands(bands), _load(model), threshold, progress)
    _show(rows, csv_file, as_json)


def neb(
    bands: Bands,
    barriers: Annotated[
        Path, typer.Option(help="Table of NEB barriers that migbar neb --bands has written.")
    ],
    table: Annotated[
        Path | None, typer.Option(help="Published table of the paths (CSV): MACE-NEB barriers.")
    ] = None,
    csv_file: CsvFile = None,
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

    records, rows = read_bands(bands), read_rows(barriers)
    published = {} if table is None else read_published_table(table)
    if measured is not None:
        command = "migbar neb --bands FILE --limit N --preset paper --ends both --out DIR"
        write_text(measured, measured_json(measure(rows, records), command))
    _show(baseline_table(rows, records, published), csv_file, as_json)


def register(app: typer.Typer) -> None:
    """Add the commands to ``migbar reproduce``."""
    app.command("table-s5")(table_s5)
    app.command("pathways")(pathways)
    app.command("confusion")(confusion)
    app.command("neb")(neb)


def _load(names: list[str] | None) -> list[Any]:
    from migbar.models.store import list_models, load_model

    return [load_model(name) for name in names or [card.name for card in list_models()]]


def _show(rows: list[dict[str, Any]], csv_file: Path | None, as_json: bool) -> None:
    from migbar.files import write_text
    from migbar.reproduce import as_csv, as_markdown

    if csv_file is not None:
        write_text(csv_file, as_csv(rows))
    if as_json:
        print_json(rows)
    else:
        typer.echo(as_markdown(rows), nl=False)
