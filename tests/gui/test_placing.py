"""The window and its docks stand where they were left, and the facts asked for are in front."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication

from .conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui


def in_front(window, title: str) -> bool:
    return not window.docks[title].visibleRegion().isEmpty()


def another_window(window, qtbot):
    """The window that the next start would make."""
    from migbar_gui.main_window import MainWindow

    window.close()
    window.settings.sync()
    another = MainWindow(window.settings)
    qtbot.addWidget(another)
    another.show()
    qtbot.waitUntil(lambda: another.view is not None, timeout=60_000)
    return another


def test_that_the_window_comes_back_where_it_was(window, qtbot):
    window.setGeometry(120, 90, 1010, 640)
    qtbot.waitUntil(lambda: window.width() == 1010)
    another = another_window(window, qtbot)
    assert another.size().toTuple() == (1010, 640)


def test_that_a_window_larger_than_the_screen_is_maximised(window, qtbot):
    window.settings.clear()
    from migbar_gui.main_window import MainWindow

    another = MainWindow(window.settings)
    qtbot.addWidget(another)
    room = QGuiApplication.primaryScreen().availableGeometry()
    assert another.width() <= room.width()
    assert another.height() <= room.height()
    assert another.isMaximized() == (room.width() < 1296 or room.height() < 848)


def test_that_docks_come_back_as_they_were_left(opened, olivine, qtbot):
    opened.docks["Log"].close()
    opened.resizeDocks([opened.docks["Structure"]], [330], _horizontal())
    qtbot.waitUntil(lambda: opened.docks["Structure"].width() == 330)
    another = another_window(opened, qtbot)
    another.open_file(olivine)
    wait_for_document(qtbot, another, "olivine.cif")
    qtbot.waitUntil(lambda: another.docks["Structure"].width() == 330)
    assert another.docks["Log"].isHidden()
    assert in_front(another, "Path")
    assert in_front(another, "Paths")

    width = another.width()
    another.docks.arrange()
    assert not another.docks["Log"].isHidden()
    qtbot.waitUntil(lambda: another.docks["Structure"].width() < 330)
    assert another.width() == width


def test_that_the_window_is_no_wider_once_the_docks_come(window, olivine, qtbot):
    window.docks.show("Jobs")
    width = window.width()
    window.open_file(olivine)
    wait_for_document(qtbot, window, "olivine.cif")
    qtbot.waitUntil(lambda: in_front(window, "Path"))
    qtbot.wait(100)
    assert window.width() == width


def test_that_the_barrier_comes_to_the_front_where_no_network_is_told(opened, tmp_path, qtbot):
    opened.find_paths()
    qtbot.waitUntil(lambda: in_front(opened, "Network"), timeout=60_000)
    opened.docks.show("Profile")
    copy = tmp_path / "copy.cif"
    copy.write_text(Path(opened.workspace.document.source).read_text())
    opened.open_file(copy)
    wait_for_document(qtbot, opened, "copy.cif")
    qtbot.waitUntil(lambda: in_front(opened, "Path") and in_front(opened, "Paths"))


def test_that_a_path_that_is_clicked_is_told_in_place_of_the_network(opened, qtbot):
    opened.docks.show("Network")
    qtbot.waitUntil(lambda: in_front(opened, "Network"))
    for number in (0, 1):
        opened.view.site_clicked.emit(atom(opened, number))
    qtbot.waitUntil(lambda: in_front(opened, "Path"))


def test_that_what_stands_behind_a_barrier_stays_in_front(opened, qtbot):
    opened.docks.show("Why")
    qtbot.waitUntil(lambda: in_front(opened, "Why"))
    for number in (0, 1):
        opened.view.site_clicked.emit(atom(opened, number))
    assert in_front(opened, "Why")


def test_that_only_the_path_in_front_is_marked_where_it_comes_too_close(opened, qtbot):
    for number in (1, 2):
        opened.workspace.join(site(opened, 0), site(opened, number))
    wait_for_barriers(qtbot, opened)
    active = [drawing for drawing in opened.view.content.drawings if drawing.active]
    marked = [drawing for drawing in opened.view.content.drawings if drawing.clashes]
    assert marked == active


def atom(window, number: int):
    return window._link._atom_info(site(window, number))


def _horizontal():
    from PySide6.QtCore import Qt

    return Qt.Orientation.Horizontal
