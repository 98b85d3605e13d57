"""What is wrong with the data, what can be mended, and what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from migbar.datasets.problems import MENDS, Level, Mend, Problem
from migbar.datasets.reading import Reading
from migbar.datasets.storage import BarrierDataset
from migbar.errors import BandsFileError
from migbar.progress import Progress
from migbar.wording import counted
from migbar_gui.background.jobs import Job
from migbar_gui.dialogs.retraining.wizard import DATASET, RetrainingWizard, WizardPage
from migbar_gui.looks import energies
from migbar_gui.looks.charts import CountBars, Histogram
from migbar_gui.looks.tables import LEFT, NamesDelegate, as_list
from migbar_gui.looks.texts import in_words, sentence
from migbar_gui.looks.theme import current_theme
from migbar_gui.looks.widgets import button, clear, label

JOB = "own data"
OUTCOMES = ("left out", "mended", "used")
Index = QModelIndex | QPersistentModelIndex
Checked = tuple[Reading, BarrierDataset | None]


class ProblemTable(QAbstractTableModel):
    """Problems as a table, those first that leave a path out."""

    HEADERS = ("Where", "Path", "Outcome", "What is wrong, and what to do")

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[Problem] = []
        self._mends: frozenset[Mend] = frozenset()

    def show(self, problems: Sequence[Problem], mends: frozenset[Mend]) -> None:
        """Show other problems."""
        self.beginResetModel()
        self._mends = mends
        self.problems = sorted(problems, key=lambda p: OUTCOMES.index(self._state(p)))
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.problems)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.HEADERS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.HEADERS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(LEFT)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        problem = self.problems[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return (
                str(problem.source),
                problem.name,
                self._state(problem),
                sentence(energies.in_text(problem.text)),
            )[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 2:
            theme = current_theme()
            colours = {"left out": theme.error, "mended": theme.good}
            return QColor(colours.get(self._state(problem), theme.poor))
        return None

    def _state(self, problem: Problem) -> str:
        mended = problem.mend in self._mends
        if problem.mend is Mend.LEAVE_OUT and mended:
            return "left out"
        if mended:
            return "mended"
        return "left out" if problem.level is Level.ERROR else "used"


class CheckPage(WizardPage):
    """Reads the data in another thread and shows every problem at once."""

    def __init__(self, wizard: RetrainingWizard) -> None:
        super().__init__(wizard, "Is everything in order?", "")
        self.reading: Reading | None = None
        self._job: Job | None = None
        self.summary = label("", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.stop = button("Stop", self._stop_or_read)
        self.table = ProblemTable()
        self.view = self._make_view()
        self.detail = label("", "muted", wrap=True)
        self._mends = QVBoxLayout()
        self._mends.setSpacing(2)
        self.mend_boxes: dict[Mend, QCheckBox] = {}
        problems = QWidget()
        column = QVBoxLayout(problems)
        column.setContentsMargins(0, 8, 0, 0)
        column.addWidget(self.view, 1)
        column.addWidget(self.detail)
        column.addLayout(self._mends)
        self.tabs = QTabWidget()
        self.tabs.addTab(problems, "Problems")
        self.tabs.addTab(self._make_plots(), "What is in the data")
        self.body.addWidget(self.summary)
        row = QHBoxLayout()
        row.addWidget(self.progress, 1)
        row.addWidget(self.stop)
        row.addStretch(0)  # beside the button alone
        self.body.addLayout(row)
        self.body.addWidget(self.tabs, 1)
        wizard.window_.jobs.cancelled.connect(self._note_stop)

    def initializePage(self) -> None:  # noqa: N802
        """Read, also what was read before: its files may have been put right meanwhile."""
        self._start()

    def isComplete(self) -> bool:  # noqa: N802
        """Whether some paths can be used."""
        return self.reading is not None and self.owner.dataset is not None

    def leave(self) -> None:
        """Read no further."""
        self.owner.window_.jobs.cancel(JOB)

    # -------------------------------------------------------------- building

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self.table)
        as_list(view, "Problems", enumerate((196, 160, 84)))
        view.setItemDelegateForColumn(0, NamesDelegate(view))
        view.selectionModel().currentRowChanged.connect(
            lambda now, _: self.detail.setText(
                self.table.index(now.row(), 3).data() if now.isValid() else ""
            )
        )
        return view

    def _make_plots(self) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(4, 10, 4, 4)
        grid.setHorizontalSpacing(28)
        self.histogram = Histogram()
        self.ions, self.families = CountBars("Ions"), CountBars("Classes")
        columns = (("Barriers", self.histogram), ("Ions", self.ions), ("Classes", self.families))
        for column, (title, chart) in enumerate(columns):
            grid.addWidget(label(title, "section"), 0, column)
            grid.addWidget(chart, 1, column)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 2)
        grid.setColumnStretch(2, 3)
        grid.setRowStretch(1, 1)
        return page

    # -------------------------------------------------------------- reading

    def _start(self) -> None:
        wizard = self.owner
        sources, options, mends = wizard.sources, wizard.read_options, wizard.mends
        self.reading = wizard.dataset = None
        self.completeChanged.emit()
        self.summary.setText("Reading …")
        self.table.show((), frozenset())
        self.detail.setText("")
        self.progress.setRange(0, 0)
        self.progress.show()
        self.stop.setText("Stop")
        self.stop.show()
        try:
            target = wizard.ensure_folder() / DATASET
        except OSError as error:
            self._failed(error)
            return

        def work(progress: Progress) -> Checked:
            from migbar.datasets.checks import bundled_paths
            from migbar.datasets.reading import import_data

            wizard.known = known = wizard.known or bundled_paths()
            try:
                found = import_data(sources, target, options, mends, known, progress)
            except BandsFileError:  # nothing is usable: at least say why, path by path
                return import_data(sources, None, options, mends, known, progress), None
            return found, BarrierDataset(target)

        self._job = wizard.window_.jobs.start(
            JOB, "Reading barriers", work, self._show_reading, self._failed
        )
        self._job.progressed.connect(self._show_progress)

    def _show_progress(self, done: int, total: int, message: str) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        count = f"{done:,} of {total:,}" if total else f"{done:,}"
        self.summary.setText(f"{message}: {count} paths …")

    def _stop_or_read(self) -> None:
        jobs = self.owner.window_.jobs
        if self._job is not None and jobs.is_running(JOB):
            jobs.cancel_job(self._job)
        else:
            self._start()

    def _note_stop(self, key: str) -> None:
        if key == JOB:
            self._offer_again()
            self.summary.setText("Stopped. Read again, or go back and choose other data.")

    def _offer_again(self) -> None:
        self.progress.hide()
        self.stop.setText("Read again")

    def _failed(self, error: Exception) -> None:
        self._offer_again()
        self.summary.setText(sentence(in_words(error)))

    def _show_reading(self, checked: Checked) -> None:
        reading, self.owner.dataset = checked
        self.reading = reading
        self.owner.all_known = count_known(reading) >= reading.used
        self._offer_again()
        self.stop.setVisible(bool(reading.problems))  # they may be put right in the files
        self.summary.setText(_summary(reading))
        self.table.show(reading.problems, reading.mends)
        if reading.problems:
            self.view.selectRow(0)
        else:
            self.detail.setText("No problem was found.")
        self.tabs.setTabText(0, f"Problems ({len(reading.problems)})")
        self._show_mends(reading.problems)
        self.histogram.show_values(reading.barriers)
        self.ions.show_counts(Counter(reading.ions))
        self.families.show_counts(Counter(name or "(no class)" for name in reading.families))
        self.completeChanged.emit()

    def _show_mends(self, problems: Sequence[Problem]) -> None:
        clear(self._mends)
        self.mend_boxes = {}
        if any(problem.mend for problem in problems):
            self._mends.addWidget(label("What is safe to mend", "section"))
        for mend, count in sorted(Counter(p.mend for p in problems if p.mend).items()):
            box = QCheckBox(f"{MENDS[mend].removesuffix('.')} ({count})")
            box.setChecked(mend in self.owner.mends)
            box.toggled.connect(lambda on, mend=mend: self._choose(mend, on))
            self.mend_boxes[mend] = box
            self._mends.addWidget(box)

    def _choose(self, mend: Mend, on: bool) -> None:
        self.owner.mends = self.owner.mends | {mend} if on else self.owner.mends - {mend}
        self._start()


def count_known(reading: Reading) -> int:
    """Return how many of the paths that are used the bundled models have seen."""
    names = set(reading.names)
    return sum(p.code == "known_path" and p.name in names for p in reading.problems)


def _summary(reading: Reading) -> str:
    if not reading.found:
        return "No path could be read. The list says why; go back and say how to read them, or choose other data."
    text = f"{reading.used:,} of {counted(reading.found, 'path')} can be used."
    if not reading.used:
        return f"{text} The list says what is wrong; go back and choose other data."
    left = reading.found - reading.used
    if left:
        text += f" Left out: {left:,}, for the reasons below."
    unread = {p.source.file for p in reading.problems if p.source.row is None and not p.name}
    if unread:
        text += f" Not read at all: {counted(len(unread), 'file')}."
    known = count_known(reading)
    if known:
        text += f" In the training data of the bundled models: {known:,}, trained on only."
    if known >= reading.used:
        text += " Nothing is left to judge a model by that starts from these; start from scratch, or add paths."
    return text
