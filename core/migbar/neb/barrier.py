"""The barrier of a relaxed band as an input of a model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from migbar.bands import Band
from migbar.barriers import Predictor
from migbar.errors import ModelError
from migbar.models.relaxed import RelaxedBarrier, RelaxedBy, TakesRelaxed
from migbar.neb.result import NebResult
from migbar.neb.settings import PRESETS, settings_from

SAME_HOP = 1.5
"""Relaxing may change the displacement of the ion and the place of an end by so much (Å); more: another hop."""


def relaxed_barrier(result: NebResult, band: Band) -> RelaxedBarrier:
    """Take the barrier of a relaxed band.

    Parameters
    ----------
    result : NebResult
    band : Band
        The path that it is to help to predict, in the same cell.

    Raises
    ------
    ModelError
        If the band that was relaxed is not that of this path, or did not converge.
    """
    first, last = result.images[0], result.images[-1]
    if sorted(first.symbols) != sorted([band.ion, *(site.specie.symbol for site in band.host)]):
        raise ModelError(
            f"the relaxed band is of {first.symbols.get_chemical_formula('reduce')} with {len(first)} "
            f"atoms, the path of a cell with {len(band.host) + 1} atoms; give the result of this hop, "
            "in this supercell."
        )
    walked = last.positions[0] - first.positions[0]
    straight = band.cartesian_path[-1] - band.cartesian_path[0]
    apart = min(np.linalg.norm(walked - straight), np.linalg.norm(walked + straight))
    if first.symbols[0] != band.ion or apart > SAME_HOP:
        raise ModelError(
            "the relaxed band is of another hop: there the ion goes from one end to the other by "
            f"{np.linalg.norm(walked):.2f} Å, here by {band.length:.2f} Å, or another way."
        )
    places = band.host.lattice.get_fractional_coords([first.positions[0], last.positions[0]])
    away = band.host.lattice.get_all_distances(places, band.path[[0, -1]])
    if min(np.diagonal(away).max(), np.diagonal(away[::-1]).max()) > SAME_HOP:
        raise ModelError(
            "the relaxed band is of another hop, as long as this one but elsewhere in the cell; give the result of "
            "this hop."
        )
    if not result.converged:
        raise ModelError(
            "the relaxed band has not converged; let it go on, then ask (on the command line: migbar neb)."
        )
    ends = {"relax_ends": result.ends_relaxed}
    preset = next((p for p in PRESETS if result.settings == settings_from(p, ends)), "changed")
    kind = RelaxedBy(result.potential.name, preset, result.ends_relaxed)
    return RelaxedBarrier(result.barrier_ev, kind)


def usable_barrier(
    model: Predictor, results: Iterable[NebResult], band: Band
) -> RelaxedBarrier | None:
    """Return the barrier of the first relaxed band that a model can use for a path, if there is one.

    Parameters
    ----------
    model : Predictor
    results : iterable of NebResult
        Relaxed bands of the path, by whatever potential.
    band : Band
        The path.
    """
    kind = model.takes if isinstance(model, TakesRelaxed) else None
    for result in results if kind is not None else ():
        try:
            barrier = relaxed_barrier(result, band)
        except ModelError:  # not converged, or of another supercell
            continue
        if barrier.by == kind:
            return barrier
    return None
