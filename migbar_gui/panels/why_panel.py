"""The dock that says what stands behind the barrier of the active path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolTip,
    QWidget,
)

from migbar.wording import formula_text, with_minus
from migbar_gui.computing.asking import Inquiry
from migbar_gui.looks import energies
from migbar_gui.looks.theme import current_theme, path_colour
from migbar_gui.looks.widgets import (
    as_panel,
    body,
    centred,
    clear,
    in_column,
    in_row,
    label,
    line,
    remark_row,
    restyle,
    scrolled,
    swatch,
)
from migbar_gui.workspace import PathEntry, PathResult, Workspace, whenever

if TYPE_CHECKING:
    from migbar.models.explanation import Contribution, Explanation, SimilarPath

PLACES = {
    "in": ("in the domain", "good"),
    "near": ("edge of the domain", "poor"),
    "outside": ("outside the domain", "bad"),
}
"""How a place is called, and the verdict that colours it."""

REASONS = 7
"""Bars that are shown; what is left of the others is summed up in one more."""


class WhyPanel(QStackedWidget):
    """Domain, most similar known paths, and reasons of the active path."""

    def __init__(self, workspace: Workspace, explainer: Inquiry) -> None:
        super().__init__()
        self._workspace = workspace
        self._explainer = explainer
        self._looked_at = False
        as_panel(self)
        self._message = centred()
        self.addWidget(self._message)
        self.addWidget(scrolled(self._make_page(), "Why"))
        whenever(
            self.show_path,
            workspace.active_changed,
            workspace.paths_changed,
            workspace.result_arrived,
            workspace.numbers_changed,
        )
        explainer.changed.connect(lambda _: self.show_path())
        self.show_path()

    def _make_page(self) -> QWidget:
        self._spot = QLabel()
        self._ends = label("", "heading", wrap=True)
        self._barrier = label("", "heading")
        head = in_row(self._spot, self._ends, self._barrier, grow=self._ends)
        head.setAlignment(self._barrier, Qt.AlignmentFlag.AlignTop)
        self.place = label()
        self.place.setProperty("verdict", "good")
        self._lead = label("", wrap=True)
        self._concerns = in_column(spacing=6)
        self.similar = in_column(spacing=4)
        self._open_row = QButtonGroup(self)
        self._open_row.setExclusive(False)
        self._open_row.buttonToggled.connect(self._close_others)
        self._reasons_title = label("", "section", wrap=True)
        self.reasons = PushPlot()
        note = label(
            "Shapley values of the model's trees, from what they say of any path to what they say of this one. "
            "The Gaussian process, the other part of the model, has no share in them.",
            "muted",
            wrap=True,
        )
        return body(
            head,
            in_row(self.place, None),
            self._lead,
            self._concerns,
            line(),
            label("Most similar known paths, DFT-NEB", "section"),
            self.similar,
            line(),
            self._reasons_title,
            self.reasons,
            note,
        )

    def set_looked_at(self, looked_at: bool) -> None:
        """Have paths explained from now on, or only again once somebody looks."""
        self._looked_at = looked_at
        self.show_path()

    def show_path(self) -> None:
        """Show what stands behind the active path."""
        path = self._workspace.path(self._workspace.active)
        result = self._workspace.result(path.id) if path else None
        if path is None:
            self._say("Why a path has its barrier is said here.")
        elif result is None:
            self._say(f"There is no barrier for {path.label} to explain.")
        else:
            found = self._explainer.found(path.id)
            if found is None:
                self._say(f"Asking what stands behind {path.label} …")
                if self._looked_at:
                    self._explainer.ask()
            elif isinstance(found, Exception):
                self._say(str(found))
            else:
                self._show(path, result, found)

    def _say(self, text: str) -> None:
        self._message.setText(text)
        self.setCurrentIndex(0)

    def _show(self, path: PathEntry, result: PathResult, found: Explanation) -> None:
        self._spot.setPixmap(swatch(path_colour(path.id), 16))
        self._ends.setText(f"{path.hop.ion}   {path.label}")
        self._barrier.setText(energies.energy(result.predicted.barrier.barrier_ev))
        text, verdict = PLACES[found.domain.place]
        self.place.setText(text)
        self.place.setProperty("verdict", verdict)
        restyle(self.place)
        self._lead.setText(found.domain.lead)
        self._list_concerns(found)
        self._list_similar(found.similar)
        said = found.base_ev + sum(reason.push_ev for reason in found.reasons)
        self._reasons_title.setText(
            f"What moves the trees from {energies.interval(found.base_ev, said)} {energies.unit()}"
        )
        self.reasons.show_reasons(found.reasons)
        self.setCurrentIndex(1)

    def _list_concerns(self, found: Explanation) -> None:
        clear(self._concerns)
        if found.memory is not None:
            text = (
                "In the training data: this very path taught the model its barrier, "
                f"{energies.energy(found.memory.barrier_ev, 2)}. The number is a memory, not a test."
            )
            self._concerns.addWidget(remark_row(text, is_warning=False))
        for concern in found.domain.concerns:
            self._concerns.addWidget(remark_row(concern.text))

    def _list_similar(self, similar: tuple[SimilarPath, ...]) -> None:
        clear(self.similar)
        for known in similar:
            row = KnownPathRow(known)
            self._open_row.addButton(row.head)
            self.similar.addWidget(row)

    def _close_others(self, opened: QPushButton, is_open: bool) -> None:
        for other in self._open_row.buttons() if is_open else ():
            if other is not opened:
                other.setChecked(False)


class KnownPathRow(QWidget):
    """A known path: its barrier, name, class and label; a click says how it differs."""

    def __init__(self, known: SimilarPath) -> None:
        super().__init__()
        path = known.path
        self.head = QPushButton()
        self.head.setObjectName("known")
        self.head.setCheckable(True)
        self.head.setAccessibleName(f"{path.sys_name}, {energies.energy(path.barrier_ev, 2)}")
        name = label(formula_text(path.sys_name), "heading", wrap=True)
        about = ", ".join(part for part in (path.family, path.label.capitalize()) if part)
        about_label = label(about, "muted", wrap=True)
        about_label.setVisible(bool(about))
        texts = in_column(name, about_label, spacing=0)
        inside = in_row(texts, grow=texts, spacing=10, margins=(8, 5, 8, 5))
        self.head.setLayout(inside)
        if known.same:
            mark = label("this path")
            mark.setProperty("verdict", "known")
            inside.addWidget(mark, 0, Qt.AlignmentFlag.AlignVCenter)
        inside.addWidget(label(energies.energy(path.barrier_ev, 2), "heading"))
        for part in self.head.findChildren(QLabel):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.details = _details(known)
        self.details.hide()
        self.head.toggled.connect(self.details.setVisible)
        self.setLayout(in_column(self.head, self.details, spacing=0))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give the button the height that its wrapped texts need; a button does not ask for it."""
        super().resizeEvent(event)
        layout = self.head.layout()
        if layout is not None:
            self.head.setMinimumHeight(layout.totalHeightForWidth(self.width()))


def _details(known: SimilarPath) -> QWidget:
    """Say how alike the paths are, and in a small table in what they differ most."""
    details = QWidget()
    grid = QGridLayout(details)
    grid.setContentsMargins(10, 4, 8, 8)
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(0, 1)
    text = (
        f"{known.path.ion} moves. Distance {known.distance:.2f}: 0 is the same, 1.4 any two paths."
    )
    grid.addWidget(label(text, "muted", wrap=True), 0, 0, 1, 3)
    if known.differences:
        rows = [("Differs most in", "here", "there")]
        rows += [(d.subject, f"{d.here:.2f}", f"{d.there:.2f}") for d in known.differences]
        for row, (subject, *values) in enumerate(rows, start=1):
            role = "section" if row == 1 else "muted"
            grid.addWidget(label(subject, role, wrap=True), row, 0)
            for column, value in enumerate(values, start=1):
                side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
                grid.addWidget(label(with_minus(value), role), row, column, side)
    return details


class PushPlot(QWidget):
    """Bars to the right for what raises a barrier, to the left for what lowers it."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: list[tuple[str, float, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("What raises and lowers the barrier")

    def show_reasons(self, reasons: tuple[Contribution, ...]) -> None:
        """Show other contributions; the smallest ones together."""
        self._bars = [(r.subject, r.push_ev, _typical(r)) for r in reasons[:REASONS]]
        rest = reasons[REASONS:]
        if rest:
            total = sum(reason.push_ev for reason in rest)
            self._bars.append((f"{len(rest)} more together", total, ""))
        self.setAccessibleDescription(
            "; ".join(
                f"{subject} {energies.energy(push, 2, sign=True)}"
                for subject, push, _ in self._bars
            )
        )
        self.updateGeometry()
        self.update()

    @property
    def texts(self) -> list[str]:
        """What is written beside the bars."""
        return [subject for subject, _, _ in self._bars]

    def _row_height(self) -> int:
        return self.fontMetrics().lineSpacing() + 18

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, max(1, len(self._bars)) * self._row_height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if not self._bars:
            return
        theme, metrics = current_theme(), self.fontMetrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        numbers = metrics.horizontalAdvance(energies.energy(9.99, 2, sign=True))
        left, width = 2.0, self.width() - numbers - 14.0
        largest = max(max(abs(push) for _, push, _ in self._bars), 1e-3)
        most_down = max(0.0, *(-push for _, push, _ in self._bars))
        most_up = max(0.0, *(push for _, push, _ in self._bars))
        unit = width / max(most_down + most_up, largest)
        zero = left + most_down * unit
        height = self._row_height()
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawLine(QPointF(zero, 0), QPointF(zero, height * len(self._bars)))
        for row, (subject, push, _) in enumerate(self._bars):
            top = row * height
            painter.setPen(QColor(theme.text))
            name = metrics.elidedText(subject, Qt.TextElideMode.ElideRight, self.width())
            painter.drawText(QPointF(0, top + metrics.ascent()), name)
            bar_top = top + metrics.lineSpacing() + 2
            start, end = sorted((zero, zero + push * unit))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.poor if push > 0 else theme.good))
            painter.drawRoundedRect(QRectF(start, bar_top, max(end - start, 1.5), 8), 2, 2)
            painter.setPen(QColor(theme.muted))
            text = energies.energy(push, 2, sign=True)
            x = self.width() - metrics.horizontalAdvance(text)
            painter.drawText(QPointF(x, bar_top + 4 + metrics.ascent() / 2 - 1), text)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Say of the bar under the mouse which descriptor leads it, and its value."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = event.pos().y() // self._row_height()
            text = self._bars[row][2] if 0 <= row < len(self._bars) else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)


def _typical(reason: Contribution) -> str:
    return (
        f"Mostly {reason.descriptor}: {reason.value:.3g} here; the median of the training paths is "
        f"{reason.typical:.3g}."
    )
