"""Which of the symmetries that a noisy crystal nearly has it is meant to have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from migbar.wording import space_group_text
from migbar_gui.looks.tables import LEFT, RIGHT, list_of, select_row, write_heads, write_row
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import ProblemLabel, Question, label
from migbar_gui.workspace import Document

if TYPE_CHECKING:
    from migbar.structures import Restored

COLUMNS = (
    ("Space group", 150, LEFT, "That the crystal nearly has, and its number"),
    ("Atoms move (Å)", 130, RIGHT, "How far an atom is moved at most"),
    ("Cell changes (%)", 130, RIGHT, "By how much a vector of the cell changes at most"),
    ("Found within (Å)", 120, RIGHT, "Tolerance of the search"),
)

ROWS = 5
"""That are seen at once."""


class SymmetryDialog(Question):
    """Lists the symmetries near a structure.

    Parameters
    ----------
    document : Document
    look : callable
        Finds them in the background; told what to call with them, and where that failed.
    """

    chosen = Signal(object)
    """The `Restored` structure."""

    def __init__(
        self,
        document: Document,
        look: Callable[[Callable[[list[Restored]], None], Callable[[Exception], None]], object],
        parent: QWidget | None,
    ) -> None:
        super().__init__(
            "Restore symmetry",
            f"{document.name}: a crystal that was simulated or relaxed is a little off its symmetry, and then places "
            "and hops that are the same are taken for different ones. Choose the symmetry that is meant.",
            "Restore",
            parent,
        )
        self._name = document.name
        self._found: list[Restored] = []
        self.table = list_of(COLUMNS, "Symmetries nearby")
        write_heads(self.table, COLUMNS)
        heads, rows = self.table.horizontalHeader(), self.table.verticalHeader()
        self.table.setFixedHeight(heads.sizeHint().height() + ROWS * rows.defaultSectionSize() + 4)
        self.setMinimumWidth(with_text(600))
        self.about = label("Looking for symmetries…", "muted", wrap=True)
        self.problem = ProblemLabel()
        for part in (self.table, self.about, self.problem):
            self.body.addWidget(part)
        self.accept_button.setEnabled(False)
        self.table.setFocus()  # not Cancel, while there is nothing to choose yet
        self.table.itemSelectionChanged.connect(
            lambda: self.accept_button.setEnabled(bool(self.table.selectedItems()))
        )
        self.table.itemDoubleClicked.connect(self.accept)
        self.accepted.connect(lambda: self.chosen.emit(self._found[self.table.currentRow()]))
        look(self._show, self._complain)

    def _show(self, found: list[Restored]) -> None:
        self._found = found
        self.table.setRowCount(len(found))
        for row, one in enumerate(found):
            texts = (
                f"{space_group_text(one.symbol)} ({one.number})",
                f"{one.farthest:.3f}",
                f"{100 * one.strain:.1f}",
                f"{one.tolerance:g}",
            )
            write_row(self.table, row, COLUMNS, texts)
        if found:
            self.about.setText(
                "A distortion that is meant, as of Jahn and Teller, is lost where atoms move far. The restored "
                "structure opens in place of this one; undo brings this one back."
            )
            select_row(self.table, len(found) - 1)
        else:
            self.about.setText(f"{self._name} is near no higher symmetry than it has.")
        self.table.setVisible(bool(found))
        self.fit()

    def _complain(self, error: Exception) -> None:
        self.about.setText("")
        self.problem.tell(error)
        self.table.hide()
        self.fit()
