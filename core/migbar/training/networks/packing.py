"""Graphs and targets in one file, ready for an accelerator; and network weights in another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from migbar.errors import MigbarError
from migbar.files import DAMAGED
from migbar.graphs import GraphSettings, PackedGraphs, load_arrays, save_arrays
from migbar.models.networks.architectures import Network, NetworkSize, make_network
from migbar.models.networks.scaling import TargetScaling

_INFO = "info"


class TrainingFileError(MigbarError):
    """Raised when packed data, weights or a checkpoint cannot be read or do not fit."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{Path(path).name}: {reason}")


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a network is trained on.

    Attributes
    ----------
    graphs : dict of PackedGraphs
        By what they show: ``band``, ``initial``, ``final``, ``sub``.
    targets : ndarray of float32, shape (n, outputs)
        Scaled; NaN where unknown.
    info : dict
        Where the data come from: graph settings, hash, names, scaling.
    """

    graphs: dict[str, PackedGraphs]
    targets: NDArray[np.float32]
    info: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def scaling(self) -> TargetScaling:
        """How the barriers are scaled."""
        return TargetScaling(**self.info["scaling"])

    def scaled_by(self, chosen: NDArray[np.int64]) -> TrainingData:
        """Return the same barriers scaled by the statistics of some: a held-out fold has no part in its own scale."""
        barriers = self.scaling.unscale(self.targets[:, 0].astype(float))
        scaling = TargetScaling.of(barriers[chosen], self.scaling.power)
        targets = scaling.scale(barriers)[:, None].astype(np.float32)
        return replace(self, targets=targets, info=self.info | {"scaling": asdict(scaling)})

    def save(self, path: str | Path) -> None:
        """Write the data to an ``.npz`` file, atomically."""
        arrays: dict[str, NDArray[Any]] = {"targets": self.targets, _INFO: _text(self.info)}
        for name, packed in self.graphs.items():
            arrays |= packed.arrays(f"graphs.{name}.")
        save_arrays(arrays, path)

    @classmethod
    def load(cls, path: str | Path) -> TrainingData:
        """Read what `save` wrote.

        Raises
        ------
        TrainingFileError
        """
        arrays = _load(path)
        try:
            names = {key.split(".")[1] for key in arrays if key.startswith("graphs.")}
            graphs = {
                n: PackedGraphs.from_arrays(
                    {k: v for k, v in arrays.items() if k.startswith(f"graphs.{n}.")},
                    f"graphs.{n}.",
                )
                for n in sorted(names)
            }
            return cls(graphs, arrays["targets"], json.loads(str(arrays[_INFO])))
        except (KeyError, ValueError) as error:
            raise TrainingFileError(path, f"is no packed training data ({error}).") from None


@dataclass(frozen=True, slots=True)
class SavedNetwork:
    """A network with its weights, and how it came about.

    Attributes
    ----------
    architecture : str
    size : NetworkSize
    graphs : GraphSettings
    weights : dict of ndarray
        The state dict, in single or half precision.
    info : dict
        Preset, epochs, seed, data hash, wall time, losses.
    """

    architecture: str
    size: NetworkSize
    graphs: GraphSettings
    weights: dict[str, NDArray[Any]]
    info: dict[str, Any] = field(default_factory=dict)

    def network(self) -> Network:
        """Make the network, with its weights, in evaluation mode."""
        network = make_network(self.architecture, self.size)
        network.load_state_dict({k: torch.from_numpy(v) for k, v in self.weights.items()})
        return network.eval()

    def save(self, path: str | Path) -> None:
        """Write the network to an ``.npz`` file, atomically."""
        info = {
            "architecture": self.architecture,
            "size": asdict(self.size),
            "graphs": asdict(self.graphs),
            "info": self.info,
        }
        save_arrays(
            {**{f"weights.{k}": v for k, v in self.weights.items()}, _INFO: _text(info)}, path
        )

    @classmethod
    def load(cls, path: str | Path) -> SavedNetwork:
        """Read what `save` wrote.

        Raises
        ------
        TrainingFileError
        """
        arrays = _load(path)
        try:
            info = json.loads(str(arrays.pop(_INFO)))
            return cls(
                info["architecture"],
                NetworkSize(**info["size"]),
                GraphSettings(**info["graphs"]),
                {k.removeprefix("weights."): v for k, v in arrays.items()},
                info["info"],
            )
        except (KeyError, ValueError, TypeError) as error:
            raise TrainingFileError(path, f"is no saved network ({error}).") from None


def state_arrays(network: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """Return a network's state dict as arrays on the CPU."""
    return {k: v.detach().cpu().numpy().copy() for k, v in network.state_dict().items()}


def halved(weights: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return weights in half precision."""
    return {k: v.astype(np.float16) if v.dtype == np.float32 else v for k, v in weights.items()}


def _text(info: dict[str, Any]) -> NDArray[Any]:
    return np.array(json.dumps(info))


def _load(path: str | Path) -> dict[str, NDArray[Any]]:
    try:
        return load_arrays(path)
    except FileNotFoundError:
        raise TrainingFileError(path, "there is no such file.") from None
    except DAMAGED as error:
        raise TrainingFileError(path, f"cannot be read ({error}).") from None
