"""Molecular dynamics in the window: asked for, run in the background, and shown as a diffusivity."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from migbar.dynamics import DynamicsResult, TracerDiffusion
from migbar.runs import RunState, create_run, runs_dir
from migbar.structures import read_structure
from migbar_gui.dialogs.dynamics import DynamicsDialog, LongerDynamicsDialog
from migbar_gui.looks import energies
from migbar_gui.workspace.document import crystal_key
from migbar_gui.workspace.estimates import transport_cases
from tests.gui.conftest import wait_for_document, words
from tests.gui.test_network import labels
from tests.gui.test_places import alloy

pytestmark = pytest.mark.gui

LONG_MS = 120_000


def simulated(hops: int = 300, potential: str = "chgnet 0.3.0", **other) -> DynamicsResult:
    """Return a result with an activation energy of 0.25 eV."""
    points = []
    for kelvin in (700.0, 900.0, 1100.0):
        value = float(1e-3 * np.exp(-0.25 / (8.617333262e-5 * kelvin)))
        given = {"host_shift": 0.2} | other
        ends = (0.8 * value, 1.2 * value)
        points.append(
            TracerDiffusion(
                kelvin, kelvin, 20.0, value, ends, hops, lags_ps=(1.0,),
                squared_displacements=(2.0,), **given,
            )
        )  # fmt: skip
    return DynamicsResult("Li", 31, 223, 1, False, 0.0138, potential, tuple(points))


def leave(path, result: DynamicsResult, name: str = "dynamics-1") -> None:
    """Leave a finished run, as another session might have."""
    folder = runs_dir() / name
    options = {"key": crystal_key(read_structure(path)), "ion": "Li"}
    create_run(folder, "dynamics", "Dynamics of Li in olivine.cif", options)
    (folder / "events.jsonl").touch()
    outcome = {"state": "finished", "result": result.to_dict() | {"text": "0.25 eV"}}
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def look(window, qtbot, count: int = 1) -> None:
    window.runs._watcher.look()
    qtbot.waitUntil(lambda: len(window.workspace.simulated) == count, timeout=20_000)


def show(window, qtbot):
    (watched, *_) = window.runs.all
    window.runs.opener(watched.run).open(watched.run)
    panel = window.transport_panel
    qtbot.waitUntil(panel.isVisible)
    return panel


def is_shown(window) -> bool:
    return any(case.simulated is not None for case in transport_cases(window.workspace))


def ask(window) -> DynamicsDialog:
    window.commands["structure.dynamics"].trigger()
    return window.findChild(DynamicsDialog)


# ------------------------------------------------------------------ asking


def test_that_the_dialog_says_what_it_will_do(opened):
    dialog = ask(opened)
    told = " ".join(labels(dialog))
    assert "Li in olivine.cif, 112 atoms" in told
    assert "800 K, 1000 K, 1200 K: 33,000 steps of 2 fs." in told
    assert "With CHGNet some 6 h" in told
    dialog.length.setValue(40)
    assert "63,000 steps" in " ".join(labels(dialog))
    dialog.potential.setCurrentText("ase:emt")
    assert "CHGNet" not in " ".join(labels(dialog))
    settings = dialog.options()["settings"]
    assert settings["temperatures_k"] == [800, 1000, 1200]
    assert settings["length_ps"] == 40
    assert settings["carriers"] == 1
    assert settings["step_fs"] == 2
    dialog.reject()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("700", [700]),
        ("700,900,1100", [700, 900, 1100]),
        ("700; 900,5 1100.5", [700, 900.5, 1100.5]),
        ("  700 , 900 ", [700, 900]),
    ],
)
def test_that_temperatures_are_read_as_people_write_them(opened, text, read):
    dialog = ask(opened)
    dialog.temperatures.setText(text)
    assert dialog.options()["settings"]["temperatures_k"] == read
    assert dialog.accept_button.isEnabled()
    assert dialog.problem.isHidden()
    dialog.reject()


def test_that_it_is_told_how_temperatures_were_read(opened):
    dialog = ask(opened)
    dialog.temperatures.setText("1,200")
    assert "1 K, 200 K: 22,000 steps" in " ".join(labels(dialog))
    dialog.reject()


@pytest.mark.parametrize("text", ["", "hot", "700, hot", "0", "-300", "700 700", "99999"])
def test_that_temperatures_that_make_no_sense_are_told(opened, text):
    dialog = ask(opened)
    dialog.temperatures.setText(text)
    assert not dialog.accept_button.isEnabled()
    assert "temperature" in dialog.problem.text()
    dialog.temperatures.setText("700")
    assert dialog.accept_button.isEnabled()
    dialog.reject()


def test_that_ions_are_put_into_an_empty_host(window, empty_olivine, qtbot):
    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    dialog = ask(window)
    assert "Li put in" in [text.replace("&", "") for text in labels(dialog)]
    assert dialog.carriers.minimum() == 1
    dialog.reject()


def test_that_protons_put_in_take_short_steps(window, empty_olivine, qtbot):
    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    window.workspace.set_ion("H")
    dialog = ask(window)
    assert dialog.options()["settings"]["step_fs"] == 0.5
    dialog.reject()


# ------------------------------------------------------------------ running


def test_that_it_runs_in_the_background_and_says_that_it_was_too_short(window, qtbot, tmp_path):
    path = tmp_path / "alloy.cif"
    alloy().to(str(path))
    window.open_file(path)
    wait_for_document(qtbot, window, "alloy.cif")
    window.workspace.set_supercell("2,2,2")
    dialog = ask(window)
    dialog.potential.setCurrentText("ase:emt")
    dialog.temperatures.setText("300")
    dialog.length.setValue(2)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: bool(window.runs.all), timeout=20_000)
    assert window.docks.is_seen(window.jobs_panel)
    qtbot.waitUntil(lambda: bool(window.workspace.simulated), timeout=LONG_MS)
    (watched,) = window.runs.all
    assert watched.run.state is RunState.FINISHED
    assert watched.run.outcome == "no diffusivity"
    assert (watched.run.folder / "300K.xyz").exists()
    found = window.workspace.simulated[0].result
    assert (found.n_atoms, found.ion) == (31, "Cu")
    panel = show(window, qtbot)
    qtbot.waitUntil(lambda: "At 300 K too few hops" in panel.problem.text(), timeout=20_000)
    assert panel.values["D"].text() == ""
    assert "300 K: 0 hops, too few, <a" in panel.points.text()
    # It goes on from there for as long as asked, at the temperature it had and at a further one.
    panel.longer.click()
    dialog = window.findChild(LongerDynamicsDialog)
    assert not dialog.potential.isEnabled()
    assert (dialog.length.minimum(), dialog.length.value()) == (2, 4)
    dialog.length.setValue(2)
    assert "All of this is simulated" in dialog.problem.text()
    assert not dialog.accept_button.isEnabled()
    dialog.length.setValue(3)
    assert "300 K: 500 steps of 2 fs." in " ".join(labels(dialog))
    dialog.temperatures.setText("300, 400")
    assert "300 K, 400 K: 3,000 steps of 2 fs." in " ".join(labels(dialog))
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: len(window.workspace.simulated) == 2, timeout=LONG_MS)
    longer = window.workspace.simulated[1].result
    assert [(one.kelvin, one.length_ps) for one in longer.at] == [(300, 3), (400, 3)]
    assert window.runs.all[1].run.title == "Dynamics of Cu in alloy.cif, 3 ps"
    assert longer.at[0].lags_ps[-1] == pytest.approx(1.5)


def test_that_one_diffusivity_is_shown_without_a_line(opened, olivine, qtbot):
    one = replace(simulated(), at=simulated().at[1:2])
    leave(olivine, one)
    look(opened, qtbot)
    panel = show(opened, qtbot)
    qtbot.waitUntil(lambda: "takes two temperatures" in panel.problem.text(), timeout=20_000)
    assert panel.points.isVisibleTo(panel)
    assert not panel.results.isVisibleTo(panel)
    assert not panel.plot.isVisibleTo(panel)
    unit, told = panel.points.text().split("<br>")
    assert unit == "Simulated, D in cm²/s:"
    assert told.startswith("900 K: 4.0 × 10⁻⁵ ± 20 %, 300 hops, <a")


def test_that_the_haven_ratios_that_are_known_are_shown(opened, olivine, qtbot):
    found = simulated()
    cold = replace(found.at[0], haven_ratio=(0.524, 0.31, 0.84))
    hot = replace(found.at[2], haven_ratio=(1.2, 0.8, 1.9))
    leave(olivine, replace(found, at=(cold, found.at[1], hot)))
    look(opened, qtbot)
    panel = show(opened, qtbot)
    text = "Haven ratio, 700 K: 0.52 (0.31 to 0.84); 1100 K: 1.2 (0.8 to 1.9)"
    qtbot.waitUntil(lambda: text in panel.points.text().split("<br>"), timeout=20_000)


def test_that_files_that_are_gone_cannot_be_gone_on_with(
    opened, olivine, qtbot, tmp_path, monkeypatch
):
    leave(olivine, simulated())
    look(opened, qtbot)
    panel = show(opened, qtbot)
    session = tmp_path / "olivine.migbar"
    opened.sessions.keeper.save(session)
    qtbot.waitUntil(session.exists, timeout=20_000)
    opened.runs.remove(opened.runs.all[0].run.folder)
    qtbot.waitUntil(lambda: not opened.workspace.simulated, timeout=20_000)
    opened.open_file(session)
    qtbot.waitUntil(lambda: bool(opened.workspace.simulated), timeout=20_000)
    panel.select(opened.workspace.simulated[0].result)
    said: list[str] = []
    monkeypatch.setattr(opened, "say", said.append)
    panel.longer.click()
    assert said == ["The files of this simulation are gone: it has to be simulated anew."]


def test_that_more_vacancies_than_ions_are_told(opened, qtbot):
    dialog = ask(opened)
    dialog.carriers.setValue(999)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: "none is left to move" in opened.notice.text.text(), timeout=20_000)
    assert not opened.runs.all


# ------------------------------------------------------------------ showing


def test_that_the_diffusivity_is_shown_with_what_was_simulated(opened, olivine, qtbot):
    leave(olivine, simulated())
    look(opened, qtbot)
    panel = show(opened, qtbot)
    qtbot.waitUntil(lambda: bool(panel.values["D"].text()), timeout=20_000)
    assert panel.case.currentText() == "Dynamics of Li, chgnet 0.3.0"
    assert panel.values["D"].text() == "6.3 × 10⁻⁸ cm²/s"
    shown = " ".join(labels(panel))
    assert "Activation energy 0.250 eV, interval 0.20 to 0.30 eV" in shown
    lines = panel.points.text().split("<br>")
    assert len(lines) == 4
    assert lines[2].startswith("900 K: ")
    assert " ± 20 %, 300 hops, " in lines[2]
    assert "in a fixed cell of 223 atoms with 31 Li and 1 vacancy" in panel.explanation.text()
    assert panel.boxes["ion_charge"].isVisibleTo(panel)
    for name in ("attempt_frequency", "correlation_factor", "vacancy_fraction", "hop_length"):
        assert not panel.boxes[name].isVisibleTo(panel)
    assert panel.problem.isHidden()
    assert panel.results.isVisibleTo(panel)
    assert panel.points.y() < panel.plot.y()
    assert panel.spread.isVisibleTo(panel)
    assert panel.spread.rows()[1] == (700.0, 1.0, 2.0)
    assert [row[:2] for row in panel.plot.rows()[1:4]] == [
        ("simulated", kelvin) for kelvin in (700, 900, 1100)
    ]
    panel.boxes["temperature"].setText("900")
    panel.boxes["temperature"].textEdited.emit("900")
    qtbot.waitUntil(lambda: panel.values["D"].text() == "4.0 × 10⁻⁵ cm²/s", timeout=20_000)
    energies.set_format(unit="meV")
    opened.workspace.numbers_changed.emit()
    qtbot.waitUntil(lambda: "250 meV" in " ".join(labels(panel)), timeout=20_000)


def test_that_a_path_has_its_own_parameters_again(opened, olivine, qtbot):
    from tests.gui.test_network import find

    leave(olivine, simulated())
    look(opened, qtbot)
    find(qtbot, opened, 4.0)
    panel = show(opened, qtbot)
    qtbot.waitUntil(lambda: panel.case.currentText().startswith("Dynamics"), timeout=20_000)
    panel.case.setCurrentIndex(0)
    panel.case.activated.emit(0)
    assert panel.boxes["attempt_frequency"].isVisibleTo(panel)
    assert panel.boxes["attempt_frequency"].text() == "1e13"
    qtbot.waitUntil(lambda: bool(panel.values["D"].text()), timeout=20_000)
    assert panel.points.isHidden()
    assert panel.longer.isHidden()
    assert panel.spread.isHidden()


def test_that_parameters_of_hops_do_not_count_for_a_simulation(opened, olivine, qtbot):
    from tests.gui.test_network import find

    leave(olivine, simulated())
    look(opened, qtbot)
    panel = show(opened, qtbot)
    qtbot.waitUntil(lambda: bool(panel.values["σ"].text()), timeout=20_000)
    before = panel.values["σ"].text()
    find(qtbot, opened, 4.0)
    panel.case.setCurrentText("All hops, mean of all directions")
    panel.case.activated.emit(panel.case.currentIndex())
    panel.boxes["vacancy_fraction"].textEdited.emit("0.01")
    panel.boxes["attempt_frequency"].textEdited.emit("many")
    show(opened, qtbot)
    qtbot.waitUntil(lambda: bool(panel.values["σ"].text()), timeout=20_000)
    assert panel.values["σ"].text() == before


def test_that_doubts_are_told_beside_the_numbers(opened, olivine, qtbot):
    leave(olivine, simulated(host_shift=3.0))
    look(opened, qtbot)
    panel = show(opened, qtbot)
    qtbot.waitUntil(lambda: "the other atoms do not stay" in words(panel.remarks), timeout=20_000)
    assert panel.values["D"].text()


def test_that_several_simulations_can_be_told_apart(opened, olivine, qtbot):
    leave(olivine, simulated(), "dynamics-1")
    leave(olivine, simulated(potential="sevennet 0.13"), "dynamics-2")
    look(opened, qtbot, 2)
    panel = show(opened, qtbot)
    titles = [panel.case.itemText(n) for n in range(panel.case.count())]
    assert titles == ["Dynamics 2 of Li, sevennet 0.13", "Dynamics 1 of Li, chgnet 0.3.0"]
    # The one that is looked at stays when a further one has finished.
    panel.case.setCurrentIndex(1)
    panel.case.activated.emit(1)
    leave(olivine, simulated(potential="mace 1"), "dynamics-3")
    look(opened, qtbot, 3)
    assert panel.case.currentText() == "Dynamics 1 of Li, chgnet 0.3.0"
    opened.runs.remove(
        next(w.run.folder for w in opened.runs.all if w.run.folder.name == "dynamics-3")
    )
    qtbot.waitUntil(lambda: len(opened.workspace.simulated) == 2, timeout=20_000)
    folder = opened.runs.all[0].run.folder
    opened.runs.remove(folder)
    qtbot.waitUntil(lambda: len(opened.workspace.simulated) == 1, timeout=20_000)
    assert panel.case.count() == 1


def test_that_it_is_not_shown_with_another_structure(
    window, qtbot, olivine, empty_olivine, monkeypatch
):
    leave(olivine, simulated())
    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    window.runs._watcher.look()
    qtbot.waitUntil(lambda: bool(window.runs.all), timeout=20_000)
    said: list[str] = []
    monkeypatch.setattr(window, "say", said.append)
    (watched,) = window.runs.all
    window.runs.opener(watched.run).open(watched.run)
    assert said == ["Open the structure that was simulated: its diffusivity is shown with it."]
    assert not is_shown(window)
    window.open_file(olivine)
    wait_for_document(qtbot, window, "olivine.cif")
    assert is_shown(window)


def test_that_a_session_keeps_it(opened, olivine, qtbot, tmp_path):
    from migbar_gui.files.session import read_session

    leave(olivine, simulated())
    look(opened, qtbot)
    path = tmp_path / "olivine.migbar"
    opened.sessions.keeper.save(path)
    qtbot.waitUntil(path.exists, timeout=20_000)
    opened.runs.remove(opened.runs.all[0].run.folder)
    qtbot.waitUntil(lambda: not opened.workspace.simulated, timeout=20_000)
    assert read_session(path).workspace.simulated[0].result == simulated()
    opened.open_file(path)
    qtbot.waitUntil(lambda: bool(opened.workspace.simulated), timeout=20_000)
    assert is_shown(opened)


def test_that_a_session_without_it_takes_nothing_away(opened, olivine, qtbot, tmp_path):
    path = tmp_path / "olivine.migbar"
    opened.sessions.keeper.save(path)
    qtbot.waitUntil(path.exists, timeout=20_000)
    leave(olivine, simulated())
    look(opened, qtbot)
    before = opened.workspace.document
    opened.open_file(path)
    qtbot.waitUntil(lambda: opened.workspace.document is not before, timeout=20_000)
    assert len(opened.workspace.simulated) == 1


def test_that_a_damaged_result_is_told_once(opened, olivine, qtbot):
    leave(olivine, simulated())
    outcome = runs_dir() / "dynamics-1" / "outcome.json"
    outcome.write_text(outcome.read_text().replace("ion_density", "density"), encoding="utf-8")
    opened.runs._watcher.look()
    qtbot.waitUntil(lambda: "no result of molecular" in opened.notice.text.text(), timeout=20_000)
    assert opened.workspace.simulated == ()


def test_that_places_of_the_ions_are_shown_in_the_crystal(opened, olivine, qtbot):
    from migbar.dynamics.trajectory import Standing, Trajectory, trajectory_file, write_trajectory

    structure = read_structure(olivine)
    lithium = [site.coords for site in structure if site.specie.symbol == "Li"]
    positions = np.tile(np.array(lithium, np.float32), (40, 1, 1))
    cell = structure.lattice.matrix
    numbers = np.array([3] * len(lithium))
    made = Trajectory(900.0, numbers, cell, 0.02, positions, np.full(40, 900.0))
    leave(olivine, simulated())
    file = trajectory_file(runs_dir() / "dynamics-1", 900.0)
    write_trajectory(file, made, Standing("", 0, positions[0], positions[0], {}))
    look(opened, qtbot)
    panel, workspace = show(opened, qtbot), opened.workspace
    qtbot.waitUntil(lambda: "places" in panel.points.text(), timeout=20_000)
    workspace.set_ion("Fe")
    panel.points.linkActivated.emit("900.0")
    qtbot.waitUntil(lambda: workspace.landscape is not None, timeout=20_000)
    assert workspace.state.ion == "Li"
    assert workspace.show_landscape
    assert workspace.landscape.kelvin == 900
    nearest = np.unravel_index(
        workspace.landscape.energies.argmin(), workspace.landscape.energies.shape
    )
    spot = cell.T @ (np.array(nearest) / workspace.landscape.energies.shape)
    apart = [structure.lattice.get_distance_and_image(
        structure.lattice.get_fractional_coords(spot), structure.lattice.get_fractional_coords(one)
    )[0] for one in lithium]  # fmt: skip
    assert min(apart) < 0.3
    qtbot.waitUntil(
        lambda: "Free energy at 900 K of Li" in " ".join(labels(opened.centre.level_bar))
    )
    opened.commands["view.landscape"].trigger()
    assert workspace.landscape is None
    # The switch is the site-energy map's again.
    opened.commands["view.landscape"].trigger()
    qtbot.waitUntil(lambda: workspace.landscape is not None, timeout=60_000)
    assert workspace.landscape.kelvin is None
    # Of another ion, or crystal, there is no such map, and nobody asked for its site energies.
    panel.points.linkActivated.emit("900.0")
    qtbot.waitUntil(lambda: workspace.landscape.kelvin == 900, timeout=20_000)
    workspace.set_ion("Fe")
    assert not workspace.show_landscape


def test_that_a_simulation_whose_file_is_gone_is_told(opened, olivine, qtbot):
    leave(olivine, simulated())
    look(opened, qtbot)
    panel = show(opened, qtbot)
    opened.workspace.set_ion("Fe")
    panel.points.linkActivated.emit("900.0")
    qtbot.waitUntil(lambda: "900K.npz is not there" in opened.notice.text.text(), timeout=20_000)
    assert not opened.workspace.show_landscape
    assert opened.workspace.state.ion == "Fe"


def test_that_the_hops_are_shown_beside_it(opened, olivine, qtbot):
    from tests.gui.test_network import find

    leave(olivine, simulated())
    look(opened, qtbot)
    panel = show(opened, qtbot)
    qtbot.waitUntil(lambda: bool(panel.values["D"].text()), timeout=20_000)
    assert "Dashed" not in panel.points.text()
    find(qtbot, opened, 4.0)
    show(opened, qtbot)
    qtbot.waitUntil(lambda: "Dashed: by all hops" in panel.points.text(), timeout=20_000)
    assert "for 0.0323 carriers per ion" in panel.points.text()
    inverse, middle, *_ = panel.plot._lines
    by_hops = panel.plot._beside
    assert by_hops.shape == middle.shape == inverse.shape
    # Towards low temperatures its slope is the way through along the channel.
    group = opened.workspace.state.group
    way = group.found.crystal.percolation["b"].barrier_ev
    slope = (by_hops[0] - by_hops[1]) / (inverse[0] - inverse[1])
    assert slope * np.log(10) * -1000 * 8.617333262e-5 == pytest.approx(way, abs=0.02)


# ------------------------------------------------------------------ read from other programs


def write_walk(path, structure, frames: int = 400) -> None:
    """Leave what another program might have simulated: lithium that hops at random, wrapped into the cell."""
    from ase.io import write
    from pymatgen.io.ase import AseAtomsAdaptor

    rng = np.random.default_rng(1)
    atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
    is_li = atoms.numbers == 3
    made = []
    for _ in range(frames):
        hops = is_li & (rng.random(len(atoms)) < 0.1)
        atoms.positions[hops] += rng.choice([-1.0, 1.0], (hops.sum(), 3))
        made.append(atoms.copy())
        made[-1].wrap()
    path.parent.mkdir(exist_ok=True)
    write(path, made, format="vasp-xdatcar")


def choose_files(monkeypatch, *paths) -> None:
    from PySide6.QtWidgets import QFileDialog

    chosen = [str(path) for path in paths], ""
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: chosen)


def ask_to_read(opened, qtbot):
    from migbar_gui.dialogs.read_dynamics import ReadDynamicsDialog

    opened.commands["structure.read_dynamics"].trigger()
    qtbot.waitUntil(lambda: opened.findChild(ReadDynamicsDialog) is not None, timeout=20_000)
    return opened.findChild(ReadDynamicsDialog)


def test_that_simulations_of_other_programs_are_read(opened, olivine, qtbot, tmp_path, monkeypatch):
    files = [tmp_path / f"{kelvin}K" / "XDATCAR" for kelvin in (700, 900)]
    for file in files:
        write_walk(file, read_structure(olivine))
    (files[0].parent / "INCAR").write_text("POTIM = 2; NBLOCK = 10")
    choose_files(monkeypatch, *files)
    dialog = ask_to_read(opened, qtbot)
    assert [box.value() for box in dialog.kelvins.values()] == [700, 900]
    names = [box.accessibleName() for box in dialog.kelvins.values()]
    assert names == ["Temperature of 700K/XDATCAR", "Temperature of 900K/XDATCAR"]
    assert [box.value() for box in dialog.frames.values()] == [20, 0]
    assert not dialog.accept_button.isEnabled()
    dialog.kelvins[files[1]].setValue(700)
    dialog.frames[files[1]].setValue(20)
    assert not dialog.accept_button.isEnabled()
    assert "of one temperature" in dialog.problem.text()
    dialog.kelvins[files[1]].setValue(900)
    dialog.skip.setValue(0.5)
    dialog.accept_button.click()
    panel = opened.transport_panel
    qtbot.waitUntil(lambda: opened.docks.is_seen(panel), timeout=60_000)
    qtbot.waitUntil(lambda: "700 K: " in panel.points.text(), timeout=20_000)
    assert panel.case.currentText() == "Dynamics of Li, read from 700K/XDATCAR, 900K/XDATCAR"
    assert panel.longer.isHidden()
    assert not panel.spread.isHidden()
    found = opened.workspace.simulated[0].result
    assert [one.length_ps for one in found.at] == pytest.approx([7.48, 7.48])
    panel.points.linkActivated.emit("700.0")
    qtbot.waitUntil(lambda: opened.workspace.landscape is not None, timeout=20_000)


def test_that_a_simulation_of_another_crystal_is_told(opened, qtbot, tmp_path, monkeypatch):
    file = tmp_path / "800K" / "XDATCAR"
    write_walk(file, alloy() * (2, 2, 2), frames=2)
    choose_files(monkeypatch, file)
    dialog = ask_to_read(opened, qtbot)
    dialog.frames[file].setValue(20)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: "holds no Li" in opened.notice.text.text(), timeout=20_000)
    assert not opened.runs.all


def test_that_a_trajectory_that_cannot_be_followed_is_told(
    opened, olivine, qtbot, tmp_path, monkeypatch
):
    file = tmp_path / "800K" / "XDATCAR"
    write_walk(file, read_structure(olivine), frames=20)
    choose_files(monkeypatch, file)
    dialog = ask_to_read(opened, qtbot)
    dialog.frames[file].setValue(20)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: "no frame after" in opened.notice.text.text(), timeout=60_000)
    assert opened.runs.all[0].run.state is RunState.FAILED
