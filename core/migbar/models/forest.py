"""``band-forest``: extremely randomised trees on band descriptors, as plain arrays.

Prediction needs numpy alone. `migbar.training.forest` makes the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.barriers import Barrier, ModelCard, Remark
from migbar.descriptors import describe, descriptor_names
from migbar.progress import SILENT, Progress, check_cancelled

INTERVAL_LEVEL = 0.9
TRIMMED = 0.1
SAME_PATH = 0.02
"""Two paths closer than this in scaled descriptors (root mean square) are taken for the same."""

LEAF = -1


@dataclass(frozen=True, slots=True)
class Trees:
    """Binary regression trees, all nodes in one row, each tree in depth-first order.

    A node's left child is the next node; `x[feature] <= threshold` goes left.

    Attributes
    ----------
    roots : ndarray of int32, shape (n_trees,)
    feature : ndarray of int16, shape (n_nodes,)
        Column that a node looks at, `LEAF` for leaves.
    threshold : ndarray of float32, shape (n_nodes,)
    right : ndarray of int16, shape (n_nodes,)
        Steps to the right child.
    root_barrier : ndarray of float32, shape (n_nodes,)
        Square root of the mean barrier of the training paths below a node, in √eV.
    cover : ndarray of uint16, shape (n_nodes,)
        Number of training paths below a node.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    right: NDArray[np.int16]
    root_barrier: NDArray[np.float32]
    cover: NDArray[np.uint16]

    def leaves(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value that each row of `x` meets in each tree, shape (rows, n_trees)."""
        node = np.tile(self.roots.astype(np.int64), (len(x), 1))
        while (inner := (feature := self.feature[node]) != LEAF).any():
            left = x[np.arange(len(x))[:, None], feature] <= self.threshold[node]
            node = np.where(inner, np.where(left, node + 1, node + self.right[node]), node)
        return self.root_barrier[node].astype(np.float64)

    def predict(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Barrier in eV, and the spread of the trees in √eV, each of shape (rows,).

        The barrier is the squared mean of the roots that the trees give, without the lowest and highest
        `TRIMMED` of them: a few trees that fall for an odd neighbour do not count.
        """
        roots = np.sort(self.leaves(x), axis=1)
        cut = int(TRIMMED * roots.shape[1])
        middle = roots[:, cut : roots.shape[1] - cut]
        return middle.mean(axis=1) ** 2, roots.std(axis=1)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a predicted barrier and the trees' spread become an interval.

    In √eV the ends are √barrier + q · (floor + spread), with q from residuals out of fold; so the upper
    arm is the longer one and the lower end never falls below zero.

    Attributes
    ----------
    floor : float
    low, high : float
        q of the two ends.
    """

    floor: float
    low: float
    high: float

    def interval(
        self, barrier: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends in eV."""
        root, scale = np.sqrt(barrier), self.floor + spread
        ends = [np.maximum(root + q * scale, 0.0) ** 2 for q in (self.low, self.high)]
        return np.minimum(ends[0], barrier), np.maximum(ends[1], barrier)


@dataclass(frozen=True, slots=True)
class Domain:
    """The training paths in scaled descriptors: what is near to what the model knows.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (n_descriptors,)
    known : ndarray of float32, shape (n_paths, n_descriptors)
        Scaled descriptors of the training paths.
    reach : float
        97.5th percentile of the distance of a training path to the nearest other one.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    known: NDArray[np.float32]
    reach: float

    def distances(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Root mean square distance to every training path, shape (rows, n_paths)."""
        scaled = (x - self.mean) / self.scale
        squares = (
            (scaled**2).sum(axis=1)[:, None]
            + (self.known.astype(np.float64) ** 2).sum(axis=1)
            - 2 * scaled @ self.known.T.astype(np.float64)
        )
        return np.sqrt(np.maximum(squares, 0.0) / x.shape[1])


class BandForest:
    """Predicts barriers from band descriptors.

    Parameters
    ----------
    card : ModelCard
        Its ``training`` holds ``ions``, ``elements`` and ``descriptors``.
    trees : Trees
    calibration : Calibration
    domain : Domain
    """

    def __init__(
        self, card: ModelCard, trees: Trees, calibration: Calibration, domain: Domain
    ) -> None:
        self.card = card
        self.trees = trees
        self.calibration = calibration
        self.domain = domain

    @classmethod
    def from_weights(cls, card: ModelCard, weights: dict[str, NDArray[Any]]) -> BandForest:
        """Make the model again from what `weights` gave."""
        if card.training.get("descriptors") != list(descriptor_names()):
            raise ValueError("it was trained on other descriptors than this version computes")
        trees = Trees(**{f.name: weights[f"trees.{f.name}"] for f in fields(Trees)})
        floor, low, high = (float(v) for v in weights["calibration"])
        domain = Domain(
            weights["domain.mean"],
            weights["domain.scale"],
            weights["domain.known"],
            float(weights["domain.reach"][0]),
        )
        return cls(card, trees, Calibration(floor, low, high), domain)

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return all arrays of the model by name."""
        c, d = self.calibration, self.domain
        return {
            **{f"trees.{f.name}": getattr(self.trees, f.name) for f in fields(Trees)},
            "calibration": np.array([c.floor, c.low, c.high]),
            "domain.mean": d.mean,
            "domain.scale": d.scale,
            "domain.known": d.known,
            "domain.reach": np.array([d.reach]),
        }

    def predict(self, bands: Sequence[Band], progress: Progress = SILENT) -> list[Barrier]:
        """Predict the barrier of each band, in the order given."""
        barriers = []
        for done, band in enumerate(bands):
            check_cancelled(progress)
            progress.report(done, len(bands), "Predicting barriers")
            barriers.append(self._predict_one(band))
        progress.report(len(bands), len(bands), "Predicting barriers")
        return barriers

    def _predict_one(self, band: Band) -> Barrier:
        x = np.array([list(describe(band).values())])
        value, spread = self.trees.predict(x)
        low, high = self.calibration.interval(value, spread)
        return Barrier(
            barrier_ev=float(value[0]),
            interval_ev=(float(low[0]), float(high[0])),
            model=self.card.name,
            model_version=self.card.version,
            interval_level=INTERVAL_LEVEL,
            remarks=tuple(self._remarks(band, x)),
        )

    def _remarks(self, band: Band, x: NDArray[np.float64]) -> list[Remark]:
        training = self.card.training
        remarks = []
        if band.ion not in training["ions"]:
            remarks.append(
                Remark(
                    "unseen_ion",
                    f"The model has never seen {band.ion} move (it knows "
                    f"{', '.join(training['ions'])}); take the number as a rough guess.",
                )
            )
        unseen = sorted(set(band.host.symbol_set) - {band.ion} - set(training["elements"]))
        if unseen:
            remarks.append(
                Remark(
                    "unseen_element",
                    f"No training path has a host with {', '.join(unseen)}; expect a larger error.",
                )
            )
        nearest = float(self.domain.distances(x)[0].min())
        if nearest < SAME_PATH:
            remarks.append(
                Remark(
                    "training_path",
                    "This path is in the model's training data: the number is a memory, not a test.",
                )
            )
        elif nearest > self.domain.reach:
            remarks.append(
                Remark(
                    "outside_domain",
                    f"This path is unlike those the model learnt from (distance {nearest:.2f}, "
                    f"usual up to {self.domain.reach:.2f}); expect a larger error.",
                )
            )
        return remarks
