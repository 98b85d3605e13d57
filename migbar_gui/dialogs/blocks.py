"""The choice of one structure of a CIF with several data blocks."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QListWidget, QWidget

from migbar_gui.looks.widgets import Question


class BlockDialog(Question):
    """Lets the user choose one block."""

    chosen = Signal(str)

    def __init__(self, name: str, blocks: Sequence[str], parent: QWidget | None) -> None:
        super().__init__(
            "Which structure?",
            f"{name} holds {len(blocks)} structures. Choose the one to open.",
            "Open",
            parent,
        )
        self.list = QListWidget()
        self.list.setAccessibleName("Structures in the file")
        self.list.addItems(list(blocks))
        self.list.ensurePolished()  # else the rows are laid out without the style sheet, and overlap
        self.list.setCurrentRow(0)
        self.list.itemDoubleClicked.connect(self.accept)
        self.body.addWidget(self.list)
        self.list.setFocus()
        self.accepted.connect(lambda: self.chosen.emit(self.list.currentItem().text()))
