"""The dock that turns a barrier into diffusivity, conductivity and particle size, as an estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QStackedWidget,
    QWidget,
)

from migbar.errors import MigbarError
from migbar_gui.files.plot_export import offer_export
from migbar_gui.looks import energies
from migbar_gui.looks.widgets import (
    ProblemLabel,
    as_panel,
    body,
    button,
    centred,
    choice_box,
    in_row,
    label,
    line,
    scrolled,
    sentence,
)
from migbar_gui.panels.plots import ArrheniusPlot, power_of_ten
from migbar_gui.workspace import Workspace, whenever
from migbar_gui.workspace.estimates import TransportCase, transport_cases

if TYPE_CHECKING:
    from migbar.transport import HoppingParameters

FIELDS = {
    "temperature": ("&Temperature T (K)", "Of the estimate below; the plot shows all"),
    "attempt_frequency": ("Attempt fre&quency ν (1/s)", "A guess; 10¹²–10¹³ is usual"),
    "correlation_factor": ("&Correlation f", "1 for independent hops"),
    "geometric_factor": ("&Geometry g = z/2d", "z hops a site in d dimensions; 1 for a chain"),
    "hop_length": ("Hop &length a (Å)", "Of the path, or of the bottleneck"),
    "ion_charge": ("Ch&arge q (e)", "Of the ion"),
    "ion_density": ("Ion &density x (1/Å³)", "Sites of the ion; one per cell in an empty host"),
    "vacancy_fraction": (
        "Free fract&ion c",
        "Chance that the place to hop to is free; with 1 the conductivity is an upper bound",
    ),
}
"""Fields of `HoppingParameters`, in the order shown."""

OF_THE_CASE = ("geometric_factor", "hop_length", "ion_charge", "ion_density")
"""Parameters that the crystal tells: edits of them are forgotten with another path."""

SMALLEST_UM = 0.001
"""No particle is smaller."""

LENGTHS = ((1.0, 1e3, "nm"), (1e3, 1.0, "µm"), (1e4, 1e-3, "mm"))
"""Up to how many µm a unit is used, and how many of it a µm is."""

SPAN_K = (250.0, 700.0)
"""Temperatures of the Arrhenius plot."""


class TransportPanel(QStackedWidget):
    """Estimate for the active path or a percolation barrier, with all its parameters."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._cases: list[TransportCase] = []
        self._case: TransportCase | None = None
        self._path_key = ""
        self._edited: dict[str, float] = {}
        as_panel(self)
        self.addWidget(
            centred("Diffusivity and conductivity appear here as soon as a path has its barrier.")
        )
        self.addWidget(scrolled(self._make_body()))
        whenever(
            self._follow,
            workspace.document_changed,
            workspace.active_changed,
            workspace.group_changed,
            workspace.numbers_changed,
            workspace.result_arrived,
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what happened while nobody looked."""
        super().showEvent(event)
        self._follow()

    # ---- building

    def _make_body(self) -> QWidget:
        self.case = choice_box()
        self.case.setAccessibleName("What the estimate is for")
        self.case.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.case.activated.connect(lambda: self._choose(self.case.currentData()))
        self._barrier = label("", "muted", wrap=True)
        self.problem = ProblemLabel()
        self.plot = ArrheniusPlot()
        offer_export(self.plot, "diffusivity")
        self.reset = button("Reset", self._reset, "link")
        self.explanation = label("", "muted", wrap=True)
        return body(
            self.case,
            self._barrier,
            self._make_results(),
            self.problem,
            line(),
            label("Diffusivity over temperature", "section"),
            self.plot,
            line(),
            in_row(label("Parameters", "section"), None, self.reset),
            self._make_fields(),
            line(),
            label("What this is", "section"),
            self.explanation,
        )

    def _make_results(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        self.values: dict[str, QLabel] = {}
        self.ranges: dict[str, QLabel] = {}
        for place, (key, name) in enumerate(
            (("D", "Diffusivity"), ("σ", "Conductivity"), ("L", "Particle size"), ("E", "Limit"))
        ):
            self.values[key] = label("", "heading", wrap=True)
            self.ranges[key] = label("", "muted", wrap=True)
            title = label(name, "muted")
            grid.addWidget(title, 2 * place, 0)
            grid.addWidget(self.values[key], 2 * place, 1)
            grid.addWidget(self.ranges[key], 2 * place + 1, 1)
        return grid

    def _make_fields(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        self.boxes = {name: QLineEdit() for name in FIELDS}
        self.c_rate, self.particle_size = QLineEdit("0.5"), QLineEdit("0.1")
        rows = [
            *((*FIELDS[name], field) for name, field in self.boxes.items()),
            ("C-&rate (1/h)", "0.5 is a full charge in two hours", self.c_rate),
            ("Particle si&ze (µm)", "For the highest barrier that keeps up", self.particle_size),
        ]
        for row, (text, tip, field) in enumerate(rows):
            name = label(text)
            name.setBuddy(field)
            name.setToolTip(tip)
            field.setToolTip(tip)
            field.setFixedWidth(88)
            field.setAcceptDrops(False)
            field.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(name, row, 0)
            grid.addWidget(field, row, 1)
        for key, field in self.boxes.items():
            field.textEdited.connect(self._edit(key))
        for field in (self.c_rate, self.particle_size):
            field.textEdited.connect(lambda _: self._show())
        return grid

    # ---- following the workspace

    def _follow(self) -> None:
        if not self.isVisible():
            return
        self._cases = transport_cases(self._workspace)
        self.setCurrentIndex(1 if self._cases else 0)
        with QSignalBlocker(self.case):
            self.case.clear()
            for case in self._cases:
                self.case.addItem(f"{case.title}: {energies.energy(case.barrier_ev, 2)}", case.key)
        if self._cases:
            keys = [case.key for case in self._cases]
            path_key = keys[0] if keys[0].startswith("path") else ""
            another_path, self._path_key = path_key != self._path_key, path_key
            before = self._case.key if self._case is not None else ""
            self._choose(keys[0] if another_path or before not in keys else before)

    def _choose(self, key: str) -> None:
        case = next(case for case in self._cases if case.key == key)
        self.case.setCurrentIndex(self._cases.index(case))
        if case != self._case:
            self._edited = {n: x for n, x in self._edited.items() if n not in OF_THE_CASE}
            self._case = case
            self._fill()
        self._show()

    def _fill(self) -> None:
        """Write the parameters into their fields; what was typed stays, whether it makes sense or not."""
        assert self._case is not None
        parameters = self._case.parameters
        for field in fields(parameters):
            if field.name not in self._edited:
                self.boxes[field.name].setText(f"{getattr(parameters, field.name):.6g}")

    # ---- editing

    def _edit(self, name: str) -> Callable[[str], None]:
        def note(text: str) -> None:
            self._edited[name] = _number(text)
            self._show()

        return note

    def _reset(self) -> None:
        self._edited.clear()
        self._fill()
        self._show()

    # ---- showing

    def _show(self) -> None:
        """Estimate anew, or say which parameter makes no sense."""
        if self._case is None:
            return
        self.reset.setEnabled(bool(self._edited))
        try:
            self._show_estimate(self._case, replace(self._case.parameters, **self._edited))
            self.problem.tell()
        except MigbarError as error:
            for shown in (*self.values.values(), *self.ranges.values()):
                shown.setText("")
            self.plot.show_lines(None)
            self.problem.tell(sentence(str(error)))

    def _show_estimate(self, case: TransportCase, parameters: HoppingParameters) -> None:
        from migbar.transport import (
            arrhenius,
            conductivity_estimate,
            diffusivity_estimate,
            explain,
            highest_barrier,
            particle_size,
        )

        barrier, (low, high) = case.barrier_ev, case.interval_ev
        rate, size = _number(self.c_rate.text()), _number(self.particle_size.text())
        sizes = [particle_size(e, parameters, rate) for e in (barrier, high, low)]
        limit = highest_barrier(size, parameters, rate)
        self._barrier.setText(
            f"Barrier {energies.energy(barrier)}, interval {energies.interval(low, high)} {energies.unit()}"
        )
        for key, estimate, unit in (
            ("D", diffusivity_estimate(barrier, case.interval_ev, parameters), "cm²/s"),
            ("σ", conductivity_estimate(barrier, case.interval_ev, parameters), "S/cm"),
        ):
            self.values[key].setText(f"{scientific(estimate.value)} {unit}")
            least, most = (scientific(end, 0) for end in estimate.interval)
            self.ranges[key].setText(f"{least} to {most}")
        typical, least, most = map(size_text, sizes)
        keeping_up = "none keeps up" if typical == "none" else f"up to {typical}"
        self.values["L"].setText(f"{keeping_up} at {rate:g} C")
        self.ranges["L"].setText(least if least == most else f"{least} to {most}")
        self.values["E"].setText(
            f"barrier ≤ {energies.energy(limit)}" if limit > 0 else "none is low enough"
        )
        self.ranges["E"].setText(f"for {size:g} µm at {rate:g} C")
        kelvin = np.linspace(*SPAN_K, 60)
        lines = [arrhenius(e, parameters, kelvin) for e in (barrier, high, low)]
        self.plot.show_lines((1000 / kelvin, *np.log10(lines)), 1000 / parameters.temperature)
        self.explanation.setText(explain(parameters))


def scientific(value: float, digits: int = 1) -> str:
    """Write a number as ``3.2 × 10⁻¹⁰``."""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{mantissa} × {power_of_ten(int(exponent))}" if int(exponent) else mantissa


def size_text(micrometres: float) -> str:
    """Write the size of a particle: none is as small as a unit cell, and no matter how much larger than 1 cm."""
    if micrometres < SMALLEST_UM:
        return "none"
    for limit, factor, unit in LENGTHS:
        if micrometres < limit:
            return f"{float(f'{factor * micrometres:.2g}'):g} {unit}"
    return "1 cm or more"


def _number(text: str) -> float:
    """Read a number; what is none is refused like one that makes no sense."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return float("nan")
