"""Places that differ in energy: compared in the background, listed in the dock, and counted in what follows."""

from __future__ import annotations

import shutil
import zipfile

import pytest
from pymatgen.core import Lattice, Structure

from migbar.paths import find_hops
from migbar.runs import RunState, create_run, runs_dir, work
from migbar_gui.dialogs.compare_places import ComparePlacesDialog
from tests.gui.conftest import wait_for_document, words
from tests.gui.test_network import find, labels
from tests.gui.test_scripting import run_copied

pytestmark = pytest.mark.gui

LONG_MS = 90_000


def alloy() -> Structure:
    """Stretched AuCu3: one Cu in the planes of Cu alone, two in those with Au."""
    sites = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.tetragonal(3.75, 3.95), ["Au", "Cu", "Cu", "Cu"], sites)


@pytest.fixture
def metal(window, qtbot, tmp_path):
    """The window with the alloy and all hops of copper up to 3 Å."""
    path = tmp_path / "alloy.cif"
    alloy().to(str(path))
    window.open_file(path)
    wait_for_document(qtbot, window, "alloy.cif")
    find(qtbot, window, 3.0)
    return window


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A run that has compared the same places, as another session left it."""
    from migbar.places import place_options
    from migbar_gui.computing.places import places_key

    search = find_hops(alloy(), "Cu", cutoff=3.0)
    folder = tmp_path_factory.mktemp("run") / "places"
    options = place_options(alloy(), search) | {"potential": "ase:emt", "device": "cpu"}
    create_run(folder, "places", "Comparing", options | {"key": places_key(alloy(), search)})
    assert work(folder) is RunState.FINISHED
    return folder


def crystal(window):
    return window.workspace.state.group.found.crystal


def leave(finished_run) -> None:
    shutil.copytree(finished_run, runs_dir() / finished_run.name)


def test_that_places_are_compared_from_the_dock_to_the_energies(metal, qtbot):
    panel = metal.network_panel
    assert panel.places.isVisibleTo(panel)
    assert "unequal_places" in [remark.code for remark in crystal(metal).remarks]
    assert [t for t in labels(panel.places) if "per cell" in t] == ["1 per cell", "2 per cell"]
    panel.places.compare_button.click()
    dialog = metal.findChild(ComparePlacesDialog)
    assert "a vacancy at one place of each of the 2 kinds" in " ".join(labels(dialog))
    dialog.potential.setCurrentText("ase:emt")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: crystal(metal).places is not None, timeout=LONG_MS)
    found = crystal(metal).places
    assert "emt" in found.potential
    qtbot.wait(50)  # new labels are shown by the event loop
    shown = labels(panel.places)
    assert all(f"{energy:.3f}" in shown for energy in found.energies_ev)
    assert "differ in energy" in words(panel.remarks)
    heights = metal.workspace.state.group.heights
    assert max(heights) > max(metal.workspace.state.group.barriers)
    legend = metal.view.notes.legend
    assert legend.name == "Saddle"
    assert legend.scale.low <= min(heights) <= max(heights) <= legend.scale.high


def test_that_a_model_file_of_ones_own_can_be_trusted(metal, qtbot):
    metal.network_panel.places.compare_button.click()
    dialog = metal.findChild(ComparePlacesDialog)
    assert not dialog.trust.isVisible()
    dialog.potential.setCurrentText("mace:/models/own.model")
    assert dialog.trust.isVisible()
    assert not dialog.potential_options()["trust_file"]
    dialog.trust.click()
    assert dialog.potential_options()["trust_file"]
    dialog.reject()


def test_that_energies_of_an_earlier_session_are_used_again(metal, qtbot, finished_run):
    leave(finished_run)
    metal.runs._watcher.look()
    qtbot.waitUntil(lambda: crystal(metal).places is not None, timeout=20_000)
    find(qtbot, metal, 3.0)
    qtbot.waitUntil(lambda: crystal(metal).places is not None, timeout=20_000)


def test_that_they_are_not_used_for_another_crystal(
    metal, qtbot, finished_run, tmp_path, monkeypatch
):
    other = alloy()
    other.scale_lattice(1.02 * other.volume)
    other.to(str(tmp_path / "other.cif"))
    metal.open_file(tmp_path / "other.cif")
    wait_for_document(qtbot, metal, "other.cif")
    find(qtbot, metal, 3.0)
    leave(finished_run)
    metal.runs._watcher.look()
    qtbot.waitUntil(lambda: any(w.run.task == "places" for w in metal.runs.all), timeout=20_000)
    qtbot.wait(200)
    assert crystal(metal).places is None
    (watched,) = metal.runs.all
    said: list[str] = []
    monkeypatch.setattr(metal, "say", said.append)
    metal.runs.opener(watched.run).open(watched.run)
    assert any("find its paths" in text for text in said)


def test_that_a_session_keeps_them(metal, qtbot, finished_run, tmp_path):
    from migbar_gui.files.session import read_session

    leave(finished_run)
    metal.runs._watcher.look()
    qtbot.waitUntil(lambda: crystal(metal).places is not None, timeout=20_000)
    known = crystal(metal).places
    path = tmp_path / "alloy.migbar"
    metal.sessions.keeper.save(path)
    qtbot.waitUntil(path.exists, timeout=20_000)
    group = read_session(path).workspace.state.group
    assert group.found.crystal.places == known


def test_that_a_result_that_makes_no_sense_is_told_once(metal, qtbot, finished_run):
    leave(finished_run)
    result = runs_dir() / finished_run.name / "outcome.json"
    result.write_text(result.read_text().replace("energies_ev", "energies"), encoding="utf-8")
    metal.runs._watcher.look()
    qtbot.waitUntil(lambda: "no energies of places" in metal.notice.text.text(), timeout=20_000)
    metal.notice.hide()
    find(qtbot, metal, 3.0)
    qtbot.waitUntil(lambda: not metal.jobs.is_running("places"))
    assert metal.notice.isHidden()
    assert crystal(metal).places is None


@pytest.mark.parametrize(
    ("old", "new"),
    [('"energies_ev":[', '"energies_ev":[NaN,'), ('"kinds":[0,1],', '"kinds":[0,2],')],
)
def test_that_a_session_with_other_numbers_for_them_is_refused(
    metal, qtbot, finished_run, tmp_path, old, new
):
    leave(finished_run)
    metal.runs._watcher.look()
    qtbot.waitUntil(lambda: crystal(metal).places is not None, timeout=20_000)
    path, known = tmp_path / "edited.migbar", crystal(metal)
    metal.sessions.keeper.save(path)
    qtbot.waitUntil(path.exists, timeout=20_000)
    with zipfile.ZipFile(path) as archive:
        text = archive.read("session.json").decode()
    assert old in text
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("session.json", text.replace(old, new))
    metal.open_file(path)
    qtbot.waitUntil(metal.notice.isVisible, timeout=10_000)
    assert "edited.migbar: these are " in metal.notice.text.text()
    assert crystal(metal) is known


def test_that_a_script_counts_with_them(metal, qtbot, finished_run, tmp_path):
    leave(finished_run)
    metal.runs._watcher.look()
    qtbot.waitUntil(lambda: crystal(metal).places is not None, timeout=20_000)
    told = dict(line.split() for line in run_copied(metal, tmp_path)[-6:])
    for direction, way in crystal(metal).percolation.items():
        assert float(told[direction]) == pytest.approx(way.barrier_ev, abs=1e-9)


def test_that_one_kind_of_place_needs_no_comparison(opened, qtbot):
    find(qtbot, opened)
    assert not opened.network_panel.places.isVisibleTo(opened.network_panel)
    assert not opened.commands["path.places"].isEnabled()
