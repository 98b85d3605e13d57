"""From a hop to its barrier: the one road that the window, the command line and scripts share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core import Structure

from migbar.bands import CLASH_FRACTION, Approach, Band, approaches, clash_limit
from migbar.barriers import Barrier, Predictor, Remark
from migbar.hops import Hop, Mechanism
from migbar.progress import SILENT, Progress
from migbar.supercells import Matrix, choose_supercell, make_band

if TYPE_CHECKING:
    from migbar.models.relaxed import RelaxedBarrier


@dataclass(frozen=True, slots=True)
class PredictedPath:
    """A hop, the band that was judged, and the barrier a model gave it.

    Attributes
    ----------
    hop : Hop
    supercell : ndarray of int, shape (3, 3)
        Rows are the supercell's vectors in those of the cell as read.
    band : Band
        The straight band with three images in the supercell.
    approaches : tuple of Approach
        For each of the five positions the host atom that leaves the least room.
    barrier : Barrier
    remarks : tuple of Remark
        Everything a user should know about this number.
    """

    hop: Hop
    supercell: Matrix
    band: Band
    approaches: tuple[Approach, ...]
    barrier: Barrier
    remarks: tuple[Remark, ...]

    @property
    def length(self) -> float:
        """Length of the straight path in Å."""
        return self.band.length

    def with_barrier(self, barrier: Barrier) -> PredictedPath:
        """Return the path with another barrier, and with its remarks in the place of the former one's."""
        kept = [remark for remark in self.remarks if remark not in self.barrier.remarks]
        return replace(self, barrier=barrier, remarks=(*kept, *barrier.remarks))


def predict_path(
    structure: Structure,
    hop: Hop,
    model: Predictor | None = None,
    supercell: Matrix | None = None,
    notes: Sequence[Remark] = (),
    relaxed: Callable[[Band], RelaxedBarrier | None] | None = None,
) -> PredictedPath:
    """Predict the barrier of one hop (see `predict_paths`).

    Parameters
    ----------
    structure, hop, model, supercell, notes
        See `predict_paths`.
    relaxed : callable, optional
        Gives, for the band that is judged, the barrier of the relaxed one (`migbar.neb.relaxed_barrier`) to
        predict with its help, or None.

    Raises
    ------
    SupercellError, SiteError
        If the hop does not fit the supercell.
    ModelError
        If the relaxed band is of another hop, or of a kind that the model does not take.
    """
    if relaxed is not None:
        from migbar.models.relaxed import predict_with_relaxed

        model = _default(model)
        supercell = choose_supercell(structure, hop) if supercell is None else supercell
        band = make_band(structure, hop, supercell)
        barrier = relaxed(band)
        if barrier is not None:
            barriers = predict_with_relaxed(model, [band], [barrier])
            return _describe(hop, np.asarray(supercell), band, barriers[0], notes)
    return predict_paths(structure, [hop], model, supercell, notes)[0]


def predict_paths(
    structure: Structure,
    hops: Sequence[Hop],
    model: Predictor | None = None,
    supercell: Matrix | None = None,
    notes: Sequence[Remark] = (),
    progress: Progress = SILENT,
) -> list[PredictedPath]:
    """Predict the barriers of several hops in one structure.

    Parameters
    ----------
    structure : Structure
        The ordered structure that the hops were made in.
    hops : sequence of Hop
    model : Predictor, optional
        The default model where not given.
    supercell : ndarray of int, shape (3, 3), optional
        Chosen for each hop where not given.
    notes : sequence of Remark
        What is to be said about the structure in every result, for example how it was ordered.
    progress : Progress

    Raises
    ------
    SupercellError, SiteError
        If a hop does not fit the supercell.
    """
    model = _default(model)
    cells = [choose_supercell(structure, hop) if supercell is None else supercell for hop in hops]
    bands = [make_band(structure, hop, cell) for hop, cell in zip(hops, cells, strict=True)]
    barriers = model.predict(bands, progress)
    return [
        _describe(hop, np.asarray(cell), band, barrier, notes)
        for hop, cell, band, barrier in zip(hops, cells, bands, barriers, strict=True)
    ]


def _default(model: Predictor | None) -> Predictor:
    if model is not None:
        return model
    from migbar.models.store import load_model

    return load_model()


def _describe(
    hop: Hop, cell: Matrix, band: Band, barrier: Barrier, notes: Sequence[Remark]
) -> PredictedPath:
    near = tuple(approaches(band))
    remarks = (*notes, *_emptied_remarks(hop, band), *_clash_remarks(near, band), *barrier.remarks)
    return PredictedPath(hop, cell, band, near, barrier, remarks)


def _emptied_remarks(hop: Hop, band: Band) -> list[Remark]:
    if hop.mechanism is not Mechanism.VACANCY or hop.ion in band.host.symbol_set:
        return []
    text = (
        f"No further {hop.ion} is left in this supercell: the number is that of the charged limit (single ion), not of "
        "a vacancy among ions. Take a larger supercell."
    )
    return [Remark("no_ion_left", text)]


def _clash_remarks(near: Sequence[Approach], band: Band) -> list[Remark]:
    """Warn, once for a path, where images come too close to the host; the ends are where they are."""
    clashes = [a for a in near[1:-1] if a.clashes(band.ion)]
    if not clashes:
        return []
    worst = min(clashes, key=lambda a: round(a.distance, 3))  # of images that are alike the first
    limit = clash_limit(band.ion, worst.element)
    count = f"; {len(clashes)} of {band.n_images} images are too close" if len(clashes) > 1 else ""
    text = (
        f"At image {worst.image} the path comes within {worst.distance:.2f} Å of {worst.element}, under {limit:.2f} Å "
        f"({100 * CLASH_FRACTION:.0f} % of the ionic radii's sum){count}. The true path bends around it."
    )
    return [Remark("close_approach", text)]
