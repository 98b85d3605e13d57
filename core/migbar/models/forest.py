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
from migbar.barriers import Barrier, ModelCard
from migbar.descriptors import describe
from migbar.models.domain import unseen
from migbar.models.intervals import INTERVAL_LEVEL, Calibration
from migbar.models.nearness import Domain
from migbar.progress import SILENT, Progress, reported

TRIMMED = 0.1
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

    def __post_init__(self) -> None:
        nodes = np.arange(len(self.feature))
        inner = self.feature != LEAF
        right = nodes + self.right
        ends = self.roots.min(initial=0) >= 0 and self.roots.max(initial=-1) < len(nodes)
        # Each step goes on to a later node: no walk goes round and round.
        forward = ((self.right > 0) & (right < len(nodes)) & (nodes + 1 < len(nodes)))[inner].all()
        if not (ends and forward and self.feature.min(initial=LEAF) >= LEAF):
            raise ValueError("its nodes make no trees")

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
        trees = Trees(**{f.name: weights[f"trees.{f.name}"] for f in fields(Trees)})
        calibration = Calibration.of(weights["calibration"])
        return cls(card, trees, calibration, Domain.from_weights(weights))

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return all arrays of the model by name."""
        return {
            **{f"trees.{f.name}": getattr(self.trees, f.name) for f in fields(Trees)},
            "calibration": self.calibration.array,
            **self.domain.weights(),
        }

    def predict(self, bands: Sequence[Band], progress: Progress = SILENT) -> list[Barrier]:
        """Predict the barrier of each band, in the order given."""
        return [self._predict_one(b) for b in reported(bands, progress, "Predicting barriers")]

    def _predict_one(self, band: Band) -> Barrier:
        x = np.array([list(describe(band).values())])
        value, spread = self.trees.predict(x)
        low, high = self.calibration.interval(value, spread)
        remarks = [concern.remark for concern in unseen(band, self.card.training)]
        remarks += self.domain.remarks(x)
        return self.card.barrier(value[0], (low[0], high[0]), INTERVAL_LEVEL, remarks)
