"""The results of a screening as CSV, XLSX, Parquet, and as a page of HTML."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migbar import __version__
from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.energies import IN_EV, EnergyFormat
from migbar.exports import without_control_characters
from migbar.files import replacing, write_text
from migbar.pages import ACCENT, INK, new_figure, page, svg, table
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.screening.database import read_database
from migbar.screening.options import ScreeningError
from migbar.screening.query import Choice, Show, count, find_rows, iterate_rows
from migbar.wording import counted, formula_text, space_group_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | float | int | bool | None

_FROM_RESULT = (
    "file", "state", "reason", "formula", "compound_class", "n_sites", "space_group", "ion", "number", "from", "to",
    "mechanism", "barrier_ev", "interval_low_ev", "interval_high_ev", "interval_level", "length_angstrom",
    "multiplicity", "supercell", "lowest_barrier_ev", "dimensionality", "through_1d_ev", "through_2d_ev",
    "through_3d_ev", "through_a_ev", "through_b_ev", "through_c_ev", "model", "model_version", "duplicate", "sha256",
    "problem", "path_remarks", "structure_remarks",
)  # fmt: skip
_JSON = ("path_remarks", "structure_remarks")

COLUMNS = {
    "file": str, "state": str, "reason": str, "formula": str, "compound_class": str, "n_sites": int,
    "space_group": str, "ion": str, "path": int, "from": str, "to": str, "mechanism": str, "barrier_ev": float,
    "interval_low_ev": float, "interval_high_ev": float, "interval_level": float, "good_conductor": bool,
    "threshold_ev": float, "path_length_angstrom": float, "multiplicity": int, "supercell": str,
    "lowest_barrier_ev": float, "dimensionality": int, "through_1d_ev": float, "through_2d_ev": float,
    "through_3d_ev": float, "through_a_ev": float, "through_b_ev": float, "through_c_ev": float, "model": str,
    "model_version": str, "duplicate": bool, "sha256": str, "warnings": str,
}  # fmt: skip
"""Names and types of the columns; what ``migbar predict --json`` says too has its name."""

XLSX_ROWS = 1_048_575
"""Rows that an Excel sheet has below its head."""

_REPORT_ROWS = 100
_CHUNK = 5000


def export(
    database: str | Path,
    path: str | Path,
    choice: Choice | None = None,
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    progress: Progress = SILENT,
    energies: EnergyFormat = IN_EV,
) -> None:
    """Write chosen results to a file; its ending says how: .csv, .xlsx, .parquet or .html.

    Parameters
    ----------
    database : path
    path : path
        Written atomically.
    choice : Choice, optional
        All results where not given; a report of HTML is always about all.
    threshold_ev : float
        Highest barrier of a good conductor in eV.
    progress : Progress
    energies : EnergyFormat
        How a report of HTML writes energies; tables are always in eV.

    Raises
    ------
    ScreeningError
        If the ending is none of these, or an Excel sheet has too few rows.
    OSError
        If the file cannot be written.
    """
    writers: dict[str, Callable[[Path, _Rows], None]]
    writers = {".csv": _write_csv, ".xlsx": _write_xlsx, ".parquet": _write_parquet}
    target = Path(path)
    require_known_ending(target)
    with read_database(database) as connection:
        write = writers.get(target.suffix.lower())
        if write is None:
            report = html_report(connection, Path(database), threshold_ev, energies)
            write_text(target, report)
        else:
            write(target, _Rows(connection, choice or Choice(sort="file"), threshold_ev, progress))


def require_known_ending(path: Path) -> None:
    """Raise a `ScreeningError` where the ending of a file does not say how to write it."""
    if path.suffix.lower() not in (".csv", ".xlsx", ".parquet", ".html", ".htm"):
        raise ScreeningError(
            f"{path.name}: the ending says how to write it; choose .csv, .xlsx, .parquet or .html."
        )


class _Rows:
    """Rows in the order of `COLUMNS`; their number is known before."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        choice: Choice,
        threshold_ev: float,
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._choice = choice
        self._threshold = threshold_ev
        self._progress = progress
        self.number = len(find_rows(connection, choice))

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        rows = iterate_rows(self._connection, self._choice, _FROM_RESULT)
        for done, row in enumerate(rows, start=1):
            if done % 100 == 0:
                check_cancelled(self._progress)
                self._progress.report(done, self.number, "Writing")
            yield self._cells(dict(zip(_FROM_RESULT, row, strict=True)))

    def _cells(self, row: dict[str, Any]) -> tuple[Cell, ...]:
        barrier = row["barrier_ev"]
        remarks = [r["text"] for name in _JSON for r in json.loads(row[name])]
        named = row | {
            "path": row["number"],
            "good_conductor": None if barrier is None else barrier <= self._threshold,
            "threshold_ev": self._threshold,
            "path_length_angstrom": row["length_angstrom"],
            "duplicate": bool(row["duplicate"]),
            "supercell": _matrix_text(row["supercell"]),
            "warnings": " ".join(filter(None, [row["problem"], *remarks])),
        }
        return tuple(named[column] for column in COLUMNS)


def _matrix_text(matrix: str | None) -> str | None:
    if matrix is None:
        return None
    return "; ".join(" ".join(map(str, vector)) for vector in json.loads(matrix))


def _write_csv(path: Path, rows: _Rows) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_as_text(cell) for cell in row] for row in rows)


def _as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _write_xlsx(path: Path, rows: _Rows) -> None:
    if rows.number > XLSX_ROWS:
        raise ScreeningError(
            f"{rows.number:,} rows are more than an Excel sheet has; write CSV or Parquet, or filter them first."
        )
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Paths")
    sheet.freeze_panes = "B2"
    for column, name in enumerate(COLUMNS, start=1):
        width = 40 if name in ("file", "reason", "warnings") else max(10, len(name) + 2)
        sheet.column_dimensions[get_column_letter(column)].width = width

    def cell(value: Cell) -> Any:
        made = WriteOnlyCell(sheet)
        if isinstance(value, str):
            made.value = without_control_characters(value)
            made.data_type = "s"  # a file that is called =1+1 is no formula
        else:
            made.value = value
            made.number_format = "0.000" if isinstance(value, float) else "General"
        return made

    head = [cell(name) for name in COLUMNS]
    for one in head:
        one.font = Font(bold=True)
    sheet.append(head)
    for row in rows:
        sheet.append([cell(value) for value in row])
    with replacing(path) as temporary:
        book.save(temporary)


def _write_parquet(path: Path, rows: _Rows) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    with replacing(path) as temporary, ParquetWriter(temporary, schema) as writer:
        left = iter(rows)
        while chunk := list(islice(left, _CHUNK)):
            arrays = [
                pa.array(column, type=schema.field(number).type)
                for number, column in enumerate(zip(*chunk, strict=True))
            ]
            writer.write_table(pa.table(arrays, schema=schema))


# ------------------------------------------------------------------ a page about all


def html_report(
    connection: sqlite3.Connection,
    database: Path,
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    energies: EnergyFormat = IN_EV,
) -> str:
    """Return a page: what was screened, the best structures, all barriers as a picture, what failed and why."""
    counts = count(connection, threshold_ev)
    ions = _column(connection, "SELECT DISTINCT ion FROM structure ORDER BY 1")
    title = f"Screening for {', '.join(ions)}" if ions else "Screening"
    lead = (
        f"<p class='lead'>{counted(counts.done, 'structure')} with {counted(counts.paths, 'distinct hop')}. In three "
        f"dimensions the ion gets through {counts.good} of {counts.done} at up to {energies.short(threshold_ev)} "
        f"{energies.unit}. {counted(counts.duplicates, 'file')} left out as duplicates, {counts.failed} failed.</p>"
    )
    return page(
        title,
        [
            f"<h1>{escape(title)}</h1>",
            lead,
            _barriers_section(connection, threshold_ev, energies),
            "<h2>Lowest barriers for getting through in three dimensions</h2>",
            _best_table(connection, threshold_ev, energies),
            "<h2>What failed</h2>",
            _failed_table(connection),
            "<h2>Where this comes from</h2>",
            _settings_table(connection, database),
        ],
    )


def _barriers_section(
    connection: sqlite3.Connection, threshold_ev: float, energies: EnergyFormat
) -> str:
    through = _column(
        connection, "SELECT through_3d_ev FROM structure WHERE through_3d_ev NOT NULL"
    )
    if not through:
        return ""
    return (
        f"<figure>{svg(_histogram(through, threshold_ev, energies))}<figcaption>Barriers for getting through "
        f"in three dimensions, {counted(len(through), 'structure')}; the line is the threshold of "
        f"{energies.short(threshold_ev)} {energies.unit}."
        "</figcaption></figure>"
    )


def _histogram(barriers: Sequence[float], threshold_ev: float, energies: EnergyFormat) -> Figure:
    figure, axes = new_figure(7.2, 3.2)
    axes.hist([energies.scaled(ev) for ev in barriers], bins=40, color=ACCENT)
    axes.axvline(energies.scaled(threshold_ev), color=INK, linewidth=1, linestyle="--")
    axes.set_xlabel(f"barrier ({energies.unit})")
    axes.set_ylabel("structures")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(left=0)
    return figure


def _best_table(connection: sqlite3.Connection, threshold_ev: float, energies: EnergyFormat) -> str:
    columns = (
        "file", "formula", "compound_class", "space_group", "ion", "through_1d_ev", "through_2d_ev", "through_3d_ev",
        "structure_remarks",
    )  # fmt: skip
    choice = Choice(Show.LOWEST, max_through_ev=float("inf"), sort="through_3d_ev")
    rows: list[tuple[str, ...]] = []
    for row in iterate_rows(connection, choice, columns):
        if len(rows) == _REPORT_ROWS:
            break
        file, name, kind, group, ion, *through, remarks = row
        texts = " ".join(r["text"] for r in json.loads(remarks))
        barriers = ["" if e is None else energies.number(e) for e in through]
        good = "good" if through[2] <= threshold_ev else "poor"
        crystal = formula_text(name), kind, space_group_text(group)
        rows.append((Path(file).name, *crystal, ion, *barriers, good, texts))
    if not rows:
        return "<p>None.</p>"
    head = (
        "file",
        "formula",
        "class",
        "group",
        "ion",
        *(f"{dimensions}D ({energies.unit})" for dimensions in (1, 2, 3)),
        "conductor",
        "notes",
    )
    shown = f"<p class='small'>The {_REPORT_ROWS} lowest.</p>" if len(rows) == _REPORT_ROWS else ""
    return table(head, rows) + shown


def _failed_table(connection: sqlite3.Connection) -> str:
    found = connection.execute(
        "SELECT count(*), min(path), reason FROM file WHERE state = 'failed' "
        "GROUP BY reason ORDER BY 1 DESC, 2 LIMIT ?",
        (_REPORT_ROWS,),
    ).fetchall()
    if not found:
        return "<p>Nothing.</p>"
    rows = [(str(number), reason, Path(example).name) for number, example, reason in found]
    return table(("files", "why", "for example"), rows)


def _settings_table(connection: sqlite3.Connection, database: Path) -> str:
    rows = [("results", str(database))]
    query = "SELECT settings, migbar_version, created FROM setting WHERE id IN (SELECT setting_id FROM file)"
    for text, version, created in connection.execute(query):
        settings = json.loads(text)
        ion = settings["ion"] or "each structure's own"
        begun = datetime.fromisoformat(created).isoformat(sep=" ", timespec="seconds")
        rows += [
            ("model", f"{settings['model_name']} {settings['model_version']}"),
            ("ion, mechanism", f"{ion}, {settings['mechanism'] or 'as the structure suggests'}"),
            ("symmetry tolerance", f"{settings['symprec']:g} Å"),
            ("partly occupied structures", "ordered" if settings["order"] else "left out"),
            ("begun", f"{begun} with MigBar {version}"),
        ]
    rows.append(("program", f"MigBar {__version__}"))
    return table(("", ""), rows) + (
        "<p class='small'>Each barrier is a model's estimate of a DFT-NEB barrier at 0 K for one ion on a straight "
        "path, without a direction. Where ions move together a single hop misleads.</p>"
    )


def _column(connection: sqlite3.Connection, query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query)]
