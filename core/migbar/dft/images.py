"""Images of a band as DFT codes want them: one cell, one order of atoms, no jumps across the cell."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.bands import Band, idpp_band
from migbar.dft.settings import DftInputError
from migbar.elements import mobile_charge

MOST_IMAGES = 98
"""VASP numbers the folders of images and ends with two digits."""

MOST_OF_A_CELL = 0.499
"""Codes take each atom to its nearest image in the next structure."""

KEPT_STRAIGHT = (
    "Where symmetry keeps a band on a line, no force leads off it though a lower path may run beside it: compare with",
    "a band whose middle images have the ion some tenths of an Å aside.",
)
"""Lines of text for whoever runs the NEB."""

TOO_CLOSE = 1.0
"""An atom that comes this close (Å) to the moving ion makes the images useless as a start."""


@dataclass(frozen=True, slots=True)
class DftBand:
    """Images ready to be written.

    Attributes
    ----------
    images : tuple of Structure
        Atoms are grouped by element, the moving ion comes first. No atom moves by more than half the
        cell from one image to the next, so coordinates may leave [0, 1).
    warnings : tuple of str
        What a user should know before spending computer time.
    """

    images: tuple[Structure, ...]
    warnings: tuple[str, ...]

    @property
    def ion(self) -> str:
        """Symbol of the moving ion."""
        return str(self.images[0][0].specie.symbol)

    @property
    def ion_charge(self) -> int:
        """Formal charge of the moving ion."""
        return mobile_charge(self.ion)

    @property
    def elements(self) -> list[str]:
        """Elements in the order in which the atoms come."""
        return list(dict.fromkeys(site.specie.symbol for site in self.images[0]))

    @property
    def n_between(self) -> int:
        """Number of images between the ends."""
        return len(self.images) - 2


def images_of(band: Band, n_images: int = 5, straight: bool = False) -> list[Structure]:
    """Return the images of a band that was not relaxed: bent around the atoms by IDPP, or straight.

    Raises
    ------
    DftInputError
        If there are too many images, or so few that they do not tell which way round the cell the ion goes.
    """
    if not 1 <= n_images <= MOST_IMAGES:
        raise DftInputError(
            f"A band has 1 to {MOST_IMAGES} images between its ends, not {n_images}."
        )
    shown = band.straight(n_images) if straight else idpp_band(band, n_images)
    if np.abs(np.diff(shown.path, axis=0)).max() > MOST_OF_A_CELL:
        raise DftInputError(
            "From one image to the next the ion goes through half the cell, so that the images do not say which way "
            "round; take more images, or a larger supercell."
        )
    return [shown.image(number) for number in range(len(shown.path))]


def read_images(path: str | Path) -> list[Structure]:
    """Read the images of a relaxed band from an extended XYZ file.

    Raises
    ------
    DftInputError
        If the file holds no periodic images.
    OSError
        If it cannot be read.
    """
    from ase.io import read
    from pymatgen.io.ase import AseAtomsAdaptor

    text = io.StringIO(Path(path).read_text(encoding="utf-8", errors="replace"))
    try:
        frames = read(text, ":", format="extxyz")
        found = [AseAtomsAdaptor.get_structure(atoms) for atoms in frames if atoms.pbc.all()]
    except Exception as error:  # ASE's readers raise whatever their parsing raises
        raise DftInputError(f"{path}: no readable extended XYZ file ({error}).") from None
    if not found or len(found) != len(frames):
        raise DftInputError(f"{path}: every image needs a periodic cell.")
    return [Structure(s.lattice, [site.specie for site in s], s.frac_coords) for s in found]


def prepare(images: Sequence[Structure]) -> DftBand:
    """Order the atoms, and undo jumps across the cell.

    Raises
    ------
    DftInputError
        If there are fewer than three images, or they differ in cell or atoms.
    """
    if len(images) < 3:
        raise DftInputError(
            f"A band needs at least three images, its ends included; got {len(images)}."
        )
    first = images[0]
    elements = [site.specie.symbol for site in first]
    for number, image in enumerate(images[1:], start=1):
        if [site.specie.symbol for site in image] != elements:
            raise DftInputError(
                f"Image {number} does not hold the same atoms in the same order as image 0."
            )
        if not np.allclose(image.lattice.matrix, first.lattice.matrix, atol=1e-4):
            raise DftInputError(f"The cell of image {number} is not that of image 0.")
    path = unwrapped(np.array([image.frac_coords for image in images]))
    moved = first.lattice.get_cartesian_coords(path[-1] - path[0])
    ion = int(np.linalg.norm(moved, axis=1).argmax())
    order = _grouped(elements, ion)
    symbols = [elements[i] for i in order]
    ready = tuple(Structure(first.lattice, symbols, frac[order]) for frac in path)
    return DftBand(ready, tuple(_warnings(ready)))


def unwrapped(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start within the cell, and go on to the nearest image of each atom.

    Parameters
    ----------
    path : ndarray, shape (n_images, n_atoms, 3)
        Fractional coordinates.
    """
    steps = np.diff(path, axis=0)
    steps -= np.round(steps)
    start = path[:1] - np.floor(path[:1] + 1e-9)
    return np.concatenate([start, start + np.cumsum(steps, axis=0)])


def _grouped(elements: Sequence[str], ion: int) -> list[int]:
    """Return the order with the moving ion first and its element with it, the others by element."""
    ranks = {symbol: rank for rank, symbol in enumerate(dict.fromkeys([elements[ion], *elements]))}
    return sorted(range(len(elements)), key=lambda i: (ranks[elements[i]], i != ion, i))


def _warnings(images: Sequence[Structure]) -> list[str]:
    found = []
    for number, image in enumerate(images):
        distances = image.distance_matrix[0][1:]
        if distances.min() < TOO_CLOSE:
            near = image[int(distances.argmin()) + 1].specie.symbol
            found.append(
                f"In image {number:02d} the moving ion is {distances.min():.2f} Å from {near}: bend or relax "
                "the band first."
            )
    return found
