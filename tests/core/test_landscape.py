"""The bond-valence site-energy map: against an independent program, and its symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from ase.data import covalent_radii
from pymatgen.core import Lattice, Structure
from scipy.special import erfc

from migbar.errors import OccupancyError
from migbar.landscape import HIGHEST, REACH, LandscapeError, site_energy_landscape
from migbar.softbv import MORSE
from migbar.structures import read_structure


def test_that_the_map_agrees_with_bvlain(layered_oxide):
    # BVlain 0.25.1 with Li+, Co3+, O2-, a cut-off of 10 Å, and points in the plane of the Li.
    reference = {(0, 0, 0): -2.2725, (3, 2, 0): -1.5318, (6, 6, 0): -0.3688}
    landscape = site_energy_landscape(layered_oxide, "Li", resolution=0.256)
    assert landscape.energies.shape[:2] == (11, 11)
    for point, energy in reference.items():
        assert landscape.energies[point] == pytest.approx(energy + 2.2725, abs=2e-3)


@pytest.mark.parametrize(("name", "ion"), [("LiFePO4", "Li"), ("LiCoO2", "Li"), ("NaV2O5", "Na")])
def test_that_the_ion_sits_where_its_energy_is_low(examples_dir, name, ion):
    structure = read_structure(examples_dir / f"{name}.cif")
    landscape = site_energy_landscape(structure, ion)
    shape = np.array(landscape.energies.shape)
    for site in structure:
        if site.specie.symbol == ion:
            index = tuple(np.rint(site.frac_coords * shape).astype(int) % shape)
            assert landscape.energies[index] < 0.5
        else:
            index = tuple(np.rint(site.frac_coords * shape).astype(int) % shape)
            assert landscape.energies[index] > 2.0


def test_that_the_map_has_the_symmetry_of_the_crystal(rock_salt):
    energies = site_energy_landscape(rock_salt, "Li", resolution=4.03 / 12).energies
    assert energies.shape == (12, 12, 12)
    assert np.allclose(energies, energies.transpose(1, 2, 0), atol=1e-8)
    assert np.allclose(energies, np.roll(energies, (6, 6, 0), axis=(0, 1, 2)), atol=1e-8)
    assert np.allclose(energies, np.roll(energies[::-1], 1, axis=0), atol=1e-8)


def test_that_the_map_of_a_skewed_cell_is_the_sum_over_all_atoms_around():
    lattice = Lattice([[3.1, 0.4, -0.2], [2.6, 3.3, 0.3], [-3.9, 1.7, 4.2]])
    structure = Structure(
        lattice,
        ["Mg", "Ti", "S", "S", "S"],
        [[0.1, 0.9, 0.4], [0.62, 1.31, -0.2], [0.13, 0.27, 0.71], [0.3, 0.5, 0.1], [0.8, 0.1, 0.3]],
    )
    found = site_energy_landscape(structure, "Mg", resolution=1.2).energies
    points = np.array(list(np.ndindex(found.shape))) / found.shape
    cells = np.array(list(np.ndindex(15, 15, 15))) - 7

    def distances(*sites: int) -> np.ndarray:
        copies = (structure.frac_coords[list(sites)][:, None] + cells).reshape(-1, 3)
        far = np.linalg.norm((copies - points[:, None]) @ lattice.matrix, axis=2)
        return np.where(far <= REACH, far, 1e3)

    to_titanium, to_sulphur = distances(1), distances(2, 3, 4)
    shortest, depth, steepness = MORSE["Mg"]["S"]
    radii = covalent_radii[12] + covalent_radii[22]
    bonds = (np.exp(steepness * (shortest - to_sulphur)) - 1) ** 2 - 1
    # Charges of 2 and 4 in the third and the fourth row; 14.4 eV Å is e²/4πε₀.
    clashes = 14.399645 * 2 * 4 / np.sqrt(3 * 4) * erfc(to_titanium / (0.74 * radii)) / to_titanium
    energies = depth / 2 * bonds.sum(axis=1) + clashes.sum(axis=1)
    expected = np.minimum(energies - energies.min(), HIGHEST)
    assert found.ravel() == pytest.approx(expected, abs=1e-6)


def test_that_energies_count_from_the_lowest_and_are_cut_off_inside_atoms(rock_salt):
    energies = site_energy_landscape(rock_salt, "Li").energies
    assert energies.min() == 0.0
    assert energies.max() <= HIGHEST


def test_that_the_channel_of_an_olivine_opens_along_b_first(examples_dir):
    from scipy.ndimage import label

    structure = read_structure(examples_dir / "LiFePO4.cif")
    energies = site_energy_landscape(structure, "Li").energies

    def opens_at(axis: int) -> float:
        # Two cells side by side along the axis: does one region reach from end to end?
        doubled = np.concatenate([energies, energies], axis=axis)
        for level in np.arange(0.1, HIGHEST, 0.1):
            regions, _ = label(doubled <= level)
            ends = [set(np.take(regions, i, axis=axis).flat) - {0} for i in (0, -1)]
            if ends[0] & ends[1]:
                return float(level)
        return HIGHEST

    assert opens_at(1) < min(opens_at(0), opens_at(2))


def test_that_more_of_the_cell_is_open_at_higher_energies(empty_layered):
    landscape = site_energy_landscape(empty_layered, "Li")
    assert landscape.open_fraction(0.0) < landscape.open_fraction(1.0) < 1.0
    assert landscape.open_fraction(HIGHEST) == 1.0


def test_that_ions_and_anions_without_parameters_are_named(rock_salt):
    with pytest.raises(LandscapeError, match="for Cs"):
        site_energy_landscape(rock_salt, "Cs")
    phosphide = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.0), ["Sc", "P"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    with pytest.raises(LandscapeError, match="Li with P"):
        site_energy_landscape(phosphide, "Li")
    metal = Structure(Lattice.cubic(3.5), ["Li"], [[0, 0, 0]])
    with pytest.raises(LandscapeError, match="nothing but Li"):
        site_energy_landscape(metal, "Li")
    mixed = Structure(Lattice.cubic(4.0), [{"Li": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(OccupancyError):
        site_energy_landscape(mixed, "Li")


@pytest.mark.parametrize("ion", MORSE)
def test_that_every_bond_has_a_minimum_where_ions_meet_and_fades_with_the_distance(ion):
    for minimum, depth, steepness in MORSE[ion].values():
        assert 1.5 < minimum < 4.0
        assert 0 < depth < 5
        assert 1 < steepness < 3


def test_that_a_bond_without_sensible_parameters_is_named(examples_dir):
    selenide = read_structure(examples_dir / "MgTi2S4.cif")
    selenide.replace_species({"S": "Se", "Ti": "Sc"})
    with pytest.raises(LandscapeError, match="Mg with Se"):
        site_energy_landscape(selenide, "Mg")
