"""Datasets in the formats that others read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from migbar.bands import Band, band_to_record
from migbar.datasets import BandRecord
from migbar.datasets.problems import Candidate
from migbar.datasets.reading import read_candidates
from migbar.datasets.storage import SUFFIX, writing
from migbar.errors import BandsFileError
from migbar.files import replacing
from migbar.progress import SILENT, Progress

_COLUMNS = (
    "name",
    "barrier_ev",
    "ion",
    "framework",
    "class",
    "length_angstrom",
    "split",
    "file",
    "row",
)


def convert(
    source: str | Path, target: str | Path, progress: Progress = SILENT
) -> tuple[int, list[str]]:
    """Write data in another format, path by path.

    Parameters
    ----------
    source : path
        Data of any kind that can be read; paths that cannot be are left out, and barriers that are not to be used.
    target : path
        ``.json`` (published format), ``.extxyz`` (five images a band), ``.csv`` (a table without structures) or
        ``.parquet``. It appears whole or not at all.
    progress : Progress

    Returns
    -------
    count : int
        Number of paths written.
    problems : list of str
        All that is wrong with the data.

    Raises
    ------
    BandsFileError
        If the target's format is not known, or there is nothing to write.
    """
    source, target = Path(source), Path(target)
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise BandsFileError(
            target.name, [f"cannot be written; choose a name that ends in {', '.join(_WRITERS)}"]
        )
    problems: list[str] = []

    def readable() -> Iterator[Candidate]:
        for candidate in read_candidates(source, progress=progress):
            problems.extend(f"{p.source}: {p.text}" for p in candidate.problems)
            if candidate.record is not None:
                yield candidate if candidate.accepted() else _without_barrier(candidate)

    with replacing(target) as temporary:
        count = write(readable(), temporary)
        if not count:
            raise BandsFileError(source.name, problems or ["holds no paths"])
    return count, problems


def _without_barrier(candidate: Candidate) -> Candidate:
    """Keep the path alone: what is wrong with its barrier is not told in the file that is written."""
    assert candidate.record is not None
    return replace(candidate, record=replace(candidate.record, target_ev=None))


def _json(candidates: Iterator[Candidate], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for candidate in candidates:
            record = candidate.record
            assert record is not None
            entry = band_to_record(record.band, record.sys_name, record.target_ev)
            entry |= {"class": record.family} if record.family else {}
            entry |= {"split": candidate.part} if candidate.part else {}
            file.write(("[" if count == 0 else ",\n") + json.dumps(entry))
            count += 1
        file.write("]\n")
    return count


def _xyz(candidates: Iterator[Candidate], path: Path) -> int:
    from ase.io.extxyz import write_extxyz

    count = 0
    with path.open("w", encoding="utf-8") as file:
        for candidate in candidates:
            assert candidate.record is not None
            write_extxyz(file, list(_frames(candidate.record, candidate.part)))
            count += 1
    return count


def _frames(record: BandRecord, part: str) -> Iterator[object]:
    from ase import Atoms

    band: Band = record.band
    info: dict[str, object] = {"band": record.sys_name}
    info |= {} if record.target_ev is None else {"barrier_ev": record.target_ev}
    info |= {"class": record.family} if record.family else {}
    info |= {"split": part} if part else {}
    symbols = [band.ion, *(site.specie.symbol for site in band.host)]
    for position in band.path:
        frac = [position, *band.host.frac_coords]
        yield Atoms(
            symbols, scaled_positions=frac, cell=band.host.lattice.matrix, pbc=True, info=dict(info)
        )


def _csv(candidates: Iterator[Candidate], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for c in candidates:
            r = c.record
            assert r is not None
            barrier = "" if r.target_ev is None else r.target_ev
            length = f"{r.band.length:.4f}"
            place = (c.source.file, c.source.row or "")
            writer.writerow(
                [r.sys_name, barrier, r.band.ion, r.group[0], r.family, length, c.part, *place]
            )
            count += 1
    return count


def _parquet(candidates: Iterator[Candidate], path: Path) -> int:
    with writing(path) as writer:
        for candidate in candidates:
            assert candidate.record is not None
            writer.add(candidate.record, candidate.source, candidate.part)
    return writer.count


_WRITERS: dict[str, Callable[[Iterator[Candidate], Path], int]] = {
    ".json": _json,
    ".extxyz": _xyz,
    ".csv": _csv,
    SUFFIX: _parquet,
}
