"""Hops in which the ion takes the place of another one and pushes it to the final site (knock-off, interstitialcy).

In crystals crowded with ions an interstitial rarely squeezes between them: it goes to a site, and its ion goes on. Both
move at once, and the end is the same as if the first had gone all the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.neb.relaxation import endpoints
from migbar.neb.settings import NebError

if TYPE_CHECKING:
    from ase import Atoms

LONGEST_DETOUR = 2.0
"""The way by the pushed ion's place is at most so many times as long as the straight one.

Ions that are one another's nearest neighbours, as in an fcc lattice, are that far round.
"""

ALIKE = 1e-3
"""Detours that differ by less (Å) are equal."""


def pushed_ion(band: Band) -> int | None:
    """Return the index in the host of the like ion by which the detour is smallest; None where none is near."""
    found = _nearest_like(band)
    return None if found is None else found[0]


def pushing_endpoints(band: Band) -> tuple[Atoms, Atoms]:
    """Return the ends of a hop that pushes `pushed_ion`, as `migbar.neb.endpoints` does for the ion alone.

    Parameters
    ----------
    band : Band
        From where the ion starts to where the pushed one ends.

    Raises
    ------
    NebError
        If there is no such ion beside the path.
    """
    found = _nearest_like(band)
    if found is None:
        raise NebError(f"There is no other {band.ion} beside the path that could be pushed.")
    index, place = found
    initial, final = endpoints(band)
    final.positions[0] = place
    final.positions[1 + index] += band.cartesian_path[-1] - place
    return initial, final


def _nearest_like(band: Band) -> tuple[int, NDArray[np.float64]] | None:
    """Return the index of the ion with the smallest detour, and the image of its place that is meant (Å)."""
    like = [i for i, site in enumerate(band.host) if site.specie.symbol == band.ion]
    if not like:
        return None
    ends = band.path[[0, -1]]
    straight = float(np.linalg.norm(np.subtract(*band.cartesian_path[[0, -1]])))
    middle = ends.mean(axis=0)
    places = []
    for index in like:
        coords = band.host[index].frac_coords
        _, image = band.host.lattice.get_distance_and_image(middle, coords)
        places.append(band.host.lattice.get_cartesian_coords(coords + image))
    legs = [np.linalg.norm(place - band.cartesian_path[[0, -1]], axis=1).sum() for place in places]
    best = int(np.argmin(legs))
    near = legs[best] <= LONGEST_DETOUR * straight + ALIKE
    return (like[best], places[best]) if near else None
