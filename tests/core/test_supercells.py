"""Supercells: large enough for a hop, and no larger than it must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from migbar.bands import approaches
from migbar.errors import HopError, SiteError, SupercellError
from migbar.hops import Mechanism, SiteRef, hop_between_sites
from migbar.structures import read_structure
from migbar.supercells import (
    choose_supercell,
    make_band,
    meets_own_image,
    parse_supercell,
    shortest_translation,
)


def test_that_a_hop_to_its_own_image_gets_a_supercell(layered_oxide):
    hop = hop_between_sites(layered_oxide, "Li", SiteRef(0), SiteRef(0, (1, 0, 0)))
    band = make_band(layered_oxide, hop)
    assert shortest_translation(band.host.lattice.matrix) >= 8.0
    assert band.length == pytest.approx(2.816)
    with pytest.raises(SupercellError, match="own periodic image"):
        make_band(layered_oxide, hop, np.eye(3, dtype=int))


@pytest.mark.parametrize("digits", [12, 7, 6, 5, 4])
@pytest.mark.parametrize(
    ("vectors", "cells"),
    [
        ([[4, 0, 0], [-2, 12**0.5, 0], [0, 0, 9]], 4),
        ([[0, 8**0.5, 8**0.5], [8**0.5, 0, 8**0.5], [8**0.5, 8**0.5, 0]], 8),
    ],
)
def test_that_the_digits_of_a_file_make_no_supercell_larger(vectors, cells, digits):
    cell = Structure(Lattice(np.round(vectors, digits)), ["Li"], [[0, 0, 0]])
    assert np.linalg.det(choose_supercell(cell)) == pytest.approx(cells)


def test_that_a_hop_longer_than_the_supercell_does_not_meet_itself(layered_oxide):
    hop = hop_between_sites(layered_oxide, "Li", SiteRef(0), SiteRef(0, (3, 0, 0)))
    band = make_band(layered_oxide, hop)
    assert band.length == pytest.approx(3 * 2.816)


@pytest.mark.parametrize("images", [[(0, 0, 1)], [(0, 0, 1), (0, 0, 2)]])
def test_that_emptied_sites_are_apart_in_the_supercell_and_ions_are_left(images):
    cell = Structure(
        Lattice.cubic(9.0), ["Li", "Li", "O"], [[0, 0, 0], [0.3, 0, 0], [0.5, 0.5, 0.5]]
    )
    removed = [SiteRef(1, image) for image in images]  # at least one is an image of an end
    hop = hop_between_sites(cell, "Li", SiteRef(0), SiteRef(1), removed=removed)
    matrix = choose_supercell(cell, hop)
    host = make_band(cell, hop, matrix).host
    left = 2 * round(np.linalg.det(matrix)) - 2 - len(removed)
    assert sum(site.specie.symbol == "Li" for site in host) == left >= 2


def test_that_emptied_sites_are_apart_however_many_cells_lie_between_them():
    cell = Structure(Lattice.cubic(9.0), ["Li", "Li"], [[0, 0, 0], [0.3, 0, 0]])
    hop = hop_between_sites(cell, "Li", SiteRef(0), SiteRef(1), removed=[SiteRef(1, (0, 0, 12))])
    assert 12 % choose_supercell(cell, hop)[2, 2]


def test_that_a_site_that_is_named_twice_is_no_reason_for_a_larger_supercell(layered_oxide):
    hop = hop_between_sites(
        layered_oxide, "Li", SiteRef(0), SiteRef(0, (1, 0, 0)), removed=[SiteRef(1), SiteRef(1)]
    )
    with pytest.raises(SiteError, match="name each site once"):
        make_band(layered_oxide, hop)


def test_that_a_hop_to_its_own_image_enlarges_the_cell_no_more_than_it_must():
    cell = Structure(Lattice.cubic(9.0), ["Li", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    ends = SiteRef(0), SiteRef(0, (0, 0, 1))
    lone = hop_between_sites(cell, "Li", *ends, Mechanism.SINGLE_ION)
    assert np.array_equal(choose_supercell(cell, lone), np.diag([1, 1, 2]))
    vacancy = choose_supercell(cell, hop_between_sites(cell, "Li", *ends))
    # Two ions stay beside the two ends, in a cell that is not longer than it must be.
    assert sorted(np.diag(vacancy)) == [1, 2, 2]
    assert not meets_own_image(hop_between_sites(cell, "Li", *ends), vacancy)


def test_that_the_reduced_cell_serves_where_the_cell_as_read_is_skewed(rock_salt):
    primitive = rock_salt.get_primitive_structure()
    matrix = choose_supercell(primitive)
    lattice = matrix @ primitive.lattice.matrix
    assert shortest_translation(lattice) >= 8.0 - 1e-6
    assert np.linalg.det(matrix) > 0
    # A cubic cell of 8.06 Å holds 32 primitive cells; nothing that large is needed.
    assert round(np.linalg.det(matrix)) <= 32


def test_that_the_supercell_of_a_vacancy_holds_further_ions(examples_dir):
    cell = read_structure(examples_dir / "NaTi2P3O12.cif").get_primitive_structure()
    first, second = cell.indices_from_symbol(
        "Na"
    )  # both become ends, in a cell with translations of 8.6 Å
    _, image = cell.lattice.get_distance_and_image(
        cell[first].frac_coords, cell[second].frac_coords
    )
    ends = SiteRef(first), SiteRef(second, tuple(int(n) for n in image))
    vacancy = hop_between_sites(cell, "Na", *ends)
    assert make_band(cell, vacancy).host.composition["Na"] >= 2
    lone = hop_between_sites(cell, "Na", *ends, Mechanism.SINGLE_ION)
    assert np.array_equal(choose_supercell(cell, lone), np.eye(3))


def test_that_a_supercell_along_other_vectors_shows_the_same_hop(layered_oxide):
    ends = SiteRef(0), SiteRef(0, (1, 0, 0))
    hop = hop_between_sites(layered_oxide, "Li", *ends, removed=[SiteRef(1, (0, 1, 0))])
    straight = make_band(layered_oxide, hop, np.diag([4, 4, 1]))
    skewed = make_band(layered_oxide, hop, np.array([[4, 1, 0], [-4, 3, 0], [1, 2, 1]]))
    assert len(skewed.host) == len(straight.host) == 16 * 12 - 3
    assert skewed.length == pytest.approx(straight.length)
    for one, other in zip(approaches(skewed), approaches(straight), strict=True):
        assert one.distance == pytest.approx(other.distance)


@pytest.mark.parametrize(
    ("mechanism", "supercell"), [(Mechanism.SINGLE_ION, None), (Mechanism.VACANCY, np.eye(3))]
)
def test_that_an_ion_needs_atoms_around_it(mechanism, supercell):
    metal = Structure(Lattice.cubic(3.45), ["Li", "Li"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    hop = hop_between_sites(metal, "Li", SiteRef(0), SiteRef(1), mechanism)
    with pytest.raises(HopError, match="Li is nothing but Li"):
        make_band(metal, hop, supercell)


@pytest.mark.parametrize("shear", [np.eye(3), [[1, 2, 5], [0, 1, -3], [0, 0, 1]]])
def test_that_the_shortest_translation_is_that_of_the_crystal_however_the_cell_is_cut(shear):
    a = 4.0
    for vectors, shortest in (
        (np.eye(3), a),
        (0.5 * (1 - np.eye(3)), a / np.sqrt(2)),  # face-centred
        (0.5 - np.eye(3), a * np.sqrt(3) / 2),  # body-centred
    ):
        assert shortest_translation(shear @ vectors * a) == pytest.approx(shortest)


def test_that_a_hop_by_most_of_a_supercell_does_not_meet_itself():
    cell = Structure(Lattice.cubic(9.0), ["Li", "Li"], [[0, 0, 0], [0.7, 0, 0]])
    hop = hop_between_sites(cell, "Li", SiteRef(0), SiteRef(1))
    assert not meets_own_image(hop, np.eye(3, dtype=int))


@given(
    lengths=st.tuples(*[st.floats(2.5, 12.0)] * 3),
    angles=st.tuples(*[st.floats(55.0, 125.0)] * 3),
)
@settings(max_examples=40, deadline=None)
def test_that_every_automatic_supercell_is_large_enough(lengths, angles):
    lattice = Lattice.from_parameters(*lengths, *angles)
    if not lattice.volume > 5:
        return
    structure = Structure(lattice, ["Li"], [[0, 0, 0]])
    matrix = choose_supercell(structure)
    assert shortest_translation(matrix @ lattice.matrix) >= 8.0 - 1e-5


@pytest.mark.parametrize(
    ("cut", "cells"),
    [
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 12),
        ([[1, 2, 0], [2, 5, -1], [2, 6, -1]], 8),  # of the cell as read
        ([[1, -1, -2], [1, 0, -3], [-1, 0, 4]], 12),  # of the reduced cell
        ([[1, 0, 1], [1, 1, 1], [-2, 0, -1]], 12),  # which is left-handed
    ],
)
def test_that_the_smaller_multiple_of_either_cell_is_taken(cut, cells):
    lattice = Lattice(cut @ np.diag([3.0, 4.0, 5.0]))
    matrix = choose_supercell(Structure(lattice, ["Li"], [[0, 0, 0]]))
    assert np.linalg.det(matrix) == pytest.approx(cells)
    assert shortest_translation(matrix @ lattice.matrix) >= 8.0 - 1e-6


@pytest.mark.parametrize(
    ("image", "meets"),
    [((2, 1, 0), True), ((0, 3, 0), True), ((2, 0, 0), False), ((1, 2, 0), False)],
)
def test_that_an_ion_meets_its_image_by_the_vectors_of_the_supercell(image, meets):
    cell = Structure(Lattice.cubic(5.0), ["Li", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    hop = hop_between_sites(cell, "Li", SiteRef(0), SiteRef(0, image))
    assert meets_own_image(hop, np.array([[2, 1, 0], [0, 3, 0], [0, 0, 1]])) is meets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", None),
        ("none", np.eye(3)),
        ("2,2,1", np.diag([2, 2, 1])),
        ("2x1x1", np.diag([2, 1, 1])),
        ("2 × 1 × 1", np.diag([2, 1, 1])),  # as the window writes it
        ("1 1 0; 0 2 0; 0 0 1", [[1, 1, 0], [0, 2, 0], [0, 0, 1]]),  # as exported tables have it
    ],
)
def test_that_supercells_are_read(text, expected):
    matrix = parse_supercell(text)
    assert (matrix is None) if expected is None else (matrix == expected).all()


@pytest.mark.parametrize("text", ["2", "0,1,1", "a,b,c", "-1,1,1", "1,2,3,4"])
def test_that_anything_else_is_not_a_supercell(text):
    with pytest.raises(SupercellError):
        parse_supercell(text)
