"""Molecular dynamics of the open structure in background runs; what they give belongs to that structure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from migbar.errors import MigbarError
from migbar.runs import DYNAMICS, READ_DYNAMICS, Run, RunState
from migbar_gui.background.jobs import Jobs
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import ResultOpener, Runs
from migbar_gui.computing.site_energy import resolution_for
from migbar_gui.workspace import Workspace
from migbar_gui.workspace.document import Simulated, crystal_key

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult, Simulation
    from migbar.landscape import Landscape

SHOWN_KT = 2.5
"""Up to so many kT a map of where ions were is shown at first: their places, and the ways between them."""

LENGTH = re.compile(r", [0-9.]+ ps$")
"""At the end of a title, where a simulation went on from another."""


class Simulations(QObject):
    """The runs that simulate, and their results in the workspace."""

    opened = Signal(object)
    """The user asked to see a result: the `DynamicsResult` where it is of the open structure, else None."""

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
        self._finished: dict[Path, Simulated | None] = {}
        self._reading: set[Path] = set()
        runs.changed.connect(self._note)
        runs.removed.connect(self._forget)
        workspace.document_changed.connect(self._give_again)
        for task in (DYNAMICS, READ_DYNAMICS):
            runs.register(task, ResultOpener("Show diffusivity", self.open))

    def start(self, chosen: dict[str, Any]) -> None:
        """Simulate the open structure as was chosen: ``settings``, and the options of a potential."""
        document, state = self._workspace.document, self._workspace.state
        if document is None:
            return
        structure = document.structure

        def prepare(_: object) -> dict[str, Any]:
            from migbar.dynamics import DynamicsSettings, dynamics_options
            from migbar.supercells import parse_supercell

            settings = DynamicsSettings.from_dict(chosen["settings"])
            cell = parse_supercell(state.supercell)
            options = dynamics_options(structure, state.ion, settings, cell)
            return {**chosen, **options, "key": crystal_key(structure)}

        def begin(options: dict[str, Any]) -> None:
            title = f"Dynamics of {state.ion} in {document.name}"
            self._runs.start(DYNAMICS, title, options)

        self._jobs.start("dynamics", "", prepare, begin)

    def read(self, simulations: list[Simulation], skip_ps: float) -> None:
        """Read what other programs simulated of the open structure, and show it."""
        document, ion = self._workspace.document, self._workspace.state.ion
        if document is None:
            return
        structure = document.structure
        options = {"ion": ion, "skip_ps": skip_ps, "key": crystal_key(structure)}

        def prepare(_: object) -> dict[str, Any]:
            from migbar.dynamics.reading import require_alike

            for one in simulations:
                require_alike(one.path, structure, ion)
            return options | {"simulations": [one.to_dict() for one in simulations]}

        def begin(options: dict[str, Any]) -> None:
            folder = self._runs.start(
                READ_DYNAMICS, f"Dynamics of {ion} read for {document.name}", options
            )
            self._reading.add(folder)
            self._runs.start_now(folder)  # a minute, while others take hours

        self._jobs.start("read dynamics", "", prepare, begin)

    def run_of(self, result: DynamicsResult) -> Run | None:
        """Return the run that a result came from, where it is still there."""
        folder = self._folder_of(result)
        watched = self._runs.get(folder) if folder is not None else None
        return None if watched is None else watched.run

    def go_on(self, run: Run, chosen: dict[str, Any]) -> None:
        """Simulate for longer what a run has simulated: ``settings``, and the options of its potential."""
        title = f"{LENGTH.sub('', run.title)}, {chosen['settings']['length_ps']:g} ps"
        self._runs.start(DYNAMICS, title, {**run.options, **chosen, "earlier": str(run.folder)})

    def open(self, run: Run) -> None:
        """Show what a run gave where it is of the open structure."""
        self._take(run)
        structure = self._workspace.structure
        key = crystal_key(structure) if structure is not None else ""
        own = (one for one in self._workspace.simulated if one.folder == run.folder)
        self.opened.emit(next((one.result for one in own if one.key == key), None))

    def show_places(self, result: DynamicsResult, kelvin: float) -> None:
        """Map where the ions were at a temperature, in the 3D view."""
        structure, folder = self._workspace.structure, self._folder_of(result)
        if structure is None or folder is None:
            return

        def work(_: object) -> Landscape:
            from migbar.dynamics import free_energy_landscape, read_trajectory
            from migbar.dynamics.trajectory import trajectory_file

            trajectory = read_trajectory(trajectory_file(folder, kelvin))
            resolution = resolution_for(structure)
            return free_energy_landscape(trajectory, structure, result.ion, resolution)

        def show(landscape: Landscape) -> None:
            from migbar.transport import BOLTZMANN_EV

            if self._workspace.structure is structure:
                if self._workspace.state.ion != result.ion:
                    self._workspace.set_ion(result.ion)
                level = SHOWN_KT * BOLTZMANN_EV * kelvin
                self._workspace.set_landscape_level(round(max(level, 0.05), 2))
                self._workspace.set_landscape(landscape)
                self._workspace.set_show_landscape(True)

        self._jobs.start("landscape", f"Places of {result.ion} at {kelvin:g} K", work, show)

    def _folder_of(self, result: DynamicsResult) -> Path | None:
        folders = [one.folder for one in self._workspace.simulated if one.result == result]
        return folders[-1] if folders else None

    def _note(self, watched: Watched) -> None:
        run = watched.run
        if run.task not in (DYNAMICS, READ_DYNAMICS) or not run.state.has_ended:
            return
        is_waited_for = run.folder in self._reading
        self._reading.discard(run.folder)
        if run.state is RunState.FINISHED and run.folder not in self._finished:
            self._take(run)
            if is_waited_for:
                self.open(run)
        elif run.state is RunState.FAILED and is_waited_for:
            self._on_failed(MigbarError(run.error))

    def _take(self, run: Run) -> None:
        from migbar.dynamics import DynamicsResult

        self._finished[run.folder] = None  # told once where it is damaged
        try:
            result = DynamicsResult.from_dict(run.result)
        except MigbarError as error:
            self._on_failed(error)
            return
        simulated = Simulated(run.folder, str(run.options.get("key", "")), result)
        self._finished[run.folder] = simulated
        self._workspace.add_simulated(simulated)

    def _give_again(self) -> None:
        """Give what is known to a workspace that may have become another one."""
        for simulated in self._finished.values():
            if simulated is not None:
                self._workspace.add_simulated(simulated)

    def _forget(self, folder: Path) -> None:
        self._finished.pop(folder, None)
        self._workspace.forget_simulated(folder)
