"""What a pixel of the view shows: an atom, a void, or a tube of the network."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF

from migbar_gui.viewer.content import Content
from migbar_gui.viewer.projection import Projection
from migbar_gui.viewer.scene import AtomInfo, Balls

TUBE_SPARE = 3.0
"""Pixels beside a thin tube of the network that still point at it."""


def atom_at(content: Content, projection: Projection, point: QPoint | QPointF) -> AtomInfo | None:
    """Return the atom or void that is seen at a pixel.

    A translucent ghost before an ion of the cell gives way to it: views along an axis stay clickable.
    """
    solid = _hit(projection, point, content.solid)
    ghosts = [_hit(projection, point, balls) for balls in (content.ghosts, content.void_balls)]
    hits = [hit for hit in (solid, *ghosts) if hit is not None]
    if not hits:
        return None
    if solid is not None and solid[1].element == content.ion:
        return solid[1]
    return min(hits, key=lambda hit: hit[0])[1]


def tube_at(content: Content, projection: Projection, point: QPoint | QPointF) -> int | None:
    """Return the row of the network's tube that is seen at a pixel."""
    network = content.network
    if network is None:
        return None
    x, y, rows = point.x() + 0.5, point.y() + 0.5, network.shown
    found = projection.hit_stick(x, y, network.ends[rows], network.radii()[rows], TUBE_SPARE)
    if found is None:
        return None
    balls = (content.solid, content.ghosts, content.void_balls)
    hits = [hit for ball in balls if (hit := _hit(projection, point, ball)) is not None]
    hidden = any(depth < found[1] for depth, _ in hits)
    return None if hidden else int(rows[found[0]])


def _hit(
    projection: Projection, point: QPoint | QPointF, balls: Balls
) -> tuple[float, AtomInfo] | None:
    hit = projection.hit(point.x() + 0.5, point.y() + 0.5, balls.positions, balls.radii)
    return None if hit is None else (hit[1], balls.info(hit[0]))
