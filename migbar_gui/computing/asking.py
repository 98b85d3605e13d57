"""Asks, in another thread, what else there is to say about the barrier of the active path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from migbar.progress import Progress
from migbar_gui.background.jobs import Jobs
from migbar_gui.workspace import PathResult, Workspace

if TYPE_CHECKING:
    from migbar.models.explanation import Explanation
    from migbar.models.opinions import Opinion
    from migbar.prediction import PredictedPath


class Inquiry(QObject):
    """Keeps the answers to one question about paths, and has those found that are asked for.

    Parameters
    ----------
    key : str
        Of its jobs.
    title : str
        Shown while it works; empty for work that nobody waits for.
    answer : callable
        Called in another thread with a predicted path and a `Progress`.
    about : callable
        What the answer for a result holds for: once this is another object, it is to be asked again.
    workspace : Workspace
    jobs : Jobs
    parent : QObject
    """

    changed = Signal(int)
    """Something is known, or no longer known, of the path with this id; -1 means of any path."""

    def __init__(
        self,
        key: str,
        title: str,
        answer: Callable[[PredictedPath, Progress], Any],
        about: Callable[[PathResult], object],
        workspace: Workspace,
        jobs: Jobs,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._key, self._title = key, title
        self._answer, self._about = answer, about
        self._workspace = workspace
        self._jobs = jobs
        self._found: dict[int, tuple[object, Any]] = {}
        self._asked: tuple[int | None, object] = (None, None)
        jobs.cancelled.connect(self._note_cancelled)

    def found(self, path_id: int | None) -> Any:
        """Return the answer for a path, the error that came instead, or None while there is none."""
        result = self._workspace.result(path_id)
        if path_id is None or result is None:
            return None
        about, found = self._found.get(path_id, (None, None))
        return found if about is self._about(result) else None

    def is_asked(self, path_id: int | None) -> bool:
        """Whether the answer for a path is being looked for."""
        result = self._workspace.result(path_id)
        asked_id, about = self._asked
        if result is None or path_id != asked_id or about is not self._about(result):
            return False
        return self._jobs.is_running(self._key)

    def ask(self) -> None:
        """Look for the answer for the active path, unless it is there or on its way; again where an error came."""
        path_id = self._workspace.active
        result = self._workspace.result(path_id)
        if path_id is None or result is None or self.is_asked(path_id):
            return
        known = self.found(path_id)
        if known is not None and not isinstance(known, Exception):
            return
        about, predicted = self._about(result), result.predicted
        self._asked = path_id, about

        def keep(found: Any) -> None:
            known = self._workspace.results  # of other paths nobody asks again
            self._found = {n: kept for n, kept in self._found.items() if n in known}
            self._found[path_id] = (about, found)
            self.changed.emit(path_id)

        self._jobs.start(
            self._key, self._title, lambda progress: self._answer(predicted, progress), keep, keep
        )
        self.changed.emit(path_id)

    def _note_cancelled(self, key: str) -> None:
        if key == self._key:
            self.changed.emit(-1)

    def forget(self) -> None:
        """Drop all answers, and the one that is being looked for."""
        self._jobs.cancel(self._key)
        self._found.clear()
        self.changed.emit(-1)


def explanations(workspace: Workspace, jobs: Jobs, parent: QObject) -> Inquiry:
    """Return what stands behind barriers: another thing for each barrier."""
    return Inquiry("explain", "", _explain, lambda result: result, workspace, jobs, parent)


def opinions(workspace: Workspace, jobs: Jobs, parent: QObject) -> Inquiry:
    """Return what all models say of paths, whichever of them is used."""
    title = "Asking all models"
    return Inquiry(
        "opinions", title, _ask_all, lambda _: workspace.document, workspace, jobs, parent
    )


def _explain(predicted: PredictedPath, _: Progress) -> Explanation:
    """Ask the model what stands behind its barrier."""
    from migbar.models.explanation import explain
    from migbar.models.store import load_model

    return explain(load_model(predicted.barrier.model), predicted.band)


def _ask_all(predicted: PredictedPath, progress: Progress) -> list[Opinion]:
    """Ask all models for their barrier."""
    from migbar.models.opinions import ask_all_models

    return ask_all_models(predicted.band, progress)
