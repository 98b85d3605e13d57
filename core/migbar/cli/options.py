"""Options that several commands share, each written once.

Typer makes an option of every parameter of a command. Options that belong together are the fields of a
dataclass; a command takes them as one parameter, which `expanded` spreads out for Typer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.errors import HopError

if TYPE_CHECKING:
    from migbar.hops import Point
    from migbar.potentials import Potential

LARGEST_SEED = 2**32 - 1
"""What numpy and scikit-learn take."""

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout and nothing else there.")
]

# ------------------------------------------------------------------ structures and models

StructureFile = Annotated[
    Path, typer.Argument(help="CIF, POSCAR/CONTCAR, extxyz or pymatgen JSON.", show_default=False)
]
Ion = Annotated[
    str | None,
    typer.Option(
        "--ion", "-i", help="Element that moves; chosen by itself where only one can be meant."
    ),
]
Block = Annotated[
    str | None, typer.Option(help="Data block of a CIF that holds several structures.")
]
Order = Annotated[
    bool, typer.Option("--order", help="Order partly occupied sites first (said in every result).")
]
Symprec = Annotated[float, typer.Option(help="Symmetry tolerance in Å.", min=1e-5)]
Supercell = Annotated[str, typer.Option(help="auto, none, or 2,2,1.")]
PathsMechanism = Annotated[
    str | None,
    typer.Option(
        "--mechanism",
        help="vacancy or single_ion (between sites), interstitial or insertion (between voids).",
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", "-m", help="Model to use (see migbar models list).")
]
Threshold = Annotated[
    float, typer.Option(help="Highest barrier of a good conductor, eV.", min=0.0, max=10.0)
]
THRESHOLD = GOOD_CONDUCTOR_EV

# ------------------------------------------------------------------ options that belong together


@dataclass(frozen=True, slots=True, kw_only=True)
class HopOptions:
    """The hop that is meant: ion, ends, mechanism, and the cell that it takes place in."""

    ion: Ion = None
    start: Annotated[
        str | None,
        typer.Option("--from", help="Initial site: index, or index@i,j,k; a void as v0."),
    ] = None
    end: Annotated[
        str | None,
        typer.Option(
            "--to", help="Final site: index (nearest image), or index@i,j,k; a void as v0."
        ),
    ] = None
    start_frac: Annotated[
        str | None, typer.Option("--from-frac", help="Initial position x,y,z (fractional).")
    ] = None
    end_frac: Annotated[
        str | None, typer.Option("--to-frac", help="Final position x,y,z (fractional).")
    ] = None
    mechanism: Annotated[
        str | None,
        typer.Option(
            help="vacancy, single_ion, interstitial or insertion; chosen from the ends where not given."
        ),
    ] = None
    supercell: Supercell = "auto"
    remove: Annotated[
        list[str] | None,
        typer.Option(help="A further site of the ion that is empty (repeatable)."),
    ] = None
    order: Order = False
    block: Block = None

    def ends(self) -> tuple[str | Point, str | Point]:
        """Return both ends as `migbar.ends.name_hop` takes them.

        Raises
        ------
        HopError
            If an end is not given, or given twice.
        SiteError
            If fractional coordinates are not three numbers.
        """
        return _end(self.start, self.start_frac, "from"), _end(self.end, self.end_frac, "to")


TrustFile = Annotated[
    bool,
    typer.Option("--trust-file", help="Load the MACE model file named: it runs as a program."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialOptions:
    """The universal potential that computes energies and forces."""

    potential: Annotated[
        str,
        typer.Option(
            help="chgnet, chgnet:r2scan, sevennet, sevennet:0, mace:small … large, mace:FILE, ase:NAME."
        ),
    ] = "chgnet"
    trust_file: TrustFile = False
    device: Device = "auto"

    def load(self) -> Potential:
        """Load the potential.

        Raises
        ------
        PotentialError, DeviceError
        """
        from migbar.potentials import load_potential

        return load_potential(self.potential, self.device, trust_file=self.trust_file)


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the fields of its dataclass parameters as options of their own."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: one.annotation
        for name, one in signature.parameters.items()
        if is_dataclass(one.annotation)
    }
    parameters = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
        for one in (_fields(groups[parameter.name]) if parameter.name in groups else [parameter])
    ]

    @wraps(command)
    def spread_out(**given: Any) -> None:
        together = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **together)

    spread_out.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    spread_out.__annotations__ = {one.name: one.annotation for one in parameters}
    return spread_out


def _fields(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]


def _end(site: str | None, point: str | None, name: str) -> str | Point:
    """Return the one of ``--NAME`` and ``--NAME-frac`` that was given."""
    from migbar.ends import parse_point

    if (site is None) == (point is None):
        raise HopError(
            f"give the {name} end of the hop once: --{name} SITE or --{name}-frac x,y,z."
        )
    return parse_point(point) if point is not None else str(site)
