"""Folders of finished NEB calculations as VASP, neb.x and the ASE script leave them, of a copper vacancy by EMT."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.mep import NEB
from ase.optimize import BFGS
from ase.units import Hartree
from pymatgen.io.ase import AseAtomsAdaptor

from migbar.bands import Band

FMAX = 0.05


@cache
def copper_images() -> tuple[Atoms, ...]:
    """A relaxed vacancy hop with one image between the ends, energies and forces; the ion is the eighth atom."""
    crystal = bulk("Cu", cubic=True) * (2, 2, 2)
    start, end = crystal.positions[0].copy(), crystal.positions[1].copy()
    del crystal[[0, 1]]
    ends = []
    for place in (start, end):
        atoms = crystal.copy()
        atoms += Atoms("Cu", [place])
        atoms = atoms[[*range(7), len(atoms) - 1, *range(7, len(atoms) - 1)]]
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=FMAX)
        ends.append(atoms)
    middle = ends[0].copy()
    middle.positions = (ends[0].positions + ends[1].positions) / 2
    middle.calc = EMT()
    images = [ends[0], middle, ends[1]]
    BFGS(NEB(images, climb=True, method="improvedtangent"), logfile=None).run(fmax=FMAX)
    return tuple(_kept(atoms) for atoms in images)


def _kept(atoms: Atoms) -> Atoms:
    kept = atoms.copy()
    forces = atoms.get_forces()
    kept.calc = SinglePointCalculator(kept, energy=atoms.get_potential_energy(), forces=forces)
    return kept


def straight_images(band: Band) -> list[Atoms]:
    """One image between the ends of a band of copper, not relaxed."""
    shown = band.straight(1)
    images = []
    for number in range(3):
        atoms = AseAtomsAdaptor.get_atoms(shown.image(number), msonable=False)
        atoms.calc = EMT()
        images.append(_kept(atoms))
    return images


def write_vasp(folder: Path, images: Sequence[Atoms], wrapped: bool = True) -> None:
    """Write ``00`` … with CONTCAR and OUTCAR, and an INCAR; positions within the cell as VASP writes them."""
    for number, atoms in enumerate(images):
        place = folder / f"{number:02d}"
        place.mkdir(parents=True)
        shown = atoms.copy()
        if wrapped:
            shown.wrap()
        write(place / "CONTCAR", shown, format="vasp", direct=True)
        (place / "OUTCAR").write_text(outcar(atoms, shown.positions), encoding="utf-8")
    (folder / "INCAR").write_text(
        f"IMAGES = {len(images) - 2}\nLCLIMB = .TRUE.\n", encoding="utf-8"
    )


def outcar(atoms: Atoms, positions: np.ndarray, done: bool = True) -> str:
    """Return what is read of an OUTCAR: a first step far off, and the last one."""
    (symbol,) = set(atoms.symbols)
    potcar = f" POTCAR:    PAW_PBE {symbol} 01Jan2000"
    basis = "\n".join(f" {x:.9f} {y:.9f} {z:.9f} 0.0 0.0 0.0" for x, y, z in atoms.cell.array)
    rows = np.hstack([positions, atoms.get_forces()])
    table = "\n".join(" ".join(f"{value:.8f}" for value in row) for row in rows)

    def step(number: int, energy: float) -> str:
        return f"""\
--------------------------------------- Iteration    {number}(   1)  ---------------------------------------
 VOLUME and BASIS-vectors are now :
      direct lattice vectors                 reciprocal lattice vectors
{basis}
 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
{table}
 -----------------------------------------------------------------------------------
  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  = {energy:18.8f} eV

  energy  without entropy= {energy:16.8f}  energy(sigma->0) = {energy:16.8f}
"""

    end = " reached required accuracy - stopping structural energy minimisation\n" if done else ""
    return f"""\
 vasp.6.3.0 20Jan22 (build May 08 2022 00:08:36) complex
{potcar}
{potcar}
   LEXCH  = PE
   ions per type =              {len(atoms)}
   ISPIN  =      1    spin polarized calculation?
   ENCUT  =  520.0 eV  38.22 Ry    6.18 a.u.
   GGA     =    --    GGA type
{step(1, 0.0)}{step(2, atoms.get_potential_energy())}{end}\
                            Elapsed time (sec):     7204.0
"""


def write_espresso(folder: Path, images: Sequence[Atoms]) -> None:
    """Write ``neb.axsf`` and ``neb.dat`` as neb.x does: forces in Ha/Å, energies in eV above the first image."""
    folder.mkdir(parents=True)
    lines = [f" ANIMSTEPS {len(images):3d}", " CRYSTAL ", " PRIMVEC "]
    lines += [" ".join(f"{x:14.10f}" for x in vector) for vector in images[0].cell.array]
    for number, atoms in enumerate(images, start=1):
        lines += [f" PRIMCOORD {number:3d}", f"{len(atoms):5d}  1"]
        rows = np.hstack([atoms.positions, atoms.get_forces() / Hartree])
        lines += [
            f" {symbol} " + " ".join(f"{value:16.10f}" for value in row)
            for symbol, row in zip(atoms.symbols, rows, strict=True)
        ]
    (folder / "neb.axsf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    first, last = images[0].get_potential_energy(), len(images) - 1
    energies = [atoms.get_potential_energy() - first for atoms in images]
    table = [f"{n / last:16.10f} {energy:16.10f} 0.01" for n, energy in enumerate(energies)]
    (folder / "neb.dat").write_text("\n".join(table) + "\n", encoding="utf-8")
    (folder / "neb.in").write_text("&PATH\n   CI_scheme = 'auto'\n/\n", encoding="utf-8")


def write_ase(folder: Path, images: Sequence[Atoms]) -> None:
    """Write ``band.extxyz`` as the script does."""
    folder.mkdir(parents=True)
    write(folder / "band.extxyz", list(images))
