"""``migbar-fast``: trees and a Gaussian process on band descriptors, as plain arrays.

Where the barrier of a relaxed band is known, another such blend takes it as one more input. Prediction needs numpy
alone. `migbar.training.blend` makes the arrays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.barriers import Barrier, ModelCard, Remark
from migbar.descriptors import describe
from migbar.descriptors.words import subject
from migbar.models.domain import Ranges, judge, memory
from migbar.models.explanation import (
    Contribution,
    Difference,
    DomainVerdict,
    Explanation,
    KnownPath,
    SimilarPath,
)
from migbar.models.forest import Trees
from migbar.models.intervals import INTERVAL_LEVEL, Calibration
from migbar.models.nearness import SAME_PATH
from migbar.models.process import NormalScores, Process
from migbar.models.relaxed import RelaxedBarrier, RelaxedBy
from migbar.models.shapley import LeafTests
from migbar.progress import SILENT, Progress, reported

RELAXED = "relaxed."
"""Before the names of the weights that take a relaxed barrier, too."""

SIMILAR = 6
"""How many similar known paths an explanation names."""

DIFFERENCES = 3
"""How many subjects in which a known path differs are named."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Weighted mean of trees and a Gaussian process.

    Attributes
    ----------
    trees : Trees
    process : Process
    share : float
        Weight of the process; that of the trees is what is left.
    """

    trees: Trees
    process: Process
    share: float

    def predict(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Barrier in eV and spread in √eV, each of shape (rows,).

        The spread is that of the trees and of the two members taken together.
        """
        first, spread = self.trees.predict(x)
        second = self.process.predict(x)
        apart = np.sqrt(self.share * (1 - self.share)) * (np.sqrt(first) - np.sqrt(second))
        return (1 - self.share) * first + self.share * second, np.hypot(spread, apart)

    @classmethod
    def from_weights(cls, weights: Mapping[str, NDArray[Any]], prefix: str = "") -> Blend:
        """Make the blend again from what `weights` gave."""

        def given(name: str) -> NDArray[Any]:
            return weights[prefix + name]

        trees = Trees(**{f.name: given(f"trees.{f.name}") for f in fields(Trees)})
        scores = NormalScores(**{f.name: given(f"scores.{f.name}") for f in fields(NormalScores)})
        constants = (float(v) for v in given("process.constants"))
        process = Process(scores, given("process.support"), given("process.weights"), *constants)
        return cls(trees, process, float(given("share")[0]))

    def weights(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        trees, process = self.trees, self.process
        arrays = {
            **{f"trees.{f.name}": getattr(trees, f.name) for f in fields(Trees)},
            **{f"scores.{f.name}": getattr(process.scores, f.name) for f in fields(NormalScores)},
            "process.support": process.support,
            "process.weights": process.weights,
            "process.constants": np.array(
                [process.offset, process.length, process.power, process.other_ions]
            ),
            "share": np.array([self.share]),
        }
        return {prefix + name: array for name, array in arrays.items()}


@dataclass(frozen=True, slots=True)
class WithRelaxed:
    """What predicts where the barrier of a relaxed band is known, too.

    Attributes
    ----------
    kind : RelaxedBy
        How the bands were relaxed whose barriers it learnt from.
    blend : Blend
        Of the descriptors and that barrier (eV), the last column.
    calibration : Calibration
        Of its own.
    """

    kind: RelaxedBy
    blend: Blend
    calibration: Calibration


class MigbarFast:
    """Predicts barriers from band descriptors, and says what stands behind a prediction.

    Parameters
    ----------
    card : ModelCard
        Its ``training`` holds ``ions``, ``elements`` and ``descriptors``.
    blend : Blend
    calibration : Calibration
    reach : tuple of float
        90th and 97.5th percentile of the distance of a training path to the nearest one of another framework.
    known : sequence of KnownPath
        The training paths, in the order of the process's support.
    with_relaxed : WithRelaxed, optional
    """

    def __init__(
        self,
        card: ModelCard,
        blend: Blend,
        calibration: Calibration,
        reach: tuple[float, float],
        known: Sequence[KnownPath],
        with_relaxed: WithRelaxed | None = None,
    ) -> None:
        self.card = card
        self.blend = blend
        self.calibration = calibration
        self.reach = reach
        self.known = tuple(known)
        self.names: list[str] = card.training["descriptors"]
        self.with_relaxed = with_relaxed

    @property
    def takes(self) -> RelaxedBy | None:
        """The kind of relaxed barriers that it takes; None where it was trained without."""
        return None if self.with_relaxed is None else self.with_relaxed.kind

    @classmethod
    def from_weights(cls, card: ModelCard, weights: dict[str, NDArray[Any]]) -> MigbarFast:
        """Make the model again from what `weights` gave."""
        usual, reach = (float(v) for v in weights["reach"])
        known = [KnownPath(*row) for row in json.loads(weights["known"].tobytes())]
        with_relaxed = None
        if "relaxed" in card.training:
            about = card.training["relaxed"]
            kind = RelaxedBy(about["potential"], about["preset"], about["ends_relaxed"])
            blend = Blend.from_weights(weights, RELAXED)
            with_relaxed = WithRelaxed(
                kind, blend, Calibration.of(weights[f"{RELAXED}calibration"])
            )
        return cls(
            card,
            Blend.from_weights(weights),
            Calibration.of(weights["calibration"]),
            (usual, reach),
            known,
            with_relaxed,
        )

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return all arrays of the model by name; the known paths as UTF-8 JSON."""
        known = json.dumps([astuple(path) for path in self.known], ensure_ascii=False)
        arrays = {
            **self.blend.weights(),
            "calibration": self.calibration.array,
            "reach": np.array(self.reach),
            "known": np.frombuffer(known.encode(), np.uint8),
        }
        if self.with_relaxed is not None:
            arrays |= self.with_relaxed.blend.weights(RELAXED)
            arrays[f"{RELAXED}calibration"] = self.with_relaxed.calibration.array
        return arrays

    def predict(
        self,
        bands: Sequence[Band],
        progress: Progress = SILENT,
        relaxed: Sequence[RelaxedBarrier | None] | None = None,
    ) -> list[Barrier]:
        """Predict the barrier of each band, in the order given.

        Parameters
        ----------
        bands : sequence of Band
        progress : Progress
        relaxed : sequence of RelaxedBarrier or None, optional
            Barriers of the relaxed bands, of the kind that the model `takes`, where they are known
            (`migbar.models.relaxed.predict_with_relaxed` checks that).
        """
        helps = [None] * len(bands) if relaxed is None else relaxed
        pairs = list(zip(bands, helps, strict=True))
        return [
            self._predict_one(*pair) for pair in reported(pairs, progress, "Predicting barriers")
        ]

    def similar(self, band: Band) -> tuple[SimilarPath, ...]:
        """Return the known paths that are most similar to a band, nearest first."""
        x = np.array(list(describe(band).values()))
        return self._similar(x, self.blend.process.distances(x[None])[0])

    def explain(self, band: Band) -> Explanation:
        """Say what stands behind the prediction for a band."""
        descriptors = describe(band)
        x = np.array(list(descriptors.values()))
        distance = self.blend.process.distances(x[None])[0]
        base, reasons = self._reasons(x)
        return Explanation(
            similar=self._similar(x, distance),
            domain=self._verdict(band, descriptors, distance),
            base_ev=base,
            reasons=reasons,
        )

    def _predict_one(self, band: Band, relaxed: RelaxedBarrier | None) -> Barrier:
        descriptors = describe(band)
        x = np.array([list(descriptors.values())])
        remarks = self._remarks(band, descriptors, x)
        blend, calibration = self.blend, self.calibration
        if relaxed is not None and self.with_relaxed is not None:
            blend, calibration = self.with_relaxed.blend, self.with_relaxed.calibration
            x = np.append(x, [[relaxed.barrier_ev]], axis=1)
            text = (
                f"Uses the barrier of the relaxed band, {relaxed.barrier_ev:.2f} eV ({relaxed.by})."
            )
            remarks.append(Remark("relaxed_barrier", text))
        value, spread = blend.predict(x)
        low, high = calibration.interval(value, spread)
        return self.card.barrier(value[0], (low[0], high[0]), INTERVAL_LEVEL, remarks)

    def _remarks(
        self, band: Band, descriptors: dict[str, float], x: NDArray[np.float64]
    ) -> list[Remark]:
        distance = self.blend.process.distances(x)[0]
        verdict = self._verdict(band, descriptors, distance)
        remarks = [concern.remark for concern in verdict.concerns]
        if distance.min() < SAME_PATH:
            remarks.append(memory(self.known[int(distance.argmin())]))
        return remarks

    def _verdict(
        self, band: Band, descriptors: dict[str, float], distance: NDArray[np.float64]
    ) -> DomainVerdict:
        knots = self.blend.process.scores.knots
        spans = {
            name: (float(low), float(high))
            for name, low, high in zip(descriptors, knots[0], knots[-1], strict=True)
        }
        known = Ranges(self.card.training, *self.reach, spans)
        return judge(band, descriptors, float(distance.min()), known)

    def _similar(
        self, x: NDArray[np.float64], distance: NDArray[np.float64]
    ) -> tuple[SimilarPath, ...]:
        nearest = np.argsort(distance, kind="stable")[:SIMILAR]
        scores = self.blend.process.scores(x[None])[0]
        same = distance[nearest] < SAME_PATH
        return tuple(
            SimilarPath(
                self.known[i],
                float(distance[i]),
                bool(known),
                () if known else self._differences(x, scores, i),
            )
            for i, known in zip(nearest, same, strict=True)
        )

    def _differences(
        self, x: NDArray[np.float64], scores: NDArray[np.float64], path: int
    ) -> tuple[Difference, ...]:
        """Say in what a training path differs most, one descriptor for each subject."""
        process = self.blend.process
        support = process.support[path].astype(np.float64)
        apart = np.abs(scores - support)
        there = process.scores.values(support[None])[0]
        found: dict[str, Difference] = {}
        for i in np.argsort(-apart, kind="stable"):
            words = subject(self.names[i])
            if words not in found:
                found[words] = Difference(words, self.names[i], float(x[i]), float(there[i]))
            if len(found) == DIFFERENCES:
                break
        return tuple(found.values())

    @cached_property
    def _leaf_tests(self) -> LeafTests:
        return LeafTests.of(self.blend.trees)

    def _reasons(self, x: NDArray[np.float64]) -> tuple[float, tuple[Contribution, ...]]:
        """Return the barrier that trees start from and what moves it, in eV."""
        base, shares = self._leaf_tests.base, self._leaf_tests.shapley_values(x)
        pushes = shares * (2 * base + shares.sum())  # Σ = (base + Σ shares)² − base²
        typical = np.median(self.blend.process.scores.knots, axis=0)
        found = []
        subjects = np.array([subject(name) for name in self.names])
        for words in dict.fromkeys(subjects.tolist()):
            members = np.flatnonzero(subjects == words)
            lead = members[np.abs(pushes[members]).argmax()]
            found.append(
                Contribution(
                    subject=words,
                    push_ev=float(pushes[members].sum()),
                    descriptor=self.names[lead],
                    value=float(x[lead]),
                    typical=float(typical[lead]),
                )
            )
        found.sort(key=lambda c: -abs(c.push_ev))
        return base**2, tuple(found)
