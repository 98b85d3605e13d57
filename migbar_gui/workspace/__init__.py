"""What is open: a structure, paths through it, and their barriers. Plain Python, observable, undoable."""

from migbar_gui.workspace.document import Document, Pick
from migbar_gui.workspace.events import Event, whenever
from migbar_gui.workspace.history import Snapshot, State
from migbar_gui.workspace.paths import FoundPaths, Group, PathEntry, PathResult, PinnedPath, Shape
from migbar_gui.workspace.workspace import Workspace

__all__ = [
    "Document",
    "Event",
    "FoundPaths",
    "Group",
    "PathEntry",
    "PathResult",
    "Pick",
    "PinnedPath",
    "Shape",
    "Snapshot",
    "State",
    "Workspace",
    "whenever",
]
