import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from scipy.spatial.transform import Rotation

from migbar.bands import Band
from migbar.descriptors import chemistry, describe, descriptor_names
from migbar.hops import SiteRef, hop_between_sites
from migbar.supercells import make_band
from migbar.training.cells import doubled_cell, equivalent_cell


@pytest.fixture
def vacancy_band(rock_salt: Structure) -> Band:
    """Li hops into a vacancy of slightly shaken LiF."""
    cell = rock_salt.make_supercell([2, 2, 2], in_place=False)
    shaken = cell.frac_coords + np.random.default_rng(1).normal(0, 0.004, (len(cell), 3))
    cell = Structure(cell.lattice, cell.species, shaken)
    lithium = [i for i, site in enumerate(cell) if site.specie.symbol == "Li"]
    start = lithium[0]
    vectors = [cell[start].distance(cell[i]) for i in lithium[1:]]
    end = lithium[1 + int(np.argmin(vectors))]
    _, image = cell.lattice.get_distance_and_image(cell[start].frac_coords, cell[end].frac_coords)
    path = np.linspace(cell[start].frac_coords, cell[end].frac_coords + image, 5)
    cell.remove_sites([start, end])
    return Band(cell, "Li", path)


@pytest.fixture
def insertion_band(empty_layered: Structure) -> Band:
    host = empty_layered.make_supercell([3, 3, 2], in_place=False)
    return Band(host, "Li", np.linspace([0, 0, 0.25], [1 / 3, 0, 0.26], 5))


@pytest.fixture(params=["vacancy_band", "insertion_band"])
def band(request: pytest.FixtureRequest) -> Band:
    return request.getfixturevalue(request.param)


def same(first: Band, second: Band, tolerance: float = 1e-6) -> bool:
    a, b = describe(first), describe(second)
    assert list(a) == list(b)
    return bool(np.allclose(list(a.values()), list(b.values()), atol=tolerance))


def test_that_every_band_has_the_same_finite_descriptors(band: Band) -> None:
    found = describe(band)
    assert tuple(found) == descriptor_names()
    assert np.isfinite(list(found.values())).all()


def test_that_the_reversed_path_is_described_the_same(band: Band) -> None:
    assert same(band, band.reversed())


def test_that_the_order_of_atoms_does_not_matter(band: Band) -> None:
    order = np.random.default_rng(0).permutation(len(band.host))
    host = Structure(
        band.host.lattice,
        [band.host[int(i)].specie for i in order],
        band.host.frac_coords[order],
    )
    assert same(band, Band(host, band.ion, band.path))


def test_that_origin_and_whole_translations_do_not_matter(band: Band) -> None:
    shift = np.array([0.31, -0.17, 0.55])
    host = Structure(band.host.lattice, band.host.species, band.host.frac_coords + shift)
    assert same(band, Band(host, band.ion, band.path + shift + [1, 0, -2]))


def test_that_orientation_does_not_matter(band: Band) -> None:
    turned = band.host.lattice.matrix @ Rotation.random(rng=3).as_matrix().T
    host = Structure(Lattice(turned), band.host.species, band.host.frac_coords)
    # The points of the planes across the path turn with respect to the atoms.
    assert same(band, Band(host, band.ion, band.path), 3e-3)


def test_that_another_choice_of_cell_does_not_matter(band: Band) -> None:
    assert same(band, equivalent_cell(band))


def test_that_a_strongly_sheared_cell_does_not_matter(band: Band) -> None:
    sheared = band
    for _ in range(12):
        sheared = equivalent_cell(sheared)
    assert same(band, sheared, tolerance=1e-4)


def test_that_a_host_without_anions_is_described() -> None:
    host = Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = describe(Band(host, "Li", np.linspace([0.5, 0.5, 0], [1, 0.5, 0.5], 5)))
    assert np.isfinite(list(found.values())).all()


def test_that_a_larger_cell_of_the_same_crystal_does_not_matter(band: Band) -> None:
    assert same(band, doubled_cell(band, "perfect"))


def test_that_a_stray_copy_of_the_ion_in_an_empty_host_does_not_matter() -> None:
    sites = [[0, 0, 0], [0.5, 0.5, 0.5]]
    host = Structure(Lattice.cubic(2.1), ["Ti", "O"], sites).make_supercell(
        [4, 4, 4], in_place=False
    )
    band = Band(host, "Li", np.linspace([0.06, 0.06, 0.19], [0.31, 0.06, 0.19], 5))
    assert same(band, doubled_cell(band, "same"))


def test_that_noise_in_the_last_digits_moves_descriptors_only_that_little(band: Band) -> None:
    noise = np.random.default_rng(2).normal(0, 1e-7, (len(band.host), 3))
    host = Structure(band.host.lattice, band.host.species, band.host.frac_coords + noise)
    assert same(band, Band(host, band.ion, band.path), tolerance=1e-4)


def test_that_a_narrower_channel_shows_in_the_descriptors(insertion_band: Band) -> None:
    host = insertion_band.host
    tight = Structure(Lattice(0.95 * host.lattice.matrix), host.species, host.frac_coords)
    wide = describe(insertion_band)
    narrow = describe(Band(tight, "Li", insertion_band.path))
    assert narrow["channel_anion_1"] < wide["channel_anion_1"]
    assert narrow["valence_middle"] > wide["valence_middle"]
    assert narrow["hop_length"] == pytest.approx(0.95 * wide["hop_length"])


def test_that_a_path_straight_through_an_atom_is_described() -> None:
    host = Structure(Lattice.cubic(8.0), ["Ti", "O"], [[0.5, 0.5, 0.5], [0, 0, 0]])
    found = describe(Band(host, "Li", np.linspace([0.25, 0.5, 0.5], [0.75, 0.5, 0.5], 5)))
    assert np.isfinite(list(found.values())).all()
    assert found["cation_1_min"] < 0.01


def test_that_sulfur_is_a_cation_in_a_sulfate_and_an_anion_in_a_sulfide(
    empty_layered: Structure,
) -> None:
    sulfate = Structure(
        Lattice.cubic(6.0),
        ["Fe", "S", "O", "O", "O", "O"],
        [[0.5, 0.5, 0.5], [0, 0, 0], [0.14, 0.14, 0.14], [-0.14, -0.14, 0.14],
         [0.14, -0.14, -0.14], [-0.14, 0.14, -0.14]],
    )  # fmt: skip
    found = chemistry.roles(sulfate, "Li", 0)
    assert found.anion.tolist() == [False, False, True, True, True, True]
    assert found.charge.tolist() == [2, 6, -2, -2, -2, -2]
    sulfide = chemistry.roles(empty_layered, "Li", 0)
    assert sulfide.charge.tolist() == [4, -2, -2]


def test_that_the_crystal_field_favours_d3_and_d8_and_distorts_around_d4_and_d9() -> None:
    counts = np.arange(11.0)
    field, distortion = chemistry.crystal_field(counts), chemistry.jahn_teller(counts)
    assert set(np.flatnonzero(field == field.max())) == {3, 8}
    assert not field[[0, 5, 10]].any()
    assert set(np.flatnonzero(distortion)) == {4, 9}
    assert chemistry.crystal_field(np.array([-2.0, 5.5, 12.0])) == pytest.approx([0.0, 0.2, 0.0])


def test_that_metals_of_a_framework_are_told_by_their_d_electrons(insertion_band: Band) -> None:
    def described(metal: str) -> dict[str, float]:
        host = insertion_band.host.copy()
        host.replace_species({next(s for s in host.symbol_set if s not in "OS"): metal})
        return describe(Band(host, "Li", insertion_band.path))

    manganese, silicon = described("Mn"), described("Si")
    electrons = np.array([7 - manganese["metal_charge"]])
    assert manganese["metal_field"] == pytest.approx(chemistry.crystal_field(electrons)[0])
    assert manganese["metal_distortion"] == pytest.approx(chemistry.jahn_teller(electrons)[0])
    assert manganese["metal_field"] > 0
    assert silicon["metal_field"] == silicon["metal_distortion"] == 0


def test_that_bond_valence_lengths_are_those_of_the_tables() -> None:
    # Brese & O'Keeffe, Acta Cryst. B47, 192 (1991): Li–O 1.466, Na–O 1.80, Mg–O 1.693 Å.
    for ion, length in (("Li", 1.466), ("Na", 1.80), ("Mg", 1.693)):
        assert chemistry.bond_valence_length(ion, "O") == pytest.approx(length, abs=0.06)


def test_that_an_ion_that_may_leave_the_line_avoids_an_atom_on_it() -> None:
    atoms = ["O", "O", "Ti"]
    host = Structure(Lattice.cubic(12), atoms, [[0.5, 0.5, 0.5], [0, 0, 0], [0.02, 0.5, 0.02]])
    through = describe(Band(host, "Li", np.array([[0.35, 0.5, 0.5], [0.65, 0.5, 0.5]])))
    beside = describe(Band(host, "Li", np.array([[0.35, 0.6, 0.55], [0.65, 0.6, 0.55]])))
    assert through["bend_middle"] > 1.0 > beside["bend_middle"] > 0.0
    assert through["gap_1_middle"] < -1.0 < through["opening_middle"]
    assert through["valley_rise"] < 2.0


def test_that_a_crystal_of_the_ion_alone_has_descriptors():
    metal = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Al"], [[0, 0, 0]])
    hop = hop_between_sites(metal, "Al", SiteRef(0), SiteRef(1))
    assert np.isfinite(list(describe(make_band(metal, hop)).values())).all()
