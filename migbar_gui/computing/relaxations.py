"""Relaxes the workspace's paths in background runs, shows how they go, and brings their results back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from migbar.runs import NEB, VIBRATIONS, VOLUME, Run, RunState
from migbar_gui.background.jobs import Jobs
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import Follower, ResultOpener, Runs
from migbar_gui.computing.relaxed import RelaxedPath, VolumeResult, band_key
from migbar_gui.workspace import Workspace

if TYPE_CHECKING:
    from migbar.bands import Band

TITLES = {
    NEB: "Relaxing {}",
    VOLUME: "Barrier against volume of {}",
    VIBRATIONS: "Attempt frequency of {}",
}
BAND_TASKS = tuple(TITLES)


@dataclass(frozen=True, slots=True)
class RelaxRequest:
    """How paths are to be relaxed.

    Attributes
    ----------
    potential, preset, device : str
    changes : mapping
        What differs from the preset.
    trust_file : bool
        Whether a MACE model file may be loaded.
    push : bool
        Whether the ion pushes the one beside its path.
    """

    potential: str
    preset: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    trust_file: bool = False
    push: bool = False


@dataclass(slots=True, eq=False)
class LiveRun:
    """A relaxation under way.

    Attributes
    ----------
    folder : Path
    path_id : int or None
        The path in this window.
    title : str
    stages : list of str
        For each step, what was relaxed: an end, the band, or the band with its climbing image.
    residuals : list of float
        For each step the largest force, eV/Å.
    aim : float or None
        The largest force at which the present stage is done, eV/Å; None in a run of an older version.
    energies : tuple of float
        Of the band's images after its last step, eV; empty while the ends are relaxed.
    """

    folder: Path
    path_id: int | None
    title: str
    stages: list[str] = field(default_factory=list)
    residuals: list[float] = field(default_factory=list)
    aim: float | None = None
    energies: tuple[float, ...] = ()

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take note of an event; returns whether it was a step."""
        if event.get("kind") != "step":
            return False
        self.stages.append(str(event["stage"]))
        self.residuals.append(float(event["residual"]))
        self.aim = event.get("fmax")
        if event["stage"] in ("band", "climb"):
            self.energies = tuple(float(e) for e in event["energies"])
        return True


class Relaxations(QObject):
    """The runs that relax bands, and their results in the workspace."""

    progressed = Signal(object)
    """A `LiveRun` that has begun or gone on."""
    over = Signal(object)
    """The folder of a run that is under way no longer."""
    opened = Signal(object)
    """A `RelaxedPath` or `VolumeResult` that the user asked to see."""

    def __init__(self, workspace: Workspace, jobs: Jobs, runs: Runs, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._runs = runs
        self._live: dict[Path, LiveRun] = {}
        self._followers: dict[Path, Follower] = {}
        self._owners: dict[Path, int] = {}
        self._ended: dict[Path, Run] = {}
        self._read: set[Path] = set()
        self._warmed_up = False
        self._keys: dict[int, str] = {}
        runs.changed.connect(self._note)
        runs.removed.connect(self._forget)
        for task in BAND_TASKS:
            runs.register(task, ResultOpener("Open profile", self.open))
        workspace.restoring.connect(self._disown)
        workspace.paths_changed.connect(self._find_earlier)
        workspace.result_arrived.connect(lambda _: self._arrived())

    def _arrived(self) -> None:
        if not self._warmed_up:
            # Once there is a path, the next wish may be to relax it: its dialog is to open at once.
            self._warmed_up = True
            self._jobs.start("warm up", "", _import, lambda _: None, lambda _: None)
        self._find_earlier()

    @property
    def live(self) -> list[LiveRun]:
        """Relaxations that work at the moment."""
        return list(self._live.values())

    # -------------------------------------------------------------- starting

    def start(self, ids: Iterable[int], request: RelaxRequest, task: str = NEB) -> None:
        """Relax paths, one after the other in the order given; each is a run of its own."""
        chosen = []
        for path_id in ids:
            name, result = self._whole_name(path_id), self._workspace.result(path_id)
            if name and result is not None:
                chosen.append((path_id, name, result.predicted.band))

        def begin(prepared: list[dict[str, Any]]) -> None:
            for (path_id, name, _), options in zip(chosen, prepared, strict=True):
                folder = self._runs.new_folder(task)
                self._owners[folder] = path_id
                self._runs.start(task, TITLES[task].format(name), options, folder)

        self._jobs.start(
            f"relax {[path_id for path_id, *_ in chosen]} {task}",
            "",
            lambda _: [_options(band, name, request) for _, name, band in chosen],
            begin,
        )

    def find_vibrations(self, relaxed: RelaxedPath) -> None:
        """Find how often the ion of a relaxed band tries to hop; what was stopped goes on.

        Raises
        ------
        NebError
            If the band does not tell, with the reason, or its files are gone.
        """
        from migbar.neb import NebError
        from migbar.neb.result import RESULT
        from migbar.neb.vibrations import require_saddle

        require_saddle(relaxed.result)
        if not (relaxed.folder / RESULT).exists():
            raise NebError(
                f"The files of this band are gone ({relaxed.folder}). Relax the path again to find its attempt "
                "frequency."
            )
        begun = [run for run in self._looking_in(relaxed.folder) if run.state.can_go_on]
        if begun:
            self._runs.resume(begun[-1].folder)
            return
        watched = self._runs.get(relaxed.folder)
        if watched is None:  # relaxed on the command line, or by a run that is gone
            options = self._options_of(relaxed)
        else:
            kept = ("device", "trust_file", "key", "name")
            options = {name: x for name, x in watched.run.options.items() if name in kept}
        title = TITLES[VIBRATIONS].format(options.get("name", relaxed.title))
        self._runs.start(VIBRATIONS, title, options | {"band_folder": str(relaxed.folder)})

    def _options_of(self, relaxed: RelaxedPath) -> dict[str, Any]:
        """Return what tells the path of a band by which no run went."""
        if relaxed.path_id is None:
            return {}
        name = self._whole_name(relaxed.path_id) or relaxed.title
        return {"key": self._key_of(relaxed.path_id), "name": name}

    def is_vibrating(self, relaxed: RelaxedPath) -> bool:
        """Whether the vibrations of a band are being looked for."""
        return any(not run.state.has_ended for run in self._looking_in(relaxed.folder))

    def _looking_in(self, folder: Path) -> list[Run]:
        """Return the runs that look for the vibrations of the band in a folder, or did so."""
        runs = [watched.run for watched in self._runs.all if watched.run.task == VIBRATIONS]
        return [run for run in runs if _folder_of(run) == folder]

    # -------------------------------------------------------------- following

    def _note(self, watched: Watched) -> None:
        run = watched.run
        if run.task not in BAND_TASKS:
            return
        if run.state is RunState.RUNNING and run.task == NEB and run.folder not in self._live:
            live = LiveRun(run.folder, self._owner(run), self._name(run))
            self._live[run.folder] = live
            follower = self._runs.follow(run.folder)
            follower.arrived.connect(lambda events, live=live: self._take(live, events))
            self._followers[run.folder] = follower
            self.progressed.emit(live)
        elif run.state.has_ended:
            self._end_following(run.folder)
            if run.state in (RunState.FINISHED, RunState.STOPPED):
                self._ended[run.folder] = run
                self._attach(run)
                if run.folder not in self._read and self._band_in(_folder_of(run)) is not None:
                    self._load(run, lambda _: None)  # of none of the paths, and looked at

    def _take(self, live: LiveRun, events: list[dict[str, Any]]) -> None:
        steps = sum(live.take(event) for event in events)
        if steps:
            self.progressed.emit(live)

    def _end_following(self, folder: Path) -> None:
        follower = self._followers.pop(folder, None)
        if follower is not None:
            follower.close()
        if self._live.pop(folder, None) is not None:
            self.over.emit(folder)

    def _forget(self, folder: Path) -> None:
        self._end_following(folder)
        self._ended.pop(folder, None)

    # -------------------------------------------------------------- results

    def open(self, run: Run) -> None:
        """Read what a run has made, and show it."""
        self._load(run, self.opened.emit, asked=True)

    def _attach(self, run: Run) -> None:
        """Read a run's result where its path is in the window."""
        if self._owner(run) is not None:
            self._read.add(run.folder)
            self._load(run, lambda _: None)

    def _find_earlier(self) -> None:
        """Read results of earlier runs that belong to paths of the window, and tell whose those under way are."""
        for live in [live for live in self._live.values() if live.path_id is None]:
            watched = self._runs.get(live.folder)
            if watched is not None and self._owner(watched.run) is not None:
                live.path_id, live.title = self._owner(watched.run), self._name(watched.run)
                self.progressed.emit(live)
        for folder, run in self._ended.items():
            if folder not in self._read:
                self._attach(run)

    def _disown(self) -> None:
        """Forget which path is whose: their ids mean others from now on, and the bands tell them apart."""
        self._owners, self._keys = {}, {}
        self._read.clear()
        for live in self._live.values():
            live.path_id = None
        self._jobs.cancel_kind("relaxed ")

    def _load(
        self, run: Run, then: Callable[[RelaxedPath | VolumeResult], object], asked: bool = False
    ) -> None:
        """Read what a run has made, where there is something; what the user asked for has to be there."""
        folder, (owner, name) = _folder_of(run), self._whose(run)
        if asked and self._workspace.path(owner) is None:
            # Its path comes back with its structure, and then the band belongs to it again.
            owner, name = None, self._name(run)
            self._read.discard(run.folder)

        def read(_: object) -> RelaxedPath | VolumeResult | None:
            if run.task == VOLUME:
                from migbar.neb.volume import VolumeDependence

                if run.result is None:
                    return None
                return VolumeResult(owner, name, run.folder, VolumeDependence.from_dict(run.result))
            from migbar.neb import read_result

            if not asked and not (folder / "result.json").exists():
                return None
            result = read_result(folder)
            return RelaxedPath(owner, name, folder, result, result.profile.spline())

        def keep(made: RelaxedPath | VolumeResult | None) -> None:
            if isinstance(made, RelaxedPath):
                self._workspace.set_relaxed(made, newly=run.task == NEB)
            elif made is not None:
                self._workspace.set_volume_result(made)
            if made is not None:
                then(made)

        self._jobs.start(_key(run.folder), "", read, keep)

    def _whose(self, run: Run) -> tuple[int | None, str]:
        """Return the path that a run's band is of, and its title; of a known band they stay."""
        owner, known = self._owner(run), self._band_in(_folder_of(run))
        if owner is None and known is not None:
            return known.path_id, known.title
        return owner, self._name(run)

    def _band_in(self, folder: Path) -> RelaxedPath | None:
        """Return the band of a folder, where the window knows it."""
        return next((band for band in self._workspace.relaxed if band.folder == folder), None)

    def _owner(self, run: Run) -> int | None:
        """Return the path of the window that a run relaxes."""
        own = self._owners.get(run.folder)
        if own is not None:
            return own
        key = run.options.get("key")
        for path in self._workspace.state.paths:
            if key and self._key_of(path.id) == key:
                self._owners[run.folder] = path.id
                return path.id
        return None

    def _key_of(self, path_id: int) -> str:
        result = self._workspace.result(path_id)
        if result is not None and path_id not in self._keys:
            self._keys[path_id] = band_key(result.predicted.band)
        return self._keys.get(path_id, "")

    def _name(self, run: Run) -> str:
        path = self._workspace.path(self._owner(run))
        return f"{path.hop.ion}   {path.label}" if path else str(run.options.get("name", run.title))

    def _whole_name(self, path_id: int) -> str:
        """Name a path of the window and its structure; empty where there is none."""
        path, document = self._workspace.path(path_id), self._workspace.document
        if path is None or document is None:
            return ""
        # The path first: in a narrow list the end of a long name is cut off.
        return f"{path.hop.ion} {path.label} in {document.name}"


def _options(band: Band, name: str, request: RelaxRequest) -> dict[str, Any]:
    from migbar.neb.task import neb_options

    options = neb_options(
        band,
        request.potential,
        request.preset,
        request.changes,
        device=request.device,
        trust_file=request.trust_file,
        push=request.push,
        name=name,
    )
    return options | {"key": band_key(band), "name": name}


def _import(_: object) -> None:
    import migbar.neb
    import migbar.potentials  # noqa: F401


def _folder_of(run: Run) -> Path:
    """Return where the band is that a run has relaxed, or whose vibrations it looks for."""
    return Path(run.options.get("band_folder", run.folder))


def _key(folder: Path) -> str:
    return f"relaxed {folder}"
