"""Speed of the search for distinct hops; run by hand: ``python tests/benchmarks/paths.py``.

A cell of about 200 sites should take less than two seconds, with all its symmetry or with none.
"""

from __future__ import annotations

import time
import warnings

from pymatgen.core import Structure

from migbar.networks import percolation
from migbar.paths import find_hops
from migbar.resources import resource_dir
from migbar.structures import mobile_ions, read_structure


def rattled(structure: Structure) -> Structure:
    """Return the structure without its symmetry."""
    copy = structure.copy()
    copy.perturb(0.25, seed=1)
    return copy


def measure(name: str, structure: Structure, ion: str) -> None:
    started = time.perf_counter()
    search = find_hops(structure, ion)
    searched = time.perf_counter()
    percolation(
        search.network,
        [hop.length for hop in search.hops],
        [(hop.length, 2 * hop.length) for hop in search.hops],
    )
    done = time.perf_counter()
    print(
        f"{name:28s} {len(structure):4d} sites {len(search.nodes):3d} places {len(search.hops):4d} hops "
        f"to {search.cutoff} Å: search {searched - started:5.2f} s, percolation {done - searched:5.2f} s"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    examples = resource_dir() / "examples"
    for name, repeats in (
        ("LiFePO4", (2, 2, 2)),
        ("LiMn2O4", (1, 2, 2)),
        ("Li3OCl", (4, 3, 3)),
        ("Li7P3S11", (1, 2, 2)),
        ("LiCoO2", (4, 4, 1)),
    ):
        cell = read_structure(examples / f"{name}.cif") * repeats
        ion = mobile_ions(cell)[0]
        measure(name, cell, ion)
        measure(f"{name}, no symmetry", rattled(cell), ion)
    measure("TiS2 voids", read_structure(examples / "TiS2.cif") * (4, 4, 4), "Li")
