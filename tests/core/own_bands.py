"""Bands as a scientist might bring them: ions in rock-salt oxides, the wider the host the lower the barrier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from migbar.bands import Band, linear_path
from migbar.datasets import BandRecord
from migbar.datasets.problems import Source
from migbar.datasets.storage import BarrierDataset, writing

METALS = ("Ti", "V", "Mn", "Fe", "Co", "Ni", "Zr")


def own_records(count: int = 40, seed: int = 7) -> list[BandRecord]:
    """Make bands of which none is in the published data."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        metal = METALS[number % len(METALS)]
        ion = ("Li", "Mg")[number // len(METALS) % 2]
        edge = rng.uniform(3.9, 4.7)
        band = rock_salt_band(metal, ion, edge)
        barrier = 5.2 - edge + 0.3 * (ion == "Mg")
        found.append(BandRecord(f"{metal}O_{ion}_{number}", band, barrier, "rock salt"))
    return found


def rock_salt_band(metal: str = "Ti", ion: str = "Li", edge: float = 4.2) -> Band:
    """Make a hop between two tetrahedral holes of a rock-salt oxide."""
    fcc = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    metals = (fcc[:, None] + corners).reshape(-1, 3) / 2
    sites = np.vstack([metals, metals + 0.25])
    host = Structure(Lattice.cubic(2 * edge), [metal] * 32 + ["O"] * 32, sites)
    return Band(host, ion, linear_path([0.125, 0.125, 0.125], [0.375, 0.125, 0.125]))


def write_dataset(
    records: Iterable[BandRecord], target: Path, parts: Sequence[str] = ("",)
) -> BarrierDataset:
    """Write a dataset; its paths are of these parts in turn, each from a row of its own."""
    with writing(target) as writer:
        for row, record in enumerate(records):
            writer.add(record, Source("a.csv", row), parts[row % len(parts)])
    return BarrierDataset(target)
