"""What the commands do alike: read a structure, choose the ion and the hop, print."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from migbar.barriers import Remark
from migbar.errors import MigbarError
from migbar.progress import Progress

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.bands import Band
    from migbar.cli.options import HopOptions
    from migbar.hops import Hop
    from migbar.supercells import Matrix


Panels = Mapping[str, Mapping[str, Callable[..., None]]]
"""Commands by name, under the headings of a help page."""


def add_commands(app: typer.Typer, panels: Panels) -> None:
    """Add commands to an application, in the order in which its help lists them."""
    for panel, commands in panels.items():
        for name, command in commands.items():
            app.command(name, rich_help_panel=panel)(command)


def print_json(data: Any) -> None:
    """Print data as JSON on stdout; a number that is not defined (NaN) becomes null."""
    unicode = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    print(json.dumps(_without_nan(data), indent=2, ensure_ascii=not unicode, allow_nan=False))


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def require_ending(path: Path, what: str, *endings: str) -> None:
    """Raise `MigbarError` where the name of a file to be written says that it is something else."""
    if path.suffix.lower() not in endings:
        raise MigbarError(f"{path.name}: {what} ends in {' or '.join(endings)}.")


def print_rows(rows: Sequence[Mapping[str, Any]], right: Collection[str] = ()) -> None:
    """Print a table; its columns are the keys of the first row.

    In a narrow terminal the last column gives way; a file or a pipe is never narrow.

    Parameters
    ----------
    rows : sequence of mapping
    right : collection of str
        Columns of numbers that are text already.
    """
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo("none found")
        return
    table = Table(box=None, pad_edge=False)
    *_, last = rows[0]
    for key, value in rows[0].items():
        justify: Literal["left", "right"]
        justify = "right" if key in right or not isinstance(value, str) else "left"
        table.add_column(key.replace("_", " "), justify=justify, no_wrap=key != last)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    width = None if sys.stdout.isatty() else 10_000
    Console(width=width, markup=False, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(f"{x:7.4f}" for x in value)
    return str(value)


def remarks_as_json(remarks: Sequence[Remark]) -> list[dict[str, str]]:
    """Return remarks as the ``warnings`` of the JSON contract."""
    return [{"code": remark.code, "text": remark.text} for remark in remarks]


class TerminalProgress:
    """Shows a progress bar on stderr where that is a terminal."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=0, file=sys.stderr, leave=False, disable=not sys.stderr.isatty())

    def report(self, done: int, total: int, message: str = "") -> None:
        self._bar.total = total or None
        self._bar.n = done
        self._bar.set_description_str(message, refresh=False)
        self._bar.refresh()

    def cancelled(self) -> bool:
        return False

    def close(self) -> None:
        self._bar.close()


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a progress that shows a bar in a terminal, and nothing elsewhere."""
    bar = TerminalProgress()
    try:
        yield bar
    finally:
        bar.close()


@contextmanager
def goes_on(place: Path) -> Iterator[None]:
    """Say on Ctrl-C where work stands that the same command goes on with."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"What is done so far is in {place}; the same command goes on.", file=sys.stderr)
        raise


def open_structure(
    path: Path, ion: str | None, block: str | None, order: bool
) -> tuple[Structure, list[Remark]]:
    """Read a structure, ordered if asked, and say what was done to it.

    Raises
    ------
    StructureFileError, OccupancyError, OrderingError
    """
    from migbar.structures import (
        is_partly_occupied,
        parse_structure,
        read_data,
        reading_notes,
        require_ordered,
    )

    data = read_data(path)
    structure = parse_structure(data, path.name, block)
    notes = [Remark(*note) for note in reading_notes(data, path.name, block)]
    if not is_partly_occupied(structure):
        return structure, notes
    if not order:
        require_ordered(structure)
    from migbar.ordering import order_structure

    with progress_bar() as progress:
        ordering = order_structure(structure, ion, progress=progress)
    return ordering.structure, [*notes, Remark("ordered", ordering.note)]


def choose_ion(structure: Structure, ion: str | None) -> str:
    """Return the ion asked for, or the only one that can be meant.

    Raises
    ------
    MigbarError
        If `ion` is not an element, or several or none could be meant.
    """
    from migbar.elements import is_element
    from migbar.structures import formula, mobile_ions

    if ion is not None:
        if not is_element(ion):
            raise MigbarError(f"'{ion}' is not a chemical element; give one like --ion Li.")
        return ion
    candidates = mobile_ions(structure)
    if not candidates:
        raise MigbarError(
            f"{formula(structure)} holds no usual mobile ion; say which one moves (--ion)."
        )
    if len(candidates) > 1:
        raise MigbarError(
            f"{formula(structure)} holds several mobile ions ({', '.join(candidates)}); choose one (--ion)."
        )
    return candidates[0]


@dataclass(frozen=True, slots=True)
class ChosenHop:
    """The hop that a command is about, where it is, and what was assumed.

    Attributes
    ----------
    structure : Structure
        The ordered structure that the hop is in.
    hop : Hop
    supercell : ndarray of int, shape (3, 3), or None
        What was asked for; None where it is chosen by itself.
    notes : list of Remark
    """

    structure: Structure
    hop: Hop
    supercell: Matrix | None
    notes: list[Remark]

    def band(self) -> Band:
        """Return the straight band of the hop in its supercell."""
        from migbar.supercells import make_band

        return make_band(self.structure, self.hop, self.supercell)


def choose_hop(structure_file: Path, options: HopOptions) -> ChosenHop:
    """Read a structure and make the hop in it that the options name.

    Raises
    ------
    MigbarError
        If the file, or an option, does not make sense.
    """
    from migbar.ends import name_hop, parse_mechanism
    from migbar.supercells import parse_supercell

    structure, notes = open_structure(structure_file, options.ion, options.block, options.order)
    mechanism = None if options.mechanism is None else parse_mechanism(options.mechanism)
    ion = choose_ion(structure, options.ion)
    hop, remarks = name_hop(structure, ion, *options.ends(), mechanism, options.remove or [])
    return ChosenHop(structure, hop, parse_supercell(options.supercell), [*notes, *remarks])
