"""Other cells of the same crystal: a prediction should not depend on which one is used."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pymatgen.core import Lattice, Structure

from migbar.bands import Band

Copy = Literal["perfect", "same", "host"]


def equivalent_cell(band: Band) -> Band:
    """Return the band in another cell of the same volume (a sheared choice of lattice vectors)."""
    change = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1]])
    inverse = np.linalg.inv(change)
    host = band.host
    lattice = Lattice(change @ host.lattice.matrix)
    species = [site.specie for site in host]
    return Band(
        Structure(lattice, species, host.frac_coords @ inverse), band.ion, band.path @ inverse
    )


def doubled_cell(band: Band, copy: Copy) -> Band:
    """Return the band in a cell doubled along its shortest axis.

    Parameters
    ----------
    band : Band
    copy : {"perfect", "same", "host"}
        What the second half holds at the ends of the hop: what the perfect crystal has there (ions on both
        in a host with further ions, none in an empty host), the same as a repeated cell (an ion on
        the initial site), or the host alone.
    """
    host = band.host
    axis = int(np.argmin(host.lattice.abc))
    scale = np.ones(3)
    scale[axis] = 2.0
    shift = np.zeros(3)
    shift[axis] = 1.0
    symbols = [site.specie.symbol for site in host]
    further = band.ion in symbols
    ends = {"perfect": [0, -1] if further else [], "same": [0], "host": []}[copy]
    added = band.path[np.array(ends, int)]
    frac = np.vstack([host.frac_coords, host.frac_coords + shift, added + shift]) / scale
    lattice = Lattice(scale[:, None] * host.lattice.matrix)
    larger = Structure(lattice, symbols * 2 + [band.ion] * len(added), frac)
    return Band(larger, band.ion, band.path / scale)
