"""The commands of a window, made from the list in `migbar_gui.commands.actions`: menus, toolbar, shortcuts, palette."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolBar, QToolButton

from migbar_gui.commands.actions import ACTIONS, MENUS, Action, Submenu, Switch
from migbar_gui.looks.texts import verbatim
from migbar_gui.looks.theme import icon

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

COMMANDS = tuple(entry for entry in ACTIONS if isinstance(entry, Action))

NEWCOMERS = ("file.open", "path.find")
"""Written out on the toolbar: what a newcomer looks for."""

PATHS_TOOLS = (
    "path.add",
    "path.relax",
    "path.pin",
    "path.remove",
    "edit.copy_table",
    "file.table",
)
"""Buttons above the table of paths."""

PATHS_MENU = ("path.note", "path.relax", "path.pin", "edit.copy_table", "path.remove")
"""Context menu of the table of paths."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be done, as the palette and the page of shortcuts list it.

    Attributes
    ----------
    title : str
        Menu and name: ``File: Save session``.
    action : QAction
    """

    title: str
    action: QAction


class Commands:
    """The actions of one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._filled = QMenu(window)
        self._actions = {entry.id: self._make(entry) for entry in COMMANDS}
        self._submenus: list[tuple[QMenu, str]] = []
        self._fill_menus()
        self._fill_toolbar()
        self._fill_paths_panel()

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    @property
    def switches(self) -> dict[str, QAction]:
        """Those that are on or off."""
        return {entry.id: self[entry.id] for entry in COMMANDS if isinstance(entry, Switch)}

    def apply_switches(self) -> None:
        """Tell a new view what is on."""
        for entry in COMMANDS:
            if isinstance(entry, Switch):
                entry.run(self._window, self[entry.id].isChecked())

    def listed(self) -> list[Command]:
        """Return every command, with what the submenus hold now."""
        self._filled.deleteLater()
        self._filled = QMenu(self._window)  # the submenus' actions live as long as this
        listed, inner = [], []
        for menu, groups in MENUS.items():
            for entry in itertools.chain(*groups):
                if isinstance(entry, Submenu):
                    name = _plain(entry.text)
                    submenu = self._filled.addMenu(name)
                    entry.fill(self._window, submenu)
                    inner += [Command(f"{name}: {_plain(a.text())}", a) for a in submenu.actions()]
                else:
                    action = self[entry.id]
                    listed.append(Command(f"{_plain(menu)}: {_plain(action.text())}", action))
        return listed + inner

    def refresh(self) -> None:
        """Enable what makes sense now."""
        for entry in COMMANDS:
            self[entry.id].setEnabled(entry.enabled(self._window))
        workspace = self._window.workspace
        self["edit.undo"].setText(f"&Undo {verbatim(workspace.undo_label)}".strip())
        self["edit.redo"].setText(f"&Redo {verbatim(workspace.redo_label)}".strip())

    def refresh_icons(self) -> None:
        """Draw all icons in the colours of the current theme."""
        for entry in COMMANDS:
            if entry.icon:
                self[entry.id].setIcon(icon(entry.icon))
        for submenu, name in self._submenus:
            submenu.setIcon(icon(name))

    def _make(self, entry: Action) -> QAction:
        action = QAction(entry.text, self._window)
        action.setObjectName(entry.id)
        if entry.keys:
            action.setShortcut(QKeySequence(entry.keys))
        tip = entry.tip or entry.text.replace("&", "").rstrip("…")
        action.setToolTip(f"{tip} ({action.shortcut().toString()})" if entry.keys else tip)
        action.setStatusTip("")
        if isinstance(entry, Switch):
            action.setCheckable(True)
            action.setChecked(entry.on_at_first)
            action.toggled.connect(lambda on: entry.run(self._window, on))
        else:
            action.triggered.connect(lambda: entry.run(self._window))
        return action

    def _fill_menus(self) -> None:
        for title, groups in MENUS.items():
            menu = self._window.menuBar().addMenu(title)
            menu.setToolTipsVisible(True)
            for group in groups:
                if menu.actions():
                    menu.addSeparator()
                for entry in group:
                    if isinstance(entry, Submenu):
                        self._add_submenu(menu, entry)
                    else:
                        menu.addAction(self[entry.id])

    def _add_submenu(self, menu: QMenu, entry: Submenu) -> None:
        submenu = menu.addMenu(entry.text)
        if entry.icon:
            self._submenus.append((submenu, entry.icon))

        def refill() -> None:
            submenu.clear()
            entry.fill(self._window, submenu)

        submenu.aboutToShow.connect(refill)

    def _fill_toolbar(self) -> None:
        """Put the commands for the toolbar on it, with a line between groups."""
        toolbar = QToolBar("Toolbar", self._window)
        toolbar.setObjectName("toolbar")
        toolbar.setMovable(False)
        toolbar.setIconSize(QSize(20, 20))
        toolbar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        for group in itertools.chain(*MENUS.values()):
            chosen = [e for e in group if isinstance(e, Action) and e.on_toolbar]
            if chosen and toolbar.actions():
                toolbar.addSeparator()
            for entry in chosen:
                toolbar.addAction(self[entry.id])
        for name in NEWCOMERS:
            tool = toolbar.widgetForAction(self[name])
            if isinstance(tool, QToolButton):
                tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._window.addToolBar(toolbar)

    def _fill_paths_panel(self) -> None:
        panel = self._window.paths_panel
        for name in PATHS_TOOLS:
            tool = QToolButton()
            tool.setDefaultAction(self[name])
            tool.setIconSize(QSize(18, 18))
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            panel.add_tool(tool)
        for name in PATHS_MENU:
            panel.view.addAction(self[name])
        # Its key would take paths away unseen while jobs, the log or bars have the focus.
        self["path.remove"].setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._window.centre.addAction(self["path.remove"])


def _plain(text: str) -> str:
    return re.sub("&(.)", r"\1", text)
