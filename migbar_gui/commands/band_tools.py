"""Commands on bands and the structure that ask first: relax, compare volumes, export."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from migbar.barriers import Remark
from migbar.errors import MigbarError
from migbar.files import write_text
from migbar.progress import Progress, reported
from migbar.relaxation import RelaxedStructure
from migbar.runs import NEB, RELAX, VOLUME, Run, RunState
from migbar.wording import with_minus
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import ResultOpener
from migbar_gui.computing.relaxed import RelaxedPath
from migbar_gui.dialogs.compare_places import ComparePlacesDialog
from migbar_gui.dialogs.dynamics import DynamicsDialog, LongerDynamicsDialog
from migbar_gui.dialogs.read_dynamics import ReadDynamicsDialog
from migbar_gui.dialogs.relax_band import RelaxBandDialog
from migbar_gui.dialogs.relax_structure import RelaxedStructureDialog, RelaxStructureDialog
from migbar_gui.files.documents import describe
from migbar_gui.files.recent import last_folder
from migbar_gui.files.saving import ask_path
from migbar_gui.workspace import Document, PathEntry

if TYPE_CHECKING:
    from migbar.bands import Band
    from migbar.dft import DftBand
    from migbar.dynamics import DynamicsResult
    from migbar_gui.main_window import MainWindow


PROFILE_FORMATS = {
    "Profile as CSV (*.csv)": ".csv",
    "Profile as JSON (*.json)": ".json",
    "Picture of the profile, SVG (*.svg)": ".svg",
    "Picture of the profile, PNG (*.png)": ".png",
    "Images as extended XYZ (*.extxyz)": ".extxyz",
    "A CIF for each image, in a folder (*.cif)": ".cif",
    "Animation, as the 3D view shows it (*.gif)": ".gif",
}

TRAJECTORIES = (
    "Trajectories (*XDATCAR* *.xyz *.extxyz *.exyz *.lammpstrj *.dump dump.* *.traj "
    "*.xyz.gz *.extxyz.gz *.exyz.gz *.lammpstrj.gz *.dump.gz);;All files (*)"
)


class BandTools(QObject):
    """What the window can do with bands."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._documents: dict[Path, Document] = {}
        window.runs.register(RELAX, ResultOpener("Show changes", self.show_relaxed_structure))
        window.runs.ended.connect(self._note_end)

    # -------------------------------------------------------------- relaxing bands

    def ask_relax(self, volumes: bool = False) -> None:
        """Ask how to relax the selected paths, and start; at several volumes where asked for."""
        paths = self._judged_selection()
        if not paths:
            return
        from migbar.neb import pushed_ion

        workspace = self._window.workspace
        names = [f"{path.hop.ion} {path.label}" for path in paths]
        results = [workspace.result(path.id) for path in paths]
        atoms = max(len(result.predicted.band.host) + 1 for result in results if result)
        bands = [result.predicted.band for result in results if result]
        pushed = "" if volumes or any(pushed_ion(band) is None for band in bands) else bands[0].ion
        dialog = RelaxBandDialog(names, atoms, self._window, volumes, pushed)
        ids, task = [path.id for path in paths], VOLUME if volumes else NEB
        dialog.chosen.connect(
            lambda request: self._window.relaxations.start(ids, request, task),
        )
        dialog.chosen.connect(lambda _: self._window.docks.show("Profile"))
        dialog.open()

    def find_vibrations(self) -> None:
        """Find how often the ion of the relaxed band that is looked at tries to hop."""
        shown = self._relaxed_looked_at()
        if shown is None:
            self._window.say("Relax this path first, with a climbing image: its saddle is needed.")
        elif self._window.relaxations.is_vibrating(shown):
            self._window.docks.show("Jobs")
        elif shown.result.vibrations is not None:
            self._window.docks.show("Profile")
            self._window.say("What its vibrations tell stands beside the profile.")
        else:
            try:
                self._window.relaxations.find_vibrations(shown)
            except MigbarError as error:
                self._window.show_error(error)

    def _relaxed_looked_at(self) -> RelaxedPath | None:
        shown, workspace = self._window.profile_panel.shown, self._window.workspace
        return shown if isinstance(shown, RelaxedPath) else workspace.relaxed_of(workspace.active)

    def _judged_selection(self) -> list[PathEntry]:
        workspace = self._window.workspace
        selected: list[int | None] = [*self._window.paths_panel.selected_ids()]
        ids = selected or [workspace.active]
        paths = [workspace.path(n) for n in ids if workspace.result(n) is not None]
        return [path for path in paths if path is not None]

    # -------------------------------------------------------------- exporting

    def ask_export_profile(self) -> None:
        """Ask where to write the relaxed band that is looked at, and in which form."""
        shown = self._relaxed_looked_at()
        if shown is None:
            self._window.say("Relax this path first; then its band can be exported.")
            return
        suggested = self._window.suggest("band.csv")
        path = ask_path(self._window, "Export relaxed band", suggested, PROFILE_FORMATS)
        if path is not None:
            self.export_profile(path, shown)

    def export_profile(self, path: Path, relaxed: RelaxedPath) -> None:
        """Write a relaxed band in the form that the name's ending says; ``.cif`` makes a folder of them."""
        if path.suffix.lower() == ".gif":
            self._window.exports.save_animation(path, relaxed)
            return
        pictures = self._window.profile_panel.checked
        window = self._window
        window.jobs.start(
            f"export {path}",
            f"Writing {path.name}",
            lambda _: _write_profile(path, relaxed, pictures),
            lambda written: window.say(f"Wrote {written}"),
        )

    def ask_export_dft(self) -> None:
        """Show the input of a DFT-NEB of the active path, and write it where the user says."""
        from migbar_gui.dialogs.export_dft import ExportDftDialog, Source

        workspace = self._window.workspace
        path = workspace.path(workspace.active)
        result = workspace.result(workspace.active)
        relaxed = workspace.relaxed_of(workspace.active)
        if path is None or result is None:
            return
        band = result.predicted.band
        sources: dict[str, Source] = {}
        if relaxed is not None:
            sources[f"Relaxed: {relaxed.method}{relaxed.state}"] = lambda _: _relaxed_band(relaxed)
        fixed = frozenset(sources)
        sources["Bent around the atoms (IDPP)"] = lambda images: _fresh_band(band, images, False)
        sources["Straight"] = lambda images: _fresh_band(band, images, True)
        name = f"{path.hop.ion} {path.label}, {len(band.host) + 1} atoms"
        dialog = ExportDftDialog(name, sources, fixed, self._window.jobs, self._window)
        dialog.chosen.connect(self._ask_folder)
        dialog.open()

    def _ask_folder(self, files: dict[str, str]) -> None:
        suggested = str(Path(self._window.suggest("neb")).parent)
        name = QFileDialog.getExistingDirectory(
            self._window, "Folder for the NEB input (best an empty one)", suggested
        )
        if name:
            self.write_dft(Path(name), files)

    def write_dft(self, folder: Path, files: dict[str, str]) -> None:
        """Write NEB input into a folder; files that are there are not replaced."""
        from migbar.dft import write_inputs

        window = self._window
        window.jobs.start(
            f"export {folder}",
            f"Writing {folder.name}",
            lambda _: write_inputs(folder, files),
            lambda _: window.say(
                f"Wrote {len(files)} files to {folder}; begin with {next(iter(files))}."
            ),
        )

    # -------------------------------------------------------------- comparing places

    def ask_compare_places(self) -> None:
        """Ask how to compare the kinds of places of the found paths, and start."""
        group = self._window.workspace.state.group
        if group is None:
            return
        dialog = ComparePlacesDialog(group.found.crystal.search, self._window)
        dialog.chosen.connect(self._window.places.start)
        dialog.open()

    # -------------------------------------------------------------- finished calculations

    def ask_calculation(self) -> None:
        """Ask for the folder of a finished NEB calculation, and show it."""
        window = self._window
        name = QFileDialog.getExistingDirectory(
            window, "Read NEB calculation", last_folder(window.settings)
        )
        if name:
            window.settings.setValue("folder", str(Path(name).parent))
            window.notice.hide()
            window.calculations.open(Path(name))

    # -------------------------------------------------------------- the structure as a whole

    def ask_dynamics(self) -> None:
        """Ask how to simulate the open structure, and start."""
        from migbar.dynamics.simulation import usual_step_fs
        from migbar.supercells import choose_supercell, parse_supercell

        state = self._window.workspace.state
        document = state.document
        if document is None or not state.ion:
            return
        structure = document.structure
        matrix = parse_supercell(state.supercell)
        matrix = choose_supercell(structure) if matrix is None else matrix
        atoms = round(abs(np.linalg.det(matrix))) * len(structure)
        dialog = DynamicsDialog(
            document.name,
            state.ion,
            atoms,
            len(structure) / structure.volume,
            state.ion not in structure.symbol_set,
            usual_step_fs(structure, state.ion),
            self._window,
        )
        dialog.chosen.connect(self._window.simulations.start)
        dialog.chosen.connect(lambda _: self._window.docks.show("Jobs"))
        dialog.open()

    def ask_longer_dynamics(self, result: DynamicsResult) -> None:
        """Ask for how long to go on with a simulation, and start."""
        window = self._window
        run = window.simulations.run_of(result)
        if run is None:
            window.say("The files of this simulation are gone: it has to be simulated anew.")
            return
        dialog = LongerDynamicsDialog(result, run.options, window)
        dialog.chosen.connect(lambda chosen: window.simulations.go_on(run, chosen))
        dialog.chosen.connect(lambda _: window.docks.show("Jobs"))
        dialog.open()

    def ask_read_dynamics(self) -> None:
        """Ask for trajectories that other programs left, and for what they do not tell."""
        window = self._window
        state = window.workspace.state
        document = state.document
        if document is None or not state.ion:
            return
        names, _ = QFileDialog.getOpenFileNames(
            window, "Read simulation", last_folder(window.settings), TRAJECTORIES
        )
        if not names:
            return
        window.settings.setValue("folder", str(Path(names[0]).parent))
        files = [Path(name) for name in names]
        ion = state.ion

        def guess(progress: Progress) -> dict[Path, tuple[float | None, float | None]]:
            from migbar.dynamics.frames import guessed

            # Logs beside a trajectory can be long, and its folder on another machine.
            return {
                file: guessed(file) for file in reported(files, progress, "Looking at the files")
            }

        def ask(guesses: dict[Path, tuple[float | None, float | None]]) -> None:
            now = window.workspace.state
            if now.document is document and now.ion == ion:
                dialog = ReadDynamicsDialog(document.name, ion, guesses, window)
                dialog.chosen.connect(window.simulations.read)
                dialog.open()

        window.jobs.start("read dynamics", "Looking at trajectories", guess, ask)

    def ask_relax_structure(self) -> None:
        """Ask how to relax the open structure, and start."""
        document = self._window.workspace.document
        if document is None:
            return
        dialog = RelaxStructureDialog(document, self._window)
        dialog.chosen.connect(lambda options: self.relax_structure(document, options))
        dialog.open()

    def relax_structure(self, document: Document, options: dict[str, object]) -> None:
        """Relax a structure in the background."""
        whole = {**options, "structure": document.structure.as_dict(), "name": document.name}
        folder = self._window.runs.start(RELAX, f"Relaxing {document.name}", whole)
        self._documents[folder] = document

    def _note_end(self, watched: Watched) -> None:
        run = watched.run
        if run.task == RELAX and run.state is RunState.FINISHED and run.folder in self._documents:
            self.show_relaxed_structure(run)

    def show_relaxed_structure(self, run: Run) -> None:
        """Show what has changed, to accept or discard it."""
        window = self._window
        name = str(run.options.get("name", run.title))
        document = self._documents.get(run.folder)

        def show(relaxed: RelaxedStructure) -> None:
            dialog = RelaxedStructureDialog(name, relaxed, window)
            dialog.accepted.connect(lambda: self._open_relaxed(name, document, relaxed))
            dialog.open()

        window.jobs.start(
            "relaxed structure", "", lambda _: RelaxedStructure.from_dict(run.result), show
        )

    def _open_relaxed(
        self, name: str, document: Document | None, relaxed: RelaxedStructure
    ) -> None:
        change = with_minus(f"{100 * relaxed.volume_change:+.2f} %")
        moved = f"atoms by up to {relaxed.displacements.max():.3f} Å"
        note = Remark("relaxed", f"Relaxed with {relaxed.potential}: volume {change}, {moved}.")
        earlier = document.notes if document is not None else ()
        source = document.source if document is not None else None
        digest = document.sha256 if document is not None else ""
        window = self._window
        ion = window.workspace.state.ion
        window.jobs.start(
            "open",
            f"Opening {name}",
            lambda _: describe(
                f"{name} · relaxed", source, relaxed.after, (*earlier, note), digest
            ),
            lambda made: window.workspace.open(made, ion),
        )


def _relaxed_band(relaxed: RelaxedPath) -> DftBand:
    from migbar.dft import prepare

    return prepare([relaxed.structure(image) for image in range(len(relaxed.result.images))])


def _fresh_band(band: Band, images: int, straight: bool) -> DftBand:
    from migbar.dft import images_of, prepare

    return prepare(images_of(band, images, straight))


def _write_profile(path: Path, relaxed: RelaxedPath, pictured: Sequence[RelaxedPath]) -> Path:
    from migbar.neb.profiles import write_band, write_images, write_profile, write_profile_picture

    suffix = path.suffix.lower()
    result = relaxed.result
    write: dict[str, Callable[[], object]] = {
        ".csv": lambda: write_profile(result.profile, path),
        # With what the profile alone does not tell: whether it is converged, and what computed it.
        ".json": lambda: write_text(path, json.dumps(result.to_dict(), indent=2)),
        ".extxyz": lambda: write_band(result.images, path),
    }
    if suffix == ".cif":
        write_images(result.images, path.with_suffix(""))
        return path.with_suffix("")
    if suffix in write:
        write[suffix]()
    else:
        shown = {relaxed, *pictured}
        profiles = {f"{r.title}, {r.method}{r.state}": r.result.profile for r in shown}
        write_profile_picture(profiles, path, normalised=len(profiles) > 1)
    return path
