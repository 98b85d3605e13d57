"""Input files for the DFT-NEB that confirms a barrier: VASP, Quantum ESPRESSO, or a script for ASE.

The images come from a band that is bent but not relaxed (`images_of`), or from one that was relaxed
with a potential (`read_images`); `prepare` brings them into order. `input_files` returns texts by
file name, so that they can be looked at before `write_inputs` puts them into a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from migbar.dft.ase_script import ase_files
from migbar.dft.espresso import espresso_files
from migbar.dft.images import DftBand, images_of, prepare, read_images, unwrapped
from migbar.dft.settings import CALCULATORS, DftInputError, DftSettings, parse_incar
from migbar.dft.vasp import vasp_files
from migbar.files import write_text

CODES = {"vasp": vasp_files, "espresso": espresso_files, "ase": ase_files}
"""Name of a code → what makes its files."""

CODE_NAMES = {"vasp": "VASP", "espresso": "Quantum ESPRESSO (neb.x)", "ase": "ASE script"}

__all__ = [
    "CALCULATORS",
    "CODES",
    "CODE_NAMES",
    "DftBand",
    "DftInputError",
    "DftSettings",
    "images_of",
    "input_files",
    "parse_incar",
    "prepare",
    "read_images",
    "unwrapped",
    "write_inputs",
]


def input_files(band: DftBand, code: str, settings: DftSettings | None = None) -> dict[str, str]:
    """Return the input files of a NEB as texts by their path in the folder.

    Parameters
    ----------
    band : DftBand
        From `prepare`.
    code : str
        One of `CODES`.
    settings : DftSettings, optional

    Raises
    ------
    DftInputError
        If there is no such code or calculator.
    """
    if code not in CODES:
        raise DftInputError(f"There is no input for '{code}'; choose {', '.join(CODES)}.")
    return CODES[code](band, settings or DftSettings())


def write_inputs(folder: str | Path, files: Mapping[str, str], overwrite: bool = False) -> None:
    """Write the files into a folder, which is made where it does not exist.

    Raises
    ------
    DftInputError
        If one of them is there already and is not to be overwritten.
    OSError
        If the folder cannot be written.
    """
    folder = Path(folder)
    there = [name for name in files if (folder / name).exists()]
    if there and not overwrite:
        raise DftInputError(
            f"{folder} holds {there[0]} already; choose an empty folder, or say that it is to be "
            "overwritten (on the command line: --overwrite)."
        )
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_text(folder / name, text)
