"""Judges the workspace's paths and searches its voids in other threads."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject

from migbar.barriers import Predictor
from migbar.errors import Cancelled
from migbar.hops import parse_supercell
from migbar.progress import Progress
from migbar.voids import Void
from migbar_gui.jobs import Jobs
from migbar_gui.workspace import Document, PathEntry, PathResult, Workspace


class Predictions(QObject):
    """Starts a job for whatever the workspace has no result for yet."""

    def __init__(self, workspace: Workspace, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._model: Predictor | None = None
        self._loading = threading.Lock()
        self._searching: tuple[Document, str] | None = None
        jobs.cancelled.connect(self._note_cancelled)
        workspace.paths_changed.connect(self._judge)
        workspace.voids_changed.connect(self._search_voids)
        workspace.setup_changed.connect(self._search_voids)

    def preload(self) -> None:
        """Load the model before it is needed, so that the first barrier comes at once."""
        # A missing model is reported with the first path, where it matters.
        self._jobs.start("preload", "", lambda _: self._load(), lambda _: None, lambda _: None)

    def _load(self) -> Predictor:
        with self._loading:
            if self._model is None:
                from migbar.models.store import load_model

                self._model = load_model()
            return self._model

    def _judge(self) -> None:
        document = self._workspace.document
        if document is None:
            return
        for path in self._workspace.unjudged:
            if not self._jobs.is_running(_key(path)):
                self._start(document, path)

    def _start(self, document: Document, path: PathEntry) -> None:
        workspace = self._workspace
        self._jobs.start(
            _key(path),
            f"Predicting {path.hop.label}",
            lambda _: self._predict(document, path),
            lambda result: workspace.set_result(path.id, result),
            lambda error: workspace.set_result(path.id, error),
        )

    def _predict(self, document: Document, path: PathEntry) -> PathResult:
        from migbar.bands import coordination
        from migbar.prediction import predict_path

        cell = parse_supercell(path.supercell)
        notes = (*document.notes, *path.remarks)
        predicted = predict_path(document.structure, path.hop, self._load(), cell, notes)
        walked, count = coordination(predicted.band)
        return PathResult(predicted, walked, count)

    def _note_cancelled(self, key: str) -> None:
        for path in self._workspace.unjudged:
            if key == _key(path):
                self._workspace.set_result(path.id, Cancelled())

    def _search_voids(self) -> None:
        workspace = self._workspace
        document, ion = workspace.document, workspace.state.ion
        wanted = document is not None and workspace.voids is None and workspace.voids_wanted
        if document is None or not wanted:
            self._jobs.cancel("voids")
            self._searching = None
            return
        if self._searching == (document, ion):
            return
        self._searching = (document, ion)

        def search(_: Progress) -> list[Void]:
            from migbar.voids import find_voids

            return find_voids(document.structure, ion)

        self._jobs.start("voids", f"Searching voids for {ion}", search, workspace.set_voids)


def _key(path: PathEntry) -> str:
    return f"path {path.id}"
