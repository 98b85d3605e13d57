"""Asks the model, in another thread, what stands behind the barrier of the active path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from migbar_gui.background.jobs import Jobs
from migbar_gui.workspace import PathResult, Workspace

if TYPE_CHECKING:
    from migbar.models.explanation import Explanation
    from migbar.prediction import PredictedPath

KEY = "explain"


class Explainer(QObject):
    """Keeps the explanations of paths, and has those made that are asked for."""

    arrived = Signal(int)
    """Id of a path whose explanation, or why there is none, is known now."""

    def __init__(self, workspace: Workspace, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._found: dict[int, tuple[PathResult, Explanation | Exception]] = {}
        self._asked: PathResult | None = None

    def found(self, path_id: int) -> Explanation | Exception | None:
        """Return the explanation of a path's barrier, why there is none, or None while it is not known."""
        explained, found = self._found.get(path_id, (None, None))
        # Another barrier of the same path, by another model, has another explanation.
        return found if explained is self._workspace.result(path_id) else None

    def ask(self) -> None:
        """Have the active path explained if it was not yet."""
        path_id = self._workspace.active
        result = self._workspace.result(path_id)
        if path_id is None or result is None or self.found(path_id) is not None:
            return
        if self._jobs.is_running(KEY) and self._asked is result:
            return
        self._asked = result
        predicted = result.predicted

        def keep(found: Explanation | Exception) -> None:
            self._found[path_id] = (result, found)
            self.arrived.emit(path_id)

        self._jobs.start(KEY, "", lambda _: _explain(predicted), keep, keep)


def _explain(predicted: PredictedPath) -> Explanation:
    from migbar.models.explanation import explain
    from migbar.models.store import load_model

    return explain(load_model(predicted.barrier.model), predicted.band)
