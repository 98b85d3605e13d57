"""Small pieces that panels and dialogs are put together from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import (
    QEvent,
    QMimeData,
    QObject,
    QSignalBlocker,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QShowEvent,
    QValidator,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QBoxLayout,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDockWidget,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from migbar.barriers import THRESHOLD_MEANS, Remark
from migbar.energies import UNITS
from migbar_gui.looks import energies
from migbar_gui.looks.texts import in_words, sentence, unbroken
from migbar_gui.looks.theme import current_theme, pixmap, with_text

SpinBox = TypeVar("SpinBox", bound=QAbstractSpinBox)
Box = TypeVar("Box", bound=QBoxLayout)

FRAME = QSize(16, 48)
"""About what a window manager puts around a window."""

LEAST_CHOICE = 170
"""Width of a box that shows enough of a long choice, in pixels for text of the usual size."""

BESIDE_CHOICE = 40
"""Pixels of a box beside its text, as in the style sheet."""


class Words(QLabel):
    """A label whose lines never end between a number and its unit, nor within a position."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: N802
        """Show a text."""
        self._text = text
        super().setText(unbroken(text))

    def text(self) -> str:
        """Return the text as it was given."""
        return self._text

    def sizeHint(self) -> QSize:  # noqa: N802
        """Leave room for a marked letter: it is drawn apart from the next one, which may be closer, as in ``Te``."""
        hint = super().sizeHint()
        return hint + QSize(2, 0) if self.buddy() else hint


def label(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """Make a label whose `role` the style sheet knows; its text is never taken for HTML."""
    made = Words(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


class ElidedLabel(QLabel):
    """A line that is shortened in its middle where there is no room; who sets the text sets the tooltip."""

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if role:
            self.setProperty("role", role)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        metrics, room = self.fontMetrics(), self.contentsRect()
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room.width())
        painter = QPainter(self)
        QApplication.style().drawItemText(
            painter, room, Qt.AlignmentFlag.AlignVCenter, self.palette(), self.isEnabled(), text
        )
        painter.end()


class ProblemLabel(Words):
    """What is wrong, on a ground that stands out; hidden while there is nothing."""

    def __init__(self, verdict: str = "poor") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setProperty("verdict", verdict)
        self.hide()

    def tell(self, problem: object = "") -> None:
        """Say what is wrong, an error or a text, or nothing."""
        self.setText(sentence(in_words(problem)))
        self.setVisible(bool(self.text()))


def button(text: str, run: Callable[[], object], style: str = "") -> QPushButton:
    """Make a button; `style` is empty, ``"primary"`` or ``"link"``."""
    made = QPushButton(text)
    made.setAutoDefault(False)  # in a dialog, Enter is for the one that says so
    if style:
        made.setProperty(style, True)
    made.clicked.connect(lambda: run())
    return made


class SearchField(QLineEdit):
    """A field that narrows down what is shown below it; Enter leads there, and closes no dialog."""

    def __init__(self, name: str) -> None:
        super().__init__(placeholderText="Search", clearButtonEnabled=True)
        self.setAccessibleName(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.focusNextPrevChild(True)
        else:
            super().keyPressEvent(event)


def centred(text: str = "") -> QLabel:
    """Make the words that stand where there is nothing to show."""
    made = label(text, "muted", wrap=True)
    made.setAlignment(Qt.AlignmentFlag.AlignCenter)
    made.setContentsMargins(24, 24, 24, 24)
    return made


Item = QWidget | QLayout | None
"""What stands in a row or a column; None takes the room that is left."""

Margins = tuple[int, int, int, int]


def in_row(
    *items: Item, grow: Item = None, spacing: int = 8, margins: Margins = (0, 0, 0, 0)
) -> QHBoxLayout:
    """Put things side by side; `grow` is the one that takes the room that is left."""
    return _filled(QHBoxLayout(), items, grow, spacing, margins)


def in_column(
    *items: Item, grow: Item = None, spacing: int = 8, margins: Margins = (0, 0, 0, 0)
) -> QVBoxLayout:
    """Put things one below the other; `grow` is the one that takes the room that is left."""
    return _filled(QVBoxLayout(), items, grow, spacing, margins)


def _filled(layout: Box, items: Sequence[Item], grow: Item, spacing: int, margins: Margins) -> Box:
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for item in items:
        share = 1 if item is grow else 0
        if isinstance(item, QWidget):
            layout.addWidget(item, share)
        elif item is not None:
            layout.addLayout(item, share)
        else:
            layout.addStretch(1)
    return layout


def tool_row(*items: Item, grow: Item = None) -> QHBoxLayout:
    """Put things into the line above a list."""
    return in_row(*items, grow=grow, margins=(12, 6, 8, 6))


def as_panel(widget: QWidget) -> None:
    """Give the content of a dock its ground."""
    widget.setObjectName("panel")
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


SCROLL_BAR = 11
"""Width of a scroll bar in the style sheet."""

PAGE: Margins = (13, 11, 13, 13)
"""Room around what is on a page that can be moved up and down; a frame around it takes one pixel more."""


def body(*items: Item, spacing: int = 8, margins: Margins = PAGE) -> QWidget:
    """Make the page of a panel from what stands on it, one below the other."""
    made = QWidget()
    made.setObjectName("body")
    made.setLayout(in_column(*items, None, spacing=spacing, margins=margins))
    return made


def resize_on_screen(dialog: QWidget, width: int, height: int) -> None:
    """Give a dialog a size that is meant for text of the usual height.

    On a small screen it gets as much of it as there is: its buttons are at its edge.
    """
    # Not the dialog's `screen()`: Python may take that for a part of the dialog, and delete it with it.
    room = QGuiApplication.primaryScreen().availableGeometry().size() - FRAME
    dialog.resize(QSize(with_text(width), with_text(height)).boundedTo(room))


def as_window(dialog: QDialog) -> None:
    """Make a dialog a window of its own: one that it was opened from can come in front of it.

    A dialog else stays above its parent, and hides what it opens there.
    """
    dialog.setWindowFlags(Qt.WindowType.Window)
    dialog.winId()  # from now on there is a handle
    dialog.windowHandle().setTransientParent(None)  # type: ignore[arg-type]


def scroll(area: QScrollArea, page: QWidget, name: str) -> None:
    """Let a page be moved up and down; `name` is for screen readers.

    The bar stands in the page's right margin, seen or not: what is on the page stays where it is when one is needed.
    """
    area.setAccessibleName(name)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
    bar = area.verticalScrollBar()
    bar.setEnabled(False)  # it is seen where there is something to scroll
    bar.rangeChanged.connect(lambda least, most: bar.setEnabled(least < most))
    layout = page.layout()
    assert layout is not None
    margins = layout.contentsMargins()
    margins.setRight(max(0, margins.right() - SCROLL_BAR))
    layout.setContentsMargins(margins)
    area.setWidget(page)


class ScrolledPage(QScrollArea):
    """A page that can be moved up and down; it is never narrower than what stands on it."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        least = super().minimumSizeHint()
        page = self.widget()
        if page is not None:
            beside = SCROLL_BAR + 2 * self.frameWidth()
            least.setWidth(max(least.width(), page.minimumSizeHint().width() + beside))
        return least

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


def scrolled(page: QWidget, name: str) -> QScrollArea:
    """Return a page that can be moved up and down; `name` is for screen readers."""
    made = ScrolledPage()
    scroll(made, page, name)
    return made


def local_files(carried: QMimeData) -> list[Path]:
    """Return the files and folders among what is dropped or pasted; addresses on the web are none."""
    return [Path(url.toLocalFile()) for url in carried.urls() if url.isLocalFile()]


def indented(box: SpinBox) -> SpinBox:
    """Move a spin box's number to where other fields have their text, which a style sheet cannot do."""
    box.lineEdit().setTextMargins(9, 0, 0, 0)
    return box


class ChoiceBox(QComboBox):
    """A box to choose in that gives way: one long name in it does not make a dialog wider than the screen."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        least = super().minimumSizeHint()
        return QSize(min(least.width(), with_text(LEAST_CHOICE)), least.height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Draw what is chosen, shortened in its middle where there is no room."""
        option, painter = QStyleOptionComboBox(), QStylePainter(self)
        self.initStyleOption(option)
        room = self.width() - BESIDE_CHOICE
        if not option.currentIcon.isNull():
            room -= self.iconSize().width() + 4
        middle = Qt.TextElideMode.ElideMiddle
        option.currentText = self.fontMetrics().elidedText(option.currentText, middle, room)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


def choice_box(
    choices: Mapping[Any, str] | None = None, name: str = "", editable: bool = False
) -> QComboBox:
    """Make a box to choose a value in by its text; `name` is for screen readers."""
    made = ChoiceBox(editable=editable)
    made.setAccessibleName(name)
    made.setAccessibleDescription(name)  # on Linux, Qt tells what is chosen in place of the name
    for value, text in (choices or {}).items():
        made.addItem(text, value)
    return made


def line() -> QFrame:
    """Make a thin horizontal line."""
    made = QFrame()
    made.setProperty("role", "line")
    made.setFixedHeight(1)
    return made


def restyle(widget: QWidget) -> None:
    """Apply the style sheet again after a property has changed."""
    # Not the widget's `style()`: Python may take that for a part of the widget, and delete it with it.
    style = QApplication.style()
    style.unpolish(widget)
    style.polish(widget)


class Sign(QLabel):
    """The sign of a warning, or of something to know, in the theme's colours."""

    def __init__(self, is_warning: bool) -> None:
        super().__init__()
        self.is_warning = is_warning
        self._draw()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange:
            self._draw()

    def _draw(self) -> None:
        theme = current_theme()
        kind, colour = ("warning", theme.poor) if self.is_warning else ("info", theme.accent)
        self.setPixmap(pixmap(kind, colour, 16, self.devicePixelRatioF()))


def remark_row(text: str, is_warning: bool = True, role: str = "") -> QWidget:
    """Make a remark with a sign before it: that of a warning, or of something to know."""
    return _hanging(Sign(is_warning), label(text, role, wrap=True))


def bulleted(text: str, role: str = "") -> QWidget:
    """Make an item of a list."""
    return _hanging(label("•", role), label(text, role, wrap=True))


def _hanging(sign: QLabel, words: QLabel) -> QWidget:
    """Put a sign before words whose lines all begin at the same place."""
    made = QWidget()
    row = in_row(sign, words, grow=words)
    row.setAlignment(sign, Qt.AlignmentFlag.AlignTop)
    made.setLayout(row)
    return made


class RemarkList(QWidget):
    """Remarks, each with its sign, warnings first; hidden while there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.told: tuple[Remark, ...] = ()
        self._rows = in_column(spacing=6)
        self.setLayout(self._rows)
        self.hide()

    def tell(self, remarks: Iterable[Remark] = ()) -> None:
        """Show other remarks, or none."""
        clear(self._rows)
        self.told = tuple(sorted(remarks, key=lambda one: not one.is_warning))
        for remark in self.told:
            self._rows.addWidget(remark_row(energies.in_text(remark.text), remark.is_warning))
        self.setVisible(bool(self.told))


def clear(layout: QLayout) -> None:
    """Remove and delete everything in a layout."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def swatch(colour: str, size: int = 14, dpr: float = 2.0) -> QPixmap:
    """Draw a round spot of one colour."""
    spot = QPixmap(QSize(size, size) * dpr)
    spot.setDevicePixelRatio(dpr)
    spot.fill(Qt.GlobalColor.transparent)
    painter = QPainter(spot)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(0, 0, 0, 70))
    painter.setBrush(QColor(colour))
    painter.drawEllipse(1, 1, size - 2, size - 2)
    painter.end()
    return spot


def swatch_icon(colour: str) -> QIcon:
    """Draw a round spot of one colour as an icon."""
    # As large as icons in lists: a smaller one is stretched, and its edge torn.
    spot = swatch(colour, 16)
    made = QIcon(spot)
    made.addPixmap(spot, QIcon.Mode.Selected)  # else a selected row tints it
    return made


def field_rows(rows: Sequence[tuple[str, QWidget]]) -> QGridLayout:
    """Lay out fields under each other, each with a label whose marked letter leads to it."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(8)
    grid.setColumnStretch(1, 1)
    for row, (text, field) in enumerate(rows):
        if text:  # else an empty label keeps its line where the field is hidden
            name = label(text)
            name.setBuddy(field)
            tall = isinstance(field, QPlainTextEdit | QLabel)
            side = Qt.AlignmentFlag.AlignTop if tall else Qt.AlignmentFlag.AlignVCenter
            grid.addWidget(name, row, 0, side)
        grid.addWidget(field, row, 1)
    return grid


def align_fields(*forms: QGridLayout) -> None:
    """Let the fields of forms by `field_rows`, one below the other, begin at the same place."""
    cells = (form.itemAtPosition(row, 0) for form in forms for row in range(form.rowCount()))
    names = [name for cell in cells if cell is not None and (name := cell.widget()) is not None]
    for name in names:
        name.ensurePolished()  # or their size is that of other letters
    widest = max(name.sizeHint().width() for name in names)
    for form in forms:
        form.setColumnMinimumWidth(0, widest)


class DecimalBox(QDoubleSpinBox):
    """A box for a number with decimals, which may be typed or pasted with a comma, too."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        indented(self)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Take a comma for the point that it is meant as."""
        return super().validate(text.replace(",", "."), position)


class EnergyBox(DecimalBox):
    """A box for an energy in the unit that the user likes; `ev` is always in eV."""

    ev_changed = Signal(float)

    def __init__(self, ev: float, low: float, high: float, step: float) -> None:
        super().__init__()
        self._range, self._step = (low, high), step
        self.ev = ev
        self.refresh_unit()
        self.valueChanged.connect(self._note)

    def set_ev(self, ev: float) -> None:
        """Show another energy (eV); nobody is told, as nobody chose it here."""
        if abs(ev - self.ev) > 1e-9:  # else what is being typed would be written anew
            self.ev = ev
            self.refresh_unit()

    def refresh_unit(self) -> None:
        """Follow the choice of the unit."""
        with QSignalBlocker(self):
            self.setDecimals(max(0, 3 - UNITS[energies.unit()]))
            self.setRange(*(energies.scaled(end) for end in self._range))
            self.setSingleStep(energies.scaled(self._step))
            self.setSuffix(f" {energies.unit()}")
            self.setValue(energies.scaled(self.ev))

    def _note(self, value: float) -> None:
        self.ev = value / energies.scaled(1.0)
        self.ev_changed.emit(self.ev)


class ThresholdBox(EnergyBox):
    """A box for the largest barrier of a good conductor."""

    def __init__(self, ev: float) -> None:
        super().__init__(ev, 0.05, 5.0, 0.05)

    def refresh_unit(self) -> None:
        """Follow the choice of the unit."""
        super().refresh_unit()
        meaning = energies.in_text(THRESHOLD_MEANS).replace(". ", ".\n")
        self.setToolTip(f"Paths with a barrier up to this are called good conductors.\n{meaning}")


class DockTitle(QWidget):
    """Title of a dock with a button that closes it; the dock is dragged by it as usual."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setObjectName("dockTitle")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.close_button = QToolButton()
        self.close_button.setAccessibleName(f"Close the dock {dock.windowTitle()}")
        self.close_button.setToolTip("Close; bring it back with View, Docks")
        self.close_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.close_button.clicked.connect(dock.close)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 5, 6, 5)
        row.addWidget(label(dock.windowTitle(), "heading"), 1)
        row.addWidget(self.close_button)


class Question(QDialog):
    """A dialog with a title, a text, a body, and two buttons."""

    def __init__(self, title: str, text: str, accept: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(with_text(440))
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        self.buttons = QDialogButtonBox()
        self.accept_button = self.buttons.addButton(accept, QDialogButtonBox.ButtonRole.AcceptRole)
        self.cancel_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 18, 20, 16)
        outer.setSpacing(14)
        outer.addWidget(label(title, "formula"))
        if text:
            outer.addWidget(label(text, wrap=True))
        outer.addLayout(self.body)
        outer.addStretch(1)
        outer.addWidget(self.buttons)
        # Now that it is in the dialog: else Enter is for Cancel for good once that has had the keyboard.
        self.accept_button.setDefault(True)
        self._outer = outer

    def stretch_body(self) -> None:
        """Give the body the room that is left, which else is between it and the buttons."""
        self._outer.setStretch(self._outer.count() - 2, 0)
        self._outer.setStretchFactor(self.body, 1)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Become as high as the wrapped texts need, and wait for the first field to be filled in."""
        super().showEvent(event)
        self.fit()
        if self.focusWidget() in (None, *self.buttons.buttons()):
            self._focus_first_field()

    def _focus_first_field(self) -> None:
        for field in self.findChildren(QWidget):
            # In a list that can be written in, the first Enter would not be for the dialog.
            is_field = isinstance(field, QLineEdit | QAbstractSpinBox)
            if is_field and field.isEnabled() and not isinstance(field.parent(), QComboBox):
                field.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def fit(self) -> None:
        """Take the height that the content needs at the present width."""
        layout = self.layout()
        if layout is not None:
            layout.activate()  # what has just been written counts, too
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))


class RemovalQuestion(Question):
    """Asks before something is lost for good: Enter keeps it."""

    def __init__(self, title: str, text: str, accept: str, parent: QWidget | None) -> None:
        super().__init__(title, text, accept, parent)
        self.cancel_button.setDefault(True)
        self.cancel_button.setFocus()
