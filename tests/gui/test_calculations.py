"""Finished NEB calculations in the window: with the path that they are of, or with their own cell."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write
from PySide6.QtWidgets import QFileDialog, QLabel

from migbar_gui.files.session import read_session
from tests.core.calculations import copper_images, straight_images, write_vasp
from tests.gui.conftest import site, wait_for_barriers, wait_for_document, words
from tests.gui.test_network import find

pytestmark = pytest.mark.gui

LONG_MS = 60_000


@pytest.fixture
def folder(tmp_path):
    write_vasp(tmp_path / "vacancy", copper_images())
    return tmp_path / "vacancy"


def wait_for_band(qtbot, window):
    qtbot.waitUntil(lambda: bool(window.workspace.relaxed), timeout=LONG_MS)
    wait_for_barriers(qtbot, window)
    (relaxed,) = window.workspace.relaxed
    return relaxed


def test_that_a_file_of_a_calculation_opens_it(window, qtbot, tmp_path):
    folder = tmp_path / "neb"
    folder.mkdir()
    write(folder / "neb.traj", copper_images())
    window.open_file(folder / "neb.traj")
    assert wait_for_band(qtbot, window).folder == folder.resolve()
    (tmp_path / "md.traj").write_bytes(b"- of Ulm\0")
    window.open_file(tmp_path / "md.traj")
    qtbot.waitUntil(window.notice.isVisible, timeout=LONG_MS)
    assert "md.traj: is a binary file" in window.notice.text.text()


def test_that_a_folder_opens_with_its_cell_its_path_and_its_profile(window, qtbot, folder):
    window.open_file(folder)
    relaxed = wait_for_band(qtbot, window)
    assert window.workspace.document.name == "vacancy"
    assert "Undo" not in window.status.currentMessage()
    assert window.workspace.active == relaxed.path_id
    assert window.profile_panel.isVisible()
    assert window.profile_panel.shown is relaxed
    facts = window.profile_panel.facts
    assert facts.barrier.text() == f"{relaxed.result.barrier_ev:.3f} eV"
    assert "from the predicted" in facts.lines.text()
    method = "VASP 6.3.0, PBE, 520 eV, 1 image, climbing, ends relaxed. 2 steps, "
    assert facts.method.text().startswith(method)
    assert window.path_panel.barrier.text() == facts.barrier.text()
    told = [label.text() for label in window.path_panel.findChildren(QLabel) if label.isVisible()]
    assert "Calculated with VASP 6.3.0, PBE, 520 eV: this is what counts." in told
    window.workspace.show_image(None)
    assert window.view.content.drawings[0].label == f"{relaxed.result.barrier_ev:.2f} eV"
    predicted = window.workspace.result(relaxed.path_id).predicted.barrier
    assert any(text.startswith(f"Predicted {predicted.barrier_ev:.3f} eV, 90 %") for text in told)
    path = window.workspace.path(relaxed.path_id)
    assert "-0.000" not in path.label
    window.docks.show("Transport")
    about = window.transport_panel._about
    qtbot.waitUntil(lambda: about.text() == f"Barrier {facts.barrier.text()}, calculated")
    window.profile_panel._go_to(1)
    assert window.workspace.shown_image.relaxed is relaxed


def test_that_one_undo_brings_back_what_was_open(opened, qtbot, folder):
    workspace = opened.workspace
    workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    before = workspace.state
    opened.open_file(folder)
    wait_for_band(qtbot, opened)
    assert workspace.document.name == "vacancy"
    workspace.undo()
    assert workspace.state == before


def test_that_a_band_goes_to_the_path_that_it_is_of(window, qtbot, folder, tmp_path):
    first, last = (copper_images()[n].positions[7] for n in (0, -1))
    whole = copper_images()[0] + Atoms("Cu", [last])
    write(tmp_path / "copper.cif", whole)
    window.open_file(tmp_path / "copper.cif")
    wait_for_document(qtbot, window, "copper.cif")
    workspace = window.workspace
    workspace.set_supercell("none")
    start, end = find_site(window, first), find_site(window, last)
    other = next(n for n in range(len(whole)) if n not in (start, end))
    for place in (end, other):
        workspace.join(site(window, start), site(window, place))
    wait_for_barriers(qtbot, window)
    document, ids = workspace.document, [path.id for path in workspace.state.paths]
    workspace.activate(ids[1])
    window.open_file(folder)
    relaxed = wait_for_band(qtbot, window)
    assert workspace.document is document
    assert relaxed.path_id == ids[0]
    assert workspace.active == ids[0]


def test_that_the_way_through_counts_with_it(window, qtbot, tmp_path):
    from pymatgen.core import Lattice, Structure

    from migbar_gui.panels.path_table import Column

    copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    copper.to(str(tmp_path / "copper.cif"))
    window.open_file(tmp_path / "copper.cif")
    wait_for_document(qtbot, window, "copper.cif")
    window.workspace.set_supercell("2,2,2")
    find(qtbot, window, 3.0)
    group = window.workspace.state.group
    write_vasp(tmp_path / "neb", straight_images(group.found.crystal.paths[0].band))
    window.open_file(tmp_path / "neb")
    relaxed = wait_for_band(qtbot, window)
    barrier = relaxed.result.barrier_ev

    def through() -> float:
        return window.workspace.state.group.found.crystal.percolation["3D"].barrier_ev

    assert group.hop_of(relaxed.path_id) == 0
    qtbot.waitUntil(lambda: through() == pytest.approx(barrier), timeout=LONG_MS)
    assert "VASP 6.3.0" in words(window.network_panel.remarks)
    assert window.network_panel.remarks.isVisibleTo(window.network_panel)
    predicted = window.workspace.result(relaxed.path_id).predicted.barrier.barrier_ev
    window.workspace.set_threshold((barrier + predicted) / 2)
    row = [path.id for path in window.workspace.state.paths].index(relaxed.path_id)
    told = window.paths_panel.model.index(row, Column.VERDICT).data()
    assert told == ("good conductor" if barrier < predicted else "poor conductor")
    (row,) = window.exports.table_rows([relaxed.path_id])
    assert row.path.barrier.barrier_ev == predicted
    assert row.counted == relaxed.result.calculated
    window.docks.show("Comparison")
    panel = window.comparison_panel
    bar = panel.selected()
    assert bar.barrier == relaxed.result.calculated
    assert "calculated with VASP 6.3.0" in panel.bars.currentItem().text()
    assert "diamonds: calculated" in panel._summary.text()
    window.workspace.remove_paths([relaxed.path_id])
    window.open_file(tmp_path / "neb")
    qtbot.waitUntil(lambda: window.workspace.relaxed[-1] is not relaxed, timeout=LONG_MS)
    assert window.workspace.document.name == "copper.cif"
    assert window.workspace.active == relaxed.path_id


def find_site(window, position) -> int:
    structure = window.workspace.structure
    frac = structure.lattice.get_fractional_coords(position)
    return int(structure.lattice.get_all_distances(frac, structure.frac_coords)[0].argmin())


def test_that_another_reading_replaces_the_first(window, qtbot, folder):
    window.open_file(folder)
    first = wait_for_band(qtbot, window)
    outcar = folder / "01" / "OUTCAR"
    outcar.write_text(outcar.read_text().replace("reached required accuracy", "not yet"))
    window.open_file(folder)
    qtbot.waitUntil(lambda: window.workspace.relaxed[-1] is not first, timeout=LONG_MS)
    again = wait_for_band(qtbot, window)
    assert again.path_id == first.path_id
    assert not again.result.converged


def test_that_a_folder_is_the_same_by_its_link_and_has_its_name_where_one_stands(
    window, qtbot, folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(folder)
    window.open_file(Path())
    first = wait_for_band(qtbot, window)
    assert window.workspace.document.name == "vacancy"
    (tmp_path / "link").symlink_to(folder)
    window.open_file(tmp_path / "link")
    qtbot.waitUntil(lambda: window.workspace.relaxed[-1] is not first, timeout=LONG_MS)
    wait_for_band(qtbot, window)


def test_that_it_is_asked_for_by_the_dock_and_kept_in_a_session(
    window, qtbot, folder, tmp_path, monkeypatch
):
    link = tmp_path / "link"
    link.symlink_to(folder)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(link))
    window.notice.show_message("What was wrong before.")
    window.profile_panel.read.click()
    relaxed = wait_for_band(qtbot, window)
    assert window.notice.isHidden()
    assert relaxed.folder == folder
    assert window.settings.value("folder") == str(folder.parent)
    path = tmp_path / "work.migbar"
    window.sessions.keeper.save(path)
    qtbot.waitUntil(path.exists, timeout=LONG_MS)
    (kept,) = read_session(path).workspace.relaxed
    assert kept.result.potential == relaxed.result.potential
    assert kept.result.potential.calculated


def test_that_a_folder_that_cannot_be_read_says_why_and_leaves_what_was_open(opened, qtbot, folder):
    (folder / "01" / "OUTCAR").unlink()
    opened.open_file(folder)
    qtbot.waitUntil(opened.notice.isVisible, timeout=LONG_MS)
    assert "There is no OUTCAR in 01 of vacancy" in opened.notice.text.text()
    assert opened.workspace.document.name == "olivine.cif"
