"""Bands that were relaxed elsewhere, read back: folders of VASP, of Quantum ESPRESSO's neb.x, of ASE and `migbar neb`.

What `migbar export-dft` hands over comes back here, and so does any other folder of these codes. ASE reads the files.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Structure
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import linear_sum_assignment

from migbar.bands import Band
from migbar.barriers import Remark
from migbar.datasets import BandRecord
from migbar.datasets.endpoints import band_between
from migbar.datasets.neb_folders import image_folders
from migbar.datasets.nebs import ASE_BANDS, ase_file, espresso_files
from migbar.datasets.problems import Level, Source
from migbar.dft import unwrapped
from migbar.errors import BandsFileError
from migbar.neb.codes import CalculationError, Output, ase_output, neb_x_output, vasp_output
from migbar.neb.result import BAND, RESULT, NebResult, read_result, result_from
from migbar.neb.settings import NebSettings
from migbar.paths import CrystalPaths
from migbar.potentials import Provenance, is_potential
from migbar.wording import counted

if TYPE_CHECKING:
    from ase import Atoms

RELAXED_EV_PER_ANGSTROM = 0.1
"""Ends and bands with no larger forces count as relaxed where a code does not tell."""

NEAR = 1.0
"""Atoms of a relaxed band are no farther (Å) from where they were when it was made."""

STRAIN = 0.05
"""No vector of its cell differs by more than this fraction."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """A band that was relaxed elsewhere.

    Attributes
    ----------
    result : NebResult
        Its images with energies and forces, the ion first.
    record : BandRecord
        The straight band between its ends, which models take, and its barrier.
    """

    result: NebResult
    record: BandRecord

    def among(self, bands: Sequence[Band]) -> int | None:
        """Say which of some bands it was made from, in either direction: same atoms, in places that are near.

        Voids may be nearer to one another than an ion moves when an end is relaxed, so that several fit: it is the
        nearest one's.
        """
        off = [_off(self.record.band, band) for band in bands]
        return int(np.argmin(off)) if np.isfinite(off).any() else None


def _off(own: Band, band: Band) -> float:
    """How far (Å) the ends of a band are from those of another one, in either direction; infinite for another hop's."""
    if own.ion != band.ion or own.host.composition != band.host.composition:
        return np.inf
    cell, given = own.host.lattice.matrix, band.host.lattice.matrix
    turn, _ = orthogonal_procrustes(cell, given)  # VASP has a left-handed cell the other way round
    apart = np.linalg.norm(cell @ turn - given, axis=1)
    if (apart > STRAIN * np.linalg.norm(given, axis=1)).any():
        return np.inf
    off = min(_ends_off(own, band, way) for way in (band.path[[0, -1]], band.path[[-1, 0]]))
    return off if off < np.inf and _near_host(own, band) else np.inf


def _ends_off(own: Band, band: Band, way: Any) -> float:
    lattice, mine = band.host.lattice, own.path[[0, -1]]
    start = float(lattice.get_all_distances(mine[0], way[0])[0, 0])
    turned = lattice.get_cartesian_coords((mine[1] - mine[0]) - (way[1] - way[0]))
    apart = float(np.linalg.norm(turned))
    return float(np.hypot(start, apart)) if max(start, apart) < NEAR else np.inf


def _near_host(own: Band, band: Band) -> bool:
    distances = band.host.lattice.get_all_distances(own.host.frac_coords, band.host.frac_coords)
    symbols = [np.array([site.specie.symbol for site in host]) for host in (own.host, band.host)]
    distances = np.where(symbols[0][:, None] == symbols[1], distances, 1e3)
    return bool(distances[linear_sum_assignment(distances)].max(initial=0.0) < NEAR)


def with_calculations(crystal: CrystalPaths, calculations: Iterable[Calculation]) -> CrystalPaths:
    """Take the barriers of hops that were calculated, and find the way through anew.

    Raises
    ------
    CalculationError
        If a calculation has not converged, or is of none of the hops.
    """
    paths = list(crystal.paths)
    for calculation in calculations:
        name, by = calculation.record.sys_name, calculation.result.potential
        if not by.calculated:
            raise CalculationError(
                f"The band in {name} was relaxed with {by}, a potential: only calculations count in the place of "
                "predictions."
            )
        if not calculation.result.converged:
            raise CalculationError(f"The NEB in {name} has not converged.")
        number = calculation.among([path.band for path in paths])
        if number is None:
            raise CalculationError(
                f"The NEB in {name} is of none of the hops found here, in their supercells: it has to start from the "
                "images that MigBar exports for one."
            )
        paths[number] = paths[number].with_barrier(calculation.result.calculated)
    return CrystalPaths.of(crystal.search, paths, crystal.places)


def is_calculation(folder: str | Path) -> bool:
    """Whether a folder looks like a NEB of one of the codes."""
    try:
        return _reader(Path(folder)) is not None
    except OSError:
        return False


def _is_own(folder: Path) -> bool:
    return (folder / RESULT).is_file() and (folder / BAND).is_file()


def read_calculation(folder: str | Path) -> Calculation:
    """Read a finished NEB.

    Parameters
    ----------
    folder : path
        Of VASP: ``00`` … with POSCAR or CONTCAR, and OUTCAR in all but the ends, whose energies may also stand in
        ``neb.dat`` or ``nebef.dat``. Of neb.x: ``PREFIX.axsf`` and ``PREFIX.dat``. Of the script that
        `migbar export-dft --code ase` writes: ``band.extxyz``, its frames with energies and forces; of another one with
        ASE: ``neb.traj``. Or what `migbar.neb.write_result` wrote.

    Raises
    ------
    CalculationError
        If it holds none, a file of it is missing or damaged, or not one ion hops.
    """
    if not Path(folder).is_dir():
        raise CalculationError(f"There is no folder {folder}; give the one that holds the NEB.")
    folder = Path(folder).resolve()  # "." has no name
    if _is_own(folder):
        return _own(folder)
    reader = _reader(folder)
    if reader is None:
        raise CalculationError(
            f"{folder.name} holds no NEB: of VASP it has folders 00, 01, … with OUTCARs, of Quantum ESPRESSO an .axsf "
            f"and a .dat file, of ASE {' or '.join(ASE_BANDS)}."
        )
    try:
        read = reader(folder)
    except BandsFileError as error:
        raise CalculationError(str(error)) from None
    except (OSError, EOFError, zlib.error) as error:
        named = getattr(error, "filename", None)
        name = Path(named).name if named else folder.name
        raise CalculationError(f"{name} cannot be read ({error}).") from None
    return _calculation(folder, read)


def _reader(folder: Path) -> Callable[[Path], Output] | None:
    if not folder.is_dir():
        return None
    if len(image_folders(folder)) > 2:
        return vasp_output
    if espresso_files(folder):
        return neb_x_output
    return ase_output if ase_file(folder) else None


def _calculation(folder: Path, read: Output) -> Calculation:
    if len({tuple(atoms.symbols) for atoms in read.frames}) > 1:
        raise CalculationError(
            f"The images in {folder.name} differ in their atoms, or in their order."
        )
    record, remarks = _record(folder, read.frames)
    images = _images(read.frames)
    for number, atoms in enumerate(images):
        if not np.isfinite([atoms.get_potential_energy(), *atoms.get_forces().flat]).all():
            raise CalculationError(
                f"Energy or forces of image {number} in {folder.name} are no numbers."
            )
    numbers = _numbers(images, read)
    told = (*read.remarks, *remarks, *_forces_left(images, read, numbers["residual"]))
    ends = [images[0].positions, images[-1].positions]
    result = result_from(images, ends, told, numbers)
    return Calculation(result, replace(record, target_ev=result.barrier_ev))


def _own(folder: Path) -> Calculation:
    result = read_result(folder)
    record, _ = _record(folder, result.images)
    return Calculation(result, replace(record, target_ev=result.barrier_ev))


def _record(folder: Path, frames: Sequence[Atoms]) -> tuple[BandRecord, list[Remark]]:
    if len(frames) < 3:
        raise CalculationError(
            f"{folder.name} holds {counted(len(frames), 'image')}; a band has three or more, its ends included."
        )
    first, *between, last = (_structure(atoms) for atoms in frames)
    source = Source(folder.name)
    band, problems = band_between(first, last, source, folder.name, between=between)
    if band is None:
        raise CalculationError(
            f"The NEB in {folder.name} is not of one hopping ion: {problems[0].text}"
        )
    told = [Remark(p.code, p.text) for p in problems if p.level is Level.WARNING]
    return BandRecord(folder.name, band, None), told


def _structure(atoms: Atoms) -> Structure:
    return Structure(atoms.cell.array, list(atoms.symbols), atoms.get_scaled_positions(wrap=False))


def _images(frames: Sequence[Atoms]) -> list[Atoms]:
    """Put the ion first, and undo jumps through the cell."""
    from ase.calculators.singlepoint import SinglePointCalculator

    path = unwrapped(np.array([atoms.get_scaled_positions(wrap=False) for atoms in frames]))
    moved = (path[-1] - path[0]) @ frames[0].cell.array
    ion = int(np.linalg.norm(moved - moved.mean(axis=0), axis=1).argmax())
    order = [ion, *(i for i in range(len(moved)) if i != ion)]
    images = []
    for frac, frame in zip(path, frames, strict=True):
        image = frame[order]
        image.set_scaled_positions(frac[order])
        image.pbc = True
        image.set_constraint()
        image.calc = SinglePointCalculator(
            image,
            energy=frame.get_potential_energy(),
            forces=frame.get_forces()[order],  # none on atoms that are held
        )
        images.append(image)
    return images


def _at_ends(images: Sequence[Atoms]) -> float:
    """Return the largest force on an atom of the ends, eV/Å."""
    ends = (images[0], images[-1])
    return max(float(np.linalg.norm(end.get_forces(), axis=1).max()) for end in ends)


def _forces_left(images: Sequence[Atoms], read: Output, residual: float) -> Iterator[Remark]:
    """Tell what a code does not: it looks at no ends, and perhaps at energies alone."""
    at_ends = _at_ends(images)
    if at_ends > RELAXED_EV_PER_ANGSTROM:
        text = (
            f"The ends are not relaxed: forces up to {at_ends:.2f} eV/Å are left, so the barrier may be wrong. Has "
            "their relaxation finished?"
        )
        yield Remark("ends_not_converged", text)
    if read.converged and residual > RELAXED_EV_PER_ANGSTROM:
        text = (
            f"{read.code} calls the band converged, yet forces up to {residual:.2f} eV/Å across the path are left. "
            "Were energies alone looked at (VASP: EDIFFG above 0)?"
        )
        yield Remark("forces_left", text)


def _numbers(images: Sequence[Atoms], read: Output) -> dict[str, Any]:
    from ase.mep import NEB

    forces = NEB(list(images), k=0.0, climb=read.climb, method="improvedtangent").get_forces()
    residual = float(np.linalg.norm(forces, axis=1).max())
    near_zero = residual <= RELAXED_EV_PER_ANGSTROM
    return {
        "settings": NebSettings(
            n_images=len(images) - 2,
            relax_ends=_at_ends(images) <= RELAXED_EV_PER_ANGSTROM,
            climb=read.climb,
        ),
        "potential": Provenance(
            read.code, read.version, device="", calculated=not is_potential(read.code)
        ),
        "converged": near_zero if read.converged is None else read.converged,
        "residual": residual,
        "steps": read.steps,
        "end_steps": 0,
        "seconds": read.seconds,
    }
