"""What to compute next: from a folder of structures to a list, its paths in the viewer, and NEB inputs."""

import csv

import pytest
from openpyxl import load_workbook
from pymatgen.core import Lattice, Structure
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from migbar.runs import RunState
from migbar.structures import write_cif
from migbar_gui.dialogs.suggestion import SuggestionDialog
from tests.gui.conftest import wait_for_document

pytestmark = pytest.mark.gui

WAIT_MS = 120_000


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "structures"
    place.mkdir()
    for name, edge, anion in (("LiF", 4.03, "F"), ("LiBr", 5.5, "Br")):
        cell = Structure.from_spacegroup(
            "Fm-3m", Lattice.cubic(edge), ["Li", anion], [[0, 0, 0], [0.5, 0.5, 0.5]]
        )
        write_cif(cell, place / f"{name}.cif")
    (place / "broken.cif").write_text("data_x\n")
    return place


@pytest.fixture
def dialog(window, qtbot):
    window.commands["model.suggest"].trigger()
    found = window.findChild(SuggestionDialog)
    qtbot.waitExposed(found)
    return found


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_that_a_folder_becomes_a_list_with_inputs(window, dialog, qtbot, folder, tmp_path):
    dialog.sources.line.setText(str(folder))
    assert dialog.out.text() == str(folder / "to-compute")
    dialog.count.setValue(2)
    dialog.out.setText(str(tmp_path / "next"))
    click(qtbot, dialog.start)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2, timeout=WAIT_MS)

    assert dialog.summary.text().startswith("2 of ")
    assert dialog.left_out.text().count("broken.cif") == 1
    assert dialog.left_out.text().endswith("data block).")
    told = dialog.table.item(0, dialog.table.columnCount() - 1).text()
    assert "comes within" in told
    assert dialog.warnings.text() == told  # the whole of it
    assert {dialog.table.item(row, 1).text() for row in (0, 1)} == {"LiF.cif", "LiBr.cif"}
    barrier = float(dialog.table.item(0, 4).text())
    with (tmp_path / "next" / "suggested.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert barrier == pytest.approx(float(listed[0]["predicted_barrier_ev"]), abs=1e-3)
    assert (tmp_path / "next" / listed[0]["folder"] / "INCAR").exists()

    window.preferences.set("energy_unit", "meV")
    assert dialog.table.horizontalHeaderItem(4).text() == "Barrier (meV)"
    assert float(dialog.table.item(0, 4).text()) == pytest.approx(1000 * barrier, abs=1)

    dialog.export_to(tmp_path / "list.xlsx")
    qtbot.waitUntil(lambda: "Wrote" in dialog.notice.text.text(), timeout=WAIT_MS)
    rows = list(load_workbook(tmp_path / "list.xlsx").active.values)
    assert rows[1][rows[0].index("predicted_barrier_ev")] == pytest.approx(barrier, abs=1e-3)

    dialog.table.selectRow(1)
    click(qtbot, dialog.view)
    wait_for_document(qtbot, window, dialog.table.item(1, 1).text())
    qtbot.waitUntil(lambda: len(window.workspace.state.paths) == 1)
    run = window.runs.all[0].run
    dialog.close()
    qtbot.waitUntil(lambda: window.findChild(SuggestionDialog) is None)
    window.runs.opener(run).open(run)
    assert window.findChild(SuggestionDialog).table.rowCount() == 2


def test_that_the_welcome_page_leads_here(window, qtbot):
    card = next(card for card in window.welcome.tasks if "compute" in card.accessibleName())
    click(qtbot, card)
    qtbot.waitExposed(window.findChild(SuggestionDialog))


def test_that_the_form_says_what_is_missing(dialog, qtbot, tmp_path):
    click(qtbot, dialog.start)
    assert "Choose a folder or files" in dialog.problem.text()
    dialog.sources.line.setText(str(tmp_path / "nowhere"))
    assert dialog.problem.isHidden()
    click(qtbot, dialog.start)
    assert "There is no" in dialog.problem.text()
    dialog.sources.line.setText(str(tmp_path))
    dialog.out.clear()
    click(qtbot, dialog.start)
    assert "Choose a folder for the list" in dialog.problem.text()


def test_that_a_run_that_failed_says_why(window, dialog, qtbot, tmp_path):
    (tmp_path / "broken.cif").write_text("data_x\n")
    dialog.sources.line.setText(str(tmp_path))
    click(qtbot, dialog.start)
    qtbot.waitUntil(lambda: "no path to compute" in dialog.summary.text(), timeout=WAIT_MS)
    assert dialog.summary.property("verdict") == "bad"
    assert not dialog.export.isEnabled()
    assert window.runs.all[0].run.state is RunState.FAILED
    assert all("None" not in label.text() for label in dialog.findChildren(QLabel))
