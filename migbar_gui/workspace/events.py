"""Plain observation: something happens, and callbacks are called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


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
            except Exception:
                sys.excepthook(*sys.exc_info())


def whenever(do: Callable[[], object], *events: Event) -> None:
    """Call something from now on when one of several things happens, whatever that tells."""
    for event in events:
        event.connect(lambda *_: do())
