"""What lies over the picture: atom labels, tags, rings, axis letters and the axis triad, painted by Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from migbar_gui.looks import energies
from migbar_gui.looks.colours import ink_on
from migbar_gui.viewer.network import Scale
from migbar_gui.viewer.projection import Projection
from migbar_gui.viewer.themes import AXIS_COLOURS, Theme

Floats = NDArray[np.float64]

MOST_LABELS = 400
"""Of more visible atoms the ones nearest to the viewer are labelled; more text is not readable."""

_TEXT_SHARE = 0.62
_SMALLEST_TEXT = 9.0
_LARGEST_TEXT = 17.0
_TRIAD_LENGTH = 28.0
_TRIAD_CENTRE = 46.0
_LEGEND_HEIGHT = 150.0
_LEGEND_WIDTH = 13.0
_LEGEND_MARGIN = 22.0


@dataclass(frozen=True, slots=True)
class Label:
    """Text centred on a ball; left out where another ball hides it.

    One that is not `important` is left out as well where its ball is too small for it.
    """

    text: str
    position: Floats
    radius: float
    important: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """Text on a coloured pill beside a point, in front of everything."""

    text: str
    position: Floats
    clearance: float
    colour: str


@dataclass(frozen=True, slots=True)
class Ring:
    """A circle around a ball, in front of everything: it tells where the ball is behind others, too.

    Attributes
    ----------
    position : ndarray, shape (3,)
        In Å.
    radius, width : float
        Of the circle and of its line, Å.
    colour : str
    """

    position: Floats
    radius: float
    width: float
    colour: str


@dataclass(frozen=True, slots=True)
class Legend:
    """A bar that tells the colours of energies; blank above `highest`, where hops are hidden."""

    name: str
    scale: Scale
    highest: float


@dataclass(slots=True)
class Annotations:
    """All that lies over a picture."""

    labels: Sequence[Label] = ()
    tags: list[Tag] = field(default_factory=list)
    rings: Sequence[Ring] = ()
    cell: Floats | None = None
    legend: Legend | None = None
    hint: str = ""


def paint(
    painter: QPainter,
    notes: Annotations,
    projection: Projection,
    theme: Theme,
    balls: tuple[Floats, Floats],
) -> None:
    """Paint what lies over a picture.

    Parameters
    ----------
    painter : QPainter
        In the pixels of `projection`.
    notes : Annotations
    projection : Projection
    theme : Theme
    balls : tuple of ndarray
        Positions (n, 3) and radii (n,) in Å of what can hide a label.
    """
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    if notes.hint:
        _paint_hint(painter, notes.hint, projection, theme)
    _paint_labels(painter, notes.labels, projection, balls)
    _paint_rings(painter, notes.rings, projection)
    if notes.cell is not None:
        _paint_cell_letters(painter, notes.cell, projection, theme)
        _paint_triad(painter, notes.cell, projection, theme)
    if notes.legend is not None:
        _paint_legend(painter, notes.legend, projection, theme)
    _paint_tags(painter, notes.tags, projection)


def _font(painter: QPainter, size: float, bold: bool = False, italic: bool = False) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(size)))
    font.setBold(bold)
    font.setItalic(italic)
    return font


def _outlined(
    painter: QPainter, text: str, centre: QPointF, font: QFont, colour: QColor, rim: QColor
) -> None:
    """Draw text centred on a point with a rim, so that it is readable on any colour."""
    path = QPainterPath()
    path.addText(0, 0, font, text)
    box = path.boundingRect()
    path.translate(centre - box.center())
    painter.strokePath(
        path,
        QPen(
            rim,
            font.pixelSize() * 0.28,
            Qt.PenStyle.SolidLine,
            Qt.PenCapStyle.RoundCap,
            Qt.PenJoinStyle.RoundJoin,
        ),
    )
    painter.fillPath(path, colour)


def _paint_hint(painter: QPainter, text: str, projection: Projection, theme: Theme) -> None:
    painter.setFont(_font(painter, 15))
    painter.setPen(QColor(theme.muted))
    painter.drawText(
        QRectF(0, 0, projection.width, projection.height), Qt.AlignmentFlag.AlignCenter, text
    )


# ------------------------------------------------------------------ labels


def _paint_labels(
    painter: QPainter,
    labels: Sequence[Label],
    projection: Projection,
    balls: tuple[Floats, Floats],
) -> None:
    if not labels:
        return
    positions = np.array([label.position for label in labels])
    radii = np.array([label.radius for label in labels])
    pixels = projection.pixels(positions)
    inside = (
        (pixels[:, 0] > 0)
        & (pixels[:, 0] < projection.width)
        & (pixels[:, 1] > 0)
        & (pixels[:, 1] < projection.height)
    )
    sizes = _TEXT_SHARE * projection.scale * radii
    important = np.array([label.important for label in labels])
    rows = np.flatnonzero(inside & (important | (sizes > _SMALLEST_TEXT)))
    rows = rows[np.argsort(-pixels[rows, 2])][:MOST_LABELS]
    spread = projection.pixels(balls[0])
    reach = projection.scale * balls[1]
    ink, rim = QColor("#15181c"), QColor(255, 255, 255, 215)
    for row in rows[::-1]:
        x, y, depth = pixels[row]
        hiding = (spread[:, 2] > depth + 0.1) & (
            (spread[:, 0] - x) ** 2 + (spread[:, 1] - y) ** 2 < (0.8 * reach) ** 2
        )
        if not hiding.any():
            size = float(np.clip(sizes[row], _SMALLEST_TEXT, _LARGEST_TEXT))
            _outlined(
                painter, labels[row].text, QPointF(x, y), _font(painter, size, True), ink, rim
            )


# ------------------------------------------------------------------ rings and tags


def _paint_rings(painter: QPainter, rings: Sequence[Ring], projection: Projection) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for ring in rings:
        x, y, _ = projection.pixels(ring.position[None])[0]
        radius, width = projection.scale * ring.radius, max(1.8, projection.scale * ring.width)
        for colour, wide in (
            (QColor(255, 255, 255, 200), width + 1.6),
            (QColor(ring.colour), width),
        ):
            painter.setPen(QPen(colour, wide))
            painter.drawEllipse(QPointF(x, y), radius, radius)


def _paint_tags(painter: QPainter, tags: Sequence[Tag], projection: Projection) -> None:
    """Put each tag beside its point, where it covers no other one and is seen whole."""
    taken: list[QRectF] = []
    picture = QRectF(0, 0, projection.width, projection.height)
    font = _font(painter, 12, bold=True)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    for tag in tags:
        x, y, _ = projection.pixels(tag.position[None])[0]
        away = projection.scale * tag.clearance
        size = QSizeF(metrics.horizontalAdvance(tag.text) + 14, metrics.height() + 4)
        point = QPointF(x, y)
        places = [_beside(point, away, way, size) for way in _WAYS]
        if picture.contains(point):
            places.sort(key=lambda place: not picture.contains(place[1]))
            places = [(foot, _moved_into(picture, box)) for foot, box in places]
        free = (place for place in places if not any(place[1].intersects(box) for box in taken))
        foot, box = next(free, places[0])
        taken.append(box)
        _paint_tag(painter, tag, foot, box)


_WAYS = ((1, -1), (1, 1), (-1, -1), (-1, 1))


def _beside(
    point: QPointF, away: float, way: tuple[int, int], size: QSizeF
) -> tuple[QPointF, QRectF]:
    """Return where the line to a tag starts, and the tag's box, in one of the diagonal directions."""
    foot = point + QPointF(*way) * 0.71 * away
    corner = foot + QPointF(*way) * 7
    left = corner.x() if way[0] > 0 else corner.x() - size.width()
    top = corner.y() if way[1] > 0 else corner.y() - size.height()
    return foot, QRectF(QPointF(left, top), size)


def _moved_into(picture: QRectF, box: QRectF) -> QRectF:
    left = min(max(box.left(), 2.0), picture.right() - box.width() - 2)
    top = min(max(box.top(), 2.0), picture.bottom() - box.height() - 2)
    return QRectF(QPointF(left, top), box.size())


def _paint_tag(painter: QPainter, tag: Tag, foot: QPointF, box: QRectF) -> None:
    colour = QColor(tag.colour)
    painter.setPen(QPen(colour, 1.8))
    nearest = QPointF(
        min(max(foot.x(), box.left() + 6), box.right() - 6),
        min(max(foot.y(), box.top() + 6), box.bottom() - 6),
    )
    painter.drawLine(foot, nearest)
    painter.setPen(QPen(QColor(255, 255, 255, 200), 1.2))
    painter.setBrush(colour)
    painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
    painter.setPen(QColor(ink_on(tag.colour)))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, tag.text)


# ------------------------------------------------------------------ legend


def _paint_legend(painter: QPainter, legend: Legend, projection: Projection, theme: Theme) -> None:
    """Draw the scale of energies in the lower right corner, the highest on top."""
    scale = legend.scale
    font = _font(painter, 12)
    metrics = QFontMetricsF(font)
    room = metrics.horizontalAdvance(energies.number(scale.high, 2)) + 8
    height = max(min(_LEGEND_HEIGHT, projection.height - _LEGEND_MARGIN - 42), metrics.height())
    bar = QRectF(
        projection.width - _LEGEND_MARGIN - room - _LEGEND_WIDTH,
        projection.height - _LEGEND_MARGIN - height,
        _LEGEND_WIDTH,
        height,
    )
    painter.setFont(font)
    title = f"{legend.name} ({energies.unit()})"
    right = bar.right() + room
    left = right - metrics.horizontalAdvance(title)
    ground = QColor(theme.background)
    ground.setAlpha(205)
    frame = QColor(theme.muted)
    frame.setAlpha(70)
    painter.setPen(QPen(frame, 1))
    painter.setBrush(ground)
    corner, opposite = QPointF(left - 8, bar.top() - 34), QPointF(right + 8, bar.bottom() + 10)
    painter.drawRoundedRect(QRectF(corner, opposite), 6, 6)
    painter.setPen(Qt.PenStyle.NoPen)
    slices = np.linspace(scale.high, scale.low, round(height))
    for row, (energy, colour) in enumerate(zip(slices, scale.colours(slices), strict=True)):
        if energy <= legend.highest:
            painter.setBrush(QColor.fromRgbF(*colour))
            painter.drawRect(QRectF(bar.left(), bar.top() + row, bar.width(), 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(theme.muted), 1))
    painter.drawRect(bar)
    painter.setPen(QColor(theme.text))
    for energy in np.linspace(scale.low, scale.high, 4 if height > 5 * metrics.height() else 2):
        y = bar.bottom() - height * (energy - scale.low) / (scale.high - scale.low)
        painter.drawLine(QPointF(bar.right(), y), QPointF(bar.right() + 4, y))
        painter.drawText(
            QPointF(bar.right() + 8, y + metrics.capHeight() / 2), energies.number(energy, 2)
        )
    painter.drawText(QPointF(left, bar.top() - 14), title)


# ------------------------------------------------------------------ axes


def _paint_cell_letters(
    painter: QPainter, cell: Floats, projection: Projection, theme: Theme
) -> None:
    """Put the letters beyond the ends of the edges that start at the origin."""
    ends = projection.pixels(np.vstack([np.zeros(3), cell]))[:, :2]
    for letter, colour, end in zip("abc", AXIS_COLOURS, ends[1:], strict=True):
        way = end - ends[0]
        length = float(np.linalg.norm(way))
        if length < 12:
            continue  # seen end on
        # Clear of an atom at the corner.
        place = end + (12 + 0.75 * projection.scale) * way / length
        size = np.array([projection.width, projection.height])
        if ((end > 0) & (end < size)).all():  # what is seen has its letter
            place = np.clip(place, 9, size - 9)
        _outlined(
            painter,
            letter,
            QPointF(*place),
            _font(painter, 15, bold=True, italic=True),
            QColor(colour),
            QColor(theme.background),
        )


def _paint_triad(painter: QPainter, cell: Floats, projection: Projection, theme: Theme) -> None:
    """Draw the directions of a, b and c in the lower left corner, the nearest last."""
    centre = np.array([_TRIAD_CENTRE, projection.height - _TRIAD_CENTRE])
    directions = cell / np.linalg.norm(cell, axis=1)[:, None]
    for row in np.argsort(directions @ projection.towards):
        flat = np.array([directions[row] @ projection.right, -(directions[row] @ projection.up)])
        colour = QColor(AXIS_COLOURS[row])
        tip = centre + _TRIAD_LENGTH * flat
        _paint_arrow(painter, centre, tip, colour)
        length = float(np.linalg.norm(flat))
        letter = tip + (12 * flat / length if length > 0.15 else np.array([10.0, -10.0]))
        _outlined(
            painter,
            "abc"[row],
            QPointF(*letter),
            _font(painter, 14, bold=True, italic=True),
            colour,
            QColor(theme.background),
        )
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.muted))
    painter.drawEllipse(QPointF(*centre), 3.5, 3.5)


def _paint_arrow(painter: QPainter, start: Floats, tip: Floats, colour: QColor) -> None:
    way = tip - start
    length = float(np.linalg.norm(way))
    if length < 1:
        return
    along, head = way / length, min(9.0, 0.8 * length)
    across = np.array([-along[1], along[0]])
    neck = tip - head * along
    painter.setPen(QPen(colour, 3.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.drawLine(QPointF(*start), QPointF(*neck))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(
        QPolygonF([QPointF(*tip), QPointF(*(neck + 5 * across)), QPointF(*(neck - 5 * across))])
    )
