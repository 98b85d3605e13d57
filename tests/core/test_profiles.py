"""Energy profiles: barriers, splines, and the files that others read."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read
from matplotlib.figure import Figure

from migbar.neb.profiles import (
    EnergyProfile,
    ProfileError,
    draw_profiles,
    profile_of,
    write_band,
    write_images,
    write_profile,
    write_profile_picture,
)
from migbar.structures import read_structure


def valley(x):
    """A double well, and its slope."""
    return 0.4 * (1 - ((x - 2) / 2) ** 2) ** 2 + 0.05 * x, -0.4 * (1 - ((x - 2) / 2) ** 2) * 2 * (
        x - 2
    ) / 2 + 0.05


@pytest.fixture
def images() -> list[Atoms]:
    """An ion that goes from one well to the other, past a host that stays."""
    band = []
    for x in np.linspace(0, 4, 5):
        atoms = Atoms("LiO", [[x, 0, 0], [2, 4, 4]], cell=[9, 9, 9], pbc=True)
        energy, slope = valley(x)
        atoms.calc = SinglePointCalculator(
            atoms, energy=energy - 100, forces=[[-slope, 0.3, 0], [0, 0, 0]]
        )
        band.append(atoms)
    return band


def test_that_barriers_follow_from_the_images(images):
    profile = profile_of(images)
    top, end = valley(2.0)[0], valley(4.0)[0]
    assert profile.forward_ev == pytest.approx(top)
    assert profile.reverse_ev == pytest.approx(top - end)
    assert profile.barrier_ev == profile.forward_ev
    assert profile.reaction_energy_ev == pytest.approx(end)
    assert profile.distance == pytest.approx([0, 1, 2, 3, 4])
    assert profile.fraction == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert profile.saddle == 2


def test_that_the_force_along_a_bent_path_is_that_along_the_line_between_its_arms(tmp_path):
    band = []
    for place in ([0, 0, 0], [1, 0, 0], [1, 2, 0]):
        atoms = Atoms("Li", [place], cell=[9, 9, 9], pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=[[3.0, 1.0, 0.5]])
        band.append(atoms)
    profile = profile_of(band)
    assert profile.tangential_forces == pytest.approx([3.0, 4.0 / np.sqrt(2), 1.0])
    assert profile.distance == pytest.approx([0, 1, 3])
    write_profile(profile, tmp_path / "bent.csv")
    rows = list(csv.DictReader((tmp_path / "bent.csv").read_text().splitlines()))
    told = [float(row["tangential_force_ev_per_angstrom"]) for row in rows]
    assert told == pytest.approx(profile.tangential_forces, abs=1e-6)


def test_that_the_barrier_has_no_direction(images):
    there, back = profile_of(images), profile_of(images[::-1])
    assert back.barrier_ev == pytest.approx(there.barrier_ev)
    assert (back.forward_ev, back.reverse_ev) == pytest.approx((there.reverse_ev, there.forward_ev))
    assert back.tangential_forces == pytest.approx(-there.tangential_forces[::-1])


def test_that_the_spline_goes_through_energies_and_slopes(images):
    profile = profile_of(images)
    x, energy = profile.spline(401)
    assert energy == pytest.approx(valley(x)[0] - valley(0)[0], abs=0.03)
    assert energy[::100] == pytest.approx(profile.relative)
    slope = np.gradient(energy, x)
    assert slope[[100, 200, 300]] == pytest.approx(valley(np.array([1, 2, 3]))[1], abs=0.01)


def test_that_images_on_top_of_one_another_still_draw():
    profile = EnergyProfile(np.zeros(3), np.array([0.0, 1.0, 0.0]), np.zeros(3))
    assert np.isfinite(profile.spline()[1]).all()
    assert profile.fraction == pytest.approx(np.zeros(3))


def test_that_files_hold_the_profile(images, tmp_path):
    profile = profile_of(images)
    write_profile(profile, tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text())
    assert EnergyProfile.from_dict(data).to_dict() == profile.to_dict()
    write_profile(profile, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [float(row["relative_energy_ev"]) for row in rows] == pytest.approx(
        profile.relative, abs=1e-6
    )
    assert [row["image"] for row in rows] == list("01234")


def test_that_other_data_are_no_profiles():
    text = {
        "distance_angstrom": [0, 1],
        "energies_ev": [0, "x"],
        "tangential_forces_ev_per_angstrom": [0, 0],
    }
    for data in ({}, {"distance_angstrom": [0]}, text):
        with pytest.raises(ProfileError):
            EnergyProfile.from_dict(data)


def test_that_profiles_are_drawn_over_one_another(images, tmp_path):
    profiles = {"there": profile_of(images), "back": profile_of(images[::-1])}
    for name in ("a.svg", "a.png"):
        write_profile_picture(profiles, tmp_path / name, normalised=True)
        assert (tmp_path / name).stat().st_size > 1000
    assert "<svg" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(("normalised", "end"), [(False, 4.0), (True, 1.0)])
def test_that_a_path_is_drawn_to_its_end(images, normalised, end):
    figure = Figure()
    still = EnergyProfile(np.zeros(3), np.array([0.0, 1.0, 0.0]), np.zeros(3))
    draw_profiles({"way": profile_of(images), "still": still}, figure, normalised=normalised)
    curve, marks, *others, _ = figure.axes[0].lines
    assert curve.get_xdata()[[0, -1]] == pytest.approx([0, end])
    assert marks.get_xdata() == pytest.approx(np.linspace(0, end, 5))
    assert marks.get_ydata() == pytest.approx(profile_of(images).relative)
    assert all(np.isfinite(line.get_xydata()).all() for line in others)
    assert figure.axes[0].get_legend().get_frame_on()  # no line runs through its words


def test_that_images_are_written_with_energies_and_one_by_one(images, tmp_path):
    write_band(images, tmp_path / "band.extxyz")
    back = read(tmp_path / "band.extxyz", index=":")
    assert [atoms.get_potential_energy() for atoms in back] == pytest.approx(
        [atoms.get_potential_energy() for atoms in images]
    )
    paths = write_images(images, tmp_path / "images")
    assert [path.name for path in paths] == [f"0{i}.cif" for i in range(5)]
    third = read_structure(paths[2])
    assert [site.specie.symbol for site in third] == ["Li", "O"]
    assert third[0].coords == pytest.approx([2, 0, 0], abs=1e-6)
