"""The screening itself: from sources to committed results, through whatever engine does the work."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from migbar.errors import MigbarError, words_of
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.screening.database import Content, Known, Writer, write_database
from migbar.screening.engine import Engine, failure_of, start_engine
from migbar.screening.inputs import Source, find_sources, read_given_hops
from migbar.screening.judging import Reply
from migbar.screening.options import ScreeningOptions, Settings

# Files that are read but not yet judged, for each process: what batches of like size are chosen from.
_WINDOW_PER_SLOT, _LEAST_WINDOW = 32, 128
_WINDOW_BYTES = 100_000_000
_READ_FILES, _READ_BYTES = 32, 1_000_000
# Structures travel together until they have so many sites, or are so many.
_BATCH_SITES, _BATCH_STRUCTURES = 200, 16
_WAIT_S = 0.2


@dataclass(slots=True)
class Summary:
    """What a screening did.

    Attributes
    ----------
    total : int
        Files that were found.
    judged : int
        Structures that were predicted now.
    duplicates : int
        Files that were found to hold the structure of another.
    failed : int
        Files that failed now.
    skipped : int
        Files that were done (or had failed) before and have not changed.
    """

    total: int = 0
    judged: int = 0
    duplicates: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def done(self) -> int:
        """Files that are finished."""
        return self.judged + self.duplicates + self.failed + self.skipped

    def text(self) -> str:
        """Say it in a line."""
        counts = (
            (self.judged, "predicted"), (self.duplicates, "repeated"), (self.failed, "failed"),
            (self.skipped, "unchanged"),
        )  # fmt: skip
        return ", ".join(f"{n} {what}" for n, what in counts if n) or "nothing to do"


@dataclass(slots=True)
class _Item:
    """A file on its way."""

    content: Content
    data: bytes
    fingerprint: str = ""
    n_sites: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.fingerprint, self.content.source.request


@dataclass(slots=True)
class _Batch:
    kind: str
    items: list[_Item] = field(default_factory=list)


def run_screening(
    paths: Iterable[str | Path | Source],
    options: ScreeningOptions,
    progress: Progress = SILENT,
) -> Summary:
    """Screen files and folders into the results database; what is done there already is skipped.

    Parameters
    ----------
    paths : iterable
        Files, folders, or sources (see `migbar.screening.inputs`).
    options : ScreeningOptions
    progress : Progress

    Raises
    ------
    ScreeningError
        If the screening cannot start, or cannot go on; all that was committed stays.
    ModelError
        If there is no such model.
    Cancelled
    """
    screening = _Screening(options, progress)
    for _ in screening.run(paths):
        pass
    return screening.summary


def screen(
    paths: Iterable[str | Path | Source] | str | Path,
    options: ScreeningOptions | None = None,
    progress: Progress = SILENT,
) -> Iterator[dict[str, Any]]:
    """Screen files and folders, and yield their results as they come.

    Parameters
    ----------
    paths : path or iterable
        Files, folders, or sources with given hops (`migbar.screening.read_given_hops`).
    options : ScreeningOptions, optional
        Without ``out`` the results are in a temporary database, which goes when the iteration ends.
    progress : Progress

    Yields
    ------
    dict
        A row of the view ``result`` for each path of each file (see ``README.md`` beside this module); for
        a file that failed, or has no path, one row without a path. Files that the database has already
        come like the others.

    Raises
    ------
    ScreeningError, ModelError, Cancelled
        See `run_screening`.
    """
    given = [paths] if isinstance(paths, str | Path) else paths
    options = options or ScreeningOptions()
    if options.out is not None:
        yield from _rows(_Screening(options, progress), given)
        return
    with tempfile.TemporaryDirectory(prefix="migbar-") as folder:
        temporary = ScreeningOptions.from_dict(options.to_dict() | {"out": f"{folder}/results.db"})
        yield from _rows(_Screening(temporary, progress), given)


def _rows(screening: _Screening, paths: Iterable[str | Path | Source]) -> Iterator[dict[str, Any]]:
    for file_id in screening.run(paths):
        yield from screening.writer.rows(file_id)


def work(folder: Path, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Screen as a run of `migbar.runs`.

    Parameters
    ----------
    folder : Path
        Of the run.
    options : mapping
        ``paths``, or ``given_hops`` with the name of a CSV file; all others as in `ScreeningOptions`.
    progress : Progress
    """
    asked = dict(options)
    table = asked.pop("given_hops", None)
    paths = asked.pop("paths", [])
    sources = read_given_hops(table) if table else paths
    asked.setdefault("out", str(folder / "results.db"))
    summary = run_screening(sources, ScreeningOptions.from_dict(asked), progress)
    return {**asdict(summary), "text": summary.text()}


class _Screening:
    """One go at a list of sources.

    Files are read ahead into a window; readers tell their sizes and what is the same; batches of like size
    are cut from the window, the largest first.
    """

    writer: Writer
    engine: Engine

    def __init__(self, options: ScreeningOptions, progress: Progress) -> None:
        options.check()
        self.options = options
        self.summary = Summary()
        self._progress = progress
        self._limits = json.dumps(asdict(options.limits))
        self._futures: dict[Future[list[Reply]], _Batch] = {}
        self._ready: list[_Item] = []
        self._in_hand: dict[tuple[str, str], list[_Item]] = {}
        self._reading = _Batch("read")
        self._window_bytes = 0
        self._window_files = 0

    def run(self, paths: Iterable[str | Path | Source]) -> Iterator[int]:
        """Do it all; yields the id of each file that is finished."""
        assert self.options.out is not None
        settings = Settings.of(self.options)
        self._progress.report(0, 0, "Looking for structure files")
        sources = find_sources(paths, self.options.max_files, self._progress)
        self.summary.total = len(sources)
        with (
            write_database(Path(self.options.out), settings) as self.writer,
            start_engine(self.options, settings, self._progress) as self.engine,
        ):
            left = iter(sources)
            more = True
            while more or self._window_files:
                check_cancelled(self._progress)
                more = more and (yield from self._read_ahead(left))
                self._dispatch()
                self._report()
                if self._futures:
                    wait(self._futures, _WAIT_S, FIRST_COMPLETED)
                    yield from self._collect()
        self._report()

    def _report(self) -> None:
        summary = self.summary
        self._progress.report(summary.done, summary.total, summary.text())

    # -------------------------------------------------------------- in

    def _read_ahead(self, left: Iterator[Source]) -> Generator[int, None, bool]:
        """Fill the window; returns whether there is more to come."""
        window = max(_LEAST_WINDOW, _WINDOW_PER_SLOT * self.engine.slots)
        while self._window_files < window and self._window_bytes < _WINDOW_BYTES:
            check_cancelled(self._progress)
            source = next(left, None)
            if source is None:
                self._send_reading()
                return False
            yield from self._take(source)
        self._send_reading()
        return True

    def _take(self, source: Source) -> Iterator[int]:
        try:
            str(source.path).encode()
            data = source.read(self.options.limits)
        except (MigbarError, OSError, UnicodeEncodeError) as error:
            yield self._fail_unread(source, error)
            return
        content = Content(source, hashlib.sha256(data).hexdigest(), len(data))
        known = self.writer.known(content)
        if known is not None and self._stands(known):
            self.summary.skipped += 1
            # No step of the work: it would spoil the guess of the time that is left.
            self._progress.report(0, 0, f"{self.summary.skipped:,} files unchanged")
            yield known.file_id
            return
        self._window_files += 1
        self._window_bytes += len(data)
        self._reading.items.append(_Item(content, data))
        full = sum(len(item.data) for item in self._reading.items) > _READ_BYTES
        if full or len(self._reading.items) >= _READ_FILES:
            self._send_reading()

    def _stands(self, known: Known) -> bool:
        """Whether what is known of an unchanged file needs no second try."""
        if known.state == "done":
            return True
        return known.limits == self._limits and not self.options.retry_failed

    def _fail_unread(self, source: Source, error: Exception) -> int:
        if isinstance(error, UnicodeEncodeError):
            shown = str(source.path).encode(errors="backslashreplace").decode()
            source = Source(Path(shown), source.hops)
            code, reason = "name", "its name is no valid UTF-8; rename it."
        elif isinstance(error, MigbarError):
            code, reason = error.code, str(error)
        else:
            code, reason = "unreadable", f"cannot be opened: {words_of(error).lower()}."
        self.summary.failed += 1
        with self.writer.transaction():
            return self.writer.add_failed(Content(source), self._limits, code, reason)

    def _send_reading(self) -> None:
        if self._reading.items:
            self._send(self._reading)
            self._reading = _Batch("read")

    # -------------------------------------------------------------- out to the workers

    def _dispatch(self) -> None:
        """Keep every slot busy, and one batch waiting behind it."""
        while self._ready and len(self._futures) < 2 * self.engine.slots:
            # Towards the end there is something left for everyone.
            most = min(_BATCH_STRUCTURES, 1 + len(self._ready) // (2 * self.engine.slots))
            self._send(_Batch("judge", cut_batch(self._ready, most)))

    def _send(self, batch: _Batch) -> None:
        jobs = [
            {
                "kind": batch.kind,
                "name": item.content.source.path.name,
                "data": item.data.decode("latin-1"),
                "max_sites": self.options.limits.sites,
                "hops": [asdict(hop) for hop in item.content.source.hops],
            }
            for item in batch.items
        ]
        self._futures[self.engine.submit(jobs, self.options.limits.seconds)] = batch

    # -------------------------------------------------------------- and back

    def _collect(self) -> Iterator[int]:
        for future in [future for future in self._futures if future.done()]:
            batch = self._futures.pop(future)
            with self.writer.transaction():
                finished = [
                    file_id
                    for item, reply in zip(batch.items, _replies(future, batch), strict=True)
                    for file_id in self._settle(batch.kind, item, reply)
                ]
            self._report()
            yield from finished

    def _settle(self, kind: str, item: _Item, reply: Reply) -> list[int]:
        """Note a reply; returns the files that it finishes."""
        if kind == "read":
            return self._settle_reading(item, reply)
        alike = self._in_hand.pop(item.key)
        if "result" not in reply:
            return [self._fail(one, reply) for one in alike]
        structure = self.writer.add_structure(*item.key, reply["result"], reply["seconds"])
        return [self._finish(one, structure, one is not item) for one in alike]

    def _settle_reading(self, item: _Item, reply: Reply) -> list[int]:
        if "result" not in reply:
            return [self._fail(item, reply)]
        item.fingerprint = reply["result"]["fingerprint"]
        item.n_sites = reply["result"]["n_sites"]
        structure = self.writer.structure(*item.key)
        if structure is not None:
            return [self._finish(item, structure, True)]
        if item.key in self._in_hand:
            self._window_bytes -= len(item.data)
            item.data = b""  # nobody needs it any more
            self._in_hand[item.key].append(item)
        else:
            self._in_hand[item.key] = [item]
            self._ready.append(item)
        return []

    def _finish(self, item: _Item, structure: int, duplicate: bool) -> int:
        self._leave_window(item)
        if duplicate:
            self.summary.duplicates += 1
        else:
            self.summary.judged += 1
        return self.writer.add_done(item.content, self._limits, structure)

    def _fail(self, item: _Item, reply: Reply) -> int:
        self._leave_window(item)
        self.summary.failed += 1
        return self.writer.add_failed(item.content, self._limits, reply["code"], reply["reason"])

    def _leave_window(self, item: _Item) -> None:
        self._window_files -= 1
        self._window_bytes -= len(item.data)


def cut_batch(ready: list[_Item], most: int = _BATCH_STRUCTURES) -> list[_Item]:
    """Take the largest structure out of a list, and those next in size as long as they travel together."""
    ready.sort(key=lambda item: item.n_sites)
    batch = [ready.pop()]
    sites = batch[0].n_sites
    while ready and len(batch) < most and sites + ready[-1].n_sites <= _BATCH_SITES:
        batch.append(ready.pop())
        sites += batch[-1].n_sites
    return batch


def _replies(future: Future[list[Reply]], batch: _Batch) -> list[Reply]:
    try:
        return future.result()
    except Exception as error:
        return [{"code": "crash", "reason": failure_of(error)}] * len(batch.items)
