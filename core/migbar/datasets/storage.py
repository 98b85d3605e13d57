"""Datasets on disk: one Parquet file, whose bands are read as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pymatgen.core import Element, Lattice, Structure

from migbar import __version__
from migbar.bands import Band
from migbar.datasets import BandRecord
from migbar.datasets.problems import Source
from migbar.errors import BandsFileError
from migbar.files import replacing

SUFFIX = ".parquet"

ROWS_PER_GROUP = 200
"""Bands that are read and written together; 2 MB or so."""

_NUMBERS = pa.list_(pa.float64())
_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("barrier_ev", pa.float64()),
        ("family", pa.string()),
        ("ion", pa.string()),
        ("framework", pa.string()),
        ("part", pa.string()),
        ("file", pa.string()),
        ("row", pa.int32()),
        ("lattice", _NUMBERS),
        ("elements", pa.list_(pa.uint8())),
        ("host", _NUMBERS),
        ("path", _NUMBERS),
    ],
    metadata={"format": "migbar bands 1", "version": __version__},
)
_IN_MEMORY = ("name", "barrier_ev", "family", "ion", "framework", "part", "file", "row")


class BarrierDataset:
    """Bands with known barriers.

    What a table shows of them is in memory; the bands themselves are read when they are asked for.

    Parameters
    ----------
    path : path
        File that `writing` made.

    Attributes
    ----------
    path : Path
    names, families, ions, frameworks, parts : list of str
        By path. A part is what the owner's own column says on the split.
    groups : list of (str, str)
        Framework and ion of each path: what has to stay on one side of a split.
    barriers : ndarray, shape (n,)
        In eV; NaN where unknown.
    sources : list of Source

    Raises
    ------
    BandsFileError
        If the file cannot be read as a dataset.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = pq.ParquetFile(self.path)
            table = self._file.read(columns=list(_IN_MEMORY)).to_pydict()
        except FileNotFoundError:
            raise BandsFileError(self.path.name, ["there is no such file"]) from None
        except PermissionError:
            raise BandsFileError(self.path.name, ["cannot be opened: permission denied"]) from None
        except (OSError, pa.ArrowException) as error:
            raise BandsFileError(
                self.path.name, [f"is no dataset of MigBar ({error}); import your data first"]
            ) from None
        if not set(_IN_MEMORY) <= table.keys():
            raise BandsFileError(self.path.name, ["is a Parquet file of another kind"])
        self.names: list[str] = table["name"]
        self.families: list[str] = table["family"]
        self.ions: list[str] = table["ion"]
        self.frameworks: list[str] = table["framework"]
        self.parts: list[str] = table["part"]
        self.groups = list(zip(self.frameworks, self.ions, strict=True))
        self.barriers = np.array(
            [np.nan if b is None else b for b in table["barrier_ev"]], np.float64
        )
        self.sources = [
            Source(file, row) for file, row in zip(table["file"], table["row"], strict=True)
        ]
        sizes = [
            self._file.metadata.row_group(k).num_rows for k in range(self._file.num_row_groups)
        ]
        self._starts = np.cumsum([0, *sizes])
        self._rows = lru_cache(maxsize=4)(self._read_group)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> BandRecord:
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        row = self._rows(group)[index - int(self._starts[group])]
        return _record(row)

    def __iter__(self) -> Iterator[BandRecord]:
        return (self[index] for index in range(len(self)))

    def records(self, chosen: Sequence[int] | NDArray[np.int64] | None = None) -> list[BandRecord]:
        """Read (some of) the paths into memory."""
        return [self[int(i)] for i in (range(len(self)) if chosen is None else chosen)]

    def _read_group(self, group: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._file.read_row_group(group).to_pylist()
        return rows


class Writer:
    """Adds paths to a dataset that is being written."""

    def __init__(self, file: pq.ParquetWriter) -> None:
        self._file = file
        self._rows: list[dict[str, Any]] = []
        self.count = 0

    def add(self, record: BandRecord, source: Source, part: str = "") -> None:
        """Add a path."""
        self._rows.append(_row(record, source, part))
        self.count += 1
        if len(self._rows) >= ROWS_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what waits in memory."""
        if self._rows:
            self._file.write_table(pa.Table.from_pylist(self._rows, schema=_SCHEMA))
            self._rows = []


@contextmanager
def writing(path: str | Path) -> Iterator[Writer]:
    """Write a dataset path by path; it appears whole once the block ends without an error."""
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, _SCHEMA, compression="zstd") as file,
    ):
        writer = Writer(file)
        yield writer
        writer.flush()


def _row(record: BandRecord, source: Source, part: str) -> dict[str, Any]:
    band = record.band
    return {
        "name": record.sys_name,
        "barrier_ev": record.target_ev,
        "family": record.family,
        "ion": band.ion,
        "framework": record.group[0],
        "part": part,
        "file": source.file,
        "row": source.row,
        "lattice": band.host.lattice.matrix.ravel(),
        "elements": [site.specie.Z for site in band.host],
        "host": band.host.frac_coords.ravel(),
        "path": band.path.ravel(),
    }


def _record(row: dict[str, Any]) -> BandRecord:
    host = Structure(
        Lattice(np.reshape(row["lattice"], (3, 3))),
        [Element.from_Z(z) for z in row["elements"]],
        np.reshape(row["host"], (-1, 3)),
    )
    band = Band(host, row["ion"], np.reshape(row["path"], (-1, 3)))
    return BandRecord(row["name"], band, row["barrier_ev"], row["family"])
