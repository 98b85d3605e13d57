"""How to compare the kinds of places of the ion: with which potential, and where."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from migbar.hops import Mechanism
from migbar.paths import HopSearch
from migbar_gui.dialogs.potential import PotentialQuestion
from migbar_gui.looks.widgets import field_rows


class ComparePlacesDialog(PotentialQuestion):
    """Asks how the places of the found paths are to be compared."""

    chosen = Signal(object)
    """Potential, device and trust, as the options of the run."""

    def __init__(self, search: HopSearch, parent: QWidget | None) -> None:
        kinds = len(set(search.kinds))
        what = "a vacancy" if search.mechanism is Mechanism.VACANCY else f"one {search.ion}"
        text = (
            f"The crystal is relaxed with {what} at one place of each of the {kinds} kinds, in a fixed cell. It works "
            "in the background; then ways through and diffusivity are counted from the best place."
        )
        super().__init__("Compare places", text, "Compare", parent)
        rows = (
            ("&Potential", self.potential),
            ("&Compute on", self.device),
            ("", self.trust),
        )
        self.body.addLayout(field_rows(rows))
        self.accepted.connect(lambda: self.chosen.emit(self.potential_options()))
