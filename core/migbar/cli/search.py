"""``migbar search``: structures from databases on the web."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.cli.common import print_json, print_rows
from migbar.cli.options import AsJson
from migbar.errors import MigbarError

if TYPE_CHECKING:
    from migbar.online import Database, Entry, Found


def search(
    text: Annotated[
        str,
        typer.Argument(
            help="Formula (LiFePO4), elements of the compound (Li-Fe-P-O), or identifier (mp-19017).",
            show_default=False,
        ),
    ],
    databases: Annotated[
        list[str] | None,
        typer.Option(
            "--database",
            "-d",
            help="mp, cod, oqmd, alexandria or jarvis; all where not given. Can be repeated.",
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Base address of another server that speaks OPTIMADE.")
    ] = None,
    count: Annotated[int, typer.Option(help="Most entries from a database.", min=1, max=100)] = 20,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write all of them to, as CIF.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look a crystal up in databases on the web (OPTIMADE)."""
    from migbar.online import DATABASES, database, filter_of, own_database, save_entry

    filter_of(text)
    chosen = [database(key) for key in dict.fromkeys(databases or ())]
    chosen += [own_database(url)] if url else []
    chosen = chosen or list(DATABASES)
    with ThreadPoolExecutor(len(chosen)) as threads:
        answers = list(threads.map(lambda where: _ask(text, where, count), chosen))
    refusals = [str(answer) for answer in answers if isinstance(answer, MigbarError)]
    if len(refusals) == len(chosen):
        raise MigbarError(f"no database answered. {' '.join(refusals)}")
    entries = [
        e for answer in answers if not isinstance(answer, MigbarError) for e in answer.entries
    ]
    rows = [_row(entry) for entry in entries]
    if out is not None:
        for row, entry in zip(rows, entries, strict=True):
            row["file"] = str(save_entry(entry, out))
    told = [_told(where, answer) for where, answer in zip(chosen, answers, strict=True)]
    if as_json:
        print_json({"entries": rows, "databases": told})
        return
    print_rows([{**row, "file": Path(row["file"]).name} if "file" in row else row for row in rows])
    for where in told:
        typer.echo(f"{where['name']}: {_sentence(where)}")


def _ask(text: str, where: Database, count: int) -> Found | MigbarError:
    from migbar.online import search

    try:
        return search(text, where, count)
    except MigbarError as error:
        return error


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "database": entry.database.key,
        "id": entry.id,
        "formula": entry.formula,
        "space_group": entry.space_group or None,
        "atoms": len(entry.structure),
        "partly_occupied": not entry.structure.is_ordered,
        "ev_per_atom_above_hull": entry.above_hull,
    }


def _told(where: Database, answer: Found | MigbarError) -> dict[str, Any]:
    told: dict[str, Any] = {"key": where.key, "name": where.name, "url": where.url}
    if isinstance(answer, MigbarError):
        return {**told, "problem": str(answer)}
    left_out = [{"id": name, "reason": reason} for name, reason in answer.left_out]
    return {
        **told,
        "brought": len(answer.entries),
        "available": answer.available,
        "left_out": left_out,
    }


def _sentence(told: dict[str, Any]) -> str:
    if "problem" in told:
        return str(told["problem"])
    sentence = f"{told['brought']} of {told['available']} that fit"
    if told["left_out"]:
        first = told["left_out"][0]
        sentence += f"; left out {len(told['left_out'])}, such as {first['id']}: {first['reason']}"
    return sentence
