"""Relaxed bands: known saddles, what is said of odd ones, stop, resume, bad input, a full disk."""

from __future__ import annotations

import errno
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.mep import NEB
from ase.optimize import BFGS
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from migbar import runs
from migbar.bands import Band, linear_path
from migbar.hops import Mechanism, hop_between_points
from migbar.neb import (
    NebError,
    NebSettings,
    endpoints,
    read_result,
    relax_band,
    settings_from,
    write_result,
)
from migbar.neb.checkpoints import STATE
from migbar.neb.profiles import profile_of
from migbar.neb.result import describe
from migbar.neb.saddles import bend_aside, saddle_remarks
from migbar.neb.task import neb_options
from migbar.potentials import (
    CalculatorPotential,
    Evaluation,
    PotentialError,
    Provenance,
    load_potential,
)
from migbar.runs import RunState
from migbar.supercells import make_band

ROOT = Path(__file__).resolve().parents[2]


def copper_hop(repeats: int = 2) -> Band:
    """A copper atom's hop into a vacancy."""
    crystal = AseAtomsAdaptor.get_structure(bulk("Cu", cubic=True) * ((repeats,) * 3))
    start, end = np.zeros(3), np.array([0.5, 0.5, 0.0]) / repeats
    kept = [
        site.frac_coords
        for site in crystal
        if min(crystal.lattice.get_all_distances(site.frac_coords, [start, end])[0]) > 0.1
    ]
    host = Structure(crystal.lattice, ["Cu"] * len(kept), kept)
    return Band(host, "Cu", linear_path(start, end))


@pytest.fixture(scope="module")
def ends():
    return endpoints(copper_hop())


@pytest.fixture
def emt():
    return Counting("ase:emt")


class Counting:
    """A potential that remembers how many images it was given at a time."""

    def __init__(self, name: str) -> None:
        self._potential = load_potential(name)
        self.provenance = self._potential.provenance
        self.supports = self._potential.supports
        self.calculator = self._potential.calculator
        self.batches: list[int] = []

    def evaluate(self, images):
        self.batches.append(len(images))
        return self._potential.evaluate(images)


class StopAfter:
    """A progress whose user stops after so many reports."""

    def __init__(self, reports: int) -> None:
        self.left = reports

    def report(self, done, total, message=""):
        self.left -= 1

    def cancelled(self):
        return self.left <= 0


def symmetric_saddle(initial: Atoms, final: Atoms) -> float:
    """The barrier by symmetry, which puts the saddle in the middle of the hop: no band is needed."""
    energies = []
    for middle in (False, True):
        atoms = initial.copy()
        if middle:
            atoms.positions[0] = (initial.positions[0] + final.positions[0]) / 2
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=0.005)
        energies.append(atoms.get_potential_energy())
    return energies[1] - energies[0]


@pytest.mark.parametrize(
    "settings",
    [
        NebSettings(),
        NebSettings(climb=True, optimizer="FIRE", fmax=0.03),
        NebSettings(n_images=4, climb=True, start="idpp"),
    ],
    ids=["paper", "climbing with FIRE", "climbing between images"],
)
def test_that_the_saddle_is_the_one_that_symmetry_demands(emt, ends, settings):
    result = relax_band(*ends, emt, settings)
    assert result.converged
    assert result.residual <= settings.fmax
    assert result.barrier_ev == pytest.approx(symmetric_saddle(*ends), abs=0.005)
    assert result.profile.forward_ev == pytest.approx(result.profile.reverse_ev, abs=0.002)
    assert result.remarks == ()


def test_that_the_saddle_is_that_of_ase(emt, ends):
    images = [ends[0].copy(), *(ends[0].copy() for _ in range(3)), ends[1].copy()]
    for image in images:
        image.calc = EMT()
    for end in (images[0], images[-1]):
        BFGS(end, logfile=None).run(fmax=0.05)
    band = NEB(images, k=0.1, method="improvedtangent")
    band.interpolate()
    BFGS(band, logfile=None).run(fmax=0.05)
    energies = [image.get_potential_energy() for image in images]
    ours = relax_band(*ends, emt)
    assert ours.barrier_ev == pytest.approx(max(energies) - energies[0], abs=0.001)


def test_that_all_images_of_a_step_are_computed_together(emt, ends):
    result = relax_band(*ends, emt, NebSettings(relax_ends=False, n_images=4))
    assert emt.batches[0] == 6
    assert emt.batches[1:] == [4] * result.steps + [8]  # at last around the saddle


def test_that_ends_given_relaxed_stay_as_they_are(emt, ends):
    result = relax_band(*ends, emt, NebSettings(relax_ends=False))
    assert (result.images[0].positions == ends[0].positions).all()
    assert (result.images[-1].positions == ends[1].positions).all()
    assert result.end_steps == 0


def test_that_too_few_steps_are_never_called_converged(emt, ends, tmp_path):
    result = relax_band(*ends, emt, NebSettings(max_steps=3), folder=tmp_path)
    assert not result.converged
    assert result.residual > 0.05
    assert [remark.code for remark in result.remarks] == ["not_converged"]
    more = relax_band(*ends, emt, NebSettings(), folder=tmp_path)
    assert more.converged
    assert more.barrier_ev == pytest.approx(relax_band(*ends, emt).barrier_ev, abs=1e-6)


@pytest.mark.parametrize("optimizer", ["BFGS", "FIRE"])
@pytest.mark.parametrize("reports", [2, 9], ids=["at an end", "on the band"])
def test_that_a_stopped_band_keeps_what_there_is_and_goes_on(
    emt, ends, tmp_path, optimizer, reports
):
    settings = NebSettings(optimizer=optimizer, climb=True)
    whole = relax_band(*ends, emt, settings)
    stopped = relax_band(*ends, emt, settings, folder=tmp_path, progress=StopAfter(reports))
    assert not stopped.converged
    assert "stopped" in {remark.code for remark in stopped.remarks}
    assert len(stopped.images) == 5
    again = relax_band(*ends, emt, settings, folder=tmp_path)
    assert again.converged
    assert (again.steps, again.end_steps) == (whole.steps, whole.end_steps)
    assert again.barrier_ev == pytest.approx(whole.barrier_ev, abs=1e-6)


def test_that_a_killed_run_ends_with_the_same_barrier(emt, ends, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT}/core")
    changes = {"fmax": 0.001, "optimizer": "FIRE"}
    runs.create_run(
        tmp_path, "neb", "Copper", neb_options(copper_hop(), "ase:emt", "paper", changes)
    )
    process = runs.start_run(tmp_path, threads=1)
    deadline = time.monotonic() + 60
    while not any(
        event["kind"] == "step" and event["stage"] == "band" and event["step"] >= 2
        for event in runs.read_events(tmp_path)[0]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert runs.read_run(tmp_path).state is RunState.INTERRUPTED
    runs.start_run(tmp_path, threads=1).wait()
    run = runs.read_run(tmp_path)
    whole = relax_band(*ends, emt, settings_from("paper", changes))
    assert run.state is RunState.FINISHED
    assert run.result["barrier_ev"] == pytest.approx(whole.barrier_ev, abs=0.002)
    steps = [event for event in runs.read_events(tmp_path)[0] if event["kind"] == "step"]
    first = [e for e in steps if (e["stage"], e["step"]) == ("initial", 0)]
    assert len(first) == 1  # the second sitting went on and did not begin anew


def test_that_a_stopped_run_leaves_its_files_and_goes_on(tmp_path):
    folder = tmp_path / "run"
    runs.create_run(folder, "neb", "Copper", neb_options(copper_hop(), "ase:emt"))
    (folder / "stop").touch()
    assert runs.work(folder) is RunState.STOPPED
    assert not read_result(folder).converged
    (folder / "stop").unlink()
    assert runs.work(folder) is RunState.FINISHED
    result = read_result(folder)
    assert result.converged
    ended = runs.read_run(folder)
    assert ended.result == {**result.to_dict(), "text": f"{result.barrier_ev:.3f} eV"}
    steps = [event for event in runs.read_events(folder)[0] if event["kind"] == "step"]
    assert {event["stage"] for event in steps} == {"initial", "final", "band"}
    assert steps[-1]["residual"] == pytest.approx(result.residual)
    assert steps[-1]["fmax"] == result.settings.fmax
    assert steps[-1]["energies"] == pytest.approx(result.profile.energies.tolist())


def test_that_a_run_that_cannot_be_says_why(tmp_path):
    runs.create_run(tmp_path, "neb", "Copper", neb_options(copper_hop(), "ase:nothing"))
    assert runs.work(tmp_path) is RunState.FAILED
    assert "ASE cannot make a calculator 'nothing'" in runs.read_run(tmp_path).error


def test_that_a_full_disk_is_told_and_what_was_saved_stays(emt, ends, tmp_path, monkeypatch):
    from migbar.neb import checkpoints

    monkeypatch.setattr(checkpoints, "SAVING_SHARE", 1e9)
    write, written = np.savez, []

    def savez(file, **arrays):
        if len(written) == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / STATE))
        written.append(1)
        write(file, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", savez)
        with pytest.raises(OSError, match="No space left"):
            relax_band(*ends, emt, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [STATE]
    again = relax_band(*ends, emt, folder=tmp_path)
    assert again.barrier_ev == pytest.approx(relax_band(*ends, emt).barrier_ev, abs=1e-6)


@pytest.mark.parametrize("optimizer", ["BFGS", "FIRE"])
@pytest.mark.parametrize("climb", [False, True])
def test_that_a_converged_band_is_not_relaxed_again(emt, ends, tmp_path, optimizer, climb):
    settings = NebSettings(optimizer=optimizer, climb=climb)
    first = relax_band(*ends, emt, settings, folder=tmp_path)
    evaluations = len(emt.batches)
    again = relax_band(*ends, emt, settings, folder=tmp_path)
    assert len(emt.batches) == evaluations + 2  # the band, and around its saddle
    assert (again.converged, again.steps) == (True, first.steps)
    assert again.barrier_ev == pytest.approx(first.barrier_ev, abs=1e-9)


@pytest.mark.parametrize("optimizer", ["BFGS", "FIRE"])
def test_that_a_band_that_was_interrupted_again_and_again_takes_the_same_steps(
    emt, ends, tmp_path, optimizer
):
    settings = NebSettings(optimizer=optimizer, relax_ends=False, fmax=0.01)
    whole = relax_band(*ends, emt, settings)
    for most in (2, 4, 6):
        part = relax_band(*ends, emt, replace(settings, max_steps=most), folder=tmp_path)
        assert (part.converged, part.steps) == (False, most)
    last = relax_band(*ends, emt, settings, folder=tmp_path)
    assert (last.converged, last.steps) == (True, whole.steps)
    assert last.profile.energies == pytest.approx(whole.profile.energies, abs=1e-9)


def test_that_ends_that_get_more_steps_are_relaxed_further(emt, ends, tmp_path):
    short = relax_band(*ends, emt, NebSettings(ends_max_steps=1), folder=tmp_path)
    assert "ends_not_converged" in [remark.code for remark in short.remarks]
    more = relax_band(*ends, emt, NebSettings(), folder=tmp_path)
    assert more.converged
    assert more.barrier_ev == pytest.approx(relax_band(*ends, emt).barrier_ev, abs=0.005)


@pytest.mark.parametrize("max_steps", [1, 1000], ids=["under way", "converged"])
def test_that_a_folder_of_another_band_is_left_alone(emt, ends, tmp_path, max_steps):
    relax_band(*ends, emt, NebSettings(max_steps=max_steps), folder=tmp_path)
    with pytest.raises(NebError, match="another band or of other settings"):
        relax_band(*ends, emt, NebSettings(n_images=5), folder=tmp_path)
    emt.provenance = replace(emt.provenance, sha256="other weights in a file of the same name")
    with pytest.raises(NebError, match="by another potential"):
        relax_band(*ends, emt, NebSettings(max_steps=max_steps), folder=tmp_path)
    whole = (tmp_path / STATE).read_bytes()
    encrypted = whole.replace(b"PK\x01\x02-\x03-\x00\x00\x00", b"PK\x01\x02-\x03-\x00\x01\x00")
    assert encrypted != whole
    for damaged in (b"PK\x03\x04 cut", b"no archive", encrypted):
        (tmp_path / STATE).write_bytes(damaged)
        with pytest.raises(NebError, match=r"damaged; remove it") as told:
            relax_band(*ends, emt, folder=tmp_path)
        assert "pickle" not in str(told.value)


def test_that_a_result_survives_its_folder(emt, ends, tmp_path):
    result = relax_band(*ends, emt, NebSettings(max_steps=2))
    write_result(result, tmp_path)
    back = read_result(tmp_path)
    assert back.to_dict() == result.to_dict()
    for one, other in zip(back.images, result.images, strict=True):
        assert one.positions == pytest.approx(other.positions, abs=1e-6)
        assert one.get_potential_energy() == pytest.approx(other.get_potential_energy(), abs=1e-6)
        assert one.get_forces() == pytest.approx(other.get_forces(), abs=1e-6)
    (tmp_path / "band.extxyz").unlink()
    with pytest.raises(NebError, match="no readable relaxed band"):
        read_result(tmp_path)
    (tmp_path / "result.json").unlink()
    with pytest.raises(NebError, match=r"no result\.json in it"):
        read_result(tmp_path)


# ------------------------------------------------------------------ bad input


def test_that_ends_that_make_no_band_are_refused(emt, ends):
    initial, final = ends
    with pytest.raises(NebError, match="no atom moves"):
        relax_band(initial, initial, emt)
    other = final.copy()
    other.symbols[3] = "Ag"
    with pytest.raises(NebError, match="same atoms in the same order"):
        relax_band(initial, other, emt)
    squeezed = final.copy()
    squeezed.positions[1] = squeezed.positions[2] + 0.1
    squeezed.set_cell(final.cell * 1.01)
    with pytest.raises(
        NebError, match="cells differ; atoms lie on top of one another in the final"
    ):
        relax_band(initial, squeezed, emt)


def test_that_images_on_top_of_an_atom_are_refused(emt, ends):
    initial, final = (end.copy() for end in ends)
    vector = final.positions[0] - initial.positions[0]
    for end in (initial, final):
        end.positions[1] = initial.positions[0] + vector / 2
    with pytest.raises(NebError, match="Let it start from IDPP"):
        relax_band(initial, final, emt, NebSettings(relax_ends=False))


def test_that_an_ion_that_the_potential_does_not_know_is_named(ends):
    potential = CalculatorPotential(load_potential("ase:emt").provenance, EMT, frozenset({"Al"}))
    with pytest.raises(PotentialError, match="ase:emt does not know Cu"):
        relax_band(*ends, potential)
    initial, final = (end.copy() for end in ends)
    for end in (initial, final):
        end.symbols[0] = "Li"
    with pytest.raises(PotentialError, match="cannot compute"):
        relax_band(initial, final, load_potential("ase:emt"))


def test_that_settings_that_do_not_fit_are_listed_together():
    with pytest.raises(NebError, match=r"0 images.*'straight'.*fmax = -1"):
        NebSettings(n_images=0, start="straight", fmax=-1.0)
    with pytest.raises(NebError, match="no NEB preset 'best'"):
        settings_from("best")
    with pytest.raises(NebError, match="no NEB setting 'images'"):
        settings_from("paper", {"images": 5})
    with pytest.raises(NebError, match="climb is a bool, not 1"):
        settings_from("paper", {"climb": 1})
    assert settings_from("paper", {"fmax": 1}).fmax == 1.0


# ------------------------------------------------------------------ odd bands


def toy_band(path, energies) -> list[Atoms]:
    """An ion on a line beside a heavy host, with energies as given."""
    images = []
    for place, energy in zip(path, energies, strict=True):
        atoms = Atoms("LiO2", [[place, 0, 0], [0, 5, 0], [5, 5, 0]], cell=[10, 10, 10], pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.zeros((3, 3)))
        images.append(atoms)
    return images


@pytest.mark.parametrize(
    ("path", "energies", "code"),
    [
        ([0, 1, 2, 3, 4], [0.0, 0.3, 0.5, 0.3, 0.0], None),
        ([0, 1, 2, 3, 4], [0.0, 0.1, 0.2, 0.3, 0.5], "saddle_at_end"),
        ([0, 2, 1, 3, 4], [0.0, 0.3, 0.5, 0.3, 0.0], "image_order"),
        ([0, 1, 2, 3, 4], [0.0, 0.3, -0.2, 0.3, 0.0], "intermediate_minimum"),
        ([3.9, 4.0, 4.1, 4.2, 4.3], [0.0, 0.3, 0.5, 0.3, 0.0], "ends_same end_moved"),
    ],
)
def test_that_odd_bands_are_told(path, energies, code):
    images = toy_band(path, energies)
    given = [toy_band([0], [0])[0].positions, toy_band([4], [0])[0].positions]
    codes = {remark.code for remark in describe(images, profile_of(images), given)}
    assert codes == set((code or "").split())


@pytest.mark.parametrize(
    ("energies", "end"), [([0.5, 0.2, 0.0], "initial"), ([0.0, 0.2, 0.5], "final")]
)
def test_that_the_end_that_is_highest_is_named(energies, end):
    images = toy_band([0, 2, 4], energies)
    (told,) = describe(images, profile_of(images), [images[0].positions, images[-1].positions])
    assert f"is the {end} end" in told.text


class TwoValleys:
    """An ion between two places with a hill between them, and a valley on either side of the hill.

    The ends lie at x = ±1 Å; over the hill it is 1.0 eV high, through either valley (y = ±0.6 Å) 0.5 eV.
    """

    provenance = Provenance("valleys", "1")
    middle = np.array([5.0, 5.0, 5.0])

    def supports(self, element):
        return True

    def evaluate(self, images):
        return [Evaluation(self.energy(i.positions), self.forces(i.positions)) for i in images]

    def energy(self, positions):
        x, y, z = positions[0] - self.middle
        valley = y**2 - 0.36 * (1 - x**2)
        return 0.5 * (x**2 - 1) ** 2 + 3.86 * valley**2 + 2 * z**2

    def forces(self, positions):
        forces = np.zeros_like(positions)
        for axis in range(3):
            shift = np.zeros_like(positions)
            shift[0, axis] = 1e-4
            change = self.energy(positions + shift) - self.energy(positions - shift)
            forces[0, axis] = -change / 2e-4
        return forces


def valley_ends() -> list[Atoms]:
    places = ([[5 + x, 5, 5], [0, 2, 0]] for x in (-1, 1))
    return [Atoms("LiO", place, cell=[10, 10, 10], pbc=True) for place in places]


def test_that_a_band_on_a_ridge_is_told_and_starts_aside_instead():
    ends = valley_ends()
    straight = relax_band(*ends, TwoValleys(), NebSettings(relax_ends=False))
    assert straight.converged
    assert straight.barrier_ev == pytest.approx(1.0, abs=0.01)
    assert [remark.code for remark in straight.remarks] == ["ridge"]
    assert "--start aside" in straight.remarks[0].text
    aside = relax_band(*ends, TwoValleys(), NebSettings(relax_ends=False, start="aside"))
    assert aside.converged
    assert aside.barrier_ev == pytest.approx(0.5, abs=0.01)
    assert aside.remarks == ()


class Stopover(TwoValleys):
    """An ion whose way leads through a site of 0.45 eV in its middle, with 0.50 eV on either side of it."""

    def energy(self, positions):
        x, y, z = positions[0] - self.middle
        hill, ripples = 0.5 * (1 + np.cos(np.pi * x)), 0.5 * (1 - np.cos(4 * np.pi * x))
        return 0.45 * hill + 0.12 * ripples + 2 * (y**2 + z**2)


def test_that_a_highest_image_in_a_dip_is_told():
    few = relax_band(*valley_ends(), Stopover(), NebSettings(relax_ends=False))
    assert few.barrier_ev == pytest.approx(0.45, abs=0.01)
    assert [remark.code for remark in few.remarks] == ["dip"]
    many = relax_band(*valley_ends(), Stopover(), NebSettings(relax_ends=False, n_images=7))
    assert many.barrier_ev == pytest.approx(0.50, abs=0.01)
    assert many.remarks == ()


class Quadric(TwoValleys):
    """An ion at a stationary point with the given second derivatives (eV/Å²)."""

    def __init__(self, hessian):
        self.hessian = hessian

    def energy(self, positions):
        away = positions[0] - self.middle
        return 0.5 * away @ self.hessian @ away


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("curvatures", "told"),
    [((-2, -1.3, 3), ["ridge: -1.3"]), ((3.2, 2, 1), ["dip: 3.2"]), ((-2, 0.5, 3), []), ((0.5, -0.2, 3), [])],
)  # fmt: skip
def test_that_curvatures_at_a_saddle_are_told_whatever_way_it_lies(seed, curvatures, told):
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    potential = Quadric(axes @ np.diag(curvatures) @ axes.T)
    images = [
        Atoms("LiO", [potential.middle + x * axes[:, 0], [0, 2, 0]], cell=[10, 10, 10], pbc=True)
        for x in (-0.5, 0.0, 0.5)
    ]
    for image, height in zip(images, (-1.0, 0.0, -1.0), strict=True):
        image.calc = SinglePointCalculator(image, energy=height)
    found = saddle_remarks(images, potential)
    assert [f"{r.code}: {re.search(r'(-?[.0-9]+) eV/Å²', r.text)[1]}" for r in found] == told
    assert saddle_remarks(images[:2], potential) == []  # at an end there is no saddle


def test_that_a_band_is_bent_to_the_roomiest_side_of_its_path():
    path = np.linspace([4, 9.5, 5], [6, 9.5, 5], 5)  # beside the oxygen of the next cell
    images = [Atoms("LiO", [place, [5, 1, 5]], cell=[10, 10, 10], pbc=True) for place in path]
    bend_aside(images)
    bent = np.array([image.positions[0] for image in images]) - path
    assert bent[:, 1] == pytest.approx([0, -0.4 / np.sqrt(2), -0.4, -0.4 / np.sqrt(2), 0])
    assert bent[:, [0, 2]] == pytest.approx(0)


# ------------------------------------------------------------------ a real one


def test_that_lithium_hops_in_titanium_sulphide_by_chgnet(empty_layered, capfd):
    hop = hop_between_points(empty_layered, "Li", (0, 0, 0.5), (1, 0, 0.5), Mechanism.INSERTION)
    band = make_band(empty_layered, hop, np.diag([2, 2, 1]))
    result = relax_band(*endpoints(band), load_potential("chgnet", "cpu"))
    assert result.converged
    assert 0.3 < result.barrier_ev < 1.5
    assert result.profile.forward_ev == pytest.approx(result.profile.reverse_ev, abs=0.005)
    assert result.profile.saddle == 2
    # The tetrahedra beside the straight path are out of its reach by symmetry.
    assert [remark.code for remark in result.remarks] == ["ridge"]
    assert (result.potential.name, result.potential.version) == ("chgnet", "0.3.0")
    assert capfd.readouterr().out == ""
