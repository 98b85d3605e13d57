"""The dock with every long job: how far it is, and what can be done with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QSpinBox,
    QStackedLayout,
    QTableView,
    QWidget,
)

from migbar.runs import RunState
from migbar_gui.background.jobs import Jobs
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import Runs
from migbar_gui.dialogs.log import LogDialog
from migbar_gui.looks.tables import NamesDelegate, as_list, select_row
from migbar_gui.looks.widgets import (
    RemovalQuestion,
    as_panel,
    button,
    centred,
    in_column,
    indented,
    label,
    tool_row,
)
from migbar_gui.panels.job_table import Column, Entry, JobTable, ProgressBar

WIDTHS = {Column.TITLE: 260, Column.STATE: 90, Column.PROGRESS: 140, Column.LEFT: 90}
REFRESH_MS = 150
"""News are gathered for this long, so that jobs that are done at once never flicker up."""


class JobsPanel(QWidget):
    """Runs in processes of their own, and jobs within the window, with their buttons."""

    at_once_changed = Signal(int)

    def __init__(self, jobs: Jobs, runs: Runs) -> None:
        super().__init__()
        as_panel(self)
        self._jobs = jobs
        self._runs = runs
        self.model = JobTable()
        self.view = self._make_view()
        self.stop = button("Stop", self._stop)
        self.resume = button("Resume", self._resume)
        self.resume.setToolTip("Go on where it was stopped, or before its turn")
        self.open = button("Open result", self.open_result)
        self.open.setToolTip("Show what it has made, as a double click does")
        self.log = button("Log", self._show_log)
        self.log.setToolTip("Show what this job has said")
        self.folder = button("Folder", self._show_folder)
        self.folder.setToolTip("Show the folder with everything that this job has written")
        self.remove = button("Remove…", self._ask_remove)
        self.remove.setToolTip(
            "Delete the job with its folder; one that is running has to be stopped first"
        )
        self.at_once = indented(QSpinBox(minimum=1, maximum=64))
        self.at_once.setValue(runs.at_once)
        self.at_once.setAccessibleName("How many long jobs work at once")
        self.at_once.setToolTip("So many long jobs work at the same time; the others wait")
        self.at_once.valueChanged.connect(self._set_at_once)
        self._lay_out()
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        for signal in (jobs.changed, runs.changed, runs.removed):
            signal.connect(self._soon)
        self.refresh()

    def select(self, folder: Path) -> None:
        """Select a run."""
        self.refresh()
        row = self.model.row_of(folder)
        if row is not None:
            select_row(self.view, row)

    def selected(self) -> Entry | None:
        """Return the selected job."""
        rows = self.view.selectionModel().selectedRows()
        return self.model.entries[rows[0].row()] if rows else None

    def refresh(self) -> None:
        """Show how things stand."""
        before, known = self.selected(), {entry.key for entry in self.model.entries}
        self.model.show(self._jobs.shown, self._runs.all)
        entries = self.model.entries
        self._stack.setCurrentIndex(1 if entries else 0)
        wanted = before
        if not self.view.hasFocus():  # what was just begun is what the buttons are for
            wanted = next((e for e in entries if e.watched and e.key not in known), before)
        key, selected = wanted.key if wanted else None, self.selected()
        if entries and (selected is None or selected.key != key):
            select_row(self.view, self.model.row_of(key) or 0)
        self._enable()

    def open_result(self) -> None:
        """Open what the selected run has made, by what its task has registered."""
        entry = self.selected()
        if entry and entry.watched:
            self._runs.open(entry.watched.run)

    # -------------------------------------------------------------- building

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self.model)
        view.setItemDelegateForColumn(Column.PROGRESS, ProgressBar(view))
        as_list(view, "Jobs", WIDTHS.items())
        view.setItemDelegateForColumn(Column.TITLE, NamesDelegate(view))
        view.selectionModel().selectionChanged.connect(lambda: self._enable())
        view.doubleClicked.connect(lambda _: self.open_result())
        return view

    def _lay_out(self) -> None:
        buttons = (self.open, self.stop, self.resume, self.log, self.folder, self.remove)
        self._stack = QStackedLayout()
        self._stack.addWidget(
            centred(
                "No long jobs. What takes long is listed here; it goes on when the window is closed."
            )
        )
        self._stack.addWidget(self.view)
        top = tool_row(label("At once"), self.at_once, None, *buttons)
        self.setLayout(in_column(top, self._stack, grow=self._stack, spacing=0))

    def _soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _enable(self) -> None:
        entry = self.selected()
        watched = entry.watched if entry else None
        state = watched.run.state if watched else None
        opener = self._runs.opener(watched.run) if watched else None
        self.open.setText(opener.text if opener else "Open result")
        self.open.setEnabled(opener is not None)
        stopping = watched is not None and watched.stopping
        self.stop.setText("Stop at once" if stopping else "Stop")
        self.stop.setToolTip(
            "End its process now; what it has not written is lost"
            if stopping
            else "Stop at the next step; it can go on later"
        )
        under_way = watched is not None and not watched.run.state.has_ended
        self.stop.setEnabled(under_way or (entry is not None and entry.job is not None))
        names = {RunState.WAITING: "Start now", RunState.FAILED: "Try again"}
        self.resume.setText(names.get(state, "Resume") if state else "Resume")
        goes_on = state is not None and (state.can_go_on or state is RunState.WAITING)
        self.resume.setEnabled(goes_on)
        for tool in (self.log, self.folder):
            tool.setEnabled(watched is not None)
        self.remove.setEnabled(watched is not None and state is not RunState.RUNNING)

    # -------------------------------------------------------------- buttons

    def _set_at_once(self, number: int) -> None:
        self._runs.set_at_once(number)
        self.at_once_changed.emit(number)

    def _stop(self) -> None:
        entry = self.selected()
        if entry is not None and entry.job is not None:
            self._jobs.cancel_job(entry.job)
        elif entry is not None and entry.watched is not None:
            self._runs.stop_or_resume(entry.watched.run.folder)

    def _resume(self) -> None:
        watched = self._watched()
        if watched is not None and watched.run.state is RunState.WAITING:
            self._runs.start_now(watched.run.folder)
        elif watched is not None:
            self._runs.resume(watched.run.folder)

    def _show_log(self) -> None:
        watched = self._watched()
        if watched is not None:
            LogDialog(watched.run, self).open()

    def _show_folder(self) -> None:
        watched = self._watched()
        if watched is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(watched.run.folder)))

    def _ask_remove(self) -> None:
        watched = self._watched()
        if watched is None:
            return
        dialog = RemovalQuestion(
            "Remove this job?",
            f"“{watched.run.title}” and everything that it has written to its folder will be deleted. "
            "Models that were kept, and files that were exported, stay.",
            "Remove",
            self.window(),
        )
        dialog.accepted.connect(partial(self._runs.remove, watched.run.folder))
        dialog.open()

    def _watched(self) -> Watched | None:
        entry = self.selected()
        return entry.watched if entry else None
