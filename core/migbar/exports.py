"""Tables of predicted paths as CSV, XLSX, and text for the clipboard."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migbar.barriers import GOOD_CONDUCTOR_EV, Barrier
from migbar.files import replacing, write_text
from migbar.prediction import PredictedPath

if TYPE_CHECKING:
    from migbar.neb import NebResult

Cell = str | float | bool

COLUMNS = (
    "structure",
    "ion",
    "from",
    "to",
    "mechanism",
    "barrier_ev",
    "interval_low_ev",
    "interval_high_ev",
    "interval_level",
    "good_conductor",
    "threshold_ev",
    "path_length_angstrom",
    "hops_per_cell",
    "supercell",
    "model",
    "model_version",
    "warnings",
    "relaxed_ev",
    "relaxed_converged",
    "relaxed_with",
    "attempt_frequency_per_s",
    "counted_ev",
    "counted_with",
    "note",
)
"""Column names; where ``migbar predict --json`` says the same, they are its keys."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One predicted path with what a user calls it.

    Attributes
    ----------
    structure : str
        Name of the structure.
    path : PredictedPath
    note : str
        The user's own words.
    relaxed : NebResult, optional
        Of the same path, relaxed with a potential.
    hops_per_cell : int
        Number of equivalent hops per cell; 0 where they were not counted.
    counted : Barrier, optional
        What counts in place of the predicted barrier: a calculation's. It tells whether this is a good conductor.
    """

    structure: str
    path: PredictedPath
    note: str = ""
    relaxed: NebResult | None = None
    hops_per_cell: int = 0
    counted: Barrier | None = None

    def cells(self, threshold_ev: float = GOOD_CONDUCTOR_EV) -> tuple[Cell, ...]:
        """Return the values in the order of `COLUMNS`."""
        hop, barrier = self.path.hop, self.path.barrier
        counted = self.counted or barrier
        start, end = hop.end_labels
        return (
            self.structure,
            hop.ion,
            start,
            end,
            hop.mechanism.value,
            barrier.barrier_ev,
            *barrier.interval_ev,
            barrier.interval_level,
            counted.is_good_conductor(threshold_ev),
            threshold_ev,
            self.path.length,
            self.hops_per_cell or "",
            "; ".join(" ".join(str(int(n)) for n in vector) for vector in self.path.supercell),
            barrier.model,
            barrier.model_version,
            " ".join(remark.text for remark in self.path.remarks),
            *self._relaxed_cells(),
            counted.barrier_ev,
            counted.made_by,
            self.note,
        )

    def _relaxed_cells(self) -> tuple[Cell, Cell, Cell, Cell]:
        found = self.relaxed
        if found is None:
            return "", "", "", ""
        attempts = found.vibrations.attempt_frequency if found.vibrations is not None else None
        return found.barrier_ev, found.converged, str(found.potential), attempts or ""


def table_text(
    rows: Sequence[TableRow], threshold_ev: float = GOOD_CONDUCTOR_EV, delimiter: str = ","
) -> str:
    """Return the table as delimited text with a header line; energies in eV, lengths in Å."""
    return delimited([COLUMNS, *(row.cells(threshold_ev) for row in rows)], delimiter)


def delimited(rows: Iterable[Sequence[Cell]], delimiter: str = ",") -> str:
    """Return any table as delimited text."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerows([_as_text(cell) for cell in row] for row in rows)
    return text.getvalue()


def write_csv(
    path: str | Path, rows: Sequence[TableRow], threshold_ev: float = GOOD_CONDUCTOR_EV
) -> None:
    """Write the table as CSV (UTF-8)."""
    write_text(path, table_text(rows, threshold_ev))


def write_xlsx(
    path: str | Path, rows: Sequence[TableRow], threshold_ev: float = GOOD_CONDUCTOR_EV
) -> None:
    """Write the table as an Excel workbook with numbers as numbers."""
    write_sheet(path, "Paths", COLUMNS, [row.cells(threshold_ev) for row in rows])


def write_sheet(
    path: str | Path, title: str, columns: Sequence[str], lines: Sequence[Sequence[Cell]]
) -> None:
    """Write any table as an Excel workbook of one sheet with numbers as numbers."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    sheet.title = title
    for number, line in enumerate((columns, *lines), start=1):
        for column, value in enumerate(line, start=1):
            cell = sheet.cell(number, column)
            if isinstance(value, str):
                cell.value = without_control_characters(value)
                cell.data_type = "s"  # a note that starts with = is a note, not a formula
            else:
                cell.value = value
                cell.number_format = "0.000" if isinstance(value, float) else "General"
            cell.font = Font(bold=number == 1)
    sheet.freeze_panes = "A2"
    for column, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = max(10, len(name) + 2)
    with replacing(path) as temporary:
        book.save(temporary)


def _as_text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"{cell:.6g}" if isinstance(cell, float) else cell


def without_control_characters(text: str) -> str:
    """Return a text without what the XML in a workbook cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)
