"""Brings NEB calculations that another program finished to the paths that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from migbar_gui.background.jobs import Jobs
from migbar_gui.computing.relaxed import RelaxedPath
from migbar_gui.files.band_opening import document_of
from migbar_gui.workspace import Document, Workspace

if TYPE_CHECKING:
    from migbar.bands import Band
    from migbar.hops import Hop
    from migbar.neb import NebResult

BAND_FILES = (".axsf", ".traj")
"""Endings of files of a NEB that no structure has: who drops one on the window means the calculation."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A calculation, the path of the window that it belongs to, and where there is none its own structure and hop."""

    folder: Path
    result: NebResult
    path_id: int | None
    document: Document
    hop: Hop


class Calculations(QObject):
    """Reads folders of NEB calculations."""

    opened = Signal(object, bool)
    """A `RelaxedPath` that was read, and whether its own cell took the place of what was open."""

    def __init__(self, workspace: Workspace, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs

    def look_into(self, folder: Path, otherwise: Callable[[Path], None]) -> None:
        """Open the calculation in a folder; where there is none call `otherwise`."""
        folder = folder.resolve()  # "." has no name
        self._jobs.start(
            "open",
            f"Looking into {folder.name}",
            lambda _: _is_calculation(folder),
            lambda is_one: self.open(folder) if is_one else otherwise(folder),
        )

    def open(self, folder: Path) -> None:
        """Read a folder, and show its band with the path it was made from, or where there is none with its own cell."""
        folder = folder.resolve()  # read again by a link it is the same
        bands = {}
        state, active = self._workspace.state, self._workspace.active
        found = state.group.paths if state.group is not None else ()  # also those removed since
        for path in sorted((*state.paths, *found), key=lambda path: path.id != active):
            result = self._workspace.result(path.id)
            if result is not None:
                bands[path.id] = result.predicted.band
        self._jobs.start(
            "open", f"Reading {folder.name}", lambda _: _read(folder, bands), self._take
        )

    def _take(self, found: _Found) -> None:
        workspace, before = self._workspace, self._workspace.document
        path_id, group = found.path_id, workspace.state.group
        hop = group.hop_of(path_id) if group is not None else None
        if hop is not None:
            workspace.activate_hop(hop)
        if path_id is None or workspace.path(path_id) is None:
            path_id = workspace.open_path(found.document, found.hop)
        path = workspace.path(path_id)
        assert path is not None
        relaxed = RelaxedPath(
            path_id,
            f"{path.hop.ion}   {path.label}",
            found.folder,
            found.result,
            found.result.profile.spline(),
        )
        workspace.set_relaxed(relaxed)
        workspace.activate(path_id)
        self.opened.emit(relaxed, before is not None and workspace.document is not before)


def _is_calculation(folder: Path) -> bool:
    from migbar.neb.finished import is_calculation

    return is_calculation(folder)


def _read(folder: Path, bands: Mapping[int, Band]) -> _Found:
    from migbar.neb.finished import read_calculation

    found = read_calculation(folder)
    number = found.among(list(bands.values()))
    path_id = None if number is None else list(bands)[number]
    return _Found(folder, found.result, path_id, *document_of(found.record))
