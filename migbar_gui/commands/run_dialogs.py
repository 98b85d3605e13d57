"""Opens the dialogs of which a window has one: for something new, or with the result of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QObject

from migbar.runs import Run
from migbar_gui.background.runs import ResultOpener

if TYPE_CHECKING:
    from migbar_gui.dialogs.suggestion import SuggestionDialog
    from migbar_gui.main_window import MainWindow
    from migbar_gui.screening.dialog import BatchDialog

D = TypeVar("D", "BatchDialog", "SuggestionDialog")


class RunDialog(QObject, Generic[D]):
    """The one dialog of a window for a task; the Jobs dock leads to it, too.

    Parameters
    ----------
    window : MainWindow
    task : str
        Of `migbar.runs`.
    text : str
        What the Jobs dock calls opening it.
    load : callable
        Returns the dialog's class, which is imported late.
    """

    def __init__(
        self, window: MainWindow, task: str, text: str, load: Callable[[], type[D]]
    ) -> None:
        super().__init__(window)
        self._window: MainWindow = window
        self._load: Callable[[], type[D]] = load
        window.runs.register(task, ResultOpener(text, self.open, at_any_time=True))

    def open(self, run: Run | None = None) -> D:
        """Show the dialog, with a run where that is."""
        kind = self._load()
        dialog = self._window.findChild(kind) or kind(self._window)
        if run is not None:
            dialog.show_run(run)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog


def batch_dialog() -> type[BatchDialog]:
    """Return the dialog that screens many structures."""
    from migbar_gui.screening.dialog import BatchDialog

    return BatchDialog


def suggestion_dialog() -> type[SuggestionDialog]:
    """Return the dialog that says what to compute next."""
    from migbar_gui.dialogs.suggestion import SuggestionDialog

    return SuggestionDialog
