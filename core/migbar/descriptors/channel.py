"""The channel around a straight path: how an ion gets through if it may leave the line.

Ions bend around obstacles, and published straight paths run close to, or through, other atoms. So at
points along the path the bond-valence site energy is summed up over the plane across it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from migbar.descriptors import chemistry
from migbar.descriptors.surroundings import Surroundings
from migbar.softbv import MORSE

SLICES = 9
"""Planes across the path, evenly spaced from end to end; odd, for a middle."""

_SPACING = 0.12  # Å between points of a plane
_WIDTH = 1.0  # Å, where a point in a plane counts half as much as one on the line
_EDGE = 1.8  # Å
_REACH = 6.0  # Å
# With these two every valley is so wide that the points resolve it: turning the grid about the path
# moves a free energy by less than 1 meV.
_THERMAL = 0.3  # eV
_HIGH = 1.0  # eV above zero, where energies begin to grow with their logarithm only
_SOFT = 0.1  # Å, by which the smallest gap is smoothed
_COULOMB = 14.399645  # e² / (4 π ε₀) in eV Å
_SCREENING = 0.74  # screening length over the sum of the covalent radii


@dataclass(frozen=True, slots=True)
class Channel:
    """What an ion meets in planes across a straight path, each array of shape (SLICES,).

    Attributes
    ----------
    valley : ndarray
        Free energy in eV of an ion that may move in the plane.
    bend : ndarray
        Root mean square distance in Å from the line that it then has.
    opening : ndarray
        Radius in Å by which the widest place of the plane exceeds the ion (negative: too narrow).
    valence : ndarray
        Mean bond-valence sum over the charge of the ion in the plane.
    """

    valley: NDArray[np.float64]
    bend: NDArray[np.float64]
    opening: NDArray[np.float64]
    valence: NDArray[np.float64]


def channel_of(around: Surroundings) -> Channel:
    """Sum up the planes across a path.

    The site energy is that of Chen, Wong and Adams, Acta Cryst. B 75, 18 (2019): a Morse potential
    to each anion and a screened Coulomb repulsion from each cation, here without other mobile ions.
    """
    half = around.points[-1]
    near = ~around.like & (_off_line(around.positions, half) < _REACH)
    positions, element, anion = around.positions[near], around.element[near], around.anion[near]
    offsets, weights = _plane(half)
    pair = _Pairs(around, element, anion, around.charge[near])
    rows = []
    for part in np.linspace(-1.0, 1.0, SLICES):
        points = part * half + offsets
        distance = np.sqrt(
            np.maximum(
                (points**2).sum(axis=1)[:, None]
                + (positions**2).sum(axis=1)
                - 2 * points @ positions.T,
                1e-4,
            )
        )
        energy = _compressed(pair.energies(distance))
        floor = energy.min()
        share = weights * np.exp(-(energy - floor) / _THERMAL)
        total = share.sum()
        share = share / total
        rows.append(
            (
                floor - _THERMAL * np.log(total),
                np.sqrt(share @ (offsets**2).sum(axis=1)),
                _SOFT * np.log(weights @ np.exp(pair.gaps(distance) / _SOFT)),
                share @ pair.valence(distance),
            )
        )
    return Channel(*np.array(rows).T)


def _compressed(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let positive energies grow slowly: how far inside an atom a point lies says little."""
    return np.where(energy > 0, _HIGH * np.log1p(np.maximum(energy, 0.0) / _HIGH), energy)


def _off_line(positions: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.float64]:
    along = np.clip(positions @ half / max(float(half @ half), 1e-12), -1.0, 1.0)
    return np.linalg.norm(positions - along[:, None] * half, axis=1)


def _plane(half: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points of the plane across the path, relative to the line, and their weights."""
    axis = half / max(float(np.linalg.norm(half)), 1e-9)
    across = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    across /= np.linalg.norm(across)
    n = int(_EDGE / _SPACING)
    steps = np.arange(-n, n + 1) * _SPACING
    u, v = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="ij"))
    weights = np.exp(-np.log(2) * ((u**2 + v**2) / _WIDTH**2) ** 2)
    u, v, weights = (a[weights > 1e-4] for a in (u, v, weights))
    offsets = u[:, None] * across + v[:, None] * np.cross(axis, across)
    return offsets, weights / weights.sum()


class _Pairs:
    """What each atom near the path does to the ion, by its distance."""

    def __init__(
        self,
        around: Surroundings,
        element: NDArray[np.int64],
        anion: NDArray[np.bool_],
        charge: NDArray[np.float64],
    ) -> None:
        ion, names = around.ion, around.symbols
        self.anion = anion
        self.cation = ~anion
        self.charge = chemistry.ion_charge(ion)
        morse = np.array([morse_parameters(ion, name) for name in names])[element[anion]]
        self.minimum, self.depth, self.steepness = morse.T
        screening = np.array([_screening(ion, name) for name in names])[element[~anion]]
        shells = np.array([chemistry.period(ion) * chemistry.period(n) for n in names], float)
        self.screening = screening
        self.strength = _COULOMB * self.charge * charge[~anion] / np.sqrt(shells[element[~anion]])
        radius = np.array(
            [chemistry.anion_radius(n) if n in chemistry.ANION_CHARGE else 1.4 for n in names]
        )
        cation_radius = np.array([chemistry.cation_radius(n) for n in names])
        self.contact = chemistry.cation_radius(ion) + np.where(
            anion, radius[element], cation_radius[element]
        )
        self.bond = np.array([chemistry.bond_valence_length(ion, n) for n in names])[element[anion]]

    def energies(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Site energy in eV at every point."""
        bond = np.exp(np.minimum(self.steepness * (self.minimum - distance[:, self.anion]), 3.0))
        far = np.maximum(distance[:, self.cation], 0.3)
        repulsion = erfc(far / self.screening) / far
        return np.asarray((bond - 2.0) * bond @ (self.depth / 2) + repulsion @ self.strength)

    def gaps(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Smallest distance in Å beyond the sum of the radii, smoothed."""
        beyond = np.clip(distance - self.contact, -2.0, None)
        return np.asarray(-_SOFT * np.log(np.exp(-beyond / _SOFT).sum(axis=1) + 1e-30))

    def valence(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bond-valence sum over the ion's charge."""
        excess = np.maximum(distance[:, self.anion] - self.bond, -0.75)
        return np.asarray(np.exp(-excess / 0.37).sum(axis=1) / self.charge)


@cache
def morse_parameters(ion: str, anion: str) -> tuple[float, float, float]:
    """Distance of the minimum (Å), depth (eV) and steepness (1/Å) of a bond to an anion.

    Where softBV has no parameters, they follow from the length of a bond of a sixth of the
    ion's charge and from what is usual for the others.
    """
    known = MORSE.get(ion, {}).get(anion)
    if known is not None:
        return known
    charge = chemistry.ion_charge(ion)
    length = chemistry.bond_valence_length(ion, anion) - 0.37 * np.log(charge / 6)
    return float(length), 0.6 * charge, 1.75


@cache
def _screening(ion: str, cation: str) -> float:
    from ase.data import atomic_numbers, covalent_radii

    return float(
        _SCREENING * (covalent_radii[atomic_numbers[ion]] + covalent_radii[atomic_numbers[cation]])
    )
