"""How a barrier depends on the volume: the band relaxed in cells that are a little smaller and larger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Structure

from migbar.bands import Band
from migbar.neb.relaxation import endpoints, relax_band
from migbar.neb.result import NebResult, write_result
from migbar.neb.settings import NebError, NebSettings
from migbar.neb.task import meant_by
from migbar.potentials import Potential
from migbar.progress import SILENT, Part, Progress, check_cancelled

CHANGES = (-0.02, 0.0, 0.02)
"""Changes in volume, as fractions, at which the band is relaxed."""


@dataclass(frozen=True, slots=True)
class VolumeDependence:
    """Barriers of one band at several volumes.

    Attributes
    ----------
    changes : tuple of float
        Changes in volume as fractions.
    barriers_ev : tuple of float
    converged : tuple of bool
    potential : str
        Name and version.
    """

    changes: tuple[float, ...]
    barriers_ev: tuple[float, ...]
    converged: tuple[bool, ...]
    potential: str

    @property
    def slope_ev(self) -> float:
        """Change of the barrier in eV for one percent more volume, from the line of least squares."""
        return float(np.polyfit(np.array(self.changes) * 100, self.barriers_ev, 1)[0])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        return {
            "volume_changes": list(self.changes),
            "barriers_ev": list(self.barriers_ev),
            "converged": list(self.converged),
            "potential": self.potential,
            "slope_ev_per_percent": self.slope_ev,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VolumeDependence:
        """Read what `to_dict` gives.

        Raises
        ------
        NebError
            If it is something else.
        """
        try:
            return cls(
                tuple(float(x) for x in data["volume_changes"]),
                tuple(float(x) for x in data["barriers_ev"]),
                tuple(bool(x) for x in data["converged"]),
                str(data["potential"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NebError(f"these are no barriers at several volumes ({error!r}).") from None


def scaled(band: Band, change: float) -> Band:
    """Return the band in a cell of another volume, fractional coordinates as they are.

    Parameters
    ----------
    band : Band
    change : float
        Change in volume as a fraction.
    """
    lattice = band.host.lattice.scale(band.host.volume * (1 + change))
    host = Structure(lattice, band.host.species, band.host.frac_coords)
    return Band(host, band.ion, band.path)


def volume_dependence(
    band: Band,
    potential: Potential,
    settings: NebSettings | None = None,
    changes: Sequence[float] = CHANGES,
    *,
    folder: str | Path,
    progress: Progress = SILENT,
) -> VolumeDependence:
    """Relax a band at several volumes; what is relaxed in the folder already is not relaxed again.

    Parameters
    ----------
    band : Band
    potential : Potential
    settings : NebSettings, optional
        The preset ``paper`` where not given.
    changes : sequence of float
        Changes in volume as fractions, two or more.
    folder : path
        Gets a folder for each volume, as `migbar.neb.write_result` fills it.
    progress : Progress

    Raises
    ------
    NebError
        If there are fewer than two volumes, a band cannot be relaxed, or the folder holds another one's.
    Cancelled
        If the user stops it; the present volume goes on from its last step the next time.
    """
    if len(set(changes)) < 2:
        raise NebError("A barrier against the volume needs two volumes or more.")
    results: list[NebResult] = []
    for number, change in enumerate(changes):
        place = Path(folder) / f"{change:+.3f}"
        check_cancelled(progress)
        part = Part(progress, number, len(changes), f"volume {change:+.1%}")
        ends = endpoints(scaled(band, change))
        result = relax_band(*ends, potential, settings, folder=place, progress=part)
        check_cancelled(progress)
        write_result(result, place)
        results.append(result)
    return VolumeDependence(
        tuple(changes),
        tuple(result.barrier_ev for result in results),
        tuple(result.converged for result in results),
        str(potential.provenance),
    )


def run(folder: Path, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Do `volume_dependence` as a run of the task ``volume`` (`migbar.runs`).

    Parameters
    ----------
    folder : Path
    options : mapping
        Those of `migbar.neb.task.neb_options`; ``volume_changes`` in place of `CHANGES`.
    progress : Progress
    """
    band, potential, settings = meant_by(options)
    changes = [float(change) for change in options.get("volume_changes", CHANGES)]
    return volume_dependence(
        band, potential, settings, changes, folder=folder, progress=progress
    ).to_dict()


def slope_text(dependence: VolumeDependence) -> str:
    """Say in a few words how the barrier depends on the volume."""
    direction = "falls" if dependence.slope_ev < 0 else "rises"
    return f"{direction} by {abs(dependence.slope_ev):.3f} eV for each percent more volume"
