"""Axes for plots that are drawn with the widget's own painter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from migbar.exports import Cell
from migbar.wording import with_minus
from migbar_gui.looks import energies
from migbar_gui.looks.theme import current_theme

Rows = list[Sequence[Cell]]

FINE = 400
"""Points of a curve that ends where it leaves the frame."""


class Plot(QWidget):
    """A small plot, drawn with its own painter.

    Parameters
    ----------
    name : str
        What it shows, for screen readers.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def rows(self) -> Rows:
        """Return what is drawn as a table, its heads first; energies in eV."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Axes:
    """Where numbers fall in a frame of pixels; both axes are linear."""

    frame: QRectF
    x: tuple[float, float]
    y: tuple[float, float]

    def point(self, x: float, y: float) -> QPointF:
        """Return the pixel of a pair of numbers."""
        across = (x - self.x[0]) / max(self.x[1] - self.x[0], 1e-12)
        up = (y - self.y[0]) / max(self.y[1] - self.y[0], 1e-12)
        return QPointF(
            self.frame.left() + self.frame.width() * across,
            self.frame.bottom() - self.frame.height() * up,
        )

    def line(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[QPointF]:
        """Return the pixels of a curve."""
        return [self.point(float(a), float(b)) for a, b in zip(x, y, strict=True)]

    def within(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[QPointF]:
        """Return the pixels of a curve, as far as it is in the frame: SVG drawings by Qt know no clipping."""
        order = np.argsort(x)
        across = np.linspace(x.min(), x.max(), FINE)
        up = np.interp(across, x[order], y[order])
        inside = (self.y[0] <= up) & (up <= self.y[1])
        return self.line(across[inside], up[inside])

    def between(
        self, x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> list[QPointF]:
        """Return the pixels around what lies between two curves, as far as it is in the frame."""
        order = np.argsort(x)
        across = np.linspace(x.min(), x.max(), FINE)
        below, above = (
            np.clip(np.interp(across, x[order], y[order]), *self.y) for y in (low, high)
        )
        return [*self.line(across, below), *reversed(self.line(across, above))]

    def draw(
        self,
        painter: QPainter,
        x_ticks: Mapping[float, str] | None = None,
        y_ticks: Mapping[float, str] | None = None,
    ) -> None:
        """Draw grid and numbers; round ones where no ticks are given."""
        theme, metrics, frame = current_theme(), painter.fontMetrics(), self.frame
        for value, text in (y_ticks or ticks(*self.y, most=self.rows(metrics))).items():
            y = self.point(self.x[0], value).y()
            painter.setPen(QPen(QColor(theme.border), 1))
            painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))
            painter.setPen(QColor(theme.muted))
            left = frame.left() - 6 - metrics.horizontalAdvance(text)
            painter.drawText(QPointF(left, y + metrics.capHeight() / 2), text)
        painter.setPen(QColor(theme.muted))
        below = frame.bottom() + 1.35 * metrics.ascent()
        columns = int(frame.width() / metrics.horizontalAdvance("0.000"))
        for value, text in (x_ticks or ticks(*self.x, most=min(max(2, columns), 8))).items():
            wide = metrics.horizontalAdvance(text)
            x = min(self.point(value, self.y[0]).x() - wide / 2, painter.window().width() - wide)
            painter.drawText(QPointF(x, below), text)

    def rows(self, metrics: QFontMetrics) -> int:
        """Return how many numbers there is room for at the upright axis, five at most."""
        return min(max(1, int(self.frame.height() / metrics.lineSpacing())), 5)

    def caption(self, painter: QPainter, x: str, y: str) -> None:
        """Write what the axes are: `y` above its own, `x` below."""
        metrics, frame = painter.fontMetrics(), self.frame
        painter.setPen(QColor(current_theme().muted))
        painter.drawText(QPointF(4, metrics.ascent() + 2), y)
        foot = painter.window().height() - metrics.descent() - 1
        left = frame.center().x() - metrics.horizontalAdvance(x) / 2
        painter.drawText(QPointF(left, foot), x)

    def captions_above(self, painter: QPainter, x: Sequence[str], y: Sequence[str]) -> None:
        """Write what the axes are in one line above, where there is little room; `x` and `y` have the longest first."""
        metrics, frame = painter.fontMetrics(), self.frame
        wide = metrics.horizontalAdvance
        room = frame.right() - 4 - wide("00")
        fitting = ((a, b) for b in y for a in x if wide(a) + wide(b) <= room)
        across, up = next(fitting, (x[-1], y[-1]))
        baseline = metrics.ascent() + 2
        painter.setPen(QColor(current_theme().muted))
        painter.drawText(QPointF(4, baseline), up)
        painter.drawText(QPointF(frame.right() - wide(across), baseline), across)


def energy_ticks(low: float, high: float, most: int = 5) -> dict[float, str]:
    """Return energies (eV) that are round in the user's unit, at most so many, with their texts."""
    scale = energies.scaled(1.0)
    return {v / scale: text for v, text in ticks(low * scale, high * scale, most).items()}


def frame_in(
    width: float, height: float, metrics: QFontMetrics, widest: str = "−0.00", lines: int = 1
) -> QRectF:
    """Return the frame that leaves room for the widest number, and for lines of text below it."""
    left, top = metrics.horizontalAdvance(widest) + 12.0, 1.7 * metrics.lineSpacing() + 4.0
    below = lines * metrics.lineSpacing() + 10.0
    right = metrics.horizontalAdvance("0000") / 2 + 4.0  # for half of the last number
    return QRectF(left, top, max(20.0, width - left - right), max(20.0, height - top - below))


def ticks(low: float, high: float, most: int, whole: bool = False) -> dict[float, str]:
    """Return round numbers of a range, at most so many, with their texts; `whole` ones where they count."""
    raw = max((high - low) / most, 1.0 if whole else 1e-9)
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= raw)
    digits = max(0, int(-np.floor(np.log10(step) + 1e-9)))
    values = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return {float(v): with_minus(f"{v + 0.0:.{digits}f}") for v in values}
