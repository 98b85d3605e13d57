"""``migbar reproduce table-s5``, ``dataset-size``, ``scenarios`` …: the paper's tables and figures with our models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.cli.common import print_json, progress_bar
from migbar.cli.options import THRESHOLD, AsJson, Threshold

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bands = Annotated[Path, typer.Option("--bands", help="JSON file of bands with known barriers.")]
Test = Annotated[Path | None, typer.Option(help="Bands of a test set.")]
Table = Annotated[
    Path | None,
    typer.Option("--table", help="Published table of the paths (CSV): MACE-NEB barriers."),
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the table (.md, .csv) and its figure (.png, .svg).")
]
Models = Annotated[
    list[str] | None, typer.Option("--model", "-m", help="Models; all that can be loaded if none.")
]
QuickModels = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", help="migbar-fast, band-forest, RFR, GBR; the first two if none."
    ),
]


def table_s5(
    bands: Bands, test: Test = None, table: Table = None, out: Out = None, as_json: AsJson = False
) -> None:
    """Print Table S5: every model of the paper and our own, beside the published numbers."""
    from migbar import reproduce
    from migbar.datasets import read_bands, read_published_table
    from migbar.reproduce_figures import table_s5_figure

    published = None if table is None else read_published_table(table)
    with progress_bar() as progress:
        rows = reproduce.table_s5(read_bands(bands), _optional(test), published, progress)
    _show("table-s5", rows, lambda: table_s5_figure(rows), out, as_json)


def pathways(bands: Bands, model: Models = None, out: Out = None, as_json: AsJson = False) -> None:
    """Print how many structures with several paths have their paths told apart (Fig. 3a)."""
    from migbar import reproduce
    from migbar.datasets import read_bands
    from migbar.reproduce_figures import pathways_figure

    with progress_bar() as progress:
        rows = reproduce.pathways(read_bands(bands), _load(model), progress)
    _show("pathways", rows, lambda: pathways_figure(rows), out, as_json)


def confusion(
    bands: Bands,
    model: Models = None,
    threshold: Threshold = THRESHOLD,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print good and bad conductors by what a model takes them for (Fig. 3d)."""
    from migbar import reproduce
    from migbar.datasets import read_bands
    from migbar.reproduce_figures import confusion_figure

    with progress_bar() as progress:
        rows = reproduce.confusion(read_bands(bands), _load(model), threshold, progress)
    _show("confusion", rows, lambda: confusion_figure(rows), out, as_json)


def dataset_size(
    bands: Bands,
    test: Test = None,
    model: QuickModels = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print scores of models trained on 100, 200, 400 and all paths (Fig. 3b, S5)."""
    from migbar import reproduce
    from migbar.datasets import read_bands
    from migbar.reproduce_figures import dataset_size_figure

    with progress_bar() as progress:
        rows = reproduce.dataset_size(read_bands(bands), model or _QUICK, _optional(test), progress)
    _show("dataset-size", rows, lambda: dataset_size_figure(rows), out, as_json)


def scenarios(
    bands: Bands, model: QuickModels = None, out: Out = None, as_json: AsJson = False
) -> None:
    """Print errors on held-out pathways, compositions and chemistries (Fig. 3c)."""
    from migbar import reproduce
    from migbar.datasets import read_bands
    from migbar.reproduce_figures import scenarios_figure
    from migbar.training.generalisation import by_scenario

    with progress_bar() as progress:
        found = by_scenario(read_bands(bands), model or _QUICK, progress=progress)
    rows = reproduce.scenario_rows(found)
    _show("scenarios", rows, lambda: scenarios_figure(found), out, as_json)


_QUICK = ["migbar-fast", "band-forest"]


def register(app: typer.Typer) -> None:
    """Add the commands to ``migbar reproduce``."""
    for name, command in (
        ("table-s5", table_s5),
        ("pathways", pathways),
        ("confusion", confusion),
        ("dataset-size", dataset_size),
        ("scenarios", scenarios),
    ):
        app.command(name)(command)


def _optional(path: Path | None) -> Any:
    from migbar.datasets import read_bands

    return None if path is None else read_bands(path)


def _load(names: list[str] | None) -> list[Any]:
    from migbar.models.store import list_models, load_model

    return [load_model(name) for name in names or [card.name for card in list_models()]]


def _show(
    name: str,
    rows: list[dict[str, Any]],
    draw: Callable[[], Figure],
    out: Path | None,
    as_json: bool,
) -> None:
    from migbar.files import write_text
    from migbar.reproduce import as_csv, as_markdown
    from migbar.reproduce_figures import save_figure

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / f"{name}.md", as_markdown(rows))
        write_text(out / f"{name}.csv", as_csv(rows))
        save_figure(draw(), out, name)
    if as_json:
        print_json(rows)
    else:
        typer.echo(as_markdown(rows), nl=False)
