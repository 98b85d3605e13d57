"""A Python script that holds the images and relaxes them with ASE, by whatever calculator it is given."""

from __future__ import annotations

import io
from pprint import pformat
from textwrap import indent

from migbar.dft.espresso import polarisation, pseudopotentials, pw_input
from migbar.dft.images import DftBand
from migbar.dft.settings import CALCULATORS, DftInputError, DftSettings
from migbar.dft.vasp import has_open_shells, starting_moments

_SCRIPT = '''\
"""NEB, {ion} hop in {formula}, written by MigBar. Needs ase and {needs}; run with: python neb.py"""

from io import StringIO

from ase.io import read, write
from ase.mep import NEB
from ase.optimize import BFGS, FIRE

FORCE = {force}  # eV/Å
STEPS = {steps}
CLIMBING = {climbing}
COMPUTED_WITH = "{computed_with}"  # told with the result: change it with the calculator


def make_calculator(folder):
    """Return a calculator for one image; put your own here."""
{calculator}


def relax_ends(images):
    """Relax both ends at fixed cell; the images between follow them."""
    before = [images[0].get_positions(), images[-1].get_positions()]
    for name, end in (("initial", images[0]), ("final", images[-1])):
        if not BFGS(end, logfile=f"{{name}}.log").run(fmax=FORCE, steps=STEPS):
            print(f"The {{name}} end is NOT converged after {{STEPS}} steps.")
    first, last = images[0].positions - before[0], images[-1].positions - before[1]
    for number, image in enumerate(images[1:-1], start=1):
        share = number / (len(images) - 1)
        image.positions += (1 - share) * first + share * last


def main():
    images = read(StringIO(BAND), ":", format="extxyz")
    for number, image in enumerate(images):
        image.calc = make_calculator(f"{{number:02d}}")
    relax_ends(images)
    converged = False
    for climb, force in ((False, 5 * FORCE), (True, FORCE)) if CLIMBING else ((False, FORCE),):
        neb = NEB(images, climb=climb, method="improvedtangent")
        converged = FIRE(neb, logfile="neb.log").run(fmax=force, steps=STEPS)
    for image in images:
        image.info.update(computed_with=COMPUTED_WITH, converged=bool(converged))
    write("band.extxyz", images)
    energies = [image.get_potential_energy() for image in images]
    for number, energy in enumerate(energies):
        print(f"image {{number:02d}}  {{energy - min(energies[0], energies[-1]):8.4f}} eV")
    barrier = max(energies) - min(energies[0], energies[-1])
    print(f"barrier {{barrier:.4f}} eV" + ("" if converged else "   NOT CONVERGED"))


BAND = """\\
{band}"""

if __name__ == "__main__":
    main()
'''

_PACKAGES = {"chgnet": "chgnet", "vasp": "VASP", "espresso": "Quantum ESPRESSO", "gpaw": "gpaw"}


def ase_files(band: DftBand, settings: DftSettings) -> dict[str, str]:
    """Return neb.py, which holds the images."""
    if settings.calculator not in CALCULATORS:
        raise DftInputError(
            f"The script knows no calculator '{settings.calculator}'; choose {', '.join(CALCULATORS)}."
        )
    script = _SCRIPT.format(
        ion=band.ion,
        formula=band.images[0].composition.reduced_formula,
        needs=_PACKAGES[settings.calculator],
        force=settings.force_ev_per_angstrom,
        steps=settings.steps,
        climbing=settings.climbing,
        computed_with=CALCULATORS[settings.calculator],
        calculator=indent(_calculator(band, settings), "    "),
        band=_extxyz(band, settings),
    )
    return {"neb.py": script}


def _calculator(band: DftBand, settings: DftSettings) -> str:
    grid = settings.k_grid(band.images[0].lattice)
    spin = settings.spin and has_open_shells(band)
    if settings.calculator == "chgnet":
        return (
            "from chgnet.model.dynamics import CHGNetCalculator\n\n"
            'return CHGNetCalculator(use_device="cpu")'
        )
    if settings.calculator == "vasp":
        return (
            "from ase.calculators.vasp import Vasp\n\n"
            "return Vasp(\n"
            f'    directory=folder, xc="pbe", encut={settings.cutoff_ev}, kpts={grid}, gamma=True,\n'
            f'    ediff=1e-5, ismear=0, sigma={settings.smearing_ev}, isym=0, prec="Accurate", lasph=True,\n'
            f'    lreal="Auto", ispin={2 if spin else 1},\n'
            ")"
        )
    if settings.calculator == "gpaw":
        return (
            "from gpaw import GPAW, PW, FermiDirac\n\n"
            "return GPAW(\n"
            f'    mode=PW({settings.cutoff_ev}), xc="PBE", kpts={{"size": {grid}, "gamma": True}},\n'
            f'    occupations=FermiDirac({settings.smearing_ev}), symmetry="off", txt=f"{{folder}}.txt",\n'
            ")"
        )
    given = pw_input(band, settings)
    given["control"]["tprnfor"] = True  # ASE does not ask pw.x for forces by itself
    data, names = (
        indent(pformat(value, sort_dicts=False), "    ").strip()
        for value in (given, pseudopotentials(band))
    )
    return (
        "from pathlib import Path\n\n"
        "from ase.calculators.espresso import Espresso, EspressoProfile\n\n"
        "# pw.x runs in the folder of the image; the files of `names` lie in ./pseudo, beside this script\n"
        'profile = EspressoProfile(command="pw.x", pseudo_dir=Path("pseudo").resolve())\n'
        f"data = {data}\n"
        f"names = {names}\n"
        "return Espresso(\n"
        f"    profile=profile, directory=folder, pseudopotentials=names, input_data=data, kpts={grid}\n"
        ")"
    )


def _extxyz(band: DftBand, settings: DftSettings) -> str:
    from ase.io import write
    from pymatgen.io.ase import AseAtomsAdaptor

    images = [AseAtomsAdaptor.get_atoms(image, msonable=False) for image in band.images]
    if settings.calculator != "chgnet" and settings.spin and has_open_shells(band):
        # pw.x reads a number below 1 as a fraction of the atom's valence electrons
        of_pw = settings.calculator == "espresso"
        moments = polarisation(band) if of_pw else starting_moments(band)
        for atoms in images:
            atoms.set_initial_magnetic_moments(moments)
    text = io.StringIO()
    write(text, images, format="extxyz")
    return text.getvalue()
