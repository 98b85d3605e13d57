"""Cells that repeat a smaller one are described like that one."""

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.bands import Band
from migbar.descriptors import describe
from migbar.descriptors.repeats import copies_of_ends, translations
from migbar.training.cells import doubled_cell


@pytest.fixture
def crystal() -> Structure:
    """LiF with lithium and fluorine, 2 × 2 × 2 cubic cells."""
    cell = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    return cell.make_supercell([2, 2, 2], in_place=False)


@pytest.fixture
def vacancy(crystal: Structure) -> Band:
    """A neighbour of a vacancy hops into it."""
    start, end = np.array([0.0, 0.0, 0.0]), np.array([0.25, 0.25, 0.0])
    gone = [
        i
        for i, site in enumerate(crystal)
        if min(site.distance_from_point(p @ crystal.lattice.matrix) for p in (start, end)) < 0.1
    ]
    assert len(gone) == 2
    host = crystal.copy()
    host.remove_sites(gone)
    return Band(host, "Li", np.linspace(start, end, 5))


def same(first: Band, second: Band) -> bool:
    return bool(np.allclose(list(describe(first).values()), list(describe(second).values())))


@pytest.mark.parametrize("copy", ["same", "host", "perfect"])
def test_that_a_repeated_cell_is_described_like_the_single_one(vacancy: Band, copy: str) -> None:
    assert same(vacancy, doubled_cell(vacancy, copy))  # type: ignore[arg-type]
    assert same(vacancy, doubled_cell(vacancy, copy).reversed())  # type: ignore[arg-type]


def test_that_a_further_vacancy_of_the_crystal_counts(vacancy: Band) -> None:
    host = vacancy.host.copy()
    near = min(
        (i for i, site in enumerate(host) if site.specie.symbol == "Li"),
        key=lambda i: host[i].distance_from_point([2.0, 0.0, 2.0]),
    )
    host.remove_sites([near])
    emptier = Band(host, "Li", vacancy.path)
    assert len(copies_of_ends(host, "Li", vacancy.path[[0, -1]])) == 0
    assert not same(vacancy, emptier)


def test_that_voids_of_a_perfect_crystal_are_not_filled(crystal: Structure) -> None:
    ends = np.array([[0.125, 0.125, 0.125], [0.375, 0.125, 0.125]])
    assert len(copies_of_ends(crystal, "Li", ends)) == 0


def test_that_translations_are_those_of_the_crystal(crystal: Structure) -> None:
    kinds = np.array([site.specie.Z for site in crystal])
    found = translations(crystal.frac_coords, kinds, crystal.lattice.matrix)
    assert len(found) == 32
    shaken = crystal.frac_coords.copy()
    shaken[5] += 0.03
    only = translations(shaken, kinds, crystal.lattice.matrix)
    assert np.allclose(only, 0)
