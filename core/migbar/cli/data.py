"""``migbar data``: read, check, split, join and fetch barrier data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migbar.cli.common import print_json, progress_bar, require_ending
from migbar.cli.options import LARGEST_SEED, AsJson, Model, expanded
from migbar.errors import MigbarError
from migbar.wording import counted

if TYPE_CHECKING:
    from migbar.datasets.reading import Reading

app = typer.Typer(help="Read, check, split, join and fetch barrier data.")

Sources = Annotated[
    list[Path],
    typer.Argument(
        help="Folders of NEBs (00 … NN), CSV, XLSX, published JSON, extended XYZ, LiTraj folders, .parquet.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Dataset to write (.parquet).")]
Ion = Annotated[
    str, typer.Option("--ion", "-i", help="Element that moves, where the data do not say.")
]
MOST_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How data of any kind are read."""

    ion: Ion = ""
    column: Annotated[
        list[str] | None,
        typer.Option(
            help='Column of a table by another name, for example --column "barrier=Ea (eV)".'
        ),
    ] = None
    mend: Annotated[bool, typer.Option(help="Mend what can safely be mended.")] = True
    known: Annotated[bool, typer.Option(help="Look for paths of the bundled training data.")] = True


@app.command("import")
@expanded
def import_(
    sources: Sources, *, out: Out, reading: ReadingOptions, as_json: AsJson = False
) -> None:
    """Read barrier data of any kind into one dataset; tell everything that is wrong with them."""
    _show(_read(sources, out, reading), out, as_json)


@app.command("check")
@expanded
def check(sources: Sources, *, reading: ReadingOptions, as_json: AsJson = False) -> None:
    """Tell everything that is wrong with barrier data, and write nothing; exit code 2 where no path can be used."""
    checked = _read(sources, None, reading)
    _show(checked, None, as_json)
    if not checked.used:
        raise typer.Exit(2)


@app.command("merge")
def merge(sources: Sources, out: Out, as_json: AsJson = False) -> None:
    """Join data; paths that are there twice are kept once."""
    _show(_read(sources, out, ReadingOptions(known=False)), out, as_json)


@app.command("convert")
def convert(
    dataset: Annotated[Path, typer.Argument(help="Data of any kind.")],
    out: Annotated[
        Path,
        typer.Argument(
            help="What to write: .json (published format), .extxyz, .csv (no structures) or .parquet."
        ),
    ],
) -> None:
    """Write data in another format."""
    from migbar.datasets.writing import convert as run

    with progress_bar() as progress:
        count, problems = run(dataset, out, progress)
    for text in problems[:MOST_SHOWN]:
        typer.echo(f"! {text}", err=True)
    if len(problems) > MOST_SHOWN:
        typer.echo(
            f"… and {len(problems) - MOST_SHOWN} more (migbar data check tells all)", err=True
        )
    typer.echo(f"wrote {counted(count, 'path')} to {out}")


@app.command("split")
def split(
    dataset: Annotated[Path, typer.Argument(help="Dataset (.parquet).")],
    scheme: Annotated[str, typer.Option(help="groups, classes, random or column.")] = "groups",
    folds: Annotated[
        int, typer.Option(help="Folds of a cross-validation; 0: hold one part out.")
    ] = 0,
    validation: Annotated[float, typer.Option(help="Share that is held out.")] = 0.2,
    seed: Annotated[
        int, typer.Option(help="Same data and seed: same split.", min=0, max=LARGEST_SEED)
    ] = 123,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Dataset to write, with the split as its own column."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Split a dataset honestly, and tell where the two sides are not independent."""
    from migbar.datasets.splits import TRAINING, Scheme, SplitError, SplitOptions, split_dataset
    from migbar.datasets.storage import BarrierDataset, writing

    if scheme not in list(Scheme):
        raise SplitError(f"there is no scheme '{scheme}'; choose {', '.join(Scheme)}.")
    data = BarrierDataset(dataset)
    found = split_dataset(data, SplitOptions(Scheme(scheme), folds, validation, seed))
    names = {k: f"fold {k}" if found.folds > 1 else "validation" for k in range(found.folds)}
    parts = [names.get(int(k), "train") for k in found.fold]
    if out is not None:
        with writing(out) as writer:
            for i, record in enumerate(data):
                writer.add(record, data.sources[i], parts[i])
    if as_json:
        told = dict(zip(data.names, parts, strict=True))
        print_json({"parts": told, "warnings": list(found.warnings)})
        return
    for name in (["train"] if (found.fold == TRAINING).any() else []) + list(names.values()):
        groups = {g for g, part in zip(data.groups, parts, strict=True) if part == name}
        typer.echo(
            f"{name}: {counted(parts.count(name), 'path')} of {counted(len(groups), 'framework')}"
        )
    for warning in found.warnings:
        typer.echo(f"! {warning}")


def _read(sources: list[Path], out: Path | None, reading: ReadingOptions) -> Reading:
    from migbar.datasets.checks import bundled_paths
    from migbar.datasets.problems import SAFE_MENDS
    from migbar.datasets.reading import ReadOptions, import_data

    if out is not None:
        require_ending(out, "a dataset", ".parquet")
    missing = [str(source) for source in sources if not source.exists()]
    if missing:
        raise MigbarError(f"there is no file or folder {', '.join(missing)}.")
    options = ReadOptions(reading.ion, _columns(reading.column or []))
    mends = SAFE_MENDS if reading.mend else frozenset()
    known = bundled_paths() if reading.known else None
    with progress_bar() as progress:
        return import_data(sources, out, options, mends, known, progress)


def _columns(given: list[str]) -> dict[str, str]:
    from migbar.datasets.tables import COLUMNS

    pairs = [text.partition("=") for text in given]
    for key, sign, _ in pairs:
        if not sign or key not in COLUMNS:
            raise MigbarError(
                f"--column {key}: write MEANING=NAME; the meanings are {', '.join(COLUMNS)}."
            )
    return {key: name for key, _, name in pairs}


def _show(reading: Reading, out: Path | None, as_json: bool) -> None:
    if as_json:
        problems = [
            {"code": p.code, "file": p.source.file, "row": p.source.row, "name": p.name, "level": p.level,
             "mend": p.mend, "text": p.text}
            for p in reading.problems
        ]  # fmt: skip
        print_json({"found": reading.found, "used": reading.used, "problems": problems})
        return
    for problem in reading.problems[:MOST_SHOWN]:
        mark = "mended" if problem.mend in reading.mends else problem.level
        typer.echo(f"{mark:>8}  {problem.source}: {problem.text}")
    if len(reading.problems) > MOST_SHOWN:
        typer.echo(f"… and {len(reading.problems) - MOST_SHOWN} more (--json has all of them)")
    place = "" if out is None else f"; dataset in {out}"
    typer.echo(f"{reading.used} of {reading.found} paths can be used{place}")


@app.command("fetch")
def fetch(
    url: Annotated[str, typer.Argument(help="Address of the file.")],
    sha256: Annotated[str, typer.Option(help="Its expected checksum.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File or folder; here where not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download a data set; the same command goes on after an interruption."""
    from migbar.datasets.download import fetch as run

    with progress_bar() as progress:
        path = run(url, out, sha256, progress)
    if as_json:
        print_json({"file": str(path), "bytes": path.stat().st_size})
    else:
        typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


@app.command("suggest")
def suggest(
    sources: Annotated[
        list[Path], typer.Argument(help="Structure files, and folders of them.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the list and the NEB inputs.")
    ],
    count: Annotated[int, typer.Option(help="Number of paths.", min=1)] = 10,
    ion: Ion = "",
    model: Model = None,
    code: Annotated[str, typer.Option(help="vasp, espresso or ase.")] = "vasp",
    images: Annotated[int, typer.Option(min=1, max=98, help="Images between the ends.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Say which paths' DFT barriers would teach the model most, and write the NEB inputs for them."""
    from migbar.files import require_writable
    from migbar.models.store import load_model
    from migbar.suggestion import LIST, require_no_list, to_dict, write_suggestions
    from migbar.suggestion import suggest as run

    require_no_list(out)
    out.mkdir(parents=True, exist_ok=True)
    require_writable(out / LIST)
    with progress_bar() as progress:
        found = run(sources, count, ion, load_model(model), progress)
    place = write_suggestions(found, out, code, images)
    if as_json:
        told = [to_dict(suggestion) for suggestion in found.chosen]
        print_json(
            {
                "list": str(place),
                "paths": found.paths,
                "suggested": told,
                "problems": found.problems,
            }
        )
        return
    for rank, suggestion in enumerate(found.chosen, start=1):
        barrier, hop = suggestion.path.barrier, suggestion.path.hop
        low, high = barrier.interval_ev
        typer.echo(
            f"{rank:3d}  {Path(suggestion.structure).name}  {hop.ion} {hop.label}  {barrier.barrier_ev:.2f} eV "
            f"({low:.2f} to {high:.2f}), novelty {suggestion.novelty:.2f}"
        )
    for name, text in found.problems:
        typer.echo(f"! {name}: {text}")
    typer.echo(f"{len(found.chosen)} of {found.paths} paths; list in {place}")


@app.command("plot")
def plot(
    dataset: Annotated[Path, typer.Argument(help="Dataset (.parquet).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Picture: .png, .svg or .pdf.")],
) -> None:
    """Draw the barriers of a dataset, and how many paths there are of each ion and class."""
    from migbar.datasets.storage import BarrierDataset
    from migbar.datasets.summary import summary_figure, write_summary

    require_ending(out, "a picture", ".png", ".svg", ".pdf")
    data = BarrierDataset(dataset)
    write_summary(out, summary_figure(data.barriers, data.ions, data.families))
    typer.echo(f"wrote {out}")
