"""Colours, icons and style sheet of the window, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontInfo,
    QGuiApplication,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from migbar.resources import resource_dir


@dataclass(frozen=True, slots=True)
class Theme:
    """Named colours; the style sheet refers to them as ``@name``."""

    window: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    accent_soft: str
    on_accent: str
    good: str
    good_soft: str
    poor: str
    poor_soft: str
    error: str
    error_soft: str

    @property
    def is_dark(self) -> bool:
        """Whether text is lighter than its background."""
        return QColor(self.text).lightness() > QColor(self.window).lightness()


LIGHT = Theme(
    window="#f3f5f8",
    surface="#ffffff",
    raised="#f8fafc",
    border="#dce1e8",
    text="#17202c",
    muted="#5c6878",
    accent="#2459c9",
    accent_soft="#e6edfb",
    on_accent="#ffffff",
    good="#12733b",
    good_soft="#def3e5",
    poor="#a2470b",
    poor_soft="#fdeedd",
    error="#b3261e",
    error_soft="#fce9e7",
)
DARK = Theme(
    window="#14181e",
    surface="#1c222a",
    raised="#222932",
    border="#333c48",
    text="#e7ebf1",
    muted="#9aa6b5",
    accent="#7aa7ff",
    accent_soft="#26364f",
    on_accent="#0e1420",
    good="#63d28e",
    good_soft="#1d3a2a",
    poor="#f5b26b",
    poor_soft="#40301c",
    error="#ff8f86",
    error_soft="#43211f",
)


def translucent(colour: str, alpha: int) -> QColor:
    """Return a colour that lets the ground through; `alpha` is 255 where it lets nothing."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


def chosen_theme(preference: str) -> Theme:
    """Return the theme for ``"light"``, ``"dark"`` or ``"system"``."""
    if preference == "system":
        dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
    else:
        dark = preference == "dark"
    return DARK if dark else LIGHT


def current_theme() -> Theme:
    """Return the theme that `apply_theme` set last."""
    app = QApplication.instance()
    theme = app.property("theme") if app is not None else None
    return theme if isinstance(theme, Theme) else LIGHT


@contextmanager
def on_paper() -> Iterator[None]:
    """Let what is painted meanwhile take the light colours, whichever the window has."""
    app = QApplication.instance()
    assert app is not None
    seen = app.property("theme")
    app.setProperty("theme", LIGHT)
    try:
        yield
    finally:
        app.setProperty("theme", seen)


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Give the whole application a palette and a style sheet."""
    if app.property("theme") is None:  # else every widget would be styled twice
        app.setStyle("Fusion")
    app.setProperty("theme", theme)
    app.setPalette(_palette(theme))
    template = (resource_dir() / "styles" / "migbar.qss").read_text(encoding="utf-8")
    names = asdict(theme) | {"icons": (resource_dir() / "icons").as_posix()}
    names |= {"mode": "dark" if theme.is_dark else "light"}
    sized = re.sub(r"@(\d+)pt", lambda match: f"{with_text(int(match[1]))}pt", template)
    app.setStyleSheet(re.sub(r"@(\w+)", lambda match: names[match[1]], sized))


def with_text(length: int) -> int:
    """Return a length that holds as much of the user's text as `length` does of text 12 pixels high."""
    return round(length * QFontInfo(QGuiApplication.font()).pixelSize() / 12)


def fixed_font() -> QFont:
    """Return the font of files and logs, whose letters are all as wide, in the size of the user's text."""
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    made.setPointSizeF(QFontInfo(QGuiApplication.font()).pointSizeF())
    return made


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for roles, colour in (
        ((role.Window,), theme.window),
        ((role.Base, role.ToolTipBase), theme.surface),
        ((role.AlternateBase, role.Button), theme.raised),
        ((role.Text, role.WindowText, role.ButtonText, role.ToolTipText), theme.text),
        ((role.PlaceholderText,), theme.muted),
        ((role.Mid,), theme.border),
        ((role.Highlight, role.Link, role.Accent), theme.accent),
        ((role.HighlightedText, role.BrightText), theme.on_accent),
    ):
        for one in roles:
            palette.setColor(one, QColor(colour))
    for one in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, one, QColor(theme.muted))
    return palette


def icon(name: str, colour: str = "") -> QIcon:
    """Return one of the project's icons in a colour of the current theme, grey where disabled."""
    theme = current_theme()
    return _icon(name, colour or theme.text, theme.border if theme.is_dark else "#b4bdc9")


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    made = QIcon()
    for size in (16, 20, 24, 32, 48):
        drawn = pixmap(name, colour, size)
        made.addPixmap(drawn)
        made.addPixmap(drawn, QIcon.Mode.Selected)
        made.addPixmap(pixmap(name, disabled, size), QIcon.Mode.Disabled)
    return made


def pixmap(name: str, colour: str, size: int, ratio: float = 1.0) -> QPixmap:
    """Draw an icon: its SVG with ``currentColor`` replaced, `size` × `size` logical pixels."""
    svg = (resource_dir() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(svg.replace("currentColor", colour).encode()))
    drawn = QPixmap(round(size * ratio), round(size * ratio))
    drawn.setDevicePixelRatio(ratio)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return drawn


PATH_COLOURS = (
    "#e4572e",
    "#6657d9",
    "#17a398",
    "#5b8c00",
    "#a31d45",
    "#8d5a34",
    "#7b2d8b",
    "#9bc53d",
    "#0f7a4f",
    "#ef8576",
)
"""None is near those of "initial", "final" and the warning, which stand beside a path in 3D."""


def path_colour(path_id: int | None) -> str:
    """Return the colour of a path, the same in the table and in the 3D view; grey where it is not in the window."""
    return "#7a8594" if path_id is None else PATH_COLOURS[(path_id - 1) % len(PATH_COLOURS)]
