"""Every command is found by a few of its letters, and run without a mouse."""

from __future__ import annotations

import subprocess

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMenu

from migbar_gui.dialogs.fuzzy import match

pytestmark = pytest.mark.gui


def test_that_letters_in_order_match_and_word_starts_count_most():
    assert match("sas", "File: Save session as…") is not None
    assert match("as", "File: Save session as…")[1] == (19, 20)
    assert match("zz", "View: Zoom") is None
    assert match("sve", "esv") is None
    best = max(
        ["Edit: Undo", "Path: Find paths", "File: Open example: Find"],
        key=lambda t: (match("fp", t) or (-1,))[0],
    )
    assert best == "Path: Find paths"


def palette(window):
    from migbar_gui.dialogs.palette import CommandPalette

    return next((p for p in window.findChildren(CommandPalette) if p.isVisible()), None)


def shown(opened_palette) -> list[str]:
    items = (opened_palette.list.item(n) for n in range(opened_palette.list.count()))
    return [item.data(Qt.ItemDataRole.AccessibleTextRole) for item in items]


def test_that_it_lists_every_command_and_what_submenus_hold(opened, qtbot):
    from migbar_gui.commands.actions import ACTIONS, Submenu

    opened.show_palette()
    titles = shown(palette(opened))
    for entry in ACTIONS:
        if not isinstance(entry, Submenu):
            assert any(
                t.endswith(opened.commands[entry.id].text().replace("&", "")) for t in titles
            )
    assert "Open example: LiFePO4" in titles
    palette(opened).close()


def test_that_a_command_is_run_with_keys_alone(opened, qtbot):
    before = opened.view.camera().towards
    find = ["xdotool", "search", "--onlyvisible", "--name", "olivine.cif", "windowfocus", "--sync"]
    subprocess.run(find, check=True)
    subprocess.run(["xdotool", "key", "ctrl+shift+p"], check=True)
    qtbot.waitUntil(lambda: palette(opened) is not None)
    qtbot.waitUntil(lambda: palette(opened).field.hasFocus())
    found = palette(opened)
    qtbot.keyClicks(found.field, "alongc")
    assert shown(found)[0] == "View: Along c"
    qtbot.keyClick(found.field, Qt.Key.Key_Down)
    qtbot.keyClick(found.field, Qt.Key.Key_Up)
    qtbot.keyClick(found.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: palette(opened) is None)
    assert opened.view.camera().towards != before


def test_that_what_makes_no_sense_now_is_last_and_not_run(window, qtbot):
    window.show_palette()
    found = palette(window)
    qtbot.keyClicks(found.field, "save session")
    assert "File: Save session" in shown(found)[:2]
    qtbot.keyClick(found.field, Qt.Key.Key_Return)
    assert palette(window) is found
    qtbot.keyClick(found.field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: palette(window) is None)


def test_that_the_page_of_shortcuts_tells_every_key(opened, qtbot):
    from migbar_gui.commands.actions import ACTIONS, Submenu
    from migbar_gui.dialogs.shortcuts import ShortcutsDialog

    opened.show_shortcuts()
    (dialog,) = opened.findChildren(ShortcutsDialog)
    rows = range(dialog.table.rowCount())
    keys = {dialog.table.item(row, 1).text() for row in rows}
    for entry in ACTIONS:
        if not isinstance(entry, Submenu) and entry.keys:
            assert opened.commands[entry.id].shortcut().toString() in keys
    dialog.field.setText("undo")
    assert [row for row in rows if not dialog.table.isRowHidden(row)]
    dialog.close()


def test_that_docks_are_shown_and_hidden_from_their_menu(window, qtbot):
    menu = QMenu(window)
    window.docks.fill_menu(menu)
    dock = window.docks["Structure"]
    (entry,) = [action for action in menu.actions() if action.text() == dock.windowTitle()]
    assert entry.isChecked() is not dock.isHidden()
    entry.trigger()
    assert dock.isHidden() is not entry.isChecked()
    entry.trigger()
    assert entry.isChecked() is not dock.isHidden()


def test_that_looking_for_commands_leaves_nothing_behind(window, qtbot):
    def menus() -> int:
        return sum(isinstance(widget, QMenu) for widget in QApplication.allWidgets())

    window.commands.listed()
    qtbot.wait(20)
    before = menus()
    for _ in range(3):
        window.commands.listed()
        qtbot.wait(20)
    assert menus() == before


def test_that_a_dock_behind_others_comes_to_the_front_by_its_name(opened, qtbot):
    def choose(title: str) -> None:
        menu = QMenu()
        opened.docks.fill_menu(menu)
        next(action for action in menu.actions() if action.text() == title).trigger()

    choose("Log")
    qtbot.waitUntil(lambda: opened.docks.is_seen(opened.docks["Log"].widget()))
    choose("Log")
    assert opened.docks["Log"].isHidden()


def test_that_menus_show_icons_of_submenus_and_what_commands_do(window):
    menus = {action.text(): action.menu() for action in window.menuBar().actions()}
    assert all(menu.toolTipsVisible() for menu in menus.values())
    inner = {action.text(): action for action in menus["&File"].actions() if action.menu()}
    assert not inner["Open re&cent"].icon().isNull()
    assert not inner["Open &example"].icon().isNull()
