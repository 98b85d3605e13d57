"""Crystal structures: read them from files, check them, and say what sites they have.

Structures are pymatgen ``Structure`` objects of plain elements, with the labels of the file, in the
cell and the order of the file: each row of a CIF is followed by its images under symmetry.
"""

from migbar.structures.cif import MAX_ATOMS
from migbar.structures.reading import (
    FILE_NAMES,
    is_cif,
    parse_structure,
    read_data,
    read_structure,
    reading_notes,
    structure_blocks,
)
from migbar.structures.sites import (
    SiteInfo,
    formula,
    insertion_ions,
    is_partly_occupied,
    list_sites,
    mobile_ions,
    require_ordered,
)
from migbar.structures.symmetries import (
    NEAR_SYMMETRY,
    SYMPREC,
    Restored,
    Symmetry,
    nearby_symmetries,
    symmetrised,
    symmetry,
    symmetry_notes,
)
from migbar.structures.writing import ENDINGS, file_stem, write_cif, write_structure

__all__ = [
    "ENDINGS",
    "FILE_NAMES",
    "MAX_ATOMS",
    "NEAR_SYMMETRY",
    "SYMPREC",
    "Restored",
    "SiteInfo",
    "Symmetry",
    "file_stem",
    "formula",
    "insertion_ions",
    "is_cif",
    "is_partly_occupied",
    "list_sites",
    "mobile_ions",
    "nearby_symmetries",
    "parse_structure",
    "read_data",
    "read_structure",
    "reading_notes",
    "require_ordered",
    "structure_blocks",
    "symmetrised",
    "symmetry",
    "symmetry_notes",
    "write_cif",
    "write_structure",
]
