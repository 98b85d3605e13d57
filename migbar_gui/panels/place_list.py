"""The kinds of places of the ion, with their energies where these are known."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QGridLayout, QWidget

from migbar.paths import CrystalPaths
from migbar_gui.looks import energies
from migbar_gui.looks.widgets import button, clear, in_column, in_row, label
from migbar_gui.workspace import Group

MOST_KINDS = 12
"""Of so many kinds a row is shown, the best ones first where that is known."""


class PlaceList(QWidget):
    """A row for each kind of place, and the button that asks how to compare them."""

    def __init__(self, compare: Callable[[], object]) -> None:
        super().__init__()
        self.compare_button = button("Compare…", compare, "link")
        self.compare_button.setAccessibleName("Compare the kinds of places")
        self._title = label("", "section")
        self._rows = QGridLayout()
        self._rows.setHorizontalSpacing(10)
        self._rows.setVerticalSpacing(2)
        self._rows.setColumnStretch(2, 1)
        head = in_row(self._title, None, self.compare_button)
        self.setLayout(in_column(head, self._rows, spacing=4, margins=(0, 6, 0, 0)))

    def show_group(self, group: Group) -> None:
        """Show the places of found paths; nothing where they are all alike."""
        clear(self._rows)
        self.setVisible(group.has_kinds_of_places)
        crystal = group.found.crystal
        self._title.setText(
            "Kinds of places" if crystal.places is None else f"Kinds of places ({energies.unit()})"
        )
        kinds = _best_first(crystal)
        for row, kind in enumerate(kinds[:MOST_KINDS]):
            name, count = crystal.search.nodes[kind].name, crystal.search.kinds.count(kind)
            self._rows.addWidget(label(str(name), "heading"), row, 0)
            self._rows.addWidget(label(f"{count} per cell", "muted"), row, 1)
            self._rows.addWidget(label(_energy(crystal, kind)), row, 2)
        if len(kinds) > MOST_KINDS:
            more = label(f"and {len(kinds) - MOST_KINDS} more", "muted")
            self._rows.addWidget(more, MOST_KINDS, 0, 1, 3)


def _best_first(crystal: CrystalPaths) -> list[int]:
    kinds = sorted(set(crystal.search.kinds))
    known = crystal.place_energies
    return kinds if known is None else sorted(kinds, key=known.__getitem__)


def _energy(crystal: CrystalPaths, kind: int) -> str:
    if crystal.places is None:
        return ""
    number = crystal.places.kinds.index(kind)
    left = "" if crystal.places.stays[number] else ", nothing stays"
    return f"{energies.number(crystal.places.energies_ev[number])}{left}"
