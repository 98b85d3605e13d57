"""What a training ran with, and on, for the card of its model."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version


def versions(*libraries: str) -> dict[str, str]:
    """Return the versions of Python and of libraries, by name."""
    return {"python": platform.python_version()} | {name: version(name) for name in libraries}


def processor() -> str:
    """Name the processor."""
    return f"{os.cpu_count()} CPU cores ({platform.machine()})"
