"""The part of the path's dock that shows what all models say of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar_gui.computing.asking import Inquiry
from migbar_gui.files.plot_export import offer_export
from migbar_gui.looks import energies
from migbar_gui.looks.axes import Plot, Rows
from migbar_gui.looks.theme import current_theme
from migbar_gui.looks.widgets import button, in_column, in_row, label
from migbar_gui.workspace import Workspace, whenever

if TYPE_CHECKING:
    from migbar.models.opinions import Opinion

INVITATION = "What the other models say of this path, each with its interval."
BAR_HEIGHT = 12


class OpinionsSection(QWidget):
    """Asks all models about the active path when told to, and shows their barriers."""

    def __init__(self, workspace: Workspace, opinions: Inquiry) -> None:
        super().__init__()
        self._workspace = workspace
        self._opinions = opinions
        self.ask = button("Ask all models", opinions.ask, "link")
        self._text = label("", "muted", wrap=True)
        self.plot = OpinionPlot()
        offer_export(self.plot, "models")
        head = in_row(label("All models", "section"), None, self.ask)
        self.setLayout(in_column(head, self._text, self.plot, spacing=6))
        opinions.changed.connect(lambda _: self._show())
        whenever(
            self._show,
            workspace.active_changed,
            workspace.paths_changed,
            workspace.result_arrived,
            workspace.threshold_changed,
            workspace.numbers_changed,
        )
        self._show()

    def _show(self) -> None:
        workspace = self._workspace
        found = self._opinions.found(workspace.active)
        asked = self._opinions.is_asked(workspace.active)
        known = isinstance(found, list)
        self.ask.setVisible(not asked and not known)
        self.plot.setVisible(known)
        if known:
            result = workspace.result(workspace.active)
            used = result.predicted.barrier.model if result else ""
            self.plot.show_opinions(found, used, workspace.threshold)
            self._text.setText(_spread(found))
        elif asked:
            self._text.setText("Asking all models …")
        else:
            self._text.setText(str(found) if found is not None else INVITATION)


def _spread(opinions: Sequence[Opinion]) -> str:
    """Say how far the models are apart, and in which order they stand."""
    barriers = [o.barrier.barrier_ev for o in opinions if o.barrier is not None]
    if not barriers:
        return "No model could be asked."
    low, high = min(barriers), max(barriers)
    return (
        f"{energies.interval(low, high)} {energies.unit()}. The one with the smallest error on "
        "unseen frameworks comes first."
    )


class OpinionPlot(Plot):
    """A row for each model: its name and barrier, and below them its interval on one common axis."""

    def __init__(self) -> None:
        super().__init__("Barriers by all models")
        self._opinions: Sequence[Opinion] = ()
        self._used, self._threshold = "", GOOD_CONDUCTOR_EV

    def show_opinions(self, opinions: Sequence[Opinion], used: str, threshold: float) -> None:
        """Show other barriers; the model with the name `used` stands out."""
        self._opinions, self._used, self._threshold = opinions, used, threshold
        self.setAccessibleDescription("; ".join(map(_told, opinions)))
        self.updateGeometry()
        self.update()

    def rows(self) -> Rows:
        """Return the barriers of the models that could be asked."""
        found: Rows = [("model", "barrier_ev", "interval_low_ev", "interval_high_ev")]
        for one in self._opinions:
            if one.barrier is not None:
                found.append((one.card.name, one.barrier.barrier_ev, *one.barrier.interval_ev))
        return found

    def _row_height(self) -> int:
        return self.fontMetrics().lineSpacing() + BAR_HEIGHT + 6

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, len(self._opinions) * self._row_height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row, opinion in enumerate(self._opinions):
            painter.save()
            painter.translate(0, row * self._row_height())
            self._paint_row(painter, opinion)
            painter.restore()
        painter.end()

    def _paint_row(self, painter: QPainter, opinion: Opinion) -> None:
        theme, barrier = current_theme(), opinion.barrier
        font = QFont(self.font())
        font.setBold(opinion.card.name == self._used)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        number = "could not be asked" if barrier is None else energies.energy(barrier.barrier_ev)
        room = self.width() - metrics.horizontalAdvance(number) - 10
        name = metrics.elidedText(opinion.card.name, Qt.TextElideMode.ElideMiddle, room)
        painter.setPen(QColor(theme.text))
        painter.drawText(QPointF(0, metrics.ascent()), name)
        painter.drawText(
            QPointF(self.width() - metrics.horizontalAdvance(number), metrics.ascent()), number
        )
        if barrier is None:  # the tooltip says why
            return
        top = metrics.lineSpacing() + 1.0
        good = barrier.is_good_conductor(self._threshold)
        low, high = barrier.interval_ev
        middle, border = top + BAR_HEIGHT / 2, self._x(self._threshold)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.good_soft))
        painter.drawRect(QRectF(0, middle - 3, border, 6))
        painter.setBrush(QColor(theme.poor_soft))
        painter.drawRect(QRectF(border, middle - 3, self.width() - border, 6))
        painter.setBrush(QColor(theme.good if good else theme.poor))
        left, right = self._x(low), self._x(high)
        painter.drawRoundedRect(QRectF(left, middle - 2, max(2.0, right - left), 4), 2, 2)
        painter.setPen(QPen(QColor(theme.surface), 1.5))
        painter.drawEllipse(QPointF(self._x(barrier.barrier_ev), middle), 5, 5)

    def _x(self, energy: float) -> float:
        """Where an energy lies; far ends of wide intervals are cut off, so that barriers stay apart."""
        known = [o.barrier for o in self._opinions if o.barrier is not None]
        highest = max(self._threshold, *(barrier.barrier_ev for barrier in known))
        largest = min(max(highest, *(b.interval_ev[1] for b in known)), 3 * highest)
        return min(max(energy, 0.0) / (1.04 * largest), 1.0) * self.width()

    def event(self, event: QEvent) -> bool:
        """Tell what is known of the model under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = event.pos().y() // self._row_height()
            shown = 0 <= row < len(self._opinions)
            QToolTip.showText(event.globalPos(), _told(self._opinions[row]) if shown else "", self)
            return True
        return super().event(event)


def _told(opinion: Opinion) -> str:
    """Write all that is known of one model's barrier."""
    card, barrier = opinion.card, opinion.barrier
    if barrier is None:
        return f"{card.name} {card.version}: {opinion.problem}"
    text = (
        f"{card.name} {card.version}: {energies.energy(barrier.barrier_ev)}, "
        f"{100 * barrier.interval_level:.0f} % interval {energies.interval(*barrier.interval_ev)} {energies.unit()}"
    )
    if card.usual_error_ev is not None:
        text += (
            f"; mean absolute error on unseen frameworks {energies.energy(card.usual_error_ev, 2)}"
        )
    return " ".join([text + ".", *(energies.in_text(remark.text) for remark in barrier.remarks)])
