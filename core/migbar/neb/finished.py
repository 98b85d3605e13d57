"""Bands that were relaxed elsewhere, read back: folders of VASP, of Quantum ESPRESSO's neb.x, of ASE and `migbar neb`.

What `migbar export-dft` hands over comes back here, and so does any other folder of these codes. ASE reads the files.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Structure
from scipy.optimize import linear_sum_assignment

from migbar.bands import Band
from migbar.barriers import Remark
from migbar.datasets import BandRecord
from migbar.datasets.endpoints import band_between
from migbar.datasets.neb_folders import energies_of_table, gaps, image_folders, image_structure
from migbar.datasets.nebs import espresso_files, espresso_images
from migbar.datasets.problems import Level, Source
from migbar.datasets.xyz_bands import COMPUTED_WITH, CONVERGED, read_frames
from migbar.dft import unwrapped
from migbar.errors import BandsFileError, MigbarError, StructureFileError
from migbar.neb.result import BAND, RESULT, NebResult, read_result, result_from
from migbar.neb.settings import NebSettings
from migbar.paths import CrystalPaths
from migbar.potentials import Provenance, is_potential

if TYPE_CHECKING:
    from ase import Atoms

RELAXED_EV_PER_ANGSTROM = 0.1
"""Ends and bands with no larger forces count as relaxed where a code does not tell."""

NEAR = 1.0
"""Atoms of a relaxed band are no farther (Å) from where they were when it was made."""

STRAIN = 0.05
"""No vector of its cell differs by more than this fraction."""

ALIKE_EV = 0.002
"""Energies told twice differ by less; tables have three digits or more."""

_VERSION = re.compile(r"^\s*vasp\.([\d.]+\d)", re.MULTILINE)
_FUNCTIONAL = (
    re.compile(r"^\s*METAGGA\s*=\s*([A-Z0-9]{3,})", re.MULTILINE),
    re.compile(r"^\s*GGA\s*=\s*([A-Z0-9]{2})\b", re.MULTILINE),
    re.compile(r"^\s*LEXCH\s*=\s*([A-Z0-9]{2})\s*$", re.MULTILINE),
)
"""Where an OUTCAR tells the functional, the most special first; the last is the POTCAR's."""
_FUNCTIONALS = {"PE": "PBE", "PS": "PBEsol", "RP": "RPBE", "91": "PW91", "CA": "LDA"}
_CUTOFF = re.compile(r"^\s*ENCUT\s*=\s*([\d.]+)\s*eV", re.MULTILINE)
_HUBBARD = re.compile(r"LDAUTYPE")
_HYBRID = re.compile(r"^\s*LHFCALC\s*=\s*T\b", re.MULTILINE)
_SECONDS = re.compile(r"Elapsed time \(sec\):\s*([\d.]+)")
_CLIMBS = re.compile(r"(?:^|;)\s*LCLIMB\s*=\s*\.?T", re.MULTILINE | re.IGNORECASE)
_ESPRESSO_CLIMBS = re.compile(
    r"^\s*CI_scheme\s*=\s*['\"](?:auto|manual)", re.MULTILINE | re.IGNORECASE
)
_CONVERGED = "reached required accuracy"


class CalculationError(MigbarError):
    """Raised when a folder holds no finished NEB that can be read."""


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

    def is_of(self, band: Band) -> bool:
        """Whether it was made from this band, in either direction: same atoms, in places that are near."""
        own = self.record.band
        if own.ion != band.ion or own.host.composition != band.host.composition:
            return False
        lengths = np.linalg.norm(band.host.lattice.matrix, axis=1)
        apart = np.linalg.norm(own.host.lattice.matrix - band.host.lattice.matrix, axis=1)
        if (apart > STRAIN * lengths).any():
            return False
        ways = (band.path[[0, -1]], band.path[[-1, 0]])
        return any(_near_ends(own, band, way) for way in ways) and _near_host(own, band)


def _near_ends(own: Band, band: Band, way: Any) -> bool:
    lattice, mine = band.host.lattice, own.path[[0, -1]]
    start = lattice.get_all_distances(mine[0], way[0])[0, 0]
    apart = np.linalg.norm(lattice.get_cartesian_coords((mine[1] - mine[0]) - (way[1] - way[0])))
    return bool(start < NEAR and apart < NEAR)


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
        fits = [n for n, path in enumerate(paths) if calculation.is_of(path.band)]
        if not fits:
            raise CalculationError(
                f"The NEB in {name} is of none of the hops found here, in their supercells: it has to start from the "
                "images that migbar export-dft writes for one."
            )
        paths[fits[0]] = paths[fits[0]].with_barrier(calculation.result.calculated)
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
        `migbar export-dft --code ase` writes: ``band.extxyz``, its frames with energies and forces. Or what
        `migbar.neb.write_result` wrote.

    Raises
    ------
    CalculationError
        If it holds none, a file of it is missing or damaged, or not one ion hops.
    """
    folder = Path(folder).resolve()  # "." has no name
    if _is_own(folder):
        return _own(folder)
    reader = _reader(folder)
    if reader is None:
        raise CalculationError(
            f"{folder.name} holds no NEB: of VASP it has folders 00, 01, … with OUTCARs, of Quantum ESPRESSO an .axsf "
            f"and a .dat file, of ASE {BAND}."
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


@dataclass(frozen=True, slots=True)
class _Read:
    """What files told: frames in their order of atoms, which code, whether converged, climbing, steps and seconds."""

    frames: Sequence[Atoms]
    code: str
    version: str
    converged: bool | None = None
    climb: bool = False
    steps: int = 0
    seconds: float = 0.0
    remarks: tuple[Remark, ...] = ()


def _reader(folder: Path) -> Callable[[Path], _Read] | None:
    if not folder.is_dir():
        return None
    if len(image_folders(folder)) > 2:
        return _vasp
    if espresso_files(folder):
        return _espresso
    return _ase if (folder / BAND).is_file() else None


def _calculation(folder: Path, read: _Read) -> Calculation:
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
            f"{folder.name} holds {len(frames)} images; a band has three or more, its ends included."
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


def _forces_left(images: Sequence[Atoms], read: _Read, residual: float) -> Iterator[Remark]:
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


def _numbers(images: Sequence[Atoms], read: _Read) -> dict[str, Any]:
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


# ------------------------------------------------------------------ VASP


def _vasp(folder: Path) -> _Read:
    images = image_folders(folder)
    wrong = next(gaps(folder, images, Source(folder.name), folder.name), None)
    if wrong is not None:
        raise CalculationError(f"{folder.name}: {wrong.text}")
    files = [_outcar(image) for image in images]
    missing = [i.name for i, file in zip(images[1:-1], files[1:-1], strict=True) if file is None]
    if missing:
        raise CalculationError(
            f"There is no OUTCAR in {', '.join(missing)} of {folder.name}: its energies and forces are needed."
        )
    inner = [_last_step(file) for file in files[1:-1] if file is not None]
    known = [None, *(atoms.get_potential_energy() for atoms in inner), None]
    first, last = (
        _end(images[n], known, n) if file is None else _last_step(file)
        for n, file in ((0, files[0]), (-1, files[-1]))
    )
    texts = [_text(file) for file in files[1:-1] if file is not None]
    incar = folder / "INCAR"
    return _Read(
        [first, *inner, last],
        "VASP",
        _version(texts[0]),
        all(_CONVERGED in text for text in texts),
        incar.is_file() and bool(_CLIMBS.search(incar.read_text(errors="replace"))),
        texts[0].count("TOTAL-FORCE"),
        max((float(found) for text in texts for found in _SECONDS.findall(text)), default=0.0),
        tuple(_without_outcar(i) for i, file in zip(images, files, strict=True) if file is None),
    )


def _without_outcar(image: Path) -> Remark:
    text = (
        f"There is no OUTCAR in {image.name}: its energy is that of the table beside it, and the end is taken to be "
        "relaxed."
    )
    return Remark("end_without_outcar", text)


def _outcar(image: Path) -> Path | None:
    files = (image / "OUTCAR", image / "OUTCAR.gz")
    return next((file for file in files if file.is_file()), None)


def _text(outcar: Path) -> str:
    data = outcar.read_bytes()
    return (gzip.decompress(data) if outcar.suffix == ".gz" else data).decode(errors="replace")


def _last_step(outcar: Path) -> Atoms:
    """Return the last step that was finished, with energy and forces."""
    from ase.io import read

    try:
        atoms = read(outcar, index=-1, format="vasp-out")
        atoms.get_potential_energy(), atoms.get_forces()
    except Exception as error:  # ASE's readers raise whatever their parsing raises
        raise CalculationError(
            f"{outcar.relative_to(outcar.parents[2]).as_posix()} tells no energy and forces of a finished step "
            f"({str(error) or type(error).__name__})."
        ) from None
    return atoms


def _end(image: Path, known: Sequence[float | None], number: int) -> Atoms:
    """Return an end without OUTCAR: relaxed, so without forces, its energy from the table of the VTST scripts."""
    from ase.calculators.singlepoint import SinglePointCalculator
    from pymatgen.io.ase import AseAtomsAdaptor

    folder = image.parent
    table = energies_of_table(folder)
    if table is None or len(table) != len(known):
        raise CalculationError(
            f"There is no OUTCAR in {image.name} of {folder.name}: copy that of the relaxed end there, or add "
            "neb.dat or nebef.dat."
        )
    # A table may count from the first image on; all energies of one are off by the same.
    off = [energy - told for energy, told in zip(known, table, strict=True) if energy is not None]
    if max(off) - min(off) > ALIKE_EV:
        raise CalculationError(
            f"The table of energies in {folder.name} is not that of the last step in the OUTCARs; run nebresults.pl or "
            "nebbarrier.pl again."
        )
    try:
        atoms = AseAtomsAdaptor.get_atoms(image_structure(image), msonable=False)
    except StructureFileError as error:
        raise CalculationError(f"{image.name} of {folder.name}: {error}") from None
    energy, forces = table[number] + off[0], np.zeros((len(atoms), 3))
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    return atoms


def _version(text: str) -> str:
    """Return version, functional and cut-off, as far as an OUTCAR tells them."""
    parts = [found[1] for found in [_VERSION.search(text)] if found]
    functional = next((found[1] for p in _FUNCTIONAL if (found := p.search(text))), "")
    if functional:
        plus_u = "+U" if _HUBBARD.search(text) else ""
        hybrid = " hybrid" if _HYBRID.search(text) else ""
        parts.append(_FUNCTIONALS.get(functional, functional) + plus_u + hybrid)
    parts += [f"{float(found[1]):g} eV" for found in [_CUTOFF.search(text)] if found]
    return ", ".join(parts)


# ------------------------------------------------------------------ Quantum ESPRESSO, ASE


def _espresso(folder: Path) -> _Read:
    inputs = [path.read_text(errors="replace") for path in sorted(folder.glob("*.in"))]
    climb = any(_ESPRESSO_CLIMBS.search(text) for text in inputs)
    return _Read(espresso_images(folder), "Quantum ESPRESSO", "", climb=climb)


def _ase(folder: Path) -> _Read:
    frames = list(read_frames(folder / BAND))
    for number, atoms in enumerate(frames):
        if atoms.calc is None or not {"energy", "forces"} <= atoms.calc.results.keys():
            raise CalculationError(f"Image {number} of {BAND} has no energy and forces.")
        if not atoms.pbc.all():
            raise CalculationError(f"Image {number} of {BAND} has no periodic cell.")
    told = frames[0].info if frames else {}
    code, converged = str(told.get(COMPUTED_WITH, "ASE")), told.get(CONVERGED)
    return _Read(frames, code, "" if code == "ASE" else "by ASE", converged)
