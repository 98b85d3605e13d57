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

FAR_BETTER = 0.5
"""A host whose atoms are less than this share as far from sites stands there."""

NO_SITE = 0.4
"""A host none of whose elements is nearer (Å) to its sites than this is another one, or the other way round.

Groups that turn are off their sites on average, but what they turn around is not.
"""

REACH = 4.0 * BLUR
"""No position is smeared farther."""


def free_energy_landscape(
    trajectory: Trajectory, structure: Structure, ion: str, resolution: float = RESOLUTION
) -> Landscape:
    """Return the free energy −k_B T ln ρ of the ions from their density ρ, in the cell of the structure.

    What lies next to one another in the simulated supercell is put upon one another, so that its other atoms stand at
    their sites in the structure. Where no ion was it is `migbar.landscape.HIGHEST`.

    Parameters
    ----------
    trajectory : Trajectory
    structure : Structure
        What was simulated, without its supercell; the simulated cell may be somewhat larger or smaller, turned, and
        begin elsewhere in the crystal.
    ion : str
    resolution : float
        Distance of grid points in Å, at most.

    Raises
    ------
    DynamicsError
        If the simulation holds no such ion, its cell is no supercell of the structure's, or its other atoms do not
        stand at their sites.
    """
    from scipy.ndimage import convolve

    lattice, moving = structure.lattice, is_ion(trajectory, ion)
    to_cells = np.linalg.solve(trajectory.cell, _supercell(trajectory, structure))
    ions, host = (paths @ to_cells for paths in beside_the_host(trajectory, moving))
    if host.shape[1]:
        ions = ions + _to_sites(host.mean(axis=0), trajectory.numbers[~moving], structure)
    shape = grid_shape(lattice, resolution)
    cells = np.rint(ions.reshape(-1, 3) * shape).astype(int) % shape
    counts = np.bincount(np.ravel_multi_index(cells.T, shape), minlength=int(shape.prod()))
    density = convolve(counts.reshape(shape).astype(float), _smear(lattice, shape), mode="wrap")
    with np.errstate(divide="ignore"):
        energies = BOLTZMANN_EV * trajectory.kelvin * np.log(density.max() / density)
    return Landscape(ion, lattice, np.minimum(energies, HIGHEST), trajectory.kelvin)


def _supercell(trajectory: Trajectory, structure: Structure) -> NDArray[np.float64]:
    """Return how many of the structure's cells make up the simulated one, shape (3, 3)."""
    from scipy.linalg import polar

    cell, lattice = trajectory.cell, structure.lattice
    matrix = cell @ lattice.inv_matrix
    if _off_whole(matrix) > ODD_CELL:  # it may be turned: LAMMPS has the first vector along x
        times = np.maximum(np.round(np.linalg.norm(cell, axis=1) / lattice.abc), 1)
        turn, _ = polar(np.linalg.solve(times[:, None] * lattice.matrix, cell))
        matrix = cell @ turn.T @ lattice.inv_matrix
    if _off_whole(matrix) > ODD_CELL or abs(np.linalg.det(np.round(matrix))) < 0.5:
        raise DynamicsError(
            "the simulated cell is no supercell of that of the open structure: it is another crystal, or has other "
            "axes."
        )
    return np.asarray(np.round(matrix))


def _off_whole(matrix: NDArray[np.float64]) -> float:
    return float(np.abs(matrix - np.round(matrix)).max())


def _to_sites(
    host: NDArray[np.float64], numbers: NDArray[np.int_], structure: Structure
) -> NDArray[np.float64]:
    """Return what leads from a host's mean positions to its sites in a structure, in fractional coordinates.

    The simulated cell may begin elsewhere, and drifts. As there may be several ways, or groups that turn round, it is
    the shortest one unless another fits far better.

    Raises
    ------
    DynamicsError
        If no way leads there.
    """
    from pymatgen.util.coord import pbc_shortest_vectors

    lattice = structure.lattice
    sites, kinds = structure.frac_coords, np.array(structure.atomic_numbers)
    present, counts = np.unique(numbers, return_counts=True)
    rarest = present[counts.argmin()]
    first = host[numbers == rarest][0]
    best, nearest, off = np.zeros(3), np.inf, np.full(len(host), np.inf)
    for way in (np.zeros(3), *(sites[kinds == rarest] - first)):
        steps, squares = pbc_shortest_vectors(lattice, host + way, sites, return_d2=True)
        squares = np.where(numbers[:, None] == kinds, squares, np.inf)
        own = squares.argmin(axis=1)
        distance = np.sqrt(squares.min(axis=1)).mean()
        if distance < FAR_BETTER * nearest:
            to_own = steps[np.arange(len(host)), own]
            rest = to_own.mean(axis=0)
            best, nearest = way + lattice.get_fractional_coords(rest), distance
            off = np.linalg.norm(to_own - rest, axis=1)
    if min(off[numbers == kind].mean() for kind in present) > NO_SITE:
        raise DynamicsError(
            "the other atoms of the simulation do not stand at sites of the open structure: it is another crystal, or "
            "has other axes."
        )
    return best


def _smear(lattice: Lattice, shape: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the weights of the grid points around one: alike in all directions, whatever the cell's angles."""
    most = np.ceil(REACH * np.array(lattice.reciprocal_lattice_crystallographic.abc) * shape)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1)
    squares = (lattice.get_cartesian_coords(steps / shape) ** 2).sum(axis=-1)
    return np.where(squares <= REACH**2, np.exp(-squares / (2 * BLUR**2)), 0.0)
