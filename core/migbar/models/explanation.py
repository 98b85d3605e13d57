"""What stands behind one prediction: similar known paths, the model's domain, and its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from migbar.bands import Band

Place = Literal["in", "near", "outside"]


@dataclass(frozen=True, slots=True)
class KnownPath:
    """A training path with its published barrier.

    Attributes
    ----------
    sys_name : str
        Its name in the published data.
    family : str
        Structural class.
    ion : str
    label : str
        Which path of the crystal it is, in the words of the source; empty where it says nothing.
    barrier_ev : float
        DFT-NEB barrier.
    """

    sys_name: str
    family: str
    ion: str
    label: str
    barrier_ev: float


@dataclass(frozen=True, slots=True)
class SimilarPath:
    """A known path and how unlike the asked one it is.

    Attributes
    ----------
    path : KnownPath
    distance : float
        Root mean square difference of normal scores: 0 the same, about 1.4 two paths drawn at random.
    same : bool
        Whether it is the asked path itself.
    """

    path: KnownPath
    distance: float
    same: bool


@dataclass(frozen=True, slots=True)
class Concern:
    """One reason to trust a prediction less.

    Attributes
    ----------
    code : str
        For machines: ``unseen_ion``, ``unseen_element``, ``outside_domain``, ``edge_of_domain``,
        ``unusual_bottleneck``, ``unusual_length`` or ``concerted``.
    place : {"near", "outside"}
        Where it puts the path.
    text : str
        For people.
    """

    code: str
    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class DomainVerdict:
    """Whether a path is of the kind that the model knows.

    Attributes
    ----------
    place : {"in", "near", "outside"}
    text : str
        The verdict with its reasons in words.
    concerns : tuple of Concern
    """

    place: Place
    text: str
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What pushes a barrier up or down.

    Attributes
    ----------
    subject : str
        In words; descriptors about the same thing are taken together.
    push_ev : float
        Change of the barrier in eV.
    descriptor : str
        The descriptor that pushes most among them.
    value, typical : float
        Its value here, and its median over the training paths.
    """

    subject: str
    push_ev: float
    descriptor: str
    value: float
    typical: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What stands behind one prediction.

    Attributes
    ----------
    similar : tuple of SimilarPath
        Most similar known paths, nearest first.
    domain : DomainVerdict
    base_ev : float
        Barrier that the trees start from, the same for every path.
    reasons : tuple of Contribution
        By size. With `base_ev` all of them add up to what the trees alone would say; they are changes of
        node means along the trees' decisions (Saabas' decomposition), not Shapley values.
    """

    similar: tuple[SimilarPath, ...]
    domain: DomainVerdict
    base_ev: float
    reasons: tuple[Contribution, ...]


@runtime_checkable
class Explains(Protocol):
    """A model that can say what stands behind its predictions."""

    def explain(self, band: Band) -> Explanation:
        """Say what stands behind the prediction for a band."""
