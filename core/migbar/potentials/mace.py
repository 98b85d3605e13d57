"""MACE-MP-0 and other MACE models, where the package ``mace-torch`` is installed.

Source of the models: Batatia et al., arXiv:2401.00096. As in the paper's Table S4 they compute in float64.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migbar.potentials import (
    CalculatorPotential,
    PotentialError,
    Provenance,
    materials_project_elements,
)

if TYPE_CHECKING:
    from ase.calculators.calculator import BaseCalculator

SIZES = ("small", "medium", "large")
"""Sizes of MACE-MP-0; the paper used the large one."""


def load_mace(variant: str, device: str = "cpu", trust_file: bool = False) -> CalculatorPotential:
    """Load a MACE model.

    Parameters
    ----------
    variant : str
        One of `SIZES`, fetched by MACE into its own cache the first time; or a model file. Medium where empty.
    device : str
        As PyTorch names it.
    trust_file : bool
        See `migbar.potentials.load_potential`.

    Raises
    ------
    PotentialError
        If the package is missing, the file is, or the download fails.
    """
    variant = variant or "medium"
    file = None if variant in SIZES else Path(variant).expanduser()
    if file is not None:
        _check_file(file, trust_file)
    if find_spec("mace") is None:
        raise PotentialError(
            "MACE needs the package mace-torch, which is not installed; install it into MigBar's "
            "environment (pip install mace-torch), or choose chgnet."
        )
    model = variant if file is None else str(file)
    provenance = Provenance(
        f"mace:{variant if file is None else file.name}",
        version("mace-torch"),
        "" if file is None else hashlib.sha256(file.read_bytes()).hexdigest(),
        device,
    )
    return CalculatorPotential(provenance, lambda: _calculator(model, device), _elements(model))


def _check_file(file: Path, trusted: bool) -> None:
    if not file.is_file():
        raise PotentialError(
            f"there is no MACE model file {file}; name a file, or one of: {', '.join(SIZES)}."
        )
    if not trusted:
        raise PotentialError(
            f"{file.name} is a MACE model file: loading it runs the program inside. If you trust where it "
            "comes from, say so (on the command line: --trust-file)."
        )


def _calculator(model: str, device: str) -> BaseCalculator:
    from mace.calculators import MACECalculator, mace_mp

    options: dict[str, Any] = {"device": device, "default_dtype": "float64"}
    try:
        if model in SIZES:
            return mace_mp(model=model, **options)
        return MACECalculator(model_paths=model, **options)
    except Exception as error:  # no network, no space, not a model: no common type
        raise PotentialError(
            f"MACE cannot load '{model}': {error}. Without a network, give a model file you have "
            "(mace:FILE), or use chgnet."
        ) from error


def _elements(model: str) -> frozenset[str] | None:
    """Another model than MACE-MP-0 knows what it was trained on."""
    return materials_project_elements() if model in SIZES else None
