"""What undo brings back, step by step, and what a session keeps of all that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.hops import Mechanism, SiteRef
from migbar_gui.workspace.display import FIRST_LEVEL_EV
from migbar_gui.workspace.document import Document, Pick, Simulated
from migbar_gui.workspace.paths import Group, PathEntry, PathResult, PinnedPath

if TYPE_CHECKING:
    from migbar_gui.computing.relaxed import RelaxedPath, VolumeResult

HISTORY_LENGTH = 200
"""Steps that can be undone."""


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

    def all_paths(self) -> tuple[PathEntry, ...]:
        """Return the paths in the table, those that were found, and those that are pinned."""
        found = self.group.paths if self.group else ()
        return (*self.paths, *found, *(pin.path for pin in self.pins))


Steps = tuple[tuple[str, State], ...]
"""What was done, the oldest first, each with the state before it (or, to do again, after it)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a session file keeps: the state with its history, what was found out, what is looked at.

    A new member needs a default, so that older files can still be read; `migbar_gui.files.session.kinds` lists
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
    simulated: tuple[Simulated, ...] = ()


class History:
    """The steps before the present state, and those that were undone.

    Attributes
    ----------
    past, future : list of (str, State)
        The latest last; see `Steps`.
    """

    def __init__(self, past: Steps = (), future: Steps = ()) -> None:
        self.past, self.future = list(past), list(future)

    def states(self) -> Iterator[State]:
        """Return all states that can be gone to, the latest of the past first."""
        for _, state in (*reversed(self.past), *self.future):
            yield state

    def add(self, label: str, before: State) -> bool:
        """Note a step from the state before it; whether another state is gone for good, as what was undone is."""
        self.past.append((label, before))
        loses = bool(self.future) or len(self.past) > HISTORY_LENGTH
        del self.past[:-HISTORY_LENGTH]
        self.future.clear()
        return loses

    def undo(self, now: State) -> State:
        """Return the state before the last step, or the present one where there is none."""
        return _go(self.past, self.future, now)

    def redo(self, now: State) -> State:
        """Return the state after the step that was undone last, or the present one."""
        return _go(self.future, self.past, now)


def _go(to: list[tuple[str, State]], away: list[tuple[str, State]], now: State) -> State:
    if not to:
        return now
    label, state = to.pop()
    away.append((label, now))
    return state
