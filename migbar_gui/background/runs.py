"""Long work in processes of its own, as the window sees it: start, watch, stop, go on, and open the result.

``window.runs`` is the one `Runs` of a window. Another part of the window uses it so:

Start a run; it waits for its turn, is listed in the Jobs dock, and outlives the window::

    folder = window.runs.start("neb", "NEB of LiFePO4, path 1", {"band": ..., "images": 5})

A task that reads files from its folder gets them there first::

    folder = window.runs.new_folder("screening")
    write_table(folder / "structures.csv")
    window.runs.start("screening", "Screening 812 structures", options, folder)

Listen to its events, those already told first, as lists of the dicts in events.jsonl; all of them have
arrived when `Runs.ended` tells that it ended::

    follower = window.runs.follow(folder)
    follower.arrived.connect(self._on_events)     # list[dict]
    window.runs.changed.connect(self._on_changed)  # Watched: state, steps, message, time left
    window.runs.ended.connect(self._on_ended)      # Watched: .run.state, .run.result, .run.error

A task reports its steps as `migbar.progress` asks; ``progress.tell("stage", text="Relaxing the ends")`` begins a
new count with that message. Say once what "Open result" does, for runs of this and of earlier sessions::

    window.runs.register("neb", ResultOpener("Open profile", self._open_profile))
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from migbar.runs import Run, RunState, create_run, queue_run, runs_dir
from migbar_gui.background.run_watcher import Look, RunWatcher, Watched

PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class ResultOpener:
    """What can be done with a run of some task.

    Attributes
    ----------
    text : str
        What its button says.
    open : callable
        Called with the `Run`.
    at_any_time : bool
        Whether there is something to see before it has finished.
    """

    text: str
    open: Callable[[Run], object]
    at_any_time: bool = False

    def fits(self, run: Run) -> bool:
        """Whether it can be used on a run as it is now."""
        return self.at_any_time or run.state is RunState.FINISHED


class Follower(QObject):
    """Tells a run's events from its beginning on, until it is closed."""

    arrived = Signal(list)

    def __init__(self, on_close: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._on_close = on_close

    def close(self) -> None:
        """Listen no more."""
        self._on_close()
        self.deleteLater()


class Runs(QObject):
    """All runs in the user's folder. Nothing here waits for a disk or a process.

    Parameters
    ----------
    on_failed : callable
        Called with an error when something that was asked for could not be done.
    parent : QObject
    at_once : int
        How many may work at the same time; the others wait.
    """

    changed = Signal(object)
    """A `Watched` that is new, went on, or changed its state."""
    ended = Signal(object)
    """A `Watched` that has ended while the window was open."""
    removed = Signal(object)
    """The folder of a run that is no more."""
    opened = Signal(object)
    """The folder of a run whose result was asked for."""
    _looked = Signal(object)

    def __init__(
        self, on_failed: Callable[[Exception], None], parent: QObject, at_once: int = 1
    ) -> None:
        super().__init__(parent)
        self.at_once = at_once
        self._on_failed = on_failed
        self._folder = runs_dir()
        self._runs: dict[Path, Watched] = {}
        self._openers: dict[str, ResultOpener] = {}
        self._followers: dict[int, Follower] = {}
        self._keys = itertools.count()
        self._looked.connect(self._take_in, Qt.ConnectionType.QueuedConnection)
        self._watcher = RunWatcher(self._folder, self._tell, at_once)
        self._watcher.start()
        self._watcher.look()

    # -------------------------------------------------------------- what there is

    @property
    def all(self) -> list[Watched]:
        """All runs, in the order in which they were first seen."""
        return list(self._runs.values())

    @property
    def under_way(self) -> list[Watched]:
        """Runs that work or wait."""
        return [watched for watched in self._runs.values() if not watched.run.state.has_ended]

    def get(self, folder: Path) -> Watched | None:
        """Return the run in a folder."""
        return self._runs.get(folder)

    def follow(self, folder: Path) -> Follower:
        """Listen to a run's events, those already told first."""
        key = next(self._keys)
        self._followers[key] = Follower(lambda: self._forget(key), self)
        self._watcher.follow(key, folder)
        return self._followers[key]

    def _forget(self, key: int) -> None:
        self._watcher.unfollow(key)
        self._followers.pop(key, None)

    # -------------------------------------------------------------- what to do with them

    def new_folder(self, task: str) -> Path:
        """Make an empty folder for a run that needs files before it starts."""
        stem = time.strftime(f"{task}-%Y%m%d-%H%M%S")
        for number in itertools.count(1):
            folder = self._folder / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            return folder
        raise AssertionError  # count() does not end

    def start(
        self, task: str, title: str, options: Mapping[str, Any], folder: Path | None = None
    ) -> Path:
        """Make a run and let it start as soon as it is its turn; return its folder.

        Raises
        ------
        RunError
            If there is no such task.
        OSError
            If its folder cannot be written.
        """
        folder = folder or self.new_folder(task)
        self._note(Watched(create_run(folder, task, title, options)))
        queue_run(folder)
        self._watcher.look()
        return folder

    def stop(self, folder: Path) -> None:
        """Ask a run to stop at its next step; a waiting one waits no longer."""
        self._watcher.stop(folder)

    def stop_or_resume(self, folder: Path | None) -> None:
        """Stop a run, at once where it was asked to stop before; let one go on that has ended."""
        watched = self.get(folder) if folder is not None else None
        if watched is None:
            return
        if watched.run.state.has_ended:
            self._watcher.resume(watched.run.folder)
        elif watched.stopping:
            self._watcher.kill(watched.run.folder)
        else:
            self._watcher.stop(watched.run.folder)

    def resume(self, folder: Path) -> None:
        """Let a stopped, interrupted or failed run go on as soon as it is its turn."""
        self._watcher.resume(folder)

    def start_now(self, folder: Path) -> None:
        """Start a waiting run, whatever else is running."""
        self._watcher.start_now(folder)

    def remove(self, folder: Path) -> None:
        """Delete a run that is not running, with all its files."""
        self._watcher.remove(folder)

    def stop_all(self) -> None:
        """Stop all that work or wait."""
        for watched in self.under_way:
            self.stop(watched.run.folder)

    def set_at_once(self, number: int) -> None:
        """Let so many runs work at the same time."""
        self.at_once = number
        self._watcher.set_at_once(number)

    def shut_down(self) -> None:
        """Do what was asked for and watch no longer; runs in progress go on."""
        self._watcher.end()
        self._watcher.join(PATIENCE_S)

    # -------------------------------------------------------------- results

    def register(self, task: str, opener: ResultOpener) -> None:
        """Say what "open result" does for the runs of a task."""
        self._openers[task] = opener

    def opener(self, run: Run) -> ResultOpener | None:
        """Return what can be done with a run's result now."""
        opener = self._openers.get(run.task)
        return opener if opener is not None and opener.fits(run) else None

    def open(self, run: Run) -> None:
        """Open what a run has made, by what its task has registered."""
        opener = self.opener(run)
        if opener is not None:
            opener.open(run)
            self.opened.emit(run.folder)

    # -------------------------------------------------------------- news

    def _tell(self, look: Look) -> None:
        try:
            self._looked.emit(look)
        except RuntimeError:  # the window was closed in the meantime
            return

    def _take_in(self, look: Look) -> None:
        for key, events in look.heard:
            if key in self._followers:
                self._followers[key].arrived.emit(events)
        for folder in look.gone:
            if self._runs.pop(folder, None) is not None:
                self.removed.emit(folder)
        for watched in look.changed:
            self._note(watched)
        for problem in look.problems:
            self._on_failed(problem)

    def _note(self, watched: Watched) -> None:
        folder, state = watched.run.folder, watched.run.state
        before = self._runs.get(folder)
        self._runs[folder] = watched
        self.changed.emit(watched)
        if before is not None and state.has_ended and not before.run.state.has_ended:
            self.ended.emit(watched)
