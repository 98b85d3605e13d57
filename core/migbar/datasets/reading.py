"""Reading barrier data of any kind into one dataset, with everything that is wrong told at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.bands import band_from_record
from migbar.datasets import BandRecord, normalised_family, read_bands, read_list
from migbar.datasets.archives import unpacked
from migbar.datasets.checks import Checker, KnownPath
from migbar.datasets.nebs import find_nebs, read_neb
from migbar.datasets.numbers import Barriers
from migbar.datasets.problems import SAFE_MENDS, Candidate, Level, Mend, Problem, Source
from migbar.datasets.storage import SUFFIX, BarrierDataset, writing
from migbar.datasets.tables import read_results, read_table
from migbar.datasets.xyz_bands import is_litraj, read_litraj, read_xyz_bands
from migbar.errors import BandsFileError, MigbarError
from migbar.progress import SILENT, Progress, check_cancelled

KINDS = (
    "folders of NEB calculations (VASP, neb.x, ASE), CSV or XLSX tables, the published JSON, extended XYZ, LiTraj's "
    "folders, the results of a screening (.db), a dataset of MigBar (.parquet), or a ZIP archive of these"
)
"""What can be read, for people."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a user says about their data.

    Attributes
    ----------
    ion : str
        Element that moves, where the data do not say; found by itself where empty.
    columns : mapping
        Name of a table's column by what it means (see `migbar.datasets.tables.COLUMNS`), where it is not one
        of the usual names.
    """

    ion: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading gave.

    Attributes
    ----------
    names, families, ions : tuple of str
        Of the paths that are used.
    barriers : ndarray
        In eV; NaN where unknown.
    found : int
        Number of paths in the data, usable or not.
    problems : tuple of Problem
    mends : frozenset of Mend
        What might be mended, and was wherever a problem asked for it.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    ions: tuple[str, ...]
    barriers: NDArray[np.float64]
    found: int
    problems: tuple[Problem, ...]
    mends: frozenset[Mend]

    @property
    def used(self) -> int:
        """Number of paths that are used."""
        return len(self.names)


def read_candidates(
    path: str | Path, options: ReadOptions = ReadOptions(), progress: Progress = SILENT
) -> Iterator[Candidate]:
    """Read paths one by one from a file or folder of any kind that is known.

    A file that cannot be read at all is one candidate without a record.
    """
    path = Path(path)
    try:
        yield from _reader(path)(path, options, progress)
    except MigbarError as error:
        texts = error.problems if isinstance(error, BandsFileError) else (str(error),)
        source = Source(path.name)
        problems = tuple(Problem("unreadable", text, source) for text in texts)
        yield Candidate(source, "", None, problems)


def read_records(path: str | Path, progress: Progress = SILENT) -> list[BandRecord]:
    """Read all paths of a file or folder of any kind, those without a barrier too, or none.

    Raises
    ------
    BandsFileError
        If a path cannot be read, or its barrier is no good; every problem is told.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        return read_bands(path)
    candidates = list(read_candidates(path, progress=progress))
    problems = [
        p.text if str(p.source) == path.name else f"{p.source}: {p.text}"
        for c in candidates
        if not c.accepted()
        for p in c.problems
        if p.level is Level.ERROR
    ]
    if problems:
        raise BandsFileError(path.name, problems)
    return [c.record for c in candidates if c.record is not None]


def import_data(
    sources: Sequence[str | Path],
    target: str | Path | None,
    options: ReadOptions = ReadOptions(),
    mends: Collection[Mend] = SAFE_MENDS,
    known: KnownPath | None = None,
    progress: Progress = SILENT,
) -> Reading:
    """Read data, check them, and write what is usable as a dataset.

    Parameters
    ----------
    sources : sequence of path
        Files and folders; problems are those of all of them together.
    target : path or None
        File of the dataset (``.parquet``); with None the data are only checked.
    options : ReadOptions
    mends : collection of Mend
        What may be mended.
    known : callable, optional
        See `migbar.datasets.checks.bundled_paths`.
    progress : Progress

    Raises
    ------
    BandsFileError
        If nothing is usable; `target` is then not written.
    Cancelled
    """
    checker = Checker(known)
    used: list[tuple[str, str, str, float]] = []
    problems: list[Problem] = []
    found = 0
    with nullcontext() if target is None else writing(target) as writer:
        for source in sources:
            for candidate in read_candidates(source, options, progress):
                check_cancelled(progress)
                candidate = checker.check(candidate)
                found += not candidate.is_whole_file
                problems += candidate.problems
                record = candidate.record
                if record is None or not candidate.accepted(mends):
                    continue
                barrier = np.nan if record.target_ev is None else record.target_ev
                used.append((record.sys_name, record.family, record.band.ion, barrier))
                if writer is not None:
                    writer.add(record, candidate.source, candidate.part)
        if target is not None and not used:
            raise BandsFileError(
                "the data", [f"{p.source}: {p.text}" for p in problems] or ["nothing found"]
            )
    names, families, ions, barriers = zip(*used, strict=True) if used else ((), (), (), ())
    return Reading(
        names, families, ions, np.array(barriers, float), found, tuple(problems), frozenset(mends)
    )


def _neb_folders(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    folders = find_nebs(path)
    if not folders:
        raise BandsFileError(
            path.name,
            [
                "holds no NEB: no folder in it has the images 00, 01 … with POSCAR or CONTCAR (VASP), an .axsf with "
                "its .dat (neb.x), or band.extxyz (ASE)"
            ],
        )
    for done, folder in enumerate(folders):
        progress.report(done, len(folders), f"Reading {path.name}")
        yield read_neb(folder, path, options.ion)


def _dataset(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    dataset = BarrierDataset(path)
    for i, record in enumerate(dataset):
        progress.report(i, len(dataset), f"Reading {path.name}")
        yield Candidate(dataset.sources[i], record.sys_name, record, (), dataset.parts[i])


def _json(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    data = read_list(path)
    numbers = Barriers([e.get("target") if isinstance(e, Mapping) else None for e in data])
    for i, entry in enumerate(data):
        progress.report(i, len(data), f"Reading {path.name}")
        yield _published(entry, Source(path.name, i + 1), numbers)


def _published(entry: Any, source: Source, numbers: Barriers) -> Candidate:
    name = entry.get("sys_name") if isinstance(entry, Mapping) else None
    name = name if isinstance(name, str) else ""
    try:
        if not name.strip():
            raise BandsFileError("", ["not an object with sys_name and atoms"])
        band = band_from_record(entry, name)
    except BandsFileError as error:
        problems = tuple(Problem("unreadable", text, source, name) for text in error.problems)
        return Candidate(source, name, None, problems)
    barrier, found = numbers.read(entry.get("target"), source, name)
    family = entry.get("class")
    family = normalised_family(family) if isinstance(family, str) else ""
    part = entry.get("split")
    record = BandRecord(name, band, barrier, family)
    return Candidate(source, name, record, found, part if isinstance(part, str) else "")


def _table(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    return _counted(read_table(path, options.ion, options.columns), path, progress)


def _xyz(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    return _counted(read_xyz_bands(path, options.ion), path, progress)


def _results(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    return _counted(read_results(path), path, progress)


def _zip(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    """Read what is in an archive, as data sets are published."""
    with tempfile.TemporaryDirectory() as place:
        for inside in unpacked(path, Path(place)):
            yield from read_candidates(inside, options, progress)


def _litraj(path: Path, options: ReadOptions, progress: Progress) -> Iterator[Candidate]:
    return _counted(read_litraj(path), path, progress)


def _counted(
    candidates: Iterator[Candidate], path: Path, progress: Progress
) -> Iterator[Candidate]:
    for count, candidate in enumerate(candidates, start=1):
        progress.report(count, 0, f"Reading {path.name}")
        yield candidate


Reader = Callable[[Path, ReadOptions, Progress], Iterator[Candidate]]

_READERS: dict[str, Reader] = {
    SUFFIX: _dataset,
    ".json": _json,
    ".csv": _table,
    ".tsv": _table,
    ".xlsx": _table,
    ".xyz": _xyz,
    ".extxyz": _xyz,
    ".db": _results,
    ".sqlite": _results,
    ".zip": _zip,
}


def _reader(path: Path) -> Reader:
    if not path.exists():
        raise BandsFileError(path.name, ["there is no such file or folder"])
    if path.is_dir():
        return _litraj if is_litraj(path) else _neb_folders
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BandsFileError(path.name, [f"is of no kind that is known here: {KINDS}"])
    return reader
