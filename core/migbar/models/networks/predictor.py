"""A trained network as a predictor of barriers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.barriers import Barrier, ModelCard, Remark
from migbar.errors import ModelError
from migbar.graphs import CrystalGraph, GraphSettings, band_graph, end_graphs, path_sub_graph
from migbar.models.domain import unseen
from migbar.models.intervals import INTERVAL_LEVEL, Calibration
from migbar.models.nearness import Domain
from migbar.models.networks.architectures import ARCHITECTURES, Network, NetworkSize, make_network
from migbar.models.networks.batch import batch_graphs
from migbar.models.networks.scaling import TargetScaling
from migbar.progress import SILENT, Progress, check_cancelled

RECIPE = "network"

_BATCH = 8
_PREFIX = "network."


class NetworkPredictor:
    """Predicts barriers with MODEL-1 to MODEL-4.

    Parameters
    ----------
    card : ModelCard
        Its ``training`` holds ``architecture``, ``size``, ``graphs``, ``scaling``, and ``margin_ev`` where there
        is no calibration.
    network : Network
    calibration : Calibration, optional
        From residuals out of fold.
    domain : Domain, optional
        Pooled vectors of the training paths.
    backend : str
        ``torch``, or ``alignn`` for the reference's own layers and graphs.
    """

    def __init__(
        self,
        card: ModelCard,
        network: Network,
        calibration: Calibration | None = None,
        domain: Domain | None = None,
        backend: str = "torch",
    ) -> None:
        self.card = card
        self.network = network.eval()
        self.calibration = calibration
        self.domain = domain
        self.graphs = GraphSettings(**card.training["graphs"])
        self.scaling = TargetScaling(**card.training["scaling"])
        self._twin = None
        if backend == "alignn":
            from migbar.models.networks.reference import reference_network

            if self.graphs != GraphSettings(canonize=self.graphs.canonize):
                raise ModelError(
                    f"the model '{card.name}' sees graphs that ALIGNN does not build; use the default back end."
                )
            self._twin = reference_network(network)

    @classmethod
    def from_weights(cls, card: ModelCard, weights: dict[str, NDArray[Any]]) -> NetworkPredictor:
        """Make the model again from what `weights` gave."""
        training = card.training
        if training.get("architecture") not in ARCHITECTURES[1:]:
            raise ValueError(f"its architecture '{training.get('architecture')}' is not known")
        network = make_network(training["architecture"], NetworkSize(**training["size"]))
        state = {
            key.removeprefix(_PREFIX): torch.from_numpy(
                value.astype(np.float32) if value.dtype == np.float16 else value
            )
            for key, value in weights.items()
            if key.startswith(_PREFIX)
        }
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"its weights do not fit its architecture ({error})") from None
        calibration = domain = None
        if "calibration" in weights:
            calibration = Calibration.of(weights["calibration"])
        if "domain.known" in weights:
            domain = Domain.from_weights(weights)
        return cls(card, network, calibration, domain)

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return all arrays of the model by name; in half precision if the card says so."""
        half = bool(self.card.training.get("half_precision"))

        def stored(array: NDArray[Any]) -> NDArray[Any]:
            return array.astype(np.float16) if half and array.dtype == np.float32 else array

        arrays = {
            _PREFIX + key: stored(value.detach().cpu().numpy())
            for key, value in self.network.state_dict().items()
        }
        if self.calibration is not None:
            arrays["calibration"] = self.calibration.array
        if self.domain is not None:
            arrays |= self.domain.weights()
        return arrays

    def on_backend(self, backend: str) -> NetworkPredictor:
        """Return the same model on another back end, ``torch`` or ``alignn``.

        Raises
        ------
        ModelError
            If ALIGNN does not build the graphs that the model sees.
        BackendError
            If ALIGNN or DGL is not installed.
        """
        return NetworkPredictor(self.card, self.network, self.calibration, self.domain, backend)

    def predict(self, bands: Sequence[Band], progress: Progress = SILENT) -> list[Barrier]:
        """Predict the barrier of each band, in the order given."""
        barriers: list[Barrier] = []
        for first in range(0, len(bands), _BATCH):
            check_cancelled(progress)
            progress.report(first, len(bands), "Predicting barriers")
            barriers += self._predict(bands[first : first + _BATCH])
        progress.report(len(bands), len(bands), "Predicting barriers")
        return barriers

    def _predict(self, bands: Sequence[Band]) -> list[Barrier]:
        with torch.no_grad():
            vectors = self._pooled(bands)
            scaled = self.network.heads(vectors)[:, 0].double().numpy()
        values = self.scaling.unscale(scaled)
        lows, highs = self._intervals(values)
        x = vectors.double().numpy()
        return [
            self.card.barrier(
                values[k], (lows[k], highs[k]), INTERVAL_LEVEL, self._remarks(band, x[k : k + 1])
            )
            for k, band in enumerate(bands)
        ]

    def _pooled(self, bands: Sequence[Band]) -> torch.Tensor:
        if self._twin is not None:
            return self._twin.pooled(*_reference_inputs(self._twin, bands, self.graphs))
        shown = [band_graphs(band, self.network.inputs, self.graphs) for band in bands]
        return self.network.pooled(*(batch_graphs(column) for column in zip(*shown, strict=True)))

    def _intervals(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.calibration is not None:
            return self.calibration.interval(values, np.zeros_like(values))
        margin = float(self.card.training["margin_ev"])
        return np.maximum(values - margin, 0.0), values + margin

    def _remarks(self, band: Band, x: NDArray[np.float64]) -> list[Remark]:
        remarks = []
        if self.calibration is None:
            remarks.append(
                Remark(
                    "uncalibrated_interval",
                    "The interval comes from a mean error on the model's card, not from a calibration; "
                    "it may be too narrow.",
                )
            )
        if "band" not in self.network.inputs:
            remarks.append(
                Remark(
                    "ends_only",
                    f"{self.card.name} sees the two ends of a hop and nothing of the way between them: hops between "
                    "like ends get the same barrier.",
                )
            )
        remarks += [concern.remark for concern in unseen(band, self.card.training)]
        return remarks if self.domain is None else remarks + self.domain.remarks(x)


def band_graphs(
    band: Band, inputs: Sequence[str], settings: GraphSettings
) -> tuple[CrystalGraph, ...]:
    """Build the graphs of a band that a network takes (see `Network.inputs`)."""
    if tuple(inputs) == ("initial", "final"):
        return end_graphs(band, settings)
    whole = band_graph(band, settings)
    return (whole, path_sub_graph(band)) if "sub" in inputs else (whole,)


def _reference_inputs(
    network: Network, bands: Sequence[Band], settings: GraphSettings
) -> list[Any]:
    from migbar.models.networks.reference import (
        batch_reference,
        reference_graph,
        reference_sub_graph,
    )

    def graph(band: Band, name: str) -> Any:
        if name == "sub":
            return reference_sub_graph(band)
        structure = (
            band.five_position_structure()
            if name == "band"
            else band.image(0 if name == "initial" else -1)
        )
        return reference_graph(structure, settings.canonize)

    return [batch_reference([graph(band, name) for band in bands]) for name in network.inputs]
