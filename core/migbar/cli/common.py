"""What the commands share: options, reading a structure, naming ends, output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.barriers import GOOD_CONDUCTOR_EV, Remark
from migbar.errors import HopError, MigbarError
from migbar.progress import Progress

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.hops import Point


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
From = Annotated[
    str | None,
    typer.Option("--from", help="Initial site: index, or index@i,j,k; a void as v0."),
]
To = Annotated[
    str | None,
    typer.Option("--to", help="Final site: index (nearest image), or index@i,j,k; a void as v0."),
]
FromFrac = Annotated[
    str | None, typer.Option("--from-frac", help="Initial position x,y,z (fractional).")
]
ToFrac = Annotated[str | None, typer.Option("--to-frac", help="Final position x,y,z (fractional).")]
MechanismName = Annotated[
    str | None,
    typer.Option(
        "--mechanism",
        help="vacancy, single_ion, interstitial or insertion; chosen from the ends where not given.",
    ),
]
Supercell = Annotated[str, typer.Option(help="auto, none, or 2,2,1.")]
Remove = Annotated[
    list[str] | None,
    typer.Option("--remove", help="A further site of the ion that is empty (repeatable)."),
]
Model = Annotated[
    str | None, typer.Option("--model", "-m", help="Model to use (see migbar models list).")
]
Threshold = Annotated[float, typer.Option(help="Highest barrier of a good conductor, eV.", min=0.0)]
THRESHOLD = GOOD_CONDUCTOR_EV


def print_json(data: Any) -> None:
    """Print data as JSON on stdout; a number that is not defined (NaN) becomes null."""
    print(json.dumps(_without_nan(data), indent=2, ensure_ascii=False, allow_nan=False))


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


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


def hop_end(site: str | None, point: str | None, name: str) -> str | Point:
    """Return the one of ``--NAME`` and ``--NAME-frac`` that was given."""
    from migbar.ends import parse_point

    if (site is None) == (point is None):
        raise HopError(
            f"give the {name} end of the hop once: --{name} SITE or --{name}-frac x,y,z."
        )
    return parse_point(point) if point is not None else str(site)
