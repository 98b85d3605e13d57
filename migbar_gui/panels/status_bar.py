"""The line at the bottom: what is under the mouse, and how far the work of the window is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QStatusBar, QWidget

from migbar_gui.background.jobs import Jobs
from migbar_gui.looks.widgets import button, label

HINT_MS = 6000

LONGEST_TITLE = 420
"""Pixels: a longer one would make the window wider than the screen."""


class StatusBar(QStatusBar):
    """Shows the jobs of the window with a way to cancel them.

    Parameters
    ----------
    jobs : Jobs
    summary : QWidget
        A word about the runs, which are processes of their own.
    """

    def __init__(self, jobs: Jobs, summary: QWidget) -> None:
        super().__init__()
        self._jobs = jobs
        self.setSizeGripEnabled(False)
        self.pointed = label()
        self.addWidget(self.pointed, 1)
        self._title = label()
        self._progress = QProgressBar()
        self._progress.setFixedWidth(150)
        self._progress.setTextVisible(False)
        self.cancel = button("Cancel", jobs.cancel_shown, "link")
        for widget in (summary, self._title, self._progress, self.cancel):
            self.addPermanentWidget(widget)
        self._show_jobs()
        jobs.changed.connect(self._show_jobs)

    def hint(self, text: str) -> None:
        """Say something for some seconds."""
        self.showMessage(text, HINT_MS)

    def _show_jobs(self) -> None:
        shown = self._jobs.shown
        for widget in (self._title, self._progress, self.cancel):
            widget.setVisible(bool(shown))
        if shown:
            job = shown[-1]
            title = f"{job.title}: {job.message}" if job.message else f"{job.title} …"
            middle = Qt.TextElideMode.ElideMiddle
            self._title.setText(self._title.fontMetrics().elidedText(title, middle, LONGEST_TITLE))
            self._title.setToolTip(title)
            self._progress.setRange(0, job.total)
            self._progress.setValue(job.done)
