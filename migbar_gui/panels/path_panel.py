"""The dock with the facts of one path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QStackedWidget,
    QWidget,
)

from migbar.bands import Approach
from migbar.supercells import Matrix
from migbar_gui.computing.asking import Inquiry
from migbar_gui.files.plot_export import offer_export
from migbar_gui.looks import energies
from migbar_gui.looks.theme import path_colour
from migbar_gui.looks.widgets import (
    RemarkList,
    as_panel,
    body,
    button,
    centred,
    clear,
    in_row,
    label,
    line,
    restyle,
    scrolled,
    swatch,
)
from migbar_gui.panels.opinions import OpinionsSection
from migbar_gui.panels.path_table import MECHANISM_NAMES
from migbar_gui.panels.plots import CoordinationPlot, IntervalBar
from migbar_gui.workspace import PathEntry, PathResult, Shape, Workspace, whenever

STRAIGHT_ONLY = "The barrier is that of the straight path; the bent one is only shown."

NO_PATH = "The barrier of a path appears here, with how sure it is and what stands behind it."

FACTS = ("Model", "Mechanism", "Emptied", "Length", "Per cell", "Images", "Supercell", "Atoms")

LONGEST_LARGE = 9
"""Letters of a barrier that fits beside its verdict in large type."""


def supercell_text(matrix: Matrix) -> str:
    """Write a supercell as ``2 × 2 × 1``, or as its three vectors where it is not diagonal."""
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return " × ".join(str(int(n)) for n in np.diag(matrix))
    return "\n".join("(" + " ".join(str(int(n)) for n in vector) + ")" for vector in matrix)


class PathPanel(QStackedWidget):
    """Barrier, interval, remarks, approaches and coordination of the active path."""

    why_asked = Signal()

    def __init__(self, workspace: Workspace, opinions: Inquiry) -> None:
        super().__init__()
        self._workspace = workspace
        self.opinions = OpinionsSection(workspace, opinions)
        as_panel(self)
        self._message = centred()
        self.addWidget(self._message)
        self._scrolled = scrolled(self._make_facts(), "Path")
        self.addWidget(self._scrolled)
        whenever(
            self.show_path,
            workspace.active_changed,
            workspace.paths_changed,
            workspace.threshold_changed,
            workspace.numbers_changed,
            workspace.document_changed,
            workspace.shapes_changed,
            workspace.result_arrived,
            workspace.relaxed_changed,
        )
        self.show_path()

    # ---- building

    def _make_facts(self) -> QWidget:
        self._spot = QLabel()
        self._ends = label("", "heading", wrap=True)
        self.barrier = label("", "barrier")
        self._verdict = label()
        self._verdict.setProperty("verdict", "good")
        number = in_row(self.barrier, None, self._verdict)
        number.setAlignment(self._verdict, Qt.AlignmentFlag.AlignVCenter)
        self._origin = label("", "muted", wrap=True)
        self._interval = IntervalBar()
        self._interval_text = label("", "muted", wrap=True)
        self.why = button("Why?", self.why_asked.emit, "link")
        self.why.setToolTip("Similar known paths, the model's domain, and what moves the barrier")
        below = in_row(self._interval_text, self.why, grow=self._interval_text)
        below.setAlignment(self.why, Qt.AlignmentFlag.AlignTop)
        self.remarks = RemarkList()
        self._shape_text = label("", "muted", wrap=True)
        self._approaches = QGridLayout()
        self._approaches.setHorizontalSpacing(10)
        self._approaches.setVerticalSpacing(3)
        self._plot = CoordinationPlot()
        offer_export(self._plot, "coordination")
        return body(
            in_row(self._spot, self._ends, grow=self._ends),
            number,
            self._origin,
            self._interval,
            below,
            self.remarks,
            line(),
            self._make_form(),
            self._make_shapes(),
            self._shape_text,
            line(),
            self.opinions,
            line(),
            label("Tightest contact along the path", "section"),
            self._approaches,
            line(),
            label("Coordination along the path", "section"),
            self._plot,
        )

    def _make_form(self) -> QFormLayout:
        self._facts = QFormLayout()
        self._facts.setVerticalSpacing(4)
        self._facts.setHorizontalSpacing(14)
        self._fact_labels = {key: label() for key in FACTS}
        for key, value in self._fact_labels.items():
            name = label(key, "muted")
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._facts.addRow(name, value)
        return self._facts

    def _make_shapes(self) -> QHBoxLayout:
        self.straight, self.bent = QRadioButton("straight"), QRadioButton("bent (IDPP)")
        self.bent.setToolTip(
            "Bends around the atoms beside the path, by image-dependent pair potentials"
        )
        self.straight.clicked.connect(lambda: self._workspace.set_bent(False))
        self.bent.clicked.connect(lambda: self._workspace.set_bent(True))
        return in_row(label("Shape shown", "muted"), self.straight, self.bent, None, spacing=12)

    # ---- following the workspace

    def show_path(self) -> None:
        """Show the active path."""
        path = self._workspace.path(self._workspace.active)
        found = self._workspace.results.get(path.id) if path else None
        if path is not None and isinstance(found, PathResult):
            self._show_result(path, found)
            self.setCurrentIndex(1)
            return
        if path is None:
            text = NO_PATH
        elif found is None:
            text = f"Predicting {path.label} …"
        else:
            text = f"No barrier for {path.label}:\n\n{found}"
        self._message.setText(text)
        self.setCurrentIndex(0)

    def show_opinions(self) -> None:
        """Scroll to what all models say, and ask them."""
        self.opinions.ask.click()
        self._scrolled.ensureWidgetVisible(self.opinions)

    def _show_result(self, path: PathEntry, found: PathResult) -> None:
        predicted, threshold = found.predicted, self._workspace.threshold
        barrier = predicted.barrier
        counted = self._workspace.counted_barrier(path.id, barrier)
        is_calculated = counted.is_calculated
        good = "good" if counted.is_good_conductor(threshold) else "poor"
        low, high = barrier.interval_ev
        self._spot.setPixmap(swatch(path_colour(path.id), 16))
        self._ends.setText(f"{path.hop.ion}   {path.label}")
        self._show_barrier(energies.energy(counted.barrier_ev))
        self._origin.setText(f"Calculated with {counted.made_by}: this is what counts.")
        self._origin.setVisible(is_calculated)
        self._verdict.setProperty("verdict", good)
        restyle(self._verdict)
        self._verdict.setText(f"{good} conductor")
        calculated_ev = counted.barrier_ev if is_calculated else None
        self._interval.show_barrier(barrier.barrier_ev, low, high, threshold, calculated_ev)
        predicted_text = f"Predicted {energies.energy(barrier.barrier_ev)}, "
        self._interval_text.setText(
            f"{predicted_text if is_calculated else ''}{100 * barrier.interval_level:.0f} % interval: "
            f"{energies.interval(low, high)} {energies.unit()}"
        )
        texts = {
            "Model": f"{barrier.model}, version {barrier.model_version}",
            "Mechanism": MECHANISM_NAMES[path.hop.mechanism],
            "Emptied": ", ".join(f"site {site}" for site in path.hop.removed),
            "Per cell": f"{path.multiplicity} equivalent hops",
            "Length": f"{predicted.length:.2f} Å",
            "Images": f"{predicted.band.n_images}, straight",
            "Supercell": supercell_text(predicted.supercell),
            "Atoms": f"{len(predicted.band.host) + 1} in the supercell",
        }
        for key, text in texts.items():
            self._fact_labels[key].setText(text)
        self._facts.setRowVisible(self._fact_labels["Emptied"], bool(path.hop.removed))
        self._facts.setRowVisible(self._fact_labels["Per cell"], path.multiplicity > 0)
        self.remarks.tell(predicted.remarks)
        shape = self._show_shape(path)
        near = predicted.approaches if shape is None else shape.approaches
        self._list_approaches(near, path.hop.ion)
        self._plot.show_curve(found.walked, found.coordination, path_colour(path.id))

    def _show_barrier(self, text: str) -> None:
        self.barrier.setText(text)
        self.barrier.setProperty("long", len(text) > LONGEST_LARGE)
        restyle(self.barrier)

    def _show_shape(self, path: PathEntry) -> Shape | None:
        """Say which shape is shown; return it where it is the bent one."""
        workspace = self._workspace
        (self.bent if workspace.bent else self.straight).setChecked(True)
        self._shape_text.setVisible(workspace.bent)
        found = workspace.shapes.get(path.id)
        if isinstance(found, Exception):
            self._shape_text.setText(f"Shown straight; it could not be bent: {found}")
        elif found is None:
            self._shape_text.setText("Bending …")
        else:
            self._shape_text.setText(f"{found.length:.2f} Å along the bend. {STRAIGHT_ONLY}")
        return workspace.shape(path.id)

    def _list_approaches(self, near: Sequence[Approach], ion: str) -> None:
        clear(self._approaches)
        last = len(near) - 1
        for row, approach in enumerate(near):
            name = {0: "initial", last: "final"}.get(approach.image, f"image {approach.image}")
            close = 0 < approach.image < last and approach.clashes(ion)
            distance = label(f"{approach.distance:.2f} Å", "heading" if close else "")
            self._approaches.addWidget(label(name, "muted"), row, 0)
            self._approaches.addWidget(label(approach.element), row, 1)
            self._approaches.addWidget(distance, row, 2, Qt.AlignmentFlag.AlignRight)
            if close:
                mark = label("too close")
                mark.setProperty("verdict", "poor")
                mark.setProperty("small", True)  # else its row would be higher than the others
                self._approaches.addWidget(mark, row, 3)
        self._approaches.setColumnStretch(4, 1)
