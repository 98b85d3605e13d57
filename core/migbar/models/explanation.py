"""What stands behind one prediction: similar known paths, the model's domain, and its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from migbar.bands import Band
from migbar.barriers import Predictor, Remark
from migbar.errors import ModelError

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
class Difference:
    """Something in which a known path differs from the asked one.

    Attributes
    ----------
    subject : str
        In words.
    descriptor : str
        The one that differs most among those about it.
    here, there : float
        Its value for the asked path, and for the known one.
    """

    subject: str
    descriptor: str
    here: float
    there: float


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
    differences : tuple of Difference
        What differs most, by size; none where it is the same path.
    """

    path: KnownPath
    distance: float
    same: bool
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Concern:
    """One reason to trust a prediction less.

    Attributes
    ----------
    code : str
        For machines: ``unseen_ion``, ``unseen_anion``, ``unseen_element``, ``outside_domain``,
        ``edge_of_domain``, ``unusual_bottleneck``, ``unusual_length`` or ``concerted``.
    place : {"near", "outside"}
        Where it puts the path.
    text : str
        For people.
    """

    code: str
    place: Place
    text: str

    @property
    def remark(self) -> Remark:
        """What is said of the barrier."""
        return Remark(self.code, self.text)


@dataclass(frozen=True, slots=True)
class DomainVerdict:
    """Whether a path is of the kind that the model knows.

    Attributes
    ----------
    place : {"in", "near", "outside"}
    lead : str
        The verdict in words.
    concerns : tuple of Concern
        Its reasons; none inside.
    """

    place: Place
    lead: str
    concerns: tuple[Concern, ...]

    @property
    def text(self) -> str:
        """The verdict with its reasons in words."""
        return " ".join([self.lead, *(concern.text for concern in self.concerns)])


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
        By size. With `base_ev` all of them add up to what the trees alone would say (their plain mean):
        Shapley values (`migbar.models.shapley`) of √barrier, stretched to eV.
    """

    similar: tuple[SimilarPath, ...]
    domain: DomainVerdict
    base_ev: float
    reasons: tuple[Contribution, ...]

    @property
    def memory(self) -> KnownPath | None:
        """The asked path itself where it is a training path."""
        return next((similar.path for similar in self.similar if similar.same), None)


@runtime_checkable
class Explains(Protocol):
    """A model that can say what stands behind its predictions."""

    def explain(self, band: Band) -> Explanation:
        """Say what stands behind the prediction for a band."""

    def similar(self, band: Band) -> tuple[SimilarPath, ...]:
        """Return the known paths that are most similar to a band, nearest first."""


def explain(model: Predictor, band: Band) -> Explanation:
    """Say what stands behind a model's prediction for a band.

    Raises
    ------
    ModelError
        If the model cannot say.
    """
    if not isinstance(model, Explains):
        raise ModelError(f"{model.card.name} cannot say why; use the default model for that.")
    return model.explain(band)
