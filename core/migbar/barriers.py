"""What a model says about a band, and what a model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from migbar.bands import Band
from migbar.progress import SILENT, Progress

GOOD_CONDUCTOR_EV = 0.65
"""Barrier up to which a nano-sized electrode keeps up with C/2 at 300 K (eV)."""

THRESHOLD_MEANS = (
    "0.65 eV: an electrode particle of about 100 nm keeps up with C/2 at 300 K (0.525 eV for 1 µm). "
    "A solid electrolyte needs less, about 0.4 eV for 0.1 mS/cm"
)
"""What the threshold stands for (science: `migbar.transport.KEEPING_UP`)."""


_HINTS = frozenset(
    (
        "alike_places",
        "calculated",
        "derived",
        "elements_of_title",
        "measured_error",
        "near_symmetry",
        "ordered",
        "place_energies",
        "relaxed",
        "relaxed_barrier",
        "several_ions",
        "several_structures",
        "tied_images",
        "training_path",
    )
)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a user should know about a result: a short code for machines, a text for people."""

    code: str
    text: str

    @property
    def is_warning(self) -> bool:
        """Whether it puts a result in doubt; else it says what was chosen, or where a number comes from."""
        return self.code not in _HINTS


@dataclass(frozen=True, slots=True)
class Barrier:
    """A predicted migration barrier; it has no direction.

    Attributes
    ----------
    barrier_ev : float
        Predicted E_m in eV.
    interval_ev : tuple of float
        Lower and upper end in eV of the interval that holds the DFT-NEB value with `interval_level`.
    interval_level : float
        Nominal coverage, 0.9.
    model, model_version : str
        What predicted it.
    remarks : tuple of Remark
        What the model itself has to say, for example that the ion was never seen in training.
    """

    barrier_ev: float
    interval_ev: tuple[float, float]
    model: str
    model_version: str
    interval_level: float = 0.9
    remarks: tuple[Remark, ...] = ()

    @property
    def made_by(self) -> str:
        """Name and version of what it comes from."""
        return f"{self.model} {self.model_version}".strip()

    @property
    def is_calculated(self) -> bool:
        """Whether another program calculated it, and no model predicted it."""
        return any(remark.code == "calculated" for remark in self.remarks)

    @property
    def is_memory(self) -> bool:
        """Whether the model was trained on this very path."""
        return any(remark.code == "training_path" for remark in self.remarks)

    def is_good_conductor(self, threshold_ev: float = GOOD_CONDUCTOR_EV) -> bool:
        """Whether the barrier is at most the threshold."""
        return self.barrier_ev <= threshold_ev


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model is, how it was made, and how good it is.

    Attributes
    ----------
    name, version : str
    summary : str
        One or two sentences for people.
    training : dict
        Data hash, number of paths, seed, settings, hardware, wall time.
    scores : dict
        Scores by protocol, for example ``{"grouped": {"mae_ev": …, "mae_se_ev": …}}``.
    files : dict
        SHA-256 of every weight file beside the card.
    notes : list of str
        Limits a user should know.
    """

    name: str
    version: str
    summary: str
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def usual_error_ev(self) -> float | None:
        """Mean absolute error in eV on frameworks that the model has not seen; None where that was not measured."""
        scores = self.scores.get("grouped")
        error = scores.get("mae_ev") if isinstance(scores, dict) else None
        return float(error) if isinstance(error, int | float) else None

    def barrier(
        self, value: float, interval: tuple[float, float], level: float, remarks: Sequence[Remark]
    ) -> Barrier:
        """Return a barrier (eV) that the model predicts, with its interval of a nominal coverage."""
        low, high = interval
        ends = float(low), float(high)
        return Barrier(float(value), ends, self.name, self.version, level, tuple(remarks))

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain JSON data."""
        return asdict(self)


class Predictor(Protocol):
    """Anything that predicts barriers of bands."""

    card: ModelCard

    def predict(self, bands: Sequence[Band], progress: Progress = SILENT) -> list[Barrier]:
        """Predict the barrier of each band, in the order given."""
