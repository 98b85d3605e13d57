"""Universal potentials: energies and forces of many images of a band at once, and an ASE calculator.

A potential is named ``KIND`` or ``KIND:VARIANT``:

=======================  ======================================================================
``chgnet``               CHGNet 0.3.0; its package carries the weights, so it works offline.
``chgnet:r2scan``        the same network trained further on r²SCAN energies
``sevennet``             SevenNet-l3i5, with the package ``sevenn``; some nine times as slow
``sevennet:0``           SevenNet-0, in between
``mace:medium``          MACE-MP-0 (small, medium or large; large is the paper's) in float64, with ``mace-torch``
``mace:FILE``            a model file of your own
``ase:NAME``             a calculator that ASE knows by name, with its default settings
=======================  ======================================================================

Other packages add kinds through the entry point group ``migbar.potentials``: a callable that takes the
variant (a string, perhaps empty) and the device and returns a `Potential` or an ASE calculator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from migbar.devices import AUTO, choose_device
from migbar.errors import MigbarError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

DEFAULT_POTENTIAL = "chgnet"

ENTRY_POINTS = "migbar.potentials"


class PotentialError(MigbarError):
    """Raised when a potential cannot be loaded or cannot compute a structure."""


class NoNumberError(PotentialError):
    """Raised when an energy or a force is no number: atoms have run away, or are on top of one another."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What computed an energy.

    Attributes
    ----------
    name : str
        As `load_potential` takes it.
    version : str
        Of the model, or of the package that computes.
    sha256 : str
        Of the file with the weights; empty where there is none.
    device : str
    calculated : bool
        Whether another program computed it, such as a DFT code; `name` and `version` are that program's.
    """

    name: str
    version: str
    sha256: str = ""
    device: str = "cpu"
    calculated: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Energy in eV and forces in eV/Å, shape (n_atoms, 3), of one image."""

    energy: float
    forces: NDArray[np.float64]


class Potential(Protocol):
    """Anything that gives energies and forces of structures."""

    @property
    def provenance(self) -> Provenance:
        """What computes."""

    def supports(self, element: str) -> bool:
        """Whether the potential knows an element; true where that cannot be told beforehand."""

    def evaluate(self, images: Sequence[Atoms]) -> list[Evaluation]:
        """Compute images, in the order given; together where the potential can."""

    def calculator(self) -> BaseCalculator:
        """Return a new ASE calculator, with stresses where the potential has them."""


@dataclass(frozen=True, slots=True)
class PotentialChoice:
    """A potential that a user may choose.

    Attributes
    ----------
    name : str
        For `load_potential`.
    summary : str
    missing : str
        What has to be installed first; empty where it can be used.
    """

    name: str
    summary: str
    missing: str = ""


class CalculatorPotential:
    """A potential from an ASE calculator: it computes image by image.

    Parameters
    ----------
    provenance : Provenance
    make : callable
        Makes a new calculator.
    elements : collection of str, optional
        What it knows; unknown where not given.
    """

    def __init__(
        self,
        provenance: Provenance,
        make: Callable[[], BaseCalculator],
        elements: frozenset[str] | None = None,
    ) -> None:
        self._provenance = provenance
        self._make = make
        self._elements = elements
        self._own = make()

    @property
    def provenance(self) -> Provenance:
        return self._provenance

    def supports(self, element: str) -> bool:
        return self._elements is None or element in self._elements

    def evaluate(self, images: Sequence[Atoms]) -> list[Evaluation]:
        return [self._one(image) for image in images]

    def calculator(self) -> BaseCalculator:
        return self._make()

    def _one(self, image: Atoms) -> Evaluation:
        atoms = image.copy()
        atoms.calc = self._own
        try:
            forces = np.array(atoms.get_forces(apply_constraint=False), dtype=float)
            return Evaluation(float(atoms.get_potential_energy()), forces)
        except Exception as error:  # a calculator's own failures have no common type
            raise PotentialError(
                f"{self._provenance.name} cannot compute {atoms.get_chemical_formula()}: "
                f"{error or type(error).__name__}"
            ) from error


def potential_choices() -> list[PotentialChoice]:
    """Return what can be chosen, the default first; other variants and files can be named, too."""
    sevennet = "" if find_spec("sevenn") else "the package sevenn is not installed"
    mace = "" if find_spec("mace") else "the package mace-torch is not installed"
    built_in = [
        PotentialChoice("chgnet", "CHGNet 0.3.0 (PBE+U, Materials Project)"),
        PotentialChoice("chgnet:r2scan", "CHGNet, r²SCAN"),
        PotentialChoice("sevennet", "SevenNet-l3i5 (PBE+U, Materials Project)", sevennet),
        PotentialChoice("sevennet:0", "SevenNet-0 (11 July 2024)", sevennet),
        *(
            PotentialChoice(f"mace:{size}", f"MACE-MP-0 {size}, float64", mace)
            for size in ("small", "medium", "large")
        ),
    ]
    return built_in + [PotentialChoice(entry.name, entry.value) for entry in _entry_points()]


def is_potential(name: str) -> bool:
    """Whether this is what a potential is called, of whatever variant."""
    kinds = {choice.name.partition(":")[0] for choice in potential_choices()}
    return name.partition(":")[0] in kinds


def load_potential(
    name: str = DEFAULT_POTENTIAL, device: str = AUTO, *, trust_file: bool = False
) -> Potential:
    """Load a potential.

    Parameters
    ----------
    name : str
        See the module's text.
    device : str
        See `migbar.devices.choose_device`.
    trust_file : bool
        A MACE model file is a pickled program that runs when it is loaded: a file that the user names is
        loaded only if this says that its origin is trusted.

    Raises
    ------
    PotentialError
        If there is no such potential, its package is missing, or its weights are.
    DeviceError
        If the device does not exist here.
    """
    kind, _, variant = name.partition(":")
    if kind == "ase":
        return _load_ase(variant)
    chosen = choose_device(device)
    if kind == "chgnet":
        from migbar.potentials.chgnet import ChgnetPotential

        return ChgnetPotential(variant, chosen)
    if kind == "sevennet":
        from migbar.potentials.sevennet import load_sevennet

        return load_sevennet(variant, chosen)
    if kind == "mace":
        from migbar.potentials.mace import load_mace

        return load_mace(variant, chosen, trust_file)
    for entry in _entry_points():
        if entry.name == kind:
            return _from_entry_point(entry, name, variant, chosen)
    known = ", ".join(choice.name for choice in potential_choices())
    raise PotentialError(f"there is no potential '{name}'; choose one of: {known}, ase:NAME.")


def materials_project_elements() -> frozenset[str]:
    """Return the elements in the relaxations of the Materials Project: up to Pu, but Po to Ra."""
    from ase.data import chemical_symbols

    return frozenset(chemical_symbols[1:84] + chemical_symbols[89:95])


def require_elements(potential: Potential, elements: Sequence[str]) -> None:
    """Raise where a potential does not know an element.

    Raises
    ------
    PotentialError
        Names all of them.
    """
    unknown = sorted({element for element in elements if not potential.supports(element)})
    if unknown:
        raise PotentialError(
            f"{potential.provenance.name} does not know {', '.join(unknown)}; choose another potential."
        )


def _entry_points() -> list[EntryPoint]:
    return sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)


def _from_entry_point(entry: EntryPoint, name: str, variant: str, device: str) -> Potential:
    package = entry.dist.version if entry.dist else ""
    try:
        make = entry.load()
        made = make(variant, device)
    except MigbarError:
        raise
    except Exception as error:  # another package's failures have no common type
        raise PotentialError(f"the potential '{name}' cannot be loaded: {error}") from error
    if hasattr(made, "evaluate"):
        loaded: Potential = made
        return loaded
    return CalculatorPotential(
        Provenance(name, package, device=device), lambda: make(variant, device)
    )


def _load_ase(name: str) -> Potential:
    from ase.calculators.calculator import get_calculator_class

    try:
        kind: Any = get_calculator_class(name)
        return CalculatorPotential(Provenance(f"ase:{name}", version("ase")), kind)
    except Exception as error:  # unknown names and unconfigured programs fail in many ways
        raise PotentialError(f"ASE cannot make a calculator '{name}': {error}") from error
