"""The open structure and its paths: undoable steps, and the picking of ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core import Structure

from migbar.barriers import GOOD_CONDUCTOR_EV, Remark
from migbar.hops import Hop, Mechanism, hop_between_points, hop_between_sites
from migbar_gui.workspace.display import Display
from migbar_gui.workspace.document import Document, Pick
from migbar_gui.workspace.events import Event
from migbar_gui.workspace.history import History, Snapshot, State
from migbar_gui.workspace.paths import FoundPaths, Group, PathEntry, PinnedPath

if TYPE_CHECKING:
    from migbar.paths import CrystalPaths

LOOKED_AT = tuple(
    field.name
    for field in fields(Snapshot)
    if field.name not in ("state", "past", "future", "results", "picks")
)
"""What a snapshot keeps by the names that it has here."""


class Workspace(Display):
    """The open structure, its paths, and the choices that the next path is made with.

    Attributes
    ----------
    state : State
        Changed in undoable steps only; but the way through follows the barriers (`refine_found`).
    picks : tuple of Pick
        The end of the next hop that was clicked already, at most one.
    active : int or None
        Id of the path whose facts are shown.
    usual_supercell : str
        Supercell of the paths in a structure that is opened.
    """

    def __init__(self, threshold: float = GOOD_CONDUCTOR_EV) -> None:
        super().__init__(threshold)
        self.state = State()
        self.picks: tuple[Pick, ...] = ()
        self.active: int | None = None
        self.usual_supercell = "auto"
        self._ids = itertools.count(1)
        self._history = History()
        self._noted: tuple[int, State] | None = None
        self.restoring = Event()
        self.document_changed = Event()
        self.setup_changed = Event()
        self.paths_changed = Event()
        self.picks_changed = Event()
        self.active_changed = Event()
        self.emptied_changed = Event()
        self.group_changed = Event()
        self.pins_changed = Event()

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

    @property
    def lacks_voids(self) -> bool:
        """Whether hops are between voids, of which there are none."""
        return not self.state.mechanism.between_sites and self.voids == ()

    def path(self, path_id: int | None) -> PathEntry | None:
        """Return the path with this id."""
        return next((p for p in self.state.paths if p.id == path_id), None)

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

    def open_path(self, document: Document, hop: Hop, note: str = "") -> int:
        """Show another structure with a path in it, in the cell as it is, in one step; returns the path's id."""
        entry = PathEntry(next(self._ids), hop, "none", note=note)
        state = State(document, hop.ion, hop.mechanism, "none", (entry,), pins=self.state.pins)
        self.active = entry.id
        self._step(f"open {document.name}", state)
        return entry.id

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

    def add_path(self, hop: Hop, remarks: Iterable[Remark] = (), name: str = "") -> int:
        """Add a path, or find it where the very same one is there already; it becomes the active one.

        Parameters
        ----------
        hop : Hop
        remarks : iterable of Remark
            What was chosen for the user when the hop was named.
        name : str
            Short names of its ends, where they have any beside those of the hop.

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
        entry = PathEntry(next(self._ids), hop, self.state.supercell, tuple(remarks), name=name)
        self.active = entry.id
        self._step(f"add {entry.label}", replace(self.state, paths=(*self.state.paths, entry)))
        return entry.id

    def add_found(self, found: FoundPaths) -> None:
        """Fill the table with paths that were found together, in place of those found before.

        A path that is there already keeps its row and its note.
        """
        before = self.state.group.paths if self.state.group else ()
        replaced = {path.id for path in before}
        known = {(path.hop, path.supercell): path for path in (*before, *self.state.paths)}
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
        stays = self.active in ids
        self._step(f"find {found.crystal.search.ion} paths", state, new_barriers=True)
        if group and not stays:
            self.activate(group[0].id)

    def refine_found(self, group: Group, crystal: CrystalPaths) -> None:
        """Keep the way through for barriers that were refined since; that is no step of its own."""
        if self.state.group is group:
            found = replace(group.found, crystal=crystal)
            self._become(replace(self.state, group=replace(group, found=found)))

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
        known = (self.state, *self._history.states())
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
        return self._history.past[-1][0] if self._history.past else ""

    @property
    def redo_label(self) -> str:
        """What redo would do again; empty where there is nothing."""
        return self._history.future[-1][0] if self._history.future else ""

    def undo(self) -> None:
        """Go back one step."""
        self._return_to(self._history.undo(self.state))

    def redo(self) -> None:
        """Take the step again that was undone last."""
        self._return_to(self._history.redo(self.state))

    def _return_to(self, state: State) -> None:
        """Become a state that was before; what was found together keeps its own barriers, by whichever model."""
        group = state.group
        if group is not None and group is not self.state.group:
            ids = (path.id for path in group.paths)
            self._results |= dict(zip(ids, group.found.results, strict=True))
        known = {path.id for path in self.state.paths}
        back = [path.id for path in state.paths if path.id not in known]
        if back:
            self.active = back[0]
        self._become(state)

    def _step(self, label: str, state: State, new_barriers: bool = False) -> None:
        loses = self._history.add(label, self.state)
        self._become(state, new_barriers)
        if loses:
            self._forget_lost()

    def _forget_lost(self) -> None:
        """Forget what was found for paths that no step leads to any more: their bands would pile up."""
        known = _ids((self.state, *self._history.states()))
        self._results = {n: found for n, found in self._results.items() if n in known}
        self._shapes = {n: shape for n, shape in self._shapes.items() if n in known}

    def _become(self, state: State, new_barriers: bool = False) -> None:
        before, self.state = self.state, state
        new_document = state.document is not before.document
        new_ion = new_document or state.ion != before.ion
        new_mechanism = new_ion or state.mechanism is not before.mechanism
        new_setup = new_mechanism or state.supercell != before.supercell
        new_paths = new_barriers or state.paths != before.paths
        if new_ion:
            if self.landscape is not None and self.landscape.kelvin is not None:
                self.show_landscape = False  # it was a simulation's map that was asked for
            self.voids = self.landscape = None
        if new_mechanism:
            self.picks = ()
        if self.path(self.active) is None:
            self.active = state.paths[-1].id if state.paths else None
        own = self.shown_image.relaxed.path_id if self.shown_image is not None else None
        if new_document or (own is not None and self.path(own) is None):
            self.show_image(None)
        for happened, event in (
            (new_document, self.document_changed),
            (new_setup, self.setup_changed),
            (new_ion, self.voids_changed),
            (new_ion, self.landscape_changed),
            (new_setup, self.picks_changed),
            (state.emptied != before.emptied, self.emptied_changed),
            (state.group is not before.group, self.group_changed),
            (new_paths, self.paths_changed),
            (new_paths, self.active_changed),
            (state.pins is not before.pins, self.pins_changed),
        ):
            if happened:
                event.emit()
        self.anything_changed.emit()

    # -------------------------------------------------------------- as a whole

    def snapshot(self) -> Snapshot:
        """Return everything that `restore` brings back; it never changes afterwards."""
        known = (self.state, *self._history.states())
        results = ((n, self.result(n)) for n in sorted(_ids(known)))
        return Snapshot(
            state=self.state,
            past=tuple(self._history.past),
            future=tuple(self._history.future),
            results=tuple((n, result) for n, result in results if result is not None),
            picks=self.picks,
            **{name: getattr(self, name) for name in LOOKED_AT},
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Become what a snapshot tells, with its history.

        Its paths have the ids of other paths that were here: whoever works for those is told first.
        """
        self.restoring.emit()
        self._history = History(snapshot.past, snapshot.future)
        known = (snapshot.state, *self._history.states())
        self._ids = itertools.count(1 + max(_ids(known), default=0))
        self._results, self._shapes = dict(snapshot.results), {}
        self.shown_image = None
        for name in LOOKED_AT:
            setattr(self, name, getattr(snapshot, name))
        self._become(snapshot.state)
        for event in (
            self.image_changed,
            self.relaxed_changed,
            self.simulated_changed,
            self.shapes_changed,
            self.network_shown_changed,
            self.threshold_changed,
            self.landscape_changed,
            self.active_changed,
        ):
            event.emit()
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
        name = f"{start.void} → {end.void}" if start.void and end.void else ""
        return self.add_path(self._hop(start, end), name=name)

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

    # -------------------------------------------------------------- judging and looking at paths

    def activate(self, path_id: int | None) -> None:
        """Show the facts of another path."""
        self._choose("active", path_id, self.active_changed, self.anything_changed)

    def forget_results(self, ids: Iterable[int]) -> None:
        """Have paths judged anew, for example by another model."""
        for path_id in ids:
            self._results.pop(path_id, None)
        self.paths_changed.emit()
        self.anything_changed.emit()

    def _try_again(self, path_id: int) -> None:
        """Forget why a path failed, so that it is judged anew."""
        if isinstance(self._results.get(path_id), Exception):
            self.forget_results([path_id])


def _ids(states: Iterable[State]) -> set[int]:
    return {path.id for state in states for path in state.all_paths()}
