"""Structures as the window shows them: read from files or pasted, ordered, and described."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pymatgen.core import Structure

from migbar import structures
from migbar.barriers import Remark
from migbar.errors import StructureFileError
from migbar.files import user_dir, write_text
from migbar.progress import Progress
from migbar_gui.workspace import Document


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
    # What it comes from may have been nearer to its symmetry, or farther off.
    notes = tuple(note for note in notes if note.code != structures.NEAR_SYMMETRY)
    try:
        symmetry = structures.symmetry(structure)
        notes += tuple(Remark(*note) for note in structures.symmetry_notes(structure))
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


def order_document(
    partly: PartlyOccupied, max_atoms: int, time_limit: float, progress: Progress
) -> Document:
    """Order a partly occupied structure; its note goes with every result.

    Parameters
    ----------
    partly : PartlyOccupied
    max_atoms : int
        How large the ordered cell may be.
    time_limit : float
        How long the search may take, s.
    progress : Progress
    """
    from migbar.ordering import order_structure

    ordering = order_structure(
        partly.structure,
        partly.ion,
        max_atoms=max_atoms,
        time_limit=time_limit,
        progress=progress,
    )
    note = Remark("ordered", ordering.note)
    return describe(
        f"{partly.name} (ordered)", partly.path, ordering.structure, (note,), partly.sha256
    )
