"""From a click to a relaxed barrier: bands relaxed in the background, their profiles and images, and inputs for DFT."""

from __future__ import annotations

import pytest
from pymatgen.core import Lattice, Structure
from PySide6.QtCore import Qt

from tests.gui.conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui

LONG_MS = 90_000


@pytest.fixture
def metal(window, qtbot, tmp_path):
    """The window with ordered AlCu, which EMT describes, and a judged vacancy hop of aluminium in it."""
    path = tmp_path / "alloy.cif"
    places = [[0, 0, 0], [0.5, 0.5, 0.5]]
    Structure(Lattice.tetragonal(2.8, 3.8), ["Al", "Cu"], places).to(str(path))
    window.open_file(path)
    wait_for_document(qtbot, window, "alloy.cif")
    window.workspace.join(site(window, 0), site(window, 0, (1, 0, 0)))
    wait_for_barriers(qtbot, window)
    return window


def dialog_of(window, kind):
    """The open dialog of a kind."""
    return next(d for d in window.findChildren(kind) if d.isVisible())


def ask_to_relax(window, images: int = 1, **changes) -> None:
    """Choose EMT in the dialog and accept it."""
    from migbar_gui.dialogs.relax_band import RelaxBandDialog

    window.commands["path.relax"].trigger()
    dialog = dialog_of(window, RelaxBandDialog)
    dialog.potential.setCurrentText("ase:emt")
    dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
    dialog.images.setValue(images)
    for name, value in changes.items():
        getattr(dialog, name).setChecked(value)
    dialog.accept_button.click()


def wait_for_relaxed(qtbot, window, count: int = 1) -> None:
    qtbot.waitUntil(lambda: len(window.workspace.relaxed) >= count, timeout=LONG_MS)


@pytest.fixture
def relaxed(metal, qtbot):
    """The window with a relaxed band of three images."""
    ask_to_relax(metal, images=3)
    wait_for_relaxed(qtbot, metal)
    return metal


def cell(window, column) -> str:
    model = window.paths_panel.model
    return str(model.index(0, column).data())


def test_that_a_click_leads_to_a_relaxed_barrier_beside_the_predicted_one(metal, qtbot):
    from migbar_gui.panels.path_table import Column

    assert metal.paths_panel.view.isColumnHidden(Column.RELAXED)
    seen = []
    metal.relaxations.progressed.connect(lambda live: seen.append(len(live.residuals)))
    ask_to_relax(metal)
    wait_for_relaxed(qtbot, metal)
    (found,) = metal.workspace.relaxed
    assert found.result.converged
    # The same band with three images gives the same saddle: symmetry puts it in the middle.
    assert found.result.barrier_ev == pytest.approx(0.350, abs=0.005)
    assert seen
    assert seen[-1] > 2
    view = metal.paths_panel.view
    assert not view.isColumnHidden(Column.RELAXED)
    header = view.horizontalHeader()
    assert header.visualIndex(Column.RELAXED) == header.visualIndex(Column.BARRIER) + 1
    assert cell(metal, Column.RELAXED) == f"{found.result.barrier_ev:.3f}"
    predicted = metal.workspace.result(found.path_id).predicted.barrier.barrier_ev
    difference = float(cell(metal, Column.DIFFERENCE).replace("−", "-"))
    assert difference == pytest.approx(found.result.barrier_ev - predicted, abs=0.001)
    assert metal.profile_panel.facts.state.text() == "converged"


def test_that_a_band_that_is_not_converged_is_never_shown_as_converged(metal, qtbot):
    from migbar_gui.panels.path_table import Column
    from migbar_gui.relaxations import RelaxRequest

    path_id = metal.workspace.active
    changes = {"max_steps": 1, "ends_max_steps": 1, "n_images": 3, "fmax": 0.001}
    metal.relaxations.start([path_id], RelaxRequest("ase:emt", "paper", changes, "cpu"))
    wait_for_relaxed(qtbot, metal)
    assert not metal.workspace.relaxed[0].result.converged
    assert cell(metal, Column.RELAXED).startswith("not converged")
    metal.commands["path.profile"].trigger()
    assert metal.profile_panel.facts.state.text() == "not converged"
    assert "not converged" in metal.profile_panel.list.item(0).text()


def test_that_several_paths_are_relaxed_one_after_the_other(metal, qtbot):
    metal.workspace.join(site(metal, 0), site(metal, 0, (0, 1, 0)))
    wait_for_barriers(qtbot, metal)
    metal.paths_panel.view.selectAll()
    ask_to_relax(metal)
    wait_for_relaxed(qtbot, metal, 2)
    owners = {found.path_id for found in metal.workspace.relaxed}
    assert owners == {path.id for path in metal.workspace.state.paths}
    barriers = [found.result.barrier_ev for found in metal.workspace.relaxed]
    assert barriers[0] == pytest.approx(barriers[1], abs=0.005)  # symmetry


def test_that_slider_profile_and_3d_view_go_together(relaxed, qtbot):
    relaxed.show_dock(relaxed.profile_dock)
    panel, workspace = relaxed.profile_panel, relaxed.workspace
    assert panel.slider.maximum() == 4
    panel.slider.setValue(1)
    assert workspace.shown_image.image == 1
    assert len(relaxed.view.structure) == 53
    assert "Image 1" in relaxed.prompt.text()
    panel.plot.image_clicked.emit(3)
    assert panel.slider.value() == 3
    assert workspace.shown_image.image == 3
    panel.forces.setChecked(True)
    assert workspace.shown_image.forces
    assert len(relaxed.view._arrows) > 0
    panel.play.click()
    qtbot.waitUntil(lambda: workspace.shown_image.image == 1, timeout=5000)
    qtbot.keyClick(relaxed, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: workspace.shown_image is None)
    assert not panel.play.isChecked()
    assert len(relaxed.view.structure) == 2
    assert not panel.in_view.isChecked()
    assert len(relaxed.view._arrows) == 0


def test_that_another_structure_ends_the_look_at_an_image(relaxed, qtbot, olivine):
    relaxed.profile_panel.slider.setValue(1)
    relaxed.open_file(olivine)
    wait_for_document(qtbot, relaxed, "olivine.cif")
    assert relaxed.workspace.shown_image is None
    assert len(relaxed.view.structure) == 28
    assert relaxed.profile_panel.shown is None


def test_that_a_stopped_relaxation_keeps_what_there_is_and_goes_on(metal, qtbot):
    from migbar_gui.relaxations import RelaxRequest

    changes = {"fmax": 1e-5, "n_images": 3, "optimizer": "FIRE", "max_steps": 100_000}
    request = RelaxRequest("ase:emt", "paper", changes, "cpu")
    metal.relaxations.start([metal.workspace.active], request)
    metal.commands["path.profile"].trigger()
    qtbot.waitUntil(lambda: metal.profile_panel.stop.isVisible(), timeout=LONG_MS)
    live = metal.relaxations.live
    qtbot.waitUntil(lambda: bool(live[0].energies), timeout=LONG_MS)
    metal.profile_panel.stop.click()
    wait_for_relaxed(qtbot, metal)
    found = metal.workspace.relaxed[0].result
    assert not found.converged
    qtbot.waitUntil(lambda: metal.profile_panel.resume.isVisible(), timeout=LONG_MS)
    metal.profile_panel.resume.click()
    qtbot.waitUntil(lambda: bool(metal.relaxations.live), timeout=LONG_MS)
    qtbot.waitUntil(
        lambda: not metal.runs.under_way and metal.workspace.relaxed[0].result.steps > found.steps,
        timeout=LONG_MS,
    )


def test_that_a_result_is_found_again_in_another_session(relaxed, qtbot, tmp_path):
    from migbar_gui.main_window import MainWindow

    other = MainWindow(relaxed.settings)
    try:
        other.show()
        qtbot.waitUntil(lambda: other.view is not None, timeout=LONG_MS)
        other.open_file(tmp_path / "alloy.cif")
        wait_for_document(qtbot, other, "alloy.cif")
        other.workspace.join(site(other, 0), site(other, 0, (1, 0, 0)))
        wait_for_relaxed(qtbot, other)
        (path,) = other.workspace.state.paths
        assert other.workspace.relaxed_of(path.id) is not None
    finally:
        other.close()
        other.deleteLater()


@pytest.mark.parametrize("ending", ["csv", "json", "svg", "png", "extxyz", "cif"])
def test_that_a_relaxed_band_is_exported(relaxed, qtbot, tmp_path, ending):
    target = tmp_path / f"band.{ending}"
    relaxed.band_tools.export_profile(target, relaxed.workspace.relaxed[0])
    made = target.with_suffix("") if ending == "cif" else target
    qtbot.waitUntil(made.exists, timeout=LONG_MS)
    if ending == "cif":
        qtbot.waitUntil(lambda: len(list(made.iterdir())) == 5)


def test_that_the_barrier_is_relaxed_at_several_volumes(metal, qtbot):
    from migbar_gui.relaxations import VOLUME, RelaxRequest

    request = RelaxRequest("ase:emt", "paper", {"n_images": 1}, "cpu")
    metal.relaxations.start([metal.workspace.active], request, VOLUME)
    qtbot.waitUntil(lambda: bool(metal.workspace.volumes), timeout=LONG_MS)
    (found,) = metal.workspace.volumes
    assert found.dependence.slope_ev < 0
    ask_to_relax(metal)
    wait_for_relaxed(qtbot, metal)
    metal.commands["path.profile"].trigger()
    facts = metal.profile_panel.facts
    qtbot.waitUntil(facts.volume.isVisible)
    assert "falls by" in facts.volume_text.text()


def test_that_the_dft_dialog_shows_what_it_writes(relaxed, qtbot, tmp_path):
    from migbar_gui.dialogs.export_dft import ExportDftDialog

    relaxed.commands["path.export_dft"].trigger()
    dialog = dialog_of(relaxed, ExportDftDialog)
    qtbot.waitUntil(dialog.accept_button.isEnabled, timeout=LONG_MS)
    assert dialog.source.currentText().startswith("relaxed: ase:emt")
    assert "LCLIMB = True" in dialog.preview.toPlainText()
    dialog.climbing.setChecked(False)
    dialog.incar.setPlainText("IVDW = 12")
    qtbot.waitUntil(dialog.accept_button.isEnabled, timeout=LONG_MS)
    assert "LCLIMB" not in dialog.preview.toPlainText()
    assert "IVDW = 12" in dialog.preview.toPlainText()
    dialog.incar.setPlainText("nonsense")
    qtbot.waitUntil(dialog.warning.isVisible, timeout=LONG_MS)
    assert not dialog.accept_button.isEnabled()
    dialog.incar.clear()
    dialog.code.setCurrentIndex(dialog.code.findData("ase"))
    qtbot.waitUntil(dialog.accept_button.isEnabled, timeout=LONG_MS)
    assert "NEB(images" in dialog.preview.toPlainText()
    dialog.code.setCurrentIndex(dialog.code.findData("vasp"))
    dialog.source.setCurrentIndex(1)
    dialog.images.setValue(4)
    qtbot.waitUntil(dialog.accept_button.isEnabled, timeout=LONG_MS)
    chosen = []
    dialog.chosen.disconnect()
    dialog.chosen.connect(chosen.append)
    dialog.accept_button.click()
    relaxed.band_tools.write_dft(tmp_path / "neb", chosen[0])
    qtbot.waitUntil((tmp_path / "neb" / "05" / "POSCAR").exists, timeout=LONG_MS)


def test_that_a_relaxed_structure_is_shown_before_it_is_opened(metal, qtbot):
    from migbar_gui.dialogs.relax_structure import RelaxedStructureDialog, RelaxStructureDialog

    metal.commands["structure.relax"].trigger()
    ask = dialog_of(metal, RelaxStructureDialog)
    ask.potential.setCurrentText("ase:emt")
    ask.accept_button.click()
    qtbot.waitUntil(lambda: bool(metal.findChildren(RelaxedStructureDialog)), timeout=LONG_MS)
    shown = dialog_of(metal, RelaxedStructureDialog)
    assert metal.workspace.document.name == "alloy.cif"
    shown.accept_button.click()
    wait_for_document(qtbot, metal, "alloy.cif · relaxed")
    assert metal.workspace.structure.lattice.a == pytest.approx(2.627, abs=0.01)
    assert metal.workspace.document.notes[-1].code == "relaxed"
    metal.commands["edit.undo"].trigger()
    assert metal.workspace.document.name == "alloy.cif"


def test_that_closing_asks_while_a_band_is_relaxed(metal, qtbot):
    from migbar_gui.job_news import CloseQuestion
    from migbar_gui.relaxations import RelaxRequest

    changes = {"fmax": 1e-5, "n_images": 3, "optimizer": "FIRE", "max_steps": 100_000}
    metal.relaxations.start(
        [metal.workspace.active], RelaxRequest("ase:emt", "paper", changes, "cpu")
    )
    qtbot.waitUntil(lambda: bool(metal.relaxations.live), timeout=LONG_MS)
    metal.close()
    question = dialog_of(metal, CloseQuestion)
    question.cancel_button.click()
    assert metal.isVisible()
    metal.close()
    dialog_of(metal, CloseQuestion).stop_button.click()
    qtbot.waitUntil(lambda: not metal.isVisible(), timeout=LONG_MS)
