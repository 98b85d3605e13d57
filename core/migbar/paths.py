"""Every path of an ion: the symmetry-distinct hops of a crystal, their barriers, and the way through.

Two hops are equivalent where an operation of the structure's space group maps one on the other,
in either direction: a predicted barrier has none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.bands import is_clash
from migbar.barriers import Predictor, Remark
from migbar.errors import HopError, NoMobileIonError
from migbar.hops import Hop, Mechanism, Point, SiteRef, nearest_images, require_element
from migbar.networks import Edge, Network, Percolation, Translation, dimensionality, percolation
from migbar.orbits import Operations, canonical, representative
from migbar.passages import BottleneckAtom, Surroundings
from migbar.places import PlaceEnergies
from migbar.prediction import PredictedPath, predict_paths
from migbar.progress import SILENT, Progress
from migbar.structures import SYMPREC, formula, mobile_ions, require_ordered
from migbar.supercells import Matrix, meets_own_image
from migbar.voids import find_voids

FIRST_CUTOFF, LAST_CUTOFF, CUTOFF_STEP = 4.5, 7.0, 0.5
"""Longest hops in Å that are looked for first, at most, and how the cut-off rises between them."""

LONGEST_CUTOFF = 12.0
"""Largest cut-off in Å that can be asked for."""

# Lengths that differ by less (Å) are the same: coordinates in files have few digits.
_SAME_LENGTH = 2e-3
# Fractional coordinates this close to a face of the cell lie on it.
_ON_FACE = 1e-3


@dataclass(frozen=True, slots=True)
class Node:
    """A place of the ion in the cell as read.

    Attributes
    ----------
    index : int
        Zero-based index of the site in the structure, or of the void in `migbar.voids.find_voids`.
    is_void : bool
    frac_coords : tuple of 3 floats
    """

    index: int
    is_void: bool
    frac_coords: Point

    @property
    def name(self) -> int | str:
        """Site index, or ``"v3"`` for a void: as the command line takes it."""
        return f"v{self.index}" if self.is_void else self.index


@dataclass(frozen=True, slots=True)
class DistinctHop:
    """One of a set of hops that symmetry maps on each other.

    Attributes
    ----------
    hop : Hop
        The representative, ready for `migbar.prediction.predict_paths`.
    start, end : Node
        Its ends.
    image : tuple of 3 int
        Cell of the end, seen from that of the start.
    length : float
        Straight distance in Å.
    multiplicity : int
        Number of equivalent hops per cell as read, each counted once for both directions.
    per_site : int
        Number of equivalent hops that lead away from the start.
    bottleneck : tuple of BottleneckAtom
        The atoms around the narrowest place between a quarter and three quarters of the straight
        path, the nearest first.
    edges : tuple of Edge
        All equivalent hops of a cell, for the network and for drawing it.
    """

    hop: Hop
    start: Node
    end: Node
    image: Translation
    length: float
    multiplicity: int
    per_site: int
    bottleneck: tuple[BottleneckAtom, ...]
    edges: tuple[Edge, ...]

    @property
    def label(self) -> str:
        """The two ends in the notation of the command line, for example ``0 → 3@1,0,0``."""
        home = self.image == (0, 0, 0) and self.hop.end_is_nearest
        image = "" if home else "@" + ",".join(map(str, self.image))
        return f"{self.start.name} → {self.end.name}{image}"

    @property
    def is_tight(self) -> bool:
        """Whether the straight path comes closer to an atom than is usual (`is_clash`)."""
        return any(is_clash(self.hop.ion, atom.element, atom.distance) for atom in self.bottleneck)


@dataclass(frozen=True, slots=True)
class LeftOutHop:
    """A distinct hop that makes no sense as a straight path, and why."""

    hop: DistinctHop
    reason: str


@dataclass(frozen=True, slots=True)
class HopSearch:
    """The distinct hops of an ion in a structure.

    Attributes
    ----------
    ion : str
    mechanism : Mechanism
    cutoff : float
        Length in Å up to which hops were looked for.
    nodes : tuple of Node
        Nodes of the network.
    hops : tuple of DistinctHop
        The shortest first.
    left_out : tuple of LeftOutHop
    kinds : tuple of int
        For each node the first one that symmetry maps on it.
    dimensionality : int
        In how many dimensions the hops connect, whatever their barriers.
    """

    ion: str
    mechanism: Mechanism
    cutoff: float
    nodes: tuple[Node, ...]
    hops: tuple[DistinctHop, ...]
    left_out: tuple[LeftOutHop, ...]
    kinds: tuple[int, ...]

    @property
    def network(self) -> Network:
        """The periodic graph of all hops; an edge's `hop` is its index in `hops`."""
        return _network(self.nodes, self.hops)

    @property
    def dimensionality(self) -> int:
        return dimensionality(self.network)

    def segments(self) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
        """Return the hops to draw in one cell: all whose middle lies in it or on its faces.

        Returns
        -------
        hop : ndarray of int, shape (n,)
            Index in `hops`.
        ends : ndarray, shape (n, 2, 3)
            Fractional coordinates of both ends.
        """
        edges = self.network.edges
        places = np.array([node.frac_coords for node in self.nodes]).reshape(-1, 3)
        start = places[[edge.start for edge in edges]]
        end = places[[edge.end for edge in edges]] + np.array([e.image for e in edges]).reshape(
            -1, 3
        )
        middle = (start + end) / 2
        home = np.floor(middle + _ON_FACE)
        shifts = np.array(list(itertools.product((0, 1), repeat=3))) - home[:, None]
        inside = (middle[:, None] + shifts <= 1 + _ON_FACE).all(axis=-1)
        edge, shift = np.nonzero(inside)
        ends = np.stack([start, end], axis=1)[edge] + shifts[edge, shift][:, None]
        return np.array([e.hop for e in edges], dtype=int)[edge], ends


@dataclass(frozen=True, slots=True)
class CrystalPaths:
    """All paths of an ion in a crystal, with their barriers and the way through.

    Attributes
    ----------
    search : HopSearch
    paths : tuple of PredictedPath
        One for each of ``search.hops``, in their order.
    percolation : dict
        For each of `migbar.networks.DIRECTIONS` how the ion gets through, or None; a, b and c are
        the axes of the cell as read.
    places : PlaceEnergies or None
        How the kinds of places differ in energy, where that is known.
    """

    search: HopSearch
    paths: tuple[PredictedPath, ...]
    percolation: dict[str, Percolation | None]
    places: PlaceEnergies | None = None

    def __post_init__(self) -> None:
        if self.places is not None:
            self.places.of_nodes(self.search.kinds)  # refuses those of other places

    @property
    def place_energies(self) -> tuple[float, ...] | None:
        """Energy of each node in eV, where that is known."""
        return None if self.places is None else self.places.of_nodes(self.search.kinds)

    @property
    def remarks(self) -> list[Remark]:
        """What a user should know about the way through."""
        return [*self._calculated, *self._about_places]

    @property
    def _calculated(self) -> list[Remark]:
        """Which barriers are not predicted."""
        told = "The barrier of {} was calculated with {}, not predicted."
        return [
            Remark("calculated", told.format(hop.label, path.barrier.made_by))
            for hop, path in zip(self.search.hops, self.paths, strict=True)
            if any(remark.code == "calculated" for remark in path.barrier.remarks)
        ]

    @property
    def _about_places(self) -> list[Remark]:
        kinds = len(set(self.search.kinds))
        if kinds == 1 or self.percolation["1D"] is None:
            return []
        if self.places is not None:
            return self.places.remarks
        text = (
            f"{self.search.ion} has {kinds} kinds of places here, and how far these differ in energy is not known. "
            "Getting through takes at least the barriers told, and more where it goes by unfavourable places: the "
            "highest saddle counts above the best place. A potential can tell their energies (in the window: Path, "
            "Compare places; on the command line: --places chgnet)."
        )
        return [Remark("unequal_places", text)]

    @classmethod
    def of(
        cls,
        search: HopSearch,
        paths: Sequence[PredictedPath],
        places: PlaceEnergies | None = None,
    ) -> CrystalPaths:
        """Find the way through for one predicted path per distinct hop (see `migbar.networks.percolation`).

        Where a barrier is refined, for example by a relaxed band, or the energies of the places become known,
        this gives the new way through.

        Raises
        ------
        PlacesError
            If the energies are those of other places.
        """
        through = percolation(
            search.network,
            [path.barrier.barrier_ev for path in paths],
            [path.barrier.interval_ev for path in paths],
            [hop.length for hop in search.hops],
            None if places is None else places.of_nodes(search.kinds),
        )
        return cls(search, tuple(paths), through, places)


def find_paths(
    structure: Structure,
    ion: str,
    model: Predictor | None = None,
    mechanism: Mechanism | None = None,
    cutoff: float | None = None,
    symprec: float = SYMPREC,
    supercell: Matrix | None = None,
    notes: Sequence[Remark] = (),
    progress: Progress = SILENT,
) -> CrystalPaths:
    """Find all distinct hops of an ion, predict their barriers, and see how it gets through.

    Parameters
    ----------
    structure, ion, mechanism, cutoff, symprec
        See `find_hops`.
    model, supercell, notes, progress
        See `migbar.prediction.predict_paths`. Hops that run into their own image in this supercell are left out.

    Raises
    ------
    OccupancyError, NoMobileIonError, HopError, SupercellError
        See `find_hops` and `migbar.prediction.predict_paths`.
    Cancelled
        If the user stops it.
    """
    search = find_hops(structure, ion, mechanism, cutoff, symprec)
    if supercell is not None:
        search = _fitting(search, supercell)
    hops = [distinct.hop for distinct in search.hops]
    paths = predict_paths(structure, hops, model, supercell, notes, progress) if hops else []
    return CrystalPaths.of(search, paths)


def _fitting(search: HopSearch, supercell: Matrix) -> HopSearch:
    """Leave out the hops that run into their own image in a supercell."""
    reason = "runs into its own periodic image in this supercell; choose auto, or a larger one"
    kept: list[DistinctHop] = []
    unfit: list[DistinctHop] = []
    for distinct in search.hops:
        (unfit if meets_own_image(distinct.hop, supercell) else kept).append(distinct)
    left_out = (*search.left_out, *(LeftOutHop(distinct, reason) for distinct in unfit))
    return replace(search, hops=_numbered(kept), left_out=left_out)


def find_hops(
    structure: Structure,
    ion: str,
    mechanism: Mechanism | None = None,
    cutoff: float | None = None,
    symprec: float = SYMPREC,
) -> HopSearch:
    """Find the symmetry-distinct hops of an ion.

    A straight hop that comes within `ON_TOP` (0.5 Å) of another atom, or of another place of the
    ion (it is a chain of shorter hops then), is left out.

    Parameters
    ----------
    structure : Structure
        Ordered.
    ion : str
        Symbol of the element that moves.
    mechanism : Mechanism, optional
        ``vacancy`` and ``single_ion`` go between occupied sites, ``interstitial`` and
        ``insertion`` between voids. By default ``vacancy``, and ``insertion`` where the structure
        has no site of the ion.
    cutoff : float, optional
        Length of the longest hop in Å. By default 4.5 Å, raised in steps of 0.5 Å to at most 7 Å
        until the hops connect in three dimensions.
    symprec : float
        Symmetry tolerance in Å of what counts as the same hop.

    Raises
    ------
    OccupancyError
        If the structure is partly occupied.
    NoMobileIonError
        If the mechanism goes between sites and there is none.
    HopError
        If the ion is no element, or inserted where there is one already, no void has room for it, or the
        cut-off is not between 0 and `LONGEST_CUTOFF`.
    SupercellError
        If the structure repeats a smaller cell so often that its symmetry does not fit into memory.
    """
    require_ordered(structure)
    require_element(ion)
    if cutoff is not None and not 0 < cutoff <= LONGEST_CUTOFF:
        raise HopError(
            f"a cut-off of {cutoff:g} Å makes no sense; choose one up to {LONGEST_CUTOFF:g} Å."
        )
    if mechanism is None:
        mechanism = Mechanism.VACANCY if ion in structure.symbol_set else Mechanism.INSERTION
    nodes = _nodes(structure, ion, mechanism)
    finder = _Finder(structure, ion, mechanism, nodes, symprec, cutoff or LAST_CUTOFF)
    kept: list[DistinctHop] = []
    left_out: list[LeftOutHop] = []
    shorter = 0.0
    for limit in _cutoffs() if cutoff is None else (cutoff,):
        for hop, reason in finder.between(shorter, limit):
            if reason is None:
                kept.append(hop)
            else:
                left_out.append(LeftOutHop(hop, reason))
        shorter = limit
        if dimensionality(_network(nodes, _numbered(kept))) == 3:
            break
    return HopSearch(
        ion, mechanism, shorter, nodes, _numbered(kept), tuple(left_out), finder.operations.kinds
    )


def _cutoffs() -> Iterable[float]:
    steps = round((LAST_CUTOFF - FIRST_CUTOFF) / CUTOFF_STEP)
    return (FIRST_CUTOFF + CUTOFF_STEP * n for n in range(steps + 1))


def _nodes(structure: Structure, ion: str, mechanism: Mechanism) -> tuple[Node, ...]:
    if mechanism.between_sites:
        sites = [i for i, site in enumerate(structure) if site.specie.symbol == ion]
        if not sites:
            raise NoMobileIonError(ion, formula(structure), mobile_ions(structure))
        return tuple(Node(i, False, SiteRef(i).frac_coords(structure)) for i in sites)
    if mechanism is Mechanism.INSERTION and ion in structure.symbol_set:
        raise HopError(
            f"insertion puts {ion} into a host without any, but {formula(structure)} has {ion}; "
            "use interstitial, or take the ions out first."
        )
    voids = find_voids(structure, ion)  # whose names do not depend on how hops are compared
    if not voids:
        raise HopError(
            f"{formula(structure)} has no void with room for {ion}; try another ion, or one hop between positions "
            "of your own (on the command line: --from-frac, --to-frac)."
        )
    return tuple(Node(i, True, void.frac_coords) for i, void in enumerate(voids))


def _numbered(hops: Sequence[DistinctHop]) -> tuple[DistinctHop, ...]:
    """Return the hops with their place in the row written on their edges."""
    return tuple(
        replace(hop, edges=tuple(replace(edge, hop=number) for edge in hop.edges))
        for number, hop in enumerate(hops)
    )


def _network(nodes: Sequence[Node], hops: Iterable[DistinctHop]) -> Network:
    return Network(len(nodes), tuple(edge for hop in hops for edge in hop.edges))


# ------------------------------------------------------------------ finding


class _Finder:
    """Finds the distinct hops between the nodes of one structure."""

    def __init__(
        self,
        structure: Structure,
        ion: str,
        mechanism: Mechanism,
        nodes: tuple[Node, ...],
        symprec: float,
        longest: float,
    ) -> None:
        self._structure = structure
        self._ion = ion
        self._mechanism = mechanism
        self._nodes = nodes
        self._frac = np.array([node.frac_coords for node in nodes])
        self.operations = Operations(structure, self._frac, symprec)
        # Equivalent hops may differ in length by the tolerance, and lie on both sides of a limit.
        self._seen: set[tuple[int, ...]] = set()
        voids = {str(node.name): node.frac_coords for node in nodes if node.is_void}
        self._surroundings = Surroundings(structure, ion, mechanism, voids, longest)

    def between(self, shortest: float, longest: float) -> list[tuple[DistinctHop, str | None]]:
        """Hops of more than `shortest` and up to `longest` Å, and why a hop is to be left out."""
        pairs = self._pairs(shortest, longest)
        found = []
        for pair in pairs.tolist():
            if tuple(pair) in self._seen:
                continue
            orbit = self.operations.orbit(pair)
            self._seen.update(map(tuple, orbit.tolist()))
            found.append(self._describe(orbit))
        return found

    def _pairs(self, shortest: float, longest: float) -> NDArray[np.int_]:
        """Pairs of places as rows (start, end, i, j, k), in one direction, the shortest first."""
        places = Structure(self._structure.lattice, [self._ion] * len(self._frac), self._frac)
        start, end, image, length = places.get_neighbor_list(longest + _SAME_LENGTH)
        new = length > shortest + _SAME_LENGTH
        rows = np.column_stack([start, end, np.rint(image).astype(int)])[new]
        forward = (rows == canonical(rows)).all(axis=1)
        rows, length = rows[forward], length[new][forward].round(3)
        return np.asarray(rows[np.lexsort((*rows.T[::-1], length))])

    def _describe(self, orbit: NDArray[np.int_]) -> tuple[DistinctHop, str | None]:
        start, end, image = representative(orbit)
        ends = np.array([self._frac[start], self._frac[end] + image])
        first, last = self._nodes[start], self._nodes[end]
        between_sites = self._mechanism.between_sites
        nearest = nearest_images(self._structure, ends[0], self._frac[end])[0] == image
        hop = Hop(
            self._ion,
            _point(ends[0]),
            _point(ends[1]),
            self._mechanism,
            start_site=SiteRef(first.index) if between_sites else None,
            end_site=SiteRef(last.index, image) if between_sites else None,
            end_is_nearest=nearest,
        )
        around = self._surroundings.of(ends)
        distinct = DistinctHop(
            hop=hop,
            start=first,
            end=last,
            image=image,
            length=hop.length(self._structure),
            multiplicity=len(orbit),
            per_site=int((orbit[:, :2] == start).sum()),
            bottleneck=around.bottleneck(),
            edges=tuple(Edge(u, v, (i, j, k), 0) for u, v, i, j, k in orbit.tolist()),
        )
        return distinct, around.obstacle()


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = values.tolist()
    return x, y, z
