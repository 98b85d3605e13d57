"""``migbar reproduce cross-validation``, ``stress-tests`` and ``migbar-fast``: how good the default model is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from migbar.cli import models
from migbar.cli.common import progress_bar
from migbar.cli.options import AsJson
from migbar.cli.reproduce.shared import Bands, Out, Seed, Table, show


def cross_validation(
    bands: Bands,
    table: Table = None,
    out: Out = None,
    folds: Annotated[int, typer.Option(help="Folds.", min=2)] = 10,
    repeats: Annotated[int, typer.Option(help="Repeats of each protocol.", min=1)] = 5,
    seed: Seed = 123,
    as_json: AsJson = False,
) -> None:
    """Cross-validate migbar-fast and band-forest beside the class mean and published MACE-NEB."""
    from migbar.datasets import read_bands, read_published_table
    from migbar.reproduce.cross_validation import as_markdown, cross_validation_table
    from migbar.training.validation import Protocols

    records = read_bands(bands)
    published = read_published_table(table) if table is not None else {}
    with progress_bar() as progress:
        rows = cross_validation_table(
            records, published, seed, protocols=Protocols(folds, repeats, seed), progress=progress
        )
    told = [asdict(row) for row in rows]
    show("cross-validation", told, as_markdown(rows), out, as_json)


def stress_tests(
    bands: Bands,
    out: Out = None,
    seed: Seed = 123,
    as_json: AsJson = False,
) -> None:
    """Score migbar-fast with each ion, and each structural class, held out in turn."""
    from migbar.datasets import read_bands
    from migbar.reproduce.stress_tests import as_markdown
    from migbar.reproduce.stress_tests import stress_tests as run

    with progress_bar() as progress:
        rows = run(read_bands(bands), seed, progress=progress)
    show("stress-tests", [asdict(row) for row in rows], as_markdown(rows), out, as_json)


def migbar_fast(
    bands: Bands,
    table: Table = None,
    out: models.Out = None,
    seed: Seed = 123,
    as_json: AsJson = False,
) -> None:
    """Train the default model again, with cross-validated scores on its card."""
    from migbar.datasets import read_bands, read_published_table
    from migbar.training.blend import train_migbar_fast
    from migbar.training.relaxed import published_barriers

    records = read_bands(bands)
    published = read_published_table(table) if table is not None else {}
    labels = {name: path.label for name, path in published.items()}
    relaxed = published_barriers(published)
    with progress_bar() as progress:
        model = train_migbar_fast(records, labels, seed, progress, relaxed=relaxed)
    models.keep(model, out, as_json)
