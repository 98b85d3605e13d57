"""The simulation itself: the cell, and Newton's equations at a temperature."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.dynamics.settings import (
    LIGHT_STEP_FS,
    USUAL_STEP_FS,
    DynamicsError,
    DynamicsSettings,
    FallsApartError,
)
from migbar.dynamics.trajectory import (
    FRAME_FS,
    Standing,
    Trajectory,
    read_standing,
    trajectory_file,
    write_trajectory,
)
from migbar.errors import Cancelled
from migbar.potentials import NoNumberError, require_elements
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.structures import MAX_ATOMS, formula, require_ordered
from migbar.supercells import Matrix, choose_supercell
from migbar.voids import find_voids
from migbar.wording import counted

if TYPE_CHECKING:
    from ase import Atoms

    from migbar.potentials import Potential

THERMOSTAT_FS = 100.0
"""Time in which the thermostat forgets: long beside a swing of an atom, so that it leaves ways and times alone."""

SAVE_EVERY_S = 30.0

TOO_HOT = 4.0
"""A crystal so many times hotter than it should be has run away."""

FEWEST_ATOMS = 8
"""The temperature of fewer swings so far that it cannot be told from that of a crystal that falls apart."""

HYDROGEN = "H"


def usual_step_fs(structure: Structure, ion: str) -> float:
    """Return a time step that is short enough for the lightest atom of a structure, or for the ion put into it."""
    symbols = {ion, *(site.specie.symbol for site in structure)}
    return LIGHT_STEP_FS if HYDROGEN in symbols else USUAL_STEP_FS


def simulated_cell(
    structure: Structure, ion: str, carriers: int, supercell: Matrix | None = None
) -> Structure:
    """Return the supercell that is simulated, with its vacancies or further ions as far apart as they can be.

    Parameters
    ----------
    structure : Structure
        Ordered.
    ion : str
    carriers : int
        Vacancies that are made where the structure holds the ion, else ions that are put into its roomiest voids.
    supercell : ndarray of int, shape (3, 3), optional
        That of `migbar.supercells.choose_supercell` where not given.

    Raises
    ------
    OccupancyError
        If the structure is partly occupied.
    DynamicsError
        If no ion is left to move, there is no room for the ions, or the cell is too small or too large.
    """
    require_ordered(structure)
    matrix = choose_supercell(structure) if supercell is None else supercell
    n_atoms = round(abs(np.linalg.det(matrix)) * len(structure))
    if n_atoms < FEWEST_ATOMS:
        raise DynamicsError(
            f"the simulated cell holds {counted(n_atoms, 'atom')}, too few for a temperature; take a larger supercell."
        )
    if n_atoms > MAX_ATOMS:
        raise DynamicsError(
            f"the supercell holds {n_atoms:,} atoms; at most {MAX_ATOMS:,} can be worked with."
        )
    cell = structure.make_supercell(matrix, to_unit_cell=False, in_place=False)
    cell = Structure(cell.lattice, [site.specie for site in cell], cell.frac_coords)
    ions = [i for i, site in enumerate(cell) if site.specie.symbol == ion]
    if ions:
        if carriers >= len(ions):
            raise DynamicsError(
                f"the simulated cell holds {len(ions)} {ion}; with {carriers} vacancies none is left to move. "
                "Make fewer vacancies, or take a larger supercell."
            )
        apart = _spread_out(cell, cell.frac_coords[ions], carriers)
        cell.remove_sites([ions[i] for i in apart])
        return cell
    points = _roomiest(structure, ion, matrix)
    if not 0 < carriers <= len(points):
        raise DynamicsError(
            f"{formula(structure)} holds no {ion}, and the simulated cell has {len(points)} voids of its roomiest "
            f"kind; give 1 to {len(points)} carriers to put in."
            if len(points)
            else f"{formula(structure)} holds no {ion}, and has no void with room for it."
        )
    for i in _spread_out(cell, points, carriers):
        cell.append(ion, points[i])
    return cell


def simulate(
    cell: Structure,
    kelvin: float,
    potential: Potential,
    settings: DynamicsSettings,
    folder: Path | None = None,
    progress: Progress = SILENT,
) -> Trajectory:
    """Simulate a cell at a temperature and constant volume, or go on with what the folder holds.

    Velocity Verlet with the velocities rescaled at random (Bussi, Donadio and Parrinello,
    J. Chem. Phys. 126, 014101 (2007)); the centre of mass stays where it is.

    Parameters
    ----------
    cell : Structure
        What is simulated, as it is.
    kelvin : float
    potential : Potential
    settings : DynamicsSettings
    folder : Path, optional
        Where it is saved now and then.
    progress : Progress
        Told of picoseconds.

    Raises
    ------
    PotentialError
        If the potential does not know an element.
    FallsApartError
        If the crystal does not hold together.
    DynamicsError
        If the folder holds another simulation.
    Cancelled
        If the user stops it; what was done is saved.
    """
    require_elements(potential, [site.specie.symbol for site in cell])
    return _Simulation(cell, kelvin, potential, settings, folder).run(progress)


class _Simulation:
    """One cell at one temperature."""

    def __init__(
        self,
        cell: Structure,
        kelvin: float,
        potential: Potential,
        settings: DynamicsSettings,
        folder: Path | None,
    ) -> None:
        from ase import units
        from ase.md.bussi import Bussi

        from migbar.potentials.calculator import PotentialCalculator

        self._kelvin, self._settings = kelvin, settings
        self._every = max(1, round(FRAME_FS / settings.step_fs))
        self._first = round(1000 * settings.warm_up_ps / settings.step_fs)
        n_frames = round(1000 * settings.length_ps / settings.step_fs) // self._every
        self._last = self._first + n_frames * self._every
        self._path = trajectory_file(folder, kelvin) if folder is not None else None
        self._mark = _mark(cell, kelvin, potential, settings)
        self._random = np.random.default_rng(settings.seed)
        self._frames: list[NDArray[np.float32]] = []
        self._temperatures: list[float] = []
        self._steps = 0
        self._atoms = _at_rest(cell)
        self._atoms.calc = PotentialCalculator(potential)
        if not self._go_on():
            _set_moving(self._atoms, kelvin, self._random)
        self._standing = self._stand()
        self._motion = Bussi(
            self._atoms,
            settings.step_fs * units.fs,
            temperature_K=kelvin,
            taut=THERMOSTAT_FS * units.fs,
            rng=self._random,
        )

    def run(self, progress: Progress) -> Trajectory:
        """Do the steps that are left."""
        saved = time.monotonic()
        try:
            while self._steps < self._last:
                check_cancelled(progress)
                self._step()
                self._tell(progress)
                if time.monotonic() - saved > SAVE_EVERY_S:
                    self._save()
                    saved = time.monotonic()
        except (Cancelled, KeyboardInterrupt):
            self._save()
            raise
        self._save()
        return self._trajectory()

    def _step(self) -> None:
        if self._steps >= self._first and not self._frames:
            self._note()
        try:
            self._motion.step()
        except NoNumberError:
            if not self._steps:  # of the crystal as it was given
                raise
            raise self._falls_apart() from None
        self._steps += 1
        if (self._steps - self._first) % self._every == 0 and self._steps > self._first:
            self._note()
        self._standing = self._stand()  # Ctrl-C may come within the next step

    def _note(self) -> None:
        self._frames.append(self._atoms.positions.astype(np.float32))
        self._temperatures.append(float(self._atoms.get_temperature()))

    def _tell(self, progress: Progress) -> None:
        kelvin = float(self._atoms.get_temperature())
        if not (np.isfinite(kelvin) and kelvin < TOO_HOT * self._kelvin + 300):
            raise self._falls_apart()
        done = self._steps * self._settings.step_fs / 1000
        stage = "warming up, " if self._steps <= self._first else ""
        progress.report(
            self._steps,
            self._last,
            f"{stage}{done:.2f} ps, now at {kelvin:.0f} K",
        )

    def _falls_apart(self) -> FallsApartError:
        return FallsApartError(
            f"The crystal falls apart at {self._kelvin:g} K: this potential does not hold it together, its atoms "
            "are too close to one another, or the time step is too long. Relax the structure first, or take "
            "another potential, a shorter step or a lower temperature."
        )

    def _go_on(self) -> bool:
        """Become what was saved; returns whether anything was."""
        if self._path is None or not self._path.exists():
            return False
        trajectory, standing = read_standing(self._path)
        if standing.mark != self._mark:
            raise DynamicsError(
                f"{self._path} is the simulation of something else or of other settings; choose another folder."
            )
        self._steps = standing.steps
        self._atoms.positions = standing.positions
        self._atoms.set_momenta(standing.momenta, apply_constraint=False)  # to the last bit
        self._random.bit_generator.state = standing.random
        kept = 0 if self._steps < self._first else 1 + (self._steps - self._first) // self._every
        self._frames = list(trajectory.positions[:kept])
        self._temperatures = trajectory.temperatures[:kept].tolist()
        return True

    def _trajectory(self) -> Trajectory:
        n_atoms = len(self._atoms)
        return Trajectory(
            self._kelvin,
            self._atoms.numbers,
            self._atoms.cell.array,
            self._every * self._settings.step_fs / 1000,
            np.array(self._frames, np.float32).reshape(-1, n_atoms, 3),
            np.array(self._temperatures),
        )

    def _save(self) -> None:
        if self._path is None:
            return
        write_trajectory(self._path, self._trajectory(), self._standing)

    def _stand(self) -> Standing:
        state: Any = self._random.bit_generator.state
        atoms = self._atoms
        return Standing(self._mark, self._steps, atoms.positions.copy(), atoms.get_momenta(), state)


def _at_rest(cell: Structure) -> Atoms:
    from ase.constraints import FixCom
    from pymatgen.io.ase import AseAtomsAdaptor

    atoms = AseAtomsAdaptor.get_atoms(cell, msonable=False)
    atoms.set_constraint(FixCom())
    return atoms


def _set_moving(atoms: Atoms, kelvin: float, random: np.random.Generator) -> None:
    """Give the atoms velocities for twice the temperature: half of it goes into the lattice."""
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

    MaxwellBoltzmannDistribution(atoms, temperature_K=2 * kelvin, rng=random)


def _mark(cell: Structure, kelvin: float, potential: Potential, settings: DynamicsSettings) -> str:
    """SHA-256 of what is simulated and how; a longer simulation is still the same."""
    provenance = potential.provenance
    told = [kelvin, settings.warm_up_ps, settings.step_fs, settings.seed]
    digest = hashlib.sha256(json.dumps([told, provenance.name, provenance.sha256]).encode())
    for array in (cell.atomic_numbers, cell.lattice.matrix, cell.cart_coords):
        digest.update(np.round(np.asarray(array, float), 6).tobytes())
    return digest.hexdigest()


def _spread_out(cell: Structure, points: NDArray[np.float64], count: int) -> list[int]:
    """Choose points of a cell, each as far from those before as can be; the first is the first."""
    apart = cell.lattice.get_all_distances(points, points).round(4)
    chosen: list[int] = []
    while len(chosen) < count:
        chosen.append(int(apart[:, chosen].min(axis=1).argmax()) if chosen else 0)
    return chosen


def _roomiest(structure: Structure, ion: str, matrix: Matrix) -> NDArray[np.float64]:
    """Return the voids of the roomiest kind in fractional coordinates of the supercell, shape (n, 3)."""
    voids = find_voids(structure, ion)
    first = [void.frac_coords for void in voids if void.orbit == voids[0].orbit]
    if not first:
        return np.empty((0, 3))
    marks = Structure(structure.lattice, ["H"] * len(first), first)
    return np.asarray(marks.make_supercell(matrix, to_unit_cell=True, in_place=False).frac_coords)
