"""What a training on own data can start from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from migbar.barriers import ModelCard
from migbar.errors import MigbarError
from migbar.models import store
from migbar.resources import resource_dir
from migbar.training.own.options import SCRATCH, TrainingOptions

TREES = ("migbar-fast", "band-forest")
NETWORKS = ("MODEL-1-ADD", "MODEL-1-SUB", "MODEL-1-CC", "MODEL-2", "MODEL-3", "MODEL-4")
"""What can be made from scratch; of a pre-trained network the latter."""


class Kind(StrEnum):
    """What is done with a start."""

    GROWN = "grown"
    """The default predictor: grown anew with own paths among its training paths."""
    TUNED = "tuned"
    """A trained network: its weights are trained on."""
    PRETRAINED = "pretrained"
    """A network that knows crystals and no barriers: it gets a new head."""
    SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class Start:
    """Something to start from.

    Attributes
    ----------
    name : str
        For `TrainingOptions.start`.
    kind : Kind
    text : str
        For people.
    recipes : tuple of str
        What can be made of it, for `TrainingOptions.recipe`; empty where it is what it is.
    """

    name: str
    kind: Kind
    text: str
    recipes: tuple[str, ...] = ()


def available_starts() -> list[Start]:
    """List everything that a training can start from here, the recommended one first."""
    found = [
        Start(
            "migbar-fast",
            Kind.GROWN,
            "The default predictor, with your paths added to its own (recommended)",
        )
    ]
    found += [
        Start(card.name, Kind.TUNED, _network_summary(card))
        for card in store.list_models()
        if card.training.get("recipe") == "network"
    ]
    found += [
        Start(
            file.stem, Kind.PRETRAINED, f"{file.stem}: knows crystals, learns barriers from you",
            ("MODEL-3", *(n for n in NETWORKS if n != "MODEL-3")),
        )
        for file in sorted(_pretrained_dir().glob("*.npz"))
    ]  # fmt: skip
    return [*found, Start(SCRATCH, Kind.SCRATCH, "Nothing: your paths alone", TREES + NETWORKS)]


def _network_summary(card: ModelCard) -> str:
    error = card.usual_error_ev
    usual = "" if error is None else f" ({error:.2f} eV off on unseen frameworks)"
    return f"The network {card.name}{usual}, trained on with your paths"


def find_start(options: TrainingOptions) -> Start:
    """Return what the options start from.

    Raises
    ------
    MigbarError
        If there is no such thing, or it cannot become the recipe that is asked for.
    """
    start = next((s for s in available_starts() if s.name == options.start), None)
    if start is None and Path(options.start).suffix == ".npz":
        start = Start(options.start, Kind.PRETRAINED, "", NETWORKS)
    if start is None:
        names = ", ".join(s.name for s in available_starts())
        raise MigbarError(
            f"nothing can be trained from '{options.start}'; start from {names}, or a pre-trained network.npz."
        )
    if options.recipe and options.recipe not in (start.recipes or (options.start,)):
        raise MigbarError(
            f"'{options.recipe}' cannot be made from {options.start}; "
            + (f"choose {', '.join(start.recipes)}." if start.recipes else "leave the recipe out.")
        )
    return start


def pretrained_file(name: str) -> Path:
    """File of a pre-trained network: a bundled one by its name, or a path."""
    bundled = _pretrained_dir() / f"{name}.npz"
    return bundled if bundled.is_file() else Path(name)


def _pretrained_dir() -> Path:
    return resource_dir() / "networks"
