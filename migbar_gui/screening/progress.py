"""How far a screening is: the line below its table."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from PySide6.QtWidgets import QProgressBar, QWidget

from migbar.runs import RunState
from migbar.wording import duration
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import Runs
from migbar_gui.looks.widgets import button, in_row, label

RATE_OVER_S = 60.0


class ProgressLine(QWidget):
    """Tells the state of a run, its pace and the time left; pauses and resumes it.

    Attributes
    ----------
    folder : Path or None
        Of the run.
    """

    def __init__(self, runs: Runs) -> None:
        super().__init__()
        self._runs = runs
        self._pace: deque[tuple[float, int]] = deque()
        self.folder: Path | None = None
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self._state = label("", "muted")
        self.pause = button("Pause", self._pause)
        layout = in_row(self.bar, self._state, self.pause, grow=self.bar)
        layout.setStretchFactor(self._state, 2)
        self.setLayout(layout)

    @property
    def watched(self) -> Watched | None:
        """The run, None where results are shown whose run is not known."""
        return self._runs.get(self.folder) if self.folder else None

    @property
    def has_ended(self) -> bool:
        """Whether there is a run that is not at work, nor waits."""
        return self.watched is not None and self.watched.run.state.has_ended

    def set_run(self, folder: Path | None) -> None:
        """Follow another run, or none."""
        self.folder = folder
        self._pace.clear()
        self.show_state(self.watched)

    def show_state(self, watched: Watched | None) -> None:
        """Show how far the run is."""
        state = watched.run.state if watched else None
        under_way = watched is not None and not watched.run.state.has_ended
        stopping = watched is not None and watched.stopping
        goes_on = state is not None and state.can_go_on
        self.pause.setVisible(under_way or goes_on)
        self.pause.setText("Resume" if goes_on else "Stop at once" if stopping else "Pause")
        self.pause.setToolTip("" if goes_on else "What is done is kept, and it can go on later")
        self.bar.setVisible(state is RunState.RUNNING)
        self._state.setText("")
        if watched is not None:
            self._note_pace(watched)
            self.bar.setRange(0, watched.total)
            self.bar.setValue(watched.done)
            self._state.setText(self._text(watched))

    def _note_pace(self, watched: Watched) -> None:
        now = time.monotonic()
        if self._pace and watched.done < self._pace[-1][1]:  # it goes on, and counts anew
            self._pace.clear()
        if watched.total and (not self._pace or self._pace[-1][1] != watched.done):
            self._pace.append((now, watched.done))
        while len(self._pace) > 2 and now - self._pace[0][0] > RATE_OVER_S:
            self._pace.popleft()

    def _text(self, watched: Watched) -> str:
        state = watched.run.state
        if watched.stopping:
            return "Stopping …"
        if state is RunState.WAITING:
            return "Waiting for its turn: another long job is at work; the list of jobs lets it start now"
        if state is RunState.FINISHED:
            return ": ".join(filter(None, ("Finished", watched.run.outcome)))
        if state is RunState.FAILED:
            return "It could not go on"
        if state is not RunState.RUNNING:
            count = f" after {watched.done:,} of {watched.total:,} files" if watched.total else ""
            return f"Paused{count}; what is done is kept"
        if not watched.total:
            return watched.message or "Starting …"
        parts = [f"{watched.done:,} of {watched.total:,} files", self._rate()]
        if watched.seconds_left is not None:
            parts.append(f"{duration(watched.seconds_left)} left")
        return "  ·  ".join(filter(None, parts))

    def _rate(self) -> str:
        if len(self._pace) < 2:
            return ""
        (begun, first), (now, done) = self._pace[0], self._pace[-1]
        return f"{60 * (done - first) / max(now - begun, 0.1):,.0f} per minute"

    def _pause(self) -> None:
        if self.has_ended:
            self._pace.clear()
        self._runs.stop_or_resume(self.folder)
