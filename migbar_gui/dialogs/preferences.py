"""The page of preferences: a search, every setting with its own way back, and effects that are seen at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QColorDialog,
    QDialogButtonBox,
    QGridLayout,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from migbar_gui.looks import energies
from migbar_gui.looks.colours import ball_radius, element_colour, known_elements
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    DecimalBox,
    Question,
    SearchField,
    ThresholdBox,
    button,
    centred,
    choice_box,
    in_row,
    indented,
    label,
    resize_on_screen,
    scrolled,
    swatch_icon,
)
from migbar_gui.preferences import SETTINGS, Preferences, Setting, Value

WIDTH, HEIGHT, EDITOR_WIDTH = 640, 600, 232
ELEMENTS = "Elements"


class PreferencesDialog(Question):
    """Shows all settings; there is nothing to confirm."""

    def __init__(
        self, preferences: Preferences, elements: Sequence[str], parent: QWidget | None
    ) -> None:
        super().__init__("Preferences", "", "Close", parent)
        self._preferences = preferences
        self._rows: list[tuple[str, str, list[QWidget]]] = []
        self._titles: dict[str, QWidget] = {}
        self.editors: dict[str, QWidget] = {}
        self.resets: dict[str, QPushButton] = {}
        self._show_again: list[Callable[[], None]] = []
        self.setMinimumWidth(with_text(WIDTH))
        resize_on_screen(self, WIDTH, HEIGHT)
        self.cancel_button.hide()  # one taken out crashes Qt at the next change of the theme
        role = QDialogButtonBox.ButtonRole.ResetRole
        self.reset_all = self.buttons.addButton("Reset all", role)
        self.reset_all.setAutoDefault(False)
        self.reset_all.clicked.connect(preferences.reset_all)
        self.search = SearchField("Search preferences")
        self.search.textChanged.connect(self._filter)
        self.body.addWidget(self.search)
        self.body.addWidget(self._make_page(elements), 1)
        outer = self.layout()
        assert isinstance(outer, QVBoxLayout)
        outer.setStretchFactor(self.body, 100)
        preferences.changed.connect(self._refresh)
        self._refresh()
        self.search.setFocus()

    def fit(self) -> None:
        """Keep the height: the page scrolls."""

    def _make_page(self, elements: Sequence[str]) -> QScrollArea:
        page = QWidget()
        page.setObjectName("body")
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(13, 9, 13, 9)
        self._column.setSpacing(6)
        for group in dict.fromkeys(setting.group for setting in SETTINGS):
            grid = self._add_group(group)
            for setting in SETTINGS:
                if setting.group == group:
                    self._add_row(grid, setting)
        self._add_elements(self._add_group(ELEMENTS), elements)
        self.nothing = centred("No setting is about that.")
        self.nothing.hide()
        self._column.addWidget(self.nothing)
        self._column.addStretch(1)
        return scrolled(page, "Settings")

    def _add_group(self, title: str) -> QGridLayout:
        self._titles[title] = label(title, "section")
        self._column.addWidget(self._titles[title])
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        self._column.addLayout(grid)
        self._column.addSpacing(8)
        return grid

    def _add_row(self, grid: QGridLayout, setting: Setting) -> None:
        editor, show = self._editor(setting)
        editor.setAccessibleName(setting.text)
        editor.setFixedWidth(with_text(EDITOR_WIDTH))
        reset = button("Reset", partial(self._preferences.reset, setting.key), "link")
        reset.setAccessibleName(f"Reset {setting.text}")
        self.editors[setting.key], self.resets[setting.key] = editor, reset
        about = label("", "muted", wrap=True)
        about.setVisible(bool(setting.tip))
        words = _explained(setting.text, about, editor)
        self._place(grid, setting.group, f"{setting.text} {setting.tip}", [words, editor, reset])

        def refresh() -> None:
            about.setText(energies.in_text(setting.tip))
            show(self._preferences.get(setting.key))
            reset.setEnabled(not self._preferences.is_usual(setting.key))

        self._show_again.append(refresh)

    def _place(self, grid: QGridLayout, group: str, text: str, widgets: list[QWidget]) -> None:
        row = grid.rowCount()
        for column, widget in enumerate(widgets):
            grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignVCenter)
        self._rows.append((group, f"{group} {text}".lower(), widgets))

    def _editor(self, setting: Setting) -> tuple[QWidget, Callable[[Value], None]]:
        choose = partial(self._preferences.set, setting.key)
        if setting.choices is not None:
            box = choice_box(dict(setting.choices()))
            box.activated.connect(lambda _: choose(box.currentData()))
            return box, lambda value: box.setCurrentIndex(box.findData(value))
        if setting.is_energy:
            energy = ThresholdBox(float(setting.usual))
            energy.ev_changed.connect(choose)

            def show(value: Value) -> None:
                energy.set_ev(float(value))
                energy.refresh_unit()

            return energy, show
        number = indented(QSpinBox(minimum=setting.low, maximum=setting.high))
        number.setSpecialValueText(setting.special)
        number.valueChanged.connect(choose)
        return number, lambda value: number.setValue(int(value))

    # ---- elements

    def _add_elements(self, grid: QGridLayout, elements: Sequence[str]) -> None:
        self.element = choice_box(name="Element")
        self.element.addItems(list(dict.fromkeys((*elements, *known_elements()))))
        self.colour = QPushButton()
        self.colour.setAutoDefault(False)
        self.colour.clicked.connect(self._ask_colour)
        self.radius = DecimalBox(minimum=0.1, maximum=3.0, singleStep=0.05)
        self.radius.setSuffix(" Å")
        self.radius.setAccessibleName("Radius of the ball")
        self.radius.valueChanged.connect(self._set_radius)
        self._element_reset = button("Reset", self._reset_element, "link")
        self.element.currentIndexChanged.connect(lambda _: self._show_element())
        box = QWidget()
        box.setLayout(in_row(self.element, self.colour, self.radius))
        box.setFixedWidth(with_text(EDITOR_WIDTH))
        about = label("How atoms are drawn", "muted", wrap=True)
        words = _explained("Colour and radius", about, self.element)
        text = "colour color radius atoms balls"
        self._place(grid, ELEMENTS, text, [words, box, self._element_reset])
        self._show_again.append(self._show_element)

    def _show_element(self) -> None:
        symbol = self.element.currentText()
        colour, radius = element_colour(symbol), ball_radius(symbol)
        self.colour.setIcon(swatch_icon(colour))
        self.colour.setAccessibleName(f"Colour of {symbol}, {colour}")
        self.colour.setToolTip(f"Colour of {symbol}: {colour}")
        self.radius.blockSignals(True)
        self.radius.setValue(radius)
        self.radius.blockSignals(False)
        self._element_reset.setAccessibleName(f"Reset {symbol}")
        self._element_reset.setEnabled(symbol in self._preferences.elements())

    def _ask_colour(self) -> None:
        symbol = self.element.currentText()
        chosen = QColorDialog.getColor(QColor(element_colour(symbol)), self, f"Colour of {symbol}")
        if chosen.isValid():
            self.set_colour(chosen.name())

    def set_colour(self, colour: str) -> None:
        """Draw the element that is chosen in another colour, ``#rrggbb``."""
        symbol = self.element.currentText()
        _, radius = self._preferences.elements().get(symbol, ("", 0.0))
        self._preferences.set_element(symbol, colour, radius)

    def _set_radius(self, radius: float) -> None:
        symbol = self.element.currentText()
        colour, _ = self._preferences.elements().get(symbol, ("", 0.0))
        self._preferences.set_element(symbol, colour, radius)

    def _reset_element(self) -> None:
        self._preferences.set_element(self.element.currentText(), "", 0.0)

    # ---- following

    def _refresh(self) -> None:
        for show in self._show_again:
            show()

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        seen = set()
        for group, about, widgets in self._rows:
            shown = all(word in about for word in words)
            seen |= {group} if shown else set()
            for widget in widgets:
                widget.setVisible(shown)
        for group, title in self._titles.items():
            title.setVisible(group in seen)
        self.nothing.setVisible(not seen)


def _explained(text: str, about: QWidget, editor: QWidget) -> QWidget:
    """Make a name with an explanation under it."""
    name = label(text)
    name.setBuddy(editor)
    words = QWidget()
    column = QVBoxLayout(words)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(name)
    column.addWidget(about)
    return words
