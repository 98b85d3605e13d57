"""The comparison dock: bars of this structure and of pinned paths, sorted, and a way back to each."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from tests.gui.conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui


@pytest.fixture
def compared(opened, qtbot):
    """The window with three judged paths and the comparison in front."""
    for end in (3, 1, 2):
        opened.workspace.join(site(opened, 0), site(opened, end))
    wait_for_barriers(qtbot, opened)
    opened.commands["path.compare"].trigger()
    qtbot.waitUntil(opened.comparison_panel.isVisible)
    return opened


def shown(window) -> list:
    from migbar_gui.panels.comparison_panel import ROLE

    bars = window.comparison_panel.bars
    return [bars.item(row).data(ROLE) for row in range(bars.count())]


def click(qtbot, window, row: int) -> None:
    bars = window.comparison_panel.bars
    place = bars.visualItemRect(bars.item(row)).center()
    qtbot.mouseClick(bars.viewport(), Qt.MouseButton.LeftButton, pos=place)


def pin_first(window) -> int:
    path_id = window.workspace.state.paths[0].id
    window.workspace.activate(path_id)
    window.commands["path.pin"].trigger()
    return path_id


def test_that_bars_are_sorted_as_asked(compared):
    barriers = [c.barrier.barrier_ev for c in shown(compared)]
    assert len(barriers) == 3
    assert barriers == sorted(barriers)
    compared.comparison_panel.order.setCurrentText("Length")
    lengths = [c.length for c in shown(compared)]
    assert lengths == sorted(lengths)
    compared.comparison_panel.order.setCurrentText("Name")
    names = [c.name for c in shown(compared)]
    assert names == sorted(names)


def test_that_a_click_selects_the_row_in_the_table_and_the_other_way_round(compared, qtbot):
    click(qtbot, compared, 2)
    path_id = shown(compared)[2].path.id
    assert compared.workspace.active == path_id
    assert compared.paths_panel.selected_ids() == [path_id]
    other = shown(compared)[0].path.id
    compared.workspace.activate(other)
    assert compared.comparison_panel.selected().path.id == other


def test_that_arrow_keys_lead_to_the_paths(compared, qtbot, empty_olivine):
    panel, workspace = compared.comparison_panel, compared.workspace
    click(qtbot, compared, 0)
    for row in (1, 2):
        qtbot.keyClick(panel.bars, Qt.Key.Key_Down)
        assert workspace.active == shown(compared)[row].path.id
        assert compared.paths_panel.selected_ids() == [workspace.active]
    panel.order.setCurrentText("Length")
    assert workspace.active == panel.selected().path.id
    pin_first(compared)
    compared.open_file(empty_olivine)
    wait_for_document(qtbot, compared, "host.cif")
    qtbot.keyClick(panel.bars, Qt.Key.Key_Down)
    assert panel.selected().document.name == "olivine.cif"
    assert workspace.document.name == "host.cif"  # until Enter


def test_that_pinned_paths_stay_beside_those_of_another_structure(compared, qtbot, empty_olivine):
    path_id = pin_first(compared)
    assert [c.path.id for c in shown(compared) if c.pin] == [path_id]
    assert len(shown(compared)) == 3
    compared.open_file(empty_olivine)
    wait_for_document(qtbot, compared, "host.cif")
    (kept,) = shown(compared)
    assert (kept.document.name, kept.path.id) == ("olivine.cif", path_id)


def test_that_a_click_on_a_pinned_path_opens_its_structure(compared, qtbot, empty_olivine):
    path_id = pin_first(compared)
    compared.open_file(empty_olivine)
    wait_for_document(qtbot, compared, "host.cif")
    assert compared.comparison_panel.isVisible()
    click(qtbot, compared, 0)
    assert compared.workspace.document.name == "olivine.cif"
    assert compared.workspace.active == path_id
    assert len(compared.workspace.state.paths) == 3
    assert compared.comparison_panel.isVisible()


def test_that_the_button_pins_and_unpins(compared):
    panel = compared.comparison_panel
    panel.bars.setCurrentRow(1)
    path_id = panel.selected().path.id
    panel.pin.click()
    assert [pin.path.id for pin in compared.workspace.state.pins] == [path_id]
    panel.bars.setCurrentRow(1)
    assert panel.pin.text() == "Unpin"
    panel.pin.click()
    assert compared.workspace.state.pins == ()


def test_that_pinning_can_be_undone(compared):
    pin_first(compared)
    compared.commands["edit.undo"].trigger()
    assert all(c.pin is None for c in shown(compared))


def test_that_all_bars_and_the_threshold_fit_the_axis(compared):
    compared.workspace.set_threshold(4.0)
    scale = compared.comparison_panel._scale
    highest = max(c.barrier.interval_ev[1] for c in shown(compared))
    assert scale.largest > max(4.0, highest)
    left, long = scale.frame(900.0)
    assert scale.x(0.0, 900.0) == left
    assert left < scale.x(4.0, 900.0) < left + long


def test_that_a_single_path_is_counted_as_one(opened, qtbot):
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    pin_first(opened)
    assert opened.status.currentMessage() == "1 path is pinned in the comparison."
    opened.commands["edit.copy_table"].trigger()
    assert opened.status.currentMessage() == "Copied 1 path."
    text = opened.comparison_panel._summary.text()
    assert text == "1 path of 1 structure, 1 pinned; lines: 90 % intervals"
