"""Writes the report of all paths with the window's picture."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from migbar_gui.looks import energies
from migbar_gui.workspace import Document, Group

NO_FILE = "made in the window, not read from a file"
NOT_KNOWN = "not known: the session does not tell"


def write(
    path: Path, document: Document, group: Group, picture: QImage | None, threshold: float
) -> None:
    """Write the report as an HTML page; may run in any thread.

    Raises
    ------
    OSError
        If the page cannot be written.
    """
    from migbar.reports import Provenance, write_report

    digest = document.sha256 or (NO_FILE if document.source is None else NOT_KNOWN)
    found = group.found
    provenance = Provenance(document.name, digest, found.model, dict(found.settings))
    png = None if picture is None else _png(picture)
    write_report(
        path, document.structure, found.crystal, provenance, png, threshold, energies.current()
    )


def _png(picture: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
