"""Whether the highest image of a band lies at a saddle, or on a ridge, or in a dip.

Where an operation of the crystal's symmetry leaves a straight path in its place, the forces across it vanish on
every image, and a band that starts straight stays so though a lower path runs beside it: its highest image lies on
a ridge. Where there are few images the highest one can lie in a dip, a site on the way, with the saddles beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import Remark
from migbar.potentials import Potential

if TYPE_CHECKING:
    from ase import Atoms

STEP = 0.15
"""How far the ion is moved sideways, Å."""

ASIDE = 0.4
"""How far a band that starts aside leaves the line in its middle, Å."""

FALLS, RISES = -0.5, 1.0
"""Curvatures in eV/Å² across the path below which there is a ridge, and along it above which there is a dip.

At saddles of Li3OCl, LiFePO4, LiCoO2 and TiS2 (CHGNet) it is −0.3 to −1.7 along it; in the tetrahedron of TiS2 3.3.
"""


def saddle_remarks(images: Sequence[Atoms], potential: Potential) -> list[Remark]:
    """Say where the energy falls sideways of the highest image, or rises along the path, with the host at rest.

    Parameters
    ----------
    images : sequence of Atoms
        Of a converged band, the migrating ion first; they carry their energies.
    potential : Potential
        Evaluates eight more images.
    """
    saddle = int(np.argmax([image.get_potential_energy() for image in images]))
    if not 0 < saddle < len(images) - 1:
        return []
    way = images[saddle + 1].positions[0] - images[saddle - 1].positions[0]
    if np.linalg.norm(way) < STEP:
        return []
    along, across = _curvatures(images[saddle], way, potential)
    remarks = []
    if across < FALLS:
        text = (
            f"The highest image lies on a ridge: sideways its energy falls ({across:.1f} eV/Å²). By symmetry a "
            "straight start can keep a band there, and the barrier is then too high; start it aside (on the command "
            "line: --start aside)."
        )
        remarks.append(Remark("ridge", text))
    elif along > RISES:
        text = (
            f"The highest image lies in a dip of the path: its energy rises on both sides ({along:.1f} eV/Å²), so that "
            "the saddles lie between images and the barrier is too low; take more images."
        )
        remarks.append(Remark("dip", text))
    return remarks


def bend_aside(images: Sequence[Atoms]) -> None:
    """Move the ion of images between two ends to the roomiest side of its path, by `ASIDE` in the middle."""
    along = images[-1].positions[0] - images[0].positions[0]
    angles = np.arange(12) * np.pi / 6
    sides = np.column_stack([np.cos(angles), np.sin(angles)]) @ _across(along)
    middle = images[len(images) // 2].copy()
    others = list(range(1, len(middle)))
    room = []
    for side in sides:
        middle.positions[0] = (images[0].positions[0] + images[-1].positions[0]) / 2 + ASIDE * side
        room.append(round(float(middle.get_distances(0, others, mic=True).min()), 3))
    best = sides[int(np.argmax(room))]
    for number, image in enumerate(images):
        image.positions[0] += ASIDE * np.sin(np.pi * number / (len(images) - 1)) * best


def _across(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two unit vectors across a direction, shape (2, 3)."""
    first = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    second = np.cross(along, first)
    return np.array([first / np.linalg.norm(first), second / np.linalg.norm(second)])


def _curvatures(
    image: Atoms, way: NDArray[np.float64], potential: Potential
) -> tuple[float, float]:
    """Return the ion's second derivative along its way, and the lowest one across it, in eV/Å²."""
    across = _across(way)
    directions = np.vstack([way / np.linalg.norm(way), across, across.sum(axis=0) / np.sqrt(2)])
    moved = []
    for shift in STEP * np.vstack([directions, -directions]):
        copy = image.copy()
        copy.positions[0] += shift
        moved.append(copy)
    energies = np.reshape([one.energy for one in potential.evaluate(moved)], (2, 4))
    along, u, v, both = (energies.sum(axis=0) - 2 * image.get_potential_energy()) / STEP**2
    mixed = both - (u + v) / 2
    return float(along), float(np.linalg.eigvalsh([[u, mixed], [mixed, v]])[0])
