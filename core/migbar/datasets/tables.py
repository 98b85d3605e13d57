"""CSV and XLSX tables that name structures, ends and barriers; and the results of a screening."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

from pymatgen.core import Structure

from migbar.bands import Band
from migbar.datasets import BandRecord, normalised_family
from migbar.datasets.csv_rows import csv_rows
from migbar.datasets.endpoints import band_between
from migbar.datasets.neb_folders import ENERGY_PROBLEMS
from migbar.datasets.nebs import is_neb, read_neb
from migbar.datasets.numbers import UNIT, Barriers, unit_in_ev
from migbar.datasets.problems import Candidate, Problem, Source
from migbar.errors import BandsFileError, MigbarError, words_of
from migbar.structures import mobile_ions, read_structure, require_ordered

COLUMNS = {
    "name": ("name", "id", "sys_name", "path", "path_name", "edge_id"),
    "barrier": (
        "dft_barrier_ev", "barrier_ev", "barrier", "em_dft", "em", "e_m", "ea", "target", "target_ev",
    ),
    "structure": ("structure", "structure_file", "file", "cif"),
    "ion": ("ion", "mobile_ion", "element"),
    "from": ("from", "start", "initial_site"),
    "to": ("to", "end", "final_site"),
    "mechanism": ("mechanism",),
    "supercell": ("supercell",),
    "initial": ("initial", "initial_file", "initial_structure", "start_file"),
    "final": ("final", "final_file", "final_structure", "end_file"),
    "folder": ("folder", "neb_folder", "neb"),
    "family": ("class", "family", "structural_class"),
    "split": ("split", "_split", "fold", "set", "part"),
}  # fmt: skip
"""What the columns of a table mean, and the names that they usually go by (capitals do not matter)."""

_SAY = (
    "Say which is which (in the window: by the button Columns… beside the list of files; "
    "on the command line: with --column)."
)
_WAYS = (("structure", "from", "to"), ("initial", "final"), ("folder",))
"""Columns that say together where the ion goes."""

_PREDICTED = "interval_low_ev"
"""A column that only predicted barriers have."""

_UNIT = re.compile(rf"[\s_]*/?\s*[(\[]?\s*(?<![a-z]){UNIT}\s*[)\]]?$")
"""At the end of what a column is called: ``barrier (meV)``, ``Em / eV``, ``Ea [kJ/mol]``, ``Em / (kJ/mol)``."""

_ION = re.compile(r"([A-Za-z]{1,2})\d?\+?")
"""``Li``, ``li``, ``Li+``, ``Mg2+``."""

Row = Mapping[str, Any]


def read_table(
    path: Path, ion: str = "", columns: Mapping[str, str] | None = None
) -> Iterator[Candidate]:
    """Read the paths of a table; files that it names are meant from its own folder.

    Each row names a ``folder`` of a NEB, or two end structures (``initial``, ``final``), or a ``structure`` with the
    sites or fractional coordinates ``from`` and ``to`` of the hop.

    Raises
    ------
    BandsFileError
        If it is no table, is empty, or lacks columns.
    """
    header, rows = _rows(path)
    meaning = _meaning(path, header, columns or {})
    numbered = [(n, row) for n, row in enumerate(rows, start=2) if any(_filled(v) for v in row)]
    if not numbered:
        raise BandsFileError(path.name, ["has no rows below its header"])
    told = [
        {key: cells[i] if i < len(cells) else None for key, i in meaning.items()}
        for _, cells in numbered
    ]
    there = [str(name).strip().lower() for name in header]
    predicted = _PREDICTED in there and there[meaning["barrier"]] != "dft_barrier_ev"
    unit = _UNIT.search(there[meaning["barrier"]])
    barriers = Barriers((row["barrier"] for row in told), unit_in_ev(unit) if unit else None)
    read = _Reader(path.parent, barriers, ion, predicted)
    for (number, cells), row in zip(numbered, told, strict=True):
        source = Source(path.name, number)
        too_long = any(map(_filled, cells[len(header) :]))
        yield _overlong(len(cells), len(header), source) if too_long else read(row, source)


def _overlong(cells: int, columns: int, source: Source) -> Candidate:
    text = (
        f"The row has {cells} cells under {columns} columns, so that no cell is sure to stand in its own; put "
        "a number with a decimal comma, or a name with a comma, into quotes."
    )
    return Candidate(source, "", None, (Problem("unreadable", text, source),))


def _filled(value: Any) -> bool:
    return value is not None and str(value).strip() != ""


def _rows(path: Path) -> tuple[Sequence[Any], Iterable[Sequence[Any]]]:
    try:
        rows = iter(_xlsx(path) if path.suffix.lower() == ".xlsx" else csv_rows(path))
        header = next((row for row in rows if any(_filled(v) for v in row)), None)
    except OSError as error:
        raise BandsFileError(path.name, [f"cannot be read ({words_of(error)})"]) from None
    if header is None:
        raise BandsFileError(path.name, ["is empty"])
    return header, rows


def _xlsx(path: Path) -> Iterator[Sequence[Any]]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
        sheets = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets[:1]]
    except OSError:
        raise
    except Exception as error:  # what becomes of a damaged one in that library has no common type
        raise BandsFileError(path.name, [f"is no Excel workbook ({error})"]) from None
    return iter(sheets[0] if sheets else [])


def _meaning(path: Path, header: Sequence[Any], named: Mapping[str, str]) -> dict[str, int]:
    """Say which column means what."""
    there = [str(name if name is not None else "").strip().lower() for name in header]
    places = {key: _place_of(key, there, named) for key in COLUMNS}
    found = {key: place for key, place in places.items() if place is not None}
    problems = [f"has no column '{named[k]}'" for k in places if k in named and k not in found]
    twice = {there[place] for place in found.values() if there.count(there[place]) > 1}
    problems += [
        f"has more than one column '{name}', of which one has to go" for name in sorted(twice)
    ]
    if "barrier" not in found and "barrier" not in named:
        problems.append("has no column of barriers, usually called barrier or barrier_ev")
    if not any(found.keys() >= set(columns) for columns in _WAYS):
        problems.append(
            "has no columns that say where the ion goes: structure, from and to; or initial and final; or folder"
        )
    if problems:
        told = ", ".join(str(name).strip() for name in header if _filled(name))
        whose = "Its first sheet's" if path.suffix.lower() == ".xlsx" else "Its"
        text = f"{'; '.join(problems)}. {whose} columns are: {told}. {_SAY}"
        raise BandsFileError(path.name, [text])
    return found


def _place_of(key: str, there: Sequence[str], named: Mapping[str, str]) -> int | None:
    """Return which of the columns has a meaning."""
    names = COLUMNS[key]
    if key in named:
        names = (named[key].strip().lower(),)
    elif key == "name" and _PREDICTED in there:
        names = tuple(name for name in names if name != "path")  # a screening's number of it
    heads = [_UNIT.sub("", name) for name in there] if key == "barrier" else there
    return next((row.index(n) for row in (there, heads) for n in names if n in row), None)


def read_results(path: Path) -> Iterator[Candidate]:
    """Read the paths of a results database of a screening; their barriers are predictions.

    Raises
    ------
    ScreeningError
        If it is no such database.
    """
    from migbar.screening.database import fetch, read_database

    query = (
        'SELECT file, ion, "from", "to", mechanism, supercell FROM result WHERE barrier_ev IS NOT NULL '
        "ORDER BY file, number"
    )
    with read_database(path) as connection:
        rows = fetch(connection, query)
    for number, row in enumerate(rows, start=1):
        source = Source(path.name, number)
        name = _hop_name(row["file"], row["from"], row["to"])
        numbers = itertools.chain.from_iterable(json.loads(row["supercell"] or "[]"))
        told = {
            **row,
            "structure": row["file"],
            "supercell": ",".join(str(int(n)) for n in numbers),
        }
        try:
            structure = read_structure(row["file"])
            require_ordered(structure)
            record = BandRecord(name, band_of_sites(structure, row["ion"], told))
        except MigbarError as error:
            yield Candidate(source, name, None, (Problem(error.code, str(error), source, name),))
            continue
        yield Candidate(source, name, record, (_predicted(source, name),))


def _hop_name(file: str, start: str, end: str) -> str:
    return f"{PureWindowsPath(file).stem}: {start} → {end}"  # it knows both slashes


class _Reader:
    """Makes a path of a row."""

    def __init__(self, base: Path, numbers: Barriers, ion: str, predicted: bool) -> None:
        self.base, self.numbers, self.ion, self.predicted = base, numbers, ion, predicted

    def __call__(self, row: Row, source: Source) -> Candidate:
        text = {key: str(value).strip() if _filled(value) else "" for key, value in row.items()}
        hop = [text.get(key, "") for key in ("structure", "from", "to")]
        usual = _hop_name(*hop) if all(hop) else f"{Path(source.file).stem}-{source.row}"
        name = text.get("name") or usual
        part = text.get("split", "")
        try:
            band, barrier, problems = self._band(text, source, name)
        except MigbarError as error:
            code = "missing_file" if "there is no such" in str(error) else error.code
            return Candidate(source, name, None, (Problem(code, str(error), source, name),), part)
        except OSError as error:  # a text that is no name of a file, or a folder that is locked
            wanted = str(error.filename).removeprefix(str(self.base))
            about = f"{words_of(error)}: {wanted[:60]!r} cannot be a file, or cannot be read"
            return Candidate(
                source, name, None, (Problem("missing_file", about, source, name),), part
            )
        if _filled(row.get("barrier")):
            barrier, found = self.numbers.read(row.get("barrier"), source, name)
            problems = [*(p for p in problems if p.code not in ENERGY_PROBLEMS), *found]
        if self.predicted:
            problems.append(_predicted(source, name))
        if band is None:
            return Candidate(source, name, None, tuple(problems), part)
        family = normalised_family(text.get("family", ""))
        record = BandRecord(name, band, barrier, family)
        return Candidate(source, name, record, tuple(problems), part)

    def _band(
        self, row: Mapping[str, str], source: Source, name: str
    ) -> tuple[Band | None, float | None, list[Problem]]:
        ion = _symbol(row.get("ion") or self.ion)
        folder = self._place(row.get("folder", ""))
        # A folder without a NEB is that of one that did not run yet: then the other columns tell.
        other_code = folder.is_dir() and not is_neb(folder)
        if row.get("folder") and not (other_code and (row.get("initial") or row.get("structure"))):
            if not is_neb(folder):
                raise BandsFileError(row["folder"], ["there is no such folder of a NEB"])
            read = read_neb(folder, folder, ion)
            problems = [replace(p, source=source, name=name) for p in read.problems]
            if read.record is None:
                return None, None, problems
            return read.record.band, read.record.target_ev, problems
        if row.get("initial") and row.get("final"):
            ends = [self._structure(row[key]) for key in ("initial", "final")]
            band, found = band_between(ends[0], ends[1], source, name, ion)
            return band, None, list(found)
        wanted: tuple[str, ...] = ("structure", "from", "to")
        if row.get("initial") or row.get("final"):
            wanted = ("initial", "final")
        elif "structure" not in row:
            wanted = ("folder",) if "folder" in row else ("initial", "final")
        missing = [key for key in wanted if not row.get(key)]
        if missing:
            raise BandsFileError(name, [f"the row says nothing in {', '.join(missing)}"])
        structure = self._structure(row["structure"])
        return band_of_sites(structure, ion, row), None, []

    def _place(self, name: str) -> Path:
        """Return where that is which a row names; the table may come from Windows."""
        return self.base / name.replace("\\", "/")

    def _structure(self, file: str) -> Structure:
        path = self._place(file)
        if not path.is_file():
            raise BandsFileError(file, ["there is no such file"])
        structure = read_structure(path)
        require_ordered(structure)
        return structure


def band_of_sites(structure: Structure, ion: str, row: Mapping[str, str]) -> Band:
    """Make the band of a hop whose ends are named as in `migbar.ends`.

    Raises
    ------
    MigbarError
        If the ends do not exist, or the hop makes no sense.
    """
    from migbar.ends import name_hop, parse_end, parse_mechanism
    from migbar.supercells import make_band, parse_supercell

    ions = mobile_ions(structure)
    if not ion and len(ions) != 1:
        told = f"several mobile ions ({', '.join(ions)})" if ions else "no usual mobile ion"
        raise BandsFileError(
            row.get("structure", "structure"), [f"holds {told}; name the one that moves (ion)"]
        )
    # Beside an empty cell pandas writes an index as 3.0.
    start, end = (parse_end(re.sub(r"^(\d+)\.0$", r"\1", row[key])) for key in ("from", "to"))
    mechanism = parse_mechanism(row["mechanism"]) if row.get("mechanism") else None
    hop, _ = name_hop(structure, ion or ions[0], start, end, mechanism)
    supercell = row.get("supercell")
    return make_band(structure, hop, parse_supercell(supercell) if supercell else None)


def _symbol(ion: str) -> str:
    """Return the element of an ion, however it is written."""
    told = _ION.fullmatch(ion.strip())
    return told[1].capitalize() if told else ion


def _predicted(source: Source, name: str) -> Problem:
    text = (
        "The barrier was predicted by a model, which teaches another one nothing; put the DFT barrier into a "
        "column dft_barrier_ev."
    )
    return Problem("predicted_barrier", text, source, name)
