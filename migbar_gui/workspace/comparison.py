"""Paths to be compared: those of the open structure, and pinned ones of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from migbar.barriers import Barrier
from migbar_gui.workspace import Document, PathEntry, PinnedPath, Workspace


@dataclass(frozen=True, slots=True)
class ComparedPath:
    """One bar.

    Attributes
    ----------
    document : Document
    path : PathEntry
    barrier : Barrier
        What counts: where it was calculated that, else what was predicted.
    length : float
        In Å.
    pin : PinnedPath or None
        None where the path is of the open structure and not pinned.
    """

    document: Document
    path: PathEntry
    barrier: Barrier
    length: float
    pin: PinnedPath | None = None

    @property
    def name(self) -> str:
        """Structure, ion and ends."""
        return f"{self.document.name}   {self.path.hop.ion} {self.path.label}"


ORDERS: Mapping[str, Callable[[ComparedPath], object]] = {
    "Barrier": lambda compared: (compared.barrier.barrier_ev, compared.path.id),
    "Name": lambda compared: (compared.name.lower(), compared.path.id),
    "Length": lambda compared: (compared.length, compared.path.id),
}
"""What the bars can be sorted by."""


def compared_paths(workspace: Workspace, order: str) -> list[ComparedPath]:
    """Return the judged paths of the open structure and all pinned ones, sorted by one of `ORDERS`."""
    count = workspace.counted_barrier
    pinned = [
        ComparedPath(pin.document, pin.path, count(pin.path.id, pin.barrier), pin.length, pin)
        for pin in workspace.state.pins
    ]
    known = {compared.path.id for compared in pinned}
    own = []
    for path in workspace.state.paths:
        result = workspace.result(path.id)
        if workspace.document is not None and result is not None and path.id not in known:
            barrier, length = count(path.id, result.predicted.barrier), result.predicted.length
            own.append(ComparedPath(workspace.document, path, barrier, length))
    return sorted([*pinned, *own], key=ORDERS[order])  # type: ignore[arg-type]
