"""Records in the published format that the tests write themselves."""

from __future__ import annotations

from pymatgen.core import Lattice, Structure

from migbar.datasets import BandRecord
from migbar.hops import Mechanism, SiteRef, hop_between_points, hop_between_sites, make_band


def own_records() -> list[BandRecord]:
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
