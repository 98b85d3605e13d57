"""The command palette: type a few letters of any command, press Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from migbar_gui.dialogs.fuzzy import match
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import in_column, label

if TYPE_CHECKING:
    from migbar_gui.commands.menus import Command

WIDTH, ROWS = 560, 11
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def ranked(query: str, commands: list[Command]) -> list[Command]:
    """Return the commands that fit, the best first; what cannot be done now comes last."""
    found = []
    for place, command in enumerate(commands):
        fit = match(query, command.title)
        if fit is not None:
            found.append((not command.action.isEnabled(), -fit[0], place, command))
    return [command for *_, command in sorted(found, key=lambda row: row[:3])]


class CommandPalette(QDialog):
    """A field and the commands that fit what is written in it."""

    def __init__(self, commands: list[Command], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("palette")
        self.setWindowTitle("Commands")
        self.setFixedWidth(with_text(WIDTH))
        self._commands = commands
        self.field = QLineEdit(placeholderText="Type a command")
        self.field.setAccessibleName("Command")
        self.field.installEventFilter(self)
        self.field.textEdited.connect(self._show)
        self.list = QListWidget()
        self.list.setAccessibleName("Commands")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._run)
        self.setLayout(in_column(self.field, self.list, spacing=6, margins=(8, 8, 8, 8)))
        self._show("")
        self.field.setFocus()

    def open_over(self, window: QWidget) -> None:
        """Open in the upper middle of a window."""
        rows = self.list.sizeHintForRow(0) * ROWS
        self.list.setFixedHeight(rows + 2 * self.list.frameWidth())
        corner = QPoint((window.width() - self.width()) // 2, 70)
        self.move(window.mapToGlobal(corner))
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Move in the list and run from it while the field has the keyboard."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in MOVES:
                self.list.event(event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)

    def _show(self, query: str) -> None:
        self.list.clear()
        for command in ranked(query, self._commands):
            item = QListWidgetItem(self.list)
            item.setData(Qt.ItemDataRole.UserRole, command.action)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, command.title)
            if not command.action.isEnabled():
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.setItemWidget(item, self._row(command))
            item.setSizeHint(self.list.itemWidget(item).sizeHint())
        self.list.setCurrentRow(0)

    def _row(self, command: Command) -> QWidget:
        row = QWidget()
        menu, _, name = command.title.partition(": ")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(8, 5, 8, 5)
        action = command.action
        role = "" if action.isEnabled() else "muted"
        layout.addWidget(label(menu, "muted"))
        layout.addWidget(label(name, role))
        if action.isCheckable():
            layout.addWidget(label("on" if action.isChecked() else "off", "muted"))
        layout.addStretch(1)
        layout.addWidget(label(action.shortcut().toString(), "muted"))
        return row

    def _run(self, item: QListWidgetItem | None) -> None:
        action = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        if not isinstance(action, QAction) or not action.isEnabled():
            return
        self.close()
        action.trigger()
