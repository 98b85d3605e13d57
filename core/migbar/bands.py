"""Bands: a host that stays put and the positions of the ion that moves through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.elements import ionic_radius, is_anion
from migbar.errors import BandsFileError, UnknownElementError
from migbar.structures.cif import element_of

if TYPE_CHECKING:
    from ase import Atoms

CLASH_FRACTION = 0.75
"""An image closer to an atom than this fraction of the sum of their ionic radii is reported as a clash."""


@dataclass(frozen=True, slots=True)
class Band:
    """A migration path: a host that stays put and the positions of the ion that moves.

    Attributes
    ----------
    host : Structure
        Everything but the migrating ion.
    ion : str
        Symbol of the migrating element.
    path : ndarray, shape (n_images + 2, 3)
        Fractional positions from the initial to the final site, unwrapped.
    """

    host: Structure
    ion: str
    path: NDArray[np.float64]

    @property
    def cartesian_path(self) -> NDArray[np.float64]:
        """Positions of the ion along the path in Å, shape (n_images + 2, 3)."""
        return np.asarray(self.host.lattice.get_cartesian_coords(self.path))

    @property
    def length(self) -> float:
        """Length of the path in Å."""
        return float(np.linalg.norm(np.diff(self.cartesian_path, axis=0), axis=1).sum())

    @property
    def n_images(self) -> int:
        """Number of images between the two ends."""
        return len(self.path) - 2

    def straight(self, n_images: int = 3) -> Band:
        """Return the evenly spaced linear band between the same ends; every model is given this one.

        All published training bands are linear with three images, so a model sees nothing else,
        whatever band is displayed.
        """
        return Band(self.host, self.ion, linear_path(self.path[0], self.path[-1], n_images))

    def reversed(self) -> Band:
        """Return the same path walked from the final to the initial site."""
        return Band(self.host, self.ion, self.path[::-1].copy())

    def image(self, index: int) -> Structure:
        """Return the structure with the ion (as the first atom) at position `index` of the path."""
        return self._with_ion_at(self.path[[index]])

    def five_position_structure(self) -> Structure:
        """Return host and ion at all positions of the straight band at once: input of MODEL-3 and MODEL-4.

        Atoms 0–4 are the ion from the initial to the final site, the host follows.
        """
        return self._with_ion_at(self.straight().path)

    def _with_ion_at(self, positions: NDArray[np.float64]) -> Structure:
        symbols = [self.ion] * len(positions) + [site.specie for site in self.host]
        return Structure(
            self.host.lattice, symbols, np.concatenate([positions, self.host.frac_coords])
        )


@dataclass(frozen=True, slots=True)
class Approach:
    """The host atom that leaves one image of a band the least room.

    Attributes
    ----------
    image : int
        Position along the path, 0 for the initial site.
    distance : float
        Distance in Å.
    element : str
        Symbol of that host atom.
    site : int
        Its index in ``band.host``.
    """

    image: int
    distance: float
    element: str
    site: int

    def clashes(self, ion: str) -> bool:
        """Whether the approach is closer than `CLASH_FRACTION` of the sum of the ionic radii."""
        return is_clash(ion, self.element, self.distance)


def is_clash(ion: str, element: str, distance: float) -> bool:
    """Whether an ion at a distance (Å) is closer to an atom than `clash_limit`."""
    return round(distance, 3) < round(clash_limit(ion, element), 3)  # else a tie hangs on rounding


def clash_limit(ion: str, element: str) -> float:
    """Return how near (Å) an ion may come to an atom: `CLASH_FRACTION` of the sum of their ionic radii."""
    return CLASH_FRACTION * (ionic_radius(ion) + ionic_radius(element))


def linear_path(
    start: Sequence[float] | NDArray[np.float64],
    end: Sequence[float] | NDArray[np.float64],
    n_images: int = 3,
) -> NDArray[np.float64]:
    """Return evenly spaced fractional positions, ends included, shape (n_images + 2, 3)."""
    weights = np.linspace(0.0, 1.0, n_images + 2)[:, None]
    return (1 - weights) * np.asarray(start, float) + weights * np.asarray(end, float)


def idpp_band(band: Band, n_images: int = 3) -> Band:
    """Bend a band around the host's atoms by image-dependent pair potentials; the host stays put.

    Source: Smidstrup et al., J. Chem. Phys. 140, 214106 (2014), doi:10.1063/1.4878664, as in ASE.
    """
    from ase.constraints import FixAtoms
    from pymatgen.io.ase import AseAtomsAdaptor

    straight = band.straight(n_images)
    atoms = AseAtomsAdaptor.get_atoms(straight.image(0), msonable=False)
    images = []
    for position in straight.cartesian_path:
        copy = atoms.copy()
        copy.positions[0] = position
        copy.set_constraint(FixAtoms(range(1, len(copy))))
        images.append(copy)
    interpolate_by_idpp(images)
    cartesian = np.array([image.positions[0] for image in images])
    return Band(band.host, band.ion, np.asarray(band.host.lattice.get_fractional_coords(cartesian)))


def interpolate_by_idpp(images: Sequence[Atoms]) -> None:
    """Place the atoms of the images between two ends by image-dependent pair potentials.

    These know no periodic copies: of every atom that copy counts which is nearest to the middle of the ion's way.

    Parameters
    ----------
    images : sequence of Atoms
        The migrating ion first, not wrapped between the ends.
    """
    from ase.geometry import find_mic
    from ase.mep import NEB

    first, last = images[0], images[-1]
    middle = (first.positions[0] + last.positions[0]) / 2
    nearest = middle + find_mic(first.positions - middle, first.cell)[0]
    shift = nearest - first.positions
    shift[0] = 0.0
    for image in images:
        image.positions += shift
    NEB(list(images), method="improvedtangent").interpolate("idpp", apply_constraint=True)
    for image in images:
        image.positions -= shift


def displayed_band(band: Band, idpp: bool = False, n_images: int = 3) -> Band:
    """Return the band to show: straight, or bent around the host's atoms by IDPP."""
    return idpp_band(band, n_images) if idpp else band.straight(n_images)


def approaches(band: Band) -> list[Approach]:
    """Return the host atom that leaves the ion the least room for every position of the path, the two ends included.

    By the distance over the sum of the ionic radii: a small cation that is as near as an anion has more room left.
    """
    distances = band.host.lattice.get_all_distances(band.path, band.host.frac_coords)
    touching = [ionic_radius(band.ion) + ionic_radius(site.specie.symbol) for site in band.host]
    nearest = (distances / touching).argmin(axis=1)
    return [
        Approach(
            image, float(distances[image, site]), band.host[int(site)].specie.symbol, int(site)
        )
        for image, site in enumerate(nearest)
    ]


def coordination(
    band: Band, positions: int = 41
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count the anions around the ion along its path, smoothly.

    Every host anion counts as a sigmoid that falls from one to zero around 1.25 times the sum of
    the ionic radii (width 0.1 Å), so that the count changes without jumps as a ligand is left behind.

    Parameters
    ----------
    band : Band
    positions : int
        Number of points along the path.

    Returns
    -------
    distance : ndarray, shape (positions,)
        Distance walked from the initial site in Å.
    count : ndarray, shape (positions,)
        Coordination number.
    """
    path = _resample(band, positions)
    steps = np.linalg.norm(np.diff(band.host.lattice.get_cartesian_coords(path), axis=0), axis=1)
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    anions = _anion_sites(band.host)
    if len(anions) == 0:
        return walked, np.zeros(positions)
    radii = np.array([ionic_radius(band.host[int(i)].specie.symbol) for i in anions])
    shell = 1.25 * (ionic_radius(band.ion) + radii)
    distances = band.host.lattice.get_all_distances(path, band.host.frac_coords[anions])
    return walked, (1 / (1 + np.exp((distances - shell) / 0.1))).sum(axis=1)


def _anion_sites(host: Structure) -> NDArray[np.int_]:
    """Return the sites of anions; the S of a sulphate or the N of a nitrate is none."""
    anions = np.array([i for i, s in enumerate(host) if is_anion(s.specie.symbol)], dtype=int)
    hard = [i for i in anions if host[int(i)].specie.symbol in ("O", "F")]
    if not hard or len(hard) == len(anions):
        return anions
    distances = host.lattice.get_all_distances(host.frac_coords[anions], host.frac_coords[hard])
    bonded = ((distances > 0.1) & (distances < 1.9)).any(axis=1)
    return anions[~bonded | np.isin(anions, hard)]


def _resample(band: Band, positions: int) -> NDArray[np.float64]:
    """Return evenly spaced fractional positions along the (possibly bent) path."""
    steps = np.linalg.norm(np.diff(band.cartesian_path, axis=0), axis=1)
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, walked[-1], positions)
    return np.column_stack([np.interp(wanted, walked, band.path[:, axis]) for axis in range(3)])


def band_from_record(record: Mapping[str, Any], name: str = "record") -> Band:
    """Read a band from a record of the published JSON format.

    Parameters
    ----------
    record : Mapping
        With ``atoms``: ``lattice_mat`` (3×3, Å, rows are vectors), ``coords`` (N×3, fractional unless
        ``cartesian`` is true), ``elements`` (N); atoms 0–4 are the ion from the initial to the final site, wrapped
        into the cell or not.
    name : str
        What to call the record in errors.

    Raises
    ------
    BandsFileError
        If the record is not a five-position structure.
    """
    problems: list[str] = []
    try:
        atoms = record["atoms"]
        lattice = Lattice(np.asarray(atoms["lattice_mat"], float))
        coords = np.asarray(atoms["coords"], float)
        elements = [str(e).strip() for e in atoms["elements"]]
    except KeyError as error:
        raise BandsFileError(name, [f"no readable atoms ({error} is missing)"]) from None
    except (TypeError, ValueError) as error:
        raise BandsFileError(name, [f"no readable atoms ({error})"]) from None
    if coords.ndim != 2 or coords.shape != (len(elements), 3):
        problems.append(f"{len(elements)} elements but coordinates of shape {coords.shape}")
    elif len(elements) < 6:
        problems.append("fewer than six atoms: five positions of the ion and a host are needed")
    elif len(set(elements[:5])) != 1:
        problems.append(f"atoms 0–4 must be one migrating element, found {', '.join(elements[:5])}")
    if not np.isfinite(coords).all() or not lattice.volume > 0:
        problems.append("lattice or coordinates are not finite numbers")
    if problems:
        raise BandsFileError(name, problems)
    if atoms.get("cartesian"):
        coords = np.asarray(lattice.get_fractional_coords(coords))
    symbols = _symbols(elements, name)
    host = Structure(lattice, symbols[5:], coords[5:])
    return Band(host, symbols[0], _unwrapped(coords[:5]))


def _unwrapped(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo jumps through the cell: from one position to the next an ion goes no farther than half of it."""
    jumps = np.cumsum(np.round(np.diff(path, axis=0, prepend=path[:1])), axis=0)
    return np.where(jumps, path - jumps, path)  # a hash of the data tells -0 from 0


def _symbols(elements: Sequence[str], name: str) -> list[str]:
    """Read the elements as those in files of structures are, charges and isotopes left out."""
    try:
        known = {element: element_of(element, name) for element in set(elements)}
    except UnknownElementError as error:
        raise BandsFileError(name, [error.reason]) from None
    return [known[element] for element in elements]


def band_to_record(band: Band, sys_name: str, target: float | None = None) -> dict[str, Any]:
    """Write a band as a record of the published JSON format (see `band_from_record`)."""
    structure = band.five_position_structure()
    record: dict[str, Any] = {
        "sys_name": sys_name,
        "formula": structure.formula,
        "atoms": {
            "lattice_mat": structure.lattice.matrix.tolist(),
            "coords": structure.frac_coords.tolist(),
            "elements": [site.specie.symbol for site in structure],
            "cartesian": False,
        },
    }
    if target is not None:
        record["target"] = target
    return record
