"""How the kinds of places of an ion differ in energy, by a universal potential."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Structure

from migbar.barriers import Remark
from migbar.errors import MigbarError
from migbar.files import write_text
from migbar.hops import Mechanism, Point
from migbar.progress import SILENT, Progress
from migbar.supercells import Matrix, atom_at, choose_supercell
from migbar.wording import counted

if TYPE_CHECKING:
    from migbar.paths import HopSearch
    from migbar.potentials import Potential

STAYS = 1.0
"""Where an atom moves farther than this (Å) while a place is relaxed, it is another state: the ion has left its
place, another one has filled the vacancy, or the crystal around gives way."""

FORCE = 0.05
"""Largest force left, eV/Å: as for the ends of a band."""

MOST_STEPS = 300

DONE = "places.json"
"""What a run has done: energy (eV), whether the carrier stayed, whether it is converged, for each place."""


class PlacesError(MigbarError):
    """Raised when data are no energies of places, or there are no places to compare."""


@dataclass(frozen=True, slots=True)
class PlaceEnergies:
    """Energies of the kinds of places of an ion.

    Attributes
    ----------
    kinds : tuple of int
        The first node of each kind (`migbar.paths.HopSearch.kinds`).
    energies_ev : tuple of float
        Of the crystal with the carrier at a place of the kind, above the lowest one. The carrier is the
        vacancy where ions hop into vacancies, and else the ion.
    stays : tuple of bool
        Whether the carrier stayed there, and all atoms at their places, while the crystal was relaxed around it.
    converged : bool
    potential : str
        Name and version.
    """

    kinds: tuple[int, ...]
    energies_ev: tuple[float, ...]
    stays: tuple[bool, ...]
    converged: bool
    potential: str

    def __post_init__(self) -> None:
        if not len(set(self.kinds)) == len(self.energies_ev) == len(self.stays):
            raise PlacesError("these are no energies of places: numbers are missing.")
        if not (np.isfinite(self.energies_ev).all() and min(self.energies_ev, default=1) == 0):
            raise PlacesError("these are no energies of places: they do not count from the lowest.")

    def of_nodes(self, kinds: Sequence[int]) -> tuple[float, ...]:
        """Return the energy of every node, by its kind.

        Raises
        ------
        PlacesError
            If these are the kinds of other places.
        """
        if set(self.kinds) != set(kinds):
            raise PlacesError("these are the energies of other places than those of the paths.")
        known = dict(zip(self.kinds, self.energies_ev, strict=True))
        return tuple(known[kind] for kind in kinds)

    @property
    def remarks(self) -> list[Remark]:
        """What a user should know about them."""
        text = (
            f"The {counted(len(self.kinds), 'kind')} of places differ in energy by up to "
            f"{max(self.energies_ev):.3f} eV by {self.potential}; ways through are counted from the best one."
        )
        found = [Remark("place_energies", text)]
        if not all(self.stays):
            left = len(self.stays) - sum(self.stays)
            text = (
                f"At {counted(left, 'kind')} of places nothing stays, or the crystal around gives way: it relaxed into "
                "another state, whose energy it is that is told."
            )
            found.append(Remark("place_left", text))
        if not self.converged:
            text = f"The energies of the places are not converged to {FORCE:g} eV/Å."
            found.append(Remark("places_not_converged", text))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        return {
            "kinds": list(self.kinds),
            "energies_ev": list(self.energies_ev),
            "stays": list(self.stays),
            "converged": self.converged,
            "potential": self.potential,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PlaceEnergies:
        """Read what `to_dict` gives.

        Raises
        ------
        PlacesError
            If it is something else.
        """
        try:
            kinds = tuple(int(kind) for kind in data["kinds"])
            energies = tuple(float(energy) for energy in data["energies_ev"])
            stays = tuple(bool(stays) for stays in data["stays"])
            ending = bool(data["converged"]), str(data["potential"])
        except (KeyError, TypeError, ValueError) as error:
            raise PlacesError(f"these are no energies of places ({error!r}).") from None
        return cls(kinds, energies, stays, *ending)


def place_energies(
    structure: Structure, search: HopSearch, potential: Potential, progress: Progress = SILENT
) -> PlaceEnergies:
    """Relax the crystal with the carrier at one place of each kind, in a fixed cell.

    Parameters
    ----------
    structure : Structure
        The ordered structure that the hops were found in.
    search : HopSearch
    potential : Potential
    progress : Progress

    Raises
    ------
    PlacesError
        If there is no hop, so nothing to compare.
    PotentialError
        If the potential does not know an element.
    RelaxationError
        If the crystal falls apart.
    Cancelled
        If the user stops it.
    """
    return _relaxed(place_options(structure, search), potential, progress)


def place_options(structure: Structure, search: HopSearch) -> dict[str, Any]:
    """Return the options of a run of the task ``places``, but for the potential.

    Raises
    ------
    PlacesError
        If there is no hop, so nothing to compare.
    """
    if not search.hops:
        raise PlacesError(f"no hop of {search.ion} was found, so there are no places to compare.")
    kinds = sorted(set(search.kinds))
    return {
        "structure": structure.as_dict(),
        "ion": search.ion,
        "mechanism": str(search.mechanism),
        "supercell": choose_supercell(structure, search.hops[0].hop).tolist(),
        "kinds": kinds,
        "points": [list(search.nodes[kind].frac_coords) for kind in kinds],
    }


def run(folder: Path, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Find the energies of places as a run (see `migbar.runs`); options as of `place_options`, and the potential.

    Places that were done before the run was stopped are not done again.
    """
    from migbar.potentials import load_potential

    device, trust = options.get("device", "auto"), bool(options.get("trust_file"))
    potential = load_potential(options["potential"], device, trust_file=trust)
    found = _relaxed(options, potential, progress, folder)
    return {**found.to_dict(), "text": f"up to {max(found.energies_ev):.3f} eV apart"}


def carrier_at(
    structure: Structure, ion: str, mechanism: Mechanism, point: Point, supercell: Matrix
) -> Structure:
    """Return a supercell with the carrier at a point of the structure: without this ion, or with an ion there."""
    cell = structure.make_supercell(supercell, to_unit_cell=False, in_place=False)
    place = np.array(point) @ np.linalg.inv(supercell)
    if mechanism is Mechanism.VACANCY:
        cell.remove_sites([atom_at(cell, ion, place)])
        return cell
    if mechanism is Mechanism.SINGLE_ION:
        cell.remove_species([ion])
    cell.append(ion, place)
    return cell


def _relaxed(
    options: Mapping[str, Any],
    potential: Potential,
    progress: Progress,
    folder: Path | None = None,
) -> PlaceEnergies:
    from pymatgen.io.ase import AseAtomsAdaptor

    from migbar.relaxation import RelaxationSettings, relax_structure

    structure, ion = Structure.from_dict(options["structure"]), str(options["ion"])
    mechanism, supercell = Mechanism(options["mechanism"]), np.array(options["supercell"], int)
    settings = RelaxationSettings(
        cell=False, keep_symmetry=False, force_ev_per_angstrom=FORCE, steps=MOST_STEPS
    )
    done = _kept(folder)
    points = options["points"]
    for number, point in enumerate(points[len(done) :], start=len(done) + 1):
        told = _Within(progress, number, len(points))
        state = carrier_at(structure, ion, mechanism, point, supercell)
        relaxed = relax_structure(state, potential, settings, told)
        atoms = AseAtomsAdaptor.get_atoms(relaxed.after, msonable=False)
        energy = float(potential.evaluate([atoms])[0].energy)
        stays = bool(relaxed.displacements.max() < STAYS)
        done.append((energy, stays, relaxed.converged))
        if folder is not None:
            write_text(folder / DONE, json.dumps(done))
    energies, stayed, converged = zip(*done, strict=True)
    lowest = min(energies)
    return PlaceEnergies(
        tuple(options["kinds"]),
        tuple(energy - lowest for energy in energies),
        stayed,
        all(converged),
        str(potential.provenance),
    )


def _kept(folder: Path | None) -> list[tuple[float, bool, bool]]:
    if folder is None or not (folder / DONE).exists():
        return []
    kept = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return [(float(energy), bool(stays), bool(converged)) for energy, stays, converged in kept]


class _Within:
    """Tells how many places are done, and of each message which one it is about."""

    def __init__(self, progress: Progress, number: int, places: int) -> None:
        self._progress, self._number, self._places = progress, number, places

    def report(self, done: int, total: int, message: str = "") -> None:
        about = f"place {self._number} of {self._places}, {message}"
        self._progress.report(self._number - 1, self._places, about)

    def cancelled(self) -> bool:
        return self._progress.cancelled()
