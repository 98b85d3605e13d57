"""Opening files: read in another thread, ask where a file leaves a choice, never lose what was open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pymatgen.core import Structure
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from migbar import structures
from migbar.barriers import Remark
from migbar.errors import StructureFileError
from migbar.files import user_dir, write_text
from migbar.progress import Progress
from migbar_gui.background.jobs import Jobs
from migbar_gui.dialogs.blocks import BlockDialog
from migbar_gui.dialogs.ordering import OrderingChoice, OrderingDialog
from migbar_gui.files.session import SUFFIX
from migbar_gui.workspace import Document, Workspace

STRUCTURE_NAMES = "*.cif *.mcif *.vasp *.poscar POSCAR* CONTCAR* *.xyz *.extxyz *.json"
OPEN_FILTER = (
    f"All that MigBar opens ({STRUCTURE_NAMES} *{SUFFIX});;"
    f"Crystal structures ({STRUCTURE_NAMES});;MigBar sessions (*{SUFFIX});;All files (*)"
)


@dataclass(frozen=True, slots=True)
class SeveralBlocks:
    """A file with more than one structure."""

    path: Path
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartlyOccupied:
    """A structure that has to be ordered before a band can be drawn in it."""

    name: str
    path: Path
    structure: Structure
    ion: str
    sha256: str

    @property
    def partial_labels(self) -> tuple[str, ...]:
        """Labels of the partly occupied sites with what sits there and how often, each once."""
        shown = (
            f"{site.label}: {site.species_string.replace(':', ' ')}"
            for site in self.structure
            if not site.is_ordered
        )
        return tuple(dict.fromkeys(shown))


def read_document(path: Path, block: str | None) -> Document | SeveralBlocks | PartlyOccupied:
    """Read a structure file and find out what a user has to be asked."""
    if block is None and path.suffix.lower() in (".cif", ".mcif"):
        blocks = structures.structure_blocks(path)
        if len(blocks) > 1:
            return SeveralBlocks(path, tuple(blocks))
    data = structures.read_data(path)
    structure, digest = structures.parse_structure(data, path.name, block), sha256(data).hexdigest()
    name = path.name if block is None else f"{path.name} · {block}"
    if structures.is_partly_occupied(structure):
        ions = structures.mobile_ions(structure)
        return PartlyOccupied(name, path, structure, ions[0] if ions else "", digest)
    notes = tuple(Remark(*note) for note in structures.reading_notes(data, path.name, block))
    return describe(name, path, structure, notes, digest)


def kept_structures() -> Path:
    """Folder among the user's things for structures that come from no file: pasted, or from a database."""
    return user_dir() / "structures"


def keep_text(text: str) -> Path:
    """Write a pasted structure to a file among the user's things, and return it.

    Raises
    ------
    StructureFileError
        If it is no structure.
    """
    structure = structures.parse_structure(text.encode(), "what was pasted")
    stem = structures.file_stem(structure, f"pasted_{datetime.now():%Y-%m-%d_%H-%M-%S}")
    path = kept_structures() / f"{stem}{'.cif' if structures.is_cif(text) else ''}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def describe(
    name: str,
    source: Path | None,
    structure: Structure,
    notes: tuple[Remark, ...] = (),
    digest: str = "",
) -> Document:
    """Gather what the window shows of an ordered structure."""
    try:
        symmetry = structures.symmetry(structure)
    except StructureFileError:
        symmetry = None
    return Document(
        name=name,
        source=source,
        structure=structure,
        ions=tuple(structures.mobile_ions(structure)),
        guests=tuple(structures.insertion_ions(structure)),
        formula=structures.formula(structure),
        symmetry=symmetry,
        notes=notes,
        sha256=digest,
    )


def order_document(partly: PartlyOccupied, choice: OrderingChoice, progress: Progress) -> Document:
    """Order a partly occupied structure; its note goes with every result."""
    from migbar.ordering import order_structure

    ordering = order_structure(
        partly.structure,
        partly.ion,
        max_atoms=choice.max_atoms,
        time_limit=choice.time_limit,
        progress=progress,
    )
    note = Remark("ordered", ordering.note)
    return describe(
        f"{partly.name} (ordered)", partly.path, ordering.structure, (note,), partly.sha256
    )


class Opener(QObject):
    """Opens files into the workspace."""

    opened = Signal(Path)

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        on_failed: Callable[[Exception], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._on_failed = on_failed
        self._window = parent

    def open(self, path: Path, block: str | None = None) -> None:
        """Read a file; what is open stays until the new structure is complete."""
        self._jobs.start(
            "open",
            f"Reading {path.name}",
            lambda progress: read_document(path, block),
            self._take,
            self._on_failed,
        )

    def open_text(self, text: str) -> None:
        """Open a structure that was pasted."""
        self._jobs.start(
            "open",
            "Reading what was pasted",
            lambda _: keep_text(text),
            self.open,
            self._on_failed,
        )

    def _take(self, read: Document | SeveralBlocks | PartlyOccupied) -> None:
        if isinstance(read, SeveralBlocks):
            self._ask_block(read)
        elif isinstance(read, PartlyOccupied):
            self._offer_ordering(read)
        else:
            self._workspace.open(read)
            if read.source is not None:
                self.opened.emit(read.source)

    def _ask_block(self, several: SeveralBlocks) -> None:
        dialog = BlockDialog(several.path.name, several.blocks, self._window)
        dialog.chosen.connect(lambda block: self.open(several.path, block))
        dialog.open()

    def _offer_ordering(self, partly: PartlyOccupied) -> None:
        dialog = OrderingDialog(
            partly.name,
            structures.formula(partly.structure),
            partly.partial_labels,
            len(partly.structure),
            self._window,
        )
        dialog.chosen.connect(lambda choice: self._order(partly, choice))
        dialog.open()

    def _order(self, partly: PartlyOccupied, choice: OrderingChoice) -> None:
        self._jobs.start(
            "open",
            f"Ordering {partly.name}",
            lambda progress: order_document(partly, choice, progress),
            self._take,
            self._on_failed,
        )
