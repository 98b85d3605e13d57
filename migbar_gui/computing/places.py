"""Compares the kinds of places of the ion in background runs, and brings their energies to the found paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from migbar.runs import PLACES, Run, RunState
from migbar_gui.background.jobs import Jobs
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import ResultOpener, Runs
from migbar_gui.workspace import Group, Workspace
from migbar_gui.workspace.document import crystal_key

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.paths import CrystalPaths, HopSearch

JOB = "places"


class PlaceComparisons(QObject):
    """The runs that compare places; a finished one belongs to the paths of the same ion in the same crystal."""

    opened = Signal(bool)
    """The user asked to see a result; whether it belongs to what is open."""

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        runs: Runs,
        on_failed: Callable[[Exception], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._runs = runs
        self._on_failed = on_failed
        self._finished: dict[Path, Run] = {}
        self._unusable: set[Path] = set()
        runs.changed.connect(self._note)
        runs.removed.connect(lambda folder: self._finished.pop(folder, None))
        runs.register(PLACES, ResultOpener("Show network", self.open))
        workspace.group_changed.connect(self._attach)

    def start(self, chosen: dict[str, Any]) -> None:
        """Compare the places of the found paths with the potential and on the device that were chosen."""
        document, group = self._workspace.document, self._workspace.state.group
        if document is None or group is None:
            return
        search = group.found.crystal.search

        def prepare(_: object) -> dict[str, Any]:
            from migbar.places import place_options

            options = place_options(document.structure, search)
            return {**options, **chosen, "key": places_key(document.structure, search)}

        def begin(options: dict[str, Any]) -> None:
            self._runs.start(PLACES, f"Comparing {search.ion} places in {document.name}", options)

        self._jobs.start("compare places", "", prepare, begin)

    def open(self, run: Run) -> None:
        """Use a run's energies where they belong to what is open."""
        fits = self._belongs(run)
        if fits:
            self._use(run)
        self.opened.emit(fits)

    def _note(self, watched: Watched) -> None:
        run = watched.run
        if (
            run.task == PLACES
            and run.state is RunState.FINISHED
            and run.folder not in self._finished
        ):
            self._finished[run.folder] = run
            if self._belongs(run):
                self._use(run)

    def _attach(self) -> None:
        """Give paths that were just found, or found before, the energies that are known."""
        group = self._workspace.state.group
        if group is None or group.found.crystal.places is not None:
            return
        for run in reversed(self._finished.values()):
            if run.folder not in self._unusable and self._belongs(run):
                self._use(run)
                return

    def _belongs(self, run: Run) -> bool:
        structure, group = self._workspace.structure, self._workspace.state.group
        if structure is None or group is None:
            return False
        return run.options.get("key") == places_key(structure, group.found.crystal.search)

    def _use(self, run: Run) -> None:
        group = self._workspace.state.group
        assert group is not None

        def refuse(error: Exception) -> None:
            self._unusable.add(run.folder)  # told once, not whenever paths are found
            self._on_failed(error)

        self._jobs.start(
            JOB,
            "",
            lambda _: _with_places(group, run),
            lambda crystal: self._workspace.refine_found(group, crystal),
            refuse,
        )


def places_key(structure: Structure, search: HopSearch) -> str:
    """Return what tells crystals with the places of an ion apart, so that a run is known again."""
    return crystal_key(
        structure,
        [search.ion, str(search.mechanism), list(search.kinds)],
        [[n.frac_coords for n in search.nodes]],
    )


def _with_places(group: Group, run: Run) -> CrystalPaths:
    from migbar.paths import CrystalPaths
    from migbar.places import PlaceEnergies

    crystal = group.found.crystal
    return CrystalPaths.of(crystal.search, crystal.paths, PlaceEnergies.from_dict(run.result))
