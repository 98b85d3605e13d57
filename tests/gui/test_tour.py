"""The tour goes on by what the user does; files can be dropped anywhere."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from tests.gui.conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui


def test_that_the_tour_follows_what_is_done(window, qtbot):
    window.tour.start()
    wait_for_document(qtbot, window, "LiFePO4.cif")
    text = window.notice.text
    qtbot.waitUntil(lambda: text.text().startswith("1 of 6"))
    window.workspace.pick(site(window, 0))
    assert text.text().startswith("2 of 6")
    window.workspace.pick(site(window, 3))
    wait_for_barriers(qtbot, window)
    assert text.text().startswith("3 of 6")
    window.notice.action.click()
    assert text.text().startswith("4 of 6")
    window.find_paths()
    qtbot.waitUntil(lambda: text.text().startswith("5 of 6"), timeout=60_000)
    window.notice.action.click()
    assert text.text().startswith("6 of 6")
    window.notice.action.click()
    assert window.notice.isHidden()


def test_that_the_tour_goes_on_where_a_message_was_closed(window, qtbot):
    window.tour.start()
    wait_for_document(qtbot, window, "LiFePO4.cif")
    text = window.notice.text
    qtbot.waitUntil(lambda: text.text().startswith("1 of 6"))
    for number in (0, 3):
        window.workspace.pick(site(window, number))
    qtbot.waitUntil(lambda: text.text().startswith("3 of 6"), timeout=60_000)
    wait_for_barriers(qtbot, window)
    window.workspace.pick(site(window, 0))
    window.workspace.clear_picks()
    assert text.text().startswith("3 of 6")  # it is there to be read
    window.commands["path.clear"].trigger()
    assert window.notice.isHidden()
    window.find_paths()  # what the fourth step asks for
    qtbot.waitUntil(lambda: text.text().startswith("5 of 6"), timeout=60_000)
    window.notice._close.click()
    window.workspace.pick(site(window, 0))
    assert text.text().startswith("6 of 6")
    assert window.notice.isVisible()
    window.notice._close.click()
    window.workspace.clear_picks()
    assert window.notice.isHidden()


def test_that_the_tour_can_be_left(window, qtbot):
    window.tour.start()
    wait_for_document(qtbot, window, "LiFePO4.cif")
    qtbot.waitUntil(window.notice.isVisible)
    window.notice.other_action.click()
    window.workspace.pick(site(window, 0))
    assert window.notice.isHidden()


def test_that_no_part_of_the_window_keeps_a_dropped_file(opened, qtbot):
    from migbar_gui.viewer.canvas import Canvas

    takers = [w for w in opened.findChildren(QWidget) if w.acceptDrops()]
    assert all(isinstance(w, Canvas) for w in takers)
    assert opened.acceptDrops()
