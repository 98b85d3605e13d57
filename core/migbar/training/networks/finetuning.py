"""Fine-tuning of MODEL-1 to MODEL-4 on barriers: from the MPT network, or from scratch."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.barriers import ModelCard
from migbar.datasets import BandRecord, data_hash
from migbar.errors import BandsFileError
from migbar.evaluation import grouped_folds, held_out
from migbar.graphs import GraphSettings, pack
from migbar.models.nearness import Domain
from migbar.models.networks.architectures import Network
from migbar.models.networks.predictor import RECIPE, NetworkPredictor, band_graphs
from migbar.models.networks.published import LAPLACE_90
from migbar.models.networks.scaling import TargetScaling
from migbar.progress import SILENT, Progress, reported
from migbar.training.cells import doubled_cell, equivalent_cell
from migbar.training.machine import processor, versions
from migbar.training.networks.loop import (
    ONE_DEVICE,
    Epoch,
    Hardware,
    pooled_vectors,
    predict_scaled,
    train_network,
)
from migbar.training.networks.packing import TrainingData
from migbar.training.networks.presets import PRESETS
from migbar.training.networks.recipes import Recipe
from migbar.training.unseen import OutOfFold, calibrate, mean_of_scores, mean_scores

VERSION = "1"
MIN_PATHS = 8
SUPERCELL_NOTE = (
    "The network averages over atoms, so its barriers depend on the size of the supercell."
)

CELL_PATHS = 16
"""So many training paths are predicted in a cell twice as long, to say how much that is."""


def pack_bands(
    records: Sequence[BandRecord],
    inputs: Sequence[str],
    settings: GraphSettings,
    power: float = 1.0,
    progress: Progress = SILENT,
) -> TrainingData:
    """Build the graphs of bands with known barriers.

    Parameters
    ----------
    records : sequence of BandRecord
        All with a known barrier.
    inputs : sequence of str
        What the network takes (`Network.inputs`).
    settings : GraphSettings
    power : float
        The barrier to this power is learnt.
    progress : Progress
    """
    shown = []
    for record in reported(records, progress, "Building graphs"):
        shown.append(band_graphs(record.band, inputs, settings))
    barriers = np.array([record.target_ev for record in records], float)
    scaling = TargetScaling.of(barriers, power)
    info = {
        "names": [record.sys_name for record in records],
        "graphs": asdict(settings),
        "scaling": asdict(scaling),
        "data_sha256": data_hash(records),
        "ions": sorted({r.band.ion for r in records}),
        "elements": sorted({s for r in records for s in r.band.host.symbol_set}),
    }
    columns = zip(*shown, strict=True)
    graphs = {name: pack(column) for name, column in zip(inputs, columns, strict=True)}
    return TrainingData(graphs, scaling.scale(barriers)[:, None].astype(np.float32), info)


def pack_everything(
    records: Sequence[BandRecord],
    settings: GraphSettings,
    folds: int,
    seed: int,
    progress: Progress = SILENT,
) -> TrainingData:
    """Build all graphs that any network takes, for training on a machine without structures.

    Beside what `pack_bands` notes of the data there are the grouped folds, the groups' numbers, and which paths
    are left where there is one for each structure.
    """
    whole = pack_bands(records, ("band", "sub"), settings, progress=progress)
    ends = pack_bands(records, ("initial", "final"), settings, progress=progress)
    groups = [record.group for record in records]
    single = {record.sys_name for record in single_paths(records)}
    info = {
        **whole.info,
        "folds": grouped_folds(groups, folds, seed).tolist(),
        "groups": [sorted(set(groups)).index(group) for group in groups],
        "single": [k for k, record in enumerate(records) if record.sys_name in single],
    }
    return replace(whole, graphs={**whole.graphs, **ends.graphs}, info=info)


def single_paths(records: Sequence[BandRecord]) -> list[BandRecord]:
    """Keep one path of each structure, as MODEL-1-CC-SINGLE-PATH does: the first in order of names."""
    kept: dict[Any, BandRecord] = {}
    for record in sorted(records, key=lambda r: r.sys_name):
        kept.setdefault(record.structure, record)
    return list(kept.values())


def train_model(
    name: str,
    recipe: Recipe,
    records: Sequence[BandRecord],
    folder: Path,
    folds: int = 0,
    hardware: Hardware = ONE_DEVICE,
    progress: Progress = SILENT,
    stop_after: float | None = None,
) -> NetworkPredictor:
    """Train a model on bands with known barriers, cross-validated first where asked for.

    Parameters
    ----------
    name : str
    recipe : Recipe
    records : sequence of BandRecord
        Those without a known barrier are left out.
    folder : path
        For checkpoints and metrics; the same call goes on from them.
    folds : int
        Of the grouped cross-validation; 0 for none.
    hardware : Hardware
    progress : Progress
    stop_after : float, optional
        Seconds for the training on all paths, see `train_network`.

    Raises
    ------
    BandsFileError
        If there are too few paths with a barrier.
    """
    known = [record for record in records if record.target_ev is not None]
    if recipe.single_path:
        known = single_paths(known)
    groups = [record.group for record in known]
    if len(known) < MIN_PATHS or len(set(groups)) < max(folds, 1):
        raise BandsFileError(
            "training data",
            [
                f"{len(known)} paths with a barrier in {len(set(groups))} groups; at least {MIN_PATHS} "
                f"paths and one group for each fold are needed"
            ],
        )
    preset = PRESETS[recipe.preset]
    network = recipe.fresh()
    data = pack_bands(known, network.inputs, preset.graphs, preset.power, progress)
    unseen = None
    if folds:
        fold = grouped_folds(groups, folds, recipe.settings.seed)
        unseen = cross_validate(recipe, data, fold, folder, hardware, progress)
    place = folder / "all"
    curve = train_network(
        network, data, recipe.settings, place, None, hardware, progress, stop_after
    )
    reading = Reading.of(network, data)
    model = make_predictor(name, network, recipe, data, curve, groups, reading, unseen)
    chosen = np.random.default_rng(recipe.settings.seed).permutation(len(known))[:CELL_PATHS]
    return with_cell_changes(model, [known[i].band for i in chosen], progress)


def cross_validate(
    recipe: Recipe,
    data: TrainingData,
    fold: NDArray[np.int64],
    folder: Path | None = None,
    hardware: Hardware = ONE_DEVICE,
    progress: Progress = SILENT,
) -> OutOfFold:
    """Train on all folds but one and predict that one, in turn; each fold can be resumed on its own."""
    barriers = np.empty(len(data))
    for k, held in enumerate(held_out(fold)):
        network = recipe.fresh()
        place = None if folder is None else folder / f"fold-{k}"
        chosen, test = np.flatnonzero(~held), np.flatnonzero(held)
        known = data.scaled_by(chosen)
        train_network(network, known, recipe.settings, place, chosen, hardware, progress)
        barriers[test] = known.scaling.unscale(predict_scaled(network, known, test)[:, 0])
    return OutOfFold(barriers, np.zeros(len(data)), fold)


def with_cell_changes(
    model: NetworkPredictor, bands: Sequence[Band], progress: Progress = SILENT
) -> NetworkPredictor:
    """Say on a model's card how far its barriers move in other cells of the same crystal.

    Parameters
    ----------
    model : NetworkPredictor
    bands : sequence of Band
        Paths to measure it on.
    progress : Progress
    """
    plain = _barriers(model, bands, progress)
    changes = {}
    for name, cell in (
        ("equivalent", equivalent_cell),
        ("doubled", partial(doubled_cell, copy="perfect")),
    ):
        moved = np.abs(_barriers(model, [cell(band) for band in bands], progress) - plain) * 1000
        changes[name] = {
            "p95_mev": round(float(np.quantile(moved, 0.95)), 1),
            "max_mev": round(float(moved.max()), 1),
        }
    doubled = changes["doubled"]
    note = (
        f"{SUPERCELL_NOTE} In cells twice as long 95 % of {len(bands)} training paths moved by at most "
        f"{doubled['p95_mev']:.0f} meV, the farthest by {doubled['max_mev']:.0f} meV."
    )
    scores = {**model.card.scores, "cells": {"paths": len(bands), **changes}}
    card = replace(model.card, scores=scores, notes=[*model.card.notes, note])
    return NetworkPredictor(card, model.network, model.calibration, model.domain)


def _barriers(
    model: NetworkPredictor, bands: Sequence[Band], progress: Progress
) -> NDArray[np.float64]:
    return np.array([b.barrier_ev for b in model.predict(bands, progress)])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a network says of its training data.

    Attributes
    ----------
    scaled : ndarray, shape (n,)
        Its output.
    pooled : ndarray, shape (n, hidden)
        The vectors that its head reads.
    """

    scaled: NDArray[np.float32]
    pooled: NDArray[np.float64]

    @classmethod
    def of(cls, network: Network, data: TrainingData) -> Reading:
        """Ask a network."""
        return cls(predict_scaled(network, data)[:, 0], pooled_vectors(network, data))

    def margin_ev(self, data: TrainingData) -> float:
        """Half-width of a 90 % interval from the training error: too narrow, but there is nothing better."""
        error = _unscaled(data, self.scaled) - _unscaled(data, data.targets[:, 0])
        return round(LAPLACE_90 * float(np.abs(error).mean()), 4)


def _unscaled(data: TrainingData, scaled: NDArray[np.float32]) -> NDArray[np.float64]:
    return data.scaling.unscale(scaled.astype(float))


def make_predictor(
    name: str,
    network: Network,
    recipe: Recipe,
    data: TrainingData,
    curve: Sequence[Epoch],
    groups: Sequence[Hashable],
    reading: Reading,
    unseen: OutOfFold | None = None,
    notes: Sequence[str] = (),
) -> NetworkPredictor:
    """Make a model of a trained network: its card, intervals, and what it knows.

    Parameters
    ----------
    name : str
    network : Network
    recipe : Recipe
    data : TrainingData
        What `pack_bands` gave.
    curve : sequence of Epoch
    groups : sequence
        Group of each path.
    reading : Reading
        What the network says of the data.
    unseen : OutOfFold, optional
        Calibrates the intervals and gives the scores; without it their width comes from the training error.
    notes : sequence of str
        Limits a user should know.
    """
    barriers = _unscaled(data, data.targets[:, 0])
    remembered = mean_of_scores(barriers, [_unscaled(data, reading.scaled)])
    scores: dict[str, Any] = {"training": {"n": len(data), **remembered}}
    calibration = None
    if unseen is not None:
        calibration = calibrate(barriers, [unseen])
        scores["grouped"] = mean_scores(barriers, [unseen])
    network = network.cpu()
    card = ModelCard(
        name=name,
        version=VERSION,
        summary=_summary(recipe, network, data.info["graphs"]),
        training={
            "recipe": RECIPE,
            "architecture": recipe.architecture,
            "preset": recipe.preset,
            "size": asdict(network.size),
            "graphs": data.info["graphs"],
            "scaling": data.info["scaling"],
            "settings": asdict(recipe.settings),
            "pretraining": None
            if recipe.pretrained is None
            else {k: v for k, v in recipe.pretrained.info.items() if k != "losses"},
            "data_sha256": data.info["data_sha256"],
            "paths": len(data),
            "groups": len(set(groups)),
            "ions": data.info["ions"],
            "elements": data.info["elements"],
            "seed": recipe.settings.seed,
            "wall_time_s": round(curve[-1].seconds, 1) if curve else 0.0,
            "hardware": processor(),
            "versions": versions("torch", "numpy", "pymatgen"),
            **({} if unseen else {"margin_ev": reading.margin_ev(data)}),
        },
        scores=scores,
        notes=list(notes),
    )
    return NetworkPredictor(card, network, calibration, Domain.of(reading.pooled))


def _summary(recipe: Recipe, network: Network, graphs: Mapping[str, Any]) -> str:
    start = (
        "from scratch" if recipe.pretrained is None else "from a network of seven bulk properties"
    )
    size = "full size" if recipe.preset == "paper" else "narrow and shallow"
    # The two ends are shown as whole cells in any case.
    near = graphs["surroundings"] is not None and "band" in network.inputs
    seen = ", the path's surroundings only" if near else ""
    return (
        f"Graph network of the paper's {recipe.architecture} kind ({size}{seen}), trained {start}."
    )
