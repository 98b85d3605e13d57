"""Charts with axes, drawn with the widget's own painter in the theme's colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar_gui.looks import energies
from migbar_gui.looks.axes import Axes, energy_ticks, frame_in, ticks
from migbar_gui.looks.theme import current_theme, translucent

NEAR_PX = 9.0
"""A point is meant by the mouse within this distance."""

BARS = 24


class Chart(QWidget):
    """A widget with two labelled axes; what is in them is drawn by `draw`.

    An axis whose caption holds ``{unit}`` is one of energies in eV, and is labelled in the user's unit.
    """

    def __init__(self, x_caption: str, y_caption: str, name: str) -> None:
        super().__init__()
        self.x_caption, self.y_caption = x_caption, y_caption
        self.hint = ""
        """Shown while there is nothing else."""
        self.setAccessibleName(name)
        self.setMinimumSize(180, 130)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(320, 220)

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Return the ends of both axes, None where there is nothing to show."""
        raise NotImplementedError

    def draw(self, painter: QPainter, axes: Axes) -> None:
        """Draw what is in the axes."""
        raise NotImplementedError

    def axes(self) -> Axes | None:
        """Return where numbers fall at the present size."""
        found = self.ranges()
        if found is None:
            return None
        texts = _labelled(self.y_caption, found[1]).values()
        widest = max(texts, key=len, default="")
        size, metrics = self.size(), self.fontMetrics()
        return Axes(frame_in(size.width(), size.height(), metrics, widest, lines=2), *found)

    def refresh_unit(self) -> None:
        """Follow the choice of the unit."""
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        axes = self.axes()
        painter = QPainter(self)
        if axes is None:
            painter.setPen(QColor(current_theme().muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.hint)
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x_ticks, y_ticks = (
            _labelled(caption, ends)
            for caption, ends in ((self.x_caption, axes.x), (self.y_caption, axes.y))
        )
        axes.draw(painter, x_ticks, y_ticks)
        unit = energies.unit()
        axes.caption(painter, self.x_caption.format(unit=unit), self.y_caption.format(unit=unit))
        self.draw(painter, axes)
        painter.end()


def _labelled(caption: str, ends: tuple[float, float]) -> dict[float, str]:
    """Return round numbers on an axis with their texts: energies round in the user's unit, or counts."""
    return energy_ticks(*ends, most=6) if "{unit}" in caption else ticks(*ends, 6, whole=True)


class Histogram(Chart):
    """How often barriers of some height occur."""

    def __init__(self) -> None:
        super().__init__("Barrier ({unit})", "Paths", "Barriers")
        self._values: NDArray[np.float64] = np.zeros(0)

    def show_values(self, values: NDArray[np.float64]) -> None:
        """Show other numbers; those that are not finite are left out."""
        self._values = values[np.isfinite(values)]
        self.update()

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """See `Chart.ranges`."""
        if not len(self._values):
            return None
        counts, edges = self._bars()
        return (float(edges[0]), float(edges[-1])), (0.0, float(counts.max()) * 1.05)

    def _bars(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        highest = max(float(self._values.max()), 0.1)
        return np.histogram(self._values, BARS, (min(0.0, float(self._values.min())), highest))

    def draw(self, painter: QPainter, axes: Axes) -> None:
        """See `Chart.draw`."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(current_theme().accent))
        counts, edges = self._bars()
        for count, a, b in zip(counts, edges[:-1], edges[1:], strict=True):
            corner, foot = axes.point(a, count), axes.point(b, 0)
            painter.drawRect(QRectF(corner, foot).adjusted(0.5, 0, -0.5, 0))


class CountBars(QWidget):
    """How often names occur, the most frequent ones first."""

    MOST = 9

    def __init__(self, name: str) -> None:
        super().__init__()
        self._counts: list[tuple[str, int]] = []
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show other counts."""
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        rest = sum(count for _, count in ordered[self.MOST :])
        self._counts = ordered[: self.MOST] + ([("others", rest)] if rest else [])
        self.setAccessibleDescription(", ".join(f"{n}: {c}" for n, c in ordered[:50]))
        self.setMinimumHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(220, max(1, len(self._counts)) * (self.fontMetrics().lineSpacing() + 5))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if not self._counts:
            return
        theme, metrics = current_theme(), self.fontMetrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = min(
            max(metrics.horizontalAdvance(name) for name, _ in self._counts), self.width() // 2
        )
        numbers = max(metrics.horizontalAdvance(str(count)) for _, count in self._counts)
        room = self.width() - names - numbers - 20.0
        largest = max(count for _, count in self._counts)
        height = metrics.lineSpacing() + 5
        for row, (name, count) in enumerate(self._counts):
            top = row * height
            painter.setPen(QColor(theme.text))
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, names)
            painter.drawText(QPointF(0, top + metrics.ascent() + 1), shown)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.accent))
            bar = QRectF(names + 8, top + 3, max(2.0, room * count / largest), height - 8)
            painter.drawRoundedRect(bar, 2, 2)
            painter.setPen(QColor(theme.muted))
            painter.drawText(QPointF(bar.right() + 6, top + metrics.ascent() + 1), str(count))
        painter.end()


@dataclass(frozen=True, slots=True)
class Line:
    """A curve with its name; gaps are NaN."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str


class CurveChart(Chart):
    """Curves over steps, from zero on."""

    def __init__(self, x_caption: str, y_caption: str, name: str) -> None:
        super().__init__(x_caption, y_caption, name)
        self._lines: list[Line] = []
        self._last = 1.0

    def show_lines(self, lines: Sequence[Line], last: float) -> None:
        """Show other curves on an axis that ends at `last`."""
        self._lines, self._last = list(lines), last
        self.update()

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """See `Chart.ranges`."""
        values = [v for line in self._lines for v in line.y if np.isfinite(v)]
        return ((0.0, self._last), (0.0, 1.1 * max(values))) if values else None

    def draw(self, painter: QPainter, axes: Axes) -> None:
        """See `Chart.draw`."""
        metrics = self.fontMetrics()
        right = axes.frame.right()
        for line in reversed(self._lines):
            points = [
                axes.point(x, y) for x, y in zip(line.x, line.y, strict=True) if np.isfinite(y)
            ]
            painter.setPen(QPen(QColor(line.colour), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF(points))
            painter.setBrush(QColor(line.colour))
            for point in points if len(points) < 60 else points[-1:]:
                painter.drawEllipse(point, 2.5, 2.5)
            width = metrics.horizontalAdvance(line.name)
            painter.drawText(QPointF(right - width, metrics.ascent()), line.name)
            right -= width + 16


class ParityPlot(Chart):
    """Predicted over known barriers; a click tells which path is meant."""

    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__(
            "Known barrier ({unit})", "Predicted ({unit})", "Predicted over known barriers"
        )
        self._names: list[str] = []
        self._known: NDArray[np.float64] = np.zeros(0)
        self._predicted: NDArray[np.float64] = np.zeros(0)
        self._intervals: NDArray[np.float64] = np.zeros((0, 2))
        self._start: NDArray[np.float64] = np.zeros(0)
        self._threshold = GOOD_CONDUCTOR_EV
        self._chosen: int | None = None
        self.setMouseTracking(True)

    def show_points(
        self,
        names: Sequence[str],
        known: NDArray[np.float64],
        predicted: NDArray[np.float64],
        intervals: NDArray[np.float64],
        start: NDArray[np.float64],
        threshold: float,
    ) -> None:
        """Show other paths: barriers in eV; those of the starting model are NaN where there are none."""
        self._names = list(names)
        self._known, self._predicted, self._intervals = known, predicted, intervals
        self._start, self._threshold = start, threshold
        self.update()

    def choose(self, index: int | None) -> None:
        """Mark a path."""
        self._chosen = index
        self.update()

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """See `Chart.ranges`."""
        if not len(self._known):
            return None
        values = np.concatenate([self._known, self._predicted, self._start])
        most = 1.08 * max(float(np.nanmax(values)), 1.2 * self._threshold)
        return (0.0, most), (0.0, most)

    def draw(self, painter: QPainter, axes: Axes) -> None:
        """See `Chart.draw`."""
        theme, most = current_theme(), axes.x[1]
        painter.save()
        painter.setClipRect(axes.frame)
        painter.setPen(QPen(QColor(theme.muted), 1))
        painter.drawLine(axes.point(0, 0), axes.point(most, most))
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
        border = self._threshold
        painter.drawLine(axes.point(border, 0), axes.point(border, most))
        painter.drawLine(axes.point(0, border), axes.point(most, border))
        painter.setPen(QPen(translucent(theme.accent, 70), 1.2))
        for x, (low, high) in zip(self._known, self._intervals, strict=True):
            painter.drawLine(axes.point(x, low), axes.point(x, high))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.poor), 1.3))
        for x, y in zip(self._known, self._start, strict=True):
            if np.isfinite(y):
                painter.drawEllipse(axes.point(x, y), 3.0, 3.0)
        painter.setPen(QPen(QColor(theme.surface), 1))
        painter.setBrush(QColor(theme.accent))
        for x, y in zip(self._known, self._predicted, strict=True):
            painter.drawEllipse(axes.point(x, y), 4.0, 4.0)
        if self._chosen is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.error), 2))
            spot = axes.point(self._known[self._chosen], self._predicted[self._chosen])
            painter.drawEllipse(spot, 7.0, 7.0)
        painter.restore()
        self._write_legend(painter, axes.frame)

    def _write_legend(self, painter: QPainter, frame: QRectF) -> None:
        """Write what the signs mean, beside the caption or, where that leaves no room, at the foot of the frame."""
        theme, metrics = current_theme(), self.fontMetrics()
        signs = {"● model": theme.accent}
        if np.isfinite(self._start).any():
            signs["○ start"] = theme.poor
        caption = self.y_caption.format(unit=energies.unit())
        needed = sum(metrics.horizontalAdvance(text) + 14 for text in (*signs, caption))
        line = metrics.ascent() if needed < frame.right() else frame.bottom() - 6
        right = frame.right()
        for name, colour in signs.items():
            painter.setPen(QColor(colour))
            right -= metrics.horizontalAdvance(name)
            painter.drawText(QPointF(right, line), name)
            right -= 14

    def index_at(self, place: QPointF) -> int | None:
        """Return which path is drawn at a place."""
        axes = self.axes()
        if axes is None:
            return None
        points = [axes.point(x, y) for x, y in zip(self._known, self._predicted, strict=True)]
        distance = [(p - place).manhattanLength() for p in points]
        nearest = int(np.argmin(distance))
        return nearest if distance[nearest] <= NEAR_PX else None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell which path was clicked."""
        index = self.index_at(event.position())
        if index is not None:
            self.clicked.emit(index)

    def event(self, event: QEvent) -> bool:
        """Say which path is under the mouse."""
        if isinstance(event, QHelpEvent):
            index = self.index_at(QPointF(event.pos()))
            if index is not None:
                text = f"{self._names[index]}: known {energies.energy(self._known[index])}"
                predicted = energies.energy(self._predicted[index])
                QToolTip.showText(event.globalPos(), f"{text}, predicted {predicted}", self)
            return True
        return super().event(event)
