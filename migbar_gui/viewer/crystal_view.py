"""The 3D view of a crystal: atoms, voids and migration paths that can be looked at, pointed at and clicked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure
from PySide6.QtCore import QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QCloseEvent, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from migbar.files import replacing
from migbar_gui.camera import Camera, Vector
from migbar_gui.colours import ball_radius, element_colour, rgb
from migbar_gui.viewer import scene, themes
from migbar_gui.viewer.annotations import Annotations, Label, Legend, Tag, paint
from migbar_gui.viewer.canvas import Canvas
from migbar_gui.viewer.drawing import ArrowLayer, BallLayer, FaceLayer, Layer, StickLayer
from migbar_gui.viewer.isosurface import Isosurface, IsosurfaceLayer
from migbar_gui.viewer.network import NODE_RADIUS, NetworkDrawing, Scale
from migbar_gui.viewer.projection import Projection
from migbar_gui.viewer.scene import AtomInfo, Balls

Floats = NDArray[np.float64]

BOND_RADIUS = 0.11
CELL_RADIUS = 0.022
HALO_WIDTH = 0.13
HAZE = 0.5
SURFACE_OPACITY = 0.42
MARGIN = 1.08

ARROW_RADIUS = 0.055
"""Of the shaft of an arrow, Å."""

TUBE_SPARE = 3.0
"""Pixels beside a thin tube of the network that still point at it."""


@dataclass(frozen=True, slots=True)
class PathDrawing:
    """A migration path as it is drawn.

    Attributes
    ----------
    points : ndarray, shape (n, 3)
        Positions of the ion from the initial to the final site in Å, in the frame of the displayed cell.
    ion : str
        Symbol of the migrating element.
    colour : str
        ``#rrggbb``.
    active : bool
        Whether it is the path being looked at.
    label : str
        Short text beside it.
    clashes : tuple of int
        Rows of `points` that come too close to an atom.
    """

    points: Floats
    ion: str
    colour: str
    active: bool
    label: str = ""
    clashes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """What is shown beside the atoms, and how.

    Attributes
    ----------
    bonds, cell, boundary, polyhedra : bool
        Bonds, cell edges with the axes, images on the faces and around the cell, coordination polyhedra.
    ion_bonds : bool
        Thin bonds to the mobile ion too.
    perspective : bool
        Perspective instead of parallel projection.
    """

    bonds: bool = True
    cell: bool = True
    boundary: bool = True
    polyhedra: bool = False
    ion_bonds: bool = False
    perspective: bool = False


class _Overlay(QWidget):
    """A sheet of glass over the canvas for text."""

    def __init__(self, view: CrystalView) -> None:
        super().__init__(view)
        self._view = view
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        self._view.paint_annotations(painter)
        painter.end()


class CrystalView(QWidget):
    """Shows one crystal with voids and paths, and says what is pointed at and clicked."""

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
        self._structure: Structure | None = None
        self._ion: str | None = None
        self._shell = True
        self._voids: Sequence[Sequence[float]] = ()
        self._start: AtomInfo | None = None
        self._end: AtomInfo | None = None
        self._hovered: AtomInfo | None = None
        self._emptied: tuple[AtomInfo, ...] = ()
        self._drawings: tuple[PathDrawing, ...] = ()
        self._network: NetworkDrawing | None = None
        self._hovered_tube: int | None = None
        self._surface: Isosurface | None = None
        self._arrows: Floats = np.zeros((0, 2, 3))
        self._hidden: frozenset[str] = frozenset()
        self._labelled = False
        self._style = Style()
        self._theme = themes.LIGHT
        self._atoms = self._solid = self._ghosts = scene.no_balls("atom")
        self._void_balls = scene.no_balls("void")
        self._halos: list[tuple[Floats, float, str]] = []
        self._halo_view: Floats | None = None
        self._notes = Annotations()
        self._centre, self._radius = np.zeros(3), 1.0
        self._fitted = False
        self._build()
        self._apply_theme()

    def _build(self) -> None:
        self._canvas = Canvas(self, self._before_frame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        self._overlay = _Overlay(self)
        self._overlay.raise_()

        renderer = self._canvas.renderer
        self._atom_layer = BallLayer(renderer, outline=0.3)
        self._bond_layer = StickLayer(renderer, outline=0.3)
        self._cell_layer = StickLayer(renderer, lit=False)
        self._face_layer = FaceLayer(renderer)
        self._rim_layer = StickLayer(renderer, outline=0.2)
        self._network_layer = StickLayer(renderer, outline=0.3)
        self._node_layer = BallLayer(renderer, outline=0.3)
        self._tube_layer = StickLayer(renderer, outline=0.3)
        self._bead_layer = BallLayer(renderer, outline=0.35)
        self._halo_layer = BallLayer(renderer, lit=False)
        self._ghost_layer = BallLayer(renderer, outline=0.3, translucent=True)
        self._void_layer = BallLayer(renderer, outline=0.45, translucent=True)
        self._end_layer = BallLayer(renderer, outline=0.3, translucent=True)
        self._arrow_layer = ArrowLayer(renderer)
        self._surface_layers = [IsosurfaceLayer(renderer, back) for back in (True, False)]
        self._details: list[Layer] = [
            self._bond_layer,
            self._face_layer,
            self._rim_layer,
            self._ghost_layer,
        ]
        self._hazy: list[Layer] = [
            self._atom_layer,
            self._bond_layer,
            self._cell_layer,
            self._face_layer,
            self._rim_layer,
            self._ghost_layer,
            self._void_layer,
            self._network_layer,
            self._node_layer,
            *self._surface_layers,
        ]

        self._canvas.clicked.connect(self._on_click)
        self._canvas.pointed.connect(self._on_point)
        self._canvas.turned.connect(self._on_turned)
        self._canvas.dropped.connect(self.file_dropped)
        self._canvas.changed.connect(self._overlay.update)

    # -------------------------------------------------------------- what is shown

    @property
    def structure(self) -> Structure | None:
        """The structure shown."""
        return self._structure

    @property
    def style(self) -> Style:  # type: ignore[override]
        """What is shown beside the atoms; change it with `set_style`."""
        return self._style

    @property
    def theme(self) -> themes.Theme:
        """The colours in use."""
        return self._theme

    def show_structure(
        self,
        structure: Structure | None,
        ion: str | None,
        keep_camera: bool = False,
        shell: bool = True,
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
        """
        self._structure, self._ion, self._shell = structure, ion, shell
        if not keep_camera:
            self._voids, self._drawings, self._surface = (), (), None
            self._network, self._emptied = None, ()
            self._arrows = np.zeros((0, 2, 3))
            self._start = self._end = None
        self._hovered = self._hovered_tube = None
        self._canvas.forget_speed()
        self._draw_all()
        if structure is not None and not keep_camera:
            self._look(*_standard_view(structure.lattice.matrix))
            self._fit()
        self._canvas.request_quick_frame()

    def set_voids(self, voids: Sequence[Sequence[float]]) -> None:
        """Show voids (fractional coordinates) as translucent ghosts that can be clicked."""
        self._voids = voids
        self._draw_voids()
        if self._fitted:
            self._fit()
        self._finish()

    def set_selection(self, start: AtomInfo | None, end: AtomInfo | None) -> None:
        """Mark the initial and the final site."""
        self._start, self._end = start, end
        self._draw_marks()
        self._finish()

    def set_paths(self, drawings: Sequence[PathDrawing]) -> None:
        """Show migration paths."""
        self._drawings = tuple(drawings)
        self._draw_paths()
        self._draw_marks()
        self._finish()

    def set_network(self, network: NetworkDrawing | None) -> None:
        """Show all hops of the crystal as tubes coloured by their barrier, or none."""
        self._network, self._hovered_tube = network, None
        self._draw_network()
        if self._fitted:
            self._fit()
        self._finish()

    def set_emptied(self, sites: Sequence[AtomInfo]) -> None:
        """Mark sites that are empty in the next path."""
        self._emptied = tuple(sites)
        self._draw_marks()
        self._finish()

    def set_isosurface(self, surface: Isosurface | None) -> None:
        """Show a translucent surface, or none."""
        self._surface = surface
        self._draw_surface()
        self._canvas.request_quick_frame()

    def set_arrows(self, arrows: Floats) -> None:
        """Show arrows, from start to tip in Å, shape (n, 2, 3); forces, for example."""
        self._arrows = arrows
        self._draw_arrows()
        self._canvas.request_quick_frame()

    def set_hidden_elements(self, symbols: Iterable[str]) -> None:
        """Hide all atoms of some elements; they cannot be clicked then."""
        self._hidden = frozenset(symbols)
        self._draw_all()
        self._canvas.request_frame()

    def set_labels(self, shown: bool) -> None:
        """Write element and index on the atoms."""
        self._labelled = shown
        self._annotate()
        self._canvas.request_frame()

    def set_style(self, **changes: bool) -> None:
        """Change fields of `Style`, for example ``set_style(polyhedra=True, bonds=False)``."""
        turned = self._projection() if self._structure is not None else None
        self._style = replace(self._style, **changes)
        if turned is not None:
            self._set_perspective(turned)
        self._draw_all()
        self._canvas.request_frame()

    def refresh_colours(self) -> None:
        """Draw the elements in the colours and with the radii of `migbar_gui.colours` again."""
        self._draw_all()
        self._canvas.request_frame()

    def refresh_numbers(self) -> None:
        """Write the numbers again (`migbar_gui.energies`)."""
        self._annotate()
        self._canvas.request_frame()

    def set_theme(self, dark: bool) -> None:
        """Use colours for a dark or a light window."""
        self._theme = themes.DARK if dark else themes.LIGHT
        self._apply_theme()
        self._draw_all()
        self._canvas.request_frame()

    def _apply_theme(self) -> None:
        self._canvas.renderer.SetBackground(self._theme.background_rgb)
        self._annotate()

    def _finish(self) -> None:
        self._measure()
        self._annotate()
        self._canvas.request_frame()

    # -------------------------------------------------------------- drawing

    def _draw_all(self) -> None:
        self._draw_atoms()
        self._draw_cell()
        self._draw_voids()
        self._draw_paths()
        self._draw_network()
        self._draw_surface()
        self._draw_arrows()
        self._draw_marks()
        self._measure()
        self._annotate()

    def _draw_atoms(self) -> None:
        balls = scene.no_balls("atom")
        if self._structure is not None:
            balls = scene.atom_balls(self._structure, self._ion, self._style.boundary)
            balls = balls.where(~np.isin(balls.elements, list(self._hidden)))
            balls = balls if self._shell else balls.where(~balls.beyond)
        self._atoms = balls
        self._solid = solid = balls.where(~balls.beyond)
        self._ghosts = ghosts = balls.where(balls.beyond)
        self._atom_layer.draw(solid.positions, solid.radii, solid.colours)
        self._ghost_layer.draw(ghosts.positions, ghosts.radii, _with_alpha(ghosts.colours, 0.4))
        self._draw_bonds()

    def _draw_bonds(self) -> None:
        balls, style = self._atoms, self._style
        none = np.zeros((0, 2), int)
        pairs = none
        if style.bonds or style.polyhedra:
            pairs = scene.bonds(balls, self._ion, style.ion_bonds)
        self._draw_sticks(pairs if style.bonds else none)
        faces = scene.polyhedra(balls, pairs if style.polyhedra else none, self._ion)
        self._face_layer.draw(faces.triangles, _with_alpha(faces.colours, 0.42))
        self._rim_layer.draw(
            faces.edges[:, 0],
            faces.edges[:, 1],
            np.full(len(faces.edges), CELL_RADIUS),
            0.75 * faces.edge_colours,
        )

    def _draw_sticks(self, pairs: NDArray[np.int_]) -> None:
        """Draw each bond as two halves in the colours of its atoms."""
        balls = self._atoms
        first, second = pairs[:, 0], pairs[:, 1]
        ends, colours = balls.positions, balls.colours
        # The halves meet in the middle of what is seen between the balls.
        way = ends[second] - ends[first]
        length = np.linalg.norm(way, axis=1)
        share = (length + balls.radii[first] - balls.radii[second]) / 2 / np.maximum(length, 1e-9)
        middle = ends[first] + share[:, None] * way
        to_ion = (balls.elements[first] == self._ion) | (balls.elements[second] == self._ion)
        radii = np.where(to_ion, 0.4 * BOND_RADIUS, BOND_RADIUS)
        self._bond_layer.draw(
            np.vstack([ends[first], ends[second]]),
            np.vstack([middle, middle]),
            np.tile(radii, 2),
            np.vstack([colours[first], colours[second]]),
        )

    def _draw_cell(self) -> None:
        if self._structure is None or not self._style.cell:
            self._cell_layer.draw(*[np.zeros((0, 3))] * 4)
            return
        edges = scene.cell_edges(self._structure.lattice)
        colours = np.tile(rgb(self._theme.cell), (12, 1))
        colours[:3] = [rgb(colour) for colour in themes.AXIS_COLOURS]
        size = np.ptp(edges.reshape(-1, 3), axis=0).max()
        radii = np.full(12, CELL_RADIUS * np.clip(size / 10, 0.7, 3))
        self._cell_layer.draw(edges[:, 0], edges[:, 1], radii, colours)

    def _draw_voids(self) -> None:
        balls = scene.no_balls("void")
        if self._structure is not None:
            balls = scene.void_balls(self._structure.lattice, self._voids, self._ion)
        self._void_balls = balls
        alpha = np.where(balls.beyond, 0.25, 0.5)
        self._void_layer.draw(balls.positions, balls.radii, _with_alpha(balls.colours, alpha))

    def _draw_surface(self) -> None:
        colour = np.array([*rgb(self._theme.surface), SURFACE_OPACITY])
        for layer in self._surface_layers:
            layer.draw(self._surface, colour)

    def _draw_arrows(self) -> None:
        colour = np.array(rgb(self._theme.text))
        self._arrow_layer.draw(self._arrows[:, 0], self._arrows[:, 1], ARROW_RADIUS, colour)

    def _draw_paths(self) -> None:
        starts, ends, thickness, tube_colours = [], [], [], []
        beads, sizes, bead_colours = [], [], []
        shells, shell_sizes, shell_colours = [], [], []
        for drawing in self._drawings:
            points, radius = np.asarray(drawing.points, float), ball_radius(drawing.ion)
            colour = np.array(rgb(drawing.colour))
            if not drawing.active:
                colour = self._faded(colour, 0.25)
            n = len(points) - 1
            starts.append(points[:-1])
            ends.append(points[1:])
            thickness += [0.13 if drawing.active else 0.06] * n
            tube_colours += [colour] * n
            inner = np.tile(colour, (len(points), 1))
            inner[list(drawing.clashes)] = rgb(themes.WARNING_COLOUR)
            beads.append(points)
            size = np.full(len(points), (0.6 if drawing.active else 0.32) * radius)
            size[[0, -1]] = 0.13 if drawing.active else 0.06  # a round end of the tube
            sizes.append(size)
            bead_colours.append(inner)
            if drawing.active:
                # Seen where the ion goes from void to void; else inside the atoms at the ends.
                shells.append(points[[0, -1]])
                shell_sizes += [0.97 * radius] * 2
                shell_colours += [[*rgb(element_colour(drawing.ion)), 0.5]] * 2
        self._tube_layer.draw(
            _stack(starts), _stack(ends), np.array(thickness), np.array(tube_colours)
        )
        self._bead_layer.draw(
            _stack(beads), np.concatenate([np.zeros(0), *sizes]), _stack(bead_colours)
        )
        self._end_layer.draw(_stack(shells), np.array(shell_sizes), np.array(shell_colours))

    def _draw_network(self) -> None:
        network = self._network
        if network is None:
            self._network_layer.draw(*[np.zeros((0, 3))] * 4)
            self._node_layer.draw(*[np.zeros((0, 3))] * 3)
            return
        rows = network.shown
        ends, energies = network.ends[rows], network.barriers[network.hop[rows]]
        colours = self._scale(network).colours(energies)
        self._network_layer.draw(ends[:, 0], ends[:, 1], network.radii()[rows], colours)
        nodes = ends.reshape(-1, 3)
        colour = rgb(element_colour(network.ion))
        self._node_layer.draw(
            nodes, np.full(len(nodes), NODE_RADIUS), np.tile(colour, (len(nodes), 1))
        )

    def _scale(self, network: NetworkDrawing) -> Scale:
        return Scale.of(network.barriers, self._theme is themes.DARK)

    def _draw_marks(self) -> None:
        """Collect the rings around what is selected, pointed at, or in trouble."""
        self._halos = []
        if self._hovered is not None:
            self._add_halo(self._hovered, self._theme.muted, 0.6)
        for empty in self._emptied:
            self._add_halo(empty, self._theme.text)
        for site, colour in ((self._start, themes.START_COLOUR), (self._end, themes.END_COLOUR)):
            if site is not None:
                self._add_halo(site, colour)
        for drawing in self._drawings:
            for row in drawing.clashes:
                radius = 0.6 * ball_radius(drawing.ion) + HALO_WIDTH
                self._halos.append((np.array(drawing.points[row]), radius, themes.WARNING_COLOUR))
        self._halo_view = None

    def _add_halo(self, site: AtomInfo, colour: str, width: float = 1.0) -> None:
        radius = self._radius_of(site) + width * HALO_WIDTH
        self._halos.append((np.array(site.position), radius, colour))

    def _radius_of(self, site: AtomInfo) -> float:
        return ball_radius(site.element) * (0.75 if site.kind == "void" else 1.0)

    def _faded(self, colours: Floats, amount: float) -> Floats:
        return (1 - amount) * colours + amount * np.array(self._theme.background_rgb)

    def _annotate(self) -> None:
        notes = Annotations()
        structure = self._structure
        if structure is None:
            notes.hint = "Open a structure, or drop a file here"
        elif self._style.cell:
            notes.cell = structure.lattice.matrix
        if self._labelled:
            notes.labels = [
                Label(f"{element}{index}", position, float(radius), element == self._ion)
                for element, index, position, radius in zip(
                    self._atoms.elements,
                    self._atoms.index,
                    self._atoms.positions,
                    self._atoms.radii,
                    strict=True,
                )
            ]
        for drawing in self._drawings:
            if drawing.label:
                middle = np.asarray(drawing.points, float)[len(drawing.points) // 2]
                notes.tags.append(Tag(drawing.label, middle, 0.35, drawing.colour))
            notes.tags += [
                Tag("!", np.array(drawing.points[row]), 0.4, themes.WARNING_COLOUR)
                for row in drawing.clashes
            ]
        network = self._network
        if network is not None and len(network.hop):
            notes.legend = Legend(self._scale(network), network.highest)
            if self._hovered_tube is not None:
                row = self._hovered_tube
                notes.tags.append(
                    Tag(network.label(row), network.ends[row].mean(axis=0), 0.2, themes.TUBE_COLOUR)
                )
        for empty in self._emptied:
            clearance = self._radius_of(empty) + HALO_WIDTH
            position = np.array(empty.position)
            notes.tags.append(Tag("empty", position, clearance, themes.TUBE_COLOUR))
        for site, text, colour in (
            (self._start, "initial", themes.START_COLOUR),
            (self._end, "final", themes.END_COLOUR),
        ):
            if site is not None:
                clearance = self._radius_of(site) + HALO_WIDTH
                notes.tags.append(Tag(text, np.array(site.position), clearance, colour))
        self._notes = notes
        self._overlay.update()

    def paint_annotations(self, painter: QPainter) -> None:
        """Paint all text in logical pixels of the view."""
        solid = self._solid.positions, self._solid.radii
        paint(painter, self._notes, self._projection(), self._theme, solid)

    # -------------------------------------------------------------- camera

    def view_along(self, axis: Literal["a", "b", "c"], reciprocal: bool = False) -> None:
        """Look down a lattice vector (or reciprocal vector) with the next but one upwards."""
        if self._structure is None:
            return
        row = "abc".index(axis)
        cell = self._structure.lattice.matrix
        normals = np.linalg.inv(cell).T
        towards = normals[row] if reciprocal else cell[row]
        self._look(towards, cell[(row + 2) % 3])
        self._fit()
        self._canvas.request_frame()

    def turn(self, across: float, upwards: float = 0.0) -> None:
        """Turn the camera around the crystal by degrees to the right and upwards."""
        camera = self._camera()
        camera.Azimuth(across)
        camera.Elevation(upwards)
        camera.OrthogonalizeViewUp()
        self._canvas.request_quick_frame()

    def zoom_to_fit(self) -> None:
        """Show everything, from the same direction."""
        self._fit()
        self._canvas.request_frame()

    def camera(self) -> Camera:
        """Return where one looks from."""
        view = self._projection()
        focus, towards, up = (_vector(v) for v in (view.focus, view.towards, view.up))
        return Camera(focus, towards, up, view.height / 2 / view.scale)

    def set_camera(self, camera: Camera) -> None:
        """Look from somewhere else."""
        towards = np.asarray(camera.towards) / np.linalg.norm(camera.towards)
        self._look(towards, np.asarray(camera.up))
        self._aim(np.asarray(camera.focus), towards, camera.scale)
        self._fitted = False  # or the next change of size would look from elsewhere
        self._canvas.request_frame()

    def _camera(self):  # type: ignore[no-untyped-def]
        return self._canvas.renderer.GetActiveCamera()

    def _look(self, towards: Floats, up: Floats) -> None:
        towards = towards / np.linalg.norm(towards)
        camera = self._camera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(*(100 * towards))
        camera.SetViewUp(*(up - (up @ towards) * towards))

    def _fit(self) -> None:
        """Move and zoom the camera so that all that is drawn fills the widget."""
        points, radii = self._extent()
        if not len(points):
            return
        self._fitted = True
        view = self._projection()
        axes = np.array([view.right, view.up, view.towards])
        sides = points @ axes.T
        low, high = (sides - radii[:, None]).min(axis=0), (sides + radii[:, None]).max(axis=0)
        middle = (low + high) / 2
        half = np.abs(sides - middle)[:, :2] + radii[:, None]
        half[:, 0] *= view.height / view.width
        needed = half.max(axis=1)
        if self._style.perspective:
            # what is nearer to the camera looks larger by this many Å at the focus
            needed = needed + (sides - middle)[:, 2] * self._slope()
        self._aim(middle @ axes, view.towards, MARGIN * max(float(needed.max()), 0.5))

    def _slope(self) -> float:
        return float(np.tan(np.radians(self._camera().GetViewAngle()) / 2))

    def _aim(self, focus: Floats, towards: Floats, scale: float) -> None:
        """Place the camera so that half the picture's height is `scale` Å at the focus."""
        camera = self._camera()
        camera.SetParallelProjection(not self._style.perspective)
        camera.SetParallelScale(scale)
        distance = scale / self._slope()
        if not self._style.perspective:
            distance = max(distance, 4 * self._radius)  # nothing behind the camera
        camera.SetFocalPoint(*focus)
        camera.SetPosition(*(focus + distance * towards))

    def _set_perspective(self, before: Projection) -> None:
        self._aim(before.focus, before.towards, before.height / 2 / before.scale)

    def _projection(self) -> Projection:
        return Projection.of(self._camera(), max(1, self.width()), max(1, self.height()))

    def _extent(self) -> tuple[Floats, Floats]:
        points = [self._atoms.positions, self._void_balls.positions]
        radii = [self._atoms.radii, self._void_balls.radii]
        if self._structure is not None and self._style.cell:
            corners = scene.cell_edges(self._structure.lattice).reshape(-1, 3)
            points.append(corners)
            radii.append(np.full(len(corners), 0.3))
        for drawing in self._drawings:
            points.append(np.asarray(drawing.points, float))
            radii.append(np.full(len(drawing.points), ball_radius(drawing.ion)))
        if self._network is not None:
            points.append(self._network.ends.reshape(-1, 3))
            radii.append(np.full(2 * len(self._network.ends), 0.3))
        return np.vstack(points), np.concatenate(radii)

    def _measure(self) -> None:
        points, radii = self._extent()
        if len(points):
            self._centre = (points.min(axis=0) + points.max(axis=0)) / 2
            reach = np.linalg.norm(points - self._centre, axis=1) + radii
            self._radius = float(reach.max()) + 1.0

    def _before_frame(self, detailed: bool) -> None:
        """Set what depends on the camera: clipping, haze, and the rings behind the balls."""
        for detail in self._details:
            detail.set_visible(detailed)
        camera = self._camera()
        position, focus = np.array(camera.GetPosition()), np.array(camera.GetFocalPoint())
        distance = float(np.linalg.norm(position - focus))
        towards = (position - focus) / max(distance, 1e-9)
        ahead = float((position - self._centre) @ towards)
        camera.SetClippingRange(
            max(ahead - self._radius, 0.02 * distance, 0.01), max(ahead + self._radius, 0.1)
        )
        for layer in self._hazy:
            layer.set_haze(self._theme.background_rgb, HAZE, -ahead, self._radius)
        self._draw_halos()

    def _draw_halos(self) -> None:
        """Draw rings as flat discs: balls pushed so far back that only their rims show."""
        view = self._projection()
        radii = np.array([radius for _, radius, _ in self._halos])
        centres = _stack([centre[None] for centre, _, _ in self._halos])
        colours = np.array([rgb(colour) for _, _, colour in self._halos])
        pushed, sizes = view.pushed_back(centres, radii)
        if self._halo_view is None or not np.allclose(self._halo_view, pushed):
            self._halo_view = pushed
            self._halo_layer.draw(pushed, sizes, colours)

    # -------------------------------------------------------------- mouse

    def atom_at(self, point: QPoint | QPointF) -> AtomInfo | None:
        """Return the atom or void that is seen at a pixel of the view.

        A translucent ghost before an ion of the cell gives way to it: views along an axis stay clickable.
        """
        solid = self._hit(point, self._solid)
        ghosts = [self._hit(point, balls) for balls in (self._ghosts, self._void_balls)]
        hits = [hit for hit in (solid, *ghosts) if hit is not None]
        if not hits:
            return None
        if solid is not None and solid[1].element == self._ion:
            return solid[1]
        return min(hits, key=lambda hit: hit[0])[1]

    def _hit(self, point: QPoint | QPointF, balls: Balls) -> tuple[float, AtomInfo] | None:
        hit = self._projection().hit(point.x() + 0.5, point.y() + 0.5, balls.positions, balls.radii)
        return None if hit is None else (hit[1], balls.info(hit[0]))

    def world_to_widget(self, xyz: Sequence[float] | Floats) -> QPoint:
        """Return the pixel of the view where a Cartesian position (Å) is drawn."""
        x, y, _ = self._projection().pixels(np.asarray(xyz, float)[None])[0]
        return QPoint(round(x - 0.5), round(y - 0.5))

    def _on_turned(self) -> None:
        self._fitted = False  # from now on it is the user who says what is seen

    def tube_at(self, point: QPoint | QPointF) -> int | None:
        """Return the row of the network's tube that is seen at a pixel of the view."""
        network = self._network
        if network is None:
            return None
        x, y, rows = point.x() + 0.5, point.y() + 0.5, network.shown
        radii = network.radii()[rows]
        found = self._projection().hit_stick(x, y, network.ends[rows], radii, TUBE_SPARE)
        if found is None:
            return None
        balls = (self._solid, self._ghosts, self._void_balls)
        hits = [hit for ball in balls if (hit := self._hit(point, ball)) is not None]
        hidden = any(depth < found[1] for depth, _ in hits)
        return None if hidden else int(rows[found[0]])

    def _on_click(self, point: QPointF) -> None:
        tube = self.tube_at(point)
        site = self.atom_at(point) if tube is None else None
        if tube is not None and self._network is not None:
            self.hop_clicked.emit(int(self._network.hop[tube]))
        elif site is not None:
            self.site_clicked.emit(site)
        else:
            self.background_clicked.emit()

    def _on_point(self, point: QPointF | None) -> None:
        tube = self.tube_at(point) if point is not None else None
        site = self.atom_at(point) if point is not None and tube is None else None
        if (site, tube) == (self._hovered, self._hovered_tube):
            return
        new_tube = tube != self._hovered_tube
        self._hovered, self._hovered_tube = site, tube
        self._canvas.setCursor(
            Qt.CursorShape.ArrowCursor
            if site is None and tube is None
            else Qt.CursorShape.PointingHandCursor
        )
        self._draw_marks()
        if new_tube:
            self._annotate()
        self._canvas.request_quick_frame()
        if tube is not None and self._network is not None:
            self.hop_hovered.emit(int(self._network.hop[tube]))
        else:
            self.hovered.emit(site)

    # -------------------------------------------------------------- picture

    def save_picture(self, path: str | Path, scale: int = 2, transparent: bool = False) -> None:
        """Write what is seen to a PNG file, `scale` times as large as on the screen.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        picture = self.picture(scale, transparent)
        with replacing(path) as temporary:
            if not picture.save(str(temporary)):
                raise OSError(f"cannot write {path}")

    def picture(self, scale: int = 2, transparent: bool = False) -> QImage:
        """Return what is seen, `scale` times as large as on the screen."""
        hovered = self._hovered, self._hovered_tube
        self._hovered = self._hovered_tube = None
        self._draw_marks()
        self._annotate()
        pixels = self._canvas.picture(scale, transparent)
        height, width = pixels.shape[:2]
        picture = QImage(
            pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888
        ).copy()
        painter = QPainter(picture)
        painter.setWindow(QRect(0, 0, self.width(), self.height()))
        self.paint_annotations(painter)
        painter.end()
        self._hovered, self._hovered_tube = hovered
        self._draw_marks()
        self._annotate()
        return picture

    # -------------------------------------------------------------- Qt

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._overlay.setGeometry(self.rect())
        if self._fitted:
            self._fit()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self._canvas.close()
        super().closeEvent(event)


def _vector(values: Floats) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _with_alpha(colours: Floats, alpha: float | Floats) -> Floats:
    return np.column_stack([colours, np.broadcast_to(alpha, len(colours))])


def _stack(arrays: Sequence[Floats]) -> Floats:
    return np.vstack([np.zeros((0, 3)), *arrays])


def _standard_view(cell: Floats) -> tuple[Floats, Floats]:
    """Choose where to look from: down the shorter of a and b, slightly turned, with c upwards."""
    a, b, c = cell
    up = c / np.linalg.norm(c)
    front, across = (a, b) if np.linalg.norm(a) < np.linalg.norm(b) else (b, a)
    front = front - (front @ up) * up
    front = front / np.linalg.norm(front)
    if np.cross(up, front) @ across < 0:  # the other one points to the right
        front = -front
    return front + 0.42 * np.cross(up, front) + 0.27 * up, up
