"""The frame of the retraining wizard: its pages, and what they share."""

from __future__ import annotations

import shutil
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QLabel, QVBoxLayout, QWizard, QWizardPage

from migbar.datasets.problems import SAFE_MENDS, Mend
from migbar.datasets.reading import ReadOptions
from migbar.runs import TRAINING, Run, RunState
from migbar.training.own.options import TrainingOptions
from migbar_gui.looks.widgets import as_window, label, resize_on_screen, restyle

if TYPE_CHECKING:
    from migbar.datasets.checks import KnownPath
    from migbar.datasets.storage import BarrierDataset
    from migbar_gui.background.run_watcher import Watched
    from migbar_gui.main_window import MainWindow

DATASET = "bands.parquet"


class Page(IntEnum):
    """Pages of the wizard."""

    DATA = 0
    CHECK = 1
    SPLIT = 2
    MODEL = 3
    TRAIN = 4
    JUDGE = 5
    KEEP = 6


class WizardPage(QWizardPage):
    """A page with a title, a sentence on what it is for, and a body."""

    def __init__(self, wizard: RetrainingWizard, title: str, text: str) -> None:
        super().__init__()
        self.setObjectName("page")
        self.owner = wizard
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(22, 16, 0, 8)  # it ends where the buttons do
        self.body.setSpacing(10)
        self.body.addWidget(label(title, "formula"))
        if text:
            self.body.addWidget(label(text, wrap=True))

    def leave(self) -> None:
        """Stop what goes on for this page alone; called when the wizard closes."""


class RetrainingWizard(QWizard):
    """Takes own barriers, checks and splits them, trains, judges, and keeps the model.

    Parameters
    ----------
    window : MainWindow
        Whose jobs, runs and models it works with.
    run : Run, optional
        A training to come back to; a new one is set up where not given.
    """

    def __init__(self, window: MainWindow, run: Run | None = None) -> None:
        super().__init__(window)
        from migbar_gui.dialogs.retraining.pages import PAGES

        self.window_ = window
        self.sources: list[Path] = []
        self.read_options = ReadOptions()
        self._is_new = run is None
        if self._is_new and window.retraining.left is not None:
            self.sources, self.read_options = window.retraining.left
        self.mends: frozenset[Mend] = SAFE_MENDS
        self.dataset: BarrierDataset | None = None
        self.known: KnownPath | None = None
        """Recognises paths of the bundled data, and remembers those that it was asked for."""
        self.all_known = False
        """Whether the bundled models have seen every path, so that none is left to judge them by."""
        self.folder: Path | None = run.folder if run else None
        self.started = run is not None
        # The name and the data are filled in later.
        self.chosen = (
            TrainingOptions.from_dict(run.options) if run else TrainingOptions("my model", "")
        )
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Train a model on your barriers")
        self.setWizardStyle(QWizard.WizardStyle.ClassicStyle)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setOption(QWizard.WizardOption.NoBackButtonOnStartPage)
        self.setOption(QWizard.WizardOption.NoDefaultButton, False)
        self.setOption(QWizard.WizardOption.NoCancelButtonOnLastPage)  # it would forget the notes
        resize_on_screen(self, 1100, 690)
        self.pages: dict[Page, WizardPage] = {}
        for number, kind in PAGES.items():
            self.pages[number] = kind(self)
            self.setPage(number, self.pages[number])
        self._show_steps()
        self.setButtonText(QWizard.WizardButton.BackButton, "Back")
        self.setButtonText(QWizard.WizardButton.NextButton, "Next")
        self.setButtonText(QWizard.WizardButton.CommitButton, "Train")
        self.setButtonText(QWizard.WizardButton.FinishButton, "Done")
        self.setButtonText(QWizard.WizardButton.CancelButton, "Close")
        for name in ("Back", "Next", "Commit", "Finish", "Cancel"):
            self.button(QWizard.WizardButton[f"{name}Button"]).setMinimumWidth(92)
        if run is not None:
            done = run.state is RunState.FINISHED
            self.setStartId(Page.JUDGE if done else Page.TRAIN)
        self.currentIdChanged.connect(self._mark_step)
        as_window(self)

    def ensure_folder(self) -> Path:
        """Return the folder of the run to be; it is made when it is first needed."""
        if self.folder is None:
            self.folder = self.window_.runs.new_folder(TRAINING)
        return self.folder

    def watched_now(self) -> Watched | None:
        """Return the run and how far it is now."""
        return self.window_.runs.get(self.folder) if self.folder else None

    def run_now(self) -> Run | None:
        """Return the run as it is now."""
        watched = self.watched_now()
        return watched.run if watched else None

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let Escape close nothing: what was read and chosen took its time; in a list, Enter is for its row."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        for_row = is_enter and isinstance(self.focusWidget(), QAbstractItemView)
        if event.key() != Qt.Key.Key_Escape and not for_row:
            super().keyPressEvent(event)

    def done(self, result: int) -> None:
        """Stop what was for the pages alone; a training that has begun goes on."""
        for page in self.pages.values():
            page.leave()
        if self._is_new:  # for the next one
            left = None if self.started else (self.sources, self.read_options)
            self.window_.retraining.left = left
        if not self.started and self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        super().done(result)

    def _show_steps(self) -> None:
        self._side = side = QFrame()  # the wizard does not keep it alive by itself
        side.setObjectName("steps")
        column = QVBoxLayout(side)
        column.setContentsMargins(18, 20, 26, 18)
        column.setSpacing(12)
        self._steps: list[QLabel] = []
        for page in Page:
            step = label(f"{page + 1}   {page.name.capitalize()}", "step")
            self._steps.append(step)
            column.addWidget(step)
        column.addStretch(1)
        bold = QFont(self.font())
        bold.setBold(True)
        widest = max(QFontMetrics(bold).horizontalAdvance(step.text()) for step in self._steps)
        side.setFixedWidth(widest + 72)  # the same whichever step is in bold
        self.setSideWidget(side)

    def _mark_step(self, current: int) -> None:
        for number, step in enumerate(self._steps):
            step.setProperty("now", number == current)
            restyle(step)
