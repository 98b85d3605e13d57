"""The table of paths as Qt wants it: a model over the workspace."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from migbar.errors import Cancelled
from migbar.hops import Mechanism
from migbar_gui.computing.relaxed import potential_note
from migbar_gui.looks import energies
from migbar_gui.looks.tables import LEFT, RIGHT
from migbar_gui.looks.theme import current_theme, icon, path_colour
from migbar_gui.looks.widgets import swatch_icon
from migbar_gui.workspace import PathEntry, PathResult, Workspace

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

SORT_ROLE = Qt.ItemDataRole.UserRole
"""Numbers as numbers, so that sorting is not by their text."""

MECHANISM_NAMES = {
    Mechanism.VACANCY: "vacancy",
    Mechanism.SINGLE_ION: "single ion",
    Mechanism.INTERSTITIAL: "interstitial",
    Mechanism.INSERTION: "insertion",
}


class Column(IntEnum):
    """Columns of the table, from the left."""

    PATH = 0
    BARRIER = 1
    INTERVAL = 2
    VERDICT = 3
    LENGTH = 4
    MECHANISM = 5
    MODEL = 6
    PER_CELL = 7
    NOTE = 8
    RELAXED = 9
    DIFFERENCE = 10


HEADERS = {
    Column.PATH: ("Path", "Ion, initial and final site (index@image)"),
    Column.BARRIER: ("Barrier ({unit})", "Predicted migration barrier Eₘ"),
    Column.INTERVAL: ("90 % interval", "Holds the DFT-NEB barrier in nine of ten cases"),
    Column.VERDICT: (
        "Verdict",
        "Barrier against the threshold above the table; a calculated one counts first",
    ),
    Column.LENGTH: ("Length (Å)", "Length of the straight path"),
    Column.MECHANISM: ("Mechanism", "How the ion's surroundings are set up"),
    Column.MODEL: ("Model", "What predicted the barrier"),
    Column.PER_CELL: ("Per cell", "Number of equivalent hops per cell, where all were found"),
    Column.NOTE: ("Note", "Double-click to write"),
    Column.RELAXED: (
        "Relaxed ({unit})",
        "Barrier of the relaxed band, with a universal potential or calculated",
    ),
    Column.DIFFERENCE: ("Difference ({unit})", "Relaxed minus predicted barrier"),
}

NUMERIC = (
    Column.BARRIER,
    Column.INTERVAL,
    Column.LENGTH,
    Column.PER_CELL,
    Column.RELAXED,
    Column.DIFFERENCE,
)


NO_VOID = "No void has room for {}: choose another ion or mechanism, or add a path by coordinates."
"""Said in place of an invitation to click voids."""


class PathTable(QAbstractTableModel):
    """Rows are the workspace's paths in the order in which they were added."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._paths = workspace.state.paths
        workspace.paths_changed.connect(self._reload)
        workspace.result_arrived.connect(lambda _: self._refresh())
        workspace.threshold_changed.connect(self._refresh)
        workspace.relaxed_changed.connect(self._refresh)
        workspace.numbers_changed.connect(self._refresh_numbers)

    def path_at(self, row: int) -> PathEntry:
        """Return the path in a row."""
        return self._paths[row]

    def row_of(self, path_id: int | None) -> int | None:
        """Return the row of a path."""
        return next((row for row, p in enumerate(self._paths) if p.id == path_id), None)

    def _reload(self) -> None:
        new = self._workspace.state.paths
        if [p.id for p in new] == [p.id for p in self._paths]:
            self._paths = new
            self._refresh()
            return
        self.beginResetModel()
        self._paths = new
        self.endResetModel()

    def _refresh(self) -> None:
        if self._paths:
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(self._paths) - 1, len(Column) - 1)
            )

    def _refresh_numbers(self) -> None:
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        self._refresh()

    # ---- what Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Return the number of paths."""
        return 0 if parent.isValid() else len(self._paths)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Return the number of columns."""
        return len(Column)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """Return names and explanations of the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        name, tip = HEADERS[Column(section)]
        name = name.format(unit=energies.unit())
        if role == Role.TextAlignmentRole:
            return _alignment(Column(section))
        return {Role.DisplayRole: name, Role.ToolTipRole: tip}.get(Role(role))

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Allow notes to be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == Column.NOTE else flags

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:  # noqa: N802
        """Write a note."""
        if role != Role.EditRole or index.column() != Column.NOTE:
            return False
        self._workspace.set_note(self._paths[index.row()].id, str(value))
        return True

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """Return what a cell shows."""
        path, column = self._paths[index.row()], Column(index.column())
        found = self._workspace.results.get(path.id)
        if role == Role.DisplayRole:
            return self._text(path, column, found)
        if role == Role.EditRole:
            return path.note if column is Column.NOTE else self._text(path, column, found)
        if role == SORT_ROLE:
            return self._sort_key(path, column, found)
        if role == Role.TextAlignmentRole:
            return _alignment(column)
        if role == Role.DecorationRole and column is Column.PATH:
            return swatch_icon(path_colour(path.id))
        if role == Role.DecorationRole and column is Column.VERDICT:
            return self._verdict_icon(path, found)
        if role == Role.ForegroundRole:
            return self._foreground(path, column, found)
        if role == Role.ToolTipRole:
            return self._tip(path, column, found)
        return None

    def _text(self, path: PathEntry, column: Column, found: PathResult | Exception | None) -> str:
        if column is Column.PATH:
            return f"{path.hop.ion}   {path.label}"
        if column is Column.MECHANISM:
            return MECHANISM_NAMES[path.hop.mechanism]
        if column is Column.NOTE:
            return path.note
        if column is Column.PER_CELL:
            return str(path.multiplicity) if path.multiplicity else ""
        if column in (Column.RELAXED, Column.DIFFERENCE):
            return self._relaxed_text(path, column)
        if column is Column.LENGTH:
            structure = self._workspace.structure
            return f"{path.hop.length(structure):.2f}" if structure is not None else ""
        if not isinstance(found, PathResult):
            return _without_barrier(found) if column is Column.BARRIER else ""
        barrier = found.predicted.barrier
        low, high = barrier.interval_ev
        return {
            Column.BARRIER: energies.number(barrier.barrier_ev),
            Column.INTERVAL: energies.interval(low, high, " – "),
            Column.VERDICT: f"{'good' if self._is_good(path, found) else 'poor'} conductor",
            Column.MODEL: barrier.made_by,
        }[column]

    def _relaxed_text(self, path: PathEntry, column: Column) -> str:
        relaxed = self._workspace.relaxed_of(path.id)
        if relaxed is None:
            return ""
        if column is Column.RELAXED:
            unfinished = "" if relaxed.result.converged else "not converged: "
            return f"{unfinished}{energies.number(relaxed.result.barrier_ev)}"
        difference = self._difference(path)
        return "" if difference is None else energies.number(difference, sign=True)

    def _difference(self, path: PathEntry) -> float | None:
        relaxed, found = self._workspace.relaxed_of(path.id), self._workspace.result(path.id)
        if relaxed is None or found is None:
            return None
        return relaxed.result.barrier_ev - found.predicted.barrier.barrier_ev

    def _sort_key(
        self, path: PathEntry, column: Column, found: PathResult | Exception | None
    ) -> float | str:
        if column is Column.PATH:
            return float(path.id)
        if column is Column.PER_CELL:
            return float(path.multiplicity)
        if column is Column.RELAXED:
            relaxed = self._workspace.relaxed_of(path.id)
            return relaxed.result.barrier_ev if relaxed is not None else float("inf")
        if column is Column.DIFFERENCE:
            difference = self._difference(path)
            return float("inf") if difference is None else difference
        if column is Column.LENGTH and self._workspace.structure is not None:
            return path.hop.length(self._workspace.structure)
        if column in (Column.BARRIER, Column.INTERVAL):
            if not isinstance(found, PathResult):
                return float("inf")
            barrier = found.predicted.barrier
            low, high = barrier.interval_ev
            return barrier.barrier_ev if column is Column.BARRIER else high - low
        return self._text(path, column, found)

    def _is_good(self, path: PathEntry, found: PathResult) -> bool:
        """Whether the ion passes easily, by the calculated barrier where there is one."""
        barrier = self._workspace.counted_barrier(path.id, found.predicted.barrier)
        return barrier.is_good_conductor(self._workspace.threshold)

    def _verdict_icon(self, path: PathEntry, found: PathResult | Exception | None) -> QIcon | None:
        if not isinstance(found, PathResult):
            return None
        theme = current_theme()
        good = self._is_good(path, found)
        return icon("check", theme.good) if good else icon("warning", theme.poor)

    def _foreground(
        self, path: PathEntry, column: Column, found: PathResult | Exception | None
    ) -> QColor | None:
        theme = current_theme()
        relaxed = self._workspace.relaxed_of(path.id)
        if column is Column.RELAXED and relaxed is not None and not relaxed.result.converged:
            return QColor(theme.poor)
        if isinstance(found, Exception) and column is Column.BARRIER:
            return QColor(theme.error)
        if isinstance(found, PathResult) and column is Column.VERDICT:
            return QColor(theme.good if self._is_good(path, found) else theme.poor)
        if column in (Column.INTERVAL, Column.MODEL, Column.MECHANISM):
            return QColor(theme.muted)
        return None

    def _tip(self, path: PathEntry, column: Column, found: PathResult | Exception | None) -> str:
        relaxed = self._workspace.relaxed_of(path.id)
        if column in (Column.RELAXED, Column.DIFFERENCE) and relaxed is not None:
            state = "converged" if relaxed.result.converged else "NOT CONVERGED"
            note = potential_note(relaxed.result.potential.name, relaxed.result.ends_relaxed)
            return f"{relaxed.method}, {state}. {note}".strip()
        if isinstance(found, Exception):
            return str(found)
        return self._text(path, column, found)


class NoteEditor(QStyledItemDelegate):
    """Hands on what is typed while it is typed, so that a crash takes none of it."""

    def createEditor(  # noqa: N802
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QWidget:
        """Make a field that commits each change."""
        editor = QLineEdit(parent)
        editor.setFrame(False)
        editor.setAcceptDrops(False)  # a file is for the window
        editor.setAccessibleName("Note")
        editor.textEdited.connect(lambda _: self.commitData.emit(editor))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:  # noqa: N802
        """Fill the field; what is being typed stays, with its cursor."""
        text = index.data(Role.EditRole)
        if isinstance(editor, QLineEdit) and editor.text() != text:
            editor.setText(text)


def _without_barrier(found: Exception | None) -> str:
    if found is None:
        return "…"
    return "cancelled" if isinstance(found, Cancelled) else "failed"


def _alignment(column: Column) -> int:
    return int(RIGHT if column in NUMERIC else LEFT)
