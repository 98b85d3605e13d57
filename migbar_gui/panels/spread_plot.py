"""How far simulated ions got: their mean squared displacement over time, one line for each temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen

from migbar_gui.looks.axes import Axes, Plot, Rows, frame_in, ticks
from migbar_gui.looks.theme import current_theme, translucent, with_text

if TYPE_CHECKING:
    from migbar.dynamics import TracerDiffusion


class SpreadPlot(Plot):
    """Mean squared displacements, and the slopes that diffusivities were read from."""

    def __init__(self) -> None:
        super().__init__("Mean squared displacement over time")
        self._at: Sequence[TracerDiffusion] = ()
        self.setToolTip("Dotted: the slopes that the diffusivities were read from")

    def show_simulated(self, at: Sequence[TracerDiffusion]) -> None:
        """Show other simulations, the coldest first."""
        self._at = at
        self.update()

    def rows(self) -> Rows:
        """Return the mean squared displacements."""
        found: Rows = [("temperature_k", "time_ps", "mean_squared_displacement_angstrom2")]
        for one in self._at:
            curve = zip(one.lags_ps, one.squared_displacements, strict=True)
            found += [(one.kelvin, *point) for point in curve]
        return found

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(220, with_text(185))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if not self._at:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        longest = max(one.lags_ps[-1] for one in self._at)
        top = 1.05 * max(max(one.squared_displacements) for one in self._at) or 1.0
        heights = ticks(0.0, top, most=5)
        widest = max(heights.values(), key=len)
        frame = frame_in(self.width(), self.height(), self.fontMetrics(), widest, lines=2)
        axes = Axes(frame, (0.0, longest), (0.0, top))
        axes.draw(painter, ticks(0.0, longest, most=5), heights)
        axes.caption(painter, "time (ps)", "mean squared displacement (Å²)")
        colours = [_colour(rank, len(self._at)) for rank in range(len(self._at))]
        for one, colour in zip(self._at, colours, strict=True):
            self._paint_line(painter, axes, one, colour)
        line = self.fontMetrics().lineSpacing()
        corner = QRectF(frame.left() + 6, frame.top(), frame.width(), line)
        ground = translucent(current_theme().surface, 210)  # a line that soon levels off is here
        for one, colour in reversed([*zip(self._at, colours, strict=True)]):
            text = f"{one.kelvin:g} K"
            corner.setWidth(self.fontMetrics().horizontalAdvance(text) + 4)
            painter.fillRect(corner, ground)
            painter.setPen(colour)
            painter.drawText(corner, Qt.AlignmentFlag.AlignCenter, text)
            corner.translate(0, line)
        painter.end()

    def _paint_line(
        self, painter: QPainter, axes: Axes, one: TracerDiffusion, colour: QColor
    ) -> None:
        times, squares = np.array([0.0, *one.lags_ps]), np.array([0.0, *one.squared_displacements])
        painter.setPen(QPen(colour, 1.5))
        painter.drawPolyline(axes.line(times, squares))
        if one.is_resolved:
            ends = np.array(one.slope_ps)
            middle = float(np.interp(ends.mean(), times, squares))
            slope = middle + one.slope * (ends - ends.mean())
            painter.setPen(QPen(QColor(current_theme().text), 2, Qt.PenStyle.DotLine))
            painter.drawPolyline(axes.within(ends, slope))


def _colour(rank: int, count: int) -> QColor:
    """Return the colour of a temperature: from cold to hot."""
    theme = current_theme()
    cold, hot = QColor(theme.accent), QColor(theme.poor)
    share = rank / max(count - 1, 1)
    return QColor.fromRgbF(
        (1 - share) * cold.redF() + share * hot.redF(),
        (1 - share) * cold.greenF() + share * hot.greenF(),
        (1 - share) * cold.blueF() + share * hot.blueF(),
    )
