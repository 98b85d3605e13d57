"""A step's images together beside image by image, and MigBar's NEB beside ASE's own; run by hand:

``OMP_NUM_THREADS=1 python tests/benchmarks/neb.py`` (``TiS2`` …)

Both sides use CHGNet 0.3.0 on the processor, in one run, alternately; times are processor time. Image by image is
what ASE's NEB does with CHGNet's own calculator. Goals: a step at least twice as fast; the same saddle within 5 meV.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.mep import NEB
from ase.optimize import BFGS

from migbar.bands import Band
from migbar.hops import Hop, Mechanism, SiteRef, hop_between_points, hop_between_sites
from migbar.neb import NebSettings, endpoints, relax_band
from migbar.neb.relaxation import first_guess
from migbar.potentials import Potential, load_potential
from migbar.resources import resource_dir
from migbar.structures import read_structure
from migbar.supercells import make_band

ROUNDS = 5


def bands() -> dict[str, Band]:
    """Hops of three examples, in cells small enough to wait for."""

    def band(name: str, cell: tuple[int, int, int], hop: Callable[..., Hop]) -> Band:
        structure = read_structure(resource_dir() / "examples" / f"{name}.cif")
        return make_band(structure, hop(structure), np.diag(cell))

    return {
        "TiS2, Li inserted": band(
            "TiS2",
            (3, 3, 1),
            lambda s: hop_between_points(s, "Li", (0, 0, 0.5), (1, 0, 0.5), Mechanism.INSERTION),
        ),
        "Li3OCl, vacancy": band(
            "Li3OCl", (2, 2, 2), lambda s: hop_between_sites(s, "Li", SiteRef(0), SiteRef(1))
        ),
        "LiCoO2, vacancy": band(
            "LiCoO2",
            (2, 2, 1),
            lambda s: hop_between_sites(s, "Li", SiteRef(0), SiteRef(0, (1, 0, 0))),
        ),
    }


def compare_steps(band: Band, potential: Potential) -> None:
    """Print the time of a step of five images, three ways."""
    images = first_guess(endpoints(band), NebSettings(n_images=5))[1:-1]
    calculator = potential.calculator()

    def by_calculator() -> None:
        for image in images:
            atoms = image.copy()
            atoms.calc = calculator
            atoms.get_forces()

    ways: dict[str, Callable[[], object]] = {
        "image by image": by_calculator,
        "one at a time": lambda: [potential.evaluate([image]) for image in images],
        "together": lambda: potential.evaluate(images),
    }
    times = dict.fromkeys(ways, np.inf)
    for _ in range(ROUNDS):
        for name, work in ways.items():
            times[name] = min(times[name], _seconds(work)[0])
    slow, single, fast = times.values()
    print(
        f"  a step of 5 images of {len(images[0])} atoms: {fast:.3f} s together, {single:.3f} s one at a time, "
        f"{slow:.3f} s image by image with CHGNet's calculator: {slow / fast:.2f} times"
    )


def compare_saddles(band: Band, potential: Potential) -> None:
    """Print time and barrier of a whole relaxation, both ways."""
    spent, result = _seconds(lambda: relax_band(*endpoints(band), potential))
    ase_spent, barrier = _seconds(lambda: ase_barrier(*endpoints(band), potential))
    print(
        f"  E_m {result.barrier_ev:.4f} eV in {spent:.0f} s, ASE's own {barrier:.4f} eV in {ase_spent:.0f} s: "
        f"{abs(result.barrier_ev - barrier) * 1000:.2f} meV apart, {ase_spent / spent:.2f} times as fast"
    )


def ase_barrier(initial: Atoms, final: Atoms, potential: Potential) -> float:
    """The preset ``paper`` written with ASE alone."""
    for end in (initial, final):
        end.calc = potential.calculator()
        BFGS(end, logfile=None).run(fmax=0.05, steps=1000)
    images = [initial, *(initial.copy() for _ in range(3)), final]
    for image in images[1:-1]:
        image.calc = potential.calculator()
    neb = NEB(images, k=0.1, method="improvedtangent")
    neb.interpolate()
    BFGS(neb, logfile=None).run(fmax=0.05, steps=1000)
    energies = [float(image.get_potential_energy()) for image in images]
    return max(energies) - min(energies[0], energies[-1])


def _seconds(work: Callable[[], object]) -> tuple[float, object]:
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def main() -> None:
    """Print everything, or what is said of the examples that are named."""
    potential = load_potential("chgnet", "cpu")
    for name, band in bands().items():
        if sys.argv[1:] and not any(name.startswith(wanted) for wanted in sys.argv[1:]):
            continue
        print(name, flush=True)
        compare_steps(band, potential)
        compare_saddles(band, potential)


if __name__ == "__main__":
    main()
