"""The batch dialog: asks what to screen, and shows the table that fills."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from migbar.progress import Progress
from migbar.runs import SCREENING, Run, RunState
from migbar.screening.database import read_database
from migbar.screening.query import Choice, Counts, Show, compound_classes, count, find_rows
from migbar.structures import FILE_NAMES
from migbar.wording import counted
from migbar_gui.background.run_watcher import Watched
from migbar_gui.files.recent import last_folder
from migbar_gui.files.saving import ask_path
from migbar_gui.looks import energies
from migbar_gui.looks.notice import Notice, open_notice
from migbar_gui.looks.tables import NamesDelegate, as_list
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    as_window,
    button,
    centred,
    in_column,
    in_row,
    label,
    resize_on_screen,
)
from migbar_gui.screening.filters import Filters
from migbar_gui.screening.form import RESULTS, ScreeningForm
from migbar_gui.screening.opening import WantedPath
from migbar_gui.screening.progress import ProgressLine
from migbar_gui.screening.table import Column, Key, ResultTable

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

REFRESH_MS = 1000
"""The table follows a screening at this pace; slower where a look takes long."""

REST = 5
"""So many times as long as a look took is waited for the next one: the processors are for the screening."""

WIDTHS = {
    Column.FILE: 166, Column.FORMULA: 100, Column.CLASS: 112, Column.ION: 42, Column.PATH: 114, Column.BARRIER: 110,
    Column.INTERVAL: 104, Column.VERDICT: 68, Column.THROUGH_1D: 88, Column.THROUGH_2D: 88, Column.THROUGH_3D: 88,
    Column.LENGTH: 92, Column.SITES: 58, Column.GROUP: 80,
}  # fmt: skip

FORMATS = {
    "CSV (*.csv)": ".csv",
    "Excel workbook (*.xlsx)": ".xlsx",
    "Parquet (*.parquet)": ".parquet",
    "HTML report (*.html)": ".html",
}


@dataclass(frozen=True, slots=True)
class _View:
    """What a look at the database found."""

    database: Path
    keys: list[Key]
    counts: Counts
    classes: list[str]


class BatchDialog(QDialog):
    """Screens folders in a process of its own; closing it, or the window, leaves that alone.

    Parameters
    ----------
    window : MainWindow
        Where double-clicked rows are opened.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Batch screening")
        resize_on_screen(self, 1120, 700)
        self._window = window
        self._database: Path | None = None
        self._job = f"screening {id(self)}"
        self._looking = False
        self._wanted_look = False
        self._failed = 0
        self._looked_at = 0.0
        self._rest_ms = REFRESH_MS
        self.notice = Notice()
        self.form = ScreeningForm(window.models, window.settings)
        self.table = ResultTable()
        self.view = self._make_view()
        self.filters = Filters()
        self.progress = ProgressLine(window.runs)
        self._make_tools()
        self._lay_out()
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self._look)
        self.form.asked.connect(self._start)
        self.filters.changed.connect(self._soon)
        self.filters.shown.currentIndexChanged.connect(lambda _: self._show_columns())
        self.progress.pause.clicked.connect(self.notice.hide)
        self.table.sort_asked.connect(self._sort)
        self._sorted_by = ("", False)
        as_window(self)
        self.form.source.setFocus()
        window.runs.changed.connect(self._follow)
        window.runs.ended.connect(self._follow)

    def offer(self, folder: Path) -> None:
        """Ask how to screen a folder."""
        self._pages.setCurrentIndex(0)
        self.form.all_paths.setChecked(True)
        self.form.sources.set_names([str(folder)])

    def show_run(self, run: Run) -> None:
        """Show the results of a run, whether it is at work or not."""
        database = Path(run.options.get("out") or run.folder / "results.db")
        self.show_results(database, run.folder)
        self._follow(self.progress.watched or Watched(run))

    def show_results(self, database: Path, folder: Path | None = None) -> None:
        """Show a results database, and the run that fills it, where its folder is known."""
        if database != self._database:  # nothing of another one may stand under its name
            self.table.show(database, [])
            self._counts.setText("")
            self._failed = 0
            self.export.setEnabled(False)
            self.filters.offer_classes(())
        self._database = database
        self.notice.hide()
        self.setWindowTitle(f"{database} – batch screening")
        own_name = database.name != RESULTS
        self._title.setText(database.stem if own_name else database.absolute().parent.name)
        self._title.setToolTip(str(database))
        self._pages.setCurrentIndex(1)
        self.progress.set_run(folder)
        self._tell_emptiness()
        self._enable_retry()
        self._look()

    def refresh_unit(self) -> None:
        """Write energies in the unit that the user likes."""
        self.table.refresh_unit()

    def done(self, result: int) -> None:
        """Close; a screening goes on."""
        self._window.jobs.cancel(self._job)
        super().done(result)

    def choice(self) -> Choice:
        """Return which rows are asked for."""
        return self.filters.choice(*self._sorted_by)

    # -------------------------------------------------------------- building

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self.table)
        view.setSortingEnabled(True)
        view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        view.horizontalHeader().setSortIndicatorClearable(True)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        as_list(view, "Results", WIDTHS.items())
        view.setItemDelegateForColumn(Column.FILE, NamesDelegate(view))
        view.activated.connect(self.open_row)
        view.selectionModel().currentRowChanged.connect(lambda *_: self._note_row())
        self.empty = centred()
        QVBoxLayout(view.viewport()).addWidget(self.empty)
        return view

    def _make_tools(self) -> None:
        self._title = label("", "formula")
        self._counts = label("", "muted")
        self.reason = label("", "muted", wrap=True)
        self.reason.setMinimumHeight(self.reason.fontMetrics().height())  # so that nothing jumps
        self.show_in_window = button(
            "Open in viewer", lambda: self.open_row(self.view.currentIndex())
        )
        self.show_in_window.setToolTip("Open the structure with this path in the main window")
        self.show_in_window.setEnabled(False)
        self.retry = button("Try failed files again", self._retry)
        self.export = button("Export…", self._ask_export)
        self.export.setEnabled(False)
        self.new = button("New screening…", lambda: self._pages.setCurrentIndex(0))
        self.close_button = button("Close", self.close)
        self.open_results = button("Open results…", self._ask_results)
        self.form.start.setDefault(True)
        self.form.buttons.insertWidget(0, self.open_results)
        self.form.buttons.addWidget(button("Close", self.close))

    def _lay_out(self) -> None:
        parts = (
            in_row(self._title, self._counts, grow=self._counts, spacing=16),
            self.filters,
            self.view,
            self.reason,
            self.progress,
            in_row(self.show_in_window, self.export, self.retry, None, self.new, self.close_button),
        )
        results = QWidget()
        results.setLayout(in_column(*parts, grow=self.view, margins=(20, 18, 20, 16)))
        self._pages = QStackedLayout()
        self._pages.addWidget(self.form)
        self._pages.addWidget(results)
        self.setLayout(in_column(self.notice, self._pages, grow=self._pages, spacing=0))

    # -------------------------------------------------------------- the run

    def _start(self, title: str, options: dict[str, Any]) -> None:
        try:
            folder = self._window.runs.start(SCREENING, title, options)
        except Exception as error:
            self.form.problem.tell(error)
            return
        watched = self._window.runs.get(folder)
        assert watched is not None
        self.show_run(watched.run)

    def _follow(self, watched: Watched) -> None:
        """Show how far the run is, and what it has found."""
        if watched.run.folder != self.progress.folder:
            return
        self.progress.show_state(watched)
        self._enable_retry()
        if not self._counts.text():  # nothing was found yet
            self._tell_emptiness()
        if watched.run.state.has_ended:
            self._look()
            if watched.run.state is RunState.FAILED:
                self.notice.show_message(watched.run.error, "error")
        else:
            self._soon(self._rest_ms)

    def _enable_retry(self) -> None:
        self.retry.setVisible(self.progress.has_ended and self._failed > 0)

    def _retry(self) -> None:
        watched = self.progress.watched
        if watched is not None:
            run = watched.run
            self._start(
                f"{run.title.removesuffix(' again')} again", {**run.options, "retry_failed": True}
            )

    # -------------------------------------------------------------- the table

    def _show_columns(self) -> None:
        """Hide what a failed file does not have: all but its reason."""
        failed = self.filters.shown.currentData() == Show.FAILED
        for column in Column:
            wanted = not failed or column in (Column.FILE, Column.NOTE)
            self.view.setColumnHidden(column, not wanted)
        self.view.setColumnWidth(Column.FILE, with_text(340 if failed else WIDTHS[Column.FILE]))

    def _note_row(self) -> None:
        """Say under the table why the chosen file failed: its column is narrow, and far to the right."""
        index = self.view.currentIndex()
        self.reason.setText(self.table.reason(index.row()) if index.isValid() else "")
        self.show_in_window.setEnabled(index.isValid())

    def _tell_emptiness(self, counts: Counts | None = None) -> None:
        """Say in the table why there is nothing in it."""
        text = ""
        if counts is not None and (counts.done or counts.failed):
            text = "" if self.table.rowCount() else "No row is as asked for above."
        elif self.progress.folder is not None and not self.progress.has_ended:
            watched = self.progress.watched
            waits = watched is not None and watched.run.state is RunState.WAITING
            when = "once it has begun" if waits else "in a moment"
            text = f"The first results appear here {when}."
        elif counts is not None:
            text = f"No structure file was found there: {', '.join(FILE_NAMES)}."
        self.empty.setText(text)
        self.empty.setVisible(bool(text))

    def _soon(self, milliseconds: int) -> None:
        if not self._timer.isActive() or self._timer.remainingTime() > milliseconds:
            self._timer.start(milliseconds)

    def _sort(self, column: str, descending: bool) -> None:
        self._sorted_by = (column, descending)
        self._look()

    def _look(self) -> None:
        """Ask the database, in another thread, for the rows to show."""
        self._timer.stop()
        if self._database is None:
            return
        if self._looking:  # one look at a time; then once more
            self._wanted_look = True
            return
        self._looking = True
        self._looked_at = time.monotonic()
        self.table.threshold = self._window.workspace.threshold
        database, choice, threshold = self._database, self.choice(), self.table.threshold
        self._window.jobs.start(
            self._job,
            "",
            lambda _: _look_into(database, choice, threshold),
            self._take_view,
            self._no_view,
        )

    def _take_view(self, view: _View) -> None:
        self._looking = False
        took_ms = 1000 * (time.monotonic() - self._looked_at)
        self._rest_ms = max(REFRESH_MS, round(REST * took_ms))
        if view.database != self._database:  # another was asked for meanwhile
            self._wanted_look = False
            self._look()
            return
        self.table.show(view.database, view.keys)
        self._note_row()
        counts = view.counts
        if self.filters.shown.currentData() == Show.FAILED:
            shown = counted(len(view.keys), "file")
        else:  # a file that failed has a row and no path
            shown = counted(sum(number is not None for _, number in view.keys), "path")
        parts = [f"{shown} shown", counted(counts.done, "structure")]
        parts += [f"{counts.good:,} good in 3D"]
        parts += [f"{counts.duplicates:,} repeated"] if counts.duplicates else []
        parts += [f"{counts.failed:,} failed"] if counts.failed else []
        self._counts.setText("  ·  ".join(parts))
        self._failed = counts.failed
        self._tell_emptiness(counts)
        self._enable_retry()
        self.filters.offer_classes(view.classes)
        self.export.setEnabled(bool(counts.done or counts.failed))
        if self._wanted_look:
            self._wanted_look = False
            self._soon(0)

    def _no_view(self, error: Exception) -> None:
        self._looking = False
        watched = self.progress.watched
        if watched is not None and not watched.run.state.has_ended:
            self._soon(REFRESH_MS)  # the database is not there yet
        elif watched is None or watched.run.state is RunState.FINISHED:
            self.notice.show_error(error)

    def open_row(self, index: QModelIndex) -> None:
        """Open the structure of a row with its path in the main window."""
        row = self.table.row(index.row())
        if row is None:
            return
        path = {k: row[k] or "" for k in ("ion", "mechanism", "sha256")}
        ends = (row["from"] or "", row["to"] or "") if not row["problem"] else ("", "")
        self._window.path_opener.open(
            WantedPath(Path(row["file"]), path["ion"], *ends, path["mechanism"], path["sha256"])
        )
        self._window.raise_()
        self._window.activateWindow()

    # -------------------------------------------------------------- files

    def _ask_results(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self,
            "Results of a screening",
            last_folder(self._window.settings),
            "Results databases (*.db);;All files (*)",
        )
        if name:
            self.show_results(Path(name))

    def _ask_export(self) -> None:
        assert self._database is not None
        suggested = str(self._database.with_suffix(".csv"))
        path = ask_path(self, "Export results", suggested, FORMATS)
        if path is not None:
            self.export_to(path)

    def export_to(self, path: Path) -> None:
        """Write the rows that are shown (a report: all results) to a file."""
        from migbar.screening.tables import export

        database, threshold = self._database, self.table.threshold
        assert database is not None
        choice = self.choice()
        choice = replace(choice, sort=choice.sort or "file")

        def work(progress: Progress) -> None:
            export(database, path, choice, threshold, progress, energies.current())

        notices = self.notice, self._window.notice

        self._window.jobs.start(
            "export screening",
            f"Writing {path.name}",
            work,
            lambda _: open_notice(*notices).show_message(f"Wrote {path}"),
            lambda error: open_notice(*notices).show_error(error),
        )


def _look_into(database: Path, choice: Choice, threshold: float) -> _View:
    with read_database(database) as connection:
        return _View(
            database,
            find_rows(connection, choice),
            count(connection, threshold),
            compound_classes(connection),
        )
