"""Keeps what is open: saves and opens session files, and writes one by itself in case of a crash."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock, Timeout
from PySide6.QtCore import QObject, QSettings, QStandardPaths, QTimer, Signal

from migbar_gui.background.jobs import Jobs
from migbar_gui.files.session import SUFFIX, Session, SessionError, read_session, write_session
from migbar_gui.log import logger
from migbar_gui.workspace import PathResult, State, Workspace, whenever

AUTOSAVE_MS = 1000
"""Longest time for which a change is in memory only."""

Content = tuple[State, float, tuple[PathResult | None, ...]]
"""What is lost where a session file is not up to date: paths and the like, the threshold (eV), barriers."""

Stamp = tuple[int, int]
"""Time of the last change (ns) and size of a file."""

MOST_LEFT_OFF = 3
"""Windows whose unsaved paths are kept, the latest ones."""


def recovery_folder(settings: QSettings) -> Path:
    """Return where sessions are kept in case of a crash: beside the settings, where they are a file."""
    place = Path(settings.fileName())
    if settings.format() is QSettings.Format.IniFormat or place.is_file() or os.name == "posix":
        return place.parent / "recovery"
    location = QStandardPaths.StandardLocation.AppLocalDataLocation
    return Path(QStandardPaths.writableLocation(location)) / "recovery"


class SessionKeeper(QObject):
    """Knows the session file, whether it is up to date, and writes the recovery file.

    Parameters
    ----------
    workspace : Workspace
    jobs : Jobs
    look : callable
        Returns the session as it is now.
    show : callable
        Shows a session that was read.
    on_failed : callable
        Told why a file could not be read or written.
    folder : Path
        Where recovery files are; each is locked as long as its window lives.

    Attributes
    ----------
    path : Path or None
        The session file.
    """

    changed = Signal()
    """Another session file, or it is no longer up to date, or it is again."""
    saved = Signal(Path)
    opened = Signal(Path)

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        look: Callable[[], Session],
        show: Callable[[Session], None],
        on_failed: Callable[[Exception], None],
        folder: Path,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._look = look
        self._show = show
        self._on_failed = on_failed
        # Not the process alone: in a container, and now and then elsewhere, a crashed one had the same number.
        self._recovery = folder / f"{os.getpid()}-{time.time_ns()}{SUFFIX}"
        self._lock: FileLock | None = None
        self._complained = False
        self.path: Path | None = None
        self._stamp: Stamp | None = None
        self._kept = self._content()
        self._timer = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._timer.timeout.connect(self._autosave)
        whenever(self.note_change, workspace.anything_changed, workspace.threshold_changed)

    @property
    def is_modified(self) -> bool:
        """Whether there is a session file, and it is not up to date."""
        if self.path is None:
            return False
        state, threshold, results = self._content()
        kept_state, kept_threshold, kept_results = self._kept
        same = zip(results, kept_results, strict=False)  # as many as the state has paths
        return (
            state is not kept_state
            or threshold != kept_threshold
            # A barrier that was still to come is found again when the file is opened.
            or any(kept is not None and result is not kept for result, kept in same)
        )

    def _content(self) -> Content:
        state = self._workspace.state
        results = tuple(self._workspace.result(path.id) for path in state.paths)
        return state, self._workspace.threshold, results

    @property
    def is_replaced(self) -> bool:
        """Whether somebody else has written the session file since it was read or written here."""
        if self.path is None or self._jobs.is_running("save"):  # which writes it just now
            return False
        return _stamp(self.path) not in (None, self._stamp)

    # -------------------------------------------------------------- files

    def save(self, path: Path, then: Callable[[], object] = lambda: None) -> None:
        """Write a session file, which is the session's from now on."""
        session, content = self._look(), self._content()

        def done(_: object) -> None:
            self.path, self._stamp, self._kept = path, _stamp(path), content
            self.changed.emit()
            self.saved.emit(path)
            then()

        title = f"Saving {path.name}"
        self._jobs.start("save", title, lambda _: write_session(path, session), done)

    def open(self, path: Path) -> None:
        """Read a session file; what is open stays until it is complete."""
        self._read(path, lambda: self._become(path))

    def _read(self, path: Path, then: Callable[[], object]) -> None:
        def done(session: Session) -> None:
            try:
                self._show(session)
            except Exception as error:  # its parts are well, and do not belong together
                logger.exception("%s cannot be shown.", path.name)
                reason = f"it is damaged ({type(error).__name__}: {error})."
                self._on_failed(SessionError(path.name, reason))
            else:
                then()

        title = f"Reading {path.name}"
        self._jobs.start("open", title, lambda _: read_session(path), done, self._on_failed)

    def _become(self, path: Path) -> None:
        self.path, self._stamp, self._kept = path, _stamp(path), self._content()
        self.changed.emit()
        self.opened.emit(path)

    # -------------------------------------------------------------- in case of a crash

    def note_change(self) -> None:
        """Write the recovery file soon."""
        if not self._timer.isActive():
            self._timer.start()
        self.changed.emit()

    def _autosave(self) -> None:
        if self._workspace.document is None and not self._workspace.undo_label:
            return
        if self._jobs.is_running("autosave"):
            self._timer.start()
            return
        session = self._look()
        self._jobs.start(
            "autosave",
            "",
            lambda _: self._write_recovery(session),
            lambda _: None,
            self._complain,
        )

    def _write_recovery(self, session: Session) -> None:
        self._recovery.parent.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = _lock(self._recovery)
            self._lock.acquire(blocking=False)
        write_session(self._recovery, session)

    def _complain(self, error: Exception) -> None:
        if not self._complained:  # a full disk is no reason to say so every second
            self._complained = True
            self._on_failed(error)

    def left_behind(self) -> list[Path]:
        """Recovery files of windows that did not end properly, the latest first."""
        found = []
        for path in self._recovery.parent.glob(f"[!.]*{SUFFIX}"):  # else what is being written, too
            lock = _lock(path)
            try:
                lock.acquire(blocking=False)
            except Timeout:  # another window is alive
                continue
            lock.release()
            found.append(path)
        return _latest_first(found)

    def recover(self, path: Path) -> None:
        """Show what a recovery file holds; it goes once this window's own one is written."""

        def shown() -> None:
            session = self._look()
            self._jobs.start(
                "autosave",
                "",
                lambda _: self._write_recovery(session),
                lambda _: self.discard(path),
                self._complain,
            )

        self._read(path, shown)

    def discard(self, path: Path) -> None:
        """Delete a recovery file."""
        path.unlink(missing_ok=True)
        Path(_lock(path).lock_file).unlink(missing_ok=True)

    def left_off(self) -> list[Path]:
        """Files with paths that no session file had when their window was closed, the latest first."""
        return _latest_first(self._recovery.parent.parent.glob(f"left-off*{SUFFIX}"))

    def keep_for_later(self) -> Path | None:
        """Write what is open to a file of its own, where it is not a session file's; return that file.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self.path is not None or not self._workspace.state.paths:
            return None
        kept = self._recovery.parent.parent / f"left-off-{time.time_ns()}{SUFFIX}"
        write_session(kept, self._look())
        for path in self.left_off()[MOST_LEFT_OFF:]:
            self.discard(path)
        return kept

    def end(self) -> None:
        """Take note that the window ends properly: there is nothing to recover."""
        self._timer.stop()
        if self._lock is not None:
            self._lock.release()
        if self._recovery.parent.is_dir():
            self.discard(self._recovery)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _latest_first(paths: Iterable[Path]) -> list[Path]:
    # Another window may delete one meanwhile.
    return sorted(paths, key=lambda path: _stamp(path) or (0, 0), reverse=True)


def _lock(path: Path) -> FileLock:
    # Not bound to a thread: it is taken by the one that writes, and let go by the window's.
    return FileLock(path.with_suffix(".lock"), thread_local=False)
