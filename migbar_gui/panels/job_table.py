"""Everything that takes long as a table: runs in processes of their own and jobs within the window."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from migbar.runs import RunState
from migbar.wording import duration
from migbar_gui.background.jobs import Job
from migbar_gui.background.run_watcher import Watched
from migbar_gui.looks import energies
from migbar_gui.looks.tables import LEFT, RIGHT
from migbar_gui.looks.theme import current_theme

Index = QModelIndex | QPersistentModelIndex
PROGRESS_ROLE = Qt.ItemDataRole.UserRole


class Column(IntEnum):
    """Columns of the table."""

    TITLE = 0
    STATE = 1
    PROGRESS = 2
    LEFT = 3
    MESSAGE = 4


HEADERS = ("Job", "State", "Progress", "Time left", "What it is at")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: a run, or a job within the window."""

    title: str
    state: str
    done: int
    total: int
    message: str
    seconds_left: float | None = None
    watched: Watched | None = None
    job: Job | None = None

    @property
    def key(self) -> object:
        """What stays the same as it goes on."""
        return self.watched.run.folder if self.watched else id(self.job)

    @property
    def is_at_work(self) -> bool:
        """Whether a bar says anything."""
        return self.watched is None or self.watched.run.state is RunState.RUNNING

    @property
    def share(self) -> float | None:
        """How much is done, of 1; None while that is not known."""
        return min(1.0, self.done / self.total) if self.total else None


def entry_of_run(watched: Watched) -> Entry:
    """Make the row of a run."""
    run = watched.run
    message = watched.message
    if run.state is RunState.WAITING:
        message = "starts when it is its turn"
    elif run.state is RunState.FAILED:
        message = run.error
    elif run.state is RunState.INTERRUPTED:
        message = "its process is gone; it can go on from where it was"
    elif run.state is RunState.FINISHED:
        message = energies.in_text(run.outcome)
    return Entry(
        run.title,
        "stopping" if watched.stopping else str(run.state),
        watched.done,
        watched.total,
        message,
        watched.seconds_left if run.state is RunState.RUNNING else None,
        watched,
    )


def entry_of_job(job: Job) -> Entry:
    """Make the row of a job within the window."""
    return Entry(job.title, "running", job.done, job.total, job.message, job=job)


class JobTable(QAbstractTableModel):
    """What is under way first, then what has ended, the latest first."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def show(self, jobs: list[Job], runs: list[Watched]) -> None:
        """Show these, keeping what is selected where the rows stay the same."""
        working = [w for w in runs if w.run.state is RunState.RUNNING]
        waiting = [w for w in runs if w.run.state is RunState.WAITING]
        ended = [w for w in reversed(runs) if w.run.state.has_ended]
        entries = [entry_of_job(job) for job in reversed(jobs)]
        entries += [entry_of_run(watched) for watched in working + waiting + ended]
        if [e.key for e in entries] == [e.key for e in self.entries]:
            self.entries = entries
            if entries:
                last = self.index(len(entries) - 1, len(Column) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def row_of(self, key: object) -> int | None:
        """Return where an entry is."""
        return next((row for row, e in enumerate(self.entries) if e.key == key), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(Column)

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(LEFT)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry, column = self.entries[index.row()], Column(index.column())
        if role == PROGRESS_ROLE:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(entry, column)
        if role == Qt.ItemDataRole.ToolTipRole and column in (Column.TITLE, Column.MESSAGE):
            return self._text(entry, column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(entry, column)
        return None

    def _text(self, entry: Entry, column: Column) -> str:
        if column is Column.LEFT:
            return "" if entry.seconds_left is None else duration(entry.seconds_left)
        return {
            Column.TITLE: entry.title,
            Column.STATE: entry.state,
            Column.MESSAGE: entry.message,
        }.get(column, "")

    def _colour(self, entry: Entry, column: Column) -> QColor | None:
        theme = current_theme()
        if column is Column.STATE:
            known = {"failed": theme.error, "interrupted": theme.poor, "finished": theme.good}
            return QColor(known.get(entry.state, theme.text))
        if column is Column.MESSAGE:
            return QColor(theme.error if entry.state == "failed" else theme.muted)
        return None


class ProgressBar(QStyledItemDelegate):
    """Paints how far a job is."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        entry: Entry = index.data(PROGRESS_ROLE)
        share, theme = entry.share, current_theme()
        if share is None or entry.state in ("finished", "waiting"):
            return
        cell = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = f"{int(100 * share)} %"
        room = painter.fontMetrics().horizontalAdvance("100 %") + 8
        bar = QRectF(cell.left() + 8, cell.center().y() - 3.5, cell.width() - room - 16, 7)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.border))
        painter.drawRoundedRect(bar, 3.5, 3.5)
        bar.setWidth(max(7.0, bar.width() * share))
        painter.setBrush(QColor(theme.accent if entry.is_at_work else theme.muted))
        painter.drawRoundedRect(bar, 3.5, 3.5)
        selected = option.state & QStyle.StateFlag.State_Selected
        painter.setPen(QColor(theme.text if selected else theme.muted))
        place = QRectF(cell.right() - room - 4, cell.top(), room, cell.height())
        painter.drawText(place, RIGHT, text)
        painter.restore()
