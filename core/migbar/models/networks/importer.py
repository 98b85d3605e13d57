"""Import of published checkpoints: ``.pt`` or ``.pt.bz2`` files with a state dict inside.

Such a file is a pickle, so it is read with PyTorch's restricted reader, which makes tensors and plain containers
and runs nothing. Every key and shape is checked before anything is stored.
"""

from __future__ import annotations

import bz2
import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from migbar.barriers import ModelCard
from migbar.errors import MigbarError, words_of
from migbar.graphs import GraphSettings
from migbar.models.networks.architectures import Network, NetworkSize, make_network
from migbar.models.networks.predictor import RECIPE, NetworkPredictor
from migbar.models.networks.published import LAPLACE_90, NETWORKS
from migbar.models.networks.scaling import PUBLISHED

MAX_BYTES = 1_000_000_000
"""Nothing larger is unpacked; a published checkpoint with its optimizer takes 50 MB."""

_SHOWN = 4


class CheckpointError(MigbarError):
    """Raised when a checkpoint cannot be read or does not fit the network it is said to be."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason} Nothing was imported.")


def import_checkpoint(
    path: str | Path, published_as: str, name: str | None = None, canonize: bool = False
) -> NetworkPredictor:
    """Make a model of a published checkpoint.

    Parameters
    ----------
    path : path
        ``.pt`` or ``.pt.bz2``.
    published_as : str
        The paper's name of the model, for example ``MODEL-3``.
    name : str, optional
        The model's name here; the paper's where not given.
    canonize : bool
        How its graphs are built; the published fine-tuning left this off.

    Raises
    ------
    CheckpointError
        If the file is damaged, foreign, holds more than tensors, or does not fit.
    """
    path = Path(path)
    if published_as not in NETWORKS:
        raise CheckpointError(
            path.name,
            f"'{published_as}' is no network of the paper; choose of {', '.join(NETWORKS)}.",
        )
    data = _read(path)
    state = _state(path.name, _unpacked(path.name, data))
    model = NETWORKS[published_as]
    network = make_network(str(model.architecture), NetworkSize())
    problems = _misfits(network, state)
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise CheckpointError(
            path.name, f"does not fit {published_as}: {'; '.join(problems[:_SHOWN])}{more}."
        )
    network.load_state_dict({k: v.to(network.state_dict()[k].dtype) for k, v in state.items()})
    card = ModelCard(
        name=name or published_as,
        version="imported",
        summary=f"{published_as} of the paper, from the published checkpoint {path.name}.",
        training={
            "recipe": RECIPE,
            "architecture": model.architecture,
            "published_as": published_as,
            "size": asdict(network.size),
            "graphs": asdict(GraphSettings(canonize=canonize)),
            "scaling": asdict(PUBLISHED),
            "margin_ev": round(LAPLACE_90 * model.test_mae_ev, 3),
            "checkpoint_sha256": hashlib.sha256(data).hexdigest(),
        },
        scores={
            "published_test": {
                "n": 60,
                "mae_ev": model.test_mae_ev,
                "mae_se_ev": model.test_mae_se_ev,
                "r2": model.test_r2,
                "r2_se": model.test_r2_se,
            }
        },
        notes=[
            "Scores are those of the paper (Table S5); they were not measured here.",
            "Intervals are 2.3 published mean errors wide on either side, not calibrated.",
            "The network averages over all atoms of the cell, so its barriers depend on the supercell; how much "
            "was not measured: compare with a supercell of another size.",
        ],
    )
    return NetworkPredictor(card, network)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(path.name, "is too large for a checkpoint of these networks.")
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(path.name, "there is no such file.") from None
    except OSError as error:
        raise CheckpointError(path.name, f"cannot be read ({words_of(error)}).") from None


def _unpacked(name: str, data: bytes) -> bytes:
    if not data.startswith(b"BZh"):
        return data
    unpacker = bz2.BZ2Decompressor()
    try:
        unpacked = unpacker.decompress(data, MAX_BYTES)
    except (OSError, EOFError, ValueError) as error:
        raise CheckpointError(name, f"its compression is damaged ({error}).") from None
    if not unpacker.eof:
        reason = "is too large" if len(unpacked) >= MAX_BYTES else "is cut off; download it again"
        raise CheckpointError(name, f"{reason}.")
    return unpacked


def _state(name: str, data: bytes) -> dict[str, Tensor]:
    """Return the state dict inside a checkpoint."""
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch and zipfile raise many kinds for what is no checkpoint
        unsafe = "Unsupported" in str(error) or "Weights only" in str(error)
        reason = (
            "holds more than tensors and was not opened, as it could run code"
            if unsafe
            else "is damaged, cut off, or no PyTorch checkpoint"
        )
        raise CheckpointError(name, f"{reason} ({type(error).__name__}).") from None
    state: Any = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(name, "holds no state dict of a network.")
    state = {str(key).removeprefix("module."): value for key, value in state.items()}
    if not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(name, "holds no state dict of a network.")
    return state


def _misfits(network: Network, state: Mapping[str, Tensor]) -> list[str]:
    """Say what of a state dict does not fit a network."""
    wanted = network.state_dict()
    problems = [f"{key} is missing" for key in wanted if key not in state]
    problems += [f"{key} is not part of it" for key in state if key not in wanted]
    for key in wanted.keys() & state.keys():
        if wanted[key].shape != state[key].shape:
            shapes = (tuple(state[key].shape), tuple(wanted[key].shape))
            problems.append(f"{key} has shape {shapes[0]} instead of {shapes[1]}")
        elif not torch.isfinite(state[key].double()).all():
            problems.append(f"{key} holds values that are not finite")
    return problems
