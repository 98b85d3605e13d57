"""Energy along a relaxed path: the profile of a band, its barriers, and what other programs read of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from migbar.errors import MigbarError
from migbar.files import replacing, write_text

if TYPE_CHECKING:
    from ase import Atoms
    from matplotlib.figure import Figure

COLUMNS = (
    "image",
    "distance_angstrom",
    "fraction",
    "energy_ev",
    "relative_energy_ev",
    "tangential_force_ev_per_angstrom",
)


class ProfileError(MigbarError):
    """Raised when data are not an energy profile."""


@dataclass(frozen=True, slots=True)
class EnergyProfile:
    """Energies of the images of a band.

    Attributes
    ----------
    distance : ndarray, shape (n,)
        Reaction coordinate in Å: length of the path of all atoms together, from the initial state on.
    energies : ndarray, shape (n,)
        In eV, as the potential gives them.
    tangential_forces : ndarray, shape (n,)
        Force along the path in eV/Å: the negative slope of the energy.
    """

    distance: NDArray[np.float64]
    energies: NDArray[np.float64]
    tangential_forces: NDArray[np.float64]

    @property
    def fraction(self) -> NDArray[np.float64]:
        """Reaction coordinate from 0 to 1."""
        length = self.distance[-1]
        return self.distance / length if length > 0 else np.zeros_like(self.distance)

    @property
    def relative(self) -> NDArray[np.float64]:
        """Energies in eV above the initial state."""
        return self.energies - self.energies[0]

    @property
    def saddle(self) -> int:
        """The image of highest energy."""
        return int(self.energies.argmax())

    @property
    def barrier_ev(self) -> float:
        """Highest image above the lower end, eV: the barrier without direction."""
        return float(self.energies.max() - min(self.energies[0], self.energies[-1]))

    @property
    def forward_ev(self) -> float:
        """Highest image above the initial state, eV."""
        return float(self.energies.max() - self.energies[0])

    @property
    def reverse_ev(self) -> float:
        """Highest image above the final state, eV."""
        return float(self.energies.max() - self.energies[-1])

    @property
    def reaction_energy_ev(self) -> float:
        """Final above initial state, eV."""
        return float(self.energies[-1] - self.energies[0])

    def spline(self, points: int = 201) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Interpolate through energies and tangential forces by cubic Hermite polynomials.

        Returns
        -------
        distance : ndarray, shape (points,)
            In Å.
        energy : ndarray, shape (points,)
            In eV above the initial state.
        """
        from scipy.interpolate import CubicHermiteSpline

        along = np.linspace(0.0, self.distance[-1], points)
        if not (np.diff(self.distance) > 0).all():  # images on top of one another have no slope
            return along, np.interp(along, self.distance, self.relative)
        curve = CubicHermiteSpline(self.distance, self.relative, -self.tangential_forces)
        return along, np.asarray(curve(along))

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as JSON data."""
        return {
            "distance_angstrom": self.distance.tolist(),
            "fraction": self.fraction.tolist(),
            "energies_ev": self.energies.tolist(),
            "relative_energies_ev": self.relative.tolist(),
            "tangential_forces_ev_per_angstrom": self.tangential_forces.tolist(),
            "barrier_ev": self.barrier_ev,
            "forward_ev": self.forward_ev,
            "reverse_ev": self.reverse_ev,
            "reaction_energy_ev": self.reaction_energy_ev,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EnergyProfile:
        """Read what `to_dict` gives.

        Raises
        ------
        ProfileError
            If it is something else.
        """
        names = ("distance_angstrom", "energies_ev", "tangential_forces_ev_per_angstrom")
        try:
            arrays = [np.asarray(data[name], float) for name in names]
        except (KeyError, TypeError, ValueError) as error:
            raise ProfileError(f"this is no energy profile ({error!r}).") from None
        if arrays[0].ndim != 1 or len(arrays[0]) < 2 or len({a.shape for a in arrays}) > 1:
            raise ProfileError("an energy profile needs two or more images, alike in every list.")
        return cls(*arrays)

    def table(self) -> str:
        """Return a line for each image as CSV, with a header (`COLUMNS`)."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        columns = (self.distance, self.fraction, self.energies, self.relative)
        for image, row in enumerate(zip(*columns, self.tangential_forces, strict=True)):
            writer.writerow([image, *(f"{value:.6f}" for value in row)])
        return text.getvalue()


def profile_of(images: Sequence[Atoms]) -> EnergyProfile:
    """Make the profile of images that carry energies and forces (ASE's ``atoms.calc``).

    The tangent at an image bisects the directions from the image before and to the image after. Atoms are
    followed without wrapping.
    """
    positions = np.array([image.positions for image in images])
    steps = np.diff(positions, axis=0).reshape(len(images) - 1, -1)
    lengths = np.linalg.norm(steps, axis=1)
    units = steps / np.where(lengths > 0, lengths, 1.0)[:, None]
    tangents = np.vstack([units[:1], units[:-1] + units[1:], units[-1:]])
    norms = np.linalg.norm(tangents, axis=1)
    tangents /= np.where(norms > 0, norms, 1.0)[:, None]
    forces = np.array([image.get_forces(apply_constraint=False).ravel() for image in images])
    return EnergyProfile(
        np.concatenate([[0.0], np.cumsum(lengths)]),
        np.array([image.get_potential_energy() for image in images], dtype=float),
        np.einsum("ij,ij->i", forces, tangents),
    )


def write_profile(profile: EnergyProfile, path: str | Path) -> None:
    """Write a profile as CSV or JSON, as the name's ending says; the file appears whole or not at all."""
    path = Path(path)
    as_json = path.suffix.lower() == ".json"
    write_text(path, json.dumps(profile.to_dict(), indent=2) if as_json else profile.table())


def draw_profiles(
    profiles: Mapping[str, EnergyProfile], figure: Figure, *, normalised: bool = False
) -> None:
    """Draw profiles over one another, each with its spline; energies above the initial state.

    Parameters
    ----------
    profiles : mapping
        Profile by the name in the legend.
    figure : Figure
        Is cleared first.
    normalised : bool
        Draw over the fraction of the path instead of its length in Å.
    """
    figure.clear()
    axes = figure.add_subplot()
    for name, profile in profiles.items():
        scale = profile.distance[-1] or 1.0 if normalised else 1.0
        along, energy = profile.spline()
        label = f"{name}: {profile.barrier_ev:.2f} eV"
        (line,) = axes.plot(along / scale, energy, label=label)
        axes.plot(profile.distance / scale, profile.relative, "o", color=line.get_color())
    axes.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    axes.set_xlabel("fraction of the path" if normalised else "reaction coordinate (Å)")
    axes.set_ylabel("energy above the initial state (eV)")
    if profiles:
        axes.legend(edgecolor="none", framealpha=1.0)  # else a line runs through its words


def write_profile_picture(
    profiles: Mapping[str, EnergyProfile], path: str | Path, *, normalised: bool = False
) -> None:
    """Write profiles over one another as SVG, PNG or PDF, as the name's ending says."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    draw_profiles(profiles, figure, normalised=normalised)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=200)


def write_band(images: Sequence[Atoms], path: str | Path) -> None:
    """Write the images as frames of an extended XYZ file, with energies and forces where they have them."""
    from ase.io import write

    with replacing(path) as temporary:
        write(temporary, list(images), format="extxyz")


def write_images(images: Sequence[Atoms], folder: str | Path) -> list[Path]:
    """Write a CIF for each image (``00.cif`` …) into a folder."""
    from pymatgen.io.ase import AseAtomsAdaptor

    from migbar.structures import write_cif

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:02d}.cif" for number in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        write_cif(AseAtomsAdaptor.get_structure(image), path)
    return paths
