"""What a DFT-NEB is run with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pymatgen.core import Lattice

from migbar.errors import MigbarError

CALCULATORS = {"chgnet": "chgnet", "vasp": "VASP", "espresso": "Quantum ESPRESSO", "gpaw": "GPAW"}
"""What the ASE script may compute with, and how its result calls it."""


class DftInputError(MigbarError):
    """Raised when images make no band, or its inputs cannot be written."""


@dataclass(frozen=True, slots=True)
class DftSettings:
    """Settings that a user may change; what they leave out is the codes' own default.

    The defaults fit oxides, sulphides and halides in cells of about 100 atoms. Energies and forces
    must be converged by whoever runs them.

    Attributes
    ----------
    climbing : bool
        Whether the highest image climbs to the saddle. VASP needs the VTST patch for it.
    force_ev_per_angstrom : float
        Largest force on an image at which the band is converged.
    steps : int
        Most steps.
    cutoff_ev : float
        Plane-wave cut-off of VASP and GPAW.
    cutoff_ry : float
        Plane-wave cut-off of Quantum ESPRESSO; eight times as much for the density.
    k_spacing : float
        Largest distance between k-points in 1/Å, 2π included.
    smearing_ev : float
        Width of the Gaussian smearing.
    spin : bool
        Whether spins are polarised where the structure has a transition metal, lanthanide or actinide.
    hubbard_u : bool
        Whether VASP's input takes the +U values of the Materials Project.
    calculator : str
        One of `CALCULATORS`, for the ASE script.
    incar : mapping of str to str
        Further tags for VASP's INCAR; they win over those made here.
    """

    climbing: bool = True
    force_ev_per_angstrom: float = 0.05
    steps: int = 200
    cutoff_ev: float = 520.0
    cutoff_ry: float = 60.0
    k_spacing: float = 0.4
    smearing_ev: float = 0.05
    spin: bool = True
    hubbard_u: bool = False
    calculator: str = "chgnet"
    incar: Mapping[str, str] = field(default_factory=dict)

    def k_grid(self, lattice: Lattice) -> tuple[int, int, int]:
        """Return the divisions of the Γ-centred grid along the reciprocal vectors."""
        lengths = np.array(lattice.reciprocal_lattice.abc)
        i, j, k = (int(n) for n in np.maximum(1, np.ceil(lengths / self.k_spacing - 1e-6)))
        return i, j, k


def parse_incar(text: str) -> dict[str, str]:
    """Read tags for an INCAR, a line each: ``IVDW = 12``; what follows ``#`` or ``!`` is left out.

    Raises
    ------
    DftInputError
        If a line is no tag with a value; all such lines are named.
    """
    tags, bad = {}, []
    for line in text.splitlines():
        kept = re.split(r"[#!]", line)[0].strip()
        name, equals, value = (part.strip() for part in kept.partition("="))
        if equals and value and re.fullmatch(r"\w+", name):
            tags[name.upper()] = value
        elif kept:
            bad.append(kept)
    if bad:
        raise DftInputError(f"Not INCAR tags: {'; '.join(bad)}. Write one a line, like IVDW = 12.")
    return tags
