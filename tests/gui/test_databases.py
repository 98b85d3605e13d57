"""Search databases on the web: the list grows as they answer, and what is chosen is opened or kept."""

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableWidgetSelectionRange

from migbar.online import Database
from migbar_gui.dialogs import databases
from migbar_gui.dialogs.databases import DatabasesDialog
from migbar_gui.dialogs.ordering import OrderingDialog
from migbar_gui.screening.dialog import BatchDialog
from tests.gui.conftest import wait_for_document
from tests.gui.crystals import layered_oxide, olivine
from tests.optimade_server import entry, serving

pytestmark = pytest.mark.gui

WAIT_MS = 30_000


@pytest.fixture
def near():
    """Two structures, of which the second is the more stable."""
    with serving() as server:
        server.entries = [
            entry("near-1", layered_oxide(), _hull=0.1),
            entry("near-2", olivine(), _hull=0.0),
        ]
        yield server


@pytest.fixture
def far():
    with serving() as server:
        server.answer = lambda query: (500, b"")
        yield server


@pytest.fixture
def dialog(window, qtbot, near, far, monkeypatch):
    known = (
        Database("near", "Near", near.url, "computed", (("_hull",),)),
        Database("far", "Far", far.url, "measured"),
    )
    monkeypatch.setattr(databases, "DATABASES", known)
    window.commands["file.search"].trigger()
    found = window.findChild(DatabasesDialog)
    qtbot.waitExposed(found)
    return found


def column(dialog: DatabasesDialog, number: int) -> list[str]:
    return [dialog.table.item(row, number).text() for row in range(dialog.table.rowCount())]


def search(dialog: DatabasesDialog, qtbot, text: str) -> None:
    dialog.text.setText(text)
    qtbot.keyClick(dialog.text, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: not any(dialog._is_asked(where) for where in dialog.boxes), timeout=WAIT_MS
    )


def test_that_one_finds_a_structure_and_opens_it(window, dialog, qtbot, tmp_path):
    search(dialog, qtbot, "LiFePO4")
    assert column(dialog, 5) == ["near-2", "near-1"]
    assert column(dialog, 0) == ["LiFePO₄", "LiCoO₂"]
    assert column(dialog, 3) == ["0.000", "0.100"]
    assert [box.text() for box in dialog.boxes.values()] == ["Near (2)", "Far (no answer)"]
    assert dialog.said.text() == "Far says: 500 Internal Server Error."
    qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    wait_for_document(qtbot, window, "LiFePO4_near-2.cif")
    assert (tmp_path / "home" / "structures" / "LiFePO4_near-2.cif").exists()


def test_that_what_makes_no_sense_is_told_before_anyone_is_asked(dialog, qtbot, near):
    search(dialog, qtbot, "olivine")
    assert "is no formula" in dialog.said.text()
    assert near.asked == []


def test_that_only_ticked_databases_are_asked_and_none_that_fits_is_told(dialog, qtbot, near, far):
    near.entries = []
    dialog.boxes[next(w for w in dialog.boxes if w.key == "far")].setChecked(False)
    search(dialog, qtbot, "Li2O")
    assert (len(near.asked), len(far.asked)) == (1, 0)
    assert dialog.nothing.text() == "No database has Li₂O."


def test_that_a_slow_database_does_not_hold_up_the_others_and_closing_drops_it(
    window, dialog, qtbot, far
):
    gate = threading.Event()
    far.answer = lambda query: (gate.wait(20), (200, b'{"data": []}'))[1]
    dialog.text.setText("LiFePO4")
    qtbot.keyClick(dialog.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2, timeout=WAIT_MS)
    assert [box.text() for box in dialog.boxes.values()] == ["Near (2)", "Far …"]
    dialog.close()
    gate.set()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=WAIT_MS)


def test_that_the_list_is_sorted_by_meaning_and_several_are_kept(dialog, qtbot, tmp_path, near):
    near.entries.append(entry("near-3", layered_oxide()))
    search(dialog, qtbot, "LiCoO2")
    assert column(dialog, 3) == ["0.000", "0.100", "–"]
    dialog.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert column(dialog, 2) == ["28", "12", "12"]
    next(iter(dialog.boxes.values())).setChecked(False)  # the list is written anew
    assert column(dialog, 2) == ["28", "12", "12"]
    dialog.table.setRangeSelected(QTableWidgetSelectionRange(0, 0, 2, 5), True)
    dialog.save_to(tmp_path / "kept")
    qtbot.waitUntil(lambda: "Wrote 3" in dialog.said.text(), timeout=WAIT_MS)
    assert len(list((tmp_path / "kept").glob("*.cif"))) == 3


def test_that_what_was_found_can_be_screened(window, dialog, qtbot):
    search(dialog, qtbot, "Li-Co-O")
    dialog.table.selectAll()
    qtbot.mouseClick(dialog.screen_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(BatchDialog) is not None, timeout=WAIT_MS)
    (source,) = window.findChild(BatchDialog).form.sources.paths()
    assert Path(source).name.startswith("Li-Co-O_")
    assert sorted(file.name for file in Path(source).iterdir()) == [
        "LiCoO2_near-1.cif",
        "LiFePO4_near-2.cif",
    ]


def test_that_a_partly_occupied_structure_is_ordered_on_the_way_in(window, dialog, qtbot, near):
    half = [{"name": "Li", "chemical_symbols": ["Li", "vacancy"], "concentration": [0.5, 0.5]}]
    half += [
        {"name": name, "chemical_symbols": [name], "concentration": [1.0]} for name in ("Co", "O")
    ]
    near.entries = [entry("half", layered_oxide(), species=half)]
    search(dialog, qtbot, "Li0.5CoO2")
    assert column(dialog, 1) == ["partly occupied"]
    qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(OrderingDialog) is not None, timeout=WAIT_MS)


def test_that_energies_follow_the_unit(window, dialog, qtbot):
    search(dialog, qtbot, "LiFePO4")
    window.preferences.set("energy_unit", "meV")
    qtbot.waitUntil(lambda: column(dialog, 3) == ["0", "100"], timeout=WAIT_MS)
    window.preferences.set("energy_unit", "eV")
