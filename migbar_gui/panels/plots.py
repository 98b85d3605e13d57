"""Small plots drawn with the widget's own painter: sharp at any scale, in the theme's colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.wording import power_of_ten
from migbar_gui.looks import energies
from migbar_gui.looks.axes import Axes, Plot, Rows, frame_in
from migbar_gui.looks.theme import current_theme, translucent, with_text

if TYPE_CHECKING:
    from migbar.dynamics import TracerDiffusion

PAD = 6.0
MOST_DECADES = 6.0
"""Powers of ten that are shown of an interval beyond the line in it."""


class IntervalBar(QWidget):
    """A barrier with its interval on an energy axis, against the threshold; a diamond where it was calculated."""

    def __init__(self) -> None:
        super().__init__()
        self._barrier, self._low, self._high, self._threshold = 0.0, 0.0, 0.0, GOOD_CONDUCTOR_EV
        self._calculated: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_barrier(
        self,
        barrier: float,
        low: float,
        high: float,
        threshold: float,
        calculated: float | None = None,
    ) -> None:
        """Show other numbers (eV): a prediction, and what was calculated where it was."""
        self._barrier, self._low, self._high, self._threshold = barrier, low, high, threshold
        self._calculated = calculated
        beside = "" if calculated is None else f"calculated {energies.energy(calculated, 2)}, "
        self.setAccessibleDescription(
            f"{energies.energy(barrier, 2)}, interval {energies.interval(low, high)}, {beside}"
            f"threshold {energies.short(threshold)} {energies.unit()}"
        )
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(180, 25 + 2 * self.fontMetrics().lineSpacing())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text_height = self.fontMetrics().lineSpacing()
        top, height = text_height + 4.0, 14.0
        largest = 1.08 * max(self._high, 1.6 * self._threshold, self._calculated or 0.0)
        left, width = PAD, self.width() - 2 * PAD

        def x(energy: float) -> float:
            return left + width * max(0.0, energy) / largest

        # Ground: the good and the poor side of the threshold.
        border = x(self._threshold)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.good_soft))
        painter.drawRect(QRectF(left, top, border - left, height))
        painter.setBrush(QColor(theme.poor_soft))
        painter.drawRect(QRectF(border, top, left + width - border, height))
        good = self._barrier <= self._threshold
        colour = QColor(theme.good if good else theme.poor)
        interval = QRectF(x(self._low), top + 4, max(2.0, x(self._high) - x(self._low)), height - 8)
        painter.setBrush(colour)
        painter.drawRoundedRect(interval, 3, 3)
        painter.setPen(QPen(QColor(theme.surface), 2))
        painter.drawEllipse(QPointF(x(self._barrier), top + height / 2), 6.5, 6.5)
        painter.setPen(QPen(QColor(theme.text), 1.2))
        painter.drawLine(QPointF(border, top - 3), QPointF(border, top + height + 3))
        if self._calculated is not None:
            paint_diamond(painter, QPointF(x(self._calculated), top + height / 2))
        self._write(painter, border, 0, f"threshold {energies.short(self._threshold)}", theme.text)
        below = top + height + 5
        low, high = energies.number(self._low, 2), energies.energy(self._high, 2)
        texts = {x(self._low): low, x(self._high): high}
        needed = self.fontMetrics().horizontalAdvance(low + high) / 2 + 8
        if x(self._high) - x(self._low) < needed:
            texts = {interval.center().x(): f"{low} – {high}"}
        for place, text in texts.items():
            self._write(painter, place, below, text, theme.muted)
        painter.end()

    def _write(self, painter: QPainter, centre: float, top: float, text: str, colour: str) -> None:
        width = self.fontMetrics().horizontalAdvance(text)
        left = min(max(0.0, centre - width / 2), self.width() - width)
        painter.setPen(QColor(colour))
        painter.drawText(QPointF(left, top + self.fontMetrics().ascent()), text)


def paint_diamond(painter: QPainter, middle: QPointF) -> None:
    """Paint what stands for a barrier that was calculated."""
    theme, size = current_theme(), 7.5
    corners = ((-size, 0), (0, -size), (size, 0), (0, size))
    painter.setPen(QPen(QColor(theme.surface), 2))
    painter.setBrush(QColor(theme.text))
    painter.drawPolygon(QPolygonF([middle + QPointF(*corner) for corner in corners]))


class CoordinationPlot(Plot):
    """Coordination number of the ion along its path."""

    def __init__(self) -> None:
        super().__init__("Coordination along the path")
        self._walked: NDArray[np.float64] = np.zeros(0)
        self._count: NDArray[np.float64] = np.zeros(0)
        self._colour = "#000000"

    def show_curve(
        self, walked: NDArray[np.float64], count: NDArray[np.float64], colour: str
    ) -> None:
        """Show another curve: distance in Å, coordination number."""
        self._walked, self._count, self._colour = walked, count, colour
        self.update()

    def rows(self) -> Rows:
        """Return distances and coordination numbers."""
        curve = zip(self._walked.tolist(), self._count.tolist(), strict=True)
        return [("distance_angstrom", "coordination"), *curve]

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, with_text(152))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if len(self._walked) < 2:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        highest = max(2, int(np.ceil(self._count.max() + 0.2)))
        step = 1 if highest <= 5 else 2 if highest <= 10 else 4
        length = float(self._walked[-1]) or 1.0
        frame = frame_in(self.width(), self.height(), self.fontMetrics(), "00", lines=2)
        axes = Axes(frame, (0.0, length), (0.0, float(highest)))
        distances = {0.0: "0", length / 2: f"{length / 2:.1f}", length: f"{length:.1f}"}
        axes.draw(painter, distances, {float(n): str(n) for n in range(0, highest + 1, step)})
        axes.caption(painter, "distance along the path (Å)", "coordination number")
        curve = axes.line(self._walked, self._count)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(translucent(self._colour, 38))
        painter.drawPolygon(QPolygonF([axes.point(0, 0), *curve, axes.point(length, 0)]))
        painter.setPen(QPen(QColor(self._colour), 2))
        painter.drawPolyline(QPolygonF(curve))
        painter.end()


Lines = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""1000/T, and log₁₀ D for a barrier and for the ends of its interval."""


class ArrheniusPlot(Plot):
    """Logarithm of the diffusivity over the inverse temperature, with its interval."""

    def __init__(self) -> None:
        super().__init__("Diffusivity over temperature")
        self._lines: Lines | None = None
        self._mark = 0.0
        self._simulated: Sequence[TracerDiffusion] = ()
        self._beside: NDArray[np.float64] | None = None

    def show_lines(
        self,
        lines: Lines | None,
        mark: float = 0.0,
        simulated: Sequence[TracerDiffusion] = (),
        beside: NDArray[np.float64] | None = None,
    ) -> None:
        """Show other lines, or none.

        Parameters
        ----------
        lines : tuple of 4 ndarrays or None
        mark : float
            One inverse temperature (1000/K).
        simulated : sequence of TracerDiffusion
            Drawn as points.
        beside : ndarray, optional
            Another log₁₀ D at the temperatures of the lines, dashed.
        """
        self._lines, self._mark, self._simulated, self._beside = lines, mark, simulated, beside
        self.update()

    def rows(self) -> Rows:
        """Return diffusivities with the ends of their intervals: simulated ones, those of the line, and by the hops."""
        found: Rows = [("what", "temperature_k", "cm2_per_s", "low_cm2_per_s", "high_cm2_per_s")]
        found += [("simulated", one.kelvin, one.value, *one.interval) for one in self._simulated]
        if self._lines is None:
            return found
        kelvin = (1000 / self._lines[0]).tolist()
        values = zip(*(10**logarithms for logarithms in self._lines[1:]), strict=True)
        found += [("line", t, *map(float, d)) for t, d in zip(kelvin, values, strict=True)]
        if self._beside is not None:
            by_hops = (10**self._beside).tolist()
            found += [("hops", t, d, "", "") for t, d in zip(kelvin, by_hops, strict=True)]
        return found

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(220, with_text(185))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if self._lines is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inverse, middle, low, high = self._lines
        # A wide interval must not press the line flat: its band may leave the frame.
        other = middle if self._beside is None else self._beside
        bottom, top = min(low.min(), other.min()), max(high.max(), other.max())
        bottom = float(np.floor(max(bottom, middle.min() - MOST_DECADES)))
        top = float(np.ceil(min(top, middle.max() + MOST_DECADES)))
        first, last = float(inverse.min()), float(inverse.max())
        frame = frame_in(self.width(), self.height(), self.fontMetrics(), "10⁻⁰⁰", lines=2)
        axes = Axes(frame, (first, last), (bottom, top))
        step = max(1, int(np.ceil((top - bottom) / 5)))
        decades = {float(d): power_of_ten(d) for d in range(int(bottom), int(top) + 1, step)}
        halves = np.arange(np.ceil(2 * first), 2 * last + 0.01) / 2
        axes.draw(painter, {float(x): f"{x:g}" for x in halves}, decades)
        axes.caption(painter, "1000 K / T", "D (cm²/s)")
        accent = current_theme().accent
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(translucent(accent, 48))
        painter.drawPolygon(axes.between(inverse, low, high))
        painter.setPen(QPen(QColor(accent), 2))
        painter.drawPolyline(axes.line(inverse, middle))
        if self._beside is not None:
            painter.setPen(QPen(QColor(current_theme().muted), 1.5, Qt.PenStyle.DashLine))
            painter.drawPolyline(axes.within(inverse, self._beside))
        for point in self._simulated:
            if first <= 1000 / point.kelvin <= last:
                self._paint_point(painter, axes, point)
        if first <= self._mark <= last:
            self._paint_mark(painter, axes)
        painter.end()

    def _paint_point(self, painter: QPainter, axes: Axes, point: TracerDiffusion) -> None:
        theme = current_theme()
        inverse, height = 1000 / point.kelvin, float(np.log10(point.value))
        ends = np.clip(np.log10(point.interval), *axes.y)
        painter.setPen(QPen(QColor(theme.text), 1.5))
        painter.drawPolyline(axes.line(np.full(2, inverse), ends))
        if axes.y[0] <= height <= axes.y[1]:
            painter.setBrush(QColor(theme.surface))
            painter.drawEllipse(axes.point(inverse, height), 4, 4)

    def _paint_mark(self, painter: QPainter, axes: Axes) -> None:
        assert self._lines is not None
        inverse, middle, *_ = self._lines
        theme, order, frame = current_theme(), np.argsort(inverse), axes.frame
        spot = axes.point(self._mark, float(np.interp(self._mark, inverse[order], middle[order])))
        painter.setPen(QPen(QColor(theme.text), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(spot.x(), frame.top()), QPointF(spot.x(), frame.bottom()))
        text = f"{1000 / self._mark:.0f} K"
        width = self.fontMetrics().horizontalAdvance(text)
        x = min(spot.x() - width / 2, self.width() - width)
        painter.drawText(QPointF(x, self.fontMetrics().ascent() + 2), text)
        painter.setBrush(QColor(theme.accent))
        painter.setPen(QPen(QColor(theme.surface), 2))
        painter.drawEllipse(spot, 5.5, 5.5)
