"""Axes for plots that are drawn with the widget's own painter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen

from migbar_gui import energies
from migbar_gui.theme import current_theme


@dataclass(frozen=True, slots=True)
class Axes:
    """Where numbers fall in a frame of pixels; both axes are linear."""

    frame: QRectF
    x: tuple[float, float]
    y: tuple[float, float]

    def point(self, x: float, y: float) -> QPointF:
        """Return the pixel of a pair of numbers."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return QPointF(
            self.frame.left() + self.frame.width() * across,
            self.frame.bottom() - self.frame.height() * up,
        )

    def line(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[QPointF]:
        """Return the pixels of a curve."""
        return [self.point(float(a), float(b)) for a, b in zip(x, y, strict=True)]

    def draw(
        self,
        painter: QPainter,
        x_label: str,
        y_label: str,
        x_ticks: Mapping[float, str] | None = None,
        y_ticks: Mapping[float, str] | None = None,
    ) -> None:
        """Draw grid, numbers and captions; round numbers where no ticks are given."""
        theme, metrics, frame = current_theme(), painter.fontMetrics(), self.frame
        for value, text in (y_ticks or ticks(*self.y, most=5)).items():
            y = self.point(self.x[0], value).y()
            painter.setPen(QPen(QColor(theme.border), 1))
            painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))
            painter.setPen(QColor(theme.muted))
            left = frame.left() - 6 - metrics.horizontalAdvance(text)
            painter.drawText(QPointF(left, y + metrics.ascent() / 2 - 1), text)
        painter.setPen(QColor(theme.muted))
        below = frame.bottom() + metrics.ascent() + 5
        for value, text in (x_ticks or ticks(*self.x, most=8)).items():
            wide = metrics.horizontalAdvance(text)
            painter.drawText(QPointF(self.point(value, self.y[0]).x() - wide / 2, below), text)
        # Both captions above the frame: below, they would take a line of the little room there is.
        wide = metrics.horizontalAdvance(x_label)
        painter.drawText(QPointF(frame.right() - wide, metrics.ascent() + 2), x_label)
        painter.drawText(QPointF(4, metrics.ascent() + 2), y_label)


def energy_ticks(low: float, high: float, most: int = 5) -> dict[float, str]:
    """Return energies (eV) that are round in the user's unit, at most so many, with their texts."""
    scale = energies.scaled(1.0)
    return {v / scale: text for v, text in ticks(low * scale, high * scale, most).items()}


def frame_in(width: float, height: float, metrics: QFontMetrics) -> QRectF:
    """Return the frame that leaves room for numbers and captions."""
    left = metrics.horizontalAdvance("−0.00") + 12.0
    top, below = 1.7 * metrics.lineSpacing() + 4.0, metrics.lineSpacing() + 10.0
    return QRectF(left, top, max(20.0, width - left - 14), max(20.0, height - top - below))


def ticks(low: float, high: float, most: int) -> dict[float, str]:
    """Return round numbers of a range, at most so many, with their texts."""
    raw = (high - low) / most
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= raw)
    digits = max(0, int(-np.floor(np.log10(step) + 1e-9)))
    values = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return {float(v): f"{v + 0.0:.{digits}f}".replace("-", "−") for v in values}
