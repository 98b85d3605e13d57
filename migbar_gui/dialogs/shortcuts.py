"""The page of all keyboard shortcuts, made from the list of commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from migbar_gui.looks.tables import as_list
from migbar_gui.looks.widgets import Question, SearchField

if TYPE_CHECKING:
    from migbar_gui.commands.menus import Command

IN_THE_VIEW = (
    ("View: Turn", "Drag, or arrow keys"),
    ("View: Move", "Shift + drag, or middle button"),
    ("View: Zoom", "Wheel, right button + drag, or + and −"),
)
"""What mouse and keys do in the 3D view; it is no command."""


class ShortcutsDialog(Question):
    """Lists commands with their keys; a field narrows them down."""

    def __init__(self, commands: Sequence[Command], parent: QWidget) -> None:
        super().__init__("Keyboard and mouse", "", "Close", parent)
        self.setMinimumWidth(560)
        self.cancel_button.hide()  # one taken out crashes Qt at the next change of the theme
        self.field = SearchField("Search shortcuts")
        self.field.textChanged.connect(self._filter)
        keyed = [c for c in commands if not c.action.shortcut().isEmpty()]
        rows = [(c.title, c.action.shortcut().toString()) for c in keyed]
        self._rows = [*rows, *IN_THE_VIEW]
        self.table = _table(self._rows)
        self.body.addWidget(self.field)
        self.body.addWidget(self.table)
        self.field.setFocus()

    def _filter(self, text: str) -> None:
        for row, words in enumerate(self._rows):
            shown = text.strip().lower() in " ".join(words).lower()
            self.table.setRowHidden(row, not shown)


def _table(rows: Sequence[tuple[str, str]]) -> QTableWidget:
    table = QTableWidget(len(rows), 2)
    table.setHorizontalHeaderLabels(["Command", "Keys"])
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    as_list(table, "Shortcuts", ())
    table.setMinimumHeight(360)
    header = table.horizontalHeader()
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    for number, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.setItem(number, column, QTableWidgetItem(text))
    return table
