"""Recipes: how large a network is, what its graphs show, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from migbar.graphs import GraphSettings
from migbar.models.networks.architectures import NetworkSize


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Settings of one training run: AdamW, L1 loss, OneCycle.

    Attributes
    ----------
    epochs, batch_size : int
    max_lr, pct_start : float
        Of the OneCycle schedule.
    weight_decay : float
        Not applied to biases and norms.
    validation : float
        The last part of the shuffled data; the weights that are best on it are kept. With 0 the last
        weights are kept.
    seed : int
    """

    epochs: int
    batch_size: int
    max_lr: float = 1e-3
    pct_start: float = 0.3
    weight_decay: float = 1e-5
    validation: float = 0.1
    seed: int = 123


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe for pre-training and fine-tuning.

    Attributes
    ----------
    size : NetworkSize
    pretraining_graphs, graphs : GraphSettings
        Of the bulk structures, and of the bands.
    pretraining, finetuning : TrainingSettings
    power : float
        The barrier to this power is learnt.
    max_atoms : int or None
        Larger structures are left out of the pre-training.
    """

    size: NetworkSize
    pretraining_graphs: GraphSettings
    graphs: GraphSettings
    pretraining: TrainingSettings
    finetuning: TrainingSettings
    power: float = 1.0
    max_atoms: int | None = None


PRESETS = {
    # Table S1 and the published settings; its fine-tuning graphs double the bonds found from both ends.
    "paper": Preset(
        size=NetworkSize(),
        pretraining_graphs=GraphSettings(),
        graphs=GraphSettings(canonize=False),
        pretraining=TrainingSettings(epochs=500, batch_size=16, max_lr=1e-4),
        finetuning=TrainingSettings(epochs=500, batch_size=16),
    ),
    # Narrow, shallow, and only what surrounds the path: trains on a laptop's CPU.
    "compact": Preset(
        size=NetworkSize(hidden=64, embedding=32, alignn_layers=2, gcn_layers=2),
        pretraining_graphs=GraphSettings(neighbours=8),
        graphs=GraphSettings(neighbours=8, surroundings=4.5),
        pretraining=TrainingSettings(epochs=3, batch_size=32, validation=0.05),
        finetuning=TrainingSettings(epochs=12, batch_size=8, validation=0.0),
        power=0.5,
        max_atoms=30,
    ),
}

_PAPER_BATCHES = {"MODEL-3": 128, "MODEL-4": 64}
"""Batch sizes tuned in the paper (Table S1)."""


def training_settings(preset: str, architecture: str) -> TrainingSettings:
    """Return a preset's settings for an architecture: of the pre-training for MPT, else of the fine-tuning."""
    if architecture == "MPT":
        return PRESETS[preset].pretraining
    settings = PRESETS[preset].finetuning
    if preset == "paper" and architecture in _PAPER_BATCHES:
        return replace(settings, batch_size=_PAPER_BATCHES[architecture])
    return settings


def with_changes(
    settings: TrainingSettings, epochs: int | None, batch_size: int | None, seed: int
) -> TrainingSettings:
    """Return settings with what a user asked for."""
    return replace(
        settings,
        epochs=epochs or settings.epochs,
        batch_size=batch_size or settings.batch_size,
        seed=seed,
    )
