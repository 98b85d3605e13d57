"""``migbar reproduce table-s5``, ``dataset-size``, ``scenarios`` …: the paper's tables and figures with our models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from migbar.cli.common import progress_bar
from migbar.cli.options import THRESHOLD, AsJson, Threshold
from migbar.cli.reproduce.shared import Bands, Out, Table, show

Test = Annotated[Path | None, typer.Option(help="Bands of a test set.")]
Models = Annotated[
    list[str] | None, typer.Option("--model", "-m", help="Models; all that can be loaded if none.")
]
QuickModels = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", help="migbar-fast, band-forest, RFR, GBR; the first two if none."
    ),
]


_QUICK = ["migbar-fast", "band-forest"]


def table_s5(
    bands: Bands, test: Test = None, table: Table = None, out: Out = None, as_json: AsJson = False
) -> None:
    """Print Table S5: every model of the paper and our own, beside the published numbers."""
    from migbar.datasets import read_bands, read_published_table
    from migbar.reproduce import paper
    from migbar.reproduce.figures import table_s5_figure
    from migbar.reproduce.rows import as_markdown

    published = None if table is None else read_published_table(table)
    with progress_bar() as progress:
        rows = paper.table_s5(read_bands(bands), _optional(test), published, progress)
    show("table-s5", rows, as_markdown(rows), out, as_json, lambda: table_s5_figure(rows))


def pathways(bands: Bands, model: Models = None, out: Out = None, as_json: AsJson = False) -> None:
    """Print how many structures with several paths have their paths told apart (Fig. 3a)."""
    from migbar.datasets import read_bands
    from migbar.reproduce import paper
    from migbar.reproduce.figures import pathways_figure
    from migbar.reproduce.rows import as_markdown

    with progress_bar() as progress:
        rows = paper.pathways(read_bands(bands), _load(model), progress)
    show("pathways", rows, as_markdown(rows), out, as_json, lambda: pathways_figure(rows))


def confusion(
    bands: Bands,
    model: Models = None,
    threshold: Threshold = THRESHOLD,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print good and bad conductors by what a model takes them for (Fig. 3d)."""
    from migbar.datasets import read_bands
    from migbar.reproduce import paper
    from migbar.reproduce.figures import confusion_figure
    from migbar.reproduce.rows import as_markdown

    with progress_bar() as progress:
        rows = paper.confusion(read_bands(bands), _load(model), threshold, progress)
    show("confusion", rows, as_markdown(rows), out, as_json, lambda: confusion_figure(rows))


def dataset_size(
    bands: Bands,
    test: Test = None,
    model: QuickModels = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print scores of models trained on 100, 200, 400 and all paths (Fig. 3b, S5)."""
    from migbar.datasets import read_bands
    from migbar.reproduce import paper
    from migbar.reproduce.figures import dataset_size_figure
    from migbar.reproduce.rows import as_markdown

    with progress_bar() as progress:
        rows = paper.dataset_size(read_bands(bands), model or _QUICK, _optional(test), progress)
    show("dataset-size", rows, as_markdown(rows), out, as_json, lambda: dataset_size_figure(rows))


def scenarios(
    bands: Bands, model: QuickModels = None, out: Out = None, as_json: AsJson = False
) -> None:
    """Print errors on held-out pathways, compositions and chemistries (Fig. 3c)."""
    from migbar.datasets import read_bands
    from migbar.reproduce import paper
    from migbar.reproduce.figures import scenarios_figure
    from migbar.reproduce.generalisation import by_scenario
    from migbar.reproduce.rows import as_markdown

    with progress_bar() as progress:
        found = by_scenario(read_bands(bands), model or _QUICK, progress=progress)
    rows = paper.scenario_rows(found)
    show("scenarios", rows, as_markdown(rows), out, as_json, lambda: scenarios_figure(found))


def _optional(path: Path | None) -> Any:
    from migbar.datasets import read_bands

    return None if path is None else read_bands(path)


def _load(names: list[str] | None) -> list[Any]:
    from migbar.models.store import list_models, load_model

    return [load_model(name) for name in names or [card.name for card in list_models()]]
