"""Judges the workspace's paths, and searches its voids and hops, in other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject

from migbar.barriers import Predictor
from migbar.errors import Cancelled
from migbar.progress import Progress, check_cancelled
from migbar.supercells import parse_supercell
from migbar.voids import Void
from migbar.wording import counted
from migbar_gui.background.jobs import Jobs
from migbar_gui.computing.models import Models
from migbar_gui.workspace import (
    Document,
    FoundPaths,
    PathEntry,
    PathResult,
    Shape,
    State,
    Workspace,
    whenever,
)

if TYPE_CHECKING:
    from migbar.bands import Band
    from migbar.models.relaxed import RelaxedBarrier
    from migbar.neb import NebResult
    from migbar.paths import CrystalPaths
    from migbar.prediction import PredictedPath

Found = TypeVar("Found")

JUDGE = "judge paths"
"""Key of the job that judges paths as they come."""

BEND = "bend paths"
"""Key of the job that bends paths."""

AT_A_TIME_S = 1.0
"""Work on many paths is handed over as often as this; each time all of them are drawn anew."""

SEARCH = "find paths"
"""Key of the job that finds all paths."""

WAY = "way through"
"""Key of the job that finds the way through anew."""


class Predictions(QObject):
    """Starts a job for whatever the workspace has no result for yet."""

    def __init__(self, workspace: Workspace, jobs: Jobs, models: Models, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._models = models
        self._cutoff: float | None = None
        self._helped: dict[int, int] = {}
        self._loading = threading.Lock()
        self._searching: tuple[Document, str] | None = None
        models.used_changed.connect(lambda _: self._judge_anew())
        jobs.cancelled.connect(self._note_cancelled)
        workspace.restoring.connect(self._drop_all)
        workspace.paths_changed.connect(self._judge)
        workspace.relaxed_changed.connect(self._judge_relaxed)
        whenever(
            self._find_way_through,
            workspace.result_arrived,
            workspace.relaxed_changed,
            workspace.group_changed,
        )
        workspace.voids_changed.connect(self._search_voids)
        workspace.setup_changed.connect(self._search_voids)
        workspace.document_changed.connect(lambda: jobs.cancel(SEARCH))
        whenever(
            self._bend,
            workspace.shapes_changed,
            workspace.active_changed,
            workspace.network_shown_changed,
            workspace.result_arrived,
        )

    def preload(self) -> None:
        """Load the model before it is needed, so that the first barrier comes at once."""
        # A missing model is reported with the first path, where it matters.
        self._jobs.start("preload", "", lambda _: self._load(), lambda _: None, lambda _: None)

    def _load(self) -> Predictor:
        from migbar.models.store import load_model

        with self._loading:  # a model is loaded once, however many paths wait for it
            return load_model(self._models.used)

    def _judge_anew(self) -> None:
        """Ask another model: path by path, and all at once where all were found at once.

        Paths that were undone, or are in another structure, are judged when they are back.
        """
        workspace = self._workspace
        group = workspace.state.group
        found = {path.id for path in group.paths} if group else set()
        self._stop_judging()
        searching = self._jobs.is_running(SEARCH)
        workspace.forget_results(workspace.results.keys() - found)
        if group is not None or searching:
            self.find_all(self._cutoff)
        else:
            self.preload()

    def _drop_all(self) -> None:
        """Forget paths whose ids mean others from now on."""
        self._stop_judging()
        self._jobs.cancel(BEND)
        self._helped.clear()

    def _stop_judging(self) -> None:
        self._jobs.cancel(JUDGE)
        self._jobs.cancel_kind("path ")

    def _judge(self) -> None:
        """Judge what waits, path by path: threads for all at once would leave the window no time."""
        workspace, document = self._workspace, self._workspace.document
        waiting = self._active_first(workspace.unjudged)
        if document is None or not waiting or self._jobs.is_running(JUDGE):
            return
        helps = {path.id: workspace.relaxed_bands(path.id) for path in waiting}

        def judge(progress: Progress) -> dict[int, PathResult | Exception]:
            return _one_by_one(
                waiting, lambda path: self._predict(document, path, helps[path.id]), progress
            )

        def keep(found: dict[int, PathResult | Exception]) -> None:
            workspace.set_results(found)
            self._judge()

        self._jobs.start(JUDGE, f"Predicting {_named(waiting)}", judge, keep)

    def _active_first(self, paths: Iterable[PathEntry]) -> list[PathEntry]:
        return sorted(paths, key=lambda path: path.id != self._workspace.active)

    def _predict(
        self, document: Document, path: PathEntry, helps: tuple[NebResult, ...]
    ) -> PathResult:
        from migbar.prediction import predict_path

        cell, model = parse_supercell(path.supercell), self._load()
        notes = (*document.notes, *path.remarks)

        def relaxed(band: Band) -> RelaxedBarrier | None:
            from migbar.neb import usable_barrier

            return usable_barrier(model, helps, band)

        helped = relaxed if helps else None
        return _result(predict_path(document.structure, path.hop, model, cell, notes, helped))

    def _judge_relaxed(self) -> None:
        """Judge paths again that were relaxed since, where the model can use that."""
        workspace, document = self._workspace, self._workspace.document
        for path in workspace.state.paths:
            helps = workspace.relaxed_bands(path.id)
            known = self._helped.get(path.id, 0)
            if document is None or workspace.result(path.id) is None or len(helps) <= known:
                continue
            self._helped[path.id] = len(helps)
            self._start_again(document, path, helps)

    def _start_again(
        self, document: Document, path: PathEntry, helps: tuple[NebResult, ...]
    ) -> None:
        def keep(result: PathResult) -> None:
            remarks = result.predicted.barrier.remarks
            if any(remark.code == "relaxed_barrier" for remark in remarks):
                self._workspace.set_result(path.id, result)

        self._jobs.start(
            _key(path),
            f"Predicting {path.hop.label}",
            lambda _: self._predict(document, path, helps),
            keep,
        )

    # -------------------------------------------------------------- all paths at once

    def find_all(self, cutoff: float | None = None) -> None:
        """Find all distinct hops of the current ion, and fill the table with them.

        Parameters
        ----------
        cutoff : float, optional
            Longest hop in Å; chosen by `migbar.paths.find_hops` where not given.
        """
        state, document = self._workspace.state, self._workspace.document
        if document is None:
            return
        self._cutoff = cutoff
        self._jobs.start(
            SEARCH,
            f"Finding {state.ion} paths",
            lambda progress: self._find(document, state, cutoff, progress),
            self._workspace.add_found,
        )

    def _find(
        self, document: Document, state: State, cutoff: float | None, progress: Progress
    ) -> FoundPaths:
        from migbar.paths import find_paths

        model = self._load()
        check_cancelled(progress)
        crystal = find_paths(
            document.structure,
            state.ion,
            model,
            state.mechanism,
            cutoff,
            supercell=parse_supercell(state.supercell),
            notes=document.notes,
            progress=progress,
        )
        results = []
        for path in crystal.paths:
            check_cancelled(progress)
            results.append(_result(path))
        settings = {
            "cut-off asked for": "none" if cutoff is None else f"{cutoff:g} Å",
            "supercell": state.supercell,
        }
        return FoundPaths(crystal, tuple(results), model.card, state.supercell, settings)

    def _find_way_through(self) -> None:
        """Find the way through anew once a barrier among the found paths was refined, or was calculated."""
        workspace, group = self._workspace, self._workspace.state.group
        if group is None or self._jobs.is_running(SEARCH):
            return
        known = group.found.crystal.paths
        results = [workspace.result(path.id) for path in group.paths]
        predicted = [r.predicted if r else path for r, path in zip(results, known, strict=True)]
        now = [
            path.with_barrier(workspace.counted_barrier(entry.id, path.barrier))
            for entry, path in zip(group.paths, predicted, strict=True)
        ]
        if all(a.barrier == b.barrier for a, b in zip(now, known, strict=True)):
            return

        def find(_: Progress) -> CrystalPaths:
            from migbar.paths import CrystalPaths

            crystal = group.found.crystal
            return CrystalPaths.of(crystal.search, now, crystal.places)

        self._jobs.start(
            WAY, "Finding the way through", find, lambda found: workspace.refine_found(group, found)
        )

    # -------------------------------------------------------------- bent shapes

    def _bend(self) -> None:
        """Bend what is drawn and was not bent yet, path by path."""
        workspace = self._workspace
        if not workspace.bent or self._jobs.is_running(BEND):
            return
        drawn = [path for path in workspace.drawn if path.id not in workspace.shapes]
        known = {path.id: result for path in drawn if (result := workspace.result(path.id))}
        straight = self._active_first(path for path in drawn if path.id in known)

        def bend(progress: Progress) -> dict[int, Shape | Exception]:
            return _one_by_one(straight, lambda path: _bent(known[path.id].predicted), progress)

        if straight:
            self._jobs.start(BEND, f"Bending {_named(straight)}", bend, workspace.set_shapes)

    def _note_cancelled(self, key: str) -> None:
        workspace = self._workspace
        if key == JUDGE:
            workspace.set_results({path.id: Cancelled() for path in workspace.unjudged})
        if key == BEND:
            straight = [path for path in workspace.drawn if path.id not in workspace.shapes]
            workspace.set_shapes({path.id: Cancelled() for path in straight})

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


def _named(paths: list[PathEntry]) -> str:
    return paths[0].hop.label if len(paths) == 1 else counted(len(paths), "path")


def _one_by_one(
    paths: Iterable[PathEntry], find: Callable[[PathEntry], Found], progress: Progress
) -> dict[int, Found | Exception]:
    """Return what is found of the first paths in `AT_A_TIME_S`, or why not, by their ids."""
    until = time.monotonic() + AT_A_TIME_S
    found: dict[int, Found | Exception] = {}
    for path in paths:
        check_cancelled(progress)
        try:
            found[path.id] = find(path)
        except Exception as error:
            found[path.id] = error
        if time.monotonic() > until:
            break
    return found


def _result(predicted: PredictedPath) -> PathResult:
    from migbar.bands import coordination

    return PathResult(predicted, *coordination(predicted.band))


def _bent(predicted: PredictedPath) -> Shape:
    from migbar.bands import approaches, displayed_band

    band = displayed_band(predicted.band, idpp=True)
    return Shape(band.cartesian_path, band.length, tuple(approaches(band)))
