"""What the window says about runs without being asked: a line in the status bar, a note when one has ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton

from migbar.runs import Run, RunState
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import Runs
from migbar_gui.looks import energies
from migbar_gui.looks.notice import Choice, Notice
from migbar_gui.looks.widgets import Question, button

LONGEST_TITLE = 44


class JobNews(QObject):
    """Tells what runs do. It never takes the focus.

    Parameters
    ----------
    runs : Runs
    notice : Notice
        Where to say that a run has ended.
    show_run : callable
        Brings the Jobs dock up with a run selected; called with its folder.
    parent : QMainWindow
    """

    def __init__(
        self, runs: Runs, notice: Notice, show_run: Callable[[Path], None], parent: QMainWindow
    ) -> None:
        super().__init__(parent)
        self._runs = runs
        self._notice = notice
        self._show_run = show_run
        self._window = parent
        self._known: set[Path] = set()
        self._finished: Path | None = None
        self.summary: QPushButton = button("", self._show_first, "link")
        self.summary.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.summary.setToolTip("Show the jobs")
        self.summary.hide()
        runs.changed.connect(self._note)
        runs.removed.connect(lambda _: self._summarise())
        runs.removed.connect(self.note_seen)
        runs.opened.connect(self.note_seen)
        runs.ended.connect(self._tell_end)

    def note_seen(self, folder: Path) -> None:
        """Take back that a run has finished: what it made is looked at, or is no more."""
        if folder == self._finished:
            self.take_back()

    def take_back(self) -> None:
        """Take back that a run has finished; what waits for an answer stays."""
        if self._finished is not None:
            self._finished = None
            self._notice.hide()

    def _note(self, watched: Watched) -> None:
        folder, state = watched.run.folder, watched.run.state
        if folder not in self._known and state is RunState.INTERRUPTED:
            self._offer_resume(watched.run)
        self._known.add(folder)
        self._summarise()

    def _summarise(self) -> None:
        states = [watched.run.state for watched in self._runs.under_way]
        working = [w for w in self._runs.under_way if w.run.state is RunState.RUNNING]
        parts = [_progress(working[0])] if len(working) == 1 else []
        if len(working) > 1:
            parts.append(f"{len(working)} jobs running")
        if waiting := states.count(RunState.WAITING):
            parts.append(f"{waiting} waiting")
        self.summary.setText(", ".join(parts))
        self.summary.setVisible(bool(parts))

    def _show_first(self) -> None:
        under_way = sorted(self._runs.under_way, key=lambda w: w.run.state is not RunState.RUNNING)
        if under_way:
            self._show_run(under_way[0].run.folder)

    def _tell_end(self, watched: Watched) -> None:
        run = watched.run
        show = ("Show", partial(self._show_run, run.folder))
        if run.state is RunState.FINISHED:
            opener = self._runs.opener(run)
            action = (opener.text, partial(self._runs.open, run)) if opener else show
            told = ", ".join(filter(None, ("finished", energies.in_text(run.outcome))))
            self._tell(f"{run.title}: {told}.", "info", action)
            self._finished = run.folder
        elif run.state is RunState.FAILED:
            self._tell(f"{run.title}: {run.error}", "error", show)
        elif run.state is RunState.INTERRUPTED:
            self._offer_resume(run)
        QApplication.alert(self._window)

    def _offer_resume(self, run: Run) -> None:
        self._tell(
            f"{run.title} was interrupted. What it had done is kept.",
            "warning",
            ("Resume", partial(self._runs.resume, run.folder)),
        )

    def _tell(self, text: str, kind: str, action: Choice) -> None:
        self._finished = None
        self._notice.show_message(text, kind, action=action)


def _progress(watched: Watched) -> str:
    title = watched.run.title
    if len(title) > LONGEST_TITLE:
        title = title[: LONGEST_TITLE - 1].rstrip() + "…"
    if watched.stopping:
        return f"{title}: stopping"
    if watched.total:
        return f"{title}: {int(100 * watched.done / watched.total)} %"
    return title


def _under_way(running: int, waiting: int) -> str:
    """Say how many runs there are."""
    if running + waiting == 1:
        return f"A long job is {'running' if running else 'waiting'}."
    counted = [f"{running} running" if running else "", f"{waiting} waiting" if waiting else ""]
    return f"There are long jobs: {' and '.join(filter(None, counted))}."


class CloseQuestion(Question):
    """Asks what becomes of the runs when the window closes; `accepted` means close."""

    def __init__(self, runs: Runs, parent: QMainWindow) -> None:
        under_way = runs.under_way
        working = sum(watched.run.state is RunState.RUNNING for watched in under_way)
        waiting = len(under_way) - working
        text = (
            f"{_under_way(working, waiting)} What runs can go on without the window, and is listed again when it is "
            "opened."
        )
        if waiting:
            text += " What waits for its turn starts then."
        it = "it" if len(under_way) == 1 else "them"
        super().__init__("Close the window?", text, f"Keep {it} running", parent)
        self.cancel_button.setText("Stay")
        self.stop_button = button(f"Stop {it}", self._stop)
        self.buttons.addButton(self.stop_button, self.buttons.ButtonRole.DestructiveRole)
        self._runs = runs

    def _stop(self) -> None:
        self._runs.stop_all()
        self.accept()
