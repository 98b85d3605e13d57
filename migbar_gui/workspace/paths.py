"""Paths as the table lists them, and what is known of each: values that never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Approach
from migbar.barriers import Barrier, ModelCard, Remark
from migbar.hops import Hop
from migbar.networks import AXES, DIMENSIONS, saddles
from migbar.prediction import PredictedPath
from migbar_gui.workspace.document import Document

if TYPE_CHECKING:
    from migbar.paths import CrystalPaths


@dataclass(frozen=True, slots=True)
class PathEntry:
    """A path in the table. Its hop never changes, so that a result belongs to it for good.

    Attributes
    ----------
    id : int
    hop : Hop
    supercell : str
    remarks : tuple of Remark
        What was chosen for the user when the hop was named.
    note : str
        The user's own words.
    multiplicity : int
        Number of equivalent hops per cell; 0 where they were not counted.
    name : str
        Short names of the ends, where they have any beside those of the hop: ``v0 → v3``.
    """

    id: int
    hop: Hop
    supercell: str
    remarks: tuple[Remark, ...] = ()
    note: str = ""
    multiplicity: int = 0
    name: str = ""

    @property
    def label(self) -> str:
        """The two ends, and which further sites are empty."""
        emptied = "".join(f"  without {site}" for site in self.hop.removed)
        return (self.name or self.hop.label) + emptied


@dataclass(frozen=True, slots=True)
class PathResult:
    """What is known of a path once it was judged.

    Attributes
    ----------
    predicted : PredictedPath
    walked : ndarray
        Distances from the initial site along the path in Å.
    coordination : ndarray
        Coordination number of the ion at these distances.
    """

    predicted: PredictedPath
    walked: NDArray[np.float64]
    coordination: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """A path bent around the atoms beside it, to be looked at.

    Attributes
    ----------
    points : ndarray, shape (n, 3)
        Positions of the ion in Å in the frame of the structure.
    length : float
        Along the path in Å.
    approaches : tuple of Approach
        For each position the atom that leaves the least room.
    """

    points: NDArray[np.float64]
    length: float
    approaches: tuple[Approach, ...]


@dataclass(frozen=True, slots=True)
class FoundPaths:
    """All symmetry-distinct hops, found together, and how they connect.

    Attributes
    ----------
    crystal : CrystalPaths
    results : tuple of PathResult
        One for each hop.
    model : ModelCard
        What predicted the barriers.
    supercell : str
        As it was asked for.
    settings : dict
        What else was asked for, by name.
    """

    crystal: CrystalPaths
    results: tuple[PathResult, ...]
    model: ModelCard
    supercell: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Found paths with their rows in the table.

    Attributes
    ----------
    found : FoundPaths
    paths : tuple of PathEntry
        One for each hop as it was when it was found; it may have been removed since.
    """

    found: FoundPaths
    paths: tuple[PathEntry, ...]

    @property
    def barriers(self) -> NDArray[np.float64]:
        """Barrier of each hop in eV."""
        return np.array([path.barrier.barrier_ev for path in self.found.crystal.paths])

    @property
    def heights(self) -> NDArray[np.float64]:
        """Height of each hop's saddle above the best place in eV: its barrier where places are alike."""
        crystal = self.found.crystal
        if crystal.place_energies is None:
            return self.barriers
        network, found = crystal.search.network, np.zeros(len(self.paths))
        tops = saddles(network, self.barriers.tolist(), crystal.place_energies)
        found[[edge.hop for edge in network.edges]] = tops
        return found

    @property
    def has_kinds_of_places(self) -> bool:
        """Whether the ion has places that symmetry does not map on each other, and hops between them."""
        search = self.found.crystal.search
        return bool(search.hops) and len(set(search.kinds)) > 1

    def hop_of(self, path_id: int | None) -> int | None:
        """Return which of the hops a path is."""
        return next((n for n, path in enumerate(self.paths) if path.id == path_id), None)

    def opened_by(self, highest: float) -> tuple[int, tuple[str, ...]]:
        """Return in how many dimensions, and along which axes, hops up to a barrier (eV) get through."""
        ways = self.found.crystal.percolation
        through = {name for name, way in ways.items() if way and way.barrier_ev <= highest}
        dimensions = max((n for name, n in DIMENSIONS.items() if name in through), default=0)
        return dimensions, tuple(axis for axis in AXES if axis in through)


@dataclass(frozen=True, slots=True)
class PinnedPath:
    """A path with its barrier that is kept for comparison when another structure is opened.

    Attributes
    ----------
    document : Document
        The structure that it runs through.
    path : PathEntry
    barrier : Barrier
    length : float
        Of the straight path in Å.
    """

    document: Document
    path: PathEntry
    barrier: Barrier
    length: float
