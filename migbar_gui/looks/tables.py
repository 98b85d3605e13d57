"""Tables as lists of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QTableWidget,
    QTableWidgetItem,
)

from migbar_gui.looks import energies
from migbar_gui.looks.theme import with_text

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

LEAST_LAST = 50
"""Width in pixels that the last column keeps; Qt's own is 100, and a scroll bar where there is room for all."""

Index = QModelIndex | QPersistentModelIndex
Column = tuple[str, int, Qt.AlignmentFlag, str]
"""Title, where ``{unit}`` is that of energies; width in pixels; side; explanation."""


def list_of(columns: Sequence[Column], name: str) -> QTableWidget:
    """Make a list whose rows cannot be changed; the last column is as wide as there is room."""
    table = QTableWidget(0, len(columns))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    as_list(table, name, enumerate(width for _, width, *_ in columns[:-1]))
    return table


def as_list(view: QTableView, name: str, widths: Iterable[tuple[int, int]]) -> None:
    """Make a table, which has its model, a list of rows that are selected whole.

    Parameters
    ----------
    view : QTableView
    name : str
        For screen readers.
    widths : iterable of (int, int)
        Columns and their widths in pixels, for text of the usual size.
    """
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setItemDelegate(RowsDelegate(view))
    view.setTabKeyNavigation(False)  # so that the keyboard gets out of it
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setAccessibleName(name)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(with_text(30))
    view.horizontalHeader().setHighlightSections(False)
    view.horizontalHeader().setDefaultSectionSize(with_text(LEAST_LAST))
    view.horizontalHeader().setStretchLastSection(True)
    for column, width in widths:
        view.setColumnWidth(column, with_text(width))


class RowsDelegate(QStyledItemDelegate):
    """Leaves what is selected its colour."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        super().initStyleOption(option, index)
        role = QPalette.ColorRole
        option.palette.setBrush(role.HighlightedText, option.palette.brush(role.Text))


class NamesDelegate(RowsDelegate):
    """Shortens names in their middle: long ones of files often differ, and rows are told, at their end."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideMiddle


def select_row(view: QTableView, row: int, column: int = 0) -> None:
    """Select a row alone; by Qt's own `selectRow` it is not while Ctrl is held down, as in Ctrl+Z."""
    choose = QItemSelectionModel.SelectionFlag
    index = view.model().index(row, column)
    view.selectionModel().setCurrentIndex(index, choose.ClearAndSelect | choose.Rows)
    view.scrollTo(index)


def write_heads(table: QTableWidget, columns: Sequence[Column]) -> None:
    """Write the heads of a table's columns, in the unit of energies that the user likes."""
    for number, (title, _, side, tip) in enumerate(columns):
        head = QTableWidgetItem(title.format(unit=energies.unit()))
        head.setTextAlignment(side)
        head.setToolTip(tip)
        table.setHorizontalHeaderItem(number, head)


def write_row(
    table: QTableWidget, row: int, columns: Sequence[Column], texts: Iterable[str]
) -> None:
    """Write the cells of a row."""
    for number, text in enumerate(texts):
        cell = QTableWidgetItem(text)
        cell.setTextAlignment(columns[number][2])
        cell.setToolTip(text)
        table.setItem(row, number, cell)
