"""What the window did, kept for the Log dock and for bug reports."""

from __future__ import annotations

import logging
import platform
import sys
from collections import deque
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import QObject, Signal

MOST_RECORDS = 2000
LIBRARIES = ("PySide6_Essentials", "pyvista", "vtk", "numpy", "torch", "pymatgen", "ase", "spglib")

logger = logging.getLogger("migbar_gui")


@dataclass(frozen=True, slots=True)
class Record:
    """One line: when (as a clock shows it), how serious (`logging`), and what."""

    time: str
    level: int
    text: str

    @property
    def level_name(self) -> str:
        """Word for the level."""
        return logging.getLevelName(self.level).capitalize()

    def __str__(self) -> str:
        return f"{self.time} {self.level_name:<8} {self.text}"


class Log(QObject):
    """Takes in what MigBar and its libraries log, from any thread."""

    arrived = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.records: deque[Record] = deque(maxlen=MOST_RECORDS)
        logger.setLevel(logging.DEBUG)
        logging.captureWarnings(True)
        self._handler = _Handler(self)
        self._sources = [
            logging.getLogger(name) for name in ("migbar", "migbar_gui", "py.warnings")
        ]
        for source in self._sources:
            source.addHandler(self._handler)

    def add(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)
        self.arrived.emit(record)

    def end(self) -> None:
        """Listen no longer."""
        for source in self._sources:
            source.removeHandler(self._handler)

    def report(self) -> str:
        """Write what helps to understand a fault: versions, machine, and the log."""
        from migbar import __version__

        lines = [
            f"MigBar {__version__}{' (frozen)' if getattr(sys, 'frozen', False) else ''}",
            f"Python {platform.python_version()}, {platform.platform()}",
            ", ".join(f"{name} {_version(name)}" for name in LIBRARIES),
            "",
            *map(str, self.records),
        ]
        return "\n".join(lines) + "\n"


class _Handler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.DEBUG)
        self._log = log
        self._format = logging.Formatter("%(message)s", "%H:%M:%S")

    def emit(self, record: logging.LogRecord) -> None:
        time = self._format.formatTime(record, self._format.datefmt)
        self._log.add(Record(time, record.levelno, self._format.format(record)))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
