"""The offer to order a partly occupied structure."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSpinBox, QWidget

from migbar.wording import formula_text
from migbar_gui.looks.widgets import Question, bulleted, field_rows, in_column, indented, label


class OrderingDialog(Question):
    """Explains partial occupancy and offers to order it."""

    chosen = Signal(int, float)
    """How many atoms the ordered cell may have, and how long the search may take (s)."""

    def __init__(
        self,
        name: str,
        formula: str,
        labels: Sequence[str],
        n_sites: int,
        parent: QWidget | None,
    ) -> None:
        super().__init__(
            "Partly occupied sites",
            f"{name} ({formula_text(formula)}) has sites that are shared or not always filled. A migration band "
            "needs every atom in one place, so an ordered version has to be made first.",
            "Order and open",
            parent,
        )
        further = [f"and {len(labels) - 6} more"] if len(labels) > 6 else []
        self.body.addLayout(in_column(*map(bulleted, (*labels[:6], *further)), spacing=2))
        self.body.addSpacing(4)
        self.body.addWidget(
            label(
                "Occupancies are rounded to a charge-neutral number of atoms in a small supercell, and the "
                "arrangement with the lowest electrostatic energy is taken. Every result will say so.",
                "muted",
                wrap=True,
            )
        )
        self.max_atoms = indented(
            QSpinBox(minimum=max(8, n_sites // 2), maximum=2000, singleStep=20)
        )
        self.max_atoms.setValue(max(200, n_sites))
        self.max_atoms.setSuffix(" atoms")
        self.time_limit = indented(QSpinBox(minimum=5, maximum=3600, singleStep=15, value=60))
        self.time_limit.setSuffix(" s")
        fields = (("&Largest cell", self.max_atoms), ("&Time limit", self.time_limit))
        self.body.addLayout(field_rows(fields))
        self.accepted.connect(self._choose)

    def _choose(self) -> None:
        self.chosen.emit(self.max_atoms.value(), float(self.time_limit.value()))
