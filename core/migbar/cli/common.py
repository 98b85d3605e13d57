"""What the commands share: options, reading a structure, naming ends, output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.barriers import GOOD_CONDUCTOR_EV, Remark
from migbar.errors import MigbarError, NoMobileIonError, SiteError
from migbar.progress import Progress

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.voids import Void

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout and nothing else there.")
]
StructureFile = Annotated[
    Path, typer.Argument(help="CIF, POSCAR/CONTCAR, extxyz or pymatgen JSON.", show_default=False)
]
Ion = Annotated[
    str | None,
    typer.Option(
        "--ion", "-i", help="Element that moves; chosen by itself where only one can be meant."
    ),
]
Block = Annotated[
    str | None, typer.Option(help="Data block of a CIF that holds several structures.")
]
Order = Annotated[
    bool, typer.Option("--order", help="Order partly occupied sites first (said in every result).")
]
Model = Annotated[
    str | None, typer.Option("--model", "-m", help="Model to use (see migbar models list).")
]
Threshold = Annotated[float, typer.Option(help="Highest barrier of a good conductor, eV.", min=0.0)]
THRESHOLD = GOOD_CONDUCTOR_EV


def print_json(data: Any) -> None:
    """Print data as JSON on stdout."""
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


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


def open_structure(
    path: Path, ion: str | None, block: str | None, order: bool
) -> tuple[Structure, list[Remark]]:
    """Read a structure, ordered if asked, and say what was done to it.

    Raises
    ------
    StructureFileError, OccupancyError, OrderingError
    """
    from migbar.structures import is_partly_occupied, read_structure, require_ordered

    structure = read_structure(path, block)
    if not is_partly_occupied(structure):
        return structure, []
    if not order:
        require_ordered(structure)
    from migbar.ordering import order_structure

    with progress_bar() as progress:
        ordering = order_structure(structure, ion, progress=progress)
    return ordering.structure, [Remark("ordered", ordering.note)]


def choose_ion(structure: Structure, ion: str | None) -> str:
    """Return the ion asked for, or the only one that can be meant.

    Raises
    ------
    MigbarError
        If `ion` is not an element, or several or none could be meant.
    """
    from pymatgen.core import Element

    from migbar.structures import formula, mobile_ions

    if ion is not None:
        if not Element.is_valid_symbol(ion):
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


def parse_point(text: str) -> tuple[float, float, float]:
    """Read fractional coordinates ``x,y,z``; numbers may be fractions such as 1/3.

    Raises
    ------
    SiteError
        If `text` is not three numbers.
    """
    from fractions import Fraction

    try:
        x, y, z = (float(Fraction(part.strip())) for part in text.split(","))
    except (ValueError, ZeroDivisionError):
        raise SiteError(
            f"'{text}' is not a position; write fractional coordinates as x,y,z."
        ) from None
    return x, y, z


def find_void(structure: Structure, ion: str, text: str) -> tuple[float, float, float]:
    """Return the position of a void named ``v3`` or ``v3@1,0,0``.

    Raises
    ------
    SiteError
        If there is no such void.
    """
    from migbar.hops import parse_site
    from migbar.voids import find_voids

    index, image = parse_site(text[1:])
    voids: list[Void] = find_voids(structure, ion)
    if index >= len(voids):
        raise SiteError(
            f"there is no void {text}; {len(voids)} were found (see migbar sites --voids)."
        )
    x, y, z = voids[index].frac_coords
    i, j, k = image or (0, 0, 0)
    return x + i, y + j, z + k


def require_ion_sites(structure: Structure, ion: str) -> None:
    """Raise `NoMobileIonError` if the structure has no site of the ion."""
    from migbar.structures import formula

    if ion not in structure.symbol_set:
        raise NoMobileIonError(ion, formula(structure))
