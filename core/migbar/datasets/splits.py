"""Splits of a dataset that tell the truth about new materials, and warnings where one does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from migbar.datasets.storage import BarrierDataset
from migbar.errors import MigbarError
from migbar.evaluation import grouped_folds, random_folds
from migbar.wording import counted

TRAINING = -1
"""Fold of a path that is never held out."""

_VALIDATION_WORDS = {"val", "valid", "validation", "test", "hold-out", "holdout"}
_TRAINING_WORDS = {"train", "training"}


class Scheme(StrEnum):
    """How paths are put on the two sides of a split."""

    GROUPS = "groups"
    """Whole groups of framework and ion: honest about materials that the model has not seen."""
    CLASSES = "classes"
    """Drawn from every structural class in proportion, as in the paper: about new paths of known classes."""
    RANDOM = "random"
    """Path by path."""
    COLUMN = "column"
    """As the owner's own column says."""


SCHEMES = {
    Scheme.GROUPS: "Whole frameworks are held out (recommended): tells how good the model is on new materials.",
    Scheme.CLASSES: "A share of every structural class, as in the paper: tells about more paths of known materials.",
    Scheme.RANDOM: "Any paths: tells about more paths of known materials.",
    Scheme.COLUMN: "As the data's own column says.",
}
"""What each scheme means, for people."""


class SplitError(MigbarError):
    """Raised when data cannot be split as asked."""


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How to split.

    Attributes
    ----------
    scheme : Scheme
    folds : int
        Parts of a cross-validation; 0 holds one part out instead.
    validation : float
        Share that is held out where `folds` is 0.
    seed : int
        Same data, options and seed: same split, whatever the order of the data.
    """

    scheme: Scheme = Scheme.GROUPS
    folds: int = 0
    validation: float = 0.2
    seed: int = 123


@dataclass(frozen=True, slots=True)
class Split:
    """Which path is held out when.

    Attributes
    ----------
    fold : ndarray of int, shape (n,)
        Fold that holds a path out; `TRAINING` for those that are always trained on.
    warnings : tuple of str
        What a reader of the scores has to know.
    """

    fold: NDArray[np.int64]
    warnings: tuple[str, ...] = ()

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1


def split_dataset(dataset: BarrierDataset, options: SplitOptions = SplitOptions()) -> Split:
    """Split a dataset.

    Raises
    ------
    SplitError
        If one side would be empty.
    """
    if not 0 < options.validation < 1 or options.folds < 0 or options.folds == 1:
        raise SplitError(
            "Hold out a share between 0 and 1, or choose 2 folds or more for a cross-validation."
        )
    order = sorted(range(len(dataset)), key=lambda i: dataset.names[i])
    fold = np.full(len(dataset), TRAINING, np.int64)
    fold[order] = _folds(dataset, order, options)
    if len(set(fold.tolist())) < 2:
        frameworks = len(set(dataset.groups))
        raise SplitError(
            f"{counted(len(dataset), 'path')} of {counted(frameworks, 'framework')} cannot be split like this: one "
            "side would be empty. Add data, hold out another share, or choose another scheme."
        )
    return Split(fold, tuple(_warnings(dataset, fold)))


def _folds(
    dataset: BarrierDataset, order: Sequence[int], options: SplitOptions
) -> NDArray[np.int64]:
    if options.scheme is Scheme.COLUMN:
        return _own_column([dataset.parts[i] for i in order])
    count, seed = options.folds, options.seed
    if options.scheme is Scheme.GROUPS:
        groups = [dataset.groups[i] for i in order]
        if count:
            return grouped_folds(groups, min(count, len(set(groups))), seed)
        return _some_groups(groups, options.validation, seed)
    if options.scheme is Scheme.CLASSES:
        families = [dataset.families[i] or "(none)" for i in order]
        return _from_classes(families, count, options.validation, seed)
    if count:
        return random_folds(len(order), min(count, len(order)), seed)
    rank = np.random.default_rng(seed).permutation(len(order))
    return np.where(rank < round(options.validation * len(order)), 0, TRAINING)


def _some_groups(groups: Sequence[tuple[str, str]], share: float, seed: int) -> NDArray[np.int64]:
    """Hold out whole groups, in random order, until the share is reached; none that would overshoot by far."""
    sizes = Counter(groups)
    names = sorted(sizes)
    wanted, taken = share * len(groups), 0
    chosen: set[tuple[str, str]] = set()
    for k in np.random.default_rng(seed).permutation(len(names)):
        size = sizes[names[k]]
        if taken + size / 2 <= wanted and len(chosen) < len(names) - 1:
            chosen.add(names[k])
            taken += size
    return np.array([0 if group in chosen else TRAINING for group in groups], np.int64)


def _from_classes(
    families: Sequence[str], folds: int, share: float, seed: int
) -> NDArray[np.int64]:
    """Draw from every class in proportion; with one part held out, by the paper's rule.

    Classes of less than 1 % of the paths are not judged by, those of 1–2 % by one path (Methods, rules 1–4).
    """
    rng = np.random.default_rng(seed)
    fold = np.full(len(families), TRAINING, np.int64)
    first = 0
    for family in sorted(set(families)):
        members = rng.permutation([i for i, f in enumerate(families) if f == family])
        part = len(members) / len(families)
        if folds:
            fold[members] = (first + np.arange(len(members))) % folds
            first += len(members)
        elif part >= 0.01 and len(members) > 1:
            count = 1 if part < 0.02 else max(1, round(share * len(members)))
            fold[members[:count]] = 0
    return fold


def _own_column(parts: Sequence[str]) -> NDArray[np.int64]:
    words = [part.strip().lower() for part in parts]
    if not any(words):
        raise SplitError(
            "The data have no column that says how to split them; name it when importing them."
        )
    if any(word in _TRAINING_WORDS or word in _VALIDATION_WORDS for word in words):
        return np.where([word in _VALIDATION_WORDS for word in words], 0, TRAINING)
    names = sorted({word for word in words if word})
    return np.array([names.index(w) if w else TRAINING for w in words], np.int64)


def _warnings(dataset: BarrierDataset, fold: NDArray[np.int64]) -> list[str]:
    """Say in words where the two sides are not independent, or too small."""
    found = []
    shared = _shared(dataset.groups, fold)
    if shared:
        found.append(
            f"Leak: {shared} of {int((fold != TRAINING).sum())} held-out paths have a framework and ion "
            "that is also trained on. The scores will be better than those on new materials; split by "
            "groups to see these."
        )
    counts = np.bincount(fold[fold != TRAINING])
    if counts.min() < 10:
        found.append(
            f"Only {counts.min()} {'path is' if counts.min() == 1 else 'paths are'} held out"
            f"{' in a fold' if len(counts) > 1 else ''}: the "
            "scores have large errors of their own."
        )
    unknown = int(np.isnan(dataset.barriers).sum())
    if unknown:
        found.append(f"{counted(unknown, 'path')} without a barrier: on neither side of the split.")
    return found


def _shared(groups: Sequence[tuple[str, str]], fold: NDArray[np.int64]) -> int:
    """Held-out paths whose group occurs outside their fold, too."""
    seen: dict[tuple[str, str], set[int]] = {}
    for group, k in zip(groups, fold, strict=True):
        seen.setdefault(group, set()).add(int(k))
    return sum(len(seen[g]) > 1 for g, k in zip(groups, fold, strict=True) if k != TRAINING)
