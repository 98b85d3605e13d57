"""Vibrations at the end and at the saddle: known frequencies, what is no saddle, stop, resume, bad input."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from ase import units
from ase.calculators.emt import EMT
from ase.vibrations import Vibrations as AseVibrations

from migbar import runs
from migbar.errors import Cancelled
from migbar.neb import (
    NebError,
    NebSettings,
    Vibrations,
    endpoints,
    read_result,
    relax_band,
    task,
    vibrations_of,
    write_result,
    write_vibrations,
)
from migbar.neb.stiffness import FORCES
from migbar.neb.vibrations import THZ, VIBRATIONS, read_vibrations
from migbar.potentials import Evaluation, Provenance, load_potential
from migbar.progress import SILENT
from migbar.runs import RunState
from tests.core.relaxed_bands import relaxed_band
from tests.core.test_neb import ROOT, Counting, StopAfter, copper_hop
from tests.core.test_neb_cli import run

CLIMBING = NebSettings(climb=True, optimizer="FIRE", fmax=0.01, ends_fmax=0.01)


@pytest.fixture(scope="module")
def emt():
    return load_potential("ase:emt")


@pytest.fixture(scope="module")
def copper(emt):
    """A copper atom's hop into a vacancy, relaxed to the saddle."""
    return relax_band(*endpoints(copper_hop()), emt, CLIMBING)


class Wells:
    """An ion in two wells on the x axis, 2 Å apart and one deeper, with springs across; the host on springs, too."""

    provenance = Provenance("wells", "1")
    across = np.array([3.0, 7.0])  # eV/Å²
    sideways_at_saddle = np.array([5.0, 2.0])

    def __init__(self, host: np.ndarray, tilt: float = 0.1) -> None:
        self.host, self.tilt = host, tilt

    def supports(self, element: str) -> bool:
        return True

    def evaluate(self, images):
        return [self._one(image.positions) for image in images]

    def stiffness(self, x: float) -> np.ndarray:
        """Second derivatives of the ion's energy on the axis."""
        share = np.cos(np.pi * x / 2) ** 2  # 1 at the saddle, 0 in the wells
        across = share * self.sideways_at_saddle + (1 - share) * self.across
        return np.array([12 * x**2 - 4, *across])

    def _one(self, positions) -> Evaluation:
        x, side = positions[0, 0], positions[0, 1:]
        share, slope = np.cos(np.pi * x / 2) ** 2, -np.pi / 2 * np.sin(np.pi * x)
        across = share * self.sideways_at_saddle + (1 - share) * self.across
        away = positions[1:] - self.host
        energy = (x**2 - 1) ** 2 + self.tilt * x + across @ side**2 / 2 + 4.0 * (away**2).sum()
        forces = np.zeros_like(positions)
        pull = slope * ((self.sideways_at_saddle - self.across) @ side**2) / 2
        forces[0, 0] = -(4 * x * (x**2 - 1) + self.tilt + pull)
        forces[0, 1:] = -across * side
        forces[1:] = -8.0 * away
        return Evaluation(float(energy), forces)


@pytest.fixture(scope="module")
def wells():
    from ase import Atoms

    host = np.array([[4.0, 4.0, 4.0], [4.0, 6.0, 6.0]])
    initial = Atoms("LiO2", [[-1, 0, 0], *host], cell=[12, 12, 12], pbc=True)
    final = initial.copy()
    final.positions[0, 0] = 1.0
    potential = Wells(host)
    settings = NebSettings(n_images=5, climb=True, optimizer="FIRE", fmax=1e-3, ends_fmax=1e-4)
    return relax_band(initial, final, potential, settings), potential


def thz(stiffness, mass):
    """Frequencies of springs, eV/Å² and u."""
    stiffness = np.asarray(stiffness)
    return np.sign(stiffness) * np.sqrt(np.abs(stiffness) / mass) * THZ


def test_that_a_spring_has_its_frequency():
    # 1 N/m with the mass of one u: (1/2π) √(1 / 1.66053907e-27) = 3.9057 THz
    newton_per_metre = units.kJ / 1000 / units.m**2
    assert thz(newton_per_metre, 1.0) == pytest.approx(3.9057, rel=1e-4)


def test_that_the_attempt_frequency_is_that_of_the_springs(wells):
    result, potential = wells
    found = vibrations_of(result, potential, within=1.0)
    assert found.n_atoms == 1
    assert found.end == "initial"  # the tilt makes it the lower one
    mass = result.images[0].get_masses()[0]
    low, top = (result.images[n].positions[0, 0] for n in (0, result.profile.saddle))
    at_end, at_saddle = (np.sort(thz(potential.stiffness(x), mass)) for x in (low, top))
    assert found.at_end == pytest.approx(at_end, rel=0.01)
    assert found.at_saddle == pytest.approx(at_saddle, rel=0.01)
    assert found.attempt_frequency == pytest.approx(
        1e12 * np.prod(at_end) / np.prod(at_saddle[1:]), rel=0.02
    )
    quantum = units._hplanck * 1e12 / units._e
    expected = quantum / 2 * (at_saddle[1:].sum() - at_end.sum())
    assert found.zero_point_ev == pytest.approx(expected, abs=2e-4)
    assert found.remarks == ()


def test_that_atoms_that_do_not_feel_the_hop_leave_it_as_it_is(wells):
    result, potential = wells
    alone = vibrations_of(result, potential, within=1.0)
    more = vibrations_of(result, potential, within=7.5)
    assert (alone.n_atoms, more.n_atoms) == (1, 2)
    assert more.attempt_frequency == pytest.approx(alone.attempt_frequency, rel=1e-6)


def test_that_the_barrier_counts_from_the_lower_end(wells):
    result, _ = wells
    turned = Wells(result.images[0].positions[1:], tilt=-0.1)
    ends = [image.copy() for image in (result.images[0], result.images[-1])]
    other = relax_band(*ends, turned, result.settings)
    found = vibrations_of(other, turned, within=1.0)
    assert found.end == "final"
    assert found.attempt_frequency == pytest.approx(
        vibrations_of(*wells, within=1.0).attempt_frequency, rel=0.01
    )


def test_that_frequencies_are_those_of_ase(copper, emt, tmp_path):
    found = vibrations_of(copper, emt, within=3.0)
    near = np.flatnonzero(
        np.any(
            [
                copper.images[n].get_distances(0, range(31), mic=True) <= 3.0
                for n in (0, copper.profile.saddle)
            ],
            axis=0,
        )
    )
    assert found.n_atoms == len(near) < 31
    for frequencies, image in (
        (found.at_end, copper.images[0]),
        (found.at_saddle, copper.images[copper.profile.saddle]),
    ):
        atoms = image.copy()
        atoms.calc = EMT()
        ase = AseVibrations(atoms, indices=near, name=str(tmp_path / "vib"), delta=0.05)
        ase.run()
        energies = ase.get_energies()
        ase.clean()
        theirs = np.sort(energies.real - energies.imag) * units._e / units._hplanck / 1e12
        assert frequencies == pytest.approx(theirs, rel=0.02, abs=0.02)


def test_that_a_crystal_as_a_whole_does_not_vibrate(copper, emt):
    found = vibrations_of(copper, emt, within=np.inf)
    assert found.n_atoms == 31
    assert len(found.at_end) == len(found.at_saddle) == 3 * 31 - 3
    assert found.at_end[0] > 1.0
    assert found.at_saddle[0] < -1.0
    assert found.at_saddle[1] > 1.0
    assert 1e12 < found.attempt_frequency < 1e14


def test_that_a_ridge_is_no_saddle(wells):
    result, potential = wells
    ridge = Wells(potential.host)
    ridge.sideways_at_saddle = np.array([5.0, -2.0])
    found = vibrations_of(result, ridge, within=1.0)
    assert [remark.code for remark in found.remarks] == ["higher_saddle"]
    assert found.attempt_frequency is None
    assert found.zero_point_ev is None
    assert "2 (" in found.remarks[0].text
    ridge.across = np.array([-1.0, 7.0])
    ridge.sideways_at_saddle = np.array([5.0, 2.0])
    found = vibrations_of(result, ridge, within=1.0)
    assert [remark.code for remark in found.remarks] == ["no_minimum"]
    assert "1 (" in found.remarks[0].text


def test_that_what_forces_may_leave_is_not_told_as_a_fault(wells):
    found = vibrations_of(*wells, within=1.0)
    weak = replace(found, at_end=(-0.2, *found.at_end[1:]))
    assert weak.attempt_frequency is None
    assert weak.text == "none"
    (remark,) = weak.remarks
    assert "may be no minimum: 1 (0.2i THz)" in remark.text
    assert "lower place" not in remark.text
    beside = replace(found, at_saddle=(found.at_saddle[0], -0.9, *found.at_saddle[2:]))
    (remark,) = beside.remarks
    assert "may be no saddle: 2 (" in remark.text
    assert "lower way" not in remark.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"end": "middle"}, "no end 'middle'"),
        ({"at_end": (1.0, 2.0)}, "do not fit"),
        ({"at_end": (), "at_saddle": ()}, "do not fit"),
        ({"n_atoms": 7}, "7 atoms"),
        ({"at_end": (1.0, 2.0, float("nan"))}, "no number"),
        ({"at_saddle": (-1.0, 2.0, float("inf"))}, "no number"),
    ],
)
def test_that_damaged_vibrations_are_refused(copper, emt, tmp_path, changes, said):
    data = vibrations_of(copper, emt, within=1.0).to_dict() | changes
    with pytest.raises(NebError, match=said):
        Vibrations.from_dict(data)
    write_result(copper, tmp_path)
    (tmp_path / VIBRATIONS).write_text(json.dumps(data))
    with pytest.raises(NebError, match="damaged"):
        read_result(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"converged": False}, "not converged"),
        ({"settings": NebSettings()}, "did not climb"),
        ({"settings": NebSettings(climb=True, relax_ends=False)}, "ends were not relaxed"),
        ({"potential": Provenance("chgnet", "0.3.0", "abc")}, "another potential"),
        ({"potential": Provenance("ase:emt", "1", "abc")}, "whose weights are others now"),
    ],
)
def test_that_bands_away_from_a_saddle_are_refused(copper, emt, changes, said):
    with pytest.raises(NebError, match=said):
        vibrations_of(replace(copper, **changes), emt)


def test_that_a_distance_that_is_none_is_refused(copper, emt):
    for within in (-1.0, np.nan):
        with pytest.raises(NebError, match="cannot vibrate"):
            vibrations_of(copper, emt, within=within)


def test_that_what_was_computed_is_not_computed_again(copper, tmp_path):
    counting = Counting("ase:emt")
    with pytest.raises(Cancelled):
        vibrations_of(copper, counting, within=2.0, folder=tmp_path, progress=StopAfter(3))
    before = len(counting.batches)
    assert before == 3
    found = vibrations_of(copper, counting, within=2.0, folder=tmp_path)
    assert len(counting.batches) == 2 * 3 * found.n_atoms
    assert vibrations_of(copper, counting, within=2.0, folder=tmp_path) == found
    assert len(counting.batches) == 2 * 3 * found.n_atoms
    (tmp_path / FORCES).write_bytes(b"PK")
    with pytest.raises(NebError, match="damaged"):
        vibrations_of(copper, counting, within=2.0, folder=tmp_path)


def test_that_forces_of_another_band_are_not_taken(copper, emt, tmp_path):
    vibrations_of(copper, emt, within=1.0, folder=tmp_path)
    other = [image.copy() for image in copper.images]
    for image in other:
        image.positions[1:] *= 1.002
    relaxed_further = replace(copper, images=tuple(other))
    fresh = vibrations_of(relaxed_further, emt, within=1.0)
    assert fresh.at_saddle != vibrations_of(copper, emt, within=1.0).at_saddle
    assert vibrations_of(relaxed_further, emt, within=1.0, folder=tmp_path) == fresh


def test_that_vibrations_stay_with_their_band(copper, emt, tmp_path):
    write_result(copper, tmp_path)
    found = vibrations_of(copper, emt, within=1.0)
    write_vibrations(found, tmp_path)
    read = read_result(tmp_path)
    assert read.vibrations == found
    assert copper.to_dict()["vibrations"] is None
    assert read.to_dict()["vibrations"] == found.to_dict()
    other = relaxed_band(copper_hop())
    assert read_vibrations(tmp_path, other) is None
    (tmp_path / VIBRATIONS).write_text("{}")
    with pytest.raises(NebError, match="damaged"):
        read_result(tmp_path)


def test_that_a_run_writes_them_beside_the_band(copper, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT}/core")
    write_result(copper, tmp_path / "band")
    options = {"band_folder": str(tmp_path / "band")}
    runs.create_run(tmp_path / "run", runs.VIBRATIONS, "Vibrations", options)
    assert runs.work(tmp_path / "run") is RunState.FINISHED
    done = runs.read_run(tmp_path / "run")
    found = read_result(tmp_path / "band").vibrations
    assert 10 < found.n_atoms < 31
    assert done.result["attempt_frequency_per_s"] == found.attempt_frequency
    assert done.outcome.endswith("1/s")


@pytest.mark.parametrize("change", ["removed", "relaxed anew"])
def test_that_a_band_that_changes_meanwhile_gets_none(copper, emt, tmp_path, monkeypatch, change):
    place = tmp_path / "band"
    write_result(copper, place)

    def find(*_, **__):
        found = vibrations_of(copper, emt, within=1.0)
        shutil.rmtree(place)
        if change == "relaxed anew":
            write_result(relaxed_band(copper_hop()), place)
        return found

    monkeypatch.setattr(task, "vibrations_of", find)
    said = {"removed": "no finished relaxed band", "relaxed anew": "relaxed anew meanwhile"}
    with pytest.raises(NebError, match=said[change]):
        task.vibrate(tmp_path / "run", {"band_folder": str(place)}, SILENT)
    assert not (place / VIBRATIONS).exists()
    assert place.exists() == (change == "relaxed anew")


def test_that_the_command_tells_them(copper, tmp_path, capsys):
    write_result(copper, tmp_path / "band")
    assert run("vibrations", tmp_path / "band", "--within", 1) == 0
    said = capsys.readouterr().out
    assert "1 atom vibrates" in said
    assert "attempt frequency" in said
    assert "i THz" in said
    assert run("vibrations", tmp_path / "band", "--within", 1, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["attempt_frequency_per_s"] > 1e12
    assert data["warnings"] == []
    assert run("vibrations", tmp_path / "none") == 2
    assert "There is no folder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_that_the_command_tells_no_change_as_none(copper, emt, tmp_path, capsys, monkeypatch):
    write_result(copper, tmp_path / "band")
    found = vibrations_of(copper, emt, within=1.0)
    found = replace(found, at_end=(4.0, 5.0, 6.0), at_saddle=(-3.0, 7.0, 7.99))
    assert -1e-3 < found.zero_point_ev < 0
    monkeypatch.setattr("migbar.neb.vibrations_of", lambda *_, **__: found)
    assert run("vibrations", tmp_path / "band") == 0
    assert "change the barrier by +0 meV" in capsys.readouterr().out
