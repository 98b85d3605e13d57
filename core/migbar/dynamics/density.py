"""Where the ions of a simulation were: their free energy all over the cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.dynamics.analysis import beside_the_host, is_ion
from migbar.dynamics.settings import DynamicsError
from migbar.dynamics.trajectory import Trajectory
from migbar.landscape import HIGHEST, RESOLUTION, Landscape, grid_shape
from migbar.transport import BOLTZMANN_EV

BLUR = 0.3
"""Width in Å that each position of an ion is smeared over, so that the map shows places and not frames."""

ODD_CELL = 0.15
"""Share of a cell that a vector of the simulated supercell may be off a whole number of cells: it may be strained."""

REACH = 4.0 * BLUR
"""No position is smeared farther."""


def free_energy_landscape(
    trajectory: Trajectory, structure: Structure, ion: str, resolution: float = RESOLUTION
) -> Landscape:
    """Return the free energy −k_B T ln ρ of the ions from their density ρ, in the cell of the structure.

    What lies next to one another in the simulated supercell is put upon one another. Where no ion was it is
    `migbar.landscape.HIGHEST`.

    Parameters
    ----------
    trajectory : Trajectory
    structure : Structure
        What was simulated, without its supercell; the simulated cell may be somewhat larger or smaller.
    ion : str
    resolution : float
        Distance of grid points in Å, at most.

    Raises
    ------
    DynamicsError
        If the simulation holds no such ion, or its cell is no supercell of the structure's.
    """
    from scipy.ndimage import convolve

    lattice = structure.lattice
    ions, _ = beside_the_host(trajectory, is_ion(trajectory, ion))
    ions = ions @ np.linalg.solve(trajectory.cell, _supercell(trajectory, structure))
    shape = grid_shape(lattice, resolution)
    cells = np.rint(ions.reshape(-1, 3) * shape).astype(int) % shape
    counts = np.bincount(np.ravel_multi_index(cells.T, shape), minlength=int(shape.prod()))
    density = convolve(counts.reshape(shape).astype(float), _smear(lattice, shape), mode="wrap")
    with np.errstate(divide="ignore"):
        energies = BOLTZMANN_EV * trajectory.kelvin * np.log(density.max() / density)
    return Landscape(ion, lattice, np.minimum(energies, HIGHEST), trajectory.kelvin)


def _supercell(trajectory: Trajectory, structure: Structure) -> NDArray[np.float64]:
    """Return how many of the structure's cells make up the simulated one, shape (3, 3)."""
    matrix = trajectory.cell @ structure.lattice.inv_matrix
    whole = np.round(matrix)
    if abs(np.linalg.det(whole)) < 0.5 or np.abs(matrix - whole).max() > ODD_CELL:
        raise DynamicsError(
            "the simulated cell is no supercell of that of the open structure: it is another crystal, or turned."
        )
    return np.asarray(whole)


def _smear(lattice: Lattice, shape: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the weights of the grid points around one: alike in all directions, whatever the cell's angles."""
    most = np.ceil(REACH * np.array(lattice.reciprocal_lattice_crystallographic.abc) * shape)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1)
    squares = (lattice.get_cartesian_coords(steps / shape) ** 2).sum(axis=-1)
    return np.where(squares <= REACH**2, np.exp(-squares / (2 * BLUR**2)), 0.0)
