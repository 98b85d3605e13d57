"""One small protocol for long work: report steps, and learn whether to stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from migbar.errors import Cancelled

T = TypeVar("T")


class Progress(Protocol):
    """What long work reports to. It never knows whether a terminal or a window listens."""

    def report(self, done: int, total: int, message: str = "") -> None:
        """Tell that `done` of `total` steps are finished; `total` is 0 while it is not known."""

    def cancelled(self) -> bool:
        """Whether the work should stop."""


class Silent:
    """Reports to nobody and is never cancelled."""

    def report(self, done: int, total: int, message: str = "") -> None: ...

    def cancelled(self) -> bool:
        return False


SILENT = Silent()


def check_cancelled(progress: Progress) -> None:
    """Raise `Cancelled` if the user has asked to stop."""
    if progress.cancelled():
        raise Cancelled


def reported(items: Sequence[T], progress: Progress, message: str) -> Iterator[T]:
    """Go through `items`, report how many are done, and stop if asked to."""
    for done, item in enumerate(items):
        check_cancelled(progress)
        progress.report(done, len(items), message)
        yield item
    progress.report(len(items), len(items), message)


class Part:
    """Reports one of several pieces of work as a part of the whole.

    Parameters
    ----------
    whole : Progress
    number, count : int
        The how many-th of how many it is, from 0.
    name : str
        Goes before what it tells.
    """

    def __init__(self, whole: Progress, number: int, count: int, name: str) -> None:
        self._whole = whole
        self._number = number
        self._count = count
        self._name = name

    def report(self, done: int, total: int, message: str = "") -> None:
        share = done / total if total else 0.0
        so_far = round(1000 * (self._number + share))
        self._whole.report(so_far, 1000 * self._count, f"{self._name}, {message}")

    def cancelled(self) -> bool:
        return self._whole.cancelled()
