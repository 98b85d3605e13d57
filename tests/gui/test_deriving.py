"""Charged, discharged and substituted structures open like files, with a note of how they were made."""

from __future__ import annotations

import pytest

from migbar.structures import read_structure, write_cif
from migbar_gui.files.scripting import script
from tests.core.small_bands import shaken
from tests.gui.conftest import site, wait_for_barriers, wait_for_document, words

pytestmark = pytest.mark.gui


def substitution(window):
    from migbar_gui.dialogs.substitution import SubstitutionDialog

    window.commands["structure.substitute"].trigger()
    return window.findChild(SubstitutionDialog)


def test_that_the_charged_limit_opens_without_ions(opened, qtbot):
    opened.commands["structure.charge"].trigger()
    wait_for_document(qtbot, opened, "olivine.cif · charged limit")
    assert opened.workspace.document.formula == "FePO4"
    assert (opened.workspace.state.ion, opened.workspace.state.mechanism) == ("Li", "insertion")
    assert "4 Li taken out" in words(opened.structure_panel.notes)
    opened.commands["edit.undo"].trigger()
    assert opened.workspace.document.name == "olivine.cif"


def test_that_a_noisy_crystal_is_told_to_be_near_its_symmetry_and_so_is_what_is_made_of_it(
    window, qtbot, olivine, tmp_path
):
    write_cif(shaken(read_structure(olivine), by=0.01), str(tmp_path / "noisy.cif"))
    window.open_file(tmp_path / "noisy.cif")
    wait_for_document(qtbot, window, "noisy.cif")
    assert "off the space group Pnma" in words(window.structure_panel.notes)
    window.predictions.find_all()
    qtbot.waitUntil(lambda: window.workspace.state.group is not None, timeout=60_000)
    assert 'read_structure("' in script(window.workspace, "any").replace("'", '"')
    window.commands["structure.charge"].trigger()
    wait_for_document(qtbot, window, "noisy.cif · charged limit")
    codes = [note.code for note in window.workspace.document.notes]
    assert codes == ["derived", "near_symmetry"]


def test_that_a_derived_structure_can_be_written(opened, qtbot, tmp_path, monkeypatch):
    from PySide6.QtWidgets import QFileDialog

    from migbar.structures import ENDINGS, read_structure
    from migbar_gui.commands.exporting import STRUCTURE_FORMATS

    assert tuple(STRUCTURE_FORMATS.values()) == ENDINGS
    suggested = []

    def choose(_parent, _title, name, formats):
        suggested.append(name)
        return str(tmp_path / "host"), "VASP (*.vasp)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    opened.commands["structure.charge"].trigger()
    wait_for_document(qtbot, opened, "olivine.cif · charged limit")
    opened.commands["file.structure"].trigger()
    qtbot.waitUntil((tmp_path / "host.vasp").is_file, timeout=20_000)
    assert suggested[0].endswith("olivine-charged-limit.cif")
    written = read_structure(tmp_path / "host.vasp")
    assert written.formula == opened.workspace.structure.formula
    assert "4 Li taken out" in (tmp_path / "host.vasp").read_text().splitlines()[0]


def test_that_the_discharged_limit_keeps_the_chosen_ion(window, qtbot, empty_olivine):
    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    window.workspace.set_ion("Na")
    window.commands["structure.discharge"].trigger()
    wait_for_document(qtbot, window, "host.cif · discharged limit")
    assert window.workspace.document.formula == "NaFePO4"
    assert window.workspace.state.ion == "Na"


def test_that_a_full_structure_cannot_be_discharged_and_stays_open(opened, qtbot):
    opened.commands["structure.discharge"].trigger()
    qtbot.waitUntil(opened.notice.isVisible, timeout=30_000)
    assert opened.workspace.document.name == "olivine.cif"


def test_that_an_empty_host_has_no_charged_limit(window, qtbot, empty_olivine):
    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    assert not window.commands["structure.charge"].isEnabled()
    assert window.commands["structure.discharge"].isEnabled()


def test_that_a_substituted_structure_says_so_with_every_result(opened, qtbot):
    dialog = substitution(opened)
    assert list(dialog.fields) == ["Li", "Fe", "P", "O"]
    qtbot.keyClicks(dialog.fields["Li"], "na")
    qtbot.keyClicks(dialog.fields["Fe"], "Mn")
    dialog.accept()
    wait_for_document(qtbot, opened, "olivine.cif · Na for Li, Mn for Fe")
    assert opened.workspace.document.formula == "NaMnPO4"
    assert opened.workspace.state.ion == "Na"
    path_id = opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    note = opened.workspace.document.notes[0]
    assert "Li by Na, Fe by Mn replaced" in note.text
    assert note in opened.workspace.result(path_id).predicted.remarks


def test_that_a_wrong_element_is_explained_in_the_dialog(opened, qtbot):
    dialog = substitution(opened)
    dialog.fields["Li"].setText("Qq")
    dialog.accept()
    qtbot.waitUntil(dialog.problem.isVisible, timeout=30_000)
    assert "Qq" in dialog.problem.text()
    assert opened.workspace.document.name == "olivine.cif"
    dialog.fields["Li"].clear()
    dialog.accept()
    qtbot.waitUntil(lambda: "which element" in dialog.problem.text(), timeout=30_000)
    dialog.reject()


def near(window):
    from migbar_gui.dialogs.symmetry import SymmetryDialog

    window.commands["structure.symmetry"].trigger()
    return window.findChild(SymmetryDialog)


def test_that_a_noisy_crystal_is_put_onto_the_symmetry_that_is_meant(
    window, qtbot, olivine, tmp_path
):
    write_cif(shaken(read_structure(olivine), by=0.03), str(tmp_path / "noisy.cif"))
    window.open_file(tmp_path / "noisy.cif")
    wait_for_document(qtbot, window, "noisy.cif")
    dialog = near(window)
    qtbot.waitUntil(lambda: dialog.table.rowCount() > 1, timeout=20_000)
    last = dialog.table.rowCount() - 1
    assert dialog.table.currentRow() == last
    assert dialog.table.item(last, 0).text() == "Pnma (62)"
    assert 0.02 < float(dialog.table.item(last, 1).text()) < 0.1
    dialog.table.clearSelection()
    assert not dialog.accept_button.isEnabled()
    dialog.table.selectRow(last)
    dialog.accept_button.click()
    wait_for_document(qtbot, window, "noisy.cif · Pnma")
    assert window.workspace.document.symmetry.number == 62
    assert [note.code for note in window.workspace.document.notes] == ["derived"]
    (note,) = window.structure_panel.notes.told
    assert note.text.startswith("Symmetry restored: Pnma (62): atoms moved by up to")
    assert not note.is_warning
    window.commands["edit.undo"].trigger()
    assert window.workspace.document.name == "noisy.cif"


def test_that_a_clean_crystal_has_no_symmetry_to_restore(opened, qtbot):
    dialog = near(opened)
    qtbot.waitUntil(lambda: "near no higher symmetry" in dialog.about.text(), timeout=20_000)
    assert dialog.table.isHidden()  # there is nothing to choose
    assert not dialog.accept_button.isEnabled()
    dialog.reject()
    assert opened.workspace.document.name == "olivine.cif"
