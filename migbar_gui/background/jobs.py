"""Work that leaves the GUI thread: workers with progress and cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from migbar.errors import Cancelled
from migbar.files import leave_missing_folder
from migbar.progress import Progress

PATIENCE_S = 3.0
"""Threads that take longer to stop are left alone when the window closes."""

REPORT_EVERY_S = 0.05
"""Reports that come faster than this are skipped: the eye cannot follow, and the event loop must breathe."""


class Job(QObject):
    """One piece of work in another thread. It reports as `migbar.progress.Progress` asks.

    Its callbacks run in the GUI thread, and none of them after `cancel`.
    """

    progressed = Signal(int, int, str)
    ended = Signal(object, object)

    def __init__(
        self,
        title: str,
        work: Callable[[Progress], Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[[Exception], None],
        on_end: Callable[[Job], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.title = title
        self.done, self.total, self.message = 0, 0, ""
        self._work = work
        self._on_done = on_done
        self._on_failed = on_failed
        self._on_end = on_end
        self._stop = threading.Event()
        self._last_report = 0.0
        self.ended.connect(self._deliver)
        self.progressed.connect(self._note)

    # ---- called in the worker's thread

    def report(self, done: int, total: int, message: str = "") -> None:
        """Tell how far the work is."""
        now = time.monotonic()
        if done >= total > 0 or now - self._last_report > REPORT_EVERY_S:
            self._last_report = now
            self.progressed.emit(done, total, message)

    def cancelled(self) -> bool:
        """Whether the work should stop."""
        return self._stop.is_set()

    def work(self) -> None:
        """Do it."""
        result, error = None, None
        try:
            if not self.cancelled():
                leave_missing_folder()  # a window outlives the folder that it was started in
                result = self._work(self)
        except Exception as problem:
            error = problem
        try:
            self.ended.emit(result, error)
        except RuntimeError:  # the window was closed in the meantime
            return

    # ---- called in the GUI thread

    def cancel(self) -> None:
        """Ask the work to stop and drop whatever it yields."""
        self._stop.set()

    def _note(self, done: int, total: int, message: str) -> None:
        self.done, self.total, self.message = done, total, message

    def _deliver(self, result: object, error: Exception | None) -> None:
        self._on_end(self)
        if self.cancelled() or isinstance(error, Cancelled):
            return
        if error is not None:
            self._on_failed(error)
        else:
            self._on_done(result)


class Jobs(QObject):
    """All work in progress."""

    changed = Signal()
    cancelled = Signal(str)
    """Key of work that the user cancelled."""

    def __init__(self, parent: QObject, on_failed: Callable[[Exception], None]) -> None:
        super().__init__(parent)
        self._on_failed = on_failed
        self._running: dict[str, Job] = {}
        # Python's own threads, and every job kept until its thread has ended: a QObject that is deleted while its
        # signal is still on the way out of another thread, or whose last reference goes there, now and then crashes.
        self._threads: list[tuple[threading.Thread, Job]] = []

    @property
    def idle(self) -> bool:
        """Whether no thread is at work, not even on something cancelled."""
        return not any(thread.is_alive() for thread, _ in self._threads)

    def start(
        self,
        key: str,
        title: str,
        work: Callable[[Progress], Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[[Exception], None] | None = None,
    ) -> Job:
        """Start work; whatever runs under the same key is cancelled, and its result dropped.

        Parameters
        ----------
        key : str
            What the work is about, for example ``"open"``.
        title : str
            Shown in the status bar; empty for work that nobody waits for.
        work : callable
            Called in another thread with a `Progress`.
        on_done, on_failed : callable
            Called in the GUI thread with the result or the error.
        """
        self.cancel(key)
        job = Job(title, work, on_done, on_failed or self._on_failed, self._forget, self)
        self._running[key] = job
        job.progressed.connect(self.changed)
        thread = threading.Thread(target=job.work, name=f"job {key}", daemon=True)
        self._drop_ended()
        self._threads.append((thread, job))
        thread.start()
        self.changed.emit()
        return job

    @property
    def shown(self) -> list[Job]:
        """Jobs that the user waits for, the latest last."""
        return [job for job in self._running.values() if job.title]

    def is_running(self, key: str) -> bool:
        """Whether there is work under this key."""
        return key in self._running

    def cancel(self, key: str) -> None:
        """Cancel the work under this key, if there is any."""
        job = self._running.pop(key, None)
        if job is not None:
            job.cancel()
            self.changed.emit()

    def cancel_kind(self, start: str) -> None:
        """Cancel all work whose key starts so."""
        for key in [key for key in self._running if key.startswith(start)]:
            self.cancel(key)

    def cancel_shown(self) -> None:
        """Cancel everything that the user waits for."""
        for job in self.shown:
            self.cancel_job(job)

    def cancel_job(self, job: Job) -> None:
        """Cancel one piece of work at the user's wish."""
        for key in [key for key, running in self._running.items() if running is job]:
            self.cancel(key)
            self.cancelled.emit(key)

    def shut_down(self) -> None:
        """Cancel everything and wait for the threads."""
        for job in self._running.values():
            job.cancel()
        deadline = time.monotonic() + PATIENCE_S
        for thread, _ in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _forget(self, job: Job) -> None:
        for key in [key for key, running in self._running.items() if running is job]:
            del self._running[key]
            self.changed.emit()

    def _drop_ended(self) -> None:
        # Looked at once: a thread may end while this works.
        ended = [pair for pair in self._threads if not pair[0].is_alive()]
        for pair in ended:
            self._threads.remove(pair)
            pair[1].deleteLater()
