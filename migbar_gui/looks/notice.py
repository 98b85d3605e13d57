"""A bar above the 3D view that says what went wrong and what to do, without stopping anything."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QLabel, QPlainTextEdit, QToolButton
from shiboken6 import isValid

from migbar.errors import MigbarError
from migbar_gui.looks.texts import in_words, sentence
from migbar_gui.looks.theme import current_theme, fixed_font, icon, pixmap
from migbar_gui.looks.widgets import button, in_column, in_row, label, restyle

Choice = tuple[str, Callable[[], object]]

MOST_LINKS = 0.3
"""Share of the width that what can be done takes beside the text."""


class Notice(QFrame):
    """Shows one message at a time; the latest replaces the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("notice")
        self._icon = QLabel()
        self.text = label("", wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setFont(fixed_font())
        self.details.setAccessibleName("Details")
        self.details.setMaximumHeight(150)
        self.details.hide()
        self._toggle = button("Details", self._toggle_details, "link")
        self.action = button("", lambda: self._act(self._run), "link")
        self.other_action = button("", lambda: self._act(self._other_run), "link")
        for link in (self._toggle, self.action, self.other_action):
            # A click must not take the keyboard from the crystal: where a message goes, Qt hands it to any part.
            link.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._run: Callable[[], object] | None = None
        self._other_run: Callable[[], object] | None = None
        self._close = QToolButton()
        self._close.setAccessibleName("Close this message")
        self._close.setToolTip("Close (Esc)")
        self._close.clicked.connect(self.hide)
        self._links = in_row(self.action, self.other_action, self._toggle, None, spacing=10)
        self._told = in_row(self.text, self._links, grow=self.text, spacing=10)
        row = in_row(self._icon, self._told, self._close, grow=self._told, spacing=10)
        self.setLayout(in_column(row, self.details, margins=(14, 9, 10, 9)))
        self.hide()

    def show_message(
        self,
        text: str,
        kind: str = "info",
        details: str = "",
        action: Choice | None = None,
        other_action: Choice | None = None,
    ) -> None:
        """Show a message and what can be done; `kind` is ``"info"``, ``"warning"`` or ``"error"``."""
        self.setProperty("kind", kind)
        self.refresh_icons()
        restyle(self)
        self.text.setText(text)
        self.details.setPlainText(details)
        self.details.hide()
        self._toggle.setText("Details")
        self._toggle.setVisible(bool(details))
        name, self._run = action or ("", None)
        other_name, self._other_run = other_action or ("", None)
        self.action.setText(name)
        self.action.setVisible(self._run is not None)
        self.other_action.setText(other_name)
        self.other_action.setVisible(self._other_run is not None)
        self._place_links()
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep room for the text."""
        super().resizeEvent(event)
        self._place_links()

    def _place_links(self) -> None:
        """Put what can be done beside the text, or below it where little room would be left for it."""
        narrow = self._links.sizeHint().width() > self.width() * MOST_LINKS
        direction = QBoxLayout.Direction
        self._told.setDirection(direction.TopToBottom if narrow else direction.LeftToRight)
        self._told.setSpacing(4 if narrow else 10)

    def refresh_icons(self) -> None:
        """Draw icons in the colours of the current theme."""
        if kind := self.property("kind"):
            theme = current_theme()
            colour = {"info": theme.accent, "warning": theme.poor, "error": theme.error}[kind]
            self._icon.setPixmap(pixmap(kind, colour, 20, self.devicePixelRatioF()))
            self._close.setIcon(icon("close"))

    def show_error(self, error: BaseException) -> None:
        """Show an error: one that a user caused in its own words, any other as a fault of the program."""
        if isinstance(error, MigbarError):
            self.show_message(sentence(in_words(error)), "error")
            return
        details = "".join(traceback.format_exception(error))
        if isinstance(error, OSError):
            self.show_message(in_words(error), "error", details)
            return
        self.show_message(
            "Something went wrong inside MigBar. What you had open is still there; the details help to "
            "report it.",
            "error",
            details,
        )

    def _act(self, run: Callable[[], object] | None) -> None:
        self.hide()
        if run is not None:
            run()

    def _toggle_details(self) -> None:
        shown = not self.details.isVisible()
        self.details.setVisible(shown)
        self._toggle.setText("Hide details" if shown else "Details")


def open_notice(notice: Notice, otherwise: Notice) -> Notice:
    """Return a dialog's notice, or `otherwise` where the dialog was closed in the meantime."""
    return notice if isValid(notice) else otherwise
