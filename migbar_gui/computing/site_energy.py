"""Computes the site-energy map that the workspace wants, in another thread."""

from __future__ import annotations

from collections.abc import Callable

from pymatgen.core import Structure
from PySide6.QtCore import QObject

from migbar.progress import Progress
from migbar_gui.background.jobs import Jobs
from migbar_gui.workspace import Document, Workspace

MOST_POINTS = 100_000
"""Grids are made coarser than usual to stay below this, so that a surface follows its slider at once."""


class SiteEnergyMaps(QObject):
    """Starts a job whenever a map is to be shown and there is none."""

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        on_failed: Callable[[Exception], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._on_failed = on_failed
        self._mapping: tuple[Document, str] | None = None
        jobs.cancelled.connect(self._note_cancelled)
        workspace.landscape_changed.connect(self._map)

    def _map(self) -> None:
        workspace = self._workspace
        document, ion = workspace.document, workspace.state.ion
        wanted = workspace.show_landscape and workspace.landscape is None and bool(ion)
        if document is None or not wanted:
            self._jobs.cancel("landscape")
            self._mapping = None
            return
        if self._mapping is not None and self._mapping[0] is document and self._mapping[1] == ion:
            return
        self._mapping = (document, ion)

        def work(progress: Progress) -> object:
            from migbar.landscape import site_energy_landscape

            structure = document.structure
            return site_energy_landscape(structure, ion, resolution_for(structure), progress)

        self._jobs.start(
            "landscape", f"Site-energy map of {ion}", work, workspace.set_landscape, self._fail
        )

    def _fail(self, error: Exception) -> None:
        self._workspace.set_show_landscape(False)
        self._on_failed(error)

    def _note_cancelled(self, key: str) -> None:
        if key == "landscape":
            self._workspace.set_show_landscape(False)


def resolution_for(structure: Structure) -> float:
    """Return the distance of grid points in Å for a structure: the usual one, or more for a large cell."""
    from migbar.landscape import RESOLUTION

    return max(RESOLUTION, (structure.volume / MOST_POINTS) ** (1 / 3))
