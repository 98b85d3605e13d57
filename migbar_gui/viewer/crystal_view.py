"""The 3D view of a crystal: atoms, voids and migration paths that can be looked at, pointed at and clicked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure
from PySide6.QtCore import QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QVBoxLayout, QWidget

from migbar.progress import SILENT, Progress
from migbar_gui.looks.theme import current_theme
from migbar_gui.viewer import picking, themes
from migbar_gui.viewer.annotations import Annotations, paint
from migbar_gui.viewer.canvas import Canvas
from migbar_gui.viewer.captions import captions
from migbar_gui.viewer.content import Content, PathDrawing, Style
from migbar_gui.viewer.isosurface import Isosurface
from migbar_gui.viewer.layers import Layers
from migbar_gui.viewer.network import NetworkDrawing
from migbar_gui.viewer.scene import AtomInfo
from migbar_gui.viewer.viewpoint import Viewpoint
from migbar_gui.workspace.camera import Camera

Floats = NDArray[np.float64]

TURNS: dict[int, tuple[float, float]] = {
    Qt.Key.Key_Left: (15.0, 0.0),
    Qt.Key.Key_Right: (-15.0, 0.0),
    Qt.Key.Key_Up: (0.0, -15.0),
    Qt.Key.Key_Down: (0.0, 15.0),
}
"""Degrees by which a key turns the camera: the crystal goes the way of the arrow."""

ZOOMS: dict[int, float] = {Qt.Key.Key_Plus: 1.25, Qt.Key.Key_Equal: 1.25, Qt.Key.Key_Minus: 0.8}


class _Glass(QWidget):
    """A sheet of glass over the canvas for text; with a frame while keys go to the canvas."""

    def __init__(self, view: QWidget, write: Callable[[QPainter], None]) -> None:
        super().__init__(view)
        self._write = write
        self._framed = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)

    def set_framed(self, framed: bool) -> None:
        self._framed = framed
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        self._write(painter)
        if self._framed:
            painter.setPen(QPen(QColor(current_theme().accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()


class CrystalView(QWidget):
    """Shows one crystal with voids and paths, and says what is pointed at and clicked.

    Attributes
    ----------
    content : Content
        What is shown; it is changed by the methods of the view.
    """

    site_clicked = Signal(object)
    """An `AtomInfo`: the atom or void that was clicked."""
    hop_clicked = Signal(int)
    """Which distinct hop of the network was clicked."""
    hop_hovered = Signal(int)
    """The distinct hop of the network under the mouse; `hovered` tells when there is none any more."""
    background_clicked = Signal()
    hovered = Signal(object)
    """The `AtomInfo` under the mouse, or None; at most some 30 times a second."""
    file_dropped = Signal(list)
    """Paths of the files that were dropped on the view."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.content = Content()
        self.notes = Annotations()
        self._canvas = Canvas(self, self._before_frame)
        self._canvas.setAccessibleName("Crystal")
        self._canvas.setAccessibleDescription("Arrow keys turn it; plus and minus zoom")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        self._glass = _Glass(self, self._write)
        self._glass.raise_()
        self._viewpoint = Viewpoint(self._canvas.renderer, self)
        self._layers = Layers(self._canvas.renderer, self.content)
        self._canvas.clicked.connect(self._on_click)
        self._canvas.pointed.connect(self._on_point)
        self._canvas.turned.connect(self._on_turned)
        self._canvas.dropped.connect(self.file_dropped)
        self._canvas.changed.connect(self._glass.update)
        self._canvas.reached.connect(self._glass.set_framed)
        self._apply_theme()

    # -------------------------------------------------------------- what is shown

    @property
    def structure(self) -> Structure | None:
        """The structure shown."""
        return self.content.structure

    @property
    def style(self) -> Style:  # type: ignore[override]
        """What is shown beside the atoms; change it with `set_style`."""
        return self.content.style

    @property
    def theme(self) -> themes.Theme:
        """The colours in use."""
        return self.content.theme

    def show_structure(
        self,
        structure: Structure | None,
        ion: str | None,
        keep_camera: bool = False,
        shell: bool = True,
        rings: Mapping[int, str] | None = None,
    ) -> None:
        """Show a structure, or nothing; voids, paths and selection of the one before are cleared.

        Parameters
        ----------
        structure : Structure or None
        ion : str or None
            The mobile ion: not bonded to the host, and shown around the cell as well.
        keep_camera : bool
            Whether to look from where one looked before, and to keep voids, paths and selection, for
            example where only the ion has changed.
        shell : bool
            Whether the ion's images around the cell are shown.
        rings : mapping of int to str
            Colours of rings around atoms, by index: of an image, the ions that hop, among many like them.
        """
        content = self.content
        content.structure, content.ion, content.shell = structure, ion, shell
        content.rings = rings or {}
        if not keep_camera:
            content.clear()
        content.hovered = content.hovered_tube = None
        self._canvas.forget_speed()
        self._draw_all()
        if structure is not None and not keep_camera:
            self._viewpoint.look_at_cell(structure.lattice.matrix)
            self._fit()
        self._canvas.request_quick_frame()

    def set_voids(self, voids: Sequence[Sequence[float]]) -> None:
        """Show voids (fractional coordinates) as translucent ghosts that can be clicked."""
        self.content.voids = voids
        self._layers.draw_voids()
        self._finish(fit=True)

    def set_selection(self, start: AtomInfo | None, end: AtomInfo | None) -> None:
        """Mark the initial and the final site."""
        self.content.start, self.content.end = start, end
        self._layers.draw_marks()
        self._finish()

    def set_paths(self, drawings: Sequence[PathDrawing]) -> None:
        """Show migration paths."""
        self.content.drawings = tuple(drawings)
        self._layers.draw_paths()
        self._layers.draw_marks()
        self._finish()

    def set_network(self, network: NetworkDrawing | None) -> None:
        """Show all hops of the crystal as tubes coloured by their barrier, or none."""
        self.content.network, self.content.hovered_tube = network, None
        self._layers.draw_network()
        self._finish(fit=True)

    def set_emptied(self, sites: Sequence[AtomInfo]) -> None:
        """Mark sites that are empty in the next path."""
        self.content.emptied = tuple(sites)
        self._layers.draw_marks()
        self._finish()

    def set_isosurface(self, surface: Isosurface | None) -> None:
        """Show a translucent surface, or none."""
        self.content.surface = surface
        self._layers.draw_surface()
        self._canvas.request_quick_frame()

    def set_arrows(self, arrows: Floats) -> None:
        """Show arrows, from start to tip in Å, shape (n, 2, 3); forces, for example."""
        self.content.arrows = arrows
        self._layers.draw_arrows()
        self._canvas.request_quick_frame()

    def set_hidden_elements(self, symbols: Iterable[str]) -> None:
        """Hide all atoms of some elements; they cannot be clicked then."""
        self.content.hidden = frozenset(symbols)
        self.refresh()

    def set_labels(self, shown: bool) -> None:
        """Write element and index on the atoms."""
        self.content.labelled = shown
        self.refresh_numbers()

    def set_style(self, **changes: bool) -> None:
        """Change fields of `Style`, for example ``set_style(polyhedra=True, bonds=False)``."""
        self.content.style = replace(self.content.style, **changes)
        self.refresh()

    def set_theme(self, dark: bool) -> None:
        """Use colours for a dark or a light window."""
        self.content.theme = themes.DARK if dark else themes.LIGHT
        self._apply_theme()
        self.refresh()

    def refresh(self) -> None:
        """Draw everything again, for example in the colours of `migbar_gui.looks.colours` as they are now."""
        self._draw_all()
        self._canvas.request_frame()

    def refresh_numbers(self) -> None:
        """Write the numbers again (`migbar_gui.looks.energies`)."""
        self._annotate()
        self._canvas.request_frame()

    def _apply_theme(self) -> None:
        self._canvas.renderer.SetBackground(self.theme.background_rgb)
        self._annotate()

    def _draw_all(self) -> None:
        self._layers.draw_all()
        self._viewpoint.measure(*self.content.extent())
        self._annotate()

    def _finish(self, fit: bool = False) -> None:
        """Take a change of the content into the picture; zoom to it where everything was seen before."""
        if fit and self._viewpoint.fitted:
            self._fit()
        self._viewpoint.measure(*self.content.extent())
        self.refresh_numbers()

    def _annotate(self) -> None:
        self.notes = captions(self.content)
        self._glass.update()

    def _write(self, painter: QPainter) -> None:
        """Paint all text in logical pixels of the view."""
        solid = self.content.solid.positions, self.content.solid.radii
        paint(painter, self.notes, self._viewpoint.projection(), self.theme, solid)

    def _before_frame(self, detailed: bool) -> None:
        ahead, radius = self._viewpoint.clip()
        self._layers.before_frame(self._viewpoint.projection(), detailed, ahead, radius)

    # -------------------------------------------------------------- camera

    def view_along(self, axis: Literal["a", "b", "c"]) -> None:
        """Look down a lattice vector with the next but one upwards."""
        if self.structure is None:
            return
        row, cell = "abc".index(axis), self.structure.lattice.matrix
        self._viewpoint.look(cell[row], cell[(row + 2) % 3])
        self.zoom_to_fit()

    def turn(self, across: float, upwards: float = 0.0) -> None:
        """Turn the camera around the crystal by degrees to the right and upwards."""
        self._viewpoint.turn(across, upwards)
        self._canvas.request_quick_frame()

    def zoom_to_fit(self) -> None:
        """Show everything, from the same direction."""
        self._fit()
        self._canvas.request_frame()

    def camera(self) -> Camera:
        """Return where one looks from."""
        return self._viewpoint.camera()

    def set_camera(self, camera: Camera) -> None:
        """Look from somewhere else."""
        self._viewpoint.set_camera(camera)
        self._canvas.request_frame()

    def _fit(self) -> None:
        self._viewpoint.fit(*self.content.extent())

    def _on_turned(self) -> None:
        self._viewpoint.fitted = False  # from now on it is the user who says what is seen

    # -------------------------------------------------------------- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Turn and zoom without a mouse."""
        key = event.key()
        if key in TURNS:
            self._on_turned()
            self.turn(*TURNS[key])
        elif key in ZOOMS:
            self._on_turned()
            self._viewpoint.zoom(ZOOMS[key])
            self._canvas.request_quick_frame()
        else:
            super().keyPressEvent(event)

    # -------------------------------------------------------------- mouse

    def atom_at(self, point: QPoint | QPointF) -> AtomInfo | None:
        """Return the atom or void that is seen at a pixel of the view."""
        return picking.atom_at(self.content, self._viewpoint.projection(), point)

    def tube_at(self, point: QPoint | QPointF) -> int | None:
        """Return the row of the network's tube that is seen at a pixel of the view."""
        return picking.tube_at(self.content, self._viewpoint.projection(), point)

    def world_to_widget(self, xyz: Sequence[float] | Floats) -> QPoint:
        """Return the pixel of the view where a Cartesian position (Å) is drawn."""
        x, y, _ = self._viewpoint.projection().pixels(np.asarray(xyz, float)[None])[0]
        return QPoint(round(x - 0.5), round(y - 0.5))

    def _on_click(self, point: QPointF) -> None:
        tube = self.tube_at(point)
        site = self.atom_at(point) if tube is None else None
        if tube is not None and self.content.network is not None:
            self.hop_clicked.emit(int(self.content.network.hop[tube]))
        elif site is not None:
            self.site_clicked.emit(site)
        else:
            self.background_clicked.emit()

    def _on_point(self, point: QPointF | None) -> None:
        content = self.content
        tube = self.tube_at(point) if point is not None else None
        site = self.atom_at(point) if point is not None and tube is None else None
        if (site, tube) == (content.hovered, content.hovered_tube):
            return
        self._hover(site, tube)
        shape = Qt.CursorShape.ArrowCursor
        if site is not None or tube is not None:
            shape = Qt.CursorShape.PointingHandCursor
        self._canvas.setCursor(shape)
        self._canvas.request_quick_frame()
        if tube is not None and content.network is not None:
            self.hop_hovered.emit(int(content.network.hop[tube]))
        else:
            self.hovered.emit(site)

    def _hover(self, site: AtomInfo | None, tube: int | None) -> None:
        new_tube = tube != self.content.hovered_tube
        self.content.hovered, self.content.hovered_tube = site, tube
        self._layers.draw_marks()
        if new_tube:
            self._annotate()

    # -------------------------------------------------------------- picture

    def picture(
        self,
        scale: int = 2,
        transparent: bool = False,
        progress: Progress = SILENT,
        on_paper: bool = False,
    ) -> QImage:
        """Return what is seen, `scale` times as large as on the screen; `on_paper` in the colours of a light window.

        Raises
        ------
        Cancelled
            If `progress` says so.
        """
        hovered = self.content.hovered, self.content.hovered_tube
        is_dark = self.theme is themes.DARK
        self._hover(None, None)
        if on_paper and is_dark:
            self.set_theme(False)
        try:
            pixels = self._canvas.picture(scale, transparent, progress)
            return self._written_on(pixels)
        finally:
            if on_paper and is_dark:
                self.set_theme(True)
            self._hover(*hovered)

    def _written_on(self, pixels: NDArray[np.uint8]) -> QImage:
        """Return a picture from its pixels, RGBA with shape (height, width, 4), with what lies over it."""
        height, width = pixels.shape[:2]
        picture = QImage(
            pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888
        ).copy()
        painter = QPainter(picture)
        painter.setWindow(QRect(0, 0, self.width(), self.height()))
        self._write(painter)
        painter.end()
        return picture

    # -------------------------------------------------------------- Qt

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._glass.setGeometry(self.rect())
        if self._viewpoint.fitted:
            self.zoom_to_fit()  # the canvas was drawn in its new size already, from where one looked before

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self._canvas.close()
        super().closeEvent(event)
