"""Networks: how hops join into ways through the crystal, and the barrier of getting through.

A network has the places of the ion in one cell as nodes and its hops as edges, each with the cell
(image) that it ends in. The ion gets through the crystal where hops close loops that do not return
to the cell they started in: the translations of a component's closed loops span a lattice of rank
0 to 3, its dimensionality.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Translation = tuple[int, int, int]

AXES: Mapping[str, Translation] = {"a": (1, 0, 0), "b": (0, 1, 0), "c": (0, 0, 1)}
"""Axes of the cell that the network was made in."""

DIMENSIONS: Mapping[str, int] = {"1D": 1, "2D": 2, "3D": 3}

DIRECTIONS = (*DIMENSIONS, *AXES)
"""All ways of getting through that are asked for."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A hop from a node in one cell to a node in the cell `image` away from it.

    Attributes
    ----------
    start, end : int
        Nodes.
    image : tuple of 3 int
        Cell of the end, seen from that of the start.
    hop : int
        Which of the symmetry-distinct hops it is.
    """

    start: int
    end: int
    image: Translation
    hop: int

    def reversed(self) -> Edge:
        """Return the same hop walked back."""
        return Edge(self.end, self.start, _minus((0, 0, 0), self.image), self.hop)


@dataclass(frozen=True, slots=True)
class Network:
    """A periodic graph.

    Attributes
    ----------
    n_nodes : int
        Number of places of the ion in a cell.
    edges : tuple of Edge
        Every hop of a cell once, in one of its two directions.
    """

    n_nodes: int
    edges: tuple[Edge, ...]


Walk = tuple[Edge, ...]
"""Hops one after the other, from a node to an image of it."""


@dataclass(frozen=True, slots=True)
class Percolation:
    """How the ion gets through the crystal in one direction, or in so many dimensions.

    Attributes
    ----------
    barrier_ev : float
        Highest barrier on the easiest way.
    interval_ev : tuple of 2 floats
        Where the barrier lies if every hop's barrier lies in its interval. Percolation never falls
        when a barrier rises, so these are the percolation barriers of all lower and of all upper
        ends. They have the level of the hops' intervals where a model errs alike on all hops
        of a crystal, and hold more often than all hops' intervals at once in any case.
    bottleneck : int
        The symmetry-distinct hop whose barrier it is.
    walks : tuple of Walk
        Closed walks that do it: for an axis one to an image along this axis, for n dimensions n
        walks with independent translations.
    """

    barrier_ev: float
    interval_ev: tuple[float, float]
    bottleneck: int
    walks: tuple[Walk, ...]


def percolation(
    network: Network,
    barriers: Sequence[float],
    intervals: Sequence[tuple[float, float]] | None = None,
    lengths: Sequence[float] | None = None,
    place_energies: Sequence[float] | None = None,
) -> dict[str, Percolation | None]:
    """Find the percolation barriers of a network.

    For every E take the hops with a barrier of at most E. The nD barrier is the smallest E at which
    some connected component has closed loops in n independent directions; that of an axis the
    smallest E at which the closed loops of some component span this axis. Where places differ in
    energy E is the height of a hop's saddle above the lowest place of all: that is the activation
    energy of diffusion, however high the saddles are that lead from there to the way.

    Parameters
    ----------
    network : Network
    barriers : sequence of float
        Barrier of each symmetry-distinct hop in eV, above the lower one of its ends.
    intervals : sequence of (low, high), optional
        Interval of each barrier in eV.
    lengths : sequence of float, optional
        Length of each hop in Å: the walks are then the shortest, else those of fewest hops.
    place_energies : sequence of float, optional
        Energy of the ion at each node in eV; all alike where not given.

    Returns
    -------
    dict
        For each of `DIRECTIONS` a Percolation, or None where there is no way through.
    """
    low, high = zip(*intervals, strict=True) if intervals else (barriers, barriers)
    ends = [percolation_barriers(network, end, place_energies) for end in (low, high)]
    steps = [1.0] * len(barriers) if lengths is None else lengths
    heights = dict(zip(network.edges, saddles(network, barriers, place_energies), strict=True))
    found: dict[str, Percolation | None] = dict.fromkeys(DIRECTIONS)
    for direction, event in _percolation_events(network, barriers, place_energies).items():
        open_edges = [e for e in network.edges if heights[e] <= heights[event.edge]]
        found[direction] = Percolation(
            event.barrier_ev,
            (_known(ends[0][direction]), _known(ends[1][direction])),
            event.edge.hop,
            _walks(open_edges, event.edge.start, direction, steps),
        )
    return found


def percolation_barriers(
    network: Network, barriers: Sequence[float], place_energies: Sequence[float] | None = None
) -> dict[str, float | None]:
    """Find the percolation barriers alone, in eV, or None where there is no way through (see `percolation`)."""
    events = _percolation_events(network, barriers, place_energies)
    return {d: events[d].barrier_ev if d in events else None for d in DIRECTIONS}


def saddles(
    network: Network, barriers: Sequence[float], place_energies: Sequence[float] | None = None
) -> list[float]:
    """Return the energy of each edge's saddle: its barrier above the lower end, but never below the higher one."""
    if place_energies is None:
        return [float(barriers[edge.hop]) for edge in network.edges]
    found = []
    for edge in network.edges:
        low, high = sorted((place_energies[edge.start], place_energies[edge.end]))
        found.append(float(max(low + barriers[edge.hop], high)))
    return found


def dimensionality(network: Network) -> int:
    """Return in how many dimensions the hops get through, whatever their barriers; 0 to 3."""
    n_hops = 1 + max((edge.hop for edge in network.edges), default=0)
    ways = percolation_barriers(network, [0.0] * n_hops)
    return max((n for name, n in DIMENSIONS.items() if ways[name] is not None), default=0)


def _known(barrier: float | None) -> float:
    # Which ways exist does not depend on the barriers, so an end exists wherever the barrier does.
    assert barrier is not None
    return barrier


# ------------------------------------------------------------------ growing components


@dataclass(frozen=True, slots=True)
class _Event:
    """The edge that opened a direction."""

    barrier_ev: float
    edge: Edge


def _percolation_events(
    network: Network, barriers: Sequence[float], place_energies: Sequence[float] | None
) -> dict[str, _Event]:
    """Open the hops from the lowest saddle on; for each direction tell the edge that got through."""
    bottom = 0.0 if place_energies is None else min(place_energies)
    components = _Components(network.n_nodes)
    events: dict[str, _Event] = {}
    tops = saddles(network, barriers, place_energies)
    for saddle, edge in sorted(zip(tops, network.edges, strict=True)):
        for direction in _newly_open(components, edge):
            events.setdefault(direction, _Event(saddle - bottom, edge))
    return events


def _newly_open(components: _Components, edge: Edge) -> list[str]:
    """Add an edge; return the directions that it opens."""
    before = [components.basis(node) for node in (edge.start, edge.end)]
    components.join(edge)
    basis = components.basis(edge.start)
    if len(basis) == max(map(len, before)):
        return []  # no new direction without a new rank
    return [d for d in DIRECTIONS if _opens(basis, d) and not any(_opens(b, d) for b in before)]


def _opens(basis: Sequence[Translation], direction: str) -> bool:
    if direction in DIMENSIONS:
        return len(basis) >= DIMENSIONS[direction]
    return not _independent(basis, AXES[direction])


class _Components:
    """Connected components with the translations of their closed loops (union-find).

    Every node knows its parent and in which cell, seen from the parent's, the component reaches it.
    """

    def __init__(self, n_nodes: int) -> None:
        self._parent = list(range(n_nodes))
        self._offset: list[Translation] = [(0, 0, 0)] * n_nodes
        self._basis: list[tuple[Translation, ...]] = [()] * n_nodes

    def basis(self, node: int) -> tuple[Translation, ...]:
        """Independent translations of the closed loops of a node's component."""
        return self._basis[self._find(node)[0]]

    def join(self, edge: Edge) -> None:
        """Add an edge: it joins two components, or closes a loop in one."""
        root, start = self._find(edge.start)
        other, end = self._find(edge.end)
        gap = _minus(_plus(start, edge.image), end)
        if root == other:
            self._basis[root] = _extended(self._basis[root], gap)
            return
        self._parent[other], self._offset[other] = root, gap
        for translation in self._basis[other]:
            self._basis[root] = _extended(self._basis[root], translation)

    def _find(self, node: int) -> tuple[int, Translation]:
        """Root of a node, and the node's cell seen from the root's; shortens the way there."""
        trail = []
        while self._parent[node] != node:
            trail.append(node)
            node = self._parent[node]
        offset: Translation = (0, 0, 0)
        for step in reversed(trail):
            offset = _plus(offset, self._offset[step])
            self._parent[step], self._offset[step] = node, offset
        return node, offset


def _extended(basis: tuple[Translation, ...], vector: Translation) -> tuple[Translation, ...]:
    return (*basis, vector) if _independent(basis, vector) else basis


def _independent(basis: Sequence[Translation], vector: Translation) -> bool:
    """Whether a vector is linearly independent of up to three others, in exact integers."""
    if len(basis) == 0:
        return vector != (0, 0, 0)
    if len(basis) == 1:
        return _cross(basis[0], vector) != (0, 0, 0)
    if len(basis) == 2:
        return sum(n * m for n, m in zip(_cross(*basis), vector, strict=True)) != 0
    return False


def _cross(u: Translation, v: Translation) -> Translation:
    return (
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
    )


def _plus(u: Translation, v: Translation) -> Translation:
    return u[0] + v[0], u[1] + v[1], u[2] + v[2]


def _minus(u: Translation, v: Translation) -> Translation:
    return u[0] - v[0], u[1] - v[1], u[2] - v[2]


# ------------------------------------------------------------------ the walks that do it


def _walks(
    edges: Sequence[Edge], node: int, direction: str, lengths: Sequence[float]
) -> tuple[Walk, ...]:
    """Return shortest closed walks from a node that get through in a direction."""
    basis: tuple[Translation, ...] = ()
    walks: list[Walk] = []
    for translation, walk in _closed_walks(edges, node, lambda hop: float(lengths[hop])):
        if translation < (0, 0, 0):
            continue  # the same walk back
        if direction in AXES and _independent((AXES[direction],), translation):
            continue
        if _independent(basis, translation):
            basis = (*basis, translation)
            walks.append(walk())
        if len(walks) == DIMENSIONS.get(direction, 1):
            return tuple(walks)
    raise AssertionError("unreachable: the component gets through in this direction")


def _closed_walks(
    edges: Sequence[Edge], node: int, length: Callable[[int], float]
) -> Iterator[tuple[Translation, Callable[[], Walk]]]:
    """Yield the images of a node that can be reached, the nearest first, and how to walk there.

    Dijkstra's search through the crystal, in which each state is a node in one of the cells.
    """
    leaving: dict[int, list[Edge]] = {}
    for edge in edges:
        for way in (edge, edge.reversed()):
            leaving.setdefault(way.start, []).append(way)
    State = tuple[int, Translation]
    origin: State = (node, (0, 0, 0))
    came: dict[State, tuple[State, Edge]] = {}
    walked: dict[State, float] = {origin: 0.0}
    queue: list[tuple[float, State]] = [(0.0, origin)]
    while queue:
        distance, state = heapq.heappop(queue)
        if distance > walked[state]:
            continue
        if state[0] == node and state != origin:
            yield state[1], lambda state=state: _retrace(came, origin, state)  # type: ignore[misc]
        for edge in leaving.get(state[0], []):
            after = (edge.end, _plus(state[1], edge.image))
            further = distance + length(edge.hop)
            if further < walked.get(after, np.inf):
                walked[after], came[after] = further, (state, edge)
                heapq.heappush(queue, (further, after))


def _retrace(
    came: Mapping[tuple[int, Translation], tuple[tuple[int, Translation], Edge]],
    origin: tuple[int, Translation],
    state: tuple[int, Translation],
) -> Walk:
    walk = []
    while state != origin:
        state, edge = came[state]
        walk.append(edge)
    return tuple(reversed(walk))
