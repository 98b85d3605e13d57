"""Relaxed paths as the workspace keeps them, and which image of one is looked at."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.bands import Band
from migbar.wording import counted
from migbar_gui.looks import energies

if TYPE_CHECKING:
    from migbar.neb import NebResult
    from migbar.neb.volume import VolumeDependence

LONGEST_ARROW = 2.5
"""Length in Å of the arrow for a band's largest force."""


@dataclass(frozen=True, slots=True, eq=False)
class RelaxedPath:
    """A path that was relaxed with a potential, as its run left it.

    Attributes
    ----------
    path_id : int or None
        The path in this window; None where its structure is not open.
    title : str
        Ion and ends, with the structure's name where the path is not in this window.
    folder : Path
        Of the run.
    result : NebResult
    curve : pair of ndarray
        Its profile's spline: distance in Å, energy in eV above the initial state.
    """

    path_id: int | None
    title: str
    folder: Path
    result: NebResult
    curve: tuple[NDArray[np.float64], NDArray[np.float64]]

    @property
    def images(self) -> str:
        """How many images there are between the ends, and whether one climbs."""
        settings = self.result.settings
        return counted(settings.n_images, "image") + (", climbing" if settings.climb else "")

    @property
    def method(self) -> str:
        """Potential and number of images, short, and whether the ion pushes another."""
        return f"{self.result.potential.name}, {self.images}{self.pushing}"

    @property
    def pushing(self) -> str:
        """``", pushing Li"`` where the ion pushes another; to be put behind its barrier."""
        return f", pushing {self.ion}" if self.result.pushed else ""

    @property
    def ion(self) -> str:
        """Symbol of the migrating ion."""
        return str(self.result.images[0].symbols[0])

    @property
    def movers(self) -> tuple[int, ...]:
        """The ion, and those that it pushes, as indices of atoms."""
        return 0, *self.result.pushed

    @property
    def shift(self) -> NDArray[np.float64]:
        """What moves the path to the middle of the cell, Å: there it is seen best, and in one piece."""
        path = np.array([atoms.positions[0] for atoms in self.result.images])
        centre = self.result.images[0].cell.array.sum(axis=0) / 2
        return np.asarray(centre - (path[0] + path[-1]) / 2)

    @property
    def ion_path(self) -> NDArray[np.float64]:
        """Positions of the ion as they are looked at, Å, shape (n_images, 3)."""
        return np.array([atoms.positions[0] for atoms in self.result.images]) + self.shift

    @property
    def largest_force(self) -> float:
        """Largest force on an atom of any image, eV/Å."""
        forces = np.array([atoms.get_forces() for atoms in self.result.images])
        return float(np.linalg.norm(forces, axis=2).max())

    def arrows(self, image: int) -> NDArray[np.float64]:
        """Return the forces of an image as arrows, shape (n, 2, 3) in Å.

        The band's largest is `LONGEST_ARROW`; those under a twentieth of it are left out.
        """
        atoms = self.result.images[image].copy()
        forces, largest = self.result.images[image].get_forces(), self.largest_force or 1.0
        seen = np.linalg.norm(forces, axis=1) > 0.05 * largest
        atoms.positions += self.shift
        start = atoms.get_positions(wrap=True)[seen]  # the view draws atoms in the cell
        return np.stack([start, start + forces[seen] * LONGEST_ARROW / largest], axis=1)

    @property
    def state(self) -> str:
        """``", not converged"`` where it is not; to be put behind its name or barrier."""
        return "" if self.result.converged else ", not converged"

    def structure(self, image: float, centred: bool = False) -> Structure:
        """Return one image, the ion first, atoms not wrapped; `centred` as it is looked at.

        Between two images (2.5) atoms are on the line from where they are in one to where they are in the other.
        """
        images, number = self.result.images, int(image)
        atoms, following = images[number], images[min(number + 1, len(images) - 1)]
        places = atoms.positions + (image - number) * (following.positions - atoms.positions)
        if centred:
            places = places + self.shift
        return Structure(atoms.cell.array, list(atoms.symbols), places, coords_are_cartesian=True)


@dataclass(frozen=True, slots=True, eq=False)
class VolumeResult:
    """Barriers of a path at several volumes; attributes as those of `RelaxedPath`."""

    path_id: int | None
    title: str
    folder: Path
    dependence: VolumeDependence


@dataclass(frozen=True, slots=True)
class ShownImage:
    """What the 3D view shows in place of the crystal.

    Attributes
    ----------
    relaxed : RelaxedPath
    image : int
    forces : bool
        Whether forces are drawn as arrows.
    """

    relaxed: RelaxedPath
    image: int
    forces: bool = False

    @property
    def text(self) -> str:
        """What is shown, in a line."""
        relaxed, last = self.relaxed, len(self.relaxed.result.images) - 1
        name = {0: "Initial", last: "Final"}.get(self.image, f"Image {self.image}")
        arrows = f"   ·   longest arrow {relaxed.largest_force:.2f} eV/Å" if self.forces else ""
        return f"{name}   ·   {relaxed.title}   ·   {relaxed.method}{relaxed.state}{arrows}"


def band_key(band: Band) -> str:
    """Return what tells bands apart, so that a run is known again in another session."""
    atoms = [site.specie.symbol for site in band.host], band.ion
    numbers = [band.host.lattice.matrix, band.host.cart_coords, band.cartesian_path[[0, -1]]]
    rounded = [np.round(np.asarray(array) + 0.0, 3).tolist() for array in numbers]
    return hashlib.sha256(json.dumps([atoms, rounded]).encode()).hexdigest()[:16]


def potential_note(potential: str, ends_relaxed: bool = True) -> str:
    """Say what barriers of a potential are worth; empty where nothing is known of it."""
    from migbar.neb.measured import measured_error

    measured = measured_error(potential, ends_relaxed)
    if measured is not None:
        return energies.in_text(measured.text)
    if potential.partition(":")[0] == "chgnet":
        return "CHGNet's barriers tend to be too low; by how much was not measured for this case."
    return ""
