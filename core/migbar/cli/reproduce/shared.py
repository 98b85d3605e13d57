"""What the commands of ``migbar reproduce`` share: options, and where a table goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.cli.common import print_json
from migbar.cli.options import LARGEST_SEED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bands = Annotated[
    Path,
    typer.Option(
        "--bands", "--data", help="JSON file of bands with known barriers, in the published format."
    ),
]
Table = Annotated[
    Path | None,
    typer.Option("--table", help="Published table of the paths (CSV): labels, MACE-NEB barriers."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder for the table (.md, .csv) and its figure, if any."),
]
Seed = Annotated[
    int, typer.Option(help="Same seed: same folds, parts and models.", min=0, max=LARGEST_SEED)
]


def show(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    markdown: str,
    out: Path | None,
    as_json: bool,
    draw: Callable[[], Figure] | None = None,
) -> None:
    """Print a table, and write it as NAME.md and NAME.csv, with its figure, into a folder."""
    from migbar.files import write_text
    from migbar.reproduce.figures import save_figure
    from migbar.reproduce.rows import as_csv

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / f"{name}.md", markdown)
        write_text(out / f"{name}.csv", as_csv(rows))
        if draw is not None:
            save_figure(draw(), out, name)
    if as_json:
        print_json(rows)
    else:
        typer.echo(markdown, nl=False)
