"""The thread that looks after runs: everything that touches their folders happens here, one after the other."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from migbar.errors import MigbarError
from migbar.runs import (
    Run,
    RunError,
    RunState,
    kill_run,
    queue_run,
    read_events,
    read_run,
    remove_run,
    start_run,
    stop_run,
    take_from_queue,
)

BUSY_PAUSE_S = 0.25
IDLE_PAUSE_S = 2.0
TAIL_BYTES = 16384
"""Of a run that is seen for the first time only the latest events matter for its progress."""
LEAST_ESTIMATE_S = 2.0
"""No time left is told before the work went on for this long."""

Events = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Watched:
    """A run and how far it is.

    Attributes
    ----------
    run : Run
    done, total : int
        Steps; `total` is 0 while it is not known.
    message : str
        What it is at.
    seconds_left : float or None
        At the pace since it was last started; None while that cannot be told.
    stopping : bool
        Whether it was asked to stop and has not done so yet.
    """

    run: Run
    done: int = 0
    total: int = 0
    message: str = ""
    seconds_left: float | None = None
    stopping: bool = False


@dataclass(slots=True)
class Look:
    """What is new since the last look."""

    changed: list[Watched] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)
    heard: list[tuple[int, Events]] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.heard or self.problems)


@dataclass(slots=True)
class _Known:
    watched: Watched
    signature: tuple[object, ...] = ()
    place: int = 0
    base: tuple[float, int, int] | None = None
    """Time, steps done and their total at the first progress since the start."""


class RunWatcher(threading.Thread):
    """Starts, stops and watches the runs in a folder; `tell` is called in this thread."""

    def __init__(self, folder: Path, tell: Callable[[Look], None], at_once: int) -> None:
        super().__init__(name="runs", daemon=True)
        self._folder = folder
        self._tell = tell
        self._at_once = at_once
        self._posted: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._known: dict[Path, _Known] = {}
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}
        self._followers: dict[int, tuple[Path, int]] = {}
        self._problems: list[Exception] = []

    # ---- called in any thread

    def look(self) -> None:
        """Look now and not at the next turn."""
        self._posted.put(lambda: None)

    def end(self) -> None:
        """End the thread; the runs go on."""
        self._posted.put(None)

    def set_at_once(self, number: int) -> None:
        """Let so many runs work at the same time."""
        self._posted.put(lambda: setattr(self, "_at_once", number))

    def stop(self, run: Path) -> None:
        """Ask a run to stop, or take it out of the queue."""
        self._posted.put(lambda: stop_run(run))

    def kill(self, run: Path) -> None:
        """End a run's process at once."""
        self._posted.put(lambda: kill_run(run))

    def resume(self, run: Path) -> None:
        """Let a run go on as soon as it is its turn."""
        self._posted.put(lambda: queue_run(run))

    def start_now(self, run: Path) -> None:
        """Start a run, whatever else is running."""
        self._posted.put(lambda: self._start(run))

    def remove(self, run: Path) -> None:
        """Delete a run."""
        self._posted.put(lambda: remove_run(run))

    def follow(self, key: int, run: Path) -> None:
        """Tell all events of a run, past ones first, under `key`."""
        self._posted.put(lambda: self._followers.update({key: (run, 0)}))

    def unfollow(self, key: int) -> None:
        """Tell no more under `key`."""
        self._posted.put(lambda: self._followers.pop(key, None))

    # ---- the thread

    def run(self) -> None:
        """Work off what was posted, look, start what waits; over and over."""
        while self._do_posted():
            look = self._look()
            if self._start_next():
                self.look()
            look.problems, self._problems = self._problems, []
            if look:
                self._tell(look)

    def _do_posted(self) -> bool:
        under_way = any(not known.watched.run.state.has_ended for known in self._known.values())
        try:
            action = self._posted.get(timeout=BUSY_PAUSE_S if under_way else IDLE_PAUSE_S)
            while action is not None:
                self._try(action)
                action = self._posted.get_nowait()
        except queue.Empty:
            return True
        return False

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (MigbarError, OSError) as error:
            self._problems.append(error)

    def _start_next(self) -> bool:
        # Others make runs here, too, and start them themselves: only what was queued is started.
        queued = [path for path in self._known if (path / "queued").exists()]
        if not queued:
            return False
        # Looked at after the queue: what another window takes meanwhile is running by now, or cannot be taken.
        states = {path: _state(path) for path in self._known}
        waiting = [path for path in queued if states[path] is RunState.WAITING]
        running = sum(state is RunState.RUNNING for state in states.values())
        if not waiting or running >= self._at_once:
            return False
        if take_from_queue(waiting[0]):
            self._try(lambda: self._start(waiting[0], taken=True))
        return True

    def _start(self, run: Path, taken: bool = False) -> None:
        # One core stays free for the window; what the user has set counts more.
        threads = None
        if "OMP_NUM_THREADS" not in os.environ:
            threads = max(1, (os.cpu_count() or 2) // self._at_once - 1)
        self._processes[run] = start_run(run, threads, taken)

    def _look(self) -> Look:
        look = Look()
        folders = self._find()
        for folder in folders:
            self._look_at(folder, look)
        for folder in self._known.keys() - set(folders):
            del self._known[folder]
            look.gone.append(folder)
        # In the order of their making, which is the order of the queue.
        self._known = {folder: self._known[folder] for folder in folders if folder in self._known}
        for key, (folder, place) in list(self._followers.items()):
            events, end = read_events(folder, place)
            self._followers[key] = (folder, end)
            if events:
                look.heard.append((key, events))
        return look

    def _find(self) -> list[Path]:
        """Return the folders of all runs in the order in which they were made."""
        made = ((_changed_at(path), path.parent) for path in self._folder.glob("*/run.json"))
        return [folder for _, folder in sorted((at, f) for at, f in made if at is not None)]

    def _look_at(self, folder: Path, look: Look) -> None:
        known = self._known.get(folder)
        process = self._processes.get(folder)
        alive = process is not None and process.poll() is None
        if process is not None and not alive:  # perhaps before it could take that away itself
            del self._processes[folder]
            (folder / "starting").unlink(missing_ok=True)
        names = ("events.jsonl", "outcome.json", "queued", "stop", "run.json")
        signature = (alive, *(_changed_at(folder / name) for name in names))
        if (
            known
            and known.signature == signature
            and known.watched.run.state is not RunState.RUNNING
        ):
            return
        try:
            run = read_run(folder)
        except RunError:
            return
        if alive and run.state is RunState.INTERRUPTED:  # its process is on its way
            run = replace(run, state=RunState.RUNNING)
        if known is None:
            known = self._known[folder] = _Known(Watched(run), place=_tail(folder))
        before, fresh = known.watched, not known.signature
        known.signature = signature
        stopping = run.state is RunState.RUNNING and (folder / "stop").exists()
        known.watched = replace(before, run=run, stopping=stopping)
        events, known.place = read_events(folder, known.place)
        for event in events:
            _note(known, event)
        if fresh or known.watched != before:
            look.changed.append(known.watched)


def _state(folder: Path) -> RunState | None:
    try:
        return read_run(folder).state
    except RunError:  # it was deleted
        return None


def _note(known: _Known, event: dict[str, Any]) -> None:
    kind = event.get("kind")
    if kind in ("started", "stage"):  # the steps that follow are counted anew
        known.base = None
        text = str(event.get("text", ""))
        known.watched = replace(known.watched, done=0, total=0, message=text, seconds_left=None)
    if kind != "progress":
        return
    now, done, total = float(event["time"]), int(event["done"]), int(event["total"])
    if known.base is None or known.base[2] != total or done < known.base[1]:
        known.base = (now, done, total)
    begun, first, _ = known.base
    left = None
    if total and done > first and now - begun >= LEAST_ESTIMATE_S:
        left = (total - done) * (now - begun) / (done - first)
    known.watched = replace(
        known.watched,
        done=done,
        total=total,
        message=str(event.get("message", "")),
        seconds_left=left,
    )


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _tail(folder: Path) -> int:
    try:
        return max(0, (folder / "events.jsonl").stat().st_size - TAIL_BYTES)
    except OSError:
        return 0
