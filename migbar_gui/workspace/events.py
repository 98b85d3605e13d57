"""Plain observation: something happens, and callbacks are called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_kept: list[Exception] | None = None


class Event:
    """Something that happens, and those who want to know of it."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[..., object]] = []

    def connect(self, callback: Callable[..., object]) -> None:
        """Call `callback` from now on, in the order of connection."""
        self._callbacks.append(callback)

    def emit(self, *args: Any) -> None:
        """Tell everybody; what goes wrong with one of them is reported as for Qt's signals, and the others are told."""
        for callback in tuple(self._callbacks):
            try:
                callback(*args)
            except Exception as error:
                if _kept is None:
                    sys.excepthook(*sys.exc_info())
                else:
                    _kept.append(error)


@contextmanager
def raising() -> Iterator[None]:
    """Raise at the end what went wrong first with those who were told of something, instead of reporting it."""
    global _kept
    kept: list[Exception] = []
    _kept = kept
    try:
        yield
    finally:
        _kept = None
    if kept:
        raise kept[0]


def whenever(do: Callable[[], object], *events: Event) -> None:
    """Call something from now on when one of several things happens, whatever that tells."""
    for event in events:
        event.connect(lambda *_: do())
