"""Records in the published format that the tests write themselves."""

from __future__ import annotations

import numpy as np
from pymatgen.core import Lattice, Structure

from migbar.bands import Band
from migbar.datasets import BandRecord
from migbar.hops import Mechanism, SiteRef, hop_between_points, hop_between_sites
from migbar.supercells import make_band


def three_records() -> list[BandRecord]:
    rock_salt = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    host = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.407, 5.695), ["Ti", "S"], [[0, 0, 0], [1 / 3, 2 / 3, 0.25]]
    )
    vacancy = make_band(rock_salt, hop_between_sites(rock_salt, "Li", SiteRef(0), SiteRef(1)))
    beyond = make_band(
        rock_salt, hop_between_sites(rock_salt, "Li", SiteRef(2), SiteRef(3, (0, -1, 0)))
    )
    insertion = make_band(
        host,
        hop_between_points(host, "Mg", (0, 0, 0.5), (1, 0, 0.5), Mechanism.INSERTION),
    )
    return [
        BandRecord("LiF_1", vacancy, 0.6, ""),
        BandRecord("LiF_2", beyond, 0.6, ""),
        BandRecord("TiS2_Mg", insertion, 0.9, ""),
    ]


def rock_salt_records() -> list[BandRecord]:
    """Ions in rock-salt hosts of several sizes; the wider the host, the lower the barrier."""
    rng = np.random.default_rng(7)
    found = []
    for metal in ("Ti", "V", "Mn", "Fe", "Co", "Ni"):
        for ion in ("Li", "Mg"):
            for n in range(3):
                edge = rng.uniform(3.9, 4.7)
                cell = Structure.from_spacegroup(
                    "Fm-3m", Lattice.cubic(edge), [metal, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]
                )
                host = cell.make_supercell([2, 2, 2], in_place=False)
                band = Band(host, ion, np.linspace([0.125, 0.125, 0.125], [0.375, 0.125, 0.125], 5))
                barrier = 5.2 - edge + 0.3 * (ion == "Mg")
                found.append(BandRecord(f"{metal}O_{ion}_{n}", band, barrier, "rock salt"))
    return found
