"""Relaxing the crystal itself: how, and what came out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget

from migbar.relaxation import RelaxedStructure
from migbar.wording import with_minus
from migbar_gui.dialogs.potential import PotentialQuestion
from migbar_gui.looks.widgets import ProblemLabel, Question, field_rows, label
from migbar_gui.workspace import Document

MOST_SITES = 6


class RelaxStructureDialog(PotentialQuestion):
    """Asks how the open structure is to be relaxed."""

    chosen = Signal(object)
    """Potential, device and settings, as the options of the run."""

    def __init__(self, document: Document, parent: QWidget | None) -> None:
        text = (
            f"{document.name}, {len(document.structure)} atoms. It works in the background; you see what has "
            "changed before anything is replaced."
        )
        super().__init__("Relax structure", text, "Relax", parent)
        self.cell = QCheckBox("Relax the cell too")
        self.cell.setChecked(True)
        self.symmetry = QCheckBox("Keep the space group")
        self.symmetry.setChecked(True)
        self.symmetry.setToolTip("So that equivalent hops stay equivalent")
        fields = (
            ("&Potential", self.potential),
            ("", self.cell),
            ("", self.symmetry),
            ("&Compute on", self.device),
            ("", self.trust),
        )
        self.body.addLayout(field_rows(fields))
        self.accepted.connect(lambda: self.chosen.emit(self.options()))

    def options(self) -> dict[str, Any]:
        """Return what was chosen."""
        settings = {"cell": self.cell.isChecked(), "keep_symmetry": self.symmetry.isChecked()}
        return {**self.potential_options(), "settings": settings}


class RelaxedStructureDialog(Question):
    """Shows how a relaxed structure differs from the one before; accepting it opens it."""

    def __init__(self, name: str, relaxed: RelaxedStructure, parent: QWidget | None) -> None:
        state = "" if relaxed.converged else " It is not converged."
        text = (
            f"{name}, relaxed with {relaxed.potential} in {relaxed.steps} steps; largest force left "
            f"{relaxed.force_ev_per_angstrom:.3f} eV/Å.{state}"
        )
        super().__init__("Relaxed structure", text, "Open it", parent)
        self.cancel_button.setText("Discard")
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(4)
        for column, head in enumerate(("", "before", "after", "change")):
            grid.addWidget(label(head, "section"), 0, column)
        for row, cells in enumerate(cell_rows(relaxed), start=1):
            for column, cell in enumerate(cells):
                grid.addWidget(label(cell, "muted" if column == 0 else ""), row, column)
        grid.setColumnStretch(4, 1)
        self.body.addLayout(grid)
        self.body.addWidget(label("How far atoms moved", "section"))
        moved = relaxed.displacements
        self.moved = label(
            f"{moved.mean():.3f} Å on average, {moved.max():.3f} Å at most", wrap=True
        )
        self.body.addWidget(self.moved)
        self.body.addWidget(label(farthest(relaxed), "muted", wrap=True))
        if not relaxed.converged:
            warning = ProblemLabel()
            warning.tell("Not converged")
            self.body.addWidget(warning)


def cell_rows(relaxed: RelaxedStructure) -> list[tuple[str, str, str, str]]:
    """Return name, before, after and change of volume, lengths and angles."""
    before, after = relaxed.before.lattice, relaxed.after.lattice
    rows = [
        (
            "volume (Å³)",
            f"{before.volume:.2f}",
            f"{after.volume:.2f}",
            _percent(relaxed.volume_change),
        )
    ]
    for name, old, new, change in zip(
        "abc", before.abc, after.abc, relaxed.length_changes, strict=True
    ):
        rows.append((f"{name} (Å)", f"{old:.4f}", f"{new:.4f}", _percent(change)))
    for name, old, new in zip("αβγ", before.angles, after.angles, strict=True):
        change = with_minus(f"{new - old:+.2f}°") if abs(new - old) > 0.005 else "–"
        rows.append((f"{name} (°)", f"{old:.2f}", f"{new:.2f}", change))
    return rows


def farthest(relaxed: RelaxedStructure) -> str:
    """Name the sites that moved farthest."""
    moved = relaxed.displacements
    order = [int(i) for i in np.argsort(-moved)[:MOST_SITES] if moved[i] > 0.005]
    if not order:
        return "No site moved by more than 0.005 Å beside the strain of the cell."
    named = [f"{relaxed.before[i].specie.symbol}{i} {moved[i]:.3f} Å" for i in order]
    return "Farthest: " + ", ".join(named)


def _percent(change: float) -> str:
    return with_minus(f"{100 * change:+.2f} %") if abs(change) > 5e-5 else "–"
