"""What a NEB would give, made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from migbar.bands import Band
from migbar.neb import NebResult, endpoints, settings_from
from migbar.neb.profiles import profile_of
from migbar.potentials import Provenance


def relaxed_band(band: Band, **changes: Any) -> NebResult:
    """What a NEB of a band with the paper's MACE would give: a barrier of 0.41 eV."""
    images = []
    for position, energy in zip(band.cartesian_path, (0.0, 0.2, 0.41, 0.2, 0.1), strict=True):
        image = endpoints(band)[0]
        image.positions[0] = position + np.array([0.0, 0.0, 0.3])
        image.calc = SinglePointCalculator(image, energy=energy, forces=np.zeros((len(image), 3)))
        images.append(image)
    result = NebResult(
        images=tuple(images),
        profile=profile_of(images),
        settings=settings_from("paper"),
        potential=Provenance("mace:large", "1"),
        converged=True,
        residual=0.01,
        steps=10,
        end_steps=10,
        seconds=1.0,
    )
    return replace(result, **changes)
