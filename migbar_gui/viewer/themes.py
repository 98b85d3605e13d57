"""The colours of the view that are not an element's."""

from __future__ import annotations

from dataclasses import dataclass

from migbar_gui.looks.colours import rgb

START_COLOUR = "#0c8ce9"
END_COLOUR = "#d63ec2"
TUBE_COLOUR = "#4a5563"
WARNING_COLOUR = "#f5a300"
AXIS_COLOURS = ("#d9463b", "#2f9e44", "#3b6fe0")


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours for a light or a dark window, as ``#rrggbb``."""

    background: str
    text: str
    muted: str
    cell: str
    surface: str

    @property
    def background_rgb(self) -> tuple[float, float, float]:
        return rgb(self.background)


LIGHT = Theme(
    background="#ffffff", text="#1c2127", muted="#7a828c", cell="#5c6670", surface="#0f9d8c"
)
DARK = Theme(
    background="#14171c", text="#eef1f5", muted="#8a939e", cell="#a3adb8", surface="#46d6c2"
)
