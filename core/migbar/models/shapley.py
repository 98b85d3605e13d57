"""Shapley values of an ensemble of trees, exact.

A sample reaches a leaf where it passes the tests on the way there. Those of one descriptor j taken together
are an interval; w_j is the fraction of training samples that pass them (the product of the ratios of covers), o_j is 1
where the sample passes and 0 where it does not. If only the descriptors in a set S are known, a leaf of value v is
expected to give v Π_{j∈S} o_j Π_{j∉S} w_j (the path-dependent game of Lundberg et al., Nature Machine Intelligence 2,
56 (2020)). Its Shapley values are, by the multilinear extension of a game (Owen, Management Science 18, P64 (1972)),

    φ_i = v (o_i − w_i) ∫₀¹ Π_{j≠i} (w_j + t (o_j − w_j)) dt.

The integrand is a polynomial in t, so Gauss-Legendre quadrature with half as many points as it has factors is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from migbar.models.forest import Trees


@dataclass(frozen=True, slots=True)
class LeafTests:
    """What the leaves of an ensemble ask for: a row for each descriptor on the way to each leaf.

    Attributes
    ----------
    base : float
        What the ensemble says before it knows any descriptor, √eV.
    first : ndarray of int, shape (n_leaves,)
        First row of each leaf that is not a whole tree; rows of a leaf lie together.
    feature : ndarray of int16, shape (n_rows,)
    low, high : ndarray of float32, shape (n_rows,)
        A sample passes where low < x[feature] <= high.
    passing : ndarray, shape (n_rows,)
        Fraction of training samples that pass.
    value : ndarray, shape (n_rows,)
        Of the row's leaf over the number of trees, √eV.
    """

    base: float
    first: NDArray[np.int64]
    feature: NDArray[np.int16]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    passing: NDArray[np.float64]
    value: NDArray[np.float64]

    @classmethod
    def of(cls, trees: Trees) -> LeafTests:
        """Collect the tests of all leaves."""
        leaves = np.flatnonzero(trees.feature < 0)
        worth = trees.root_barrier[leaves].astype(float) / len(trees.roots)
        tree = np.searchsorted(trees.roots, leaves, side="right") - 1
        share = trees.cover[leaves] / trees.cover[trees.roots[tree]]
        leaf, feature, low, high, passing = _decisions(trees, leaves)
        new = (np.diff(leaf, prepend=-1) != 0) | (np.diff(feature, prepend=-1) != 0)
        rows = np.flatnonzero(new)
        return cls(
            base=float(worth @ share),
            first=np.flatnonzero(np.diff(leaf[rows], prepend=-1)),
            feature=feature[rows],
            low=np.maximum.reduceat(low, rows) if len(rows) else low,
            high=np.minimum.reduceat(high, rows) if len(rows) else high,
            passing=np.multiply.reduceat(passing, rows) if len(rows) else passing,
            value=worth[leaf[rows]],
        )

    def shapley_values(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share out one prediction among the descriptors.

        Parameters
        ----------
        x : ndarray, shape (n_descriptors,)

        Returns
        -------
        ndarray, shape (n_descriptors,)
            In √eV; with `base` they add up to the mean over the trees.
        """
        values = np.zeros(len(x))
        if len(self.first) == 0:
            return values
        seen = x[self.feature]
        apart = ((self.low < seen) & (seen <= self.high)) - self.passing
        lengths = np.diff([*self.first, len(self.feature)])
        points, weights = np.polynomial.legendre.leggauss(int(lengths.max() + 1) // 2)
        integral = np.zeros(len(self.feature))
        for t, weight in zip((points + 1) / 2, weights / 2, strict=True):
            factor = self.passing + t * apart  # never 0: some training samples pass, and t < 1
            product = np.multiply.reduceat(factor, self.first)
            integral += weight * np.repeat(product, lengths) / factor
        np.add.at(values, self.feature, self.value * apart * integral)
        return values


def _decisions(trees: Trees, leaves: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Return every decision on the way to every leaf, sorted by leaf and descriptor.

    Leaf (its number), descriptor, interval, and the fraction of the samples above that go this way.
    """
    inner = np.flatnonzero(trees.feature >= 0)
    above = np.full(len(trees.feature), -1)
    above[inner + 1] = inner
    right = inner + trees.right[inner]
    above[right] = inner
    is_right = np.zeros(len(above), bool)
    is_right[right] = True
    found = []
    number, node = np.arange(len(leaves)), leaves
    while len(node):
        parent = above[node]
        number, node, parent = (a[parent >= 0] for a in (number, node, parent))
        threshold = trees.threshold[parent]
        found.append(
            (
                number,
                trees.feature[parent],
                np.where(is_right[node], threshold, np.float32(-np.inf)),
                np.where(is_right[node], np.float32(np.inf), threshold),
                trees.cover[node] / trees.cover[parent],
            )
        )
        node = parent
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    return tuple(column[order] for column in columns)
