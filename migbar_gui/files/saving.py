"""Asks where to write a file, and writes pictures and animations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
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


def save_animation(path: Path, pictures: Sequence[QImage], frame_ms: int) -> None:
    """Write pictures as a GIF that goes on for ever, all in the size of the first one.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    frames = [_plain(picture.scaled(pictures[0].size())) for picture in pictures]
    palette = frames[len(frames) // 2].quantize()  # one for all: else what rests flickers
    first, *others = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    with replacing(path) as temporary:
        first.save(temporary, "GIF", save_all=True, append_images=others, duration=frame_ms, loop=0)


def _plain(picture: QImage) -> Image.Image:
    image = picture.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return Image.fromarray(
        rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
    )
