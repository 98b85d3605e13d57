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
