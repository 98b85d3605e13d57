"""Percolation against brute force on random periodic graphs, and its independence of the cell."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.special import logsumexp

from migbar.networks import (
    AXES,
    DIMENSIONS,
    DIRECTIONS,
    Edge,
    Network,
    dimensionality,
    percolation,
    percolation_barriers,
)


@st.composite
def networks(draw, max_nodes: int = 3, max_edges: int = 6):
    """A random periodic graph and a barrier for each of its hops."""
    n_nodes = draw(st.integers(1, max_nodes))
    node, step = st.integers(0, n_nodes - 1), st.integers(-1, 1)
    drawn = draw(
        st.lists(st.tuples(node, node, st.tuples(step, step, step)), min_size=1, max_size=max_edges)
    )
    edges = [
        Edge(i, j, image, hop)
        for hop, (i, j, image) in enumerate(drawn)
        if (i, image) != (j, (0, 0, 0))
    ]
    barriers = draw(
        st.lists(
            st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.8]), min_size=len(drawn), max_size=len(drawn)
        )
    )
    return Network(n_nodes, tuple(edges)), barriers


def brute_force(network: Network, barriers: list[float]) -> dict[str, float | None]:
    """Try every E on a block of cells that is large enough for every loop of so few nodes."""
    found: dict[str, float | None] = dict.fromkeys(DIRECTIONS)
    for limit in sorted(set(barriers), reverse=True):
        spans = _spans(network, [e for e in network.edges if barriers[e.hop] <= limit])
        for name, n in DIMENSIONS.items():
            if any(np.linalg.matrix_rank(s) >= n for s in spans if len(s)):
                found[name] = limit
        for name, axis in AXES.items():
            for span in spans:
                if len(span) and np.linalg.matrix_rank(span) == np.linalg.matrix_rank(
                    np.vstack([span, axis])
                ):
                    found[name] = limit
    return found


def _spans(network: Network, edges: list[Edge]) -> list[np.ndarray]:
    """For every node, the images of it that a walk inside the block reaches."""
    reach = 2 * network.n_nodes
    width = 2 * reach + 1
    cells = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))

    def number(node: int, where: np.ndarray) -> np.ndarray:
        return (
            (where + reach) @ np.array([width * width, width, 1]) * network.n_nodes + node
        ).astype(int)

    rows, columns = [], []
    for edge in edges:
        after = cells + edge.image
        inside = (np.abs(after) <= reach).all(axis=1)
        rows.append(number(edge.start, cells[inside]))
        columns.append(number(edge.end, after[inside]))
    size = network.n_nodes * width**3
    if not edges:
        return []
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = coo_matrix((np.ones(len(row)), (row, column)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    home = np.zeros((1, 3), int)
    return [
        cells[labels[number(node, cells)] == labels[number(node, home)[0]]]
        for node in range(network.n_nodes)
    ]


@given(networks())
@settings(max_examples=150, deadline=None)
def test_that_percolation_agrees_with_brute_force(case):
    network, barriers = case
    assert percolation_barriers(network, barriers) == brute_force(network, barriers)


@given(networks())
@settings(max_examples=100, deadline=None)
def test_that_the_walks_are_closed_and_do_what_is_said(case):
    network, barriers = case
    for direction, way in percolation(network, barriers).items():
        if way is None:
            continue
        translations = []
        for walk in way.walks:
            for one, other in itertools.pairwise(walk):
                assert one.end == other.start
            assert walk[0].start == walk[-1].end
            assert max(barriers[e.hop] for e in walk) <= way.barrier_ev
            translations.append(np.sum([e.image for e in walk], axis=0))
        assert np.linalg.matrix_rank(translations) == len(way.walks)
        assert max(barriers[e.hop] for walk in way.walks for e in walk) == way.barrier_ev
        assert barriers[way.bottleneck] == way.barrier_ev
        if direction in AXES:
            assert not np.cross(translations[0], AXES[direction]).any()


@st.composite
def unimodular(draw):
    """A change of cell: products of shears and a swap."""
    matrix = np.eye(3, dtype=int)
    for i, j, n in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-2, 2)), max_size=4)
    ):
        shear = np.eye(3, dtype=int)
        if i != j:
            shear[i, j] = n
        matrix = shear @ matrix
    return matrix


@given(networks(max_nodes=4, max_edges=8), unimodular(), st.data())
@settings(max_examples=100, deadline=None)
def test_that_nd_barriers_do_not_depend_on_the_cell(case, matrix, data):
    network, barriers = case
    step = st.integers(-2, 2)
    homes = [
        np.array(data.draw(st.tuples(step, step, step))) for _ in range(network.n_nodes)
    ]  # another choice of the image that is in the cell
    edges = tuple(
        Edge(e.start, e.end, tuple((matrix @ (np.array(e.image) + homes[e.end] - homes[e.start])).tolist()), e.hop)
        for e in network.edges
    )  # fmt: skip
    there = percolation_barriers(Network(network.n_nodes, edges), barriers)
    here = percolation_barriers(network, barriers)
    assert {n: here[n] for n in DIMENSIONS} == {n: there[n] for n in DIMENSIONS}


@given(networks(max_nodes=3, max_edges=6), st.tuples(*[st.integers(1, 3)] * 3))
@settings(max_examples=60, deadline=None)
def test_that_nothing_changes_in_a_supercell(case, repeats):
    network, barriers = case
    cells = list(itertools.product(*map(range, repeats)))
    number = {
        (n, c): i for i, (n, c) in enumerate(itertools.product(range(network.n_nodes), cells))
    }
    edges = []
    for edge in network.edges:
        for cell in cells:
            image, end = np.divmod(np.array(cell) + edge.image, repeats)
            edges.append(
                Edge(
                    number[edge.start, cell],
                    number[edge.end, tuple(end.tolist())],
                    tuple(image.tolist()),
                    edge.hop,
                )
            )
    supercell = Network(len(number), tuple(edges))
    assert percolation_barriers(supercell, barriers) == percolation_barriers(network, barriers)


def chain(*images: tuple[int, int, int]) -> Network:
    return Network(1, tuple(Edge(0, 0, image, hop) for hop, image in enumerate(images)))


def test_that_no_way_through_is_none_and_not_zero():
    island = Network(2, (Edge(0, 1, (0, 0, 0), 0),))
    assert percolation_barriers(island, [0.0]) == dict.fromkeys(DIRECTIONS)
    assert percolation(Network(0, ()), []) == dict.fromkeys(DIRECTIONS)
    assert dimensionality(island) == 0


def test_that_two_separate_channels_are_one_dimensional():
    # One component along a, another along b: no ion changes from one to the other.
    network = Network(2, (Edge(0, 0, (1, 0, 0), 0), Edge(1, 1, (0, 1, 0), 0)))
    found = percolation_barriers(network, [0.3])
    assert found == {"1D": 0.3, "2D": None, "3D": None, "a": 0.3, "b": 0.3, "c": None}


def test_that_an_axis_may_need_two_turns_of_a_loop():
    # (1, 1, 0) and (1, -1, 0) never reach (1, 0, 0), but they reach (2, 0, 0).
    found = percolation(chain((1, 1, 0), (1, -1, 0)), [0.2, 0.4])
    assert found["a"] is not None
    assert found["a"].barrier_ev == 0.4
    assert np.sum([e.image for e in found["a"].walks[0]], axis=0).tolist() == [2, 0, 0]
    assert found["c"] is None


def test_that_in_the_rhombohedral_cell_of_a_layer_two_dimensions_open_before_any_axis():
    layer = [(1, -1, 0), (0, 1, -1), (1, 0, -1)]
    network = Network(1, (*(Edge(0, 0, i, 0) for i in layer), Edge(0, 0, (1, 0, 0), 1)))
    found = percolation_barriers(network, [0.3, 1.2])
    assert found["2D"] == 0.3
    assert found["3D"] == found["a"] == found["b"] == found["c"] == 1.2


def test_that_the_interval_comes_from_the_hops_lower_and_upper_ends():
    network = chain((1, 0, 0), (0, 1, 0), (0, 0, 1))
    found = percolation(network, [0.2, 0.3, 0.9], [(0.1, 0.4), (0.25, 0.35), (0.5, 1.5)])
    for name, interval in {"1D": (0.1, 0.35), "2D": (0.25, 0.4), "3D": (0.5, 1.5)}.items():
        way = found[name]
        assert way is not None
        assert way.interval_ev == interval
        assert interval[0] <= way.barrier_ev <= interval[1]


def test_that_saddles_count_from_the_lowest_place_wherever_that_is():
    # The way along a is easy once there, but the carrier sits in the deep place: in another piece, or behind a pass.
    high, deep = Edge(0, 0, (1, 0, 0), 0), Edge(1, 1, (0, 1, 0), 1)
    apart = percolation_barriers(Network(2, (high, deep)), [0.3, 0.5], [0.3, 0.0])
    assert apart["a"] == pytest.approx(0.6)
    assert apart["b"] == apart["1D"] == pytest.approx(0.5)
    behind = Network(2, (high, Edge(0, 1, (0, 0, 0), 1)))
    for barrier in (0.5, 0.7, 0.9):  # of the way there, above the deep place
        found = percolation_barriers(behind, [0.3, barrier], [0.3, 0.0])
        assert found["1D"] == found["a"] == pytest.approx(0.6)


@pytest.mark.parametrize("seed", range(5))
def test_that_the_barrier_of_a_chain_is_the_activation_energy_of_its_master_equation(seed):
    # D of a periodic chain is 1/(Σ exp(S/kT) Σ exp(−E/kT)), S of the saddles and E of the sites; here kT is 0.1 meV.
    random = np.random.default_rng(seed)
    sites = random.uniform(0.0, 0.5, 4)
    saddles = np.maximum(sites, np.roll(sites, -1)) + random.uniform(0.1, 1.0, 4)
    edges = [Edge(n, (n + 1) % 4, (n == 3, 0, 0), n) for n in range(4)]
    activation = 1e-4 * (logsumexp(saddles / 1e-4) + logsumexp(-sites / 1e-4))
    barriers = saddles - np.minimum(sites, np.roll(sites, -1))
    found = percolation_barriers(Network(4, tuple(edges)), barriers.tolist(), sites.tolist())
    assert found["1D"] == pytest.approx(activation, abs=1e-3)


def test_that_every_axis_with_a_hop_is_a_dimension():
    network = chain((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert dimensionality(network) == 3
