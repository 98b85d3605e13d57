"""Paths as models on descriptors know them; those of the bundled models come out of their files.

The bundled models may not carry the structures of their training paths, but they carry descriptors and
barriers: enough to grow the trees and the Gaussian process anew with further paths among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from migbar.datasets import BandRecord
from migbar.descriptors import descriptor_names
from migbar.errors import ModelError
from migbar.models.explanation import KnownPath
from migbar.progress import Progress
from migbar.training.validation import described

Group = tuple[object, ...]

_FRAMEWORK = (
    "anion_pauling", "cation_pauling", "cation_group", "metal_fraction", "metal_period",
    "polyanion", "fluorine", "cations_per_anion",
)  # fmt: skip
"""Descriptors that depend on the framework's formula alone."""


@dataclass(frozen=True, slots=True)
class DescribedPaths:
    """Paths in descriptors.

    Attributes
    ----------
    x : ndarray, shape (n, n_descriptors)
    known : tuple of KnownPath
        Names and barriers.
    elements : frozenset of str
        What occurs in the hosts.
    """

    x: NDArray[np.float64]
    known: tuple[KnownPath, ...]
    elements: frozenset[str]

    def __len__(self) -> int:
        return len(self.known)

    @property
    def y(self) -> NDArray[np.float64]:
        """Barriers in eV."""
        return np.array([path.barrier_ev for path in self.known], float)

    @property
    def groups(self) -> list[Group]:
        """Framework and ion of each path, told by descriptors.

        Every group of `BandRecord.group` stays together; a few that descriptors cannot tell apart (lanthanide
        sulfides) are taken as one.
        """
        names = descriptor_names()
        columns = np.round(self.x[:, [names.index(name) for name in _FRAMEWORK]], 3)
        return [(path.ion, *row) for path, row in zip(self.known, columns.tolist(), strict=True)]

    def chosen(self, index: Sequence[int] | NDArray[np.int64]) -> DescribedPaths:
        """Return some of the paths."""
        return DescribedPaths(self.x[index], tuple(self.known[i] for i in index), self.elements)

    def __add__(self, other: DescribedPaths) -> DescribedPaths:
        return DescribedPaths(
            np.vstack([self.x, other.x]), self.known + other.known, self.elements | other.elements
        )


def describe_records(records: Sequence[BandRecord], progress: Progress) -> DescribedPaths:
    """Describe paths with known barriers."""
    known = tuple(
        KnownPath(r.sys_name, r.family, r.band.ion, "", float(r.target_ev or 0.0)) for r in records
    )
    elements = frozenset(s for r in records for s in r.band.host.symbol_set)
    return DescribedPaths(described(records, progress), known, elements)


def bundled_training_paths() -> DescribedPaths:
    """Take the published training paths out of the bundled models.

    ``band-forest`` holds their descriptors (in single precision, which is finer than the grid that training
    rounds them to), ``migbar-fast`` their names and barriers, in the same order.

    Raises
    ------
    ModelError
        If the two were not made from the same data.
    """
    from migbar.models.blend import MigbarFast
    from migbar.models.forest import BandForest
    from migbar.models.store import load_model

    forest, blend = load_model("band-forest"), load_model("migbar-fast")
    if (
        not isinstance(forest, BandForest)
        or not isinstance(blend, MigbarFast)
        or forest.card.training["data_sha256"] != blend.card.training["data_sha256"]
        or len(forest.domain.known) != len(blend.known)
    ):
        raise ModelError(
            "the bundled models band-forest and migbar-fast do not fit together; install MigBar again."
        )
    domain = forest.domain
    x = domain.known.astype(np.float64) * domain.scale + domain.mean
    return DescribedPaths(x, blend.known, frozenset(blend.card.training["elements"]))


def known_frameworks(records: Sequence[BandRecord], progress: Progress) -> NDArray[np.bool_]:
    """Say of which paths the published training paths have the framework and ion, too."""
    published = set(bundled_training_paths().groups)
    groups = describe_records(records, progress).groups
    return np.array([group in published for group in groups], bool)
