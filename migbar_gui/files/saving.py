"""Asks where to write a file, and writes pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from migbar.files import replacing


def ask_path(
    parent: QWidget, title: str, suggested: str, formats: Mapping[str, str]
) -> Path | None:
    """Ask for a file to write.

    Parameters
    ----------
    parent : QWidget
    title : str
    suggested : str
    formats : mapping of str to str
        Endings by how the dialog lists them: ``{"CSV (*.csv)": ".csv"}``.

    Returns
    -------
    Path or None
        With one of the endings, that of the chosen format where the user wrote none of them; None where
        nothing was chosen.
    """
    name, kind = QFileDialog.getSaveFileName(parent, title, suggested, ";;".join(formats))
    if not name:
        return None
    path = Path(name)
    if path.suffix.lower() in formats.values():
        return path
    return path.with_name(path.name + (formats.get(kind) or next(iter(formats.values()))))


def save_image(path: Path, image: QImage) -> None:
    """Write a picture in the format that the name of the file ends in.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with replacing(path) as temporary:
        if not image.save(str(temporary)):
            raise OSError(f"cannot write {path}")
