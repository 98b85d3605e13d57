"""The layers of the picture, from the atoms to the rings around them, and how content becomes shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkRenderingCore import vtkRenderer

from migbar_gui.looks.colours import ball_radius, element_colour, rgb
from migbar_gui.viewer import scene, themes
from migbar_gui.viewer.captions import HALO_WIDTH
from migbar_gui.viewer.content import Content
from migbar_gui.viewer.drawing import ArrowLayer, BallLayer, FaceLayer, Layer, StickLayer
from migbar_gui.viewer.isosurface import IsosurfaceLayer
from migbar_gui.viewer.network import NODE_RADIUS
from migbar_gui.viewer.projection import Projection
from migbar_gui.viewer.scene import AtomInfo

Floats = NDArray[np.float64]

BOND_RADIUS = 0.11
CELL_RADIUS = 0.022
HAZE = 0.5
SURFACE_OPACITY = 0.42

ARROW_RADIUS = 0.055
"""Of the shaft of an arrow, Å."""


class Layers:
    """Draws the content of a view; what has changed of it is said by the method called."""

    def __init__(self, renderer: vtkRenderer, content: Content) -> None:
        self._content = content
        self._halos: list[tuple[Floats, float, str]] = []
        self._halo_view: Floats | None = None
        self._atoms = BallLayer(renderer, outline=0.3)
        self._bonds = StickLayer(renderer, outline=0.3)
        self._cell = StickLayer(renderer, lit=False)
        self._faces = FaceLayer(renderer)
        self._rims = StickLayer(renderer, outline=0.2)
        self._tubes = StickLayer(renderer, outline=0.3)
        self._nodes = BallLayer(renderer, outline=0.3)
        self._paths = StickLayer(renderer, outline=0.3)
        self._beads = BallLayer(renderer, outline=0.35)
        self._rings = BallLayer(renderer, lit=False)
        self._ghosts = BallLayer(renderer, outline=0.3, translucent=True)
        self._voids = BallLayer(renderer, outline=0.45, translucent=True)
        self._ends = BallLayer(renderer, outline=0.3, translucent=True)
        self._arrows = ArrowLayer(renderer)
        self._surfaces = [IsosurfaceLayer(renderer, back) for back in (True, False)]
        self._details: list[Layer] = [self._bonds, self._faces, self._rims, self._ghosts]
        self._hazy: list[Layer] = [
            *self._details,
            self._atoms,
            self._cell,
            self._voids,
            self._tubes,
            self._nodes,
            *self._surfaces,
        ]

    def draw_all(self) -> None:
        """Draw everything anew."""
        self.draw_atoms()
        self._draw_cell()
        self.draw_voids()
        self.draw_paths()
        self.draw_network()
        self.draw_surface()
        self.draw_arrows()
        self.draw_marks()

    def before_frame(
        self, projection: Projection, detailed: bool, ahead: float, radius: float
    ) -> None:
        """Set what depends on the camera: details, haze, and the rings behind the balls.

        Parameters
        ----------
        projection : Projection
        detailed : bool
            Whether details are drawn.
        ahead, radius : float
            Distance and radius of what is drawn, Å.
        """
        for detail in self._details:
            detail.set_visible(detailed)
        for layer in self._hazy:
            layer.set_haze(self._content.theme.background_rgb, HAZE, -ahead, radius)
        self._draw_rings(projection)

    # -------------------------------------------------------------- the crystal

    def draw_atoms(self) -> None:
        """Draw atoms, bonds and polyhedra."""
        content = self._content
        content.place_atoms()
        solid, ghosts = content.solid, content.ghosts
        self._atoms.draw(solid.positions, solid.radii, solid.colours)
        self._ghosts.draw(ghosts.positions, ghosts.radii, _with_alpha(ghosts.colours, 0.4))
        balls, style = content.atoms, content.style
        pairs = none = np.zeros((0, 2), int)
        if style.bonds or style.polyhedra:
            pairs = scene.bonds(balls, content.ion)
        self._draw_bonds(pairs if style.bonds else none)
        faces = scene.polyhedra(balls, pairs if style.polyhedra else none, content.ion)
        self._faces.draw(faces.triangles, _with_alpha(faces.colours, 0.42))
        starts, ends = faces.edges[:, 0], faces.edges[:, 1]
        radii = np.full(len(faces.edges), CELL_RADIUS)
        self._rims.draw(starts, ends, radii, 0.75 * faces.edge_colours)

    def _draw_bonds(self, pairs: NDArray[np.int_]) -> None:
        """Draw each bond as two halves in the colours of its atoms."""
        balls = self._content.atoms
        first, second = pairs[:, 0], pairs[:, 1]
        ends, colours = balls.positions, balls.colours
        # The halves meet in the middle of what is seen between the balls.
        way = ends[second] - ends[first]
        length = np.linalg.norm(way, axis=1)
        share = (length + balls.radii[first] - balls.radii[second]) / 2 / np.maximum(length, 1e-9)
        middle = ends[first] + share[:, None] * way
        self._bonds.draw(
            np.vstack([ends[first], ends[second]]),
            np.vstack([middle, middle]),
            np.full(2 * len(pairs), BOND_RADIUS),
            np.vstack([colours[first], colours[second]]),
        )

    def _draw_cell(self) -> None:
        content = self._content
        if content.structure is None or not content.style.cell:
            self._cell.clear()
            return
        edges = scene.cell_edges(content.structure.lattice)
        colours = np.tile(rgb(content.theme.cell), (12, 1))
        colours[:3] = [rgb(colour) for colour in themes.AXIS_COLOURS]
        size = np.ptp(edges.reshape(-1, 3), axis=0).max()
        radii = np.full(12, CELL_RADIUS * np.clip(size / 10, 0.7, 8))
        self._cell.draw(edges[:, 0], edges[:, 1], radii, colours)

    def draw_voids(self) -> None:
        """Draw the voids as translucent balls."""
        self._content.place_voids()
        balls = self._content.void_balls
        alpha = np.where(balls.beyond, 0.25, 0.5)
        self._voids.draw(balls.positions, balls.radii, _with_alpha(balls.colours, alpha))

    def draw_surface(self) -> None:
        """Draw the translucent surface."""
        colour = np.array([*rgb(self._content.theme.surface), SURFACE_OPACITY])
        for layer in self._surfaces:
            layer.draw(self._content.surface, colour)

    def draw_arrows(self) -> None:
        """Draw the arrows."""
        arrows, colour = self._content.arrows, np.array(rgb(self._content.theme.text))
        self._arrows.draw(arrows[:, 0], arrows[:, 1], ARROW_RADIUS, colour)

    # -------------------------------------------------------------- paths and network

    def draw_paths(self) -> None:
        """Draw each path as a tube with a bead for each image; the active one stands out."""
        starts, ends, thickness, tube_colours = [], [], [], []
        beads, sizes, bead_colours = [], [], []
        shells, shell_sizes, shell_colours = [], [], []
        for drawing in self._content.drawings:
            points, radius = np.asarray(drawing.points, float), ball_radius(drawing.ion)
            colour = np.array(rgb(drawing.colour))
            if not drawing.active:
                colour = self._faded(colour, 0.25)
            tube = 0.13 if drawing.active else 0.06
            n = len(points) - 1
            starts.append(points[:-1])
            ends.append(points[1:])
            thickness += [tube] * n
            tube_colours += [colour] * n
            inner = np.tile(colour, (len(points), 1))
            inner[list(drawing.clashes)] = rgb(themes.WARNING_COLOUR)
            beads.append(points)
            size = np.full(len(points), (0.6 if drawing.active else 0.32) * radius)
            size[[0, -1]] = tube  # a round end of the tube
            sizes.append(size)
            bead_colours.append(inner)
            if drawing.active:
                # Seen where the ion goes from void to void; else inside the atoms at the ends.
                shells.append(points[[0, -1]])
                shell_sizes += [0.97 * radius] * 2
                shell_colours += [[*rgb(element_colour(drawing.ion)), 0.5]] * 2
        self._paths.draw(_stack(starts), _stack(ends), np.array(thickness), np.array(tube_colours))
        self._beads.draw(_stack(beads), np.concatenate([[], *sizes]), _stack(bead_colours))
        self._ends.draw(_stack(shells), np.array(shell_sizes), np.array(shell_colours))

    def draw_network(self) -> None:
        """Draw the hops as tubes in the colours of their saddles, with balls where they meet."""
        network = self._content.network
        if network is None:
            self._tubes.clear()
            self._nodes.clear()
            return
        rows = network.shown
        ends, energies = network.ends[rows], network.heights[network.hop[rows]]
        colours = self._content.scale(network).colours(energies)
        self._tubes.draw(ends[:, 0], ends[:, 1], network.radii()[rows], colours)
        nodes = ends.reshape(-1, 3)
        colour = np.tile(rgb(element_colour(network.ion)), (len(nodes), 1))
        self._nodes.draw(nodes, np.full(len(nodes), NODE_RADIUS), colour)

    def _faded(self, colours: Floats, amount: float) -> Floats:
        return (1 - amount) * colours + amount * np.array(self._content.theme.background_rgb)

    # -------------------------------------------------------------- rings

    def draw_marks(self) -> None:
        """Collect the rings around what is selected, pointed at, or in trouble."""
        content = self._content
        self._halos, self._halo_view = [], None
        if content.hovered is not None:
            self._add_halo(content.hovered, content.theme.muted, 0.6)
        for empty in content.emptied:
            self._add_halo(empty, content.theme.text)
        for site, _, colour in content.ends:
            if site is not None:
                self._add_halo(site, colour)
        for drawing in content.drawings:
            for row in drawing.clashes:
                radius = 0.6 * ball_radius(drawing.ion) + HALO_WIDTH
                self._halos.append((np.array(drawing.points[row]), radius, themes.WARNING_COLOUR))

    def _add_halo(self, site: AtomInfo, colour: str, width: float = 1.0) -> None:
        radius = site.radius + width * HALO_WIDTH
        self._halos.append((np.array(site.position), radius, colour))

    def _draw_rings(self, projection: Projection) -> None:
        """Draw rings as flat discs: balls pushed so far back that only their rims show."""
        radii = np.array([radius for _, radius, _ in self._halos])
        centres = _stack([centre[None] for centre, _, _ in self._halos])
        colours = np.array([rgb(colour) for _, _, colour in self._halos])
        pushed = centres - radii[:, None] * projection.towards
        if self._halo_view is None or not np.allclose(self._halo_view, pushed):
            self._halo_view = pushed
            self._rings.draw(pushed, radii, colours)


def _with_alpha(colours: Floats, alpha: float | Floats) -> Floats:
    return np.column_stack([colours, np.broadcast_to(alpha, len(colours))])


def _stack(arrays: Sequence[Floats]) -> Floats:
    return np.vstack([np.zeros((0, 3)), *arrays])
