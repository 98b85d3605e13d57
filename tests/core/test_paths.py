"""All distinct hops of known crystals, against what is known of their topology and against pymatgen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pymatgen.analysis.diffusion.neb.pathfinder import DistinctPathFinder
from pymatgen.core import Lattice, Structure

from migbar.barriers import Remark
from migbar.elements import ionic_radius
from migbar.ends import name_hop
from migbar.errors import HopError, NoMobileIonError, OccupancyError
from migbar.hops import Mechanism
from migbar.models.store import load_model
from migbar.networks import DIRECTIONS, percolation_barriers
from migbar.passages import Surroundings
from migbar.paths import CrystalPaths, HopSearch, find_hops, find_paths
from migbar.structures import mobile_ions, read_structure, symmetry
from tests.core.length_model import LengthModel
from tests.core.small_bands import shaken


@pytest.fixture
def example(examples_dir):
    return lambda name: read_structure(examples_dir / f"{name}.cif")


def given_barriers(search: HopSearch, by_length: dict[float, float]) -> list[float]:
    """Barrier of each hop by its length (to 0.1 Å); 9 eV for hops of other lengths."""
    return [
        next((e for length, e in by_length.items() if abs(hop.length - length) < 0.1), 9.0)
        for hop in search.hops
    ]


def lengths(search: HopSearch) -> list[float]:
    return [round(hop.length, 2) for hop in search.hops]


# ------------------------------------------------------------------ topology of known crystals


def test_that_lifepo4_has_its_channel_along_b(example):
    search = find_hops(example("LiFePO4"), "Li")
    assert search.cutoff == 6.0
    assert lengths(search) == [3.0, 4.69, 5.57, 5.67]
    along_b, along_c, _, along_a = search.hops
    assert (along_b.multiplicity, along_b.per_site) == (4, 2)
    found = percolation_barriers(
        search.network, given_barriers(search, {3.0: 0.3, 4.69: 1.0, 5.67: 1.5})
    )
    assert found == {"1D": 0.3, "2D": 1.0, "3D": 1.5, "b": 0.3, "c": 1.0, "a": 1.5}
    assert [hop.length for hop in (along_b, along_c, along_a)] == pytest.approx(
        [3.0, 4.7, 5.7], abs=0.05
    )


def test_that_licoo2_has_six_hops_per_site_in_the_plane_before_it_connects_in_3d(example):
    structure = example("LiCoO2")
    in_plane = find_hops(structure, "Li", cutoff=4.5)
    (hop,) = in_plane.hops
    assert hop.per_site == 6
    assert hop.label == "0 → 0@1,0,0"
    assert {edge.image[2] for edge in hop.edges} == {0}
    assert in_plane.dimensionality == 2
    search = find_hops(structure, "Li")
    assert search.cutoff == 5.0
    assert search.dimensionality == 3
    found = percolation_barriers(search.network, given_barriers(search, {2.82: 0.3}))
    assert (found["1D"], found["2D"], found["a"], found["b"]) == (0.3, 0.3, 0.3, 0.3)
    assert found["3D"] == found["c"] == 9.0


def test_that_the_label_of_a_hop_names_this_hop_on_the_command_line(example):
    structure = example("Li7P3S11")
    for distinct in find_hops(structure, "Li").hops:
        for label in (distinct.label, distinct.hop.label):
            hop, _ = name_hop(structure, "Li", *label.split(" → "))
            assert hop.length(structure) == pytest.approx(distinct.length)
            assert hop.label == label


def test_that_licoo2_is_two_dimensional_in_its_rhombohedral_cell_but_not_along_an_axis(example):
    primitive = example("LiCoO2").get_primitive_structure()
    search = find_hops(primitive, "Li")
    found = percolation_barriers(search.network, given_barriers(search, {2.82: 0.3}))
    assert (found["1D"], found["2D"], found["3D"]) == (0.3, 0.3, 9.0)
    assert len(primitive) == 4


def test_that_limn2o4_is_three_dimensional_by_one_hop_through_the_octahedra(example):
    structure = example("LiMn2O4")
    search = find_hops(structure, "Li")
    (hop,) = search.hops
    assert hop.length == pytest.approx(8.24 * np.sqrt(3) / 4, abs=1e-3)
    assert (hop.multiplicity, hop.per_site) == (16, 4)
    assert search.dimensionality == 3
    assert set(percolation_barriers(search.network, [0.5]).values()) == {0.5}
    # The octahedral 16c site lies in the middle; the way there leads through triangles of O.
    assert [atom.element for atom in hop.bottleneck] == ["O", "O", "O"]


def test_that_li3ocl_hops_along_the_edges_of_its_octahedra_in_3d(example):
    search = find_hops(example("Li3OCl"), "Li", cutoff=3.5)
    (hop,) = search.hops
    assert hop.length == pytest.approx(3.907 / np.sqrt(2), abs=1e-3)
    assert (hop.multiplicity, hop.per_site) == (12, 8)
    assert search.dimensionality == 3


@pytest.mark.parametrize(("name", "ion"), [("Li3OCl", "Li"), ("LiCoO2", "Li"), ("TiS2", "Mg")])
@pytest.mark.parametrize("cell", [np.diag([2, 1, 1]), [[1, 1, 0], [0, 1, 1], [0, 0, 3]]])
def test_that_a_supercell_has_no_more_distinct_hops_than_its_crystal(example, name, ion, cell):
    structure = example(name)
    repeated = structure.make_supercell(cell, in_place=False)
    search, other = (find_hops(s, ion, cutoff=5.0) for s in (structure, repeated))
    assert lengths(other) == lengths(search)
    times = len(repeated) / len(structure)
    assert [h.multiplicity for h in other.hops] == [times * h.multiplicity for h in search.hops]
    assert len(set(other.kinds)) == len(set(search.kinds))
    assert len(other.left_out) == len(search.left_out)


@pytest.mark.parametrize(("name", "ion"), [("LiCoO2", "Li"), ("MgTi2S4", "Mg"), ("FePO4", "Li")])
def test_that_a_noisy_crystal_has_the_hops_of_the_clean_one(example, name, ion):
    clean = example(name)
    noisy = shaken(clean, by=0.01)
    assert symmetry(noisy, 0.001).number == 1
    search, other = (find_hops(structure, ion, cutoff=5.2) for structure in (clean, noisy))
    assert len(other.nodes) == len(search.nodes)
    assert sorted(h.multiplicity for h in other.hops) == sorted(h.multiplicity for h in search.hops)
    assert other.kinds == search.kinds


def test_that_equivalent_hops_on_both_sides_of_a_cutoff_are_found_once():
    # a and b are equal within the tolerance of the symmetry; hops of up to 4.5 Å are looked for first.
    layers = Lattice.orthorhombic(4.5, 4.5036, 5.9)
    search = find_hops(Structure(layers, ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]), "Li")
    assert [(round(h.length, 1), h.multiplicity) for h in search.hops] == [(4.5, 2), (5.9, 1)]


def test_that_a_hop_as_long_as_a_cutoff_is_found_once():
    box = Structure(Lattice.orthorhombic(4.5, 5.0, 5.5), ["Li"], [[0, 0, 0]])
    assert [(h.length, h.multiplicity) for h in find_hops(box, "Li").hops] == [(4.5, 1), (5, 1), (5.5, 1)]  # fmt: skip


@pytest.mark.parametrize("name", ["LiFePO4", "LiCoO2", "LiMn2O4", "Li3OCl", "MgTi2S4", "NaV2O5"])
def test_that_nd_barriers_are_the_same_in_another_cell(example, name):
    structure = example(name)
    ion = mobile_ions(structure)[0]
    cells = [
        structure,
        structure.get_primitive_structure(),
        structure.make_supercell([[1, 1, 0], [0, 1, 0], [0, 0, 1]], in_place=False),
        structure.make_supercell([[2, 0, 0], [0, 1, 0], [0, 0, 1]], in_place=False),
    ]
    found = []
    for cell in cells:
        search = find_hops(cell, ion, cutoff=6.1)
        barriers = [round(1 / hop.length + hop.length**2 / 30, 4) for hop in search.hops]
        ways = percolation_barriers(search.network, barriers)
        found.append([ways[n] for n in ("1D", "2D", "3D")])
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=1e-3)


def test_that_a_nasicon_has_the_same_barrier_in_its_primitive_cell(example):
    conventional = example("NaTi2P3O12")
    primitive = conventional.get_primitive_structure()
    found = [find_paths(cell, "Na", load_model(), cutoff=6.2) for cell in (conventional, primitive)]
    barriers = [result.paths[0].barrier.barrier_ev for result in found]
    assert barriers[1] == pytest.approx(barriers[0], abs=1e-3)
    # With its two Na as ends, the primitive cell alone would be the charged limit, which is said.
    bare = find_paths(primitive, "Na", load_model(), cutoff=6.2, supercell=np.eye(3, dtype=int))
    assert "no_ion_left" in {remark.code for remark in bare.paths[0].remarks}
    assert abs(bare.paths[0].barrier.barrier_ev - barriers[0]) > 0.02


# ------------------------------------------------------------------ distinct hops


@pytest.mark.parametrize(
    "name",
    ["Li3OCl", "Li7P3S11", "LiCoO2", "LiFePO4", "LiMn2O4", "MgTi2S4", "Na3PS4", "NaFePO4",
     "NaTi2P3O12", "NaV2O5"],
)  # fmt: skip
@pytest.mark.parametrize("cutoff", [4.0, 5.2, 6.5])
def test_that_the_distinct_hops_are_those_of_pymatgen(example, name, cutoff):
    structure = example(name)
    ion = mobile_ions(structure)[0]
    search = find_hops(structure, ion, cutoff=cutoff)
    ours = sorted([h.length for h in search.hops] + [out.hop.length for out in search.left_out])
    theirs = sorted(
        path.length
        for path in DistinctPathFinder(
            structure, ion, max_path_length=cutoff, symprec=0.01
        ).get_paths()
    )
    assert ours == pytest.approx(theirs, abs=5e-3)


@pytest.mark.parametrize("name", ["LiCoO2", "Na3PS4", "Li7P3S11", "NaTi2P3O12"])
def test_that_every_hop_of_the_crystal_belongs_to_one_distinct_hop(example, name):
    structure = example(name)
    ion = mobile_ions(structure)[0]
    search = find_hops(structure, ion, cutoff=6.3)
    edges = [
        (e.start, e.end, e.image)
        for hop in (*search.hops, *(out.hop for out in search.left_out))
        for e in hop.edges
    ]
    assert len(set(edges)) == len(edges)
    sublattice = Structure(
        structure.lattice,
        [ion] * len(search.nodes),
        [node.frac_coords for node in search.nodes],
    )
    assert 2 * len(edges) == sum(len(near) for near in sublattice.get_all_neighbors(6.3))


def test_that_an_edge_is_as_long_as_its_distinct_hop(example):
    search = find_hops(example("Na3PS4"), "Na", cutoff=6.0)
    structure = example("Na3PS4")
    for number, hop in enumerate(search.hops):
        assert len(hop.edges) == hop.multiplicity
        for edge in hop.edges:
            assert edge.hop == number
            ends = [np.array(search.nodes[n].frac_coords) for n in (edge.start, edge.end)]
            vector = structure.lattice.get_cartesian_coords(ends[1] + edge.image - ends[0])
            assert np.linalg.norm(vector) == pytest.approx(hop.length, abs=5e-3)


def test_that_hops_are_drawn_once_inside_and_on_every_face_they_lie_in(example):
    # LiCoO2's layers lie on two faces of the cell and twice inside it.
    search = find_hops(example("LiCoO2"), "Li", cutoff=4.0)
    hop, ends = search.segments()
    assert set(hop) == {0}
    middle = ends.mean(axis=1)
    assert middle.min() > -1e-2
    assert middle.max() < 1 + 1e-2
    assert len(np.unique(middle.round(6), axis=0)) == len(middle)
    layers = np.unique(middle[:, 2].round(3), return_counts=True)
    assert layers[0] == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=2e-3)
    assert layers[1][0] == layers[1][3]
    vectors = example("LiCoO2").lattice.get_cartesian_coords(ends[:, 1] - ends[:, 0])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(2.8161, abs=1e-3)


@pytest.mark.parametrize(("name", "ion"), [("LiCoO2", "Li"), ("Na3PS4", "Na")])
def test_that_the_hops_drawn_are_all_with_their_middle_in_the_cell_or_on_its_faces(
    example, name, ion
):
    search = find_hops(example(name), ion, cutoff=4.9)
    places = np.array([node.frac_coords for node in search.nodes])
    cells = np.array(list(np.ndindex(5, 5, 5))) - 2
    middles = [
        middle
        for edge in search.network.edges
        for middle in (places[edge.start] + places[edge.end] + edge.image) / 2 + cells
        if (middle >= -1e-3).all() and (middle <= 1 + 1e-3).all()
    ]
    drawn = search.segments()[1].mean(axis=1)
    assert sorted(np.round(drawn, 6).tolist()) == sorted(np.round(middles, 6).tolist())


def test_that_sites_outside_the_cell_make_no_difference(example):
    inside = example("LiFePO4")
    outside = Structure(
        inside.lattice, inside.species, inside.frac_coords + [[1, -2, 3]] * len(inside)
    )
    here, there = (find_hops(s, "Li") for s in (inside, outside))
    assert lengths(here) == lengths(there)
    for one, other in zip(here.hops, there.hops, strict=True):
        assert (one.multiplicity, len(one.bottleneck)) == (
            other.multiplicity,
            len(other.bottleneck),
        )


def test_that_the_bottleneck_of_the_spinel_is_the_triangle_it_goes_through(example):
    (hop,) = find_hops(example("LiMn2O4"), "Li").hops
    assert len(hop.bottleneck) == 3
    assert not hop.is_tight


def test_that_a_bottleneck_names_atoms_by_index_and_image(example):
    structure = example("LiFePO4")
    for hop in find_hops(structure, "Li").hops:
        path = np.linspace(hop.hop.start, hop.hop.end, 201)
        for atom in hop.bottleneck:
            assert structure[atom.site.index].specie.symbol == atom.element
            ways = structure.lattice.get_cartesian_coords(
                path - np.array(atom.site.frac_coords(structure))
            )
            assert np.linalg.norm(ways, axis=1).min() <= atom.distance + 1e-6


@pytest.mark.parametrize("origin", [(0.0, 0.0, 0.0), (0.31, 0.62, 0.93), (-1e-17, -1e-17, 0.0)])
@pytest.mark.parametrize(("name", "ion"), [("LiFePO4", "Li"), ("Li3OCl", "Li"), ("Na3PS4", "Na")])
def test_that_a_bottleneck_is_the_narrowest_place_wherever_the_origin_is(
    example, name, ion, origin
):
    there = example(name)
    structure = Structure(there.lattice, there.species, there.frac_coords + origin)
    search = find_hops(structure, ion, Mechanism.SINGLE_ION, cutoff=6.5)
    as_read = find_hops(there, ion, Mechanism.SINGLE_ION, cutoff=6.5)
    assert len(search.left_out) == len(as_read.left_out)
    assert [h.length for h in search.hops] == pytest.approx(
        [h.length for h in as_read.hops], abs=5e-3
    )
    host = structure.copy().remove_species([ion])
    for hop in search.hops:
        touching = {e.symbol: ionic_radius(ion) + ionic_radius(e.symbol) for e in host.elements}
        path = np.linspace(hop.hop.start, hop.hop.end, 41)[10:31]
        gap = min(
            atom.nn_distance - touching[atom.specie.symbol]
            for point in host.lattice.get_cartesian_coords(path)
            for atom in host.get_sites_in_sphere(point, 4.0)
        )
        found = [atom.distance - touching[atom.element] for atom in hop.bottleneck]
        assert min(found) == pytest.approx(gap, abs=1e-4)
        assert max(found) <= gap + 0.3 + 1e-4


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("face", [0, 1, 2])
def test_that_a_long_path_out_of_a_skewed_cell_passes_all_that_is_in_sight(face, sign):
    lattice = Lattice([[4.1, 0.3, 0.1], [6.8, 3.9, 0.5], [-5.2, 2.2, 4.4]])
    structure = Structure(lattice, ["O", "S"], [[0.21, 2.34, -1.13], [3.75, -1.4, 2.12]])
    across = lattice.reciprocal_lattice.matrix[face]  # straight out of the cell through a face
    start = np.array([1.5, -0.5, 2.5]) + 0.49 * sign * np.eye(3)[face]
    way = lattice.get_fractional_coords(12 * sign * across / np.linalg.norm(across))
    ends = np.array([start, start + way])
    path = lattice.get_cartesian_coords(np.linspace(*ends, 401))
    length = float(np.linalg.norm(path[-1] - path[0]))
    found = Surroundings(structure, "Li", Mechanism.INSERTION, {}, length).of(ends)
    seen = list(zip(found.index.tolist(), map(tuple, found.images.tolist()), strict=True))
    near = {
        (site.index, tuple(np.rint(site.image).astype(int).tolist()))
        for point in path[::20]
        for site in structure.get_sites_in_sphere(point, 3.9)
    }
    assert near <= set(seen)
    places = lattice.get_cartesian_coords([structure.frac_coords[i] + cell for i, cell in seen])
    assert found.positions - found.path[0] == pytest.approx(places - path[0])


def test_that_a_path_is_narrowest_by_radii_and_not_by_distances():
    # The middle of O is nearer to the ion that goes by, the surface of I leaves it less room.
    atoms = {"O": [4.2, 2.4, 0], "I": [5.8, -2.8, 0]}
    structure = Structure(
        Lattice.cubic(20.0), list(atoms), list(atoms.values()), coords_are_cartesian=True
    )
    ends = np.array([[0.1, 0, 0], [0.4, 0, 0]])
    passage = Surroundings(structure, "Li", Mechanism.INSERTION, {}, 6.0).of(ends)
    (atom,) = passage.bottleneck()
    assert (atom.element, atom.distance) == ("I", pytest.approx(2.8, abs=1e-3))


def test_that_a_bottleneck_is_the_same_one_whichever_way_the_path_leads():
    # It is as narrow a quarter before the middle as behind it, and has a further atom beside one of the two places.
    places = [[4.5, 2.2, 0], [5.5, -2.2, 0], [5.5, 2.85, 0]]
    structure = Structure(Lattice.cubic(20.0), ["O", "O", "S"], places, coords_are_cartesian=True)
    ends = np.array([[0.2, 0, 0], [0.3, 0, 0]])
    around = Surroundings(structure, "Li", Mechanism.INSERTION, {}, 6.0)
    there, back = (around.of(way).bottleneck() for way in (ends, ends[::-1]))
    assert [atom.element for atom in there] == [atom.element for atom in back]
    assert sorted(atom.element for atom in there) == ["O", "O", "S"]


@pytest.mark.parametrize(
    ("mechanism", "narrow"), [(Mechanism.VACANCY, "Li"), (Mechanism.SINGLE_ION, "O")]
)
def test_that_ions_that_stay_make_a_path_narrow_and_those_that_are_gone_do_not(mechanism, narrow):
    places = [[2, 4, 0], [5, 4, 0], [3.5, 5.6, 0], [3.5, 1.9, 0]]
    structure = Structure(
        Lattice.cubic(12.0), ["Li", "Li", "Li", "O"], places, coords_are_cartesian=True
    )
    ends = structure.frac_coords[:2]
    passage = Surroundings(structure, "Li", mechanism, {}, 3.0).of(ends)
    assert passage.bottleneck()[0].element == narrow


def test_that_close_approaches_are_flagged_and_not_hidden(example):
    search = find_hops(example("LiFePO4"), "Li")
    crossing = search.hops[-1]
    assert crossing.is_tight
    assert crossing.bottleneck[0].distance < 1.0


def test_that_a_hop_through_an_atom_is_left_out_with_the_reason(example):
    search = find_hops(example("Li3OCl"), "Li")
    (left_out,) = search.left_out
    assert left_out.reason == "runs through O (site 3) at 0.00 Å"
    assert left_out.hop.length == pytest.approx(3.907)


def test_that_a_hop_past_another_site_is_a_chain_of_shorter_ones():
    chain = Structure(
        Lattice.orthorhombic(3.0, 6.0, 6.0), ["Li", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    for mechanism in (Mechanism.VACANCY, Mechanism.SINGLE_ION):
        search = find_hops(chain, "Li", mechanism, cutoff=6.05)
        double = next(o for o in search.left_out if o.hop.image == (2, 0, 0))
        assert "chain of shorter hops" in double.reason


def test_that_an_empty_host_connects_through_its_voids(example):
    search = find_hops(example("TiS2"), "Li")
    assert search.mechanism is Mechanism.INSERTION
    assert search.hops[0].start.name == "v0"
    assert search.hops[0].hop.start_site is None
    in_layer = find_hops(example("TiS2"), "Li", cutoff=4.0)
    assert in_layer.dimensionality == 2  # the layers' channels, not across TiS2


def test_that_a_crystal_that_never_connects_is_searched_to_the_end():
    sparse = Structure(Lattice.cubic(9.0), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    search = find_hops(sparse, "Li")
    assert search.cutoff == 7.0
    assert search.hops == ()
    result = find_paths(sparse, "Li", LengthModel())
    assert result.percolation == dict.fromkeys(DIRECTIONS)


def test_that_interstitials_go_between_voids_on_request(rock_salt):
    search = find_hops(rock_salt, "Li", Mechanism.INTERSTITIAL)
    assert search.nodes[0].is_void
    assert search.hops[0].length == pytest.approx(4.03 / 2, abs=1e-3)
    assert search.dimensionality == 3


def test_that_what_cannot_be_searched_is_refused_with_the_reason(rock_salt, empty_layered):
    with pytest.raises(NoMobileIonError):
        find_hops(rock_salt, "Na", Mechanism.VACANCY)
    with pytest.raises(HopError, match="without any"):
        find_hops(rock_salt, "Li", Mechanism.INSERTION)
    with pytest.raises(HopError, match="cut-off"):
        find_hops(rock_salt, "Li", cutoff=-1.0)
    with pytest.raises(HopError, match="no void"):
        find_hops(Structure(Lattice.cubic(2.0), ["Ti"], [[0, 0, 0]]), "K")
    mixed = Structure(Lattice.cubic(4.0), [{"Li": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(OccupancyError):
        find_hops(mixed, "Li")


# ------------------------------------------------------------------ from a crystal to its barriers


def test_that_every_distinct_hop_gets_a_barrier_and_the_crystal_a_way_through(example):
    note = Remark("ordered", "Ordered for the test.")
    result = find_paths(example("LiFePO4"), "Li", LengthModel(), notes=[note])
    assert [path.length for path in result.paths] == pytest.approx(
        [hop.length for hop in result.search.hops]
    )
    assert all(note in path.remarks for path in result.paths)
    way = result.percolation["b"]
    assert way is not None
    assert way.barrier_ev == pytest.approx(0.3005, abs=1e-3)
    assert way.interval_ev == pytest.approx((0.8 * way.barrier_ev, 1.5 * way.barrier_ev))
    assert way.bottleneck == 0
    assert np.sum([edge.image for edge in way.walks[0]], axis=0).tolist() == [0, 1, 0]


@pytest.mark.parametrize(("name", "kinds"), [("LiCoO2", 1), ("Na3PS4", 2), ("TiS2", 2)])
def test_that_ways_between_unequal_places_are_said_to_be_lower_bounds(example, name, kinds):
    structure = example(name)
    found = find_paths(structure, next(iter(mobile_ions(structure)), "Li"), LengthModel())
    assert len(set(found.search.kinds)) == kinds
    assert [remark.code for remark in found.remarks] == ["unequal_places"] * (kinds > 1)


def test_that_a_hop_into_its_own_image_is_left_out_and_the_others_are_judged(example):
    structure = example("LiFePO4")
    free = find_paths(structure, "Li", LengthModel())
    fixed = find_paths(structure, "Li", LengthModel(), supercell=np.eye(3, dtype=int))
    unfit = [out for out in fixed.search.left_out if "own periodic image" in out.reason]
    assert [round(out.hop.length, 2) for out in unfit] == [4.69]
    assert [hop.label for hop in fixed.search.hops] == [
        hop.label for hop in free.search.hops if hop.length != unfit[0].hop.length
    ]
    assert len(fixed.paths) == len(fixed.search.hops) == 3
    assert {edge.hop for edge in fixed.search.network.edges} == {0, 1, 2}
    assert fixed.percolation["b"].barrier_ev == pytest.approx(0.3, abs=0.01)


def test_that_a_refined_barrier_changes_the_way_through(example):
    found = find_paths(example("LiFePO4"), "Li", LengthModel())
    channel, *others = found.paths
    lower = replace(
        channel, barrier=replace(channel.barrier, barrier_ev=0.1, interval_ev=(0.0, 0.2))
    )
    refined = CrystalPaths.of(found.search, [lower, *others])
    assert refined.percolation["b"].barrier_ev == 0.1
    assert refined.percolation["b"].interval_ev == (0.0, 0.2)
    assert refined.percolation["3D"] == found.percolation["3D"]
