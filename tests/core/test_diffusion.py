"""The diffusion tensor of networks: known lattices, another way to compute it, and extreme contrasts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from migbar.diffusion import diffusion_tensor
from migbar.networks import Edge, Network, percolation_barriers
from migbar.paths import find_paths
from migbar.structures import read_structure
from migbar.transport import (
    ALL_DIRECTIONS,
    BOLTZMANN_EV,
    CrystalHops,
    LoneHop,
    TransportParameters,
    activation_energy,
    by_direction,
    diffusivity,
    highest_barrier,
)
from tests.core.length_model import LengthModel

USUAL = TransportParameters()
CUBIC = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def by_equations(network: Network, rates) -> np.ndarray:
    """Solve the same minimum by least squares, which does where rates are not too different."""
    n = network.n_nodes
    laplacian, source = np.zeros((n, n)), np.zeros((n, 3))
    for edge in network.edges:
        rate, image = rates[edge.hop], np.array(edge.image)
        for here, there, sign in ((edge.start, edge.end, 1), (edge.end, edge.start, -1)):
            laplacian[here, here] += rate
            laplacian[here, there] -= rate
            source[here] += sign * rate * image
    potential = np.linalg.lstsq(laplacian, source, rcond=1e-11)[0]
    tensor = np.zeros((3, 3))
    for edge in network.edges:
        step = np.array(edge.image) + potential[edge.end] - potential[edge.start]
        tensor += rates[edge.hop] * np.outer(step, step)
    return tensor / n


def by_waves(network: Network, rates, direction) -> float:
    """Take the decay of a long wave of the density: the slowest rate of the master equation."""
    wave = 1e-3 * np.array(direction)
    master = np.zeros((network.n_nodes,) * 2, complex)
    for edge in network.edges:
        phase = rates[edge.hop] * np.exp(1j * wave @ edge.image)
        master[edge.start, edge.start] -= rates[edge.hop]
        master[edge.end, edge.end] -= rates[edge.hop]
        master[edge.start, edge.end] += phase
        master[edge.end, edge.start] += phase.conj()
    return float(-np.linalg.eigvalsh(master).max() / 1e-6)


@st.composite
def networks(draw):
    n = draw(st.integers(1, 5))
    node, cell = st.integers(0, n - 1), st.tuples(*[st.integers(-1, 1)] * 3)
    ends = draw(st.lists(st.tuples(node, node, cell), min_size=1, max_size=12))
    edges = tuple(Edge(u, v, image, number) for number, (u, v, image) in enumerate(ends))
    rates = draw(st.lists(st.floats(0.01, 100.0), min_size=len(edges), max_size=len(edges)))
    return Network(n, edges), np.array(rates)


@given(networks())
@settings(max_examples=200, deadline=None)
def test_that_it_solves_the_equations(made):
    network, rates = made
    expected = by_equations(network, rates)
    found = diffusion_tensor(network, rates)
    assert found == pytest.approx(
        expected, rel=1e-7, abs=1e-9 * (abs(expected).max() + rates.max())
    )


def test_that_a_long_wave_decays_as_fast():
    edges = [
        (0, 1, (0, 0, 0)),
        (1, 2, (0, 1, 0)),
        (2, 0, (1, 0, 0)),
        (0, 0, (0, 0, 1)),
        (1, 2, (1, 0, -1)),
    ]
    network = Network(3, tuple(Edge(u, v, image, h) for h, (u, v, image) in enumerate(edges)))
    rates = np.array([1.0, 0.3, 2.0, 0.7, 0.1])
    tensor = diffusion_tensor(network, rates)
    for direction in ([1, 0, 0], [0, 1, 0], [0.6, 0.0, 0.8], [1, 1, 1]):
        expected = by_waves(network, rates, direction)
        assert direction @ tensor @ np.array(direction) == pytest.approx(expected, rel=1e-4)


def test_that_simple_lattices_have_their_textbook_values():
    cubic = Network(1, tuple(Edge(0, 0, image, 0) for image in CUBIC))
    assert diffusion_tensor(cubic, np.full(3, 2.0)) == pytest.approx(2 * np.eye(3))
    crystal = CrystalHops(
        cubic, ((3.0, 0, 0), (0, 3.0, 0), (0, 0, 3.0)), ((0.4,), (0.5,), (0.3,)), (0.0,)
    )
    alone = LoneHop(0.4, (0.3, 0.5), 3.0, 1.0)
    one, other = diffusivity(crystal, USUAL), diffusivity(alone, USUAL)
    assert (one.value, *one.interval) == pytest.approx((other.value, *other.interval))


def test_that_the_slowest_hop_of_a_chain_decides_however_slow_it_is():
    chain = Network(
        3, (Edge(0, 1, (0, 0, 0), 0), Edge(1, 2, (0, 0, 0), 1), Edge(2, 0, (1, 0, 0), 2))
    )
    rates = np.array([1.0, 1e-60, 1e30])
    assert diffusion_tensor(chain, rates)[0, 0] == pytest.approx(1e-60 / 3, rel=1e-12)
    rates[1] = 0.0
    assert diffusion_tensor(chain, rates)[0, 0] == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_that_places_of_different_depth_count_as_the_master_equation_of_a_chain_has_them(seed):
    # D = 1/(Σ exp(S/kT) Σ exp(−E/kT)) in cells² times the attempt frequency, S of the saddles and E of the places.
    random = np.random.default_rng(seed)
    places = random.uniform(0.0, 0.3, 4)
    tops = np.maximum(places, np.roll(places, -1)) + random.uniform(0.1, 0.5, 4)
    edges = tuple(Edge(n, (n + 1) % 4, (int(n == 3), 0, 0), n) for n in range(4))
    barriers = tuple((tops - np.minimum(places, np.roll(places, -1))).tolist())
    hops = CrystalHops(
        Network(4, edges),
        ((3.0, 0, 0), (0, 3.0, 0), (0, 0, 3.0)),
        (barriers,) * 3,
        tuple(places),
        "a",
    )
    thermal = BOLTZMANN_EV * 500
    expected = 9 / np.exp(tops / thermal).sum() / np.exp(-places / thermal).sum()
    assert hops.diffusivities(np.array([500.0])) == pytest.approx(expected)
    slope = activation_energy(hops, 20.0)
    assert slope == pytest.approx(
        percolation_barriers(hops.network, barriers, places)["1D"], abs=2e-3
    )


@pytest.mark.parametrize("seed", range(10))
def test_that_the_activation_energy_is_the_percolation_barrier_in_any_network(seed):
    random = np.random.default_rng(seed)
    ends, images = random.integers(0, 3, (8, 2)), random.integers(-1, 2, (8, 3))
    ends[0], images[0] = (0, 0), (1, 0, 0)  # one way through at least
    pairs = dict.fromkeys((*map(int, e), *map(int, i)) for e, i in zip(ends, images, strict=True))
    rows = [row for row in pairs if row[0] != row[1] or any(row[2:])]
    edges = tuple(Edge(u, v, tuple(image), n) for n, (u, v, *image) in enumerate(rows))
    barriers = random.uniform(0.0, 0.5, len(edges)).tolist()
    places = random.uniform(0.0, 0.3, 3).tolist()
    cell = ((3.0, 0, 0), (0, 3.0, 0), (0, 0, 3.0))
    hops = CrystalHops(Network(3, edges), cell, (tuple(barriers),) * 3, tuple(places))
    expected = percolation_barriers(hops.network, barriers, places)["1D"]
    assert activation_energy(hops, 15.0) == pytest.approx(expected, abs=0.015)


def test_that_pieces_of_a_network_share_the_carriers():
    chain, spare = Edge(0, 0, (1, 0, 0), 0), 3
    assert diffusion_tensor(Network(1 + spare, (chain,)), np.array([1.0]))[0, 0] == pytest.approx(
        1 / 4
    )


@pytest.mark.parametrize("name", ["LiMn2O4", "LiCoO2", "LiFePO4", "Na3PS4"])
def test_that_it_does_not_depend_on_the_cell(examples_dir, name):
    structure = read_structure(examples_dir / f"{name}.cif")
    ion = "Na" if name.startswith("Na") else "Li"
    twice = structure.make_supercell([[1, 0, 0], [0, 2, 0], [1, 0, 1]], in_place=False)
    one, other = (
        CrystalHops.of(s, find_paths(s, ion, LengthModel(), cutoff=4.8)).tensor(np.array([300.0]))
        for s in (structure, twice)
    )
    assert other == pytest.approx(one, rel=1e-6, abs=1e-6 * one[0].max())


def test_that_the_percolation_barrier_is_the_slope_at_low_temperatures(examples_dir):
    structure = read_structure(examples_dir / "Na3PS4.cif")
    crystal = find_paths(structure, "Na", LengthModel(), cutoff=4.5)
    for axis in "abc":
        way = crystal.percolation[axis]
        slope = activation_energy(CrystalHops.of(structure, crystal, axis), 20.0)
        assert slope == pytest.approx(way.barrier_ev, abs=2e-3)


def test_that_raising_all_barriers_to_the_limit_just_keeps_up(examples_dir):
    structure = read_structure(examples_dir / "Na3PS4.cif")
    hops = CrystalHops.of(structure, find_paths(structure, "Na", LengthModel(), cutoff=4.5))
    limit = highest_barrier(1.0, hops, USUAL)
    spare = limit - activation_energy(hops, 300.0)
    raised = tuple(tuple(e + spare for e in row) for row in hops.barriers_ev)
    higher = replace(hops, barriers_ev=raised)
    assert highest_barrier(1.0, higher, USUAL) == pytest.approx(limit)
    assert diffusivity(higher, USUAL).value == pytest.approx(9.8 * 1e-8 / 7200)


def test_that_directions_that_are_alike_are_told_once(examples_dir):
    def ways(name: str, ion: str = "Li", cutoff: float = 4.5) -> list[str]:
        structure = read_structure(examples_dir / f"{name}.cif")
        crystal = find_paths(structure, ion, LengthModel(), cutoff=cutoff)
        return list(by_direction(structure, crystal, USUAL))

    assert ways("LiMn2O4") == [ALL_DIRECTIONS, "a, b, c"]
    assert ways("LiCoO2") == [ALL_DIRECTIONS, "a, b"]
    assert ways("LiFePO4") == [ALL_DIRECTIONS, "b"]


def test_that_no_hop_is_no_diffusion():
    sparse = Structure(Lattice.cubic(9.0), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    crystal = find_paths(sparse, "Li", LengthModel())
    assert by_direction(sparse, crystal, USUAL) == {}
    assert highest_barrier(1.0, CrystalHops.of(sparse, crystal), USUAL) == 0.0


@pytest.mark.parametrize("tilt", [0.0, 1e-6])
@pytest.mark.parametrize("barrier", [1.65, 3.0, 10.0])
def test_that_a_way_between_layers_counts_however_slow_it_is_beside_that_within(barrier, tilt):
    layers = Network(1, (*(Edge(0, 0, i, 0) for i in CUBIC[:2]), Edge(0, 0, CUBIC[2], 1)))
    cell = ((3.0, 0, 0), (-1.5, 1.5 * np.sqrt(3), 0), (tilt, 0, 5.0))
    across = CrystalHops(layers, cell, ((0.0, barrier),) * 3, (0.0,), "c")
    alone = LoneHop(barrier, (barrier, barrier), 5.0, 1.0)
    kelvin = np.linspace(250.0, 700.0, 4)
    assert across.diffusivities(kelvin) == pytest.approx(alone.diffusivities(kelvin))
    assert activation_energy(across, 300.0) == pytest.approx(barrier)


def test_that_a_chain_is_a_way_along_an_axis_that_leans_towards_it():
    cosine = 0.05
    chain = Network(1, (Edge(0, 0, CUBIC[2], 0),))
    cell = ((3.0 * np.sqrt(1 - cosine**2), 0, 3.0 * cosine), (0, 4.0, 0), (0, 0, 5.0))
    along = CrystalHops(chain, cell, ((0.3,),) * 3, (0.0,), "c")
    kelvin = np.array([300.0])
    leaning = replace(along, direction="a").diffusivities(kelvin)
    assert leaning == pytest.approx(cosine**2 * along.diffusivities(kelvin))


def test_that_an_interval_of_barriers_turns_around(rock_salt):
    crystal = find_paths(rock_salt, "Li", LengthModel(), cutoff=3.0)
    (path,) = crystal.paths
    low, high = path.barrier.interval_ev
    value, *interval = (
        LoneHop(barrier, (barrier, barrier)).diffusivities(np.array([300.0]))[0, 0]
        for barrier in (path.barrier.barrier_ev, high, low)
    )
    found = diffusivity(CrystalHops.of(rock_salt, crystal), USUAL)
    assert np.divide(found.interval, found.value) == pytest.approx(np.divide(interval, value))
    assert found.interval[0] < found.value < found.interval[1]


def test_that_rounding_makes_no_way_out_of_a_layer():
    # Layers at right angles to c in a cell whose other vectors lead out of them.
    layer = Network(1, (Edge(0, 0, (1, 0, -1), 0), Edge(0, 0, (0, 1, 1), 0)))
    cell = ((2.9, 0.1, 4.7), (-1.3, 2.7, -4.7), (0.0, 0.0, 4.7))
    hops = CrystalHops(layer, cell, ((0.3,),) * 3, (0.0,), "c")
    assert not hops.diffusivities(np.array([300.0])).any()
    assert replace(hops, direction="a").diffusivities(np.array([300.0])).all()
