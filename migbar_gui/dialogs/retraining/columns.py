"""What the columns of a table are called, where they have other names than usual."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from migbar.datasets.tables import COLUMNS
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import Question, field_rows

MEANINGS = {
    "name": "Name of the path",
    "barrier": "Barrier",
    "structure": "Structure file",
    "ion": "Ion that moves",
    "from": "Initial site or position",
    "to": "Final site or position",
    "mechanism": "Mechanism",
    "supercell": "Supercell",
    "initial": "File of the initial structure",
    "final": "File of the final structure",
    "folder": "Folder of the calculation",
    "family": "Class of the structure",
    "split": "Which side of the split",
}


class ColumnsDialog(Question):
    """Asks for the names of columns."""

    chosen = Signal(dict)

    def __init__(self, columns: Mapping[str, str], parent: QWidget | None) -> None:
        super().__init__(
            "Columns of your table",
            "Only needed where a column has another name than those shown in grey.",
            "Use these names",
            parent,
        )
        self.setMinimumWidth(with_text(620))
        self.fields = {key: QLineEdit(columns.get(key, "")) for key in COLUMNS}
        for key, field in self.fields.items():
            field.setPlaceholderText(", ".join(COLUMNS[key][:4]))
        rows = [(MEANINGS.get(key, key), field) for key, field in self.fields.items()]
        self.body.addLayout(field_rows(rows))
        self.accepted.connect(lambda: self.chosen.emit(self.names()))

    def names(self) -> dict[str, str]:
        """Return the names that were given."""
        return {key: f.text().strip() for key, f in self.fields.items() if f.text().strip()}
