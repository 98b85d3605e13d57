"""What was found out about the open structure and its paths. Not undone: it stays true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from migbar.voids import Void
from migbar_gui.workspace.document import Simulated
from migbar_gui.workspace.events import Event
from migbar_gui.workspace.paths import PathResult, Shape

if TYPE_CHECKING:
    from migbar.barriers import Barrier
    from migbar.landscape import Landscape
    from migbar.neb import NebResult
    from migbar_gui.computing.relaxed import RelaxedPath, VolumeResult


class Findings:
    """Results as they arrive from other threads and processes.

    Attributes
    ----------
    results : mapping of int to PathResult or Exception
        By path id; a path without an entry has not been judged yet.
    shapes : mapping of int to Shape or Exception
        Bent paths by path id, as far as they are known.
    voids : tuple of Void or None
        Candidates for the current ion, None until they were searched for.
    landscape : Landscape or None
        Site-energy map of the current ion, None until it was computed.
    relaxed : tuple of RelaxedPath
        Paths that were relaxed with a potential, the latest last.
    volumes : tuple of VolumeResult
        Barriers of paths at several volumes, the latest last.
    simulated : tuple of Simulated
        Molecular dynamics of this and of other structures, the latest last.
    """

    def __init__(self) -> None:
        self._results: dict[int, PathResult | Exception] = {}
        self._shapes: dict[int, Shape | Exception] = {}
        self.voids: tuple[Void, ...] | None = None
        self.landscape: Landscape | None = None
        self.relaxed: tuple[RelaxedPath, ...] = ()
        self.volumes: tuple[VolumeResult, ...] = ()
        self.simulated: tuple[Simulated, ...] = ()
        self.result_arrived = Event()
        self.shapes_changed = Event()
        self.voids_changed = Event()
        self.landscape_changed = Event()
        self.relaxed_changed = Event()
        self.simulated_changed = Event()
        self.anything_changed = Event()

    @property
    def results(self) -> Mapping[int, PathResult | Exception]:
        """What is known of the paths, by path id."""
        return self._results

    @property
    def shapes(self) -> Mapping[int, Shape | Exception]:
        """Bent paths by path id, as far as they are known."""
        return self._shapes

    def result(self, path_id: int | None) -> PathResult | None:
        """Return the result of a path, None while there is none or where it failed."""
        found = self._results.get(path_id) if path_id is not None else None
        return found if isinstance(found, PathResult) else None

    def relaxed_of(self, path_id: int | None) -> RelaxedPath | None:
        """Return the latest relaxation of a path."""
        own = [relaxed for relaxed in self.relaxed if relaxed.path_id == path_id]
        return own[-1] if own and path_id is not None else None

    def relaxed_bands(self, path_id: int) -> tuple[NebResult, ...]:
        """Return what all relaxations of a path gave, the latest first."""
        own = [relaxed.result for relaxed in self.relaxed if relaxed.path_id == path_id]
        return tuple(reversed(own))

    def counted_barrier(self, path_id: int | None, predicted: Barrier) -> Barrier:
        """Return what is counted with: the barrier of the latest calculation that has converged, or the predicted."""
        found = [r.result for r in self.relaxed if r.path_id == path_id and path_id is not None]
        calculated = [r.calculated for r in found if r.potential.calculated and r.converged]
        return calculated[-1] if calculated else predicted

    def set_result(self, path_id: int, result: PathResult | Exception) -> None:
        """Keep what was found for a path, or why it failed."""
        self.set_results({path_id: result})

    def set_results(self, results: Mapping[int, PathResult | Exception]) -> None:
        """Keep what was found for paths, or why they failed, by path id."""
        self._results |= results
        self.result_arrived.emit(tuple(results))
        self.anything_changed.emit()

    def set_shapes(self, shapes: Mapping[int, Shape | Exception]) -> None:
        """Keep bent paths, or why they could not be found, by path id."""
        self._shapes |= shapes
        self.shapes_changed.emit()

    def set_voids(self, voids: Iterable[Void]) -> None:
        """Keep the voids that were found for the current ion."""
        self.voids = tuple(voids)
        self.voids_changed.emit()

    def set_landscape(self, landscape: Landscape) -> None:
        """Keep the site-energy map of the current ion."""
        self.landscape = landscape
        self.landscape_changed.emit()

    def set_relaxed(self, relaxed: RelaxedPath, newly: bool = True) -> None:
        """Keep a relaxed path, the latest; what the same run gave before is replaced, where it stands if not newly."""
        kept = [other for other in self.relaxed if other.folder != relaxed.folder]
        folders = [other.folder for other in self.relaxed]
        stands = not newly and relaxed.folder in folders
        place = folders.index(relaxed.folder) if stands else len(kept)
        self.relaxed = (*kept[:place], relaxed, *kept[place:])
        self.relaxed_changed.emit()
        self.anything_changed.emit()

    def set_volume_result(self, volume: VolumeResult) -> None:
        """Keep the barriers of a path at several volumes."""
        kept = [other for other in self.volumes if other.folder != volume.folder]
        self.volumes = (*kept, volume)
        self.relaxed_changed.emit()

    def add_simulated(self, simulated: Simulated) -> None:
        """Keep what molecular dynamics gave; what the same run gave before is replaced."""
        if simulated not in self.simulated:
            kept = (other for other in self.simulated if other.folder != simulated.folder)
            self.simulated = (*kept, simulated)
            self.simulated_changed.emit()

    def forget_simulated(self, folder: Path) -> None:
        """Forget what a run gave."""
        kept = tuple(other for other in self.simulated if other.folder != folder)
        if kept != self.simulated:
            self.simulated = kept
            self.simulated_changed.emit()
