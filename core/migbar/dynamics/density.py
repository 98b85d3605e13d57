"""Where the ions of a simulation were: their free energy all over the cell."""

from __future__ import annotations

import numpy as np
from pymatgen.core import Structure

from migbar.dynamics.analysis import beside_the_host, is_ion
from migbar.dynamics.trajectory import Trajectory
from migbar.landscape import HIGHEST, RESOLUTION, Landscape
from migbar.transport import BOLTZMANN_EV

BLUR = 0.3
"""Width in Å that each position of an ion is smeared over, so that the map shows places and not frames."""


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
    from scipy.ndimage import gaussian_filter

    ions, _ = beside_the_host(trajectory, is_ion(trajectory, ion))
    lattice = structure.lattice
    shape = np.maximum(np.ceil(np.array(lattice.abc) / resolution - 1e-9), 1).astype(int)
    places = lattice.get_fractional_coords(ions.reshape(-1, 3))
    cells = np.rint(places * shape).astype(int) % shape
    counts = np.bincount(np.ravel_multi_index(cells.T, shape), minlength=int(shape.prod()))
    spacing = np.array(lattice.abc) / shape
    density = gaussian_filter(counts.reshape(shape).astype(float), BLUR / spacing, mode="wrap")
    with np.errstate(divide="ignore"):
        energies = BOLTZMANN_EV * trajectory.kelvin * np.log(density.max() / density)
    return Landscape(ion, lattice, np.minimum(energies, HIGHEST), trajectory.kelvin)
