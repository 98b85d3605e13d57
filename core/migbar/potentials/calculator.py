"""A potential as ASE's optimisers and integrators take it: energy and forces alone, of one structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from migbar.potentials import NoNumberError, Potential

if TYPE_CHECKING:
    from ase import Atoms


class PotentialCalculator(Calculator):
    """Energy and forces of one structure; without stresses it is faster than `Potential.calculator`."""

    implemented_properties = ("energy", "forces")

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self._potential = potential

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        (one,) = self._potential.evaluate([self.atoms])
        if not (np.isfinite(one.energy) and np.isfinite(one.forces).all()):
            raise NoNumberError(
                f"{self._potential.provenance.name} gives no number for {self.atoms.get_chemical_formula()}: its "
                "atoms have run away, or are on top of one another."
            )
        self.results = {"energy": one.energy, "forces": one.forces}
