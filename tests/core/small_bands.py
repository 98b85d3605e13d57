"""Small bands and networks that the network tests share."""

from __future__ import annotations

import numpy as np
import torch
from pymatgen.core import Lattice, Structure

from migbar.bands import Band, linear_path
from migbar.datasets import BandRecord
from migbar.models.networks.architectures import Network, NetworkSize, make_network

SMALL = NetworkSize(hidden=16, embedding=8, alignn_layers=2, gcn_layers=2)


def layered() -> Structure:
    return Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.816, 14.05), ["Li", "Co", "O"],
        [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.2395]],
    )  # fmt: skip


def rock_salt(a: float = 4.03, anion: str = "F") -> Structure:
    return Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(a), ["Li", anion], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )


def shaken(structure: Structure, seed: int = 0, by: float = 0.05) -> Structure:
    """Move every atom a little, so that no two distances are alike."""
    rng = np.random.default_rng(seed)
    moved = structure.lattice.get_cartesian_coords(structure.frac_coords)
    moved = moved + rng.uniform(-by, by, moved.shape)
    return Structure(
        structure.lattice, [s.specie for s in structure], moved, coords_are_cartesian=True
    )


def vacancy_band(structure: Structure, ion: str = "Li", neighbour: int = 1) -> Band:
    """Hop of the first ion into the place of its n-th nearest like."""
    sites = [i for i, site in enumerate(structure) if site.specie.symbol == ion]
    start = structure[sites[0]].frac_coords
    far = structure.lattice.get_all_distances([start], structure.frac_coords[sites])[0]
    other = sites[int(np.argsort(far, kind="stable")[neighbour])]
    _, image = structure.lattice.get_distance_and_image(start, structure[other].frac_coords)
    host = structure.copy()
    host.remove_sites([sites[0], other])
    return Band(host, ion, linear_path(start, structure[other].frac_coords + image))


def example_bands() -> dict[str, Band]:
    return {
        "layered": vacancy_band(shaken(layered() * (2, 2, 1))),
        "rock salt": vacancy_band(shaken(rock_salt() * (2, 2, 2), seed=1)),
    }


def example_records(n: int = 16) -> list[BandRecord]:
    """Bands of distinct structures with inequivalent ends and made-up barriers."""
    cations = ("Mg", "Al", "Ti", "Zr")
    anions = ("F", "Cl", "Br", "S")
    records = []
    for k in range(n):
        cell = rock_salt(4.0 + 0.08 * k, anions[k % 4]) * (2, 1, 1)
        band = vacancy_band(shaken(cell, seed=k, by=0.2))
        host = band.host.copy()
        sites = [i for i, site in enumerate(host) if site.specie.symbol == "Li"]
        host.replace(sites[k % len(sites)], cations[k // 4])
        barrier = 0.15 + 0.1 * ((5 * k) % 16)
        records.append(BandRecord(f"band-{k}", Band(host, "Li", band.path), barrier))
    return records


def fixed_network(architecture: str, size: NetworkSize = SMALL) -> Network:
    """A network whose weights are the same with every version of PyTorch."""
    network = make_network(architecture, size)
    rng = np.random.default_rng(7)
    for name, value in sorted(network.state_dict().items()):
        if name.endswith(("num_batches_tracked", "centers")):
            continue
        low = (
            0.5 if name.endswith("running_var") or (value.ndim == 1 and "weight" in name) else -1.0
        )
        scale = 1.0 if value.ndim == 1 else 2.0 / np.sqrt(value.shape[1])
        new = rng.uniform(low, 1.0, tuple(value.shape)) * scale
        value.copy_(torch.from_numpy(new))
    return network.eval()
