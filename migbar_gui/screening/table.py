"""The table of results as Qt wants it: a model over the results database.

It knows the keys of all rows, in order, and reads the rows themselves page by page when they are looked at; so
it is as quick with 100,000 rows as with ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.screening import ScreeningError
from migbar.screening.database import read_database
from migbar.screening.query import get_rows
from migbar.wording import formula_text, space_group_text
from migbar_gui.looks import energies
from migbar_gui.looks.tables import LEFT, RIGHT
from migbar_gui.looks.texts import in_words
from migbar_gui.looks.theme import current_theme

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
Key = tuple[int, int | None]
"""File and number of a path."""

PAGE = 64
PAGES_KEPT = 200


class Column(IntEnum):
    """Columns of the table, from the left."""

    FILE = 0
    FORMULA = 1
    CLASS = 2
    ION = 3
    PATH = 4
    BARRIER = 5
    INTERVAL = 6
    VERDICT = 7
    THROUGH_1D = 8
    THROUGH_2D = 9
    THROUGH_3D = 10
    LENGTH = 11
    SITES = 12
    GROUP = 13
    NOTE = 14


HEADERS = {
    Column.FILE: ("File", "Double-click to open the structure with this path", "file"),
    Column.FORMULA: ("Formula", "Reduced formula", "formula"),
    Column.CLASS: ("Class", "Kind of compound, by its anions", "compound_class"),
    Column.ION: ("Ion", "Element that moves", "ion"),
    Column.PATH: ("Path", "Initial and final site (index@image)", "number"),
    Column.BARRIER: ("Barrier ({unit})", "Predicted migration barrier Eₘ of this path", "barrier_ev"),
    Column.INTERVAL: ("90 % interval", "Holds the DFT-NEB barrier in nine of ten cases", "interval_low_ev"),
    Column.VERDICT: ("Verdict", "Whether this path makes a good conductor, by the threshold", ""),
    Column.THROUGH_1D: ("1D ({unit})", "Barrier for getting through in one dimension", "through_1d_ev"),
    Column.THROUGH_2D: ("2D ({unit})", "Barrier for getting through in two dimensions", "through_2d_ev"),
    Column.THROUGH_3D: ("3D ({unit})", "Barrier for getting through in three dimensions", "through_3d_ev"),
    Column.LENGTH: ("Length (Å)", "Length of the straight path", "length_angstrom"),
    Column.SITES: ("Sites", "Sites in the cell", "n_sites"),
    Column.GROUP: ("Group", "Space group", "space_group"),
    Column.NOTE: ("Note", "Why it failed, or what was chosen", "reason"),
}  # fmt: skip
"""Name, explanation, and column of the view ``result`` to sort by."""

FIELDS = (
    "file", "state", "reason", "formula", "compound_class", "ion", "from", "to", "mechanism", "barrier_ev",
    "interval_low_ev", "interval_high_ev", "through_1d_ev", "through_2d_ev", "through_3d_ev", "length_angstrom",
    "n_sites", "space_group", "problem", "n_paths", "sha256",
)  # fmt: skip
_NUMBERS = (
    Column.BARRIER, Column.INTERVAL, Column.THROUGH_1D, Column.THROUGH_2D, Column.THROUGH_3D, Column.LENGTH,
    Column.SITES,
)  # fmt: skip

_ENERGIES = (Column.BARRIER, Column.THROUGH_1D, Column.THROUGH_2D, Column.THROUGH_3D)

_ROLES = (Role.DisplayRole, Role.ForegroundRole, Role.ToolTipRole, Role.TextAlignmentRole)
_ALIGNMENT = {column: int(RIGHT if column in _NUMBERS else LEFT) for column in Column}

Row = dict[str, Any]


class ResultTable(QAbstractTableModel):
    """Chosen rows of a results database, in the order that was asked for."""

    sort_asked = Signal(str, bool)
    """Column of the view ``result``, and whether the largest comes first."""

    def __init__(self) -> None:
        super().__init__()
        self._database: Path | None = None
        self._keys: list[Key] = []
        self._pages: dict[int, dict[Key, Row]] = {}
        self.threshold = GOOD_CONDUCTOR_EV

    def show(self, database: Path, keys: list[Key]) -> None:
        """Show these rows; what is selected stays so."""
        same = database == self._database
        self._pages.clear()
        if same and keys[: len(self._keys)] == self._keys:
            more = len(keys) - len(self._keys)
            if more:
                self.beginInsertRows(QModelIndex(), len(self._keys), len(keys) - 1)
                self._keys = keys
                self.endInsertRows()
            self.refresh()
            return
        if not same:
            self.beginResetModel()
            self._database, self._keys = database, keys
            self.endResetModel()
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        rows = {key: row for row, key in enumerate(keys)} if before else {}
        after = [self._moved(index, rows) for index in before]
        self._keys = keys
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def refresh(self) -> None:
        """Draw what is seen anew."""
        if self._keys:
            last = self.index(len(self._keys) - 1, len(Column) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def row(self, number: int) -> Row | None:
        """Return what a row is about; None where it has gone meanwhile."""
        key = self._keys[number]
        page = number // PAGE
        if page not in self._pages:
            if len(self._pages) >= PAGES_KEPT:
                self._pages.pop(next(iter(self._pages)))
            self._pages[page] = self._read(self._keys[page * PAGE : (page + 1) * PAGE])
        return self._pages[page].get(key)

    def _read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        assert self._database is not None
        try:
            with read_database(self._database) as connection:
                found = get_rows(connection, keys, FIELDS)
        except ScreeningError:  # it was taken away; the next refresh says so
            return {}
        return {key: dict(zip(FIELDS, values, strict=True)) for key, values in found.items()}

    def _moved(self, index: QModelIndex, rows: dict[Key, int]) -> QModelIndex:
        row = rows.get(self._keys[index.row()])
        return QModelIndex() if row is None else self.createIndex(row, index.column())

    def refresh_unit(self) -> None:
        """Write energies in the unit that the user likes."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        self.refresh()

    def reason(self, row: int) -> str:
        """Return what is to be said of a row: why it failed, or what was chosen; mostly nothing."""
        found = self.row(row)
        note = "" if found is None else _note(found)
        return f"{Path(found['file']).name}: {note}" if found is not None and note else ""

    # ---- what Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._keys)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Return the number of columns."""
        return len(Column)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """Return names and explanations of the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        name, tip, _ = HEADERS[Column(section)]
        if role == Role.TextAlignmentRole:
            return _ALIGNMENT[Column(section)]
        texts = {Role.DisplayRole: name.format(unit=energies.unit()), Role.ToolTipRole: tip}
        return texts.get(Role(role))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Ask for another order; the rows come later."""
        field = HEADERS[Column(column)][2] if column >= 0 else ""
        if field or column < 0:
            self.sort_asked.emit(field, order is Qt.SortOrder.DescendingOrder)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """Return what a cell shows."""
        if role not in _ROLES:
            return None
        column = Column(index.column())
        if role == Role.TextAlignmentRole:
            return _ALIGNMENT[column]
        row = self.row(index.row())
        if row is None:
            return None
        if role == Role.ForegroundRole:
            return self._colour(column, row)
        if role == Role.ToolTipRole and column in (Column.FILE, Column.BARRIER):
            return row["file"] if column is Column.FILE else _note(row)
        return self._text(column, row)

    def _text(self, column: Column, row: Row) -> str:
        if column is Column.FILE:
            return Path(row["file"]).name
        if column is Column.NOTE:
            return _note(row)
        if column is Column.PATH:
            return (
                "" if row["from"] is None else f"{row['from']} → {row['to'].removesuffix('@0,0,0')}"
            )
        if column is Column.INTERVAL:
            low, high = row["interval_low_ev"], row["interval_high_ev"]
            return "" if low is None else energies.interval(low, high, " – ")
        if column is Column.VERDICT:
            return "" if row["barrier_ev"] is None else self._verdict(row)
        if column is Column.FORMULA:
            return formula_text(row["formula"] or "")
        if column is Column.GROUP:
            return space_group_text(row["space_group"] or "")
        if column is Column.BARRIER and (row["state"] == "failed" or row["problem"]):
            return "failed"
        value = row[HEADERS[column][2]]
        if value is None:
            return ""
        if column in _ENERGIES:
            return energies.number(value)
        return f"{value:.2f}" if column is Column.LENGTH else str(value)

    def _verdict(self, row: Row) -> str:
        return "good" if row["barrier_ev"] <= self.threshold else "poor"

    def _colour(self, column: Column, row: Row) -> QColor | None:
        theme = current_theme()
        if column in (Column.NOTE, Column.BARRIER) and (row["state"] == "failed" or row["problem"]):
            return QColor(theme.error)
        if column is Column.VERDICT and row["barrier_ev"] is not None:
            return QColor(theme.good if self._verdict(row) == "good" else theme.poor)
        if column in (Column.INTERVAL, Column.CLASS, Column.GROUP, Column.SITES, Column.LENGTH):
            return QColor(theme.muted)
        return None


def _note(row: Row) -> str:
    if row["state"] == "failed":
        return in_words(row["reason"])
    if row["problem"]:
        return in_words(row["problem"])
    return "no hop was found" if row["n_paths"] == 0 else ""
