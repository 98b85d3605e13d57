"""Sites and mechanisms: atom counts and positions must be right in every one."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.bands import (
    CLASH_FRACTION,
    Band,
    approaches,
    band_from_record,
    band_to_record,
    coordination,
    idpp_band,
    is_clash,
    linear_path,
)
from migbar.elements import ionic_radius
from migbar.ends import name_hop, parse_end, parse_point
from migbar.errors import (
    BandsFileError,
    FrenkelPairError,
    HopError,
    OccupancyError,
    SiteError,
)
from migbar.hops import (
    Mechanism,
    SiteRef,
    hop_between_points,
    hop_between_sites,
    nearest_images,
    parse_site,
)
from migbar.neb.relaxation import endpoints, first_guess
from migbar.neb.settings import NebSettings
from migbar.structures import read_structure, symmetry
from migbar.supercells import (
    choose_supercell,
    make_band,
)
from migbar.voids import find_voids
from tests.core.small_bands import shaken


def count(structure: Structure, element: str) -> int:
    return sum(site.specie.symbol == element for site in structure)


def ions(structure: Structure, element: str) -> list[int]:
    return [i for i, site in enumerate(structure) if site.specie.symbol == element]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", (3, None)), ("3@1,0,0", (3, (1, 0, 0))), (" 12 @ -1, 0,2 ", (12, (-1, 0, 2)))],
)
def test_that_sites_are_read_in_the_notation_of_the_command_line(text, expected):
    assert parse_site(text) == expected


@pytest.mark.parametrize("text", ["", "a", "3@", "3@1,0", "-1", "1.5", "3@1,0,0,0"])
def test_that_anything_else_is_not_a_site(text):
    with pytest.raises(SiteError, match="not a site"):
        parse_site(text)


def test_that_a_site_reference_prints_as_it_is_read():
    assert str(SiteRef(3)) == "3"
    assert str(SiteRef(3, (1, 0, -1))) == "3@1,0,-1"


def test_that_the_nearest_image_is_found_and_ties_are_told(layered_oxide):
    nearest, *ties = nearest_images(layered_oxide, (0, 0, 0), (0, 0, 0))
    assert nearest == (1, 0, 0)  # of six equally near images the lowest
    assert len(ties) == 5


def test_that_the_nearest_image_is_right_in_a_strongly_skewed_cell():
    lattice = Lattice([[4, 0, 0], [8, 4, 0], [0, 0, 4]])
    skewed = Structure(lattice, ["Li"], [[0, 0, 0]])
    vector = lattice.get_cartesian_coords(nearest_images(skewed, (0, 0, 0), (0, 0, 0))[0])
    assert np.linalg.norm(vector) == pytest.approx(4.0)


def test_that_the_nearest_image_is_right_far_from_a_reduced_cell():
    cube = np.eye(3) * 5.0
    sheared = np.array([[5, 4, -2], [1, 1, 0], [2, 2, 1]]) @ cube
    crystal = Structure(Lattice(sheared), ["Li"], [[0, 0, 0]])
    for offset in ([2.4, 2.4, 2.4], [-2.4, 1.0, 2.4], [2.4, -2.4, -1.0]):
        frac = crystal.lattice.get_fractional_coords(offset)
        (image, *_) = nearest_images(crystal, (0, 0, 0), frac % 1.0)
        found = crystal.lattice.get_cartesian_coords(frac % 1.0 + image)
        assert found == pytest.approx(offset)


@pytest.mark.parametrize(("text", "value"), [("0,0.5,1", 0.5), ("0, 1/3, -1", 1 / 3)])
def test_that_positions_are_read_with_fractions(text, value):
    assert parse_point(text)[1] == pytest.approx(value)


def test_that_the_label_of_a_position_is_read_as_an_end(empty_layered):
    ends = (0.25, 0.5, -0.125), (0.25, 0.75, 1.0)
    hop = hop_between_points(empty_layered, "Li", *ends, Mechanism.INSERTION)
    assert [parse_end(label) for label in hop.end_labels] == [hop.start, hop.end]


def test_that_a_void_end_takes_its_nearest_image(empty_layered):
    hop, remarks = name_hop(empty_layered, "Li", "v0", "v0")
    assert hop.mechanism is Mechanism.INSERTION
    assert hop.length(empty_layered) == pytest.approx(3.407)
    assert [r.code for r in remarks] == ["tied_images"]


def test_that_an_end_lies_in_the_cell_that_is_asked_for(empty_layered, rock_salt):
    hop, remarks = name_hop(empty_layered, "Li", "v1@0,1,0", "v1@1,0,-2")
    void = find_voids(empty_layered, "Li")[1].frac_coords
    assert np.subtract(hop.start, void) == pytest.approx([0, 1, 0])
    assert np.subtract(hop.end, void) == pytest.approx([1, 0, -2])
    assert remarks == []
    between, _ = name_hop(rock_salt, "Li", "0@0,0,1", "1")
    assert between.start_site == SiteRef(0, (0, 0, 1))
    assert between.length(rock_salt) == pytest.approx(4.03 / np.sqrt(2))


def test_that_a_vacancy_hop_empties_its_two_ends_and_nothing_else(rock_salt):
    first, second = ions(rock_salt, "Li")[:2]
    hop = hop_between_sites(rock_salt, "Li", SiteRef(first), SiteRef(second))
    band = make_band(rock_salt, hop)
    full = rock_salt * 2
    assert count(band.host, "Li") == count(full, "Li") - 2
    assert count(band.host, "F") == count(full, "F")
    assert len(band.image(2)) == len(full) - 1  # one vacancy
    assert len(band.five_position_structure()) == len(full) - 2 + 5
    assert band.length == pytest.approx(4.03 / np.sqrt(2))


def test_that_a_single_ion_hop_leaves_no_other_ion(rock_salt):
    first, second = ions(rock_salt, "Li")[:2]
    hop = hop_between_sites(rock_salt, "Li", SiteRef(first), SiteRef(second), Mechanism.SINGLE_ION)
    band = make_band(rock_salt, hop)
    assert count(band.host, "Li") == 0
    assert count(band.host, "F") == 32
    assert count(band.image(0), "Li") == 1


def test_that_an_interstitial_hop_adds_one_ion_to_the_perfect_crystal(rock_salt):
    hop = hop_between_points(
        rock_salt, "Li", (0.25, 0.25, 0.25), (0.75, 0.25, 0.25), Mechanism.INTERSTITIAL
    )
    band = make_band(rock_salt, hop)
    assert len(band.host) == len(rock_salt) * 8
    assert len(band.image(0)) == len(rock_salt) * 8 + 1


def test_that_an_insertion_puts_one_ion_into_an_empty_host(empty_layered):
    hop = hop_between_points(empty_layered, "Li", (0, 0, 0.5), (1, 0, 0.5), Mechanism.INSERTION)
    band = make_band(empty_layered, hop)
    cells = round(abs(np.linalg.det(choose_supercell(empty_layered, hop))))
    assert len(band.host) == 3 * cells
    assert count(band.image(0), "Li") == 1
    assert band.length == pytest.approx(3.407)


def test_that_further_vacancies_are_emptied_once_in_the_supercell(rock_salt):
    first, second, third = ions(rock_salt, "Li")[:3]
    hop = hop_between_sites(
        rock_salt, "Li", SiteRef(first), SiteRef(second), removed=[SiteRef(third, (1, 0, 0))]
    )
    band = make_band(rock_salt, hop)
    assert count(band.host, "Li") == 32 - 3


def test_that_an_occupied_site_to_a_void_is_refused(rock_salt):
    with pytest.raises(FrenkelPairError, match="Frenkel"):
        hop_between_points(
            rock_salt, "Li", rock_salt[ions(rock_salt, "Li")[0]].frac_coords,
            (0.25, 0.25, 0.25), Mechanism.INTERSTITIAL,
        )  # fmt: skip
    with pytest.raises(FrenkelPairError):
        hop_between_points(rock_salt, "Li", (0, 0, 0), (0.25, 0.25, 0.25), Mechanism.VACANCY)
    with pytest.raises(FrenkelPairError):
        hop_between_points(rock_salt, "Li", (0.25, 0.25, 0.25), (0, 0, 0), Mechanism.VACANCY)


def test_that_ends_that_do_not_fit_are_refused(rock_salt, empty_layered):
    lithium, fluorine = ions(rock_salt, "Li")[0], ions(rock_salt, "F")[0]
    with pytest.raises(SiteError, match="is F, not Li"):
        hop_between_sites(rock_salt, "Li", SiteRef(lithium), SiteRef(fluorine))
    with pytest.raises(SiteError, match="no site 99"):
        hop_between_sites(rock_salt, "Li", SiteRef(lithium), SiteRef(99))
    with pytest.raises(HopError, match="starts and ends"):
        hop_between_sites(rock_salt, "Li", SiteRef(lithium), SiteRef(lithium))
    with pytest.raises(HopError, match="void to void"):
        hop_between_sites(rock_salt, "Li", SiteRef(0), SiteRef(1), Mechanism.INTERSTITIAL)
    with pytest.raises(SiteError, match="on top of"):
        hop_between_points(
            rock_salt, "Li", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), Mechanism.INTERSTITIAL
        )
    with pytest.raises(HopError, match="without any"):
        hop_between_points(
            rock_salt, "Li", (0.25, 0.25, 0.25), (0.75, 0.25, 0.25), Mechanism.INSERTION
        )
    between_voids = (0.25, 0.25, 0.25), (0.75, 0.25, 0.25), Mechanism.INTERSTITIAL
    with pytest.raises(SiteError, match="is F, not Li"):
        hop_between_points(rock_salt, "Li", *between_voids, removed=[SiteRef(fluorine)])
    with pytest.raises(HopError, match="no single hop is longer"):
        hop_between_points(
            rock_salt, "Li", (0.25, 0.25, 0.25), (14.25, 0.25, 0.25), Mechanism.INTERSTITIAL
        )
    with pytest.raises(HopError, match="same place"):
        hop_between_points(empty_layered, "Li", (0, 0, 0.5), (0, 0, 0.5), Mechanism.INSERTION)


def test_that_a_partly_occupied_structure_has_no_hops():
    mixed = Structure(Lattice.cubic(4.0), [{"Li": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(OccupancyError):
        hop_between_sites(mixed, "Li", SiteRef(0), SiteRef(0, (1, 0, 0)))
    with pytest.raises(OccupancyError):
        find_voids(mixed, "Li")


def test_that_fractional_ends_on_sites_are_those_sites_in_any_image(rock_salt):
    hop = hop_between_points(rock_salt, "Li", (1.0, 1.0, 0.001), (1.5, 1.5, 0.0), Mechanism.VACANCY)
    assert hop.start == pytest.approx((1.0, 1.0, 0.0))
    assert hop.end == pytest.approx((1.5, 1.5, 0.0))
    assert hop.start_site is not None
    assert hop.start_site.image[2] == 0


def test_that_the_voids_of_an_empty_host_are_its_known_sites(empty_layered):
    voids = find_voids(empty_layered, "Li")
    assert any(np.allclose(v.frac_coords, (0, 0, 0.5), atol=0.02) for v in voids)
    roomiest = voids[0]
    assert np.allclose(roomiest.frac_coords, (0, 0, 0.5), atol=0.02)  # the octahedral site


@pytest.mark.parametrize("seed", range(3))
def test_that_a_little_noise_makes_no_more_voids_of_an_olivine(examples_dir, seed):
    host = read_structure(examples_dir / "FePO4.cif")
    assert len(find_voids(shaken(host, seed, 0.01), "Li")) == len(find_voids(host, "Li")) == 4


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
def test_that_voids_of_a_spinel_stay_where_noise_leaves_no_symmetry(examples_dir, noise):
    # With two Mg beside it, the octahedron 16c has more room in a ring around its centre than in it.
    spinel = read_structure(examples_dir / "MgTi2S4.cif")
    noisy = shaken(spinel, 0, noise)
    assert len(symmetry(noisy, 1e-3).rotations) == 1
    clean, found = (
        np.array([void.frac_coords for void in find_voids(crystal, "Mg", 1e-3)])
        for crystal in (spinel, noisy)
    )
    assert len(found) == len(clean) == 16
    assert spinel.lattice.get_all_distances(found, clean).min(axis=1).max() < 0.5


@pytest.mark.parametrize("origin", [0, 0.13])
def test_that_candidates_with_nothing_narrower_between_them_are_one_void(examples_dir, origin):
    # The site M2 of a NASICON is wide: there are vertices with room up to 1.6 Å from its middle.
    nasicon = read_structure(examples_dir / "NaTi2P3O12.cif")
    nasicon.translate_sites(range(len(nasicon)), [origin] * 3)
    voids = np.array([void.frac_coords for void in find_voids(nasicon, "Na")])
    assert len(voids) == 18
    between = nasicon.lattice.get_all_distances(voids, voids)
    assert between[np.triu_indices(18, 1)].min() > 4


def test_that_a_void_may_be_wider_than_its_atoms_are_usually_apart():
    sparse = Structure(Lattice.cubic(20.0), ["Cs"], [[0.5, 0.5, 0.5]])
    (void,) = [void for void in find_voids(sparse, "Li") if void.orbit == 0]
    assert void.radius == pytest.approx(10 * np.sqrt(3))
    assert np.allclose(void.frac_coords, np.round(void.frac_coords), atol=1e-6)


def test_that_voids_are_the_same_in_a_thin_and_strongly_skewed_cell(examples_dir):
    host = read_structure(examples_dir / "FePO4.cif")
    cell = np.array([[-2, -4, -3], [1, 0, 1], [2, 3, 3]])
    skewed = Structure(
        Lattice(cell @ host.lattice.matrix), host.species, host.frac_coords @ np.linalg.inv(cell)
    )
    voids, others = find_voids(host, "Li"), find_voids(skewed, "Li")
    assert len(others) == len(voids) == 4
    assert [v.radius for v in others] == pytest.approx([v.radius for v in voids], abs=1e-3)


def test_that_vertices_around_a_special_position_are_one_void_on_it(examples_dir):
    # The octahedron of a filled spinel, 16c, has a ring of vertices around it that is wider than what merges at once.
    spinel = read_structure(examples_dir / "MgTi2S4.cif")
    octahedral = [void for void in find_voids(spinel, "Mg") if void.orbit == 0]
    assert len(octahedral) == 16
    eighths = 8 * np.array([void.frac_coords for void in octahedral])
    assert np.allclose(eighths, np.round(eighths), atol=1e-4)


def test_that_kinds_of_voids_stand_in_the_order_of_the_room_they_end_up_with():
    # Around the middle of the inner ring of Mo6S8 the vertices have more room than there is in the middle.
    chevrel = Structure.from_spacegroup(
        "R-3", Lattice.hexagonal(9.20, 10.88), ["Mo", "S", "S"],
        [[0.0157, 0.1685, 0.3967], [0, 0, 0.21], [0.313, 0.279, 0.408]],
    )  # fmt: skip
    assert [v.orbit for v in find_voids(chevrel, "Mg")] == [0] * 18 + [1] * 3


def test_that_voids_of_a_large_cell_need_no_table_of_all_distances(examples_dir):
    large = read_structure(examples_dir / "FePO4.cif").make_supercell([3, 3, 3], in_place=False)
    tracemalloc.start()
    try:
        assert len(find_voids(large, "Li")) == 27 * 4
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    vertices_at_least, a_distance = 5 * len(large), np.dtype(float).itemsize
    assert most < 4 * a_distance * vertices_at_least * len(large)  # a vector and its length each


def test_that_voids_have_the_symmetry_of_the_crystal(rock_salt):
    voids = find_voids(rock_salt, "Li")
    tetrahedral = sorted(tuple(np.round(v.frac_coords, 3)) for v in voids)
    expected = sorted((a, b, c) for a in (0.25, 0.75) for b in (0.25, 0.75) for c in (0.25, 0.75))
    assert np.allclose(tetrahedral, expected)


def test_that_a_band_survives_the_published_format(rock_salt):
    hop = hop_between_sites(rock_salt, "Li", SiteRef(0), SiteRef(1, (-1, 0, 0)))
    band = make_band(rock_salt, hop)
    record = band_to_record(band, "LiF_1", 0.5)
    again = band_from_record(record)
    assert again.ion == "Li"
    assert np.allclose(again.path, band.path)
    assert len(again.host) == len(band.host)


def test_that_records_that_are_not_bands_are_refused_with_the_reason(rock_salt):
    hop = hop_between_sites(rock_salt, "Li", SiteRef(0), SiteRef(1))
    record = band_to_record(make_band(rock_salt, hop), "LiF_1", 0.5)
    record["atoms"]["elements"][3] = "F"
    with pytest.raises(BandsFileError, match="one migrating element"):
        band_from_record(record, "LiF_1")
    with pytest.raises(BandsFileError, match="no readable atoms"):
        band_from_record({"atoms": {}}, "empty")


def test_that_approaches_name_the_nearest_host_atom(rock_salt):
    hop = hop_between_sites(rock_salt, "Li", SiteRef(0), SiteRef(1))
    near = approaches(make_band(rock_salt, hop))
    assert [a.image for a in near] == [0, 1, 2, 3, 4]
    assert {a.element for a in near} == {"F"}
    assert near[0].distance == pytest.approx(4.03 / 2, abs=1e-6)
    assert near[2].distance < near[0].distance


def test_that_an_ion_goes_from_octahedron_to_tetrahedron_to_octahedron(rock_salt):
    hop = hop_between_points(
        rock_salt, "Li", (0, 0, 0), (0.5, 0.5, 0.0), Mechanism.SINGLE_ION
    )  # fmt: skip
    way = np.array([(0, 0, 0), (0.25, 0.25, 0.25), (0.5, 0.5, 0)]) @ np.diag([0.5] * 3)
    band = Band(make_band(rock_salt, hop, np.diag([2, 2, 2])).host, "Li", way)
    walked, count = coordination(band)
    assert count[[0, 20, 40]] == pytest.approx([6, 4, 6], abs=0.2)
    assert count == pytest.approx(count[::-1])
    assert walked == pytest.approx(np.linspace(0, 4.03 * np.sqrt(3) / 2, 41))


def test_that_the_sulphur_of_a_sulphate_does_not_coordinate_but_that_of_a_sulphide_does():
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.087  # S–O: 1.5 Å
    places, path = [[0, 0, 0], *corners, [0.4, 0, 0]], linear_path((0.2, 0, 0), (0.25, 0, 0))

    def counted(*symbols: str) -> np.ndarray:
        host = Structure(Lattice.cubic(10.0), symbols, places[: len(symbols)])
        return coordination(Band(host, "Li", path))[1]

    oxygen = counted("P", *"OOOO")
    assert counted("S", *"OOOO") == pytest.approx(oxygen)
    assert counted("S", *"OOOOO") == pytest.approx(counted("P", *"OOOOO"))
    assert counted("S", *"OOOO", "S") == pytest.approx(oxygen + 1, abs=1e-3)
    assert not counted("P").any()


def test_that_a_small_cation_hides_no_anion_that_the_ion_runs_into():
    # Si is nearer than I, and yet leaves room.
    path = linear_path((0.4, 0.5, 0.5), (0.6, 0.5, 0.5))
    host = Structure(Lattice.cubic(10.0), ["Si", "I"], [[0.5, 0.63, 0.5], [0.5, 0.36, 0.5]])
    middle = approaches(Band(host, "Li", path))[2]
    assert middle.element == "I"
    assert middle.clashes("Li")


@pytest.mark.parametrize("off", [-1e-12, 1e-12])
def test_that_an_atom_as_far_as_the_limit_is_no_clash_whatever_the_rounding(off):
    limit = CLASH_FRACTION * (ionic_radius("Li") + ionic_radius("O"))
    assert not is_clash("Li", "O", limit + off)
    assert is_clash("Li", "O", limit - 0.01)


def test_that_idpp_bends_a_band_away_from_an_atom_in_its_way(rock_salt):
    # The straight line along the body diagonal runs almost through a fluoride ion.
    hop = hop_between_points(
        rock_salt, "Li", (0.25, 0.25, 0.25), (0.75, 0.75, 0.70), Mechanism.INTERSTITIAL
    )
    straight = make_band(rock_salt, hop)
    bent = idpp_band(straight)
    assert np.allclose(bent.path[[0, -1]], straight.path[[0, -1]])
    assert bent.length > straight.length
    closest = [min(a.distance for a in approaches(b)) for b in (straight, bent)]
    assert closest[1] > closest[0]


@pytest.mark.parametrize("shift", [(0.5, 0.5, 0.5), (0.7, 0.1, 0.9)])
def test_that_idpp_bends_a_band_alike_wherever_the_cell_begins(rock_salt, shift):
    hop = hop_between_points(
        rock_salt, "Li", (0.27, 0.25, 0.25), (0.75, 0.72, 0.70), Mechanism.INTERSTITIAL
    )
    band = make_band(rock_salt, hop)
    lattice, host = band.host.lattice, band.host.frac_coords + shift
    moved = Band(Structure(lattice, band.host.species, host % 1), "Li", band.path + shift)
    bent, other = idpp_band(band), idpp_band(moved)
    np.testing.assert_allclose(other.path - shift, bent.path, atol=1e-6)
    guessed = [first_guess(endpoints(b), NebSettings(start="idpp")) for b in (band, moved)]
    ways = [[image.positions - images[0].positions for image in images] for images in guessed]
    np.testing.assert_allclose(ways[1], ways[0], atol=1e-5)
