"""Opens the dialog that says what to compute next: for new structures, or with the result of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from migbar.runs import Run
from migbar_gui.background.runs import ResultOpener

if TYPE_CHECKING:
    from migbar_gui.dialogs.suggestion import SuggestionDialog
    from migbar_gui.main_window import MainWindow

TASK = "suggestion"


class Suggesting(QObject):
    """The one dialog of a window; the Jobs dock leads to it, too."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.runs.register(TASK, ResultOpener("Open list", self.open, at_any_time=True))

    def open(self, run: Run | None = None) -> SuggestionDialog:
        """Show the dialog, with a run where that is."""
        from migbar_gui.dialogs.suggestion import SuggestionDialog

        dialog = self._window.findChild(SuggestionDialog) or SuggestionDialog(self._window)
        if run is not None:
            dialog.show_run(run)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog
