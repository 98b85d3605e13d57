"""What is trained from what."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from migbar.models.networks.architectures import Network, copy_trunk, make_network
from migbar.training.networks.packing import SavedNetwork
from migbar.training.networks.presets import PRESETS, TrainingSettings


def start_network(architecture: str, saved: SavedNetwork, seed: int) -> Network:
    """Make a network that starts from a pre-trained trunk, its head from random numbers."""
    torch.manual_seed(seed)
    network = make_network(architecture, saved.size)
    copy_trunk(saved.network(), network)
    return network


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
