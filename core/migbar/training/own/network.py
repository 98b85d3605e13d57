"""Own data for the graph networks: trained ones trained on, pre-trained ones tuned, or made from scratch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from migbar.barriers import ModelCard
from migbar.datasets import BandRecord
from migbar.devices import choose_device
from migbar.errors import BandsFileError, MigbarError
from migbar.models.nearness import Domain
from migbar.models.networks.architectures import Network, make_network
from migbar.models.networks.predictor import RECIPE, NetworkPredictor
from migbar.models.networks.published import LAPLACE_90, NETWORKS
from migbar.models.networks.scaling import TargetScaling
from migbar.models.store import load_model
from migbar.progress import Progress, check_cancelled
from migbar.training.networks.finetuning import MIN_PATHS, SUPERCELL_NOTE, pack_bands
from migbar.training.networks.loop import (
    Epoch,
    Hardware,
    pooled_vectors,
    predict_scaled,
    train_network,
)
from migbar.training.networks.packing import SavedNetwork, TrainingData
from migbar.training.networks.presets import PRESETS, TrainingSettings, training_settings
from migbar.training.networks.recipes import start_network
from migbar.training.own.options import Preset, TrainingOptions
from migbar.training.own.starts import Kind, find_start, pretrained_file
from migbar.training.own.trees import Step
from migbar.training.unseen import OutOfFold, calibrate

EPOCHS = {Preset.QUICK: 12, Preset.THOROUGH: 60}
"""Of the compact recipe; the paper's has its own."""

HEAD_EPOCHS = 300
HEAD_LR = 2e-3

MOST_WATCHED = 64
"""Training paths that the curve of the training error is drawn by."""

CALIBRATES = 20
"""Held-out paths from which on they set the intervals of the model that is kept."""


class NetworkLearner:
    """Trains a graph network on (some of the) own paths.

    Parameters
    ----------
    options : TrainingOptions
    records : sequence of BandRecord
        Own paths, all with a barrier.
    folder : path
        For checkpoints.
    progress : Progress
    begun : NetworkPredictor, optional
        What to start from; what the options say where not given.
    """

    unit = "epochs"

    def __init__(
        self,
        options: TrainingOptions,
        records: Sequence[BandRecord],
        folder: Path,
        progress: Progress,
        begun: NetworkPredictor | None = None,
    ) -> None:
        self.options, self.folder, self.progress = options, folder, progress
        self.hardware = Hardware(accelerator=choose_device(options.device).partition(":")[0])
        self.barriers = np.array([r.target_ev for r in records], float)
        self.begun = begun or self._begin()
        self.packed = pack_bands(
            records,
            self.begun.network.inputs,
            self.begun.graphs,
            self.begun.scaling.power,
            progress,
        )
        self.data = self._scaled(self.begun.scaling)
        self.records = records

    def _begin(self) -> NetworkPredictor:
        """Make the network that everything starts from, with its graphs and scaling."""
        options = self.options
        kind = find_start(options).kind
        if kind is Kind.TUNED:
            model = load_model(options.start)
            assert isinstance(model, NetworkPredictor)
            return model
        if options.train == "heads" and kind is Kind.SCRATCH:
            raise MigbarError(
                "A network from scratch has nothing but heads to train on; train all of it."
            )
        recipe = options.recipe or "MODEL-3"
        architecture = str(NETWORKS[recipe].architecture)
        full = PRESETS["paper" if options.preset is Preset.PAPER else "compact"]
        if kind is Kind.PRETRAINED:
            saved = SavedNetwork.load(pretrained_file(options.start))
            network = start_network(architecture, saved, options.seed)
            full = PRESETS["paper" if saved.size == PRESETS["paper"].size else "compact"]
        else:
            torch.manual_seed(options.seed)
            network = make_network(architecture, full.size)
        training = {
            "architecture": architecture,
            "size": asdict(network.size),
            "graphs": asdict(full.graphs),
            "scaling": asdict(TargetScaling.of(self.barriers, full.power)),
            "margin_ev": float("nan"),
        }
        return NetworkPredictor(ModelCard(options.name, "1", "", training), network)

    def _scaled(self, scaling: TargetScaling) -> TrainingData:
        """Return the graphs with barriers as the network is to see them."""
        targets = scaling.scale(self.barriers)[:, None].astype(np.float32)
        return TrainingData(self.packed.graphs, targets, self.packed.info)

    def _scaling(self, chosen: NDArray[np.int64]) -> TargetScaling:
        """Return the scaling of the start, or one of the paths that are trained on; others must not show."""
        if "ions" in self.begun.card.training:
            return self.begun.scaling
        return TargetScaling.of(self.barriers[chosen], self.begun.scaling.power)

    @property
    def settings(self) -> TrainingSettings:
        """Settings of the training."""
        options, architecture = self.options, self.begun.card.training["architecture"]
        if options.preset is Preset.PAPER:
            return replace(training_settings("paper", architecture), seed=options.seed)
        compact = training_settings("compact", architecture)
        return replace(compact, epochs=EPOCHS[options.preset], seed=options.seed)

    def train(
        self,
        chosen: NDArray[np.int64],
        watched: NDArray[np.int64],
        stage: str,
        watch: Callable[[Step], None],
    ) -> NetworkPredictor:
        """Train on the chosen own paths; the curve is that of the watched ones, which decide nothing."""
        if len(chosen) < MIN_PATHS:
            raise BandsFileError(
                "training data",
                [f"{len(chosen)} paths to train on; at least {MIN_PATHS} are needed"],
            )
        self.scaling = self._scaling(chosen)
        self.data = self._scaled(self.scaling)
        network = self._copy()
        if self.options.train == "heads":
            self._train_heads(network, chosen, watched, watch)
        else:
            self._train_all(network, chosen, watched, stage, watch)
        return self._model(network.cpu(), chosen)

    def calibrated(
        self, model: NetworkPredictor, y: NDArray[np.float64], unseen: OutOfFold
    ) -> NetworkPredictor:
        """Set the intervals by the paths that were held out, where they are many enough."""
        if len(y) < CALIBRATES:
            return model
        return NetworkPredictor(model.card, model.network, calibrate(y, [unseen]), model.domain)

    def seconds(self, count: int) -> float:
        """Estimate how long one training on `count` own paths takes, by one step of it."""
        settings = self.settings
        batch = min(settings.batch_size, count)
        if self.options.train == "heads":
            return HEAD_EPOCHS * max(1, count // batch) * 2e-3
        network = self._copy()
        few = np.arange(batch) % len(self.data)
        once = replace(settings, epochs=2, batch_size=batch, validation=0.0)
        took: list[float] = []
        train_network(
            network, self.data, once, None, few, self.hardware,
            watch=lambda epoch: took.append(epoch.seconds),
        )  # fmt: skip
        started = time.perf_counter()
        predict_scaled(network, self.data, few)
        judging = time.perf_counter() - started  # the curve costs a prediction an epoch
        steps = max(1, round(count * (1 - settings.validation)) // batch)
        return settings.epochs * (steps * (took[1] - took[0]) + judging * count / batch / 4)

    def _copy(self) -> Network:
        begun = self.begun.network
        network = make_network(self.begun.card.training["architecture"], begun.size)
        network.load_state_dict({k: v.detach().clone() for k, v in begun.state_dict().items()})
        return network

    def _train_all(
        self,
        network: Network,
        chosen: NDArray[np.int64],
        watched: NDArray[np.int64],
        stage: str,
        watch: Callable[[Step], None],
    ) -> None:
        settings = self.settings

        def told(epoch: Epoch) -> None:
            if len(watched):
                errors = [self._error(network, part) for part in (chosen[:MOST_WATCHED], watched)]
                watch(Step(epoch.epoch, settings.epochs, *errors))

        place = self.folder / stage
        train_network(
            network, self.data, settings, place, chosen, self.hardware, self.progress, watch=told
        )

    def _error(self, network: Network, index: NDArray[np.int64]) -> float:
        """Mean absolute error in eV."""
        predicted = self.scaling.unscale(predict_scaled(network, self.data, index)[:, 0])
        return float(np.abs(predicted - self.barriers[index]).mean())

    def _train_heads(
        self,
        network: Network,
        chosen: NDArray[np.int64],
        watched: NDArray[np.int64],
        watch: Callable[[Step], None],
    ) -> None:
        """Train the layers behind the pooled vectors, which stay what they are."""
        settings = self.settings
        vectors = torch.from_numpy(pooled_vectors(network, self.data).astype(np.float32))
        targets = torch.from_numpy(self.data.targets)
        heads = [
            network.conv_to_fc,
            network.fc_out,
            *([network.fc_hp] if network.size.head_layers > 1 else []),
        ]
        parameters = [p for part in heads for p in part.parameters()]
        optimizer = torch.optim.AdamW(parameters, HEAD_LR, weight_decay=settings.weight_decay)
        for epoch in range(HEAD_EPOCHS):
            check_cancelled(self.progress)
            order = np.random.default_rng([settings.seed, epoch]).permutation(chosen)
            for batch in np.array_split(order, max(1, len(order) // settings.batch_size)):
                index = torch.from_numpy(batch)
                optimizer.zero_grad()
                (network.heads(vectors[index]) - targets[index]).abs().mean().backward()
                optimizer.step()
            self.progress.report(epoch + 1, HEAD_EPOCHS, "Training heads")
            if len(watched) and (epoch + 1) % 10 == 0:
                with torch.no_grad():
                    scaled = network.heads(vectors)[:, 0].double().numpy()
                values = self.scaling.unscale(scaled)
                errors = [
                    float(np.abs(values[i] - self.barriers[i]).mean()) for i in (chosen, watched)
                ]
                watch(Step(epoch + 1, HEAD_EPOCHS, *errors))

    def _model(self, network: Network, chosen: NDArray[np.int64]) -> NetworkPredictor:
        begun, own = self.begun, [self.records[int(i)] for i in chosen]
        before = begun.card.training
        kind = find_start(self.options).kind
        training: dict[str, Any] = {
            key: before[key] for key in ("architecture", "size", "graphs")
        } | {"scaling": asdict(self.scaling)}
        ions = {r.band.ion for r in own} | set(before.get("ions", ()))
        elements = {s for r in own for s in r.band.host.symbol_set} | set(
            before.get("elements", ())
        )
        training |= {
            "recipe": RECIPE,
            "settings": asdict(self.settings),
            "paths": len(own),
            "ions": sorted(ions),
            "elements": sorted(elements),
            "started_from": {
                "name": self.options.start,
                "data_sha256": before.get("data_sha256"),
                "files": dict(begun.card.files),
            },
        }
        if begun.calibration is None:
            training["margin_ev"] = round(LAPLACE_90 * self._error(network, chosen), 4)
        what = "only the heads" if self.options.train == "heads" else "all weights"
        summary = {
            Kind.TUNED: f"The network {self.options.start}, {what} trained on with own paths.",
            Kind.PRETRAINED: f"Network of the paper's {training['architecture']} kind, pre-trained on crystals, "
            f"{what} trained with own paths.",
            Kind.SCRATCH: f"Network of the paper's {training['architecture']} kind, from own paths alone.",
        }[kind]
        card = ModelCard(self.options.name, "1", summary, training, notes=[SUPERCELL_NOTE])
        return NetworkPredictor(card, network, begun.calibration, self._domain(network, chosen))

    def _domain(self, network: Network, chosen: NDArray[np.int64]) -> Domain:
        """Say what the network knows; vectors of the start's paths count as long as the trunk is the same."""
        vectors = pooled_vectors(network, self.data)[chosen]
        before = self.begun.domain
        if before is not None and self.options.train == "heads":
            vectors = np.vstack([before.known.astype(float) * before.scale + before.mean, vectors])
        return Domain.of(vectors)
