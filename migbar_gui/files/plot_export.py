"""Plots leave the window as they are seen, in colours for paper, or as numbers: copied, or saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMarginsF, QPoint, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QGuiApplication, QPageSize, QPainter, QPdfWriter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QMenu, QWidget

from migbar.exports import delimited
from migbar.files import replacing
from migbar_gui.files.saving import ask_path
from migbar_gui.looks.axes import Plot
from migbar_gui.looks.theme import on_paper

FORMATS = {
    "SVG drawing (*.svg)": ".svg",
    "PDF document (*.pdf)": ".pdf",
    "PNG picture (*.png)": ".png",
    "Numbers as CSV (*.csv)": ".csv",
}
PNG_SCALE = 3
DOTS_PER_INCH = 96


def offer_export(plot: Plot, name: str) -> None:
    """Give a plot a menu (right click, or the menu key) that copies and saves it.

    Parameters
    ----------
    plot : Plot
    name : str
        What a file is called at first.
    """
    plot.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    plot.setProperty("plot", True)
    plot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # where it has the focus, a frame
    plot.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    plot.customContextMenuRequested.connect(lambda point: _show_menu(plot, name, point))


def _show_menu(plot: Plot, name: str, point: QPoint) -> None:
    menu = QMenu(plot)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.addAction("&Copy picture", lambda: QGuiApplication.clipboard().setPixmap(picture(plot)))
    menu.addAction("Copy &numbers", lambda: QGuiApplication.clipboard().setText(text_of(plot)))
    menu.addAction("&Save…", lambda: _ask(plot, name))
    menu.popup(plot.mapToGlobal(point))


def _ask(plot: Plot, name: str) -> None:
    path = ask_path(plot, "Save plot", f"{name}.svg", FORMATS)
    if path is not None:
        save_plot(plot, path)


def save_plot(plot: Plot, path: Path) -> None:
    """Write a plot as SVG, PDF or PNG, or its numbers as CSV, by the ending of the name.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with replacing(path) as temporary:
        WRITERS[path.suffix.lower()](plot, temporary)


def text_of(plot: Plot) -> str:
    """Return what a plot shows as text for a spreadsheet."""
    return delimited(plot.rows(), "\t")


def picture(plot: QWidget) -> QPixmap:
    """Return a plot as a picture on a transparent ground, larger than on the screen."""
    drawn = QPixmap(plot.size() * PNG_SCALE)
    drawn.setDevicePixelRatio(PNG_SCALE)
    drawn.fill(Qt.GlobalColor.transparent)
    _draw(plot, drawn)
    return drawn


def _write_svg(plot: QWidget, path: Path) -> None:
    drawing = QSvgGenerator()
    drawing.setFileName(str(path))
    drawing.setSize(plot.size())
    drawing.setViewBox(QRect(QPoint(), plot.size()))
    drawing.setTitle(plot.accessibleName())
    drawing.setResolution(DOTS_PER_INCH)
    _paint(plot, QPainter(drawing))
    # Where the user's font is not known, and a name of a desktop's choice is none, it is not to be one with serifs.
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'(font-family="[^"]*)"', r'\1, sans-serif"', text)
    path.write_text(text, encoding="utf-8")


def _write_pdf(plot: QWidget, path: Path) -> None:
    document = QPdfWriter(str(path))
    size: QSize = plot.size()
    points = QSizeF(size) * 72 / DOTS_PER_INCH
    document.setPageSize(QPageSize(points, QPageSize.Unit.Point))
    document.setPageMargins(QMarginsF())
    document.setResolution(DOTS_PER_INCH)
    document.setTitle(plot.accessibleName())
    _paint(plot, QPainter(document))


def _write_png(plot: QWidget, path: Path) -> None:
    if not picture(plot).save(str(path), "PNG"):
        raise OSError(f"cannot write {path}")


def _write_numbers(plot: Plot, path: Path) -> None:
    path.write_text(delimited(plot.rows()), encoding="utf-8")


def _paint(plot: QWidget, painter: QPainter) -> None:
    _draw(plot, painter)
    painter.end()


def _draw(plot: QWidget, canvas: QPixmap | QPainter) -> None:
    plot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, False)  # the keyboard is not on paper
    with on_paper():
        plot.render(canvas, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
    plot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


WRITERS: dict[str, Callable[[Plot, Path], None]] = {
    ".svg": _write_svg,
    ".pdf": _write_pdf,
    ".png": _write_png,
    ".csv": _write_numbers,
}
