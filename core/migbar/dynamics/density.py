"""Where the ions of a simulation were: their free energy all over the cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.dynamics.analysis import beside_the_host, is_ion
from migbar.dynamics.trajectory import Trajectory
from migbar.landscape import HIGHEST, RESOLUTION, Landscape
from migbar.transport import BOLTZMANN_EV

BLUR = 0.3
"""Width in Å that each position of an ion is smeared over, so that the map shows places and not frames."""

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
        What was simulated, without its supercell.
    ion : str
    resolution : float
        Distance of grid points in Å, at most.

    Raises
    ------
    DynamicsError
        If the simulation holds no such ion.
    """
    from scipy.ndimage import convolve

    ions, _ = beside_the_host(trajectory, is_ion(trajectory, ion))
    lattice = structure.lattice
    shape = np.maximum(np.ceil(np.array(lattice.abc) / resolution - 1e-9), 1).astype(int)
    places = lattice.get_fractional_coords(ions.reshape(-1, 3))
    cells = np.rint(places * shape).astype(int) % shape
    counts = np.bincount(np.ravel_multi_index(cells.T, shape), minlength=int(shape.prod()))
    density = convolve(counts.reshape(shape).astype(float), _smear(lattice, shape), mode="wrap")
    with np.errstate(divide="ignore"):
        energies = BOLTZMANN_EV * trajectory.kelvin * np.log(density.max() / density)
    return Landscape(ion, lattice, np.minimum(energies, HIGHEST), trajectory.kelvin)


def _smear(lattice: Lattice, shape: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the weights of the grid points around one: alike in all directions, whatever the cell's angles."""
    most = np.ceil(REACH * np.array(lattice.reciprocal_lattice_crystallographic.abc) * shape)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1)
    squares = (lattice.get_cartesian_coords(steps / shape) ** 2).sum(axis=-1)
    return np.where(squares <= REACH**2, np.exp(-squares / (2 * BLUR**2)), 0.0)
