"""Whether a path is of the kind that a model knows, with reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migbar.bands import Band
from migbar.descriptors.chemistry import ANION_CHARGE
from migbar.models.explanation import Concern, DomainVerdict, Place

ION_RICH = 0.55
"""Mobile ions per anion from which on they are taken to move in concert (Li3PS4 0.75, LLZO 0.58)."""

_PLACES: tuple[Place, ...] = ("in", "near", "outside")


@dataclass(frozen=True, slots=True)
class Ranges:
    """What the training paths span.

    Attributes
    ----------
    ions, elements : frozenset of str
        Ions that move, and elements that occur in hosts.
    usual, reach : float
        Distance to the most similar path of another framework: 90th and 97.5th percentile over the training
        paths.
    spans : mapping
        Least and largest usual value by descriptor.
    """

    ions: frozenset[str]
    elements: frozenset[str]
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
        *_composition(band, known),
        *_distance(distance, known),
        *_bottleneck(descriptors, known),
        *_concert(descriptors),
    )
    place: Place = max((c.place for c in concerns), key=_PLACES.index, default="in")
    lead = {
        "in": "Inside the model's domain: paths much like this one are among those it learnt from.",
        "near": "At the edge of the model's domain.",
        "outside": "Outside the model's domain; take the number as a rough guess.",
    }[place]
    return DomainVerdict(place, " ".join([lead, *(c.text for c in concerns)]), concerns)


def _composition(band: Band, known: Ranges) -> Sequence[Concern]:
    found = []
    if band.ion not in known.ions:
        found.append(
            Concern(
                "unseen_ion",
                "outside",
                f"The model has never seen {band.ion} move (it knows "
                f"{', '.join(sorted(known.ions))}).",
            )
        )
    unseen = sorted(set(band.host.symbol_set) - {band.ion} - known.elements)
    if unseen:
        anion = any(symbol in ANION_CHARGE for symbol in unseen)
        found.append(
            Concern(
                "unseen_element",
                "outside" if anion else "near",
                f"No training path has a host with {', '.join(unseen)}.",
            )
        )
    return found


def _distance(distance: float, known: Ranges) -> Sequence[Concern]:
    if distance <= known.usual:
        return []
    outside = distance > known.reach
    return [
        Concern(
            "outside_domain" if outside else "edge_of_domain",
            "outside" if outside else "near",
            f"The most similar known path is unlike this one (distance {distance:.2f}; usual up to "
            f"{known.usual:.2f}).",
        )
    ]


def _bottleneck(descriptors: Mapping[str, float], known: Ranges) -> Sequence[Concern]:
    found = []
    for name, code, what in (
        (
            "opening_min",
            "unusual_bottleneck",
            "The bottleneck leaves the ion {:.2f} Å beyond contact",
        ),
        ("hop_length", "unusual_length", "The hop is {:.1f} Å long"),
    ):
        low, high = known.spans[name]
        if not low <= descriptors[name] <= high:
            text = f"{what.format(descriptors[name])}; known paths have {low:.2f} to {high:.2f} Å."
            found.append(Concern(code, "near", text))
    return found


def _concert(descriptors: Mapping[str, float]) -> Sequence[Concern]:
    rich = descriptors["ions_per_anion"] >= ION_RICH and descriptors["ion_charge"] == 1.0
    if not rich:
        return []
    return [
        Concern(
            "concerted",
            "near",
            f"With {descriptors['ions_per_anion']:.2f} mobile ions per anion the ions may move in "
            "concert; the barrier of a single hop then comes out too high.",
        )
    ]
