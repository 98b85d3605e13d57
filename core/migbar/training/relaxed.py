"""Training of the part of ``migbar-fast`` that also takes the barrier of a relaxed band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.datasets import BandRecord, PublishedPath
from migbar.models.blend import Blend, WithRelaxed
from migbar.models.relaxed import PUBLISHED_MACE, RelaxedBarrier, RelaxedBy
from migbar.training.blend import BlendSettings, fit_process
from migbar.training.forest import grow
from migbar.training.unseen import calibrate, mean_scores
from migbar.training.validation import Counter, Protocols, all_folds, out_of_fold

COPIES = 4
"""Times that trees see the relaxed barrier among their inputs, so that they often try it."""

WEIGHT = 20.0
"""How much the relaxed barrier counts in the distances of the Gaussian process; a descriptor counts 1."""


@dataclass(frozen=True, slots=True)
class RelaxedPaths:
    """Training paths with the barriers of their relaxed bands.

    Attributes
    ----------
    kind : RelaxedBy
    row : ndarray of int, shape (n,)
        Which of all training paths they are.
    barrier : ndarray, shape (n,)
        In eV.
    """

    kind: RelaxedBy
    row: NDArray[np.int64]
    barrier: NDArray[np.float64]

    @classmethod
    def of(
        cls, records: Sequence[BandRecord], barriers: Mapping[str, RelaxedBarrier]
    ) -> RelaxedPaths:
        """Take the records that have a relaxed barrier; those without are left out.

        Raises
        ------
        ValueError
            If the barriers are of several kinds.
        """
        kinds = {barrier.by for barrier in barriers.values()}
        if len(kinds) != 1:
            raise ValueError(f"relaxed barriers of {len(kinds)} kinds")
        given = [(i, barriers.get(record.sys_name)) for i, record in enumerate(records)]
        found = [(i, barrier.barrier_ev) for i, barrier in given if barrier is not None]
        return cls(
            kinds.pop(), np.array([i for i, _ in found], int), np.array([b for _, b in found])
        )

    def inputs(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Descriptors of these paths with the relaxed barrier as the last column."""
        return np.column_stack([x[self.row], self.barrier])


def published_barriers(published: Mapping[str, PublishedPath]) -> dict[str, RelaxedBarrier]:
    """Take the published MACE-NEB barriers with relaxed ends; blanks are left out."""
    return {
        name: RelaxedBarrier(path.mace_neb_relax_ev, PUBLISHED_MACE)
        for name, path in published.items()
        if path.mace_neb_relax_ev is not None
    }


def fit_with_relaxed(
    x: NDArray[np.float64], y: NDArray[np.float64], seed: int, settings: BlendSettings
) -> Blend:
    """Fit both members of the blend.

    Parameters
    ----------
    x : ndarray, shape (n, n_descriptors + 1)
        The relaxed barrier is the last column.
    y : ndarray, shape (n,)
        Barriers in eV.
    """
    last = x.shape[1] - 1
    often = np.column_stack([x, np.repeat(x[:, last:], COPIES - 1, axis=1)])
    trees = grow(often, y, seed, settings.forest)
    trees = replace(trees, feature=np.minimum(trees.feature, last).astype(np.int16))
    weights = np.ones(last + 1)
    weights[last] = WEIGHT
    process = fit_process(x, y, settings, weights / weights.mean())
    return Blend(trees, process, settings.share)


def train_with_relaxed(
    records: Sequence[BandRecord],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    paths: RelaxedPaths,
    seed: int,
    settings: BlendSettings,
    protocols: Protocols,
    full: bool,
    work: Counter,
) -> tuple[WithRelaxed, dict[str, Any]]:
    """Train on the paths that have a relaxed barrier, with intervals of its own.

    Folds are those of all paths, so that scores compare with those of the model without.

    Returns
    -------
    with_relaxed : WithRelaxed
    scores : dict
        By protocol; empty unless `full`.
    """
    inputs, y = paths.inputs(x), y[paths.row]
    fit = partial(fit_with_relaxed, seed=seed, settings=settings)
    unseen = {
        name: [out_of_fold(inputs, y, fold[paths.row], fit, work) for fold in folds]
        for name, folds in all_folds(records, protocols, full).items()
    }
    made = WithRelaxed(paths.kind, fit(inputs, y), calibrate(y, unseen["grouped"]))
    return made, {name: mean_scores(y, found) for name, found in unseen.items()} if full else {}
