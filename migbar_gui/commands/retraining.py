"""Opens the retraining wizard: for a new training, or where one is that has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from migbar.runs import TRAINING, Run
from migbar_gui.background.runs import ResultOpener

if TYPE_CHECKING:
    from pathlib import Path

    from migbar.datasets.reading import ReadOptions
    from migbar_gui.main_window import MainWindow


class Retraining(QObject):
    """The wizards of a window; the Jobs dock leads to them, too.

    Attributes
    ----------
    left : tuple or None
        Files and how to read them, of a wizard that was closed before it trained.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.left: tuple[list[Path], ReadOptions] | None = None
        window.runs.register(TRAINING, ResultOpener("Open training", self.open, at_any_time=True))

    def open(self, run: Run | None = None) -> None:
        """Open the wizard, with a run where that is; it takes half a second to load."""

        def load(_: object) -> None:
            import migbar_gui.dialogs.retraining.pages  # noqa: F401

        self._window.jobs.start("wizard", "", load, lambda _: self._show(run))

    def _show(self, run: Run | None) -> None:
        from migbar_gui.dialogs.retraining.wizard import RetrainingWizard

        for wizard in self._window.findChildren(RetrainingWizard):
            same = wizard.folder == run.folder if run else not wizard.started
            if wizard.isVisible() and same:  # what was read and chosen in it took its time
                wizard.raise_()
                wizard.activateWindow()
                return
        RetrainingWizard(self._window, run).show()
