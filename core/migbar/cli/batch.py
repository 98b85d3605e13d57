"""``migbar batch``: screen folders of structures into a results database, and write tables of it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from migbar.cli.common import goes_on, print_json, progress_bar
from migbar.cli.options import (
    THRESHOLD,
    AsJson,
    Ion,
    Model,
    Order,
    PathsMechanism,
    Symprec,
    Threshold,
)
from migbar.errors import MigbarError
from migbar.structures import SYMPREC
from migbar.wording import counted

NOTHING_SCREENED = 1
"""Exit code where every file failed."""


def batch(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders and structure files; none to only write tables.", show_default=False
        ),
    ] = None,
    ion: Ion = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Results database; what it has is not done again.")
    ] = Path("results.db"),
    given: Annotated[
        Path | None,
        typer.Option(
            "--paths",
            help="CSV of given hops: file, from, to (ion, mechanism) as in migbar predict.",
        ),
    ] = None,
    export: Annotated[
        list[Path] | None,
        typer.Option(help="Also write this .csv, .xlsx, .parquet or .html (repeatable)."),
    ] = None,
    mechanism: PathsMechanism = None,
    cutoff: Annotated[
        float | None, typer.Option(help="Longest hop in Å (see migbar paths).")
    ] = None,
    symprec: Symprec = SYMPREC,
    model: Model = None,
    order: Order = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed before.")
    ] = False,
    time_limit: Annotated[float, typer.Option(help="Seconds for one structure.")] = 120.0,
    max_sites: Annotated[int, typer.Option(help="Most sites in a cell.")] = 500,
    max_megabytes: Annotated[float, typer.Option(help="Largest file.")] = 10.0,
    max_files: Annotated[int, typer.Option(help="Most files in a folder.")] = 1_000_000,
    workers: Annotated[
        int | None, typer.Option(help="Local processes (all cores), or jobs of --cluster (one).")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a running Dask scheduler, tcp://host:8786.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Start Dask workers by slurm, pbs, sge, lsf, oar, htcondor or moab."),
    ] = None,
    cluster_option: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=VALUE for the cluster: queue=long, memory=4GB, walltime=… (repeatable)."
        ),
    ] = None,
    threshold: Threshold = THRESHOLD,
    as_json: AsJson = False,
) -> None:
    """Screen structures: all distinct hops of the ion, their barriers, and the way through; resumable."""
    from migbar.files import require_writable
    from migbar.models.store import DEFAULT_MODEL
    from migbar.screening import Limits, ScreeningOptions
    from migbar.screening.tables import require_known_ending

    options = ScreeningOptions(
        out=out,
        ion=ion,
        mechanism=mechanism,
        cutoff=cutoff,
        symprec=symprec,
        order=order,
        model=model or DEFAULT_MODEL,
        limits=Limits(time_limit, max_sites, max_megabytes),
        retry_failed=retry_failed,
        max_files=max_files,
        workers=workers,
        scheduler=scheduler,
        cluster=cluster,
        cluster_options=_cluster_options(cluster_option or []),
    )
    if not inputs and not given and not export:
        raise MigbarError("name a folder or files to screen, or tables to write (--export).")
    for path in export or []:
        require_known_ending(path)
        require_writable(path)
    counts: dict[str, Any] = {}
    if inputs or given:
        counts = _screen(inputs or [], given, options)
        if not export:
            reasons = ", with the reasons of what failed" if counts["failed"] else ""
            print(
                f"as a table{reasons}: migbar batch --out {quote(str(out))} --export table.csv",
                file=sys.stderr,
            )
    for path in export or []:
        _export(out, path, threshold)
    if as_json:
        print_json({**counts, "out": str(out), "exports": [str(path) for path in export or []]})
    if counts and counts["failed"] == counts["total"] > 0:
        raise typer.Exit(NOTHING_SCREENED)


def _screen(inputs: list[Path], given: Path | None, options: Any) -> dict[str, Any]:
    from migbar.screening import Source, read_given_hops, run_screening

    sources: list[str | Path | Source] = [*inputs, *(read_given_hops(given) if given else [])]
    with goes_on(options.out), progress_bar() as progress:
        summary = run_screening(sources, options, progress)
    told = f"{counted(summary.total, 'file')}: {summary.text()}; results in {options.out}"
    print(told, file=sys.stderr)
    return asdict(summary)


def _export(database: Path, path: Path, threshold: float) -> None:
    from migbar.screening.tables import export

    with progress_bar() as progress:
        export(database, path, threshold_ev=threshold, progress=progress)


def _cluster_options(texts: list[str]) -> dict[str, Any]:
    pairs = [text.partition("=") for text in texts]
    wrong = [name for name, sign, _ in pairs if not sign or not name]
    if wrong:
        raise MigbarError(f"write cluster options as NAME=VALUE, not {', '.join(wrong)}.")
    return {name: int(value) if value.isdecimal() else value for name, _, value in pairs}
