"""Bands in extended XYZ files, and the folders of the LiTraj data set.

A band is a row of frames, from the initial to the final structure, with one ``edge_id``, ``band``, ``sys_name`` or
``name`` in their comment lines; without any the whole file is one band. The barrier is ``barrier_ev``, ``em_dft``,
``em`` or ``target`` of its first frame, else the highest energy minus the lower end.

LiTraj (Dembitskiy et al., npj Comput. Mater. 11, 131 (2025), doi:10.1038/s41524-025-01571-z) keeps an index
``*_index.csv`` beside relaxed bands ``EDGE_relaxed.xyz`` (nebDFT2k), or beside files of supercells with all ions and a
dummy atom X half-way between the two ends of the hop (nebBVSE122k).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.bands import Band, linear_path
from migbar.datasets import BandRecord
from migbar.datasets.csv_rows import csv_rows
from migbar.datasets.endpoints import band_between
from migbar.datasets.numbers import Barriers
from migbar.datasets.problems import Candidate, Level, Problem, Source
from migbar.errors import BandsFileError, words_of
from migbar.potentials import is_potential

if TYPE_CHECKING:
    from ase import Atoms

NAMES = ("edge_id", "band", "sys_name", "name")
BARRIERS = ("barrier_ev", "em_dft", "em", "target")
COMPUTED_WITH, CONVERGED = "computed_with", "converged"
"""What the script of `migbar export-dft --code ase` writes into each comment line."""

DUMMY = "X"

SAME_MIDDLE = 0.15
"""Distance (Å) of the middle between two sites from the dummy atom that marks it."""

LONGEST_HOP = 8.0


def read_xyz_bands(path: Path, ion: str = "") -> Iterator[Candidate]:
    """Read the bands of an extended XYZ file, one at a time.

    Raises
    ------
    BandsFileError
        If it cannot be read as one; what was read before stays read.
    """
    keyed = ((_key(frame, number), frame) for number, frame in enumerate(read_frames(path)))
    for count, (_, group) in enumerate(itertools.groupby(keyed, key=lambda pair: pair[0]), start=1):
        frames = [frame for _, frame in group]
        source = Source(path.name, count)
        name = next((str(frames[0].info[k]) for k in NAMES if k in frames[0].info), "")
        yield candidate_of(frames, name or f"{path.stem}-{count}", source, ion)


def is_litraj(folder: Path) -> bool:
    """Whether a folder is laid out as those of LiTraj."""
    return folder.is_dir() and any(folder.glob("*_index.csv"))


def read_litraj(folder: Path) -> Iterator[Candidate]:
    """Read a data set of LiTraj.

    Raises
    ------
    BandsFileError
        If its index cannot be read, or names no migration barriers.
    """
    index = sorted(folder.glob("*_index.csv"))[0]
    rows = _rows(index)
    if not rows or "edge_id" not in rows[0]:
        raise BandsFileError(
            index.name, ["has no column edge_id: it holds no migration barriers of single hops"]
        )
    if "em_dft" in rows[0]:
        yield from _relaxed_bands(folder, index, rows)
        return
    parts = {row["edge_id"]: row.get("_split", "") for row in rows}
    for file in sorted(folder.glob("*.xyz")):
        for candidate in read_xyz_bands(file, "Li"):
            text = "The barrier is one of bond-valence site energies and not of DFT."
            told = Problem("other_method", text, candidate.source, candidate.name, Level.WARNING)
            problems = (*candidate.problems, told)
            yield replace(candidate, problems=problems, part=parts.get(candidate.name, ""))


def _rows(index: Path) -> list[dict[str, str]]:
    """Read the rows of an index by the names of its columns; what a row was cut short of is empty."""
    try:
        header, *rows = csv_rows(index) or [[]]
    except OSError as error:
        raise BandsFileError(index.name, [f"cannot be read ({words_of(error)})"]) from None
    nothing = dict.fromkeys(header, "")
    return [nothing | dict(zip(header, row, strict=False)) for row in rows if any(row)]


def _relaxed_bands(
    folder: Path, index: Path, rows: Sequence[dict[str, str]]
) -> Iterator[Candidate]:
    numbers = Barriers(row["em_dft"] for row in rows)
    for number, row in enumerate(rows, start=2):
        name, source = row["edge_id"], Source(index.name, number)
        file = folder / f"{Path(name).name}_relaxed.xyz"
        part = row.get("_split", "")
        try:
            if not file.is_file():
                raise BandsFileError(file.name, ["there is no such file"])
            frames = list(read_frames(file))
        except BandsFileError as error:
            problem = Problem("missing_file", str(error), source, name)
            yield Candidate(source, name, None, (problem,), part)
            continue
        band, problems = _band(frames, name, source, "Li")
        barrier, found = numbers.read(row["em_dft"], source, name)
        record = None if band is None else BandRecord(name, band, barrier)
        yield Candidate(source, name, record, (*problems, *found), part)


def read_frames(path: Path) -> Iterator[Atoms]:
    """Read the frames of an extended XYZ file, or of a trajectory of ASE, one by one.

    Raises
    ------
    BandsFileError
        If it cannot be read as one.
    """
    from ase.io import iread

    kind, words = (
        ("traj", "trajectory") if path.suffix == ".traj" else ("extxyz", "extended XYZ file")
    )
    try:
        yield from iread(path, index=":", format=kind)
    except OSError as error:
        raise BandsFileError(path.name, [f"cannot be read ({words_of(error)})"]) from None
    except Exception as error:  # ASE raises many kinds for files that are damaged
        raise BandsFileError(path.name, [f"is a damaged {words} ({error})"]) from None


def _key(frame: Atoms, number: int) -> Any:
    """Say which band a frame belongs to; a frame with a dummy atom is one by itself."""
    if DUMMY in frame.symbols:
        return number
    return next((str(frame.info[k]) for k in NAMES if k in frame.info), "")


def candidate_of(frames: Sequence[Atoms], name: str, source: Source, ion: str = "") -> Candidate:
    """Make a path of its images, one or more."""
    band, problems = _band(frames, name, source, ion)
    info = frames[0].info
    value = next((info[k] for k in BARRIERS if k in info), None)
    barrier, found = Barriers([]).read(
        value.item() if isinstance(value, np.generic) else value, source, name
    )
    if value is None:
        barrier, found = _from_energies(frames, name, source)
    part = str(info.get("split", info.get("_split", "")))
    record = None if band is None else BandRecord(name, band, barrier)
    return Candidate(source, name, record, (*problems, *found, *_told(info, name, source)), part)


def _told(info: Mapping[str, Any], name: str, source: Source) -> Iterator[Problem]:
    """Tell what the script of `migbar export-dft --code ase` says of itself."""
    by = str(info.get(COMPUTED_WITH, ""))
    if by and is_potential(by):
        text = f"The band was relaxed with {by}, a potential: its barrier teaches nothing."
        yield Problem("predicted_barrier", text, source, name)
    if not info.get(CONVERGED, True):
        yield Problem("not_converged", "The band is not converged.", source, name, Level.WARNING)


def _band(
    frames: Sequence[Atoms], name: str, source: Source, ion: str
) -> tuple[Band | None, tuple[Problem, ...]]:
    if any(frame.cell.rank != 3 for frame in frames):
        return None, (
            Problem("no_cell", "A frame has no Lattice: it is no crystal.", source, name),
        )
    if DUMMY in frames[0].symbols:
        return _around_dummy(frames[0], name, source, ion)
    if len(frames) < 2:
        text = "One frame is no band: the initial and the final structure are needed at least."
        return None, (Problem("missing_image", text, source, name),)
    again = _again(frames)
    if again is not None:
        text = (
            f"The initial end comes again in frame {again + 1} of {len(frames)}: are these several bands, or all "
            f"steps of a relaxation? Give each band its own {NAMES[1]}= in the comment lines, or keep the last step."
        )
        return None, (Problem("several_bands", text, source, name),)
    first, *between, last = map(_structure, frames)
    return band_between(first, last, source, name, ion, between)


def _again(frames: Sequence[Atoms]) -> int | None:
    """Return the first later frame, the last one aside, with all atoms where they were in the first."""
    start = frames[0].positions
    for number, frame in enumerate(frames[1:-1], start=1):
        if frame.positions.shape == start.shape and np.abs(frame.positions - start).max() < 1e-3:
            return number
    return None


def _structure(frame: Atoms) -> Structure:
    lattice = Lattice(frame.cell.array)
    return Structure(lattice, list(frame.symbols), frame.get_scaled_positions())


def _from_energies(
    frames: Sequence[Atoms], name: str, source: Source
) -> tuple[float | None, tuple[Problem, ...]]:
    energies = [_energy(frame) for frame in frames]
    known = [e for e in energies if e is not None]
    if len(known) < len(energies) or len(known) < 3:
        return None, ()
    if not np.isfinite(known).all():
        number = int(np.argmin(np.isfinite(known))) + 1
        text = f"The energy of frame {number} is no number."
        return None, (Problem("bad_barrier", text, source, name),)
    if int(np.argmax(known)) in (0, len(known) - 1):
        text = "An end is the highest image: there is no saddle point between the ends."
        return None, (Problem("no_saddle", text, source, name),)
    return max(known) - min(known[0], known[-1]), ()


def _energy(frame: Atoms) -> float | None:
    if frame.calc is not None and "energy" in frame.calc.results:
        return float(frame.calc.results["energy"])
    value = frame.info.get("energy")
    return float(value) if isinstance(value, int | float) else None


def _around_dummy(
    frame: Atoms, name: str, source: Source, ion: str
) -> tuple[Band | None, tuple[Problem, ...]]:
    """Find the two ions that the dummy atom lies half-way between."""

    def wrong(text: str) -> tuple[None, tuple[Problem, ...]]:
        return None, (Problem("no_mover", text, source, name),)

    symbols = np.array(list(frame.symbols))
    ion = ion or "Li"
    ions, dummies = np.flatnonzero(symbols == ion), np.flatnonzero(symbols == DUMMY)
    if len(dummies) != 1:
        return wrong(f"{len(dummies)} dummy atoms mark the middle of the hop; one was expected.")
    frac = frame.get_scaled_positions(wrap=False)
    pairs = _pairs(frame.cell.array, frac, ions, frac[dummies[0]])
    if not pairs:
        return wrong(f"No two {ion} lie on opposite sides of the dummy atom.")
    if len(pairs) > 1 and pairs[1][0] - pairs[0][0] < 0.1:
        return wrong(f"Several pairs of {ion} lie on opposite sides of the dummy atom.")
    _, i, j, start, end = pairs[0]
    kept = [k for k in range(len(symbols)) if k not in (i, j, dummies[0])]
    host = Structure(Lattice(frame.cell.array), symbols[kept].tolist(), frac[kept])
    return Band(host, ion, linear_path(start, end)), ()


def _pairs(
    cell: NDArray[np.float64],
    frac: NDArray[np.float64],
    ions: NDArray[np.int64],
    middle: NDArray[np.float64],
) -> list[tuple[float, int, int, NDArray[np.float64], NDArray[np.float64]]]:
    """Pairs of ions around a point, by their distance: length (Å), indices, unwrapped positions."""
    corners = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])
    away = frac[ions] - middle
    away = (away - np.round(away))[:, None] + corners
    half = np.linalg.norm(away @ cell, axis=2)
    near = [(int(a), away[a, c]) for a, c in np.argwhere(half < LONGEST_HOP / 2)]
    found = []
    for (a, one), (b, other) in itertools.combinations(near, 2):
        if a != b and np.linalg.norm((one + other) @ cell) < 2 * SAME_MIDDLE:
            length = float(np.linalg.norm((one - other) @ cell))
            found.append((length, int(ions[a]), int(ions[b]), middle + one, middle + other))
    return sorted(found, key=lambda pair: pair[0])
