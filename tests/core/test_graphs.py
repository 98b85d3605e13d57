from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.bands import Band
from migbar.graphs import (
    TIE,
    CrystalGraph,
    GraphError,
    GraphSettings,
    PackedGraphs,
    band_graph,
    crystal_graph,
    end_graphs,
    line_graph,
    load_arrays,
    pack,
    path_sub_graph,
    save_arrays,
    structure_graph,
)
from tests.core.small_bands import example_bands, layered, rock_salt, shaken, vacancy_band


def edge_set(graph: CrystalGraph) -> set[tuple[int, ...]]:
    source, target, vectors = graph.edges()
    return set(
        zip(
            source.tolist(),
            target.tolist(),
            *_coarse(vectors).T.tolist(),
            strict=True,
        )
    )


def _coarse(vectors: np.ndarray) -> np.ndarray:
    return np.rint((np.asarray(vectors, float) + 0.00123) * 100).astype(int)


def brute_force(structure: Structure, k: int) -> set[tuple[int, ...]]:
    edges = set()
    for i, site in enumerate(structure):
        near = sorted(structure.get_neighbors(site, 9.0), key=lambda n: n.nn_distance)
        reach = near[k - 1].nn_distance + TIE
        for n in near:
            if n.nn_distance <= reach:
                r = n.coords - site.coords
                edges.add((i, int(n.index), *_coarse(r).tolist()))
                edges.add((int(n.index), i, *_coarse(-r).tolist()))
    return edges


@pytest.mark.parametrize("structure", [layered(), rock_salt(), shaken(layered() * (2, 2, 1))])
def test_that_every_atom_is_bonded_to_its_nearest_neighbours_and_ties(structure):
    assert edge_set(structure_graph(structure)) == brute_force(structure, 12)


def test_that_ties_do_not_hang_on_rounding():
    rock = rock_salt()
    graph = structure_graph(rock, GraphSettings(neighbours=6))
    assert len(graph.bonds) == 6 * len(rock) // 2
    seven = structure_graph(rock, GraphSettings(neighbours=7))
    # Li–Li and F–F bonds to images of the same atom keep both directions, the others are one bond.
    assert set(np.bincount(structure_graph(rock * (3, 3, 3), GraphSettings(7)).edges()[0])) == {18}
    assert len(seven.bonds) > len(graph.bonds)
    turned = Structure(
        Lattice(rock.lattice.matrix @ _rotation(0.3)), rock.species, rock.frac_coords
    )
    assert len(structure_graph(turned).bonds) == len(structure_graph(rock).bonds)


def _rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def test_that_the_search_goes_on_where_atoms_are_far_apart():
    graph = crystal_graph(np.eye(3) * 30, [[0, 0, 0], [0.1, 0, 0]], [3, 9])
    degree = np.bincount(graph.edges()[0])
    assert (degree >= 12).all()


def test_that_one_atom_is_bonded_to_its_own_images():
    graph = crystal_graph(np.eye(3) * 3, [[0, 0, 0]], [29], GraphSettings(neighbours=6))
    # Both directions of a bond to an image are found and kept, as in the reference.
    assert len(graph.bonds) == 6
    assert np.allclose(np.linalg.norm(graph.vectors, axis=1), 3.0)


def test_that_without_canonize_a_pair_found_from_both_atoms_is_two_bonds():
    structure = shaken(layered() * (2, 2, 1))
    once, twice = (structure_graph(structure, GraphSettings(canonize=c)) for c in (True, False))
    assert edge_set(once) == edge_set(twice)
    assert len(once.bonds) < len(twice.bonds) <= 2 * len(once.bonds)
    assert len(twice.bonds) >= 12 * len(structure)


def test_that_atoms_on_top_of_each_other_are_not_bonded():
    graph = crystal_graph(np.eye(3) * 4, [[0, 0, 0], [0.03, 0, 0], [0.5, 0.5, 0.5]], [3, 3, 8])
    assert np.linalg.norm(graph.vectors, axis=1).min() > 0.15


def test_that_coordinates_outside_the_cell_do_not_matter():
    structure = shaken(rock_salt())
    moved = structure.frac_coords + np.array([[1, -2, 0]])
    other = crystal_graph(structure.lattice.matrix, moved, [s.specie.Z for s in structure])
    assert edge_set(other) == edge_set(structure_graph(structure))


def test_that_an_element_without_features_is_named():
    with pytest.raises(GraphError, match="103"):
        crystal_graph(np.eye(3) * 4, [[0, 0, 0]], [103])


def test_that_the_line_graph_joins_every_edge_to_those_that_go_on_from_it():
    graph = structure_graph(shaken(rock_salt()), GraphSettings(neighbours=6))
    source, target, vectors = graph.edges()
    first, second, cosine = line_graph(graph)
    wanted = {(a, b) for a in range(len(source)) for b in np.flatnonzero(source == target[a])}
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == wanted
    a, b = -vectors[first], vectors[second]
    angle = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert np.allclose(cosine, angle, atol=1e-6)
    assert np.allclose(cosine[second == (first ^ 1)], 1.0)


def test_that_the_inputs_of_a_band_hold_the_right_atoms():
    band = example_bands()["layered"]
    initial, final = end_graphs(band)
    n = len(band.host)
    assert len(initial.numbers) == len(final.numbers) == n + 1
    five = band_graph(band)
    assert len(five.numbers) == n + 5
    assert five.numbers[:5].tolist() == [3] * 5
    sub = path_sub_graph(band)
    assert sub.numbers[:5].tolist() == [3] * 5
    assert (sub.bonds.min(axis=1) < 5).all()


def test_that_the_surroundings_do_not_change_with_the_supercell():
    settings = GraphSettings(neighbours=8, surroundings=4.5)
    cell = rock_salt(4.6) * (3, 3, 3)
    small = band_graph(vacancy_band(cell), settings)
    # The same hop and the same atoms around it, in a cell twice as long.
    band = vacancy_band(cell)
    double = Band(band.host * (2, 1, 1), band.ion, band.path * [0.5, 1, 1])
    large = band_graph(double, settings)
    assert sorted(small.numbers) == sorted(large.numbers)
    lengths = [np.sort(np.linalg.norm(g.vectors, axis=1)) for g in (small, large)]
    assert np.allclose(*lengths, atol=1e-4)
    assert small.weights.tolist() == [1.0] * 5 + [0.0] * (len(small.numbers) - 5)


def test_that_packed_graphs_come_back_from_disk(tmp_path):
    graphs = [band_graph(band) for band in example_bands().values()]
    packed = pack(graphs)
    assert len(packed) == 2
    save_arrays(packed.arrays("band."), tmp_path / "graphs.npz")
    again = PackedGraphs.from_arrays(load_arrays(tmp_path / "graphs.npz"), "band.")
    for name, array in packed.arrays().items():
        assert np.array_equal(array, again.arrays()[name])
    assert packed.atom_start[1] == len(graphs[0].numbers)
