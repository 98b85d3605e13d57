"""The 3D view. Importing it brings VTK, so the window imports it late."""

from migbar_gui.viewer.content import PathDrawing, Style
from migbar_gui.viewer.crystal_view import CrystalView
from migbar_gui.viewer.isosurface import Isosurface, isosurface
from migbar_gui.viewer.network import NetworkDrawing
from migbar_gui.viewer.scene import AtomInfo

__all__ = [
    "AtomInfo",
    "CrystalView",
    "Isosurface",
    "NetworkDrawing",
    "PathDrawing",
    "Style",
    "isosurface",
]
