"""Opens the batch dialog: for a new screening, or with the results of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from migbar.runs import Run
from migbar_gui.background.runs import ResultOpener

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow
    from migbar_gui.screening.dialog import BatchDialog

TASK = "screening"


class Screening(QObject):
    """The one batch dialog of a window; the Jobs dock leads to it, too."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.runs.register(TASK, ResultOpener("Open table", self.open, at_any_time=True))

    def open(self, run: Run | None = None) -> BatchDialog:
        """Show the dialog, with a run where that is."""
        from migbar_gui.screening.dialog import BatchDialog

        dialog = self._window.findChild(BatchDialog) or BatchDialog(self._window)
        if run is not None:
            dialog.show_run(run)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog
