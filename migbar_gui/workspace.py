"""What is open: a structure, paths through it, and their barriers. Plain Python, observable, undoable."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.bands import Approach
from migbar.barriers import GOOD_CONDUCTOR_EV, Barrier, ModelCard, Remark
from migbar.hops import Hop, Mechanism, Point, SiteRef, hop_between_points, hop_between_sites
from migbar.networks import AXES, DIMENSIONS
from migbar.prediction import PredictedPath
from migbar.structures import Symmetry
from migbar.voids import Void

if TYPE_CHECKING:
    from migbar.landscape import Landscape
    from migbar.neb import NebResult
    from migbar.paths import CrystalPaths
    from migbar_gui.relaxed import RelaxedPath, ShownImage, VolumeResult

HISTORY_LENGTH = 200
"""Steps that can be undone."""

FIRST_LEVEL_EV = 1.0
"""Site energy up to which the map is shown at first: its sites are joined to channels there."""


class Event:
    """Something that happens, and those who want to know of it."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[..., None]] = []

    def connect(self, callback: Callable[..., None]) -> None:
        """Call `callback` from now on, in the order of connection."""
        self._callbacks.append(callback)

    def emit(self, *args: Any) -> None:
        """Tell everybody."""
        for callback in tuple(self._callbacks):
            callback(*args)


@dataclass(frozen=True, slots=True)
class Document:
    """A structure that was opened, and what is known of it before any path is drawn.

    Attributes
    ----------
    name : str
        What to call it: the file's name, with the block where the file holds several.
    source : Path or None
        The file.
    structure : Structure
        Ordered.
    ions : tuple of str
        Its elements that can migrate, the likeliest first.
    guests : tuple of str
        Ions that it does not hold and that can be put in.
    formula : str
        Reduced formula.
    symmetry : Symmetry or None
        None where no space group was found.
    notes : tuple of Remark
        What is to be said with every result, for example how it was ordered.
    """

    name: str
    source: Path | None
    structure: Structure
    ions: tuple[str, ...]
    guests: tuple[str, ...]
    formula: str
    symmetry: Symmetry | None
    notes: tuple[Remark, ...] = ()

    def mechanisms(self, ion: str) -> tuple[Mechanism, ...]:
        """Return the mechanisms that make sense for an ion in this structure, the usual one first."""
        if ion in self.structure.symbol_set:
            return (Mechanism.VACANCY, Mechanism.SINGLE_ION, Mechanism.INTERSTITIAL)
        return (Mechanism.INSERTION,)


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
class Pick:
    """A place that was clicked as an end of a hop: a site of the structure, or a void."""

    frac_coords: Point
    site: SiteRef | None = None

    def __str__(self) -> str:
        if self.site is not None:
            return f"site {self.site}"
        return "(" + ", ".join(f"{x:.3f}" for x in self.frac_coords) + ")"


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
        Closest atom for each position.
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


@dataclass(frozen=True, slots=True)
class State:
    """Everything that undo brings back."""

    document: Document | None = None
    ion: str = ""
    mechanism: Mechanism = Mechanism.VACANCY
    supercell: str = "auto"
    paths: tuple[PathEntry, ...] = ()
    emptied: tuple[SiteRef, ...] = ()
    group: Group | None = None
    pins: tuple[PinnedPath, ...] = ()


Steps = tuple[tuple[str, State], ...]
"""What was done, the oldest first, each with the state before it (or, to do again, after it)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a session file keeps: the state with its history, what was found out, what is looked at.

    A new member needs a default, so that older files can still be read; `migbar_gui.session.kinds` lists
    the classes that may occur in it.

    Attributes
    ----------
    state : State
    past, future : Steps
        What can be undone, and done again.
    results : tuple of (int, PathResult)
        By path id; failures are not kept, and tried again.
    """

    state: State
    past: Steps = ()
    future: Steps = ()
    results: tuple[tuple[int, PathResult], ...] = ()
    picks: tuple[Pick, ...] = ()
    active: int | None = None
    show_voids: bool = False
    bent: bool = False
    show_network: bool = True
    highest_shown: float = np.inf
    show_landscape: bool = False
    landscape_level: float = FIRST_LEVEL_EV
    threshold: float = GOOD_CONDUCTOR_EV
    relaxed: tuple[RelaxedPath, ...] = ()
    volumes: tuple[VolumeResult, ...] = ()


class Workspace:
    """The open structure, its paths, and the choices that the next path is made with.

    Attributes
    ----------
    state : State
        Changed in undoable steps only.
    picks : tuple of Pick
        The end of the next hop that was clicked already, at most one.
    results : mapping of int to PathResult or Exception
        By path id; a path without an entry has not been judged yet.
    active : int or None
        Id of the path whose facts are shown.
    voids : tuple of Void or None
        Candidates for the current ion, None until they were searched for.
    show_voids : bool
        Whether voids are shown with mechanisms that do not need them, too.
    bent : bool
        Whether paths are shown bent around the atoms beside them; predictions stay on the straight ones.
    shapes : mapping of int to Shape or Exception
        Bent paths by path id, as far as they are known.
    show_network : bool
        Whether the hops that were found are shown as a network.
    highest_shown : float
        Barrier in eV up to which hops of the network are shown.
    landscape : Landscape or None
        Site-energy map of the current ion, None until it was computed.
    show_landscape : bool
        Whether the map is wanted.
    landscape_level : float
        Site energy up to which the map is shown, eV above the lowest.
    relaxed : tuple of RelaxedPath
        Paths that were relaxed with a potential, the latest last.
    volumes : tuple of VolumeResult
        Barriers of paths at several volumes, the latest last.
    shown_image : ShownImage or None
        The image of a relaxed path that is looked at in place of the crystal.
    threshold : float
        Barrier up to which a path is a good conductor, eV.
    usual_supercell : str
        Supercell of the paths in a structure that is opened.
    numbers_changed : Event
        Energies are written in another way now (`migbar_gui.energies`).
    """

    def __init__(self, threshold: float = GOOD_CONDUCTOR_EV) -> None:
        self.state = State()
        self.picks: tuple[Pick, ...] = ()
        self.active: int | None = None
        self.voids: tuple[Void, ...] | None = None
        self.show_voids = False
        self.bent = False
        self.show_network = True
        self.highest_shown = np.inf
        self.landscape: Landscape | None = None
        self.show_landscape = False
        self.landscape_level = FIRST_LEVEL_EV
        self.relaxed: tuple[RelaxedPath, ...] = ()
        self.volumes: tuple[VolumeResult, ...] = ()
        self.shown_image: ShownImage | None = None
        self.threshold = threshold
        self.usual_supercell = "auto"
        self._results: dict[int, PathResult | Exception] = {}
        self._shapes: dict[int, Shape | Exception] = {}
        self._ids = itertools.count(1)
        self._past: list[tuple[str, State]] = []
        self._future: list[tuple[str, State]] = []
        self._noted: tuple[int, State] | None = None
        self.document_changed = Event()
        self.setup_changed = Event()
        self.paths_changed = Event()
        self.picks_changed = Event()
        self.active_changed = Event()
        self.voids_changed = Event()
        self.emptied_changed = Event()
        self.group_changed = Event()
        self.network_shown_changed = Event()
        self.shapes_changed = Event()
        self.landscape_changed = Event()
        self.pins_changed = Event()
        self.relaxed_changed = Event()
        self.image_changed = Event()
        self.threshold_changed = Event()
        self.numbers_changed = Event()
        self.result_arrived = Event()
        self.anything_changed = Event()

    # -------------------------------------------------------------- reading

    @property
    def document(self) -> Document | None:
        """The open structure."""
        return self.state.document

    @property
    def structure(self) -> Structure | None:
        """The crystal of the open structure."""
        return self.state.document.structure if self.state.document else None

    @property
    def results(self) -> Mapping[int, PathResult | Exception]:
        """What is known of the paths, by path id."""
        return self._results

    @property
    def shapes(self) -> Mapping[int, Shape | Exception]:
        """Bent paths by path id, as far as they are known."""
        return self._shapes

    @property
    def unjudged(self) -> tuple[PathEntry, ...]:
        """Paths that wait for their barrier."""
        return tuple(p for p in self.state.paths if p.id not in self._results)

    @property
    def network(self) -> Group | None:
        """The found paths where they are shown as a network."""
        return self.state.group if self.show_network else None

    @property
    def drawn(self) -> tuple[PathEntry, ...]:
        """Paths to draw one by one: of those that the network shows, the active one only."""
        network = self.network
        if network is None:
            return self.state.paths
        within = {path.id for path in network.paths} - {self.active}
        return tuple(path for path in self.state.paths if path.id not in within)

    @property
    def voids_wanted(self) -> bool:
        """Whether voids are to be shown."""
        between_voids = not self.state.mechanism.between_sites
        return self.document is not None and (self.show_voids or between_voids)

    def path(self, path_id: int | None) -> PathEntry | None:
        """Return the path with this id."""
        return next((p for p in self.state.paths if p.id == path_id), None)

    def shape(self, path_id: int | None) -> Shape | None:
        """Return the bent path to show, None where it is to be straight or not known yet."""
        found = self._shapes.get(path_id) if self.bent and path_id is not None else None
        return found if isinstance(found, Shape) else None

    def result(self, path_id: int | None) -> PathResult | None:
        """Return the result of a path, None while there is none or where it failed."""
        found = self._results.get(path_id) if path_id is not None else None
        return found if isinstance(found, PathResult) else None

    def relaxed_of(self, path_id: int | None) -> RelaxedPath | None:
        """Return the latest relaxation of a path."""
        own = [relaxed for relaxed in self.relaxed if relaxed.path_id == path_id]
        return own[-1] if own and path_id is not None else None

    def relaxed_bands(self, path_id: int) -> tuple[NebResult, ...]:
        """Return what all relaxations of a path gave, the latest first."""
        own = [relaxed.result for relaxed in self.relaxed if relaxed.path_id == path_id]
        return tuple(reversed(own))

    def volume_of(self, path_id: int | None) -> VolumeResult | None:
        """Return the latest barriers of a path at several volumes."""
        own = [volume for volume in self.volumes if volume.path_id == path_id]
        return own[-1] if own and path_id is not None else None

    # -------------------------------------------------------------- undoable steps

    def open(self, document: Document, ion: str = "") -> None:
        """Show another structure; undo brings back the one before, with its paths.

        Parameters
        ----------
        document : Document
        ion : str
            The ion to begin with where the structure can hold it; else the likeliest.
        """
        possible = (*document.ions, *document.guests)
        chosen = ion if ion in possible else next(iter(possible), "")
        mechanism, cell = document.mechanisms(chosen)[0], self.usual_supercell
        state = State(document, chosen, mechanism, cell, pins=self.state.pins)
        self._step(f"open {document.name}", state)

    def set_ion(self, ion: str) -> None:
        """Choose the ion that migrates."""
        document = self.document
        if document is None or ion == self.state.ion:
            return
        sensible = document.mechanisms(ion)
        mechanism = self.state.mechanism if self.state.mechanism in sensible else sensible[0]
        state = replace(self.state, ion=ion, mechanism=mechanism, emptied=())
        self._step(f"choose {ion}", state)

    def set_mechanism(self, mechanism: Mechanism) -> None:
        """Choose how the next path's surroundings are set up."""
        if mechanism is not self.state.mechanism:
            self._step(f"choose {mechanism}", replace(self.state, mechanism=mechanism))

    def set_supercell(self, text: str) -> None:
        """Choose the supercell of the next path: ``auto``, ``none`` or ``2,2,1``."""
        if text != self.state.supercell:
            self._step(f"supercell {text}", replace(self.state, supercell=text))

    def add_path(self, hop: Hop, remarks: Iterable[Remark] = ()) -> int:
        """Add a path, or find it where the very same one is there already; it becomes the active one.

        Parameters
        ----------
        hop : Hop
        remarks : iterable of Remark
            What was chosen for the user when the hop was named.

        Returns
        -------
        int
            Id of the path.
        """
        for path in self.state.paths:
            if path.hop == hop and path.supercell == self.state.supercell:
                self.activate(path.id)
                self._try_again(path.id)
                return path.id
        entry = PathEntry(next(self._ids), hop, self.state.supercell, tuple(remarks))
        self.active = entry.id
        self._step(f"add {hop.label}", replace(self.state, paths=(*self.state.paths, entry)))
        return entry.id

    def add_found(self, found: FoundPaths) -> None:
        """Fill the table with paths that were found together, in place of those found before.

        A path that is there already keeps its row and its note.
        """
        before = self.state.group
        replaced = {path.id for path in before.paths} if before else set()
        known = {(path.hop, path.supercell): path for path in self.state.paths}
        if before:
            known = {(path.hop, path.supercell): path for path in before.paths} | known
        group = []
        for distinct, result in zip(found.crystal.search.hops, found.results, strict=True):
            path = known.get((distinct.hop, found.supercell))
            path = path or PathEntry(next(self._ids), distinct.hop, found.supercell)
            path = replace(path, multiplicity=distinct.multiplicity, name=distinct.label)
            self._results[path.id] = result
            group.append(path)
        ids = {path.id for path in group}
        kept = [path for path in self.state.paths if path.id not in replaced | ids]
        paths = (*kept, *group)
        self.highest_shown = np.inf
        state = replace(self.state, paths=paths, group=Group(found, tuple(group)))
        self._step(f"find {found.crystal.search.ion} paths", state)
        if group:
            self.activate(group[0].id)

    def activate_hop(self, number: int) -> None:
        """Show the facts of a hop of the network; where its path was removed it comes back."""
        group = self.state.group
        if group is None:
            return
        path = group.paths[number]
        if self.path(path.id) is None:
            state = replace(self.state, paths=(*self.state.paths, path))
            self._step(f"add {path.hop.label}", state)
        self.activate(path.id)

    def empty_picked(self) -> None:
        """Leave the site that is picked empty in the next paths."""
        if not self.picks or self.picks[0].site is None:
            return
        site = self.picks[0].site
        self.picks = ()
        if site not in self.state.emptied:
            emptied = (*self.state.emptied, site)
            self._step(f"empty site {site}", replace(self.state, emptied=emptied))
        self.picks_changed.emit()
        self.anything_changed.emit()

    def fill_emptied(self) -> None:
        """Leave no further site empty in the next paths."""
        if self.state.emptied:
            self._step("fill emptied sites", replace(self.state, emptied=()))

    def _try_again(self, path_id: int) -> None:
        """Forget why a path failed, so that it is judged anew."""
        if isinstance(self._results.get(path_id), Exception):
            del self._results[path_id]
            self.paths_changed.emit()

    def remove_paths(self, ids: Iterable[int]) -> None:
        """Remove paths."""
        gone = set(ids)
        kept = tuple(p for p in self.state.paths if p.id not in gone)
        if len(kept) < len(self.state.paths):
            count = len(self.state.paths) - len(kept)
            label = "remove path" if count == 1 else f"remove {count} paths"
            self._step(label, replace(self.state, paths=kept))

    def set_note(self, path_id: int, note: str) -> None:
        """Write a note on a path; all that is written in one go is one step."""
        before = self.path(path_id)
        if before is None or before.note == note:
            return
        paths = tuple(replace(p, note=note) if p.id == path_id else p for p in self.state.paths)
        state = replace(self.state, paths=paths)
        noted, noted_state = self._noted or (None, None)
        if noted == path_id and noted_state is self.state:
            self._become(state)
        else:
            self._step("edit note", state)
        self._noted = (path_id, state)

    def end_note(self) -> None:
        """Make what is written next in a note another step."""
        self._noted = None

    def pin(self, ids: Iterable[int]) -> None:
        """Keep paths with their barriers for comparison, whatever is opened next."""
        document, pinned = self.state.document, {pin.path.id for pin in self.state.pins}
        new = []
        for path_id in dict.fromkeys(ids):
            path, result = self.path(path_id), self.result(path_id)
            if document is None or path is None or result is None or path_id in pinned:
                continue
            predicted = result.predicted
            new.append(PinnedPath(document, path, predicted.barrier, predicted.length))
        if new:
            label = f"pin {new[0].path.label}" if len(new) == 1 else f"pin {len(new)} paths"
            self._step(label, replace(self.state, pins=(*self.state.pins, *new)))

    def unpin(self, ids: Iterable[int]) -> None:
        """Keep paths no longer."""
        gone = set(ids)
        kept = tuple(pin for pin in self.state.pins if pin.path.id not in gone)
        if len(kept) < len(self.state.pins):
            self._step("unpin", replace(self.state, pins=kept))

    def reopen(self, pin: PinnedPath) -> None:
        """Make a pinned path the active one, in its structure as that was left last."""
        known = (self.state, *(state for _, state in reversed(self._past)))
        fresh = State(pin.document, pin.path.hop.ion, pin.path.hop.mechanism)
        state = next((s for s in known if s.document is pin.document), fresh)
        there = any(path.id == pin.path.id for path in state.paths)
        if state is not self.state or not there:
            paths = state.paths if there else (*state.paths, pin.path)
            state = replace(state, paths=paths, pins=self.state.pins)
            self._step(f"open {pin.document.name}", state)
        self.activate(pin.path.id)

    @property
    def undo_label(self) -> str:
        """What undo would take back; empty where there is nothing."""
        return self._past[-1][0] if self._past else ""

    @property
    def redo_label(self) -> str:
        """What redo would do again; empty where there is nothing."""
        return self._future[-1][0] if self._future else ""

    def undo(self) -> None:
        """Go back one step."""
        if self._past:
            label, state = self._past.pop()
            self._future.append((label, self.state))
            self._become(state)

    def redo(self) -> None:
        """Take the step again that was undone last."""
        if self._future:
            label, state = self._future.pop()
            self._past.append((label, self.state))
            self._become(state)

    def _step(self, label: str, state: State) -> None:
        self._past.append((label, self.state))
        del self._past[:-HISTORY_LENGTH]
        self._future.clear()
        self._become(state)

    def _become(self, state: State) -> None:
        before, self.state = self.state, state
        new_document = state.document is not before.document
        new_ion = new_document or state.ion != before.ion
        new_setup = new_ion or (state.mechanism, state.supercell) != (
            before.mechanism,
            before.supercell,
        )
        if new_ion:
            self.voids = self.landscape = None
        if new_ion or state.mechanism is not before.mechanism:
            self.picks = ()
        if self.path(self.active) is None:
            self.active = state.paths[-1].id if state.paths else None
        shown = self.shown_image
        own = shown.relaxed.path_id if shown is not None else None
        if new_document or (own is not None and self.path(own) is None):
            self.show_image(None)
        if new_document:
            self.document_changed.emit()
        if new_setup:
            self.setup_changed.emit()
        if new_ion:
            self.voids_changed.emit()
            self.landscape_changed.emit()
        if new_setup:
            self.picks_changed.emit()
        if state.emptied != before.emptied:
            self.emptied_changed.emit()
        if state.group is not before.group:
            self.group_changed.emit()
        if state.paths != before.paths:
            self.paths_changed.emit()
            self.active_changed.emit()
        if state.pins is not before.pins:
            self.pins_changed.emit()
        self.anything_changed.emit()

    # -------------------------------------------------------------- as a whole

    def snapshot(self) -> Snapshot:
        """Return everything that `restore` brings back; it never changes afterwards."""
        known = [self.state, *(state for _, state in (*self._past, *self._future))]
        ids = {path.id for state in known for path in state.paths}
        ids |= {path.id for state in known if state.group for path in state.group.paths}
        results = ((n, self.result(n)) for n in sorted(ids))
        return Snapshot(
            state=self.state,
            past=tuple(self._past),
            future=tuple(self._future),
            results=tuple((n, result) for n, result in results if result is not None),
            picks=self.picks,
            active=self.active,
            show_voids=self.show_voids,
            bent=self.bent,
            show_network=self.show_network,
            highest_shown=self.highest_shown,
            show_landscape=self.show_landscape,
            landscape_level=self.landscape_level,
            threshold=self.threshold,
            relaxed=self.relaxed,
            volumes=self.volumes,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Become what a snapshot tells, with its history."""
        self._past, self._future = list(snapshot.past), list(snapshot.future)
        states = [snapshot.state, *(state for _, state in (*snapshot.past, *snapshot.future))]
        groups = [state.group.paths for state in states if state.group]
        pins = [pin.path for state in states for pin in state.pins]
        paths = [*pins, *(path for state in states for path in state.paths)]
        ids = [path.id for path in (*paths, *itertools.chain(*groups))]
        self._ids = itertools.count(1 + max(ids, default=0))
        self._results, self._shapes = dict(snapshot.results), {}
        self.show_voids, self.bent = snapshot.show_voids, snapshot.bent
        self.active, self.highest_shown = snapshot.active, snapshot.highest_shown
        self.show_network = snapshot.show_network
        self.relaxed, self.volumes = snapshot.relaxed, snapshot.volumes
        self.shown_image = None
        self._become(snapshot.state)
        self.image_changed.emit()
        self.relaxed_changed.emit()
        self.shapes_changed.emit()
        self.network_shown_changed.emit()
        self.set_threshold(snapshot.threshold)
        self.set_landscape_level(snapshot.landscape_level)
        self.set_show_landscape(snapshot.show_landscape)
        self.active_changed.emit()
        self._set_picks(snapshot.picks)

    # -------------------------------------------------------------- picking ends

    def pick(self, pick: Pick) -> int | None:
        """Take an end of the next hop; the second one makes the hop.

        The same place twice takes the first pick back.

        Returns
        -------
        int or None
            Id of the path that was made.

        Raises
        ------
        MigbarError
            If the two ends make no hop; the first one stays picked.
        """
        if self.structure is None or pick in self.picks:
            self.clear_picks()
            return None
        if not self.picks:
            self._set_picks((pick,))
            return None
        made = self.join(self.picks[0], pick)
        self._set_picks(())
        return made

    def join(self, start: Pick, end: Pick) -> int:
        """Add the path between two places, by the current ion and mechanism.

        Raises
        ------
        MigbarError
            If they make no hop.
        """
        return self.add_path(self._hop(start, end))

    def clear_picks(self) -> None:
        """Forget the end that was picked."""
        if self.picks:
            self._set_picks(())

    def _set_picks(self, picks: tuple[Pick, ...]) -> None:
        self.picks = picks
        self.picks_changed.emit()
        self.anything_changed.emit()

    def _hop(self, start: Pick, end: Pick) -> Hop:
        assert self.structure is not None
        ion, mechanism = self.state.ion, self.state.mechanism
        # A single ion is alone in any case.
        removed = () if mechanism is Mechanism.SINGLE_ION else self.state.emptied
        if start.site is not None and end.site is not None and mechanism.between_sites:
            return hop_between_sites(self.structure, ion, start.site, end.site, mechanism, removed)
        return hop_between_points(
            self.structure, ion, start.frac_coords, end.frac_coords, mechanism, removed
        )

    # -------------------------------------------------------------- what arrives or is only looked at

    def activate(self, path_id: int | None) -> None:
        """Show the facts of another path."""
        if path_id != self.active:
            self.active = path_id
            self.active_changed.emit()
            self.anything_changed.emit()

    def set_result(self, path_id: int, result: PathResult | Exception) -> None:
        """Keep what was found for a path, or why it failed."""
        self._results[path_id] = result
        self.result_arrived.emit(path_id)
        self.anything_changed.emit()

    def forget_results(self, ids: Iterable[int]) -> None:
        """Have paths judged anew, for example by another model."""
        for path_id in ids:
            self._results.pop(path_id, None)
        self.paths_changed.emit()
        self.anything_changed.emit()

    def set_relaxed(self, relaxed: RelaxedPath) -> None:
        """Keep a relaxed path; what the same run gave before is replaced."""
        kept = [other for other in self.relaxed if other.folder != relaxed.folder]
        self.relaxed = (*kept, relaxed)
        self.relaxed_changed.emit()
        self.anything_changed.emit()

    def set_volume_result(self, volume: VolumeResult) -> None:
        """Keep the barriers of a path at several volumes."""
        kept = [other for other in self.volumes if other.folder != volume.folder]
        self.volumes = (*kept, volume)
        self.relaxed_changed.emit()

    def show_image(self, shown: ShownImage | None) -> None:
        """Look at an image of a relaxed path in place of the crystal, or at the crystal again."""
        if shown != self.shown_image:
            self.shown_image = shown
            self.image_changed.emit()

    def set_voids(self, voids: Iterable[Void]) -> None:
        """Keep the voids that were found for the current ion."""
        self.voids = tuple(voids)
        self.voids_changed.emit()

    def set_show_voids(self, shown: bool) -> None:
        """Show voids, or only with mechanisms that need them."""
        if shown != self.show_voids:
            self.show_voids = shown
            self.voids_changed.emit()
            self.anything_changed.emit()

    def set_bent(self, bent: bool) -> None:
        """Show paths bent around the atoms beside them, or straight."""
        if bent != self.bent:
            self.bent = bent
            # What was cancelled or failed is tried again.
            self._shapes = {n: s for n, s in self._shapes.items() if isinstance(s, Shape)}
            self.shapes_changed.emit()

    def set_shape(self, path_id: int, shape: Shape | Exception) -> None:
        """Keep the bent path, or why it could not be found."""
        self._shapes[path_id] = shape
        self.shapes_changed.emit()

    def set_show_network(self, shown: bool) -> None:
        """Show the found hops as a network, or each path by itself."""
        if shown != self.show_network:
            self.show_network = shown
            self.network_shown_changed.emit()
            self.anything_changed.emit()

    def set_highest_shown(self, barrier: float) -> None:
        """Hide hops of the network above a barrier (eV)."""
        if barrier != self.highest_shown:
            self.highest_shown = barrier
            self.network_shown_changed.emit()

    def set_landscape(self, landscape: Landscape) -> None:
        """Keep the site-energy map of the current ion."""
        self.landscape = landscape
        self.landscape_changed.emit()

    def set_show_landscape(self, shown: bool) -> None:
        """Show the site-energy map, or no longer."""
        if shown != self.show_landscape:
            self.show_landscape = shown
            self.landscape_changed.emit()

    def set_landscape_level(self, level: float) -> None:
        """Show the map up to another site energy (eV above the lowest)."""
        if level != self.landscape_level:
            self.landscape_level = level
            self.landscape_changed.emit()

    def set_threshold(self, threshold: float) -> None:
        """Move the border between good and poor conductors (eV)."""
        if threshold != self.threshold:
            self.threshold = threshold
            self.threshold_changed.emit()
