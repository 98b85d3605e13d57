"""A map of where an ion likes to be: its bond-valence site energy all over the cell.

The energy of one ion, alone in the rigid crystal without any other of its kind, is a Morse potential to each anion
and a screened Coulomb repulsion from each cation. It shows channels and sites at a glance; its
barriers are no substitute for those of a model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Element, Lattice, Structure

from migbar.descriptors.chemistry import roles
from migbar.errors import MigbarError
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.softbv import CHARGES, MORSE
from migbar.structures import formula, require_ordered

RESOLUTION = 0.25
"""Distance of grid points in Å."""

REACH = 8.0
"""Atoms farther away (Å) do not count; Morse and screened Coulomb energies have faded there."""

HIGHEST = 20.0
"""Energies (eV) above the lowest are cut off here: inside an atom nothing is to be seen."""

COULOMB = 14.399645
"""e²/4πε₀ in eV Å."""

SCREENING = 0.74
"""Screening length over the sum of the covalent radii (softBV)."""


class LandscapeError(MigbarError):
    """Raised when there are no parameters for a map."""


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """Energy of an ion on a grid over the cell.

    Attributes
    ----------
    ion : str
    lattice : Lattice
    energies : ndarray, shape (na, nb, nc)
        In eV above the lowest; point (i, j, k) lies at the fractional position (i/na, j/nb, k/nc).
    kelvin : float or None
        Temperature of the simulation that it is the free energy of; None for a site energy.
    """

    ion: str
    lattice: Lattice
    energies: NDArray[np.float64]
    kelvin: float | None = None

    def open_fraction(self, level: float) -> float:
        """Return the fraction of the cell's volume with an energy of at most `level` (eV)."""
        return float((self.energies <= level).mean())


def site_energy_landscape(
    structure: Structure, ion: str, resolution: float = RESOLUTION, progress: Progress = SILENT
) -> Landscape:
    """Map the bond-valence site energy of an ion.

    E = Σ D₀/2 ([exp(α(R_min − R)) − 1]² − 1) over the anions
    + Σ 14.4 q q'/√(n n') erfc(R/ρ)/R over the cations, ρ = 0.74 (r + r'),
    with charges q, principal quantum numbers n and covalent radii r. The structure's own ions of
    this element are left out. Source: Chen, Wong and Adams, Acta Cryst. B 75, 18 (2019), in the form
    used by BVlain (covalent radii of Cordero et al., Dalton Trans. 2008, 2832).

    Parameters
    ----------
    structure : Structure
        Ordered.
    ion : str
    resolution : float
        Distance of grid points in Å, at most.
    progress : Progress

    Raises
    ------
    OccupancyError
        If the structure is partly occupied.
    LandscapeError
        If there are no parameters for the ion, or for it with an anion of the structure.
    """
    require_ordered(structure)
    host, pairs = _interactions(structure, ion)
    lattice = structure.lattice
    shape = grid_shape(lattice, resolution)
    energies = np.zeros(shape)
    for done, (site, pair) in enumerate(zip(host, pairs, strict=True)):
        check_cancelled(progress)
        _add(energies, lattice, site.frac_coords, pair)
        progress.report(done + 1, len(host), "Mapping the site energy")
    energies -= energies.min()
    return Landscape(ion, lattice, np.minimum(energies, HIGHEST))


def grid_shape(lattice: Lattice, resolution: float) -> NDArray[np.int_]:
    """Return how many points of a grid along each of the cell's vectors are no farther apart than `resolution` (Å)."""
    return np.ceil(np.array(lattice.abc) / resolution - 1e-9).astype(int)


@dataclass(frozen=True, slots=True)
class _Attraction:
    """Morse potential of an anion."""

    minimum: float
    depth: float
    steepness: float

    def __call__(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        valence = np.exp(self.steepness * (self.minimum - distance))
        return 0.5 * self.depth * (valence - 2.0) * valence


@dataclass(frozen=True, slots=True)
class _Repulsion:
    """Screened Coulomb potential of a cation."""

    strength: float
    screening: float

    def __call__(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import erfc

        distance = np.maximum(distance, 0.1)
        return np.asarray(self.strength * erfc(distance / self.screening) / distance)


_Pair = _Attraction | _Repulsion


def _interactions(structure: Structure, ion: str) -> tuple[Structure, list[_Pair]]:
    """Return the host without the ion, and how each of its atoms acts on the ion."""
    if ion not in MORSE:
        raise LandscapeError(
            f"there are no bond-valence parameters for {ion}; they exist for {', '.join(MORSE)}."
        )
    around = roles(structure, ion, 0)
    kept = [i for i, site in enumerate(structure) if site.specie.symbol != ion]
    if not kept:
        raise LandscapeError(f"{formula(structure)} is nothing but {ion}.")
    pairs: list[_Pair] = []
    for i in kept:
        symbol = structure[i].specie.symbol
        if not around.anion[i]:
            pairs.append(_repulsion(ion, symbol, float(around.charge[i])))
        elif symbol in MORSE[ion]:
            pairs.append(_Attraction(*MORSE[ion][symbol]))
        else:
            raise LandscapeError(f"there are no bond-valence parameters for {ion} with {symbol}.")
    return Structure.from_sites([structure[i] for i in kept]), pairs


def _repulsion(ion: str, symbol: str, charge: float) -> _Repulsion:
    from ase.data import atomic_numbers, covalent_radii

    radii = covalent_radii[atomic_numbers[ion]] + covalent_radii[atomic_numbers[symbol]]
    shells = np.sqrt(Element(ion).row * Element(symbol).row)
    return _Repulsion(COULOMB * CHARGES[ion] * charge / shells, SCREENING * radii)


def _add(
    energies: NDArray[np.float64], lattice: Lattice, frac: NDArray[np.float64], pair: _Pair
) -> None:
    """Add the energy with one atom and all its periodic copies to the grid.

    The copies are reached the other way round: from the block of grid points around one atom, each
    point is folded back into the cell.
    """
    shape = np.array(energies.shape)
    reach = REACH * np.linalg.norm(lattice.inv_matrix, axis=0) * shape
    home = frac * shape
    axes = [
        np.arange(np.ceil(h - r), np.floor(h + r) + 1) for h, r in zip(home, reach, strict=True)
    ]
    offsets = [(axis - h) / n for axis, h, n in zip(axes, home, shape, strict=True)]
    squared = _squared_lengths(lattice, offsets)
    near = np.nonzero(squared <= REACH**2)
    cells = [(axis.astype(int) % n)[i] for axis, n, i in zip(axes, shape, near, strict=True)]
    index = np.ravel_multi_index(tuple(cells), energies.shape)
    weights = pair(np.sqrt(squared[near]))
    energies += np.bincount(index, weights, minlength=energies.size).reshape(energies.shape)


def _squared_lengths(lattice: Lattice, offsets: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Squared length in Å² of every combination of fractional offsets, by the metric tensor."""
    metric = lattice.matrix @ lattice.matrix.T
    u, v, w = np.ix_(*offsets)
    squared = metric[0, 0] * u**2 + metric[1, 1] * v**2 + metric[2, 2] * w**2
    return np.asarray(
        squared + 2 * (metric[0, 1] * u * v + metric[0, 2] * u * w + metric[1, 2] * v * w)
    )
