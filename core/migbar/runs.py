"""Long work in a process of its own: one folder per run, which anyone may watch, stop and start again.

A run's folder holds

==================  ==============================================================================
``run.json``        what to do: task, title, options, when and by which version it was made
``events.jsonl``    what happened, a line each, appended: progress and whatever the task tells
``outcome.json``    how it ended: ``finished`` with a result, ``failed`` with an error, ``stopped``
``queued``          it waits until it is its turn; the window starts it then
``starting``        its process is on its way, and takes this away
``stop``            asks the process to stop at its next step
``lock``            held by the process for as long as it lives
``log.txt``         what the process printed
==================  ==============================================================================

beside what the task itself keeps there to go on from. The process outlives the window or terminal that
started it; a killed one leaves no outcome, and ``start`` on the same folder goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from migbar import __version__
from migbar.errors import Cancelled, FolderInUseError, MigbarError
from migbar.files import held, is_held, leave_missing_folder, user_dir, write_text

NEB, VOLUME, VIBRATIONS = "neb", "volume", "vibrations"
RELAX, PLACES = "relax", "places"
DYNAMICS, READ_DYNAMICS = "dynamics", "read_dynamics"
TRAINING, SUGGESTION, SCREENING = "training", "suggestion", "screening"

TASKS: dict[str, str] = {
    NEB: "migbar.neb.task:run",
    VOLUME: "migbar.neb.volume:run",
    VIBRATIONS: "migbar.neb.task:vibrate",
    RELAX: "migbar.relaxation:relax_task",
    PLACES: "migbar.places:run",
    DYNAMICS: "migbar.dynamics.result:run",
    READ_DYNAMICS: "migbar.dynamics.reading:run",
    TRAINING: "migbar.training.own.task:run",
    SUGGESTION: "migbar.suggestion:run",
    SCREENING: "migbar.screening.run:work",
}
"""Task name → ``module:function``, called as ``function(folder, options, progress)`` and returning JSON data."""

STARTING_S = 30.0
"""No process needs longer until it holds the lock of its run."""

REPORT_EVERY_S = 0.1
"""Progress that comes faster than this is not written."""


class RunError(MigbarError):
    """Raised when a folder holds no run, or its run cannot be started."""


class RunState(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    """It has not begun, or waits to go on."""
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """It was begun, its process is gone, and it did not say why."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen unless somebody starts it again."""
        return self not in (RunState.WAITING, RunState.RUNNING)

    @property
    def can_go_on(self) -> bool:
        """Whether it has ended before its time, so that it can be resumed or tried again."""
        return self.has_ended and self is not RunState.FINISHED


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of long work and where it stands.

    Attributes
    ----------
    folder : Path
        Where it lives.
    task : str
        One of `TASKS`.
    title : str
        What a user reads in a list of jobs.
    options : mapping
        What the task was asked for; JSON data.
    state : RunState
    result : object
        What a finished run returned; JSON data. A ``text`` in it says in a few words what came out.
    error : str
        Why it failed, fit to be shown; empty otherwise.
    """

    folder: Path
    task: str
    title: str
    options: Mapping[str, Any]
    state: RunState
    result: Any = None
    error: str = ""

    @property
    def outcome(self) -> str:
        """What came out, in a few words; empty where the task does not say."""
        return str(self.result.get("text", "")) if isinstance(self.result, dict) else ""


class RunProgress:
    """Writes a run's events, and reads whether to stop. A `migbar.progress.Progress`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.jsonl"
        self._stop = folder / "stop"
        self._last = 0.0
        self._untold: dict[str, Any] = {}

    def report(self, done: int, total: int, message: str = "") -> None:
        """Tell how far the work is."""
        self._untold = {"done": done, "total": total, "message": message}
        now = time.monotonic()
        if done >= total > 0 or now - self._last > REPORT_EVERY_S:
            self._last = now
            self.tell_rest()

    def tell_rest(self) -> None:
        """Tell what was reported too soon after something else; called when the work ends."""
        if self._untold:
            self.tell("progress", **self._untold)

    def tell(self, kind: str, **data: Any) -> None:
        """Append an event; a full disk loses the event and not the work."""
        self._untold = {}
        line = json.dumps({"kind": kind, "time": time.time(), **data}, ensure_ascii=False)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            print(f"event not written: {error}", file=sys.stderr)

    def cancelled(self) -> bool:
        """Whether the work should stop."""
        return self._stop.exists()


def runs_dir() -> Path:
    """Folder of the runs that the window lists."""
    return user_dir() / "runs"


def create_run(folder: str | Path, task: str, title: str, options: Mapping[str, Any]) -> Run:
    """Make the folder of a run; it does not start yet.

    Raises
    ------
    RunError
        If there is no such task, or the folder holds a run already.
    OSError
        If the folder cannot be written.
    """
    folder = Path(folder)
    if task not in TASKS:
        raise RunError(f"There is no task '{task}'.")
    if (folder / "run.json").exists():
        raise RunError(f"{folder} holds a run already; go on with it, or choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "task": task,
        "title": title,
        "options": dict(options),
        "created": time.time(),
        "version": __version__,
    }
    write_text(folder / "run.json", json.dumps(description, indent=2, ensure_ascii=False))
    return read_run(folder)


def read_run(folder: str | Path) -> Run:
    """Read what a run is and where it stands.

    Raises
    ------
    RunError
        If the folder holds no run.
    """
    folder = Path(folder)
    try:
        description = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        task, title, options = (description[key] for key in ("task", "title", "options"))
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(f"{folder} holds no run (run.json is missing or damaged).") from None
    # The lock first: a process that ends between the two looks writes its outcome before it lets go.
    alive = is_held(folder) or _is_starting(folder)
    outcome = _outcome(folder)
    if alive:
        state = RunState.RUNNING
    elif (folder / "queued").exists():
        state = RunState.WAITING
    elif outcome:
        state = RunState(outcome["state"])
    elif (folder / "events.jsonl").exists():
        state = RunState.INTERRUPTED
    else:
        state = RunState.WAITING
    return Run(folder, task, title, options, state, outcome.get("result"), outcome.get("error", ""))


def start_run(
    folder: str | Path, threads: int | None = None, taken: bool = False
) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own, or go on with one that was stopped or killed.

    Parameters
    ----------
    folder : path
    threads : int, optional
        Threads for the numerical libraries; their own choice where not given.
    taken : bool
        Whether the caller has taken it from the queue, so that it counts as running already.

    Raises
    ------
    RunError
        If it is running already.
    """
    run = read_run(folder)
    if run.state is RunState.RUNNING and not taken:
        raise RunError(f"{run.title} is running already.")
    # From here on it was begun, even if its process cannot live.
    (run.folder / "events.jsonl").touch()
    (run.folder / "starting").touch()
    for name in ("stop", "queued", "outcome.json"):
        (run.folder / name).unlink(missing_ok=True)
    environment = dict(os.environ)
    if threads is not None:
        environment |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    leave_missing_folder()
    try:
        with (run.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                _command(run.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
    except OSError:
        (run.folder / "starting").unlink(missing_ok=True)
        raise


def queue_run(folder: str | Path) -> None:
    """Let a run wait for its turn to start or to go on; the window starts it then.

    Raises
    ------
    RunError
        If it is running.
    """
    run = read_run(folder)
    if run.state is RunState.RUNNING:
        raise RunError(f"{run.title} is running already.")
    (run.folder / "queued").touch()


def take_from_queue(folder: str | Path) -> bool:
    """Let a run wait no longer because it is its turn; False where another window was quicker.

    It counts as running at once, so that nobody takes the next one beside it: `start_run` has to follow.
    """
    queued = Path(folder) / "queued"
    try:
        os.utime(queued)  # it is now that it sets out
        queued.replace(queued.with_name("starting"))
    except FileNotFoundError:
        return False
    return True


def stop_run(folder: str | Path) -> None:
    """Ask a run to stop at its next step; what it has done so far stays. A waiting one waits no longer."""
    run = read_run(folder)
    if run.state is RunState.WAITING:
        _write_outcome(run.folder, {"state": RunState.STOPPED})
        (run.folder / "queued").unlink(missing_ok=True)
    else:  # also one whose process is still on its way; the next start takes the mark away
        (run.folder / "stop").touch()


def kill_run(folder: str | Path) -> None:
    """End a run's process at once; what it has not written is lost.

    Raises
    ------
    RunError
        If it is not running, or its process cannot be told.
    """
    run = read_run(folder)
    pids = [event["pid"] for event in read_events(folder)[0] if event.get("kind") == "started"]
    if run.state is not RunState.RUNNING or not pids:
        raise RunError(f"{run.title} is not running.")
    # Whoever wrote the last of these lines holds the lock, so the number is still its own.
    os.kill(pids[-1], getattr(signal, "SIGKILL", signal.SIGTERM))


def remove_run(folder: str | Path) -> None:
    """Delete a run with all it has made.

    Raises
    ------
    RunError
        If it is running, or the folder holds no run.
    OSError
        If a file cannot be deleted.
    """
    run = read_run(folder)
    if run.state is RunState.RUNNING:
        raise RunError(f"{run.title} is running; stop it first.")
    (run.folder / "run.json").unlink()  # first, so that half a run is never listed
    shutil.rmtree(run.folder)


def read_events(folder: str | Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read a run's events from a place in its file on; also returns where to go on next time."""
    try:
        with (Path(folder) / "events.jsonl").open("rb") as file:
            file.seek(start)
            text = file.read()
    except FileNotFoundError:
        return [], start
    whole = text[: text.rfind(b"\n") + 1]  # the last line may still be in the writing
    events = []
    for line in whole.splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:  # cut by a crash
            continue
    return events, start + len(whole)


def work(folder: str | Path) -> RunState:
    """Do a run's work in this process.

    Raises
    ------
    RunError
        If another process is at it.
    """
    folder = Path(folder).absolute()
    run = read_run(folder)
    with ExitStack() as until_done:
        try:
            until_done.enter_context(held(folder))
        except FolderInUseError:
            raise RunError(f"{run.title} is running already.") from None
        (folder / "starting").unlink(missing_ok=True)
        progress = RunProgress(folder)
        progress.tell("started", pid=os.getpid())
        outcome: dict[str, Any]
        try:
            result = _task(run.task)(folder, run.options, progress)
            outcome = {"state": RunState.FINISHED, "result": result}
        except Cancelled:
            outcome = {"state": RunState.STOPPED}
        except (MigbarError, OSError, MemoryError) as error:
            outcome = {"state": RunState.FAILED, "error": str(error) or type(error).__name__}
        except Exception as error:
            traceback.print_exc()
            text = f"{type(error).__name__}: {error} (details in {folder / 'log.txt'})"
            outcome = {"state": RunState.FAILED, "error": text}
        progress.tell_rest()
        _write_outcome(folder, outcome)
    return RunState(outcome["state"])


def _is_starting(folder: Path) -> bool:
    try:
        begun = (folder / "starting").stat().st_mtime
    except OSError:
        return False
    return abs(time.time() - begun) < STARTING_S


def _write_outcome(folder: Path, outcome: Mapping[str, Any]) -> None:
    write_text(folder / "outcome.json", json.dumps(outcome, indent=2, ensure_ascii=False))


def _task(name: str) -> Callable[[Path, Mapping[str, Any], RunProgress], Any]:
    module, function = TASKS[name].split(":")
    task: Callable[[Path, Mapping[str, Any], RunProgress], Any]
    task = getattr(importlib.import_module(module), function)
    return task


def own_process(module: str, word: str) -> list[str]:
    """Return the command that runs a module of MigBar as a process of its own."""
    # A frozen app is its own interpreter: it takes a word instead of a module.
    return [sys.executable, *([word] if getattr(sys, "frozen", False) else ["-m", module])]


def _command(folder: Path) -> list[str]:
    return [*own_process("migbar.runs", "--work"), str(folder.absolute())]


def _outcome(folder: Path) -> dict[str, Any]:
    try:
        outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        RunState(outcome["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(outcome)


def main(folder: str | Path) -> int:
    """Do a run's work as a process of its own; return its exit code."""
    try:
        return 0 if work(folder) is RunState.FINISHED else 1
    except MigbarError as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    # Run as a script this file is a second copy of itself; the tasks know the one that is imported.
    from migbar import runs

    sys.exit(runs.main(sys.argv[1]))
