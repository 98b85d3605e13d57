"""SevenNet, where the package ``sevenn`` is installed: two of its networks come with it, so they work offline.

Sources of the models: Park et al., J. Chem. Theory Comput. 20, 4857 (2024), doi:10.1021/acs.jctc.4c00190, and the
package's own page for l3i5. Both were trained on the relaxations of the Materials Project (PBE+U).
"""

from __future__ import annotations

import hashlib
import warnings
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from migbar.potentials import (
    CalculatorPotential,
    PotentialError,
    Provenance,
    materials_project_elements,
)

if TYPE_CHECKING:
    from ase.calculators.calculator import BaseCalculator

VARIANTS = ("l3i5", "0")
"""Networks in the package: the one with more angular detail, and one that is about three times as fast."""


def load_sevennet(variant: str = "", device: str = "cpu") -> CalculatorPotential:
    """Load a SevenNet.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`; the first where empty.
    device : str
        As PyTorch names it.

    Raises
    ------
    PotentialError
        If there is no such network, or the package is missing.
    """
    variant = variant or VARIANTS[0]
    if variant not in VARIANTS:
        raise PotentialError(
            f"there is no SevenNet '{variant}'; choose one of: {', '.join(VARIANTS)}."
        )
    if find_spec("sevenn") is None:
        raise PotentialError(
            "SevenNet needs the package sevenn, which is not installed; install it into MigBar's "
            "environment (pip install sevenn), or choose chgnet."
        )
    from sevenn.util import pretrained_name_to_path

    weights = Path(pretrained_name_to_path(f"7net-{variant}"))
    name = "sevennet" if variant == VARIANTS[0] else f"sevennet:{variant}"
    provenance = Provenance(
        name, version("sevenn"), hashlib.sha256(weights.read_bytes()).hexdigest(), device
    )
    return CalculatorPotential(
        provenance, partial(_calculator, weights, device), materials_project_elements()
    )


def _calculator(weights: Path, device: str) -> BaseCalculator:
    from sevenn.calculator import SevenNetCalculator

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No tensor product accelerator")
        return SevenNetCalculator(str(weights), device=device)
