"""The paper's random forest and gradient boosting (RFR, GBR) on matminer's kind of features.

Source: Devi, Butler and Sai Gautam (2026), supporting information S3, Tables S2 and S3. Needs the extra
``migbar[classical]`` (matminer, for its tables of elemental properties and of compositions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.datasets import BandRecord, data_hash
from migbar.errors import MigbarError
from migbar.files import user_dir
from migbar.graphs import load_arrays, save_arrays
from migbar.progress import SILENT, Progress, reported
from migbar.training.tessellation import Facets, cell_statistics, tessellate

KINDS = ("RFR", "GBR")

CORRELATED = 0.95
"""Of two features that correlate more than this, the one that tells less of the barrier is dropped."""

TELLING = 0.10
"""Features that correlate less than this with the barrier are dropped."""

_TREES, _SEED = 150, 123  # Table S3
_FEATURES_VERSION = 1


class ClassicalError(MigbarError):
    """Raised when matminer is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "RFR and GBR need matminer's tables of elements; install migbar[classical]."
        )


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of paths.

    Attributes
    ----------
    names : tuple of str
        Those of Table S2 where a feature is among them.
    values : ndarray, shape (n_paths, n_features)
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]


def describe(band: Band) -> dict[str, float]:
    """Features of a path: composition and sites of the initial configuration, and how the ion moves."""
    initial = band.image(0)
    facets = tessellate(initial)
    magpie, properties = _magpie()
    symbols = [site.specie for site in initial]
    tables = {
        name: np.array([magpie.get_elemental_property(s, name) for s in symbols], float)
        for name in properties
    }
    found = dict(_composition_features(initial.composition))
    found |= cell_statistics(initial, facets, tables)
    return found | _path_features(band, facets)


def _path_features(band: Band, facets: Facets) -> dict[str, float]:
    """Return the nine features made by hand; the ion is the first atom."""
    last = tessellate(band.image(-1))
    ion, arrived = facets.atom == 0, last.atom == 0
    return {
        "ini_cn": float(facets.area[ion].sum() ** 2 / (facets.area[ion] ** 2).sum()),
        "avg_ini_solid_angle": float(facets.solid_angle[ion].mean()),
        "avg_ini_facet_area": float(facets.area[ion].mean()),
        "avg_ini_facet_distance": float(facets.distance[ion].mean() / 2),
        "n_verts_ini": float(facets.vertices[ion].mean()),
        "ini_volume": float(facets.volume[ion].sum()),
        "avg_ini_bond_length": float(np.average(facets.distance[ion], weights=facets.area[ion])),
        "avg_fin_bond_length": float(
            np.average(last.distance[arrived], weights=last.area[arrived])
        ),
        "path_distance": band.length,
    }


@cache
def _magpie() -> tuple[Any, tuple[str, ...]]:
    """Matminer's table of elements, and the properties whose local differences count."""
    try:
        from matminer.featurizers.site.chemical import LocalPropertyDifference
    except ImportError:
        raise ClassicalError from None
    preset = LocalPropertyDifference.from_preset("ward-prb-2017")
    return preset.data_source, tuple(preset.properties)


@cache
def _composition_featurizers() -> tuple[Any, ...]:
    from matminer.featurizers.composition import (
        ElementProperty,
        IonProperty,
        Stoichiometry,
        ValenceOrbital,
    )

    return (
        Stoichiometry(),
        ElementProperty.from_preset("magpie", impute_nan=True),
        ValenceOrbital(props=["frac"]),
        IonProperty(fast=True),
    )


@cache
def _composition_features(composition: Any) -> tuple[tuple[str, float], ...]:
    found = []
    for featurizer in _composition_featurizers():
        labels = featurizer.feature_labels()
        values = featurizer.featurize(composition)
        found += [(label, float(v)) for label, v in zip(labels, values, strict=True)]
    return tuple(found)


def feature_table(
    records: Sequence[BandRecord], folder: Path | None = None, progress: Progress = SILENT
) -> FeatureTable:
    """Describe paths, or read what was said of them before.

    Parameters
    ----------
    records : sequence of BandRecord
    folder : path, optional
        Of the stored tables; one among the user's own things where not given.
    progress : Progress

    Raises
    ------
    ClassicalError
        If matminer is not installed.
    """
    folder = folder or user_dir() / "features"
    path = folder / f"features-{_FEATURES_VERSION}-{data_hash(records)[:16]}.npz"
    order = np.argsort([r.sys_name for r in records], kind="stable")
    if path.exists():
        stored = load_arrays(path)
        values = np.empty_like(stored["values"])
        values[order] = stored["values"]
        return FeatureTable(tuple(stored["names"].tolist()), values)
    shown = reported(records, progress, "Describing paths for RFR and GBR")
    rows = [describe(record.band) for record in shown]
    names = tuple(rows[0])
    values = np.array([list(row.values()) for row in rows])
    folder.mkdir(parents=True, exist_ok=True)
    save_arrays({"names": np.array(names), "values": values[order]}, path)
    return FeatureTable(names, values)


@dataclass(frozen=True, slots=True)
class ClassicalModel:
    """A fitted RFR or GBR.

    Attributes
    ----------
    kept : ndarray of int
        Features that were not filtered out.
    regressor : object
        Of scikit-learn.
    """

    kept: NDArray[np.int64]
    regressor: Any

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Barriers in eV."""
        return np.asarray(self.regressor.predict(x[:, self.kept]))


def fit_classical(kind: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> ClassicalModel:
    """Filter the features on the training paths and fit ``RFR`` or ``GBR`` (Table S3)."""
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor

    kept = telling_features(x, y)
    makers = {"RFR": RandomForestRegressor, "GBR": GradientBoostingRegressor}
    regressor = makers[kind](n_estimators=_TREES, random_state=_SEED)
    return ClassicalModel(kept, regressor.fit(x[:, kept], y))


def telling_features(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose features by Pearson's correlation, with the barrier and with each other (S3).

    Where none tells anything of the barrier (all are alike), all are kept.
    """
    varied = np.flatnonzero(np.isfinite(x).all(axis=0) & (x.std(axis=0) > 1e-9))
    with np.errstate(divide="ignore", invalid="ignore"):
        table = np.abs(np.corrcoef(np.column_stack([x[:, varied], y]), rowvar=False))
    with_barrier, between = table[-1, :-1], table[:-1, :-1]
    kept: list[int] = []
    for k in np.argsort(-with_barrier, kind="stable"):
        if with_barrier[k] >= TELLING and not (between[k, kept] > CORRELATED).any():
            kept.append(int(k))
    return varied[sorted(kept)] if kept else varied
