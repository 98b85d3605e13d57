"""The dock that compares barriers as bars, within and across structures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.wording import counted
from migbar_gui.computing.relaxed import potential_note
from migbar_gui.looks import energies
from migbar_gui.looks.tables import LEFT, RIGHT
from migbar_gui.looks.theme import current_theme, path_colour, pixmap, with_text
from migbar_gui.looks.widgets import (
    ElidedLabel,
    as_panel,
    button,
    centred,
    choice_box,
    in_column,
    label,
    swatch,
    tool_row,
)
from migbar_gui.panels.plots import paint_diamond
from migbar_gui.panels.profile_plot import Curve, ProfilePlot
from migbar_gui.workspace import Workspace, whenever
from migbar_gui.workspace.comparison import ORDERS, ComparedPath, compared_paths

ROW_HEIGHT = 26
NUMBERS = 142
"""Room for barrier and length at the end of a row, in pixels for text of the usual size."""
LEAST_NAME = 90.0
ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


@dataclass(slots=True)
class Scale:
    """Where energies fall in a row: names to the left of it, numbers to its right."""

    largest: float = 1.0
    threshold: float = GOOD_CONDUCTOR_EV

    def frame(self, width: float) -> tuple[float, float]:
        """Return left end and width of the energy axis in a row of this width."""
        left = min(with_text(300), 0.36 * width)
        return left, max(40.0, width - left - with_text(NUMBERS) - 8)

    def x(self, energy: float, width: float) -> float:
        """Return where an energy (eV) lies in a row of this width."""
        left, long = self.frame(width)
        return left + long * min(max(energy, 0.0), self.largest) / self.largest


class _Bar(QStyledItemDelegate):
    """Paints a path as a bar with its interval."""

    def __init__(self, scale: Scale, parent: QWidget) -> None:
        super().__init__(parent)
        self._scale = scale

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        return QSize(300, with_text(ROW_HEIGHT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        compared, theme, scale = index.data(ROLE), current_theme(), self._scale
        row = QRectF(option.rect)
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(row, QColor(theme.accent_soft))
        painter.translate(row.topLeft())
        width, middle = row.width(), row.height() / 2
        left, _ = scale.frame(width)
        self._paint_name(painter, compared, QRectF(0, 0, left - 12, row.height()))
        good = compared.barrier.is_good_conductor(scale.threshold)
        end = scale.x(compared.barrier.barrier_ev, width)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.good if good else theme.poor))
        bar = QRectF(left, middle - 6, max(2.0, end - left), 12)
        painter.drawRoundedRect(bar, 3, 3)
        if compared.barrier.is_calculated:
            paint_diamond(painter, QPointF(end, middle))
        else:
            a, b = (scale.x(energy, width) for energy in compared.barrier.interval_ev)
            painter.setClipRect(bar)
            _paint_interval(painter, a, b, middle, QPen(QColor(theme.surface), 4))
            painter.setClipping(False)  # on the bar alone the line would be lost without its edge
            _paint_interval(painter, a, b, middle, QPen(QColor(theme.text), 1.4))
        border = scale.x(scale.threshold, width)
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(border, 0), QPointF(border, row.height()))
        self._paint_numbers(
            painter,
            compared,
            QRectF(width - with_text(NUMBERS), 0, with_text(NUMBERS) - 8, row.height()),
        )
        painter.restore()

    def _paint_name(self, painter: QPainter, compared: ComparedPath, place: QRectF) -> None:
        theme = current_theme()
        painter.drawPixmap(
            QPointF(10, place.height() / 2 - 7), swatch(path_colour(compared.path.id))
        )
        metrics, x = painter.fontMetrics(), 32.0
        ends = f"{compared.path.hop.ion} {compared.path.label}"
        needed = metrics.horizontalAdvance(ends)
        if compared.pin is not None:
            drawn = pixmap("pin", theme.accent, 14, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(x, place.height() / 2 - 7), drawn)
            x += 20
        # Of two long texts the structure keeps some room, and the middle of the ends goes.
        room = int(max(LEAST_NAME, place.width() - x - needed - 10))
        name = metrics.elidedText(compared.document.name, Qt.TextElideMode.ElideMiddle, room)
        painter.setPen(QColor(theme.muted))
        painter.drawText(QRectF(x, 0, room, place.height()), LEFT, name)
        start = x + metrics.horizontalAdvance(name) + 10
        ends = metrics.elidedText(
            ends, Qt.TextElideMode.ElideMiddle, int(max(20.0, place.width() - start))
        )
        painter.setPen(QColor(theme.text))
        painter.drawText(QRectF(start, 0, place.width() - start, place.height()), LEFT, ends)

    def _paint_numbers(self, painter: QPainter, compared: ComparedPath, place: QRectF) -> None:
        theme = current_theme()
        painter.setPen(QColor(theme.text))
        painter.drawText(place, LEFT, energies.energy(compared.barrier.barrier_ev))
        painter.setPen(QColor(theme.muted))
        painter.drawText(place, RIGHT, f"{compared.length:.2f} Å")


def _paint_interval(painter: QPainter, a: float, b: float, middle: float, pen: QPen) -> None:
    painter.setPen(pen)
    painter.drawLine(QPointF(a, middle), QPointF(b, middle))
    for x in (a, b):
        painter.drawLine(QPointF(x, middle - 4), QPointF(x, middle + 4))


class _Axis(QWidget):
    """The energy axis under the bars."""

    def __init__(self, scale: Scale, bars: QListWidget) -> None:
        super().__init__()
        self._scale = scale
        self._bars = bars

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(300, self.fontMetrics().lineSpacing() + 10)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        theme, metrics, scale = current_theme(), self.fontMetrics(), self._scale
        width = self._bars.viewport().width()
        left, long = scale.frame(width)
        painter = QPainter(self)
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawLine(QPointF(left, 1), QPointF(left + long, 1))
        step = next(s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if scale.largest / s <= 8 or s == 5.0)
        baseline = metrics.ascent() + 6
        for energy in np.arange(0.0, scale.largest + 1e-9, step):
            x = scale.x(float(energy), width)
            text = energies.short(float(energy))
            painter.setPen(QColor(theme.muted))
            painter.drawLine(QPointF(x, 1), QPointF(x, 5))
            painter.drawText(QPointF(x - metrics.horizontalAdvance(text) / 2, baseline), text)
        painter.drawText(QPointF(width - with_text(NUMBERS), baseline), energies.unit())
        text = f"threshold {energies.short(scale.threshold)} {energies.unit()}"
        painter.drawText(QPointF(10, baseline), text)
        painter.end()


class ComparisonPanel(QWidget):
    """Bars of the open structure's paths and of all pinned ones; a click leads to the path."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        as_panel(self)
        self._workspace = workspace
        self._shown: list[ComparedPath] = []
        self._scale = Scale()
        self._make_bars()
        self._make_tools()
        self._lay_out()
        whenever(
            self._show,
            workspace.document_changed,
            workspace.paths_changed,
            workspace.pins_changed,
            workspace.active_changed,
            workspace.threshold_changed,
            workspace.relaxed_changed,
            workspace.result_arrived,
        )
        workspace.numbers_changed.connect(self._show_again)
        self._show()

    def _make_bars(self) -> None:
        self.bars = QListWidget()
        self.bars.setObjectName("bars")
        self.bars.setAccessibleName("Barriers")
        self.bars.setItemDelegate(_Bar(self._scale, self.bars))
        self.bars.setUniformItemSizes(True)
        self.bars.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.bars.itemClicked.connect(self._go)
        self.bars.itemActivated.connect(self._go)
        self.bars.currentItemChanged.connect(self._note_current)
        self.axis = _Axis(self._scale, self.bars)

    def _make_tools(self) -> None:
        self.order = choice_box(name="Sort by")
        self.order.addItems(list(ORDERS))
        self.order.currentTextChanged.connect(lambda _: self._show())
        self.profiles = ProfilePlot(legend=True)
        self.show_profiles = QPushButton("Profiles")
        self.show_profiles.setCheckable(True)
        self.show_profiles.setToolTip("Show the energy profiles of relaxed paths over one another")
        self.show_profiles.toggled.connect(lambda _: self._show())
        self.pin = button("Pin", self._toggle_pin)
        self.pin.setToolTip("Keep the selected path here when another structure is opened")
        self._summary = ElidedLabel("muted")

    def _lay_out(self) -> None:
        top = tool_row(
            label("Sort by"), self.order, self._summary, self.show_profiles, self.pin,
            grow=self._summary,
        )  # fmt: skip
        page = QWidget()
        page.setLayout(in_column(self.bars, self.axis, grow=self.bars, spacing=0))
        self._stack = QStackedLayout()
        for widget in (
            centred("Barriers are compared here, also those of pinned paths of other structures."),
            page,
            self.profiles,
        ):
            self._stack.addWidget(widget)
        self.setLayout(in_column(top, self._stack, grow=self._stack, spacing=0))

    def selected(self) -> ComparedPath | None:
        """Return the path whose bar is selected."""
        item = self.bars.currentItem()
        return item.data(ROLE) if item is not None and item.isSelected() else None

    def _show(self) -> None:
        workspace = self._workspace
        shown = compared_paths(workspace, self.order.currentText())
        self._scale.threshold = workspace.threshold
        ends = [compared.barrier.interval_ev[1] for compared in shown]
        self._scale.largest = 1.05 * max([*ends, 1.2 * workspace.threshold])
        curves = self._curves(shown)
        self.show_profiles.setEnabled(bool(curves))
        profiles = bool(curves) and self.show_profiles.isChecked()
        self._stack.setCurrentIndex(2 if profiles else 1 if shown else 0)
        if [_content(c) for c in shown] != [_content(c) for c in self._shown]:
            self._fill(shown)
        self._select_active()
        pinned = len(workspace.state.pins)
        structures = counted(len({id(compared.document) for compared in shown}), "structure")
        barriers = [compared.barrier for compared in shown]
        predicted = [barrier for barrier in barriers if not barrier.is_calculated]
        levels = sorted({f"{100 * barrier.interval_level:.0f} %" for barrier in predicted})
        text = f"{counted(len(shown), 'path')} of {structures}, {pinned} pinned"
        text += f"; lines: {', '.join(levels)} intervals" if levels else ""
        text += "; diamonds: calculated" if len(predicted) < len(barriers) else ""
        if profiles:
            names = {curve.potential for curve in curves}
            notes = dict.fromkeys(potential_note(name) for name in sorted(names))
            text = " ".join(filter(None, notes)) or "Barriers as the potential gives them"
        self._summary.setText(text if shown else "")
        self._summary.setToolTip(self._summary.text())
        self._enable()
        self.bars.viewport().update()
        self.axis.update()

    def _curves(self, shown: list[ComparedPath]) -> list[Curve]:
        """Draw the profiles of those that were relaxed, the active path's thick."""
        found = [(c, self._workspace.relaxed_of(c.path.id)) for c in shown]
        relaxed = [(compared, one) for compared, one in found if one is not None]
        curves = [
            Curve(
                compared.name,
                path_colour(compared.path.id),
                one.result.profile,
                one.curve,
                one.result.converged,
                potential=one.result.potential.name,
            )
            for compared, one in relaxed
        ]
        ids = [compared.path.id for compared, _ in relaxed]
        active = self._workspace.active
        self.profiles.show_curves(curves, ids.index(active) if active in ids else None)
        return curves

    def _show_again(self) -> None:
        self._fill(self._shown)
        self._show()

    def _fill(self, shown: list[ComparedPath]) -> None:
        self._shown = shown
        blocked = QSignalBlocker(self.bars)  # which bar is current meanwhile is nobody's choice
        self.bars.clear()
        for compared in shown:
            barrier = compared.barrier
            told = energies.interval(*barrier.interval_ev)
            told = f"calculated with {barrier.made_by}" if barrier.is_calculated else told
            item = QListWidgetItem(
                f"{compared.name}: {energies.energy(barrier.barrier_ev)} ({told})"
            )
            item.setData(ROLE, compared)
            item.setToolTip(item.text())
            self.bars.addItem(item)
        blocked.unblock()

    def _select_active(self) -> None:
        ids, active = [compared.path.id for compared in self._shown], self._workspace.active
        with QSignalBlocker(self.bars):
            self.bars.setCurrentRow(ids.index(active) if active in ids else -1)

    def _enable(self) -> None:
        chosen = self.selected()
        self.pin.setEnabled(chosen is not None)
        self.pin.setText("Unpin" if chosen is not None and chosen.pin is not None else "Pin")

    def _note_current(self, item: QListWidgetItem | None) -> None:
        """Follow the arrow keys among the open structure's paths; another structure is opened by Enter or a click."""
        self._enable()
        if item is not None and self._is_open(item.data(ROLE)):
            self._workspace.activate(item.data(ROLE).path.id)

    def _is_open(self, compared: ComparedPath) -> bool:
        is_here = compared.document is self._workspace.document
        return is_here and self._workspace.path(compared.path.id) is not None

    def _go(self, item: QListWidgetItem) -> None:
        compared: ComparedPath = item.data(ROLE)
        if self._is_open(compared):
            self._workspace.activate(compared.path.id)
        elif compared.pin is not None:
            self._workspace.reopen(compared.pin)

    def _toggle_pin(self) -> None:
        chosen = self.selected()
        if chosen is None:
            return
        if chosen.pin is None:
            self._workspace.pin([chosen.path.id])
        else:
            self._workspace.unpin([chosen.path.id])


def _content(compared: ComparedPath) -> tuple[object, ...]:
    """Return what a bar shows; whole structures are not compared."""
    return compared.path.id, compared.barrier, compared.pin is None
