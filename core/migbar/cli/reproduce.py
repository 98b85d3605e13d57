"""``migbar reproduce``: tables of scores and the default model, made again from data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from migbar.cli import reproduce_neb, reproduce_own, reproduce_tables
from migbar.cli.common import print_json, progress_bar
from migbar.cli.options import AsJson

app = typer.Typer(help="Make tables of scores and the default model again from data.")
reproduce_tables.register(app)
app.command("neb")(reproduce_neb.neb)
app.command("own-data")(reproduce_own.own_data)

Data = Annotated[Path, typer.Option("--data", help="JSON file of bands in the published format.")]
Table = Annotated[
    Path | None,
    typer.Option("--table", help="Published table of the paths (CSV): labels, MACE-NEB barriers."),
]
Seed = Annotated[int, typer.Option(help="Same seed, same folds and models.")]


@app.command("cross-validation")
def cross_validation(
    data: Data,
    table: Table = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for cross-validation.md and cross-validation.csv.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Folds.", min=2)] = 10,
    repeats: Annotated[int, typer.Option(help="Repeats of each protocol.", min=1)] = 5,
    seed: Seed = 123,
    as_json: AsJson = False,
) -> None:
    """Cross-validate migbar-fast and band-forest beside the class mean and published MACE-NEB."""
    from migbar.datasets import read_bands, read_published_table
    from migbar.files import write_text
    from migbar.training.reproduction import as_csv, as_markdown, cross_validation_table
    from migbar.training.validation import Protocols

    records = read_bands(data)
    published = read_published_table(table) if table is not None else {}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with progress_bar() as progress:
        rows = cross_validation_table(
            records, published, seed, protocols=Protocols(folds, repeats, seed), progress=progress
        )
    if out is not None:
        write_text(out / "cross-validation.csv", as_csv(rows))
        write_text(out / "cross-validation.md", as_markdown(rows))
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        typer.echo(as_markdown(rows), nl=False)


@app.command("stress-tests")
def stress_tests(
    data: Data,
    out: Annotated[Path | None, typer.Option(help="Folder for stress-tests.md and .csv.")] = None,
    seed: Seed = 123,
    as_json: AsJson = False,
) -> None:
    """Score migbar-fast with each ion, and each structural class, held out in turn."""
    from migbar.datasets import read_bands
    from migbar.files import write_text
    from migbar.training.reproduction import as_csv
    from migbar.training.stress import stress_markdown
    from migbar.training.stress import stress_tests as run

    records = read_bands(data)
    with progress_bar() as progress:
        rows = run(records, seed, progress=progress)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "stress-tests.csv", as_csv(rows))
        write_text(out / "stress-tests.md", stress_markdown(rows))
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        typer.echo(stress_markdown(rows), nl=False)


@app.command("migbar-fast")
def migbar_fast(
    data: Data,
    table: Table = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the model; your model store where not given.")
    ] = None,
    seed: Seed = 123,
    as_json: AsJson = False,
) -> None:
    """Train the default model again, with cross-validated scores on its card."""
    from migbar.datasets import read_bands, read_published_table
    from migbar.models.store import save_model
    from migbar.training.blend import train_migbar_fast
    from migbar.training.relaxed import published_barriers

    records = read_bands(data)
    published = read_published_table(table) if table is not None else {}
    labels = {name: path.label for name, path in published.items()}
    relaxed = published_barriers(published)
    with progress_bar() as progress:
        model = train_migbar_fast(records, labels, seed, progress, relaxed=relaxed)
    folder = save_model(model, out)
    if as_json:
        print_json({"folder": str(folder), **model.card.to_dict()})
        return
    typer.echo(f"{model.card.name} {model.card.version} saved in {folder}")
    for protocol in ("random", "grouped"):
        scores = model.card.scores[protocol]
        typer.echo(
            f"  {protocol} {scores['folds']}-fold: MAE {scores['mae_ev']:.3f} ± "
            f"{scores['mae_se_ev']:.3f} eV, accuracy {scores['accuracy']:.2f}"
        )
