"""Worker processes that hold a model, each at one structure at a time, with a hard time limit.

A crew lives wherever structures are screened: in the screening's own process, or in a worker of a Dask
cluster. Its workers are plain child processes, so that a structure that hangs, crashes or eats up the
memory takes nothing else with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from migbar import __version__
from migbar.runs import own_process
from migbar.screening.judging import Reply
from migbar.screening.options import ScreeningError, Settings

START_SECONDS = 600.0
"""Time for a worker to load its libraries and its model."""

JOBS_PER_WORKER = 1000
"""A worker is replaced after so many jobs: what libraries keep in their caches does not add up for ever."""


class WorkerDied(Exception):  # noqa: N818 - told apart from an error of the structure
    """The process ended in the middle of a job, by itself or for its time."""

    def __init__(self, timed_out: bool, code: int | None) -> None:
        self.timed_out = timed_out
        self.code = code
        super().__init__(f"worker ended with {code}")


class Worker:
    """One child process.

    Raises
    ------
    ScreeningError
        If it cannot start, or cannot load the model.
    """

    def __init__(self, settings: Settings) -> None:
        self.jobs_done = 0
        self._timed_out = False
        one_thread = dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
        )
        self._process = subprocess.Popen(
            own_process("migbar.screening.worker", "--screening-worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | one_thread,
            encoding="utf-8",
            start_new_session=True,  # Ctrl+C is for the screening, which ends its workers itself
        )
        try:
            reply = self._exchange(
                {"version": __version__, "settings": asdict(settings)}, START_SECONDS
            )
        except WorkerDied as died:
            reply = {"fatal": f"it ended with code {died.code} while it loaded the model"}
        if "fatal" in reply:
            self.close()
            raise ScreeningError(f"A worker cannot start: {reply['fatal']}")

    def ask(self, job: Mapping[str, Any], seconds: float) -> Reply:
        """Have a job done.

        Raises
        ------
        WorkerDied
            If the process ended, or was ended because `seconds` had passed.
        """
        self.jobs_done += 1
        return self._exchange({**job, "seconds": seconds}, seconds)

    def close(self) -> None:
        """End the process at once, with what it may have started itself."""
        self._kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was still to be written has no reader any more
                if pipe is not None:
                    pipe.close()

    def _exchange(self, message: Mapping[str, Any], seconds: float) -> Reply:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        alarm = threading.Timer(seconds, self._time_is_up)
        alarm.daemon = True
        alarm.start()
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (OSError, ValueError):  # its pipes are broken, or closed
            line = ""
        finally:
            alarm.cancel()
        if not line.endswith("\n"):
            self._kill()
            raise WorkerDied(self._timed_out, self._process.wait())
        reply: Reply = json.loads(line)
        return reply

    def _time_is_up(self) -> None:
        self._timed_out = True
        self._kill()

    def _kill(self) -> None:
        # It leads a session, and so a group, of its own (see above).
        if sys.platform != "win32" and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()


class Crew:
    """Workers with one model; as many as there are threads that ask at the same time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._closed = False

    def answer_all(self, jobs: Sequence[Mapping[str, Any]], seconds: float) -> list[Reply]:
        """Have jobs done one after the other, each with its own time limit (s)."""
        return [self.answer(job, seconds) for job in jobs]

    def answer(self, job: Mapping[str, Any], seconds: float) -> Reply:
        """Have a job done; where it kills its worker twice, say so.

        Raises
        ------
        ScreeningError
            If no worker can be started, or the crew was closed meanwhile.
        """
        for _ in range(2):
            worker = self._borrow()
            try:
                reply = worker.ask(job, seconds)
            except WorkerDied as died:
                self._dismiss(worker)
                if died.timed_out:
                    text = f"took longer than {seconds:g} s; it was stopped (on the command line: --time-limit)."
                    return {"code": "time_limit", "reason": text}
                code = died.code  # it may have been killed for another's sake: once more
            else:
                self._give_back(worker)
                return reply
        return {"code": "crash", "reason": f"its process ended twice, {_how(code)}."}

    def close(self) -> None:
        """End all workers at once; whoever waits for one gets a `ScreeningError`."""
        with self._lock:
            self._closed = True
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.close()

    def _borrow(self) -> Worker:
        with self._lock:
            if self._closed:
                raise ScreeningError("The screening was stopped.")
            if self._idle:
                return self._idle.pop()
        worker = Worker(self._settings)
        with self._lock:
            self._all.add(worker)
            if not self._closed:
                return worker
        self._dismiss(worker)
        raise ScreeningError("The screening was stopped.")

    def _give_back(self, worker: Worker) -> None:
        if worker.jobs_done >= JOBS_PER_WORKER:
            self._dismiss(worker)
            return
        with self._lock:
            if not self._closed:
                self._idle.append(worker)

    def _dismiss(self, worker: Worker) -> None:
        worker.close()
        with self._lock:
            self._all.discard(worker)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        killed = " (perhaps memory ran out)" if code == -9 else ""
        return f"killed by signal {-code}{killed}"
    return f"with code {code}"


# ------------------------------------------------------------------ in a Dask worker

_crews: dict[str, Crew] = {}
_crews_lock = threading.Lock()


def answer_remotely(
    settings: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], seconds: float
) -> list[Reply]:
    """Have jobs done by the crew of this process, which is made when it is first needed."""
    wanted = Settings(**settings)
    with _crews_lock:
        crew = _crews.setdefault(wanted.digest, Crew(wanted))
    return crew.answer_all(jobs, seconds)


def dismiss_crew(digest: str) -> None:
    """End the workers of this process for these settings, where there are any."""
    with _crews_lock:
        crew = _crews.pop(digest, None)
    if crew is not None:
        crew.close()
