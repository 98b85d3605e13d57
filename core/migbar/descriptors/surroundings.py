"""What lies around a path: atoms, their roles, and the electrostatic potential.

A record's cell is finite, and its periodic images hold copies of the vacancy (or of the lone ion).
What we describe is the dilute limit, one hop in an endless crystal: in a host with further ions both end
sites are filled in all images but the path's own, and where the cell repeats a smaller one, in the copies within
it. So a larger cell of the same crystal changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from scipy.special import erfc

from migbar.bands import Band
from migbar.descriptors import chemistry
from migbar.descriptors.repeats import copies_of_ends

REACH = 8.0
"""Atoms up to this distance (Å) from the path are seen."""

SAMPLES = 17
"""Points along the straight path at which the ion's surroundings are looked at; odd, for a middle."""

FILLED = 0.025
"""Least number of further ions per anion that makes a host a filled one.

The published records leave a gap between 0 (empty hosts) and 0.031.
"""

_SCREENING = 0.3  # 1/Å
_COULOMB = 14.399645  # e² / (4 π ε₀) in eV Å


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Atoms within `REACH` of a straight path, in the dilute limit.

    Attributes
    ----------
    ion : str
    symbols : tuple of str
        Elements present around the path; `element` indexes it.
    element : ndarray of int, shape (n,)
    positions : ndarray, shape (n, 3)
        Å, relative to the middle of the path.
    anion, like : ndarray of bool, shape (n,)
        Anions; atoms of the migrating element. What is neither is a framework cation.
    charge : ndarray, shape (n,)
        Formal charges.
    points : ndarray, shape (SAMPLES, 3)
        Evenly spaced positions of the ion from end to end in Å.
    potential : ndarray, shape (SAMPLES,)
        Screened electrostatic potential of the formal charges at `points` in V.
    framework : dict
        Framework atoms (without the ion) by element: (number, mean formal charge, whether anions).
    ions : float
        Number of mobile ions of the crystal with both ends filled, 0 for an empty host.
    volume : float
        Cell volume in Å³.
    """

    ion: str
    symbols: tuple[str, ...]
    element: NDArray[np.int64]
    positions: NDArray[np.float64]
    anion: NDArray[np.bool_]
    like: NDArray[np.bool_]
    charge: NDArray[np.float64]
    points: NDArray[np.float64]
    potential: NDArray[np.float64]
    framework: dict[str, tuple[int, float, bool]]
    ions: float
    volume: float


def surroundings(band: Band) -> Surroundings:
    """Collect what lies around the straight path between the ends of `band`."""
    host, filled = _dilute_host(band)
    matrix = host.lattice.matrix
    host_symbols = [site.specie.symbol for site in host]
    n_like = host_symbols.count(band.ion)
    ends = band.path[[0, -1]]
    fillings = np.vstack([ends, copies_of_ends(host, band.ion, ends)]) if filled else ends[:0]
    added = len(fillings)
    roles = chemistry.roles(host, band.ion, added)
    frac = np.vstack([host.frac_coords, fillings])
    symbols = host_symbols + [band.ion] * added
    names = tuple(sorted(set(symbols)))
    element = np.array([names.index(s) for s in symbols])
    anion = np.append(roles.anion, np.zeros(added, bool))
    charge = np.append(roles.charge, np.full(added, chemistry.ion_charge(band.ion)))

    middle = ends.mean(axis=0)
    half = (ends[1] - ends[0]) @ matrix / 2
    points = np.linspace(-1.0, 1.0, SAMPLES)[:, None] * half
    owner, positions = _images(frac - middle, matrix, half)
    own = np.zeros(len(owner), bool)
    if added:
        to_ends = [np.linalg.norm(positions - end, axis=1) for end in (-half, half)]
        own = (owner >= len(host)) & (np.minimum(*to_ends) < 0.01)
    owner, positions = owner[~own], positions[~own]
    return Surroundings(
        ion=band.ion,
        symbols=names,
        element=element[owner],
        positions=positions,
        anion=anion[owner],
        like=np.array([names[e] == band.ion for e in element[owner]], bool),
        charge=charge[owner],
        points=points,
        potential=_potential(points, positions, charge[owner]),
        framework=_framework(host_symbols, band.ion, roles),
        ions=float(n_like + added) if filled else 0.0,
        volume=float(abs(np.linalg.det(matrix))),
    )


def _dilute_host(band: Band) -> tuple[Structure, bool]:
    """Return the host without stray ions, and whether it is one with further mobile ions.

    A single ion in a large empty host is the image of the one that moves.
    """
    symbols = [site.specie.symbol for site in band.host]
    anions = sum(s in chemistry.ANION_CHARGE for s in symbols)
    filled = symbols.count(band.ion) > FILLED * max(anions, 1)
    if filled or band.ion not in symbols:
        return band.host, filled
    kept = [i for i, s in enumerate(symbols) if s != band.ion]
    species = [band.host[i].specie for i in kept]
    return Structure(band.host.lattice, species, band.host.frac_coords[kept]), False


def _framework(
    symbols: list[str], ion: str, roles: chemistry.Roles
) -> dict[str, tuple[int, float, bool]]:
    found = {}
    for name in sorted(set(symbols) - {ion}):
        atoms = np.array([s == name for s in symbols])
        found[name] = (
            int(atoms.sum()),
            float(roles.charge[atoms].mean()),
            bool(roles.anion[atoms].mean() > 0.5),
        )
    return found


def _images(
    frac: NDArray[np.float64], matrix: NDArray[np.float64], half: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return atom index and position of every periodic image within `REACH` of the path."""
    spacing = _plane_spacing(matrix)
    if spacing.min() < 1.0:  # so sheared a cell would need countless images
        reduced = Lattice(matrix).get_lll_reduced_lattice().matrix
        frac, matrix = frac @ matrix @ np.linalg.inv(reduced), reduced
        spacing = _plane_spacing(matrix)
    wrapped = frac - np.round(frac)
    length = float(np.linalg.norm(half))
    span = np.ceil((REACH + length) / spacing + 0.5).astype(int)
    shifts = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in span), indexing="ij"), axis=-1)
    base = wrapped @ matrix
    offsets = shifts.reshape(-1, 3) @ matrix
    owners, positions = [], []
    # Cell by cell keeps the memory small for cells of a thousand atoms.
    radius = float(np.linalg.norm(base, axis=1).max())
    reach = REACH + length + radius
    for offset in offsets[np.einsum("ij,ij->i", offsets, offsets) < reach**2]:
        candidates = base + offset
        inside = np.flatnonzero(_to_segment(candidates, half) < REACH)
        owners.append(inside)
        positions.append(candidates[inside])
    return np.concatenate(owners), np.concatenate(positions)


def _plane_spacing(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / np.linalg.norm(np.linalg.inv(matrix), axis=0))


def _to_segment(positions: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance in Å of each position to the segment from -half to half."""
    along = np.clip(positions @ half / max(float(half @ half), 1e-12), -1.0, 1.0)
    return np.linalg.norm(positions - along[:, None] * half, axis=1)


def _potential(
    points: NDArray[np.float64], positions: NDArray[np.float64], charges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Screened potential in V at `points`: that of the charges and of Gaussians that hide them.

    Wolf et al., J. Chem. Phys. 110, 8254 (1999), without the shift. Beyond some 6 Å nothing is felt, so
    that ions and vacancies of a neighbouring cell do not count.
    """
    r = np.maximum(np.linalg.norm(points[:, None] - positions, axis=2), 0.3)
    return _COULOMB * (erfc(_SCREENING * r) / r) @ charges
