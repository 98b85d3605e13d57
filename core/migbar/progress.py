"""One small protocol for long work: report steps, and learn whether to stop."""

from __future__ import annotations

from typing import Protocol

from migbar.errors import Cancelled


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
