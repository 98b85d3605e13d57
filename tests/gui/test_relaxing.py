"""From a click to a relaxed barrier: bands relaxed in the background, their profiles and images, and inputs for DFT."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from pymatgen.core import Lattice, Structure
from PySide6.QtCore import Qt

from migbar.hops import SiteRef, hop_between_sites
from migbar.runs import RunState, create_run, runs_dir, work
from migbar.supercells import make_band
from migbar_gui.commands.band_tools import PROFILE_FORMATS
from tests.gui.conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui

LONG_MS = 90_000


PLACES = [[0, 0, 0], [0.5, 0.5, 0.5]]


def alloy() -> Structure:
    """Ordered AlCu, which EMT describes."""
    return Structure(Lattice.tetragonal(2.8, 3.8), ["Al", "Cu"], PLACES)


@pytest.fixture
def metal(window, qtbot, tmp_path):
    """The window with the alloy and a judged vacancy hop of aluminium in it."""
    path = tmp_path / "alloy.cif"
    alloy().to(str(path))
    window.open_file(path)
    wait_for_document(qtbot, window, "alloy.cif")
    add_hop(qtbot, window, (1, 0, 0))
    return window


def add_hop(qtbot, window, image: tuple[int, int, int]) -> None:
    window.workspace.join(site(window, 0), site(window, 0, image))
    wait_for_barriers(qtbot, window)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A run that has relaxed the same hop, with three images."""
    from migbar.neb.task import neb_options
    from migbar_gui.computing.relaxed import band_key

    band = make_band(alloy(), hop_between_sites(alloy(), "Al", SiteRef(0), SiteRef(0, (1, 0, 0))))
    folder = tmp_path_factory.mktemp("run") / "neb"
    options = neb_options(band, "ase:emt", "paper", device="cpu")
    options |= {"key": band_key(band), "name": "Al 0 → 0@1,0,0 in alloy.cif"}
    create_run(folder, "neb", "Relaxing alloy.cif", options)
    assert work(folder) is RunState.FINISHED
    return folder


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
def relaxed(finished_run, metal, qtbot):
    """The window with a band that was relaxed in an earlier session, found by its atoms."""
    shutil.copytree(finished_run, runs_dir() / "neb")
    wait_for_relaxed(qtbot, metal)
    return metal


def cell(window, column) -> str:
    model = window.paths_panel.model
    return str(model.index(0, column).data())


def test_that_a_click_leads_to_relaxed_barriers_beside_the_predicted_ones(metal, qtbot):
    from migbar_gui.panels.path_table import Column

    assert metal.paths_panel.view.isColumnHidden(Column.RELAXED)
    add_hop(qtbot, metal, (0, 1, 0))
    metal.paths_panel.view.selectAll()
    seen = []
    metal.relaxations.progressed.connect(lambda live: seen.append((len(live.residuals), live.aim)))
    ask_to_relax(metal)
    qtbot.waitUntil(lambda: len(metal.runs.under_way) == 2, timeout=LONG_MS)
    assert [watched.run.title for watched in metal.runs.under_way] == [
        f"Relaxing Al {path.label} in alloy.cif" for path in metal.workspace.state.paths
    ]
    assert metal.docks["Profile"].isVisible()
    wait_for_relaxed(qtbot, metal, 2)
    ids = [path.id for path in metal.workspace.state.paths]
    assert {found.path_id for found in metal.workspace.relaxed} == set(ids)
    for found in metal.workspace.relaxed:
        assert found.result.converged
        # As with three images: symmetry puts the saddle in the middle.
        assert found.result.barrier_ev == pytest.approx(0.350, abs=0.005)
    assert max(seen) > (2, 0.05)  # its steps, and the force that they aim at
    view, header = metal.paths_panel.view, metal.paths_panel.view.horizontalHeader()
    assert not view.isColumnHidden(Column.RELAXED)
    assert header.visualIndex(Column.RELAXED) == header.visualIndex(Column.BARRIER) + 1
    found = metal.workspace.relaxed_of(ids[0])
    assert cell(metal, Column.RELAXED) == f"{found.result.barrier_ev:.3f}"
    predicted = metal.workspace.result(ids[0]).predicted.barrier.barrier_ev
    difference = float(cell(metal, Column.DIFFERENCE).replace("−", "-"))
    assert difference == pytest.approx(found.result.barrier_ev - predicted, abs=0.001)
    assert metal.profile_panel.facts.state.text() == "converged"
    for found in metal.workspace.relaxed:
        metal.profile_panel.select(found.folder)
    assert metal.centre.run_notice.isHidden()  # its news are looked at


def test_that_a_band_that_is_not_converged_is_never_shown_as_converged(relaxed):
    from migbar_gui.panels.path_table import Column

    (found,) = relaxed.workspace.relaxed
    unfinished = replace(found, result=replace(found.result, converged=False))
    relaxed.workspace.set_relaxed(unfinished)
    assert cell(relaxed, Column.RELAXED).startswith("not converged")
    relaxed.commands["path.profile"].trigger()
    assert relaxed.profile_panel.facts.state.text() == "not converged"
    assert "not converged" in relaxed.profile_panel.list.item(0).text()
    assert not relaxed.profile_panel.plot._curves[0].converged
    relaxed.profile_panel.slider.setValue(1)
    assert "not converged" in relaxed.centre.prompt.text()
    assert "not converged" in relaxed.view.content.drawings[0].label


def test_that_the_ion_of_an_image_stands_out_among_its_like(relaxed):
    (found,) = relaxed.workspace.relaxed
    relaxed.profile_panel.look_at(found, 1)
    content = relaxed.view.content
    assert content.rings == {0: content.drawings[0].colour}
    (ring,) = relaxed.view.notes.rings  # over the picture, whatever stands before the ion
    assert ring.position == pytest.approx(found.ion_path[1])
    relaxed.workspace.show_image(None)
    assert not content.rings


def test_that_slider_profile_and_3d_view_go_together(relaxed, qtbot):
    relaxed.docks.show("Profile")
    panel, workspace = relaxed.profile_panel, relaxed.workspace
    assert panel.slider.maximum() == 4
    panel.slider.setValue(1)
    assert workspace.shown_image.image == 1
    assert len(relaxed.view.structure) == 53
    assert "Image 1" in relaxed.centre.prompt.text()
    panel.plot.image_clicked.emit(3)
    assert panel.slider.value() == 3
    assert workspace.shown_image.image == 3
    panel.forces.setChecked(True)
    assert workspace.shown_image.forces
    assert len(relaxed.view.content.arrows) > 0
    panel.play.click()
    qtbot.waitUntil(lambda: workspace.shown_image.image == 1, timeout=5000)
    qtbot.keyClick(relaxed, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: workspace.shown_image is None)
    assert not panel.play.isChecked()
    assert len(relaxed.view.structure) == 2
    assert not panel.in_view.isChecked()
    assert len(relaxed.view.content.arrows) == 0


def test_that_a_band_can_start_aside(metal):
    from migbar_gui.dialogs.relax_band import RelaxBandDialog

    metal.commands["path.relax"].trigger()
    dialog = dialog_of(metal, RelaxBandDialog)
    assert "start" not in dialog.request().changes
    dialog.start.setCurrentIndex(dialog.start.findData("aside"))
    assert dialog.request().changes["start"] == "aside"
    dialog.reject()


def test_that_another_structure_ends_the_look_at_an_image(relaxed, qtbot, olivine):
    relaxed.profile_panel.slider.setValue(1)
    relaxed.open_file(olivine)
    wait_for_document(qtbot, relaxed, "olivine.cif")
    assert relaxed.workspace.shown_image is None
    assert len(relaxed.view.structure) == 28
    assert relaxed.profile_panel.shown is None


def test_that_a_stopped_relaxation_keeps_what_there_is_and_goes_on(metal, qtbot):
    from migbar_gui.computing.relaxations import RelaxRequest

    changes = {"fmax": 3e-4, "n_images": 3, "optimizer": "FIRE", "max_steps": 100_000}
    request = RelaxRequest("ase:emt", "paper", changes, "cpu")
    metal.relaxations.start([metal.workspace.active], request)
    metal.commands["path.profile"].trigger()
    qtbot.waitUntil(lambda: metal.profile_panel.stop.isVisible(), timeout=LONG_MS)
    live = metal.relaxations.live
    qtbot.waitUntil(lambda: bool(live[0].energies), timeout=LONG_MS)
    # A session is opened again while the run goes on: it is that of the same path.
    metal.workspace.restoring.emit()
    assert live[0].path_id is None
    metal.workspace.paths_changed.emit()
    assert live[0].path_id == metal.workspace.active
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


def test_that_a_relaxed_band_is_exported_in_every_form(relaxed, qtbot, tmp_path):
    found = relaxed.workspace.relaxed[0]
    for ending in PROFILE_FORMATS.values():
        relaxed.band_tools.export_profile(tmp_path / f"band{ending}", found)
    made = [tmp_path / f"band{e}" for e in PROFILE_FORMATS.values() if e != ".cif"]
    qtbot.waitUntil(lambda: all(path.exists() for path in made), timeout=LONG_MS)
    told = json.loads((tmp_path / "band.json").read_text(encoding="utf-8"))
    assert told["converged"] is True
    assert len(told["profile"]["energies_ev"]) == 5
    images = [tmp_path / "band" / f"{n:02d}.cif" for n in range(5)]
    qtbot.waitUntil(lambda: all(path.exists() for path in images), timeout=LONG_MS)


def test_that_an_animation_goes_there_and_back(relaxed, qtbot, tmp_path):
    from PIL import Image

    found, path = relaxed.workspace.relaxed[0], tmp_path / "hop.gif"
    relaxed.profile_panel.look_at(found, 1)
    relaxed.profile_panel.play.setChecked(True)
    relaxed.band_tools.export_profile(path, found)
    qtbot.waitUntil(path.exists, timeout=LONG_MS)
    assert not relaxed.profile_panel.play.isChecked()
    assert relaxed.workspace.shown_image.image == 0
    with Image.open(path) as animation:
        frames = []
        for number in range(animation.n_frames):
            animation.seek(number)
            frames.append(animation.convert("RGB").tobytes())
        assert animation.size == relaxed.view.size().toTuple()
        assert (animation.info["loop"], animation.info["duration"]) == (0, 80)
    assert len(frames) == 2 * 4 * 4
    assert frames[1:16] == frames[:16:-1]
    assert len(set(frames)) == 17


def test_that_the_crystal_is_seen_again_after_an_animation(relaxed, qtbot, tmp_path):
    relaxed.band_tools.export_profile(tmp_path / "hop.gif", relaxed.workspace.relaxed[0])
    qtbot.waitUntil((tmp_path / "hop.gif").exists, timeout=LONG_MS)
    assert relaxed.workspace.shown_image is None
    assert relaxed.view.content.structure == relaxed.workspace.structure


def test_that_an_animation_can_be_given_up(relaxed, qtbot, tmp_path, monkeypatch):
    from migbar_gui.dialogs.picture import DrawingProgress

    monkeypatch.setattr(DrawingProgress, "cancelled", lambda self: self.value() >= 3)
    relaxed.band_tools.export_profile(tmp_path / "hop.gif", relaxed.workspace.relaxed[0])
    assert not relaxed.jobs.shown
    assert not list(tmp_path.glob("*.gif"))
    assert (
        relaxed.findChild(DrawingProgress) is None
        or not relaxed.findChild(DrawingProgress).isVisible()
    )


def test_that_the_window_can_be_closed_while_an_animation_is_drawn(relaxed, tmp_path):
    from PySide6.QtCore import QTimer

    found = relaxed.workspace.relaxed[0]
    QTimer.singleShot(100, relaxed.close)
    relaxed.band_tools.export_profile(tmp_path / "hop.gif", found)
    assert not relaxed.isVisible()
    assert not list(tmp_path.glob("*.gif"))


def test_that_the_barrier_against_volume_stands_beside_the_profile(relaxed, qtbot, tmp_path):
    from migbar.neb.volume import VolumeDependence
    from migbar_gui.computing.relaxed import VolumeResult

    dependence = VolumeDependence(
        (-0.02, 0.0, 0.02), (0.40, 0.35, 0.31), (True, False, True), "emt"
    )
    active = relaxed.workspace.active
    relaxed.workspace.set_volume_result(VolumeResult(active, "Al", tmp_path, dependence))
    relaxed.commands["path.profile"].trigger()
    panel = relaxed.profile_panel
    panel.select(tmp_path)
    qtbot.waitUntil(panel.volume_plot.isVisible)
    assert "−0.022 eV/%" in panel.facts.barrier.text()
    assert "falls by 0.022 eV for each percent" in panel.facts.method.text()  # the same unit
    assert "\n0 % volume: 0.350 eV, not converged" in panel.facts.lines.text()
    page = panel.facts.widget()
    assert page.minimumSizeHint().width() <= panel.facts.viewport().width()  # nothing is cut off
    assert not panel.slider.isVisible()


def test_that_the_dft_dialog_shows_what_it_writes(relaxed, qtbot, tmp_path):
    from migbar_gui.dialogs.export_dft import ExportDftDialog

    relaxed.commands["path.export_dft"].trigger()
    dialog = dialog_of(relaxed, ExportDftDialog)
    qtbot.waitUntil(dialog.accept_button.isEnabled, timeout=LONG_MS)
    assert dialog.source.currentText().startswith("Relaxed: ase:emt")
    assert "LCLIMB = True" in dialog.preview.toPlainText()
    dialog.climbing.setChecked(False)
    dialog.incar.setPlainText("IVDW = 12")
    qtbot.waitUntil(dialog.accept_button.isEnabled, timeout=LONG_MS)
    assert "LCLIMB" not in dialog.preview.toPlainText()
    assert "IVDW = 12" in dialog.preview.toPlainText()
    height = dialog.force.height()
    dialog.incar.setPlainText("nonsense")
    qtbot.waitUntil(dialog.warning.isVisible, timeout=LONG_MS)
    assert not dialog.accept_button.isEnabled()
    assert dialog.list.count() == 0
    assert dialog.preview.toPlainText() == dialog.preview.placeholderText() == ""
    qtbot.waitUntil(lambda: dialog.warning.y() > 0 and dialog.force.height() == height)
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


def test_that_profiles_of_compared_paths_lie_over_one_another(relaxed, qtbot, olivine):
    panel = relaxed.comparison_panel
    relaxed.commands["path.compare"].trigger()
    assert panel.show_profiles.isEnabled()
    panel.show_profiles.click()
    qtbot.waitUntil(panel.profiles.isVisible)
    assert "0.350 eV" in panel.profiles.accessibleDescription()
    relaxed.commands["path.pin"].trigger()
    relaxed.open_file(olivine)
    wait_for_document(qtbot, relaxed, "olivine.cif")
    assert panel.profiles.isVisible()
    panel.show_profiles.click()
    assert panel.bars.isVisible()


def test_that_the_list_of_jobs_tells_the_barrier_in_the_unit_in_use(relaxed):
    from migbar_gui.panels.job_table import entry_of_run

    (watched,) = relaxed.runs.all
    barrier = relaxed.workspace.relaxed[-1].result.barrier_ev
    assert entry_of_run(watched).message == f"{barrier:.3f} eV"
    relaxed.preferences.set("energy_unit", "meV")
    assert entry_of_run(watched).message == f"{1000 * barrier:.0f} meV"


def test_that_an_ion_can_push_the_one_beside_its_path(metal, qtbot):
    from migbar_gui.dialogs.relax_band import RelaxBandDialog

    metal.commands["path.relax"].trigger()
    dialog = dialog_of(metal, RelaxBandDialog)
    assert dialog.push.isHidden()  # nobody stands beside a hop to the next place
    dialog.reject()
    add_hop(qtbot, metal, (1, 1, 0))
    metal.paths_panel.view.selectRow(metal.paths_panel.model.rowCount() - 1)
    metal.commands["path.relax"].trigger()
    dialog = dialog_of(metal, RelaxBandDialog)
    assert dialog.push.text() == "Push the Al beside the path to its end"
    dialog.reject()
    ask_to_relax(metal, push=True)
    wait_for_relaxed(qtbot, metal)
    (found,) = metal.workspace.relaxed
    assert len(found.result.pushed) == 1
    assert found.method.endswith("pushing Al")
    assert "pushing Al" in metal.profile_panel.list.item(0).text()
    metal.profile_panel._go_to(1)
    assert set(metal.view.content.rings) == {0, *found.result.pushed}
