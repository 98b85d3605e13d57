"""The dock that turns barriers into diffusivity, conductivity and particle size, as an estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
from migbar.wording import scientific, size_text
from migbar_gui.background.jobs import Jobs
from migbar_gui.files.plot_export import offer_export
from migbar_gui.looks import energies
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    ProblemLabel,
    RemarkList,
    as_panel,
    body,
    button,
    centred,
    choice_box,
    in_row,
    label,
    line,
    scrolled,
)
from migbar_gui.panels.plots import ArrheniusPlot
from migbar_gui.panels.spread_plot import SpreadPlot
from migbar_gui.panels.transport_numbers import (
    Inputs,
    Numbers,
    about,
    estimated,
    haven_text,
    point_text,
)
from migbar_gui.workspace import Workspace, whenever
from migbar_gui.workspace.estimates import TransportCase, transport_cases

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult

FIELDS = {
    "temperature": ("&Temperature T (K)", "Of the estimate below; the plot shows all"),
    "attempt_frequency": ("Attempt fre&quency ν (1/s)", "A guess; 10¹²–10¹³ is usual"),
    "correlation_factor": ("&Correlation f", "1 for independent hops"),
    "geometric_factor": ("&Geometry g = z/2d", "z hops a site in d dimensions; 1 for a chain"),
    "hop_length": ("Hop &length a (Å)", "Of the path"),
    "ion_charge": ("Ch&arge q (e)", "Of the ion"),
    "ion_density": (
        "Ion &density x (1/Å³)",
        "Sites of the ion; one per primitive cell in an empty host",
    ),
    "vacancy_fraction": (
        "Free fract&ion c",
        "Chance that the place to hop to is free; with 1 the conductivity is an upper bound",
    ),
}
"""Fields of `TransportParameters` and of `LoneHop`, in the order shown."""

OF_A_LONE_HOP = ("geometric_factor", "hop_length")
"""Fields that only one hop by itself has; the hops of a crystal have theirs."""

OF_HOPS = ("attempt_frequency", "correlation_factor", "vacancy_fraction")
"""Parameters of hops that are thought of as independent; ions that were simulated know them by themselves."""

OF_THE_CASE = (*OF_A_LONE_HOP, "ion_charge", "ion_density")
"""Parameters that the crystal tells: edits of them are forgotten with another path."""

JOB = "transport"


class TransportPanel(QStackedWidget):
    """Estimate for the active path, for all hops of the crystal, or from a simulation, with all its parameters.

    Parameters
    ----------
    workspace : Workspace
    jobs : Jobs
    show_places : callable
        Shows where the ions of a simulation were at a temperature (K).
    ask_longer : callable
        Asks for how long to go on with a simulation.
    """

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        show_places: Callable[[DynamicsResult, float], object],
        ask_longer: Callable[[DynamicsResult], object],
    ) -> None:
        super().__init__()
        self._show_places = show_places
        self._longer_asked = ask_longer
        self._workspace = workspace
        self._jobs = jobs
        self._cases: list[TransportCase] = []
        self._case: TransportCase | None = None
        self._path_key = ""
        self._edited: dict[str, float] = {}
        self._known: tuple[Inputs, Numbers] | None = None
        as_panel(self)
        self.addWidget(
            centred("Diffusivity and conductivity appear here as soon as a path has its barrier.")
        )
        self.addWidget(scrolled(self._make_body(), "Transport"))
        whenever(
            self._follow,
            workspace.document_changed,
            workspace.active_changed,
            workspace.group_changed,
            workspace.numbers_changed,
            workspace.result_arrived,
            workspace.relaxed_changed,
            workspace.simulated_changed,
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what happened while nobody looked."""
        super().showEvent(event)
        self._follow()

    # ---- building

    def _make_body(self) -> QWidget:
        self.case = choice_box(name="What the estimate is for")
        self.case.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.case.activated.connect(lambda: self._choose(self.case.currentData()))
        self._about = label("", "muted", wrap=True)
        self.problem = ProblemLabel()
        self.remarks = RemarkList()
        self.plot = ArrheniusPlot()
        offer_export(self.plot, "diffusivity")
        self.spread = SpreadPlot()
        offer_export(self.spread, "displacement")
        self._spread_title = label("How far the ions got", "section")
        self.longer = button("Longer…", self._ask_longer, "link")
        self.longer.setToolTip("Go on from where these simulations ended, or add temperatures")
        self.reset = button("Reset", self._reset, "link")
        self.points = label("", "muted", wrap=True)
        self.points.setTextFormat(Qt.TextFormat.RichText)
        by = Qt.TextInteractionFlag
        self.points.setTextInteractionFlags(
            by.LinksAccessibleByMouse | by.LinksAccessibleByKeyboard
        )
        self.points.setAccessibleName("What was simulated")
        self.points.linkActivated.connect(self._show_places_at)
        self.explanation = label("", "muted", wrap=True)
        self.results = QWidget()
        self.results.setLayout(self._make_results())
        return body(
            self.case,
            self._about,
            self.results,
            self.problem,
            self.remarks,
            line(),
            in_row(label("Diffusivity over temperature", "section"), None, self.longer),
            self.points,  # above: all there is where no line leads through them
            self.plot,
            self._spread_title,
            self.spread,
            line(),
            in_row(label("Parameters", "section"), None, self.reset),
            self._make_fields(),
            line(),
            label("What this is", "section"),
            self.explanation,
        )

    def _make_results(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
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
        self.names: dict[QLineEdit, QLabel] = {}
        self.c_rate, self.particle_size = QLineEdit("0.5"), QLineEdit("0.1")
        rows = [
            *((*FIELDS[name], field) for name, field in self.boxes.items()),
            ("C-&rate (1/h)", "0.5 is a full charge in two hours", self.c_rate),
            ("Particle si&ze (µm)", "For the highest barrier that keeps up", self.particle_size),
        ]
        for row, (text, tip, field) in enumerate(rows):
            name = self.names[field] = label(text)
            name.setBuddy(field)
            name.setToolTip(tip)
            field.setToolTip(tip)
            field.setFixedWidth(with_text(88))
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

    def select(self, simulated: DynamicsResult) -> None:
        """Show what was simulated."""
        self._follow()
        for case in self._cases:
            if case.hops == simulated:
                self._choose(case.key)
                return

    def _follow(self) -> None:
        if not self.isVisible():
            return
        self._cases = transport_cases(self._workspace)
        self.setCurrentIndex(1 if self._cases else 0)
        with QSignalBlocker(self.case):
            self.case.clear()
            for case in self._cases:
                self.case.addItem(case.title, case.key)
        if self._cases:
            keys = [case.key for case in self._cases]
            path_key = keys[0] if keys[0].startswith("path") else ""
            another_path, self._path_key = path_key != self._path_key, path_key
            before = self._case.key if self._case is not None else ""
            self._choose(keys[0] if another_path or before not in keys else before)

    def _choose(self, key: str) -> None:
        case = next(case for case in self._cases if case.key == key)
        self.case.setCurrentIndex(self._cases.index(case))
        self.case.setToolTip(case.title)  # names of files may be longer than the box
        if case != self._case:
            self._edited = {n: x for n, x in self._edited.items() if n not in OF_THE_CASE}
            self._case = case
            self._fill()
            self._clear()
        self._show()

    def _fill(self) -> None:
        """Write the parameters into their fields; what was typed stays, whether it makes sense or not."""
        assert self._case is not None
        for name, field in self.boxes.items():
            owners = (self._case.parameters, self._case.hops)
            owner = next((owner for owner in owners if self._is_of(owner, name)), None)
            for shown in (field, self.names[field]):
                shown.setVisible(owner is not None)
            if owner is not None and name not in self._edited:
                field.setText(f"{getattr(owner, name):.6g}".replace("e+", "e"))

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

    def _show_places_at(self, kelvin: str) -> None:
        if self._case is not None and self._case.simulated is not None:
            self._show_places(self._case.simulated, float(kelvin))

    def _ask_longer(self) -> None:
        if self._case is not None and self._case.simulated is not None:
            self._longer_asked(self._case.simulated)

    def _show(self) -> None:
        """Estimate anew, or say which parameter makes no sense."""
        if self._case is None:
            return
        self.reset.setEnabled(bool(self._edited))
        try:
            case = replace(
                self._case,
                hops=self._as_edited(self._case.hops),
                parameters=self._as_edited(self._case.parameters),
            )
        except MigbarError as error:
            self._jobs.cancel(JOB)
            self._refuse(error)
            return
        inputs = Inputs(case, _number(self.c_rate.text()), _number(self.particle_size.text()))
        if self._known is not None and self._known[0] == inputs:  # written anew, in another unit
            self._jobs.cancel(JOB)
            self._show_numbers(*self._known)
            return
        self._jobs.start(
            JOB,
            "",
            lambda progress: estimated(inputs, progress),
            lambda numbers: self._show_numbers(inputs, numbers),
            self._refuse,
        )

    def _as_edited(self, owner: Any) -> Any:
        return replace(owner, **{n: x for n, x in self._edited.items() if self._is_of(owner, n)})

    def _is_of(self, owner: Any, name: str) -> bool:
        """Whether a part of the case has a parameter that counts for it."""
        assert self._case is not None
        counts = self._case.simulated is None or name not in OF_HOPS
        return counts and hasattr(owner, name)

    def _refuse(self, error: Exception) -> None:
        self._clear()
        self.problem.tell(error)

    def _clear(self) -> None:
        """Show no numbers: large cells take seconds, and those of another case would be taken for theirs."""
        for shown in (*self.values.values(), *self.ranges.values()):
            shown.setText("")
        self._about.setText("")
        self.remarks.tell()
        self.plot.show_lines(None)
        self._show_points()

    def _show_numbers(self, inputs: Inputs, numbers: Numbers) -> None:
        from migbar.transport import explain

        self._known = inputs, numbers
        case = inputs.case
        self.problem.tell()
        self._about.setText(about(case, numbers))
        nothing = "next to none" if numbers.is_way else "none"
        for key, estimate, unit in (
            ("D", numbers.diffusivity, "cm²/s"),
            ("σ", numbers.conductivity, "S/cm"),
        ):
            self.values[key].setText(
                f"{scientific(estimate.value)} {unit}" if estimate.value else nothing
            )
            least, most = (scientific(end, 0) for end in estimate.interval)
            self.ranges[key].setText(f"{least} to {most}")
        typical, least, most = map(size_text, (numbers.size.value, *numbers.size.interval))
        keeping_up = "none keeps up" if typical == "none" else f"up to {typical}"
        self.values["L"].setText(f"{keeping_up} at {inputs.rate:g} C")
        self.ranges["L"].setText(least if least == most else f"{least} to {most}")
        limit = energies.energy(numbers.limit_ev)
        self.values["E"].setText(
            f"barrier ≤ {limit}" if numbers.limit_ev > 0 else "none is low enough"
        )
        self.ranges["E"].setText(f"for {inputs.size_um:g} µm at {inputs.rate:g} C")
        simulated = case.simulated
        self.plot.show_lines(
            numbers.lines if numbers.is_way else None,
            1000 / case.parameters.temperature,
            () if simulated is None else simulated.resolved,
            numbers.by_hops,
        )
        self._show_points(is_compared=numbers.by_hops is not None)
        self.remarks.tell(() if simulated is None else simulated.remarks)
        self.explanation.setText(explain(case.hops, case.parameters))

    def _show_points(self, is_compared: bool = False) -> None:
        """Tell what was simulated at each temperature, whether a line leads through it or not."""
        simulated = None if self._case is None else self._case.simulated
        is_line = simulated is None or simulated.is_line
        for shown in (self._about, self.results, self.plot):  # else they stay empty
            shown.setVisible(is_line)
        for shown in (self.points, self.longer, self._spread_title, self.spread):
            shown.setVisible(simulated is not None)
        if simulated is None:
            return
        self.longer.setHidden(bool(simulated.read_from))  # another program's
        self.spread.show_simulated(simulated.at)
        told = ["Simulated, D in cm²/s:", *map(point_text, simulated.at)]
        if ratios := haven_text(simulated.at):
            told.append(ratios)
        if is_compared:
            told.append(f"Dashed: by all hops, for {simulated.carrier_share:.3g} carriers per ion")
        self.points.setText("<br>".join(told))


def _number(text: str) -> float:
    """Read a number; what is none is refused like one that makes no sense."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return float("nan")
