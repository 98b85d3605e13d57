"""Every control has a name for those who cannot see it, and is reached without a mouse."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenuBar,
    QPlainTextEdit,
    QRadioButton,
    QScrollBar,
    QTabBar,
    QToolBar,
    QWidget,
)

from tests.gui.conftest import site, wait_for_barriers

pytestmark = pytest.mark.gui

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
)
PARTS = (QScrollBar, QHeaderView)
"""They belong to a control that has a name."""


def controls(root: QWidget) -> list[QWidget]:
    found = [w for w in root.findChildren(QWidget) if isinstance(w, CONTROLS)]
    return [
        w for w in found if not isinstance(w, PARTS) and not _is_part(w) and w.isVisibleTo(root)
    ]


def _is_part(widget: QWidget) -> bool:
    """Whether a widget is inside another control, as the field of a spin box is."""
    parent = widget.parentWidget()
    inside = (QAbstractSpinBox, QComboBox, QAbstractItemView, QTabBar, QPlainTextEdit, QLineEdit)
    if widget.objectName().startswith("qt_"):
        return True
    while parent is not None:
        if isinstance(parent, inside):
            return True
        parent = parent.parentWidget()
    return False


def untold_choices(root: QWidget) -> list[str]:
    """Boxes of which a screen reader tells what is chosen, but not what for."""

    def told(box: QWidget) -> bool:
        interface = QAccessible.queryAccessibleInterface(box)
        labelled = interface.relations(QAccessible.RelationFlag.Label)
        return bool(labelled or interface.text(QAccessible.Text.Description).strip())

    boxes = [box for box in controls(root) if isinstance(box, QComboBox)]
    return [described(box) for box in boxes if not told(box)]


def unseen_focus(root: QWidget) -> list[str]:
    """Where the keyboard can be without any sign of it."""

    def looks(widget: QWidget, focused: bool) -> QImage:
        (widget.setFocus if focused else widget.clearFocus)()
        return widget.grab().toImage()

    ways = [
        widget
        for widget in root.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isEnabled()
        and not widget.visibleRegion().isEmpty()
        and not isinstance(widget, QMenuBar | QOpenGLWidget)
        and not _is_part(widget)
    ]
    return [described(way) for way in ways if looks(way, False) == looks(way, True)]


def described(widget: QWidget) -> str:
    parents = []
    parent: QWidget | None = widget
    while parent is not None:
        parents.append(parent.objectName() or type(parent).__name__)
        parent = parent.parentWidget()
    return " < ".join(parents[:6])


def nameless(root: QWidget) -> list[str]:
    def name(widget: QWidget) -> str:
        interface = QAccessible.queryAccessibleInterface(widget)
        return interface.text(QAccessible.Text.Name) if interface is not None else ""

    return [described(widget) for widget in controls(root) if not name(widget).strip()]


def has_keyboard_way(widget: QWidget) -> bool:
    """Whether Tab leads to it, arrows do from another choice of its group, or a command in a menu does the same."""
    group = widget.group() if isinstance(widget, QRadioButton) else None
    ways = group.buttons() if group is not None else [widget]
    if any(way.focusPolicy() & Qt.FocusPolicy.TabFocus for way in ways):
        return True
    action = widget.defaultAction() if hasattr(widget, "defaultAction") else None
    return action is not None and bool(action.objectName())


def unreachable(root: QWidget) -> list[str]:
    return [described(w) for w in controls(root) if w.isEnabled() and not has_keyboard_way(w)]


MENU_DOES_IT = ("dockTitle", "qt_toolbar_ext_button", "QStatusBar", "palette")
"""Where Tab does not lead: menus do the same, and the palette's list is moved in from its field."""


def check(root: QWidget) -> None:
    assert not nameless(root)
    assert not untold_choices(root)
    assert not shared_letters(root)
    left = [text for text in unreachable(root) if not any(part in text for part in MENU_DOES_IT)]
    assert not left


def test_that_the_welcome_page_can_be_used_without_eyes_or_mouse(window):
    check(window)


def test_that_every_dock_can_be_used_without_eyes_or_mouse(opened, qtbot):
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    opened.predictions.find_all()
    qtbot.waitUntil(lambda: opened.workspace.state.group is not None, timeout=60_000)
    opened.workspace.set_show_landscape(True)
    opened.notice.show_message("Something", "warning", "details", action=("Do it", lambda: None))
    for dock in opened.docks:
        opened.docks.show(dock.windowTitle())
        qtbot.wait(20)
        check(opened)
    for dock in opened.docks:
        opened.docks.show(dock.windowTitle())
        qtbot.wait(20)
        assert not unseen_focus(dock)


def marked(texts: list[str]) -> list[str]:
    """The letters that lead to these texts by Alt or in a menu."""
    return [text[text.index("&") + 1].lower() for text in texts if "&" in text]


def shared_letters(root: QWidget) -> list[str]:
    """Letters by which Alt leads to more than one control."""
    names = [w for w in root.findChildren(QLabel) if w.buddy() is not None]
    texts = [w.text() for w in (*names, *root.findChildren(QAbstractButton)) if w.isVisibleTo(root)]
    texts += [action.text() for bar in root.findChildren(QMenuBar) for action in bar.actions()]
    letters = marked([text.replace("&&", "") for text in texts])
    return [letter for letter, count in Counter(letters).items() if count > 1]


def test_that_every_letter_of_a_menu_leads_to_one_command():
    from migbar_gui.commands.actions import MENUS

    assert len(set(marked(list(MENUS)))) == len(MENUS)
    for menu, groups in MENUS.items():
        letters = marked([entry.text for group in groups for entry in group])
        assert len(letters) == sum(map(len, groups)), menu
        assert len(set(letters)) == len(letters), (menu, sorted(letters))


DIALOGS = (
    "file.batch",
    "file.picture",
    "file.search",
    "edit.preferences",
    "structure.dynamics",
    "structure.relax",
    "structure.substitute",
    "structure.symmetry",
    "path.add",
    "path.relax",
    "path.export_dft",
    "model.list",
    "model.suggest",
    "help.commands",
    "help.shortcuts",
    "help.about",
)


@pytest.mark.parametrize("command", DIALOGS)
def test_that_every_dialog_can_be_used_without_eyes_or_mouse(opened, qtbot, command):
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    before = set(opened.findChildren(QDialog))
    opened.commands[command].trigger()
    qtbot.waitUntil(lambda: bool(set(opened.findChildren(QDialog)) - before))
    for dialog in set(opened.findChildren(QDialog)) - before:
        check(dialog)
        dialog.activateWindow()
        qtbot.waitUntil(dialog.isActiveWindow)
        assert not unseen_focus(dialog)
        dialog.close()


def test_that_every_command_is_in_a_menu(opened):
    in_menus = set()
    for menu in opened.menuBar().actions():
        in_menus |= {action.objectName() for action in menu.menu().actions()}
    for bar in opened.findChildren(QToolBar):
        for action in bar.actions():
            assert action.isSeparator() or action.objectName() in in_menus


def test_that_the_tabulator_stays_out_of_docks_behind_others(opened, qtbot):
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    aside = QTabBar(opened)  # as Qt keeps one for tabs that there are none of at the moment
    aside.move(-600, -530)
    aside.show()
    opened.structure_panel.ion.setFocus()
    visited = []
    for _ in range(25):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        visited.append(QApplication.focusWidget())
    assert all(opened.docks.is_seen(widget) for widget in visited)
    assert opened.structure_panel.ion in visited  # all the way round
    elements = list(opened.structure_panel.element_boxes.values())
    first = visited.index(elements[0])
    assert visited[first - 1 : first + 4] == [opened.structure_panel.supercell, *elements]
    assert aside not in visited
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Backtab)
    assert opened.docks.is_seen(QApplication.focusWidget())
