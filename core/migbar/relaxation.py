"""Relax a crystal, its cell with it, before hops are looked for in it; and how much it changed by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.errors import MigbarError
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.structures import require_ordered
from migbar.wording import with_minus

if TYPE_CHECKING:
    from ase import Atoms

    from migbar.potentials import Potential

GPA = 160.21766
"""GPa in an eV/Å³."""


class RelaxationError(MigbarError):
    """Raised when a crystal cannot be relaxed, or data are not the result of a relaxation."""


@dataclass(frozen=True, slots=True)
class RelaxationSettings:
    """How a crystal is relaxed.

    Attributes
    ----------
    cell : bool
        Whether the cell relaxes too.
    keep_symmetry : bool
        Whether the space group is kept, so that equivalent hops stay equivalent.
    force_ev_per_angstrom : float
        Largest force on an atom, and on the cell per atom, at which it is converged.
    steps : int
        Most steps.
    """

    cell: bool = True
    keep_symmetry: bool = True
    force_ev_per_angstrom: float = 0.02
    steps: int = 500


@dataclass(frozen=True, slots=True)
class RelaxedStructure:
    """A crystal before and after its relaxation.

    Attributes
    ----------
    before, after : Structure
        Sites in the same order.
    energy_change_ev : float
        Of the whole cell; not positive for a sound relaxation.
    force_ev_per_angstrom : float
        Largest force that is left on an atom.
    pressure_gpa : float
        What is left of it; it is not relaxed where the cell stayed as it was.
    converged : bool
    steps : int
    potential : str
        Name and version.
    """

    before: Structure
    after: Structure
    energy_change_ev: float
    force_ev_per_angstrom: float
    pressure_gpa: float
    converged: bool
    steps: int
    potential: str

    @property
    def volume_change(self) -> float:
        """Change in volume as a fraction of the one before."""
        return float(self.after.volume / self.before.volume - 1)

    @property
    def length_changes(self) -> NDArray[np.float64]:
        """Changes of a, b and c as fractions, shape (3,)."""
        return np.array(self.after.lattice.abc) / np.array(self.before.lattice.abc) - 1

    @property
    def angle_changes(self) -> NDArray[np.float64]:
        """Changes of α, β and γ in degrees, shape (3,)."""
        return np.array(self.after.lattice.angles) - np.array(self.before.lattice.angles)

    @property
    def displacements(self) -> NDArray[np.float64]:
        """How far each atom moved in Å, beside the strain and a shift of all, shape (n,)."""
        moved = self.after.frac_coords - self.before.frac_coords
        moved -= np.round(moved)
        moved -= moved.mean(axis=0)
        return np.linalg.norm(self.after.lattice.get_cartesian_coords(moved), axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        return {
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "energy_change_ev": self.energy_change_ev,
            "force_ev_per_angstrom": self.force_ev_per_angstrom,
            "pressure_gpa": self.pressure_gpa,
            "converged": self.converged,
            "steps": self.steps,
            "potential": self.potential,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RelaxedStructure:
        """Read what `to_dict` gives.

        Raises
        ------
        RelaxationError
            If it is something else.
        """
        try:
            structures = {name: Structure.from_dict(data[name]) for name in ("before", "after")}
            numbers = {
                name: float(data[name])
                for name in ("energy_change_ev", "force_ev_per_angstrom", "pressure_gpa")
            }
            ending = bool(data["converged"]), int(data["steps"]), str(data["potential"])
        except (KeyError, TypeError, ValueError) as error:
            raise RelaxationError(f"this is no relaxed structure ({error!r}).") from None
        return cls(
            **structures, **numbers, converged=ending[0], steps=ending[1], potential=ending[2]
        )


def relax_structure(
    structure: Structure,
    potential: Potential,
    settings: RelaxationSettings | None = None,
    progress: Progress = SILENT,
) -> RelaxedStructure:
    """Relax a crystal with a potential, by FIRE.

    The cell follows its stress by the exponential of the deformation gradient (ASE's
    ``FrechetCellFilter``); the symmetry is kept by projecting forces and stresses (``FixSymmetry``).

    Raises
    ------
    OccupancyError
        If the structure is partly occupied.
    PotentialError
        If the potential does not know an element.
    RelaxationError
        If the crystal falls apart, or the potential has no stress for the cell.
    Cancelled
        If the user stops it.
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE
    from pymatgen.io.ase import AseAtomsAdaptor

    from migbar.potentials import require_elements

    settings = settings or RelaxationSettings()
    require_ordered(structure)
    require_elements(potential, [site.specie.symbol for site in structure])
    atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
    atoms.calc = potential.calculator()
    if settings.keep_symmetry:
        from ase.constraints import FixSymmetry

        atoms.set_constraint(FixSymmetry(atoms, symprec=0.01, verbose=False))
    (first,) = potential.evaluate([atoms])
    if settings.cell and "stress" not in atoms.calc.implemented_properties:
        raise RelaxationError(
            f"{potential.provenance.name} gives no stress; relax the atoms in a fixed cell."
        )
    steps, reached = 0, False
    optimizer = FIRE(FrechetCellFilter(atoms) if settings.cell else atoms, logfile=None)
    for converged in optimizer.irun(fmax=settings.force_ev_per_angstrom, steps=settings.steps):
        check_cancelled(progress)
        force, steps, reached = _largest_force(atoms), optimizer.nsteps, bool(converged)
        progress.report(steps, 0, f"step {steps}: largest force {force:.3f} eV/Å")
        if not (np.isfinite(force) and 0.5 < atoms.get_volume() / structure.volume < 2):
            raise RelaxationError(
                "The crystal falls apart while it relaxes: this potential does not describe it. Try another one."
            )
    return RelaxedStructure(
        structure,
        _with_positions(structure, atoms),
        float(atoms.get_potential_energy() - first.energy),
        _largest_force(atoms),
        _pressure(atoms),
        reached,
        steps,
        str(potential.provenance),
    )


def relax_task(folder: Path, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Relax a crystal as a run (see `migbar.runs`).

    Parameters
    ----------
    folder : Path
        Not used; the result is all there is.
    options : mapping
        ``structure`` (pymatgen's), ``potential``, ``device``, ``trust_file``, ``settings``.
    progress : Progress
    """
    from migbar.potentials import load_potential

    device, trust = options.get("device", "auto"), bool(options.get("trust_file"))
    potential = load_potential(options["potential"], device, trust_file=trust)
    structure = Structure.from_dict(options["structure"])
    settings = RelaxationSettings(**options.get("settings", {}))
    relaxed = relax_structure(structure, potential, settings, progress)
    text = with_minus(f"volume {100 * relaxed.volume_change:+.2f} %")
    return {**relaxed.to_dict(), "text": text}


def _largest_force(atoms: Atoms) -> float:
    return float(np.linalg.norm(atoms.get_forces(), axis=1).max())


def _pressure(atoms: Atoms) -> float:
    try:
        return float(-np.trace(atoms.get_stress(voigt=False)) / 3 * GPA)
    except NotImplementedError:
        return float("nan")


def _with_positions(structure: Structure, atoms: Atoms) -> Structure:
    """Return the structure, its labels and properties too, with the atoms and the cell elsewhere."""
    from pymatgen.core import Lattice

    return Structure(
        Lattice(atoms.cell.array),
        [site.species for site in structure],
        atoms.positions,
        coords_are_cartesian=True,
        site_properties=structure.site_properties,
        labels=structure.labels,
    )
