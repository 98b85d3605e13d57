"""What is trained from what, and the cross-validation of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from migbar.models.networks.architectures import Network, copy_trunk, make_network
from migbar.progress import SILENT, Progress
from migbar.training.networks.loop import ONE_DEVICE, Hardware, predict_scaled, train_network
from migbar.training.networks.packing import SavedNetwork, TrainingData
from migbar.training.networks.presets import PRESETS, TrainingSettings


def start_network(architecture: str, saved: SavedNetwork, seed: int) -> Network:
    """Make a network that starts from a pre-trained trunk, its head from random numbers."""
    torch.manual_seed(seed)
    network = make_network(architecture, saved.size)
    copy_trunk(saved.network(), network)
    return network


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Predictions for paths that a network has not seen.

    Attributes
    ----------
    fold : ndarray of int, shape (n,)
        Whole groups are held out.
    barrier_ev : ndarray, shape (n,)
    """

    fold: NDArray[np.int64]
    barrier_ev: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained, and how.

    Attributes
    ----------
    architecture : str
    preset : str
    settings : TrainingSettings
    pretrained : SavedNetwork or None
        From scratch where None.
    single_path : bool
        Use one path of each structure only.
    """

    architecture: str
    preset: str
    settings: TrainingSettings
    pretrained: SavedNetwork | None = None
    single_path: bool = False

    def fresh(self) -> Network:
        """Make the network with its starting weights."""
        if self.pretrained is not None:
            return start_network(self.architecture, self.pretrained, self.settings.seed)
        torch.manual_seed(self.settings.seed)
        return make_network(self.architecture, PRESETS[self.preset].size)


def cross_validate(
    recipe: Recipe,
    data: TrainingData,
    fold: NDArray[np.int64],
    folder: Path | None = None,
    hardware: Hardware = ONE_DEVICE,
    progress: Progress = SILENT,
) -> CrossValidation:
    """Train on all folds but one and predict that one, in turn; each fold can be resumed on its own."""
    barriers = np.empty(len(data))
    for k in range(int(fold.max()) + 1):
        network = recipe.fresh()
        place = None if folder is None else folder / f"fold-{k}"
        chosen, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        known = data.scaled_by(chosen)
        train_network(network, known, recipe.settings, place, chosen, hardware, progress)
        barriers[test] = known.scaling.unscale(predict_scaled(network, known, test)[:, 0])
    return CrossValidation(fold, barriers)
