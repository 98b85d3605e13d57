"""What is to be screened: files, folders with all that is in them, and lists of given hops."""

from __future__ import annotations

import fnmatch
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from migbar.errors import BandsFileError, words_of
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.screening.options import Limits, ScreeningError
from migbar.structures import FILE_NAMES


@dataclass(frozen=True, slots=True)
class GivenHop:
    """A hop that is asked for by its ends, in the notation of ``migbar predict``.

    Attributes
    ----------
    start, end : str
        A site (``3``, ``3@1,0,0``), a void (``v0``), or fractional coordinates (``0,0,1/2``).
    ion, mechanism : str
        Empty where they are to be chosen.
    """

    start: str
    end: str
    ion: str = ""
    mechanism: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be screened.

    Attributes
    ----------
    path : Path
        Absolute.
    hops : tuple of GivenHop
        The hops that are asked for; all distinct ones where there are none.
    problem : str
        Why it cannot be read, where that is known already.
    """

    path: Path
    hops: tuple[GivenHop, ...] = ()
    problem: str = ""

    @property
    def request(self) -> str:
        """The given hops as text; empty for all distinct ones."""
        return json.dumps([asdict(hop) for hop in self.hops]) if self.hops else ""

    def read(self, limits: Limits) -> bytes:
        """Return the content of the file.

        Raises
        ------
        ScreeningError
            If it is too large or no regular file.
        OSError
            If it cannot be read.
        """
        if self.problem:
            raise ScreeningError(self.problem)
        # A pipe or a device is never opened: that may wait for ever.
        if not stat.S_ISREG(self.path.stat().st_mode):
            raise ScreeningError("is not a regular file.")
        most = int(limits.megabytes * 1e6)
        with self.path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            size = self.path.stat().st_size / 1e6
            raise TooLargeError(
                f"is {size:.1f} MB large; at most {limits.megabytes:g} MB are screened "
                "(on the command line: --max-megabytes)."
            )
        return data


class TooLargeError(ScreeningError):
    """Raised when a file or a cell is larger than its limit."""


_SUGGESTED = "suggested.csv"
"""`migbar.suggestion.LIST`, which marks a folder with DFT inputs."""


def find_sources(
    paths: Iterable[str | Path | Source], max_files: int = 1_000_000, progress: Progress = SILENT
) -> list[Source]:
    """Find all files to be screened, each once.

    A file that is named is taken whatever it is called; in folders those that match
    `migbar.structures.FILE_NAMES`. Links are followed, but every folder is entered once, however many
    links lead there. Folders in these that `migbar.suggestion` has written are left out: they hold images of bands.

    Raises
    ------
    ScreeningError
        If something that is named does not exist, or there are more than `max_files` files.
    """
    found: dict[Path, Source] = {}
    missing = []
    entered: set[tuple[int, int]] = set()
    for item in paths:
        if isinstance(item, Source):
            found[item.path] = item
            continue
        # Links in the name stay: it is what the user called the file.
        path = Path(item).expanduser().absolute()
        if path.is_dir():
            for source in _walk(path, entered, progress):
                found.setdefault(source.path, source)
                if len(found) > max_files:
                    raise ScreeningError(
                        f"{path} holds more than {max_files:,} structure files; choose a folder "
                        "within it, or raise the limit (on the command line: --max-files)."
                    )
        elif path.exists():
            found.setdefault(path, Source(path))
        else:
            missing.append(str(item))
    if missing:
        raise ScreeningError(f"there is no file or folder {', '.join(missing[:5])}.")
    return sorted(found.values(), key=lambda source: source.path)


def _walk(top: Path, entered: set[tuple[int, int]], progress: Progress) -> Iterator[Source]:
    """Yield the structure files in a folder and all below it."""
    folders = [top]
    while folders:
        check_cancelled(progress)
        folder = folders.pop()
        if folder != top and (folder / _SUGGESTED).exists():
            continue
        try:
            about = folder.stat()
            if (about.st_dev, about.st_ino) in entered:
                continue
            entered.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if _is_folder(entry):
                        folders.append(folder / entry.name)
                    elif is_structure_name(entry.name):
                        yield Source(folder / entry.name)
        except OSError as error:
            yield Source(folder, problem=f"cannot be listed: {words_of(error).lower()}.")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def is_structure_name(name: str) -> bool:
    """Whether a file of this name is looked at in a folder."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in FILE_NAMES)


def read_given_hops(path: str | Path) -> list[Source]:
    """Read a CSV of given hops: columns ``file``, ``from``, ``to``, and ``ion``, ``mechanism`` if need be.

    Files are named relative to the folder of the CSV. All hops of one file become one source.

    Raises
    ------
    ScreeningError
        If it is not such a table; lists every line that is not understood.
    OSError
        If it cannot be read.
    """
    from migbar.datasets.csv_rows import csv_rows

    path = Path(path)
    try:
        header, *rows = csv_rows(path) or [[]]
    except BandsFileError as error:
        raise ScreeningError(str(error)) from None
    columns = [name.strip().lower() for name in header]
    lacking = [name for name in ("file", "from", "to") if name not in columns]
    if lacking:
        raise ScreeningError(
            f"{path.name} has no column {' and no column '.join(lacking)}; it needs file, from, to, and may have "
            "ion and mechanism."
        )
    if not any(map(any, rows)):
        raise ScreeningError(f"{path.name} has no rows below its header.")
    hops: dict[Path, list[GivenHop]] = {}
    problems = []
    for number, row in enumerate(rows, start=2):
        if not any(row):
            continue
        if any(row[len(columns) :]):
            problems.append(f"line {number} has more cells than columns; put 3@1,0,0 into quotes")
            continue
        cells = dict(zip(columns, map(str.strip, row), strict=False))
        if not all(cells.get(name) for name in ("file", "from", "to")):
            problems.append(f"line {number} lacks the file or an end")
            continue
        name = cells["file"].replace("\\", "/")  # as it is written on Windows
        file_path = (path.parent / Path(name).expanduser()).absolute()
        hops.setdefault(file_path, []).append(_given_hop(cells))
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ScreeningError(f"{path.name}: {'; '.join(problems[:5])}{more}.")
    return [Source(p, tuple(given)) for p, given in sorted(hops.items())]


def _given_hop(cells: Mapping[str, str]) -> GivenHop:
    return GivenHop(cells["from"], cells["to"], cells.get("ion", ""), cells.get("mechanism", ""))
