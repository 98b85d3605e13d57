"""Plots of relaxed bands: energy profiles over one another, a relaxation under way, barrier against volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMarginsF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from migbar.wording import power_of_ten, with_minus
from migbar_gui.looks import energies
from migbar_gui.looks.axes import Axes, energy_ticks, frame_in
from migbar_gui.looks.theme import current_theme, translucent

if TYPE_CHECKING:
    from migbar.neb.profiles import EnergyProfile
    from migbar.neb.volume import VolumeDependence
    from migbar_gui.computing.relaxations import LiveRun

NEAR = 14.0
"""A click this close (pixels, across) to an image means it."""

LEGEND_WIDTH = 380

LEAST_WIDTH = 240
"""Pixels for text of the usual size, in which a plot can be read."""

LENGTH = ("reaction coordinate (Å) →", "path (Å) →")
FRACTION = ("fraction of the path →", "fraction →")
CHANGE = ("change in volume (%) →", "volume (%) →")
"""What the axes across are, longer and shorter."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One profile.

    Attributes
    ----------
    name : str
    colour : str
    profile : EnergyProfile
    spline : pair of ndarray
        Distance in Å, energy in eV above the initial state.
    converged : bool
        One that is not is dashed.
    predicted : tuple of 3 floats or None
        The barrier that a model predicted, and its interval, eV.
    potential : str
        What computed the energies.
    """

    name: str
    colour: str
    profile: EnergyProfile
    spline: tuple[NDArray[np.float64], NDArray[np.float64]]
    converged: bool
    predicted: tuple[float, float, float] | None = None
    potential: str = ""


class ProfilePlot(QWidget):
    """Energy along the path, one line for each band; the current one is thick, and its images can be clicked."""

    image_clicked = Signal(int)

    def __init__(self, legend: bool = False) -> None:
        super().__init__()
        self._legend = legend
        self._curves: list[Curve] = []
        self._current: int | None = None
        self._image: int | None = None
        self._axes: Axes | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Energy profile")

    def show_curves(self, curves: Sequence[Curve], current: int | None) -> None:
        """Show profiles; `current` is the one that is looked at."""
        self._curves, self._current = list(curves), current
        told = [f"{c.name}: {energies.energy(c.profile.barrier_ev)}" for c in curves]
        self.setAccessibleDescription("; ".join(told))
        self.update()

    def show_image(self, image: int | None) -> None:
        """Mark an image of the current profile."""
        self._image = image
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(360, 150)

    @property
    def _fractions(self) -> bool:
        return len(self._curves) > 1

    def _x(self, curve: Curve, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return distance / (curve.profile.distance[-1] or 1.0) if self._fractions else distance

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if not self._curves:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        axes = self._axes = self._fit_axes(painter)
        axes.draw(painter, y_ticks=energy_ticks(*axes.y, axes.rows(painter.fontMetrics())))
        axes.captions_above(painter, FRACTION if self._fractions else LENGTH, _above())
        order = sorted(range(len(self._curves)), key=lambda n: n == self._current)
        for number in order:
            self._draw_curve(painter, axes, self._curves[number], number == self._current)
        if self._legend:
            self._draw_legend(painter, axes.frame)
        painter.end()

    def _draw_legend(self, painter: QPainter, frame: QRectF) -> None:
        """Name the curves to the right of them, the active one bold."""
        metrics, left, y = painter.fontMetrics(), frame.right() + 18, frame.top()
        width = self.width() - left - 34
        for number, curve in enumerate(self._curves):
            painter.setPen(QPen(QColor(curve.colour), 3, _pen_style(curve)))
            painter.drawLine(QPointF(left, y + 8), QPointF(left + 22, y + 8))
            font = painter.font()
            font.setBold(number == self._current)
            painter.setFont(font)
            state = "" if curve.converged else ", not converged"
            value = f"   {energies.energy(curve.profile.barrier_ev)}{state}"
            room = int(width - metrics.horizontalAdvance(value) - 8)
            name = metrics.elidedText(curve.name, Qt.TextElideMode.ElideMiddle, max(40, room))
            painter.setPen(QColor(current_theme().text))
            painter.drawText(QPointF(left + 30, y + 8 + metrics.ascent() / 2 - 1), name + value)
            y += metrics.lineSpacing() + 5
            if y > frame.bottom():
                break

    def _fit_axes(self, painter: QPainter) -> Axes:
        low = min(float(c.spline[1].min()) for c in self._curves)
        high = max(float(c.spline[1].max()) for c in self._curves)
        current = self._curves[self._current] if self._current is not None else None
        if current is not None and current.predicted is not None:
            high = max(high, self._ground(current) + current.predicted[0])
        span = max(high - low, 0.05)
        x = max(float(self._x(c, c.profile.distance)[-1]) for c in self._curves) or 1.0
        width = self.width() - (LEGEND_WIDTH if self._legend else 0)
        frame = frame_in(width, self.height(), painter.fontMetrics())
        return Axes(frame, (0.0, x), (low - 0.06 * span, high + 0.14 * span))

    @staticmethod
    def _ground(curve: Curve) -> float:
        return min(0.0, curve.profile.reaction_energy_ev)

    def _draw_curve(self, painter: QPainter, axes: Axes, curve: Curve, current: bool) -> None:
        colour = QColor(curve.colour)
        if current and curve.predicted is not None:
            self._draw_prediction(painter, axes, curve)
        painter.setPen(QPen(colour, 2.4 if current else 1.4, _pen_style(curve)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        along, energy = curve.spline
        painter.drawPolyline(axes.line(self._x(curve, along), energy))
        places = self._places(axes, curve)
        painter.setPen(QPen(QColor(current_theme().surface), 1.2))
        painter.setBrush(colour)
        for place in places:
            painter.drawEllipse(place, *([4.2] * 2 if current else [2.8] * 2))
        if current and self._image is not None and self._image < len(places):
            painter.setBrush(QColor(current_theme().surface))
            painter.setPen(QPen(colour, 3))
            painter.drawEllipse(places[self._image], 6.5, 6.5)

    def _draw_prediction(self, painter: QPainter, axes: Axes, curve: Curve) -> None:
        assert curve.predicted is not None
        theme, ground = current_theme(), self._ground(curve)
        barrier, low, high = (ground + value for value in curve.predicted)
        band = translucent(theme.muted, 28)
        painter.save()
        painter.setClipRect(axes.frame)
        top, bottom = axes.point(axes.x[0], high), axes.point(axes.x[1], low)
        painter.fillRect(QRectF(top, bottom), band)
        painter.restore()
        painter.setPen(QPen(QColor(theme.muted), 1.2, Qt.PenStyle.DotLine))
        left, right = axes.point(axes.x[0], barrier), axes.point(axes.x[1], barrier)
        painter.drawLine(left, right)
        texts = f"predicted {energies.energy(curve.predicted[0])}", "predicted"
        text, place = self._beside_curves(axes, right.y(), painter.fontMetrics(), texts)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def _beside_curves(
        self, axes: Axes, y: float, metrics: QFontMetrics, texts: Sequence[str]
    ) -> tuple[str, QRectF]:
        """Return the first of some texts, and its place at a level line, that the least of the curves runs through."""
        high, frame = metrics.height(), axes.frame
        widths = {text: metrics.horizontalAdvance(text) + 8.0 for text in texts}
        places = [
            (text, QRectF(left, top, wide, high))
            for text, wide in widths.items()
            for left in np.linspace(frame.right() - wide, frame.left(), 9)
            for top in (y - high - 1, y + 1)
        ]
        drawn = [
            point
            for curve in self._curves
            for point in axes.line(self._x(curve, curve.spline[0]), curve.spline[1])
        ]
        room = QMarginsF(2, 4, 2, 4)  # for the images' dots

        def crossings(named: tuple[str, QRectF]) -> tuple[bool, int]:
            place = named[1]
            return not frame.contains(place), sum(map(place.marginsAdded(room).contains, drawn))

        return min(places, key=crossings)

    def _places(self, axes: Axes, curve: Curve) -> list[QPointF]:
        x = self._x(curve, curve.profile.distance)
        return axes.line(x, curve.profile.relative)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the image under the mouse."""
        if self._axes is None or self._current is None:
            return
        places = self._places(self._axes, self._curves[self._current])
        far = [abs(place.x() - event.position().x()) for place in places]
        nearest = int(np.argmin(far))
        if far[nearest] < NEAR:
            self.image_clicked.emit(nearest)

    mouseMoveEvent = mousePressEvent  # noqa: N815  dragging goes through the images


def _pen_style(curve: Curve) -> Qt.PenStyle:
    return Qt.PenStyle.SolidLine if curve.converged else Qt.PenStyle.DashLine


class LivePlot(QWidget):
    """A relaxation under way: the largest force step by step, and the energies as they are now."""

    def __init__(self) -> None:
        super().__init__()
        self._live: LiveRun | None = None
        self._colour = "#000000"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Relaxation under way")

    def show_run(self, live: LiveRun | None, colour: str) -> None:
        """Show another run, or how it went on."""
        self._live, self._colour = live, colour
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(360, 150)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        live = self._live
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if live is None or not live.residuals:
            painter.setPen(QColor(current_theme().muted))
            text = "Waiting for the first step …"
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
            painter.end()
            return
        half = self.width() / 2
        self._draw_residuals(painter, live, half)
        painter.translate(half, 0)
        self._draw_energies(painter, live, half)
        painter.end()

    def _draw_residuals(self, painter: QPainter, live: LiveRun, width: float) -> None:
        theme = current_theme()
        logs = np.log10(np.maximum(live.residuals, 1e-4))
        lowest = logs.min() if live.aim is None else min(logs.min(), np.log10(live.aim))
        low, high = np.floor(lowest - 0.05), np.ceil(logs.max() + 0.05)
        steps = np.arange(len(logs), dtype=float)
        frame = frame_in(width, self.height(), painter.fontMetrics())
        axes = Axes(frame, (0.0, max(5.0, steps[-1])), (float(low), float(high)))
        decades = {float(n): power_of_ten(int(n)) for n in np.arange(low, high + 1)}
        axes.draw(painter, y_ticks=decades)
        axes.captions_above(painter, ["step →"], ["largest force (eV/Å)", "force (eV/Å)", "eV/Å"])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Each stage begins with forces of its own: the lines are not joined.
        for stage in dict.fromkeys(live.stages):
            rows = [n for n, name in enumerate(live.stages) if name == stage]
            ends = stage in ("initial", "final")
            painter.setPen(QPen(QColor(theme.muted if ends else self._colour), 1.8))
            painter.drawPolyline(axes.line(steps[rows], logs[rows]))
        if live.aim is not None:
            self._draw_aim(painter, axes, live.aim)

    def _draw_aim(self, painter: QPainter, axes: Axes, aim: float) -> None:
        """Draw the force at which the present stage is done."""
        left, right = (axes.point(end, float(np.log10(aim))) for end in axes.x)
        painter.setPen(QPen(QColor(current_theme().muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(left, right)
        text = f"done at {aim:g}"
        metrics = painter.fontMetrics()
        wide = metrics.horizontalAdvance(text)
        if wide <= axes.frame.width():
            painter.drawText(right + QPointF(-wide, metrics.ascent()), text)

    def _draw_energies(self, painter: QPainter, live: LiveRun, width: float) -> None:
        if not live.energies:
            painter.setPen(QColor(current_theme().muted))
            place = QRectF(0, 0, width, self.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "Relaxing the ends …")
            return
        heights = np.array(live.energies) - live.energies[0]
        span = max(float(np.ptp(heights)), 0.05)
        frame = frame_in(width, self.height(), painter.fontMetrics())
        low, high = float(heights.min()), float(heights.max())
        axes = Axes(frame, (0.0, float(len(heights) - 1)), (low - 0.06 * span, high + 0.12 * span))
        images = {float(n): str(n) for n in range(len(heights))}
        axes.draw(painter, images, energy_ticks(*axes.y, axes.rows(painter.fontMetrics())))
        axes.captions_above(painter, ["image →"], _above())
        line = axes.line(np.arange(len(heights), dtype=float), heights)
        painter.setPen(QPen(QColor(self._colour), 1.8, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(line)
        painter.setBrush(QColor(self._colour))
        painter.setPen(Qt.PenStyle.NoPen)
        for spot in line:
            painter.drawEllipse(spot, 3.6, 3.6)


class VolumePlot(QWidget):
    """Barrier against volume: a few points and their line."""

    def __init__(self) -> None:
        super().__init__()
        self._found: VolumeDependence | None = None
        self._colour = "#000000"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Barrier against volume")

    def show_dependence(self, found: VolumeDependence, colour: str) -> None:
        """Show other barriers."""
        self._found, self._colour = found, colour
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(220, 150)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if self._found is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = np.array(self._found.changes) * 100
        y = np.array(self._found.barriers_ev)
        span = max(float(np.ptp(y)), 0.02)
        frame = frame_in(self.width(), self.height(), painter.fontMetrics())
        room = 0.08 * float(np.ptp(x)) or 1.0
        axes = Axes(
            frame,
            (float(x.min()) - room, float(x.max()) + room),
            (float(y.min()) - 0.2 * span, float(y.max()) + 0.2 * span),
        )
        percents = {float(v): with_minus(f"{v:+.0f}").replace("+0", "0") for v in x}
        axes.draw(painter, percents, energy_ticks(*axes.y, axes.rows(painter.fontMetrics())))
        axes.captions_above(painter, CHANGE, [f"barrier ({energies.unit()})", energies.unit()])
        slope, start = np.polyfit(x, y, 1)
        painter.setPen(QPen(QColor(self._colour), 1.8))
        painter.drawPolyline(axes.line(x[[0, -1]], slope * x[[0, -1]] + start))
        for place, converged in zip(axes.line(x, y), self._found.converged, strict=True):
            colour = QColor(self._colour)
            painter.setPen(QPen(colour, 2))
            painter.setBrush(colour if converged else QColor(current_theme().surface))
            painter.drawEllipse(place, 4.5, 4.5)
        painter.end()


def _above() -> list[str]:
    unit = energies.unit()
    return [f"{unit} above the initial state", f"energy ({unit})", unit]
