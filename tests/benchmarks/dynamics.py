"""A step of molecular dynamics beside one with CHGNet's own calculator; run by hand:

``OMP_NUM_THREADS=1 python tests/benchmarks/dynamics.py`` (``Li7P3S11`` …)

Both sides take the same steps with CHGNet 0.3.0 on the processor, in one run, alternately; times are processor time.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import BaseCalculator
from ase.md.bussi import Bussi
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from pymatgen.io.ase import AseAtomsAdaptor

from migbar.dynamics import simulated_cell
from migbar.potentials import load_potential
from migbar.potentials.calculator import PotentialCalculator
from migbar.resources import resource_dir
from migbar.structures import read_structure

ROUNDS, STEPS = 3, 5


def moving(atoms: Atoms, calculator: BaseCalculator) -> Bussi:
    """Return the motion of the atoms at 800 K, the same for each calculator."""
    atoms = atoms.copy()
    atoms.calc = calculator
    random = np.random.default_rng(0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=800, rng=random)
    return Bussi(atoms, 2 * units.fs, temperature_K=800, taut=100 * units.fs, rng=random)


def compare(name: str) -> None:
    """Print the time of a step, both ways."""
    structure = read_structure(resource_dir() / "examples" / f"{name}.cif")
    atoms = AseAtomsAdaptor.get_atoms(simulated_cell(structure, "Li", 0), msonable=False)
    potential = load_potential("chgnet", "cpu")
    ways = {
        "CHGNet's calculator": moving(atoms, potential.calculator()),
        "MigBar": moving(atoms, PotentialCalculator(potential)),
    }
    spent = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, motion in ways.items():
            begin = time.process_time()
            motion.run(STEPS)
            spent[way].append((time.process_time() - begin) / STEPS)
    theirs, ours = (float(np.median(times)) for times in spent.values())
    apart = np.abs(np.subtract(*(motion.atoms.positions for motion in ways.values()))).max()
    print(
        f"{name}, {len(atoms)} atoms: {1000 * theirs:.0f} ms with CHGNet's calculator, {1000 * ours:.0f} ms here, "
        f"{theirs / ours:.2f} times as fast; {apart:.1e} Å apart after {ROUNDS * STEPS} steps"
    )


if __name__ == "__main__":
    for example in sys.argv[1:] or ["Li7P3S11", "LiCoO2"]:
        compare(example)
