"""Inputs of VASP: a folder of images, INCAR, KPOINTS, the ends to relax first, and what is left to the user.

Tags by the VASP wiki (Nudged elastic bands, IMAGES, SPRING) and by the pages of the VTST patch
(https://theory.cm.utexas.edu/vtsttools/): LCLIMB, ICHAIN and IOPT are VTST's, the rest is VASP's own.
"""

from __future__ import annotations

from typing import Any

from migbar.dft.images import KEPT_STRAIGHT, DftBand
from migbar.dft.settings import DftSettings
from migbar.wording import counted

_WITH_VTST = """\
# ICHAIN, LCLIMB and IOPT belong to the VTST patch
# (https://theory.cm.utexas.edu/vtsttools/). VASP without it does
# not know them: no image climbs, and with POTIM = 0 nothing moves.
"""
_WITHOUT_VTST = """\
# Runs with VASP as it comes: no image climbs, so the barrier is
# that of the highest image. IBRION = 2 does not work for a band.
"""

_END_TAGS = {"IBRION": 2, "POTIM": 0.5}


def vasp_files(band: DftBand, settings: DftSettings) -> dict[str, str]:
    """Return INCAR, KPOINTS, POTCAR.symbols, README.txt, the images 00 …, and the ends to relax first."""
    from pymatgen.io.vasp.inputs import Kpoints

    kpoints = str(Kpoints.gamma_automatic(settings.k_grid(band.images[0].lattice)))
    poscars = [_poscar(band, number) for number in range(len(band.images))]
    last = f"{len(poscars) - 1:02d}"
    files = {
        "README.txt": _readme(band, settings, last),
        "INCAR": _incar(band, settings, _band_tags(band, settings), _incar_head(band, settings)),
        "KPOINTS": kpoints,
        "POTCAR.symbols": "\n".join(_potcar_symbols(band)) + "\n",
    }
    files |= {f"{number:02d}/POSCAR": text for number, text in enumerate(poscars)}
    for name, number, goal in (("initial", 0, "00"), ("final", -1, last)):
        head = (
            f"# Relaxation of the {name} end at fixed cell; its CONTCAR and OUTCAR go to {goal}/.\n"
        )
        files[f"ends/{name}/INCAR"] = _incar(band, settings, _END_TAGS, head)
        files[f"ends/{name}/KPOINTS"] = kpoints
        files[f"ends/{name}/POSCAR"] = poscars[number]
    return files


def _poscar(band: DftBand, number: int) -> str:
    from pymatgen.io.vasp.inputs import Poscar

    image = band.images[number]
    comment = (
        f"{image.composition.reduced_formula} image {number:02d}, atom 1 is the moving {band.ion}"
    )
    return Poscar(image, comment=comment, sort_structure=False).get_str(significant_figures=12)


def _band_tags(band: DftBand, settings: DftSettings) -> dict[str, Any]:
    tags: dict[str, Any] = {"IMAGES": band.n_between, "SPRING": -5}
    if settings.climbing:
        return tags | {"ICHAIN": 0, "LCLIMB": True, "IBRION": 3, "POTIM": 0, "IOPT": 1}
    return tags | {"IBRION": 1, "POTIM": 0.2, "NFREE": 2}


def _incar(band: DftBand, settings: DftSettings, tags: dict[str, Any], head: str) -> str:
    from pymatgen.io.vasp.inputs import Incar

    common: dict[str, Any] = {
        "ENCUT": settings.cutoff_ev,
        "EDIFF": 1e-5,
        "EDIFFG": -settings.force_ev_per_angstrom,
        "NSW": settings.steps,
        "ISIF": 2,
        "ISYM": 0,
        "ISMEAR": 0,
        "SIGMA": settings.smearing_ev,
        "PREC": "Accurate",
        "ALGO": "Normal",
        "LREAL": "Auto",
        "LASPH": True,
        "LCHARG": False,
        "LWAVE": False,
    }
    metals = _of_the_metals(band, settings)
    return head + str(Incar(common | metals | tags | dict(settings.incar)))


def _of_the_metals(band: DftBand, settings: DftSettings) -> dict[str, Any]:
    """Return the spins and +U values that the Materials Project starts with."""
    tags: dict[str, Any] = {"ISPIN": 1}
    if settings.spin and has_open_shells(band):
        tags = {"ISPIN": 2, "MAGMOM": starting_moments(band)}
    if settings.hubbard_u:
        from pymatgen.io.vasp.sets import MPRelaxSet

        usual = MPRelaxSet(band.images[0], sort_structure=False).incar
        tags |= {key: value for key, value in usual.items() if key.startswith("LDAU")}
        tags |= {"LMAXMIX": usual.get("LMAXMIX", 4)} if usual.get("LDAU") else {}
    return tags


def starting_moments(band: DftBand) -> list[float]:
    """Return the magnetic moments in μ_B that the Materials Project starts with, one for each atom."""
    from pymatgen.io.vasp.sets import MPRelaxSet

    table = MPRelaxSet.CONFIG["INCAR"]["MAGMOM"]
    return [float(table.get(site.specie.symbol, 0.6)) for site in band.images[0]]


def has_open_shells(band: DftBand) -> bool:
    """Whether there is an element that may carry a moment."""
    return any(
        site.specie.is_transition_metal or site.specie.is_lanthanoid or site.specie.is_actinoid
        for site in band.images[0]
    )


def _potcar_symbols(band: DftBand) -> list[str]:
    from pymatgen.io.vasp.sets import MPRelaxSet

    return [MPRelaxSet.CONFIG["POTCAR"].get(symbol, symbol) for symbol in band.elements]


def _incar_head(band: DftBand, settings: DftSettings) -> str:
    head = (
        f"# NEB, {band.ion} hop, {counted(band.n_between, 'image')} between the ends, by MigBar.\n"
        f"# Run it on a multiple of {counted(band.n_between, 'core')}.\n"
    )
    return head + (_WITH_VTST if settings.climbing else _WITHOUT_VTST)


def _readme(band: DftBand, settings: DftSettings, last: str) -> str:
    symbols = _potcar_symbols(band)
    more, less = f"{band.ion_charge:+d}", f"{-band.ion_charge:+d}"
    needs = (
        "VASP with the VTST patch, for the climbing image"
        if settings.climbing
        else "VASP as it comes; without a climbing image"
    )
    lines = [
        f"NEB input for VASP: {band.ion} hop in {band.images[0].composition.reduced_formula}",
        "",
        f"Needs {needs}.",
        f"Atoms come in one order in all images: {', '.join(band.elements)}; atom 1 is the {band.ion} that moves.",
        "",
        "1. POTCAR. It is under VASP's licence and not written here. Put together, in this order:",
        f"     {' '.join(symbols)}",
        "   (the Materials Project's choice; take the same functional for all) as POTCAR beside INCAR, and in",
        "   ends/initial and ends/final.",
        "2. Relax the ends in ends/initial and ends/final.",
        f"3. Copy their CONTCAR to 00/POSCAR and {last}/POSCAR, and their OUTCAR to 00/ and {last}/ (VTST's scripts",
        "   read the energies there). Where an end moved by more than about 0.2 Å, interpolate the images anew",
        "   between the relaxed ends.",
        f"4. Run VASP here on a multiple of {counted(band.n_between, 'core')}.",
        "5. The barrier is the highest energy along the band minus that of the lower end: migbar read-dft FOLDER tells",
        "   it, and the window shows it beside what was predicted.",
        "",
        "The cells are neutral, as fits an electrode: its metals take up the charge. In an insulator (a solid",
        f"electrolyte) a vacancy has the charge {less} and an extra ion {more}: set NELECT to that of the neutral",
        f"cell {more} for each vacancy, {less} for each extra ion, in the band and in both ends.",
        *KEPT_STRAIGHT,
        "Converge ENCUT, the k-points, and the size of the cell; whether +U is right depends on what the barrier is",
        "compared with.",
    ]
    if settings.spin and has_open_shells(band):
        lines += [
            "MAGMOM starts ferromagnetic with the Materials Project's moments (Co low spin); set the order and",
            "the spin state that you mean.",
        ]
    if settings.hubbard_u and "LDAU" not in _of_the_metals(band, settings):
        lines += [
            "+U was asked for, but the Materials Project has values for some metals beside O and F alone: there is",
            "none here. Set LDAU and its values yourself, if you mean it.",
        ]
    if band.warnings:
        lines += ["", "Mind:", *(f"  {warning}" for warning in band.warnings)]
    return "\n".join(lines) + "\n"
