"""The dock with the network of hops: how the ion gets through the crystal, and at which barrier."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PySide6.QtCore import QPointF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from migbar.networks import DIMENSIONS, DIRECTIONS
from migbar.paths import CUTOFF_STEP, FIRST_CUTOFF, LONGEST_CUTOFF
from migbar.wording import counted
from migbar_gui.looks import energies
from migbar_gui.looks.theme import current_theme, with_text
from migbar_gui.looks.widgets import (
    PAGE,
    DecimalBox,
    RemarkList,
    as_panel,
    button,
    clear,
    label,
    line,
    scrolled,
)
from migbar_gui.panels.place_list import PlaceList
from migbar_gui.workspace import Group, Workspace

NO_WAY = "no percolation"

ALL_FULL = "Sites that were emptied count as full here."

TIPS = {
    "1D": "Lowest energy at which hops connect without end in at least one direction",
    "2D": "Lowest energy at which hops connect without end in at least two directions",
    "3D": "Lowest energy at which hops connect without end in all three directions",
    "a": "Lowest energy at which hops connect along the a axis of the cell as read",
    "b": "Lowest energy at which hops connect along the b axis of the cell as read",
    "c": "Lowest energy at which hops connect along the c axis of the cell as read",
}
INTERVAL_TIP = "Percolation barriers of all hops' lower and of all hops' upper ends"

STEP_EV = 0.01
"""The slider's step."""

_AUTOMATIC = 0.0
_HANDLE = 16


class Milestones(QWidget):
    """Marks under the slider where the network begins to connect in one, two and three dimensions."""

    def __init__(self, slider: QSlider) -> None:
        super().__init__()
        self._slider = slider
        self._marks: dict[float, str] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_marks(self, barriers: Mapping[str, float]) -> None:
        """Show other barriers (eV) by name."""
        self._marks = {}
        for name, barrier in barriers.items():
            before = self._marks.get(barrier)
            self._marks[barrier] = f"{before}, {name}" if before else name
        words = (
            f"{names} at {energies.energy(barrier, 2)}" for barrier, names in self._marks.items()
        )
        self.setAccessibleDescription("; ".join(words))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, 8 + self.fontMetrics().lineSpacing())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        metrics = self.fontMetrics()
        painter = QPainter(self)
        painter.setPen(QColor(current_theme().text))
        for barrier in self._marks:
            x = self._place(barrier)
            painter.drawLine(QPointF(x, 0), QPointF(x, 5))
        painter.setPen(QColor(current_theme().muted))
        for left, names in self.named():
            painter.drawText(QPointF(left, 7 + metrics.ascent()), names)
        painter.end()

    def named(self) -> list[tuple[float, str]]:
        """Return where each name begins (pixels); marks too close for two names share one below their middle."""
        shared: list[tuple[list[float], str]] = []
        for barrier, names in sorted(self._marks.items()):
            places = [self._place(barrier)]
            while shared and self._left(*shared[-1]) + self._wide(f"{shared[-1][1]} ") > self._left(
                places, names
            ):
                before, earlier = shared.pop()
                places, names = before + places, f"{earlier}, {names}"
            shared.append((places, names))
        return [(self._left(places, names), names) for places, names in shared]

    def _place(self, barrier: float) -> float:
        highest = self._slider.maximum() * STEP_EV
        return _HANDLE / 2 + (self.width() - _HANDLE) * barrier / highest

    def _left(self, places: list[float], names: str) -> float:
        wide = self._wide(names)
        return min(max(0.0, (places[0] + places[-1] - wide) / 2), self.width() - wide)

    def _wide(self, text: str) -> int:
        return self.fontMetrics().horizontalAdvance(text)


class NetworkPanel(QStackedWidget):
    """Percolation barriers, a slider that hides hops, and the hops that were left out.

    Parameters
    ----------
    workspace : Workspace
    find : callable
        Finds all paths; called with the longest hop in Å, or None where it is to be chosen.
    compare : callable
        Asks how to compare the kinds of places.
    """

    def __init__(
        self,
        workspace: Workspace,
        find: Callable[[float | None], object],
        compare: Callable[[], object],
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._find = find
        self.places = PlaceList(compare)
        as_panel(self)
        self.cutoff = self._make_cutoff()
        self.addWidget(self._make_invitation())
        self.addWidget(scrolled(self._make_facts(), "Network"))
        workspace.group_changed.connect(self._show_group)
        workspace.network_shown_changed.connect(self._show_limit)
        workspace.numbers_changed.connect(self._show_group)
        workspace.setup_changed.connect(self._show_invitation)
        workspace.emptied_changed.connect(self._show_invitation)
        workspace.emptied_changed.connect(self._show_group)
        self._show_invitation()
        self._show_group()

    def chosen_cutoff(self) -> float | None:
        """Return the longest hop in Å that was asked for, None for automatic."""
        value = self.cutoff.value()
        return None if value == _AUTOMATIC else value

    # ---- building

    def _make_cutoff(self) -> DecimalBox:
        box = DecimalBox()
        box.setRange(_AUTOMATIC, LONGEST_CUTOFF)
        box.setSingleStep(CUTOFF_STEP)
        box.setDecimals(1)
        box.setSuffix(" Å")
        box.setSpecialValueText("Automatic")
        box.setFixedWidth(with_text(112))
        box.setAccessibleName("Longest hop")
        box.setToolTip(
            f"Automatic: {FIRST_CUTOFF:g} Å, and more where the hops would not connect in 3D"
        )
        return box

    def _make_invitation(self) -> QWidget:
        page = QWidget()
        self._invitation = label("", "muted", wrap=True)
        self._invitation.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.find_button = button("Find paths", self._find_all, "primary")
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(self._invitation)
        column.addWidget(self.find_button, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(2)
        return page

    def _make_facts(self) -> QWidget:
        page = QWidget()
        page.setObjectName("body")
        column = QVBoxLayout(page)
        column.setContentsMargins(*PAGE)
        column.setSpacing(8)
        self.summary = label("", "heading", wrap=True)
        self._origin = label("", "muted", wrap=True)
        column.addWidget(self.summary)
        column.addWidget(self._origin)
        column.addWidget(line())
        self._through = label("", "section")
        column.addWidget(self._through)
        self._barriers = QGridLayout()
        self._barriers.setHorizontalSpacing(10)
        self._barriers.setVerticalSpacing(2)
        self._barriers.setColumnStretch(3, 1)
        column.addLayout(self._barriers)
        self.remarks = RemarkList()
        column.addWidget(self.remarks)
        column.addWidget(self.places)
        column.addWidget(line())
        self._add_slider(column)
        column.addWidget(line())
        self._add_left_out(column)
        self._add_search(column)
        column.addStretch(1)
        return page

    def _add_slider(self, column: QVBoxLayout) -> None:
        self.in_view = QCheckBox("Show the network in 3D")
        self.in_view.toggled.connect(self._workspace.set_show_network)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Hide hops above")
        self.slider.valueChanged.connect(self._slid)
        self.limit = label("", "heading")
        self.opened = label("", wrap=True)
        row = QHBoxLayout()
        row.addWidget(label("Hide hops above", "section"))
        row.addStretch(1)
        row.addWidget(self.limit)
        column.addWidget(self.in_view)
        column.addLayout(row)
        self._milestones = Milestones(self.slider)
        reach = QVBoxLayout()
        reach.setSpacing(0)
        reach.addWidget(self.slider)
        reach.addWidget(self._milestones)
        column.addLayout(reach)
        column.addWidget(self.opened)

    def _add_left_out(self, column: QVBoxLayout) -> None:
        self.left_out_button = QToolButton()
        self.left_out_button.setCheckable(True)
        self.left_out_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.left_out_button.toggled.connect(self._unfold)
        self._left_out = QWidget()
        self._left_out_rows = QVBoxLayout(self._left_out)
        self._left_out_rows.setContentsMargins(10, 0, 0, 0)
        self._left_out_rows.setSpacing(4)
        column.addWidget(self.left_out_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._left_out)

    def _add_search(self, column: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label("Longest hop", "muted"))
        row.addWidget(self.cutoff)
        row.addWidget(button("Find again", self._find_all, "link"))
        row.addStretch(1)
        column.addLayout(row)

    # ---- following the workspace

    def _show_invitation(self) -> None:
        state = self._workspace.state
        self.find_button.setEnabled(bool(state.ion))
        ends = "sites" if state.mechanism.between_sites else "voids"
        text = f"All symmetry-distinct hops between {state.ion} {ends}, their barriers, and how they connect."
        if state.emptied:
            text += f" {ALL_FULL}"
        self._invitation.setText(text if state.ion else "No ion, no paths.")

    def _show_group(self) -> None:
        group = self._workspace.state.group
        self.setCurrentIndex(0 if group is None else 1)
        if group is None:
            return
        crystal = group.found.crystal
        search = crystal.search
        self.summary.setText(_summary(group))
        hops = counted(len(search.hops), "distinct hop")
        origin = (
            f"{search.ion}, {search.mechanism.replace('_', ' ')}: {hops} up to {search.cutoff:g} Å"
        )
        self._origin.setText(f"{origin}. {ALL_FULL}" if self._workspace.state.emptied else origin)
        self._list_barriers(group)
        self.places.show_group(group)
        self._list_left_out(group)
        highest = max(group.heights, default=0.0)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, int(np.ceil(highest / STEP_EV)))
            self.slider.setPageStep(10)
        ways = {name: group.found.crystal.percolation[name] for name in DIMENSIONS}
        self._milestones.show_marks({n: way.barrier_ev for n, way in ways.items() if way})
        self._show_limit()

    def _list_barriers(self, group: Group) -> None:
        clear(self._barriers)
        self._through.setText(f"Barrier of getting through ({energies.unit()})")
        self.remarks.tell(group.found.crystal.remarks)
        for row, direction in enumerate(DIRECTIONS):
            way = group.found.crystal.percolation[direction]
            name = label(direction, "heading")
            name.setToolTip(TIPS[direction])
            self._barriers.addWidget(name, row, 0)
            if way is None:
                self._barriers.addWidget(label(NO_WAY, "muted"), row, 1, 1, 3)
                continue
            low, high = way.interval_ev
            interval = label(energies.interval(low, high, " – "), "muted")
            interval.setToolTip(INTERVAL_TIP)
            self._barriers.addWidget(label(energies.number(way.barrier_ev)), row, 1)
            self._barriers.addWidget(interval, row, 2)
            self._barriers.addWidget(self._link(group, way.bottleneck), row, 3)

    def _link(self, group: Group, number: int) -> QPushButton:
        name = group.found.crystal.search.hops[number].label
        link = button(name, lambda: self._workspace.activate_hop(number), "link")
        link.setToolTip(f"Show the bottleneck hop {name}")
        link.setAccessibleName(f"Show the hop {name}")
        return link

    def _list_left_out(self, group: Group) -> None:
        clear(self._left_out_rows)
        left_out = group.found.crystal.search.left_out
        for out in left_out:
            text = f"{out.hop.label}   {out.hop.length:.2f} Å: {out.reason}"
            self._left_out_rows.addWidget(label(text, "muted", wrap=True))
        count = len(left_out)
        hops = "hop" if count == 1 else "hops"
        self.left_out_button.setText(f"{count or 'No'} {hops} left out")
        self.left_out_button.setEnabled(count > 0)
        self.left_out_button.setChecked(False)
        self._unfold(False)

    def _unfold(self, shown: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow
        self.left_out_button.setArrowType(arrow)
        self._left_out.setVisible(shown)

    def _show_limit(self) -> None:
        workspace, group = self._workspace, self._workspace.state.group
        if group is None:
            return
        highest = workspace.highest_shown
        with QSignalBlocker(self.slider), QSignalBlocker(self.in_view):
            everything = np.isinf(highest)
            self.slider.setValue(self.slider.maximum() if everything else round(highest / STEP_EV))
            self.in_view.setChecked(workspace.show_network)
        self.slider.setEnabled(workspace.show_network)
        self.limit.setText("none hidden" if everything else energies.energy(highest, 2))
        shown = int((group.heights <= highest).sum())
        self.opened.setText(
            f"{_opened(group, highest)} {shown} of {len(group.barriers)} hops shown."
        )

    # ---- telling the workspace

    def _slid(self, step: int) -> None:
        highest = np.inf if step == self.slider.maximum() else step * STEP_EV
        self._workspace.set_highest_shown(float(highest))

    def _find_all(self) -> None:
        self._find(self.chosen_cutoff())


def _summary(group: Group) -> str:
    ion = group.found.crystal.search.ion
    dimensions, _ = group.opened_by(np.inf)
    if not len(group.barriers):
        return f"No hop of {ion} was found."
    if not dimensions:
        return f"No percolation: the hops of {ion} do not connect through the crystal."
    barriers = group.found.crystal.percolation
    ways = {n: way for n in range(1, dimensions + 1) if (way := barriers[f"{n}D"]) is not None}
    # The most dimensions that each energy opens.
    reached = {energies.energy(way.barrier_ev, 2): n for n, way in ways.items()}
    (lowest, fewest), *higher = reached.items()
    further = "".join(f", in {n} from {text} on" for text, n in higher)
    return f"{ion} gets through in {counted(fewest, 'dimension')} from {lowest} on{further}."


def _opened(group: Group, highest: float) -> str:
    dimensions, axes = group.opened_by(highest)
    if not dimensions:
        return "No percolation."
    along = f" (along {', '.join(axes)})" if axes else ""
    return f"Connects in {counted(dimensions, 'dimension')}{along}."
