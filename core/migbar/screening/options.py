"""What a screening is asked for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from migbar import __version__
from migbar.elements import is_element
from migbar.ends import parse_mechanism
from migbar.errors import HopError, MigbarError
from migbar.models.store import (
    DEFAULT_MODEL,
    bundled_models_dir,
    folder_of,
    read_card,
    user_models_dir,
)
from migbar.paths import LONGEST_CUTOFF
from migbar.structures import SYMPREC


class ScreeningError(MigbarError):
    """Raised when a screening cannot start or go on; what it has done so far is safe."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one structure may take.

    Attributes
    ----------
    seconds : float
        Time; a process that works longer on one structure is killed and replaced.
    sites : int
        Sites in the cell as read.
    megabytes : float
        Size of the file.
    """

    seconds: float = 120.0
    sites: int = 500
    megabytes: float = 10.0


@dataclass(frozen=True, slots=True)
class ScreeningOptions:
    """What a screening is asked for.

    Attributes
    ----------
    out : Path, optional
        The results database; a temporary one where not given.
    ion : str, optional
        Element that moves; each structure's own, likeliest one where not given.
    mechanism, cutoff, symprec
        See `migbar.paths.find_hops`.
    order : bool
        Order partly occupied structures instead of failing them.
    model : str
        Name or folder of the model.
    limits : Limits
    retry_failed : bool
        Try files again that failed before and have not changed.
    max_files : int
        Most structure files that a folder may hold.
    workers : int, optional
        Local processes (one for each core where not given), or jobs of a `cluster` (at least one).
    scheduler : str, optional
        Address of a running Dask scheduler, ``tcp://host:8786``.
    cluster : str, optional
        Batch system to start Dask workers with: slurm, pbs, sge, lsf, oar, htcondor, moab.
    cluster_options : mapping
        For its dask-jobqueue class, for example ``{"queue": "long", "memory": "4GB"}``.
    """

    out: Path | None = None
    ion: str | None = None
    mechanism: str | None = None
    cutoff: float | None = None
    symprec: float = SYMPREC
    order: bool = False
    model: str = DEFAULT_MODEL
    limits: Limits = Limits()
    retry_failed: bool = False
    max_files: int = 1_000_000
    workers: int | None = None
    scheduler: str | None = None
    cluster: str | None = None
    cluster_options: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise a `ScreeningError` that lists everything that makes no sense."""
        problems = []
        if self.ion is not None and not is_element(self.ion):
            problems.append(f"'{self.ion}' is not a chemical element")
        if self.mechanism is not None:
            try:
                parse_mechanism(self.mechanism)
            except HopError as error:
                problems.append(str(error).rstrip("."))
        if self.cutoff is not None and not 0 < self.cutoff <= LONGEST_CUTOFF:
            problems.append(f"the cut-off must lie between 0 and {LONGEST_CUTOFF:g} Å")
        if not self.symprec > 0:
            problems.append("the symmetry tolerance must be above 0 Å")
        for name, value in asdict(self.limits).items():
            if not value > 0:
                problems.append(f"the limit of {name} must be above 0")
        if self.workers is not None and self.workers < 1:
            problems.append("there must be at least one worker")
        if self.scheduler and self.cluster:
            problems.append("give a scheduler or a cluster, not both")
        if problems:
            raise ScreeningError("; ".join(problems) + ".")

    @property
    def processes(self) -> int:
        """Number of local processes."""
        return self.workers or len(_usable_cores())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data, as `from_dict` takes it."""
        return {**asdict(self), "out": None if self.out is None else str(self.out)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ScreeningOptions:
        """Make options from plain JSON data; what is missing has its default.

        Raises
        ------
        ScreeningError
            If there is something that is no option.
        """
        unknown = sorted(set(data) - {f.name for f in fields(cls)})
        if unknown:
            raise ScreeningError(f"these are no options of a screening: {', '.join(unknown)}.")
        given = dict(data)
        if given.get("out") is not None:
            given["out"] = Path(given["out"])
        if "limits" in given:
            given["limits"] = Limits(**given["limits"])
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a result depends on besides the structure: what a worker gets, and a database keeps.

    Attributes
    ----------
    ion, mechanism, cutoff, symprec, order
        As in `ScreeningOptions`.
    model : str
        Name of the model in the store, or its folder where it lies elsewhere.
    model_name, model_version : str
        From its card.
    model_digest : str
        SHA-256 over its card's list of files, so that no other model of this name is taken for it.
    """

    ion: str | None
    mechanism: str | None
    cutoff: float | None
    symprec: float
    order: bool
    model: str
    model_name: str
    model_version: str
    model_digest: str

    @classmethod
    def of(cls, options: ScreeningOptions) -> Settings:
        """Return the settings that options ask for.

        Raises
        ------
        ModelError
            If there is no such model, or its card cannot be read.
        """
        folder = folder_of(options.model).resolve()
        card = read_card(folder)
        stores = {store.resolve() for store in (bundled_models_dir(), user_models_dir())}
        return cls(
            ion=options.ion,
            mechanism=options.mechanism,
            cutoff=options.cutoff,
            symprec=options.symprec,
            order=options.order,
            model=folder.name if folder.parent in stores else str(folder),
            model_name=card.name,
            model_version=card.version,
            model_digest=digest(card.files),
        )

    @property
    def digest(self) -> str:
        """A short name for exactly these settings in this MigBar; where the model lies does not count."""
        named = {k: v for k, v in asdict(self).items() if k != "model"}
        return digest(named | {"migbar_version": __version__})  # another one may find other hops


def digest(data: Any) -> str:
    """Return the SHA-256 of JSON data."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _usable_cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
