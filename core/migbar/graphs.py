"""Crystal graphs: atoms, and the bonds to their nearest neighbours.

A graph holds every bond once and stands for both of its directions: bond ``b`` is the directed edge ``2 b``
(first atom to second) and ``2 b + 1`` (back). The line graph need not be stored: its nodes are the directed
edges, and every edge into an atom meets every edge out of it.

Only NumPy is needed to import this module, to pack graphs and to read packed ones; the search for neighbours
uses pymatgen's compiled one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from migbar.errors import MigbarError
from migbar.files import replacing

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.bands import Band

TOO_CLOSE = 0.15
"""Pairs at most this far apart (Å) are no bond; the reference drops them too."""

TIE = 1e-4
"""Neighbours within this distance (Å) of the last one wanted are kept with it.

The reference compares distances bit for bit, so that rounding decides which of several equally near atoms it keeps.
"""

N_POSITIONS = 5
"""Positions of the ion in a five-position structure; they come first."""

_FIRST_RADIUS = 5.0
_LAST_ELEMENT = 100


class GraphError(MigbarError):
    """Raised when a structure cannot be made into a graph."""


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """How a graph is built.

    Attributes
    ----------
    neighbours : int
        Bonds reach out to the distance of this many nearest neighbours, ties included.
    canonize : bool
        Whether a pair found from both of its atoms is one bond (ALIGNN's ``use_canonize``); else it is two.
    surroundings : float or None
        For bands: keep only atoms within this distance (Å) of one of the ion's positions, as a cluster
        without periodic images of the ion; the whole cell where None.
    """

    neighbours: int = 12
    canonize: bool = True
    surroundings: float | None = None


@dataclass(frozen=True, slots=True)
class CrystalGraph:
    """Atoms and the bonds between them.

    Attributes
    ----------
    numbers : ndarray of int16, shape (n_atoms,)
        Atomic numbers.
    bonds : ndarray of int32, shape (n_bonds, 2)
        The two atoms of each bond.
    vectors : ndarray of float32, shape (n_bonds, 3)
        From the first atom to (the right image of) the second, Å.
    weights : ndarray of float32, shape (n_atoms,)
        Share of each atom in the pooled vector, before they are normalised.
    """

    numbers: NDArray[np.int16]
    bonds: NDArray[np.int32]
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]

    def edges(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Source, target and vector (Å) of the directed edges, two for each bond."""
        both = np.stack([self.bonds, self.bonds[:, ::-1]], axis=1).reshape(-1, 2)
        vectors = np.stack([self.vectors, -self.vectors], axis=1).reshape(-1, 3)
        return both[:, 0], both[:, 1], vectors


def crystal_graph(
    lattice: ArrayLike,
    frac_coords: ArrayLike,
    numbers: ArrayLike,
    settings: GraphSettings = GraphSettings(),
) -> CrystalGraph:
    """Build the graph of a periodic structure.

    Source: the k-nearest graph of ALIGNN (Choudhary and DeCost, npj Comput. Mater. 7, 185 (2021)).

    Parameters
    ----------
    lattice : array_like, shape (3, 3)
        Rows are lattice vectors, Å.
    frac_coords : array_like, shape (n, 3)
    numbers : array_like of int, shape (n,)
        Atomic numbers.
    settings : GraphSettings
    """
    matrix = np.ascontiguousarray(lattice, float)
    points = np.ascontiguousarray(np.asarray(frac_coords, float) @ matrix)
    z = _known_elements(numbers)
    source, target, image = _nearest(points, matrix, settings.neighbours)
    source, target, image = _pairs(source, target, image, settings.canonize)
    vectors = points[target] + image @ matrix - points[source]
    return _graph(z, source, target, vectors)


def structure_graph(
    structure: Structure, settings: GraphSettings = GraphSettings()
) -> CrystalGraph:
    """Build the graph of an ordered structure (see `crystal_graph`)."""
    numbers = [site.specie.Z for site in structure]
    return crystal_graph(structure.lattice.matrix, structure.frac_coords, numbers, settings)


def band_graph(band: Band, settings: GraphSettings = GraphSettings()) -> CrystalGraph:
    """Build the graph of the five-position structure (MODEL-3, MODEL-4), or of the path's surroundings."""
    five = band.five_position_structure()
    if settings.surroundings is None:
        return structure_graph(five, settings)
    return _surroundings_graph(five, settings, settings.surroundings)


def end_graphs(
    band: Band, settings: GraphSettings = GraphSettings()
) -> tuple[CrystalGraph, CrystalGraph]:
    """Build the graphs of the initial and of the final configuration (MODEL-1, MODEL-2)."""
    last = len(band.path) - 1
    return structure_graph(band.image(0), settings), structure_graph(band.image(last), settings)


def path_sub_graph(band: Band) -> CrystalGraph:
    """Build the sub-graph of MODEL-4: the ion's positions and the bonds that touch them.

    Six nearest neighbours; a pair found from both of its atoms is two bonds, as in the published code.
    """
    five = band.five_position_structure()
    matrix = np.ascontiguousarray(five.lattice.matrix)
    points = np.ascontiguousarray(five.cart_coords)
    source, target, image = _nearest(points, matrix, 6)
    touching = (source < N_POSITIONS) | (target < N_POSITIONS)
    source, target, image = source[touching], target[touching], image[touching]
    vectors = points[target] + image @ matrix - points[source]
    kept = np.unique(np.concatenate([source, target]))
    z = _known_elements([site.specie.Z for site in five])[kept]
    return _graph(z, np.searchsorted(kept, source), np.searchsorted(kept, target), vectors)


def line_graph(
    graph: CrystalGraph,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of directed edges i→j, j→k of a graph, and the cosine of the angle at j.

    A bond to an image of the same atom meets itself, one cell further on. DGL's line graphs, and so the reference,
    leave that one pair out; only in cells so short that such bonds occur does it make a difference.

    Returns
    -------
    first, second : ndarray of int, shape (n_pairs,)
        Directed edges, numbered as in `CrystalGraph.edges`.
    cosine : ndarray, shape (n_pairs,)
        1 where the way leads straight back.
    """
    source, target, vectors = graph.edges()
    incoming = np.argsort(target, kind="stable")
    outgoing = np.argsort(source, kind="stable")
    n_out = np.bincount(source, minlength=len(graph.numbers))
    start = np.concatenate([[0], np.cumsum(n_out)])[:-1]
    at = target[incoming]
    first = np.repeat(incoming, n_out[at])
    within = np.arange(len(first)) - np.repeat(np.cumsum(n_out[at]) - n_out[at], n_out[at])
    second = outgoing[start[target[first]] + within]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return first, second, np.clip(-(unit[first] * unit[second]).sum(axis=1), -1.0, 1.0)


# ------------------------------------------------------------------ packing


@dataclass(frozen=True, slots=True)
class PackedGraphs:
    """Many graphs in few arrays, as they are kept on disk and on the accelerator.

    Attributes
    ----------
    numbers, weights, bonds, vectors : ndarray
        Those of `CrystalGraph`, one after the other; bonds count from the first atom of their graph.
    atom_start, bond_start : ndarray of int64, shape (n_graphs + 1,)
        Where each graph begins.
    """

    numbers: NDArray[np.int16]
    weights: NDArray[np.float32]
    bonds: NDArray[np.int32]
    vectors: NDArray[np.float32]
    atom_start: NDArray[np.int64]
    bond_start: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.atom_start) - 1

    def arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Return all arrays by name, each name behind `prefix`."""
        return {f"{prefix}{f.name}": getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], prefix: str = "") -> PackedGraphs:
        """Make packed graphs of what `arrays` gave."""
        return cls(**{f.name: arrays[f"{prefix}{f.name}"] for f in fields(cls)})


def pack(graphs: Sequence[CrystalGraph]) -> PackedGraphs:
    """Put graphs one after the other."""
    return PackedGraphs(
        numbers=np.concatenate([g.numbers for g in graphs]),
        weights=np.concatenate([g.weights for g in graphs]),
        bonds=np.concatenate([g.bonds for g in graphs]),
        vectors=np.concatenate([g.vectors for g in graphs]),
        atom_start=np.cumsum([0, *(len(g.numbers) for g in graphs)]),
        bond_start=np.cumsum([0, *(len(g.bonds) for g in graphs)]),
    )


def save_arrays(arrays: dict[str, NDArray[Any]], path: str | Path) -> None:
    """Write named arrays to an ``.npz`` file, compressed and atomically."""
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]


def load_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read what `save_arrays` wrote; nothing is unpickled."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


# ------------------------------------------------------------------ how it is done


def _known_elements(numbers: ArrayLike) -> NDArray[np.int16]:
    z = np.asarray(numbers, np.int16)
    if z.size == 0:
        raise GraphError("A structure without atoms has no graph.")
    if z.min() < 1 or z.max() > _LAST_ELEMENT:
        raise GraphError(
            f"The element with atomic number {int(z.max())} is not in the networks' element table, which "
            f"ends at {_LAST_ELEMENT} (Fm)."
        )
    return z


def _graph(
    numbers: NDArray[np.int16],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    vectors: NDArray[np.float64],
) -> CrystalGraph:
    return CrystalGraph(
        numbers,
        np.column_stack([source, target]).astype(np.int32),
        vectors.astype(np.float32),
        np.ones(len(numbers), np.float32),
    )


def _nearest(
    points: NDArray[np.float64], lattice: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return atom, neighbour and image of all pairs out to the k-th nearest, ties included."""
    found = []
    waiting = np.arange(len(points))
    radius = _FIRST_RADIUS
    while len(waiting):
        i, j, image, d = _within(points, points[waiting], lattice, radius)
        bonded = d > TOO_CLOSE
        i, j, image, d = i[bonded], j[bonded], image[bonded], d[bonded]
        order = np.lexsort((d, i))
        n = np.bincount(i, minlength=len(waiting))
        enough = n >= k
        reach = np.full(len(waiting), -1.0)
        reach[enough] = d[order][(np.cumsum(n) - n)[enough] + k - 1] + TIE
        done = reach < radius
        reach[~done] = -1.0
        keep = d <= reach[i]
        found.append((waiting[i[keep]], j[keep], image[keep]))
        waiting = waiting[~(done & enough)]
        radius *= 1.5
    source, target, images = (np.concatenate(part) for part in zip(*found, strict=True))
    return source, target, images


def _within(
    points: NDArray[np.float64],
    centres: NDArray[np.float64],
    lattice: NDArray[np.float64],
    radius: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return centre, point, image and distance of all pairs within `radius`."""
    from pymatgen.optimization.neighbors import find_points_in_spheres

    i, j, image, d = find_points_in_spheres(
        all_coords=np.ascontiguousarray(points),
        center_coords=np.ascontiguousarray(centres),
        r=float(radius),
        pbc=np.ones(3, dtype=np.int64),
        lattice=lattice,
        tol=1e-8,
    )
    return i, j, np.rint(image).astype(np.int64), d


def _pairs(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    image: NDArray[np.int64],
    canonize: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Make one bond of each pair that was found from both atoms, if asked to.

    A bond to an image of the same atom keeps its two directions apart in either case, as in the reference.
    """
    if not canonize:
        return source, target, image
    swap = (target < source)[:, None]
    pair = np.where(swap, np.column_stack([target, source]), np.column_stack([source, target]))
    rows = np.unique(np.column_stack([pair, np.where(swap, -image, image)]), axis=0)
    return rows[:, 0], rows[:, 1], rows[:, 2:]


def _surroundings_graph(five: Structure, settings: GraphSettings, radius: float) -> CrystalGraph:
    """Build the graph of a cluster: the ion's positions and the host within `radius` of one of them.

    Who is a neighbour is decided with the atoms beyond the rim in place; bonds to those are left out. Pooling
    goes over the ion's positions, so that neither the rim nor the size of the supercell counts.
    """
    matrix = np.ascontiguousarray(five.lattice.matrix)
    points = np.ascontiguousarray(five.cart_coords)
    z = _known_elements([site.specie.Z for site in five])
    path, host = points[:N_POSITIONS], points[N_POSITIONS:]
    _, j, image, d = _within(host, path, matrix, radius + _FIRST_RADIUS)
    site, which = np.unique(np.column_stack([j, image]), axis=0, return_inverse=True)
    nearest = np.full(len(site), np.inf)
    np.minimum.at(nearest, which.ravel(), d)
    order = np.argsort(nearest, kind="stable")
    site, inside = site[order], N_POSITIONS + int((nearest <= radius).sum())
    cluster = np.concatenate([path, host[site[:, 0]] + site[:, 1:] @ matrix])
    source, target = _nearest_in_cluster(cluster, inside, settings.neighbours)
    source, target = source[target < inside], target[target < inside]
    image = np.zeros((len(source), 3), np.int64)
    source, target, _ = _pairs(source, target, image, settings.canonize)
    numbers = np.concatenate([z[:N_POSITIONS], z[N_POSITIONS:][site[:, 0]]])[:inside]
    graph = _graph(numbers, source, target, cluster[target] - cluster[source])
    graph.weights[N_POSITIONS:] = 0.0
    return graph


def _nearest_in_cluster(
    points: NDArray[np.float64], n_centres: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from scipy.spatial.distance import cdist

    d = cdist(points[:n_centres], points)
    d[d <= TOO_CLOSE] = np.inf
    k = min(k, len(points) - 1)
    reach = np.partition(d, k - 1, axis=1)[:, k - 1] + TIE
    source, target = np.nonzero(d <= reach[:, None])
    return source, target
