"""Whether a path is of the kind that a model knows, with reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migbar.bands import Band
from migbar.barriers import Remark
from migbar.descriptors.chemistry import ANION_CHARGE
from migbar.elements import is_anion
from migbar.models.explanation import Concern, DomainVerdict, KnownPath, Place

ION_RICH = 0.55
"""Mobile ions per anion from which on they are taken to move in concert (Li3PS4 0.75, LLZO 0.58)."""

_PLACES: tuple[Place, ...] = ("in", "near", "outside")


@dataclass(frozen=True, slots=True)
class Ranges:
    """What the training paths span.

    Attributes
    ----------
    training : mapping
        Of the model's card: ``ions`` that move, and ``elements`` that occur in hosts.
    usual, reach : float
        Distance to the most similar path of another framework: 90th and 97.5th percentile over the training
        paths.
    spans : mapping
        Least and largest usual value by descriptor.
    """

    training: Mapping[str, Any]
    usual: float
    reach: float
    spans: Mapping[str, tuple[float, float]]


def judge(
    band: Band, descriptors: Mapping[str, float], distance: float, known: Ranges
) -> DomainVerdict:
    """Judge a path.

    Parameters
    ----------
    band : Band
    descriptors : mapping
        Of the band.
    distance : float
        To the most similar known path.
    known : Ranges
    """
    concerns = (
        *unseen(band, known.training),
        *unlike(distance, known.usual, known.reach),
    )
    if descriptors["anion_charge"] > 0:  # else nothing is there to be narrow or to be counted by
        concerns += (*_bottleneck(descriptors, known), *_concert(descriptors))
    place: Place = max((c.place for c in concerns), key=_PLACES.index, default="in")
    lead = {
        "in": "Inside the model's domain: paths much like this one are among those it learnt from.",
        "near": "At the edge of the model's domain.",
        "outside": "Outside the model's domain; take the number as a rough guess.",
    }[place]
    return DomainVerdict(place, lead, concerns)


def unseen(band: Band, training: Mapping[str, Any]) -> list[Concern]:
    """Say what a model has never seen of a path's ion and host, as far as its card tells (`training`)."""
    found = []
    ions, elements = training.get("ions"), training.get("elements")
    if ions is not None and band.ion not in ions:
        text = (
            f"The model has never seen {band.ion} move (it knows {', '.join(sorted(ions))}): the number is a "
            "rough guess, and its interval too narrow."
        )
        if is_anion(band.ion) and not any(is_anion(ion) for ion in ions):
            text += f" All of these are cations, which {band.ion} is not."
        found.append(Concern("unseen_ion", "outside", text))
    if not {band.ion, *band.host.symbol_set} & ANION_CHARGE.keys():
        text = "The crystal has no anion: the model knows ions in compounds, not atoms in metals."
        found.append(Concern("no_anion", "outside", text))
    if elements is None:
        return found
    new = sorted(set(band.host.symbol_set) - {band.ion, *elements})
    anions = [symbol for symbol in new if symbol in ANION_CHARGE]
    cations = [symbol for symbol in new if symbol not in ANION_CHARGE]
    if anions:
        text = (
            f"No training path runs past {', '.join(anions)}: how it binds {band.ion} is a guess."
        )
        found.append(Concern("unseen_anion", "outside", text))
    if cations:
        text = f"No training path has a host with {', '.join(cations)}."
        found.append(Concern("unseen_element", "near", text))
    return found


def unlike(distance: float, usual: float, reach: float) -> list[Concern]:
    """Say where even the most similar known path is far away: beyond `usual`, or beyond `reach`."""
    if distance <= usual:
        return []
    text = (
        f"Even the most similar known path is unlike this one (distance {distance:.2f}; "
        f"usual up to {usual:.2f})."
    )
    if distance > reach:
        return [Concern("outside_domain", "outside", text)]
    return [Concern("edge_of_domain", "near", text)]


def memory(path: KnownPath | None = None) -> Remark:
    """Say that a model was trained on a path, and on which one where it can tell."""
    which = f" ({path.sys_name}, DFT barrier {path.barrier_ev:.2f} eV)" if path else ""
    text = f"This path is in the model's training data{which}: the number is a memory, not a test."
    return Remark("training_path", text)


def _bottleneck(descriptors: Mapping[str, float], known: Ranges) -> Sequence[Concern]:
    found = []
    low, high = known.spans["opening_min"]
    opening = descriptors["opening_min"]
    if not low <= opening <= high:
        text = (
            f"The bottleneck is {_room(opening)} by ionic radii; on known paths it is {_room(low)} "
            f"to {_room(high)}."
        )
        found.append(Concern("unusual_bottleneck", "near", text))
    low, high = known.spans["hop_length"]
    length = descriptors["hop_length"]
    if not low <= length <= high:
        text = f"The hop is {length:.1f} Å long; known ones are {low:.1f} to {high:.1f} Å."
        found.append(Concern("unusual_length", "near", text))
    return found


def _room(opening: float) -> str:
    return f"{abs(opening):.2f} Å too {'narrow' if opening < 0 else 'wide'}"


def _concert(descriptors: Mapping[str, float]) -> Sequence[Concern]:
    rich = descriptors["ions_per_anion"] >= ION_RICH and descriptors["ion_charge"] == 1.0
    if not rich:
        return []
    return [
        Concern(
            "concerted",
            "near",
            f"With {descriptors['ions_per_anion']:.2f} mobile ions per anion the ions may move in "
            "concert, which costs less than the single hop that is predicted here.",
        )
    ]
