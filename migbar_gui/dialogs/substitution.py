"""The choice of which elements to exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QLineEdit, QWidget

from migbar_gui.looks.widgets import ProblemLabel, Question, field_rows, label
from migbar_gui.workspace import Document

Substitute = Callable[
    [Mapping[str, str], Callable[[], object], Callable[[Exception], None]], object
]
"""Told what to exchange, what to call when it is done, and what to call where it failed."""


class SubstitutionDialog(Question):
    """Lists the elements of a structure, each with a field for the one that is to take its place."""

    def __init__(self, document: Document, substitute: Substitute, parent: QWidget | None) -> None:
        super().__init__(
            "Substitute elements",
            f"{document.name}: write the new element beside each one that is to be replaced.",
            "Substitute",
            parent,
        )
        self._substitute = substitute
        self.fields = {
            symbol: QLineEdit(placeholderText=f"keep {symbol}")
            for symbol in document.structure.composition.get_el_amt_dict()
        }
        rows = [(symbol, field) for symbol, field in self.fields.items()]
        self.body.addLayout(field_rows(rows))
        self.body.addWidget(
            label(
                "The cell is rescaled by the ratio of the radii (reference lattice scaling), and not relaxed. "
                "The new structure opens in place of this one; undo brings this one back.",
                "muted",
                wrap=True,
            )
        )
        self.problem = ProblemLabel()
        self.body.addWidget(self.problem)
        next(iter(self.fields.values())).setFocus()

    def accept(self) -> None:
        """Make the structure; then close, or say what is wrong and stay open."""
        written = {old: field.text().strip() for old, field in self.fields.items()}
        exchange = {old: new[:1].upper() + new[1:].lower() for old, new in written.items() if new}
        self._substitute(exchange, super().accept, self._complain)

    def _complain(self, error: Exception) -> None:
        self.problem.tell(error)
        self.fit()
