"""Which rows of a screening to show: the line above its table."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from migbar.screening.query import Choice, Show
from migbar_gui.looks.flow import Flow
from migbar_gui.looks.widgets import EnergyBox, choice_box, label

SHOWN = {
    Show.PATHS: "All paths",
    Show.LOWEST: "Lowest barrier of each",
    Show.FAILED: "Failed files",
}

TYPING_MS = 200
"""What is typed is waited for so long."""


class Filters(QWidget):
    """Fields that narrow down the rows."""

    changed = Signal(int)
    """After how many milliseconds to look for the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = choice_box(SHOWN, "Which rows to show")
        self.classes = choice_box({"": "All classes"}, "Class of compounds")
        self.classes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.barrier = _limit_box("Barrier of the path")
        dimensions = {number: f"through in {number}D up to" for number in (1, 2, 3)}
        self.dimensions = choice_box(dimensions, "Dimensions to get through in")
        self.dimensions.setCurrentIndex(2)
        self.through = _limit_box("Barrier for getting through")
        self.text = QLineEdit(
            placeholderText="Search file, formula, reason", clearButtonEnabled=True
        )
        self.text.setAccessibleName("Search file, formula, reason")
        below = label("barrier up to")
        parts = (self.shown, self.classes, below, self.barrier, self.dimensions, self.through)
        self.setLayout(Flow(*parts, self.text, grow=self.text))
        for combo in (self.shown, self.classes, self.dimensions):
            combo.currentIndexChanged.connect(lambda _: self.changed.emit(0))
        for box in (self.barrier, self.through):
            box.ev_changed.connect(lambda _: self.changed.emit(TYPING_MS))
        self.text.textChanged.connect(lambda _: self.changed.emit(TYPING_MS))

    def choice(self, sort: str, descending: bool) -> Choice:
        """Return which rows are asked for, in an order."""
        return Choice(
            show=Show(self.shown.currentData()),  # Qt keeps a plain text
            text=self.text.text().strip(),
            compound_class=self.classes.currentData() or "",
            max_barrier_ev=self.barrier.ev or None,
            max_through_ev=self.through.ev or None,
            through=self.dimensions.currentData(),
            sort=sort,
            descending=descending,
        )

    def offer_classes(self, classes: Sequence[str]) -> None:
        """List the classes of compounds; the one that is chosen stays so."""
        known = [self.classes.itemData(row) for row in range(1, self.classes.count())]
        if known == list(classes):
            return
        chosen = self.classes.currentData()
        with QSignalBlocker(self.classes):
            while self.classes.count() > 1:
                self.classes.removeItem(1)
            for name in classes:
                self.classes.addItem(name, name)
            self.classes.setCurrentIndex(max(0, self.classes.findData(chosen)))


def _limit_box(name: str) -> EnergyBox:
    box = EnergyBox(0.0, 0.0, 10.0, 0.05)
    box.setSpecialValueText("any")
    box.setAccessibleName(name)
    return box
