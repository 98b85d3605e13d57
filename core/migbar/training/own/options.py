"""What a training on own data is asked for; the same options as a TOML file reproduce it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from migbar.datasets.splits import Scheme, SplitOptions
from migbar.errors import MigbarError
from migbar.files import write_text
from migbar.models.store import is_name


class Preset(StrEnum):
    """How much time goes into a training."""

    QUICK = "quick"
    PAPER = "paper"
    THOROUGH = "thorough"


PRESETS = {
    Preset.QUICK: "Quick: a first look in minutes.",
    Preset.PAPER: "Paper: the settings that the published and bundled models were made with.",
    Preset.THOROUGH: "Thorough: more trees or epochs; for the model that you keep.",
}

SCRATCH = "scratch"


class OptionsError(MigbarError):
    """Raised when training options make no sense; lists every problem found."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What a training on own data is asked for.

    Attributes
    ----------
    name : str
        Of the model in the store.
    data : str
        Dataset (``.parquet``, see `migbar data import`).
    start : str
        What to start from. ``migbar-fast``: the default predictor, grown anew on its own training paths and
        the new ones. A network of the store (``MODEL-3-compact``) or a pre-trained one (``MPT-compact``,
        a ``network.npz``): its weights are fine-tuned. ``scratch``: nothing.
    recipe : str
        What to make from scratch: ``migbar-fast``, ``band-forest``, or ``MODEL-1-CC`` … ``MODEL-4``; also the
        kind of network to make of a pre-trained one. Given by `start` elsewhere; empty then.
    train : str
        ``all`` weights of a network, or ``heads`` only.
    preset : Preset
    scheme : Scheme
        See `migbar.datasets.splits`.
    folds : int
        Of a cross-validation; 0 holds out `validation` of the paths.
    validation : float
    refit : bool
        Whether, after the judgement, the model that is kept is trained on all paths, those for validation too.
    seed : int
    device : str
        ``auto``, ``cpu``, ``cuda`` …, as Lightning names accelerators.
    notes : str
        The owner's own words, kept on the card.
    """

    name: str
    data: str
    start: str = "migbar-fast"
    recipe: str = ""
    train: str = "all"
    preset: Preset = Preset.PAPER
    scheme: Scheme = Scheme.GROUPS
    folds: int = 0
    validation: float = 0.2
    refit: bool = True
    seed: int = 123
    device: str = "auto"
    notes: str = ""

    @property
    def split(self) -> SplitOptions:
        """How the data are split."""
        return SplitOptions(self.scheme, self.folds, self.validation, self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain JSON data."""
        return {
            key: str(value) if isinstance(value, StrEnum) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainingOptions:
        """Read what `to_dict` gave.

        Raises
        ------
        OptionsError
            With every option that is unknown, missing, or of the wrong kind.
        """
        problems = [f"there is no option '{key}'" for key in data if key not in _KINDS]
        problems += [f"'{key}' is missing" for key in ("name", "data") if not data.get(key)]
        values: dict[str, Any] = {}
        for key, value in data.items():
            kind = _KINDS.get(key)
            if kind is None:
                continue
            try:
                values[key] = _read(kind, value)
            except ValueError as error:
                problems.append(f"{key}: {error}")
        if problems:
            raise OptionsError(problems)
        options = cls(**values)
        options.check()
        return options

    def check(self) -> None:
        """Raise `OptionsError` where the options do not go together."""
        problems = []
        if not is_name(self.name):
            shown = self.name if len(self.name) <= 60 else f"{self.name[:57]}…"
            problems.append(
                f"'{shown}' cannot be the name of a model; leave out / \\ : * ? \" < > |, and keep it short"
            )
        if self.train not in ("all", "heads"):
            problems.append(f"train: '{self.train}' is neither 'all' nor 'heads'")
        if self.folds < 0 or self.folds == 1:
            problems.append("folds: 0, or 2 and more")
        if not 0 < self.validation < 1:
            problems.append("validation: a share between 0 and 1")
        if not 0 <= self.seed < 2**32:  # what numpy and scikit-learn take
            problems.append(f"seed: a number from 0 to {2**32 - 1}")
        if self.start == SCRATCH and not self.recipe:
            problems.append("recipe: say what to make from scratch, for example migbar-fast")
        if problems:
            raise OptionsError(problems)


def _read(kind: type, value: Any) -> Any:
    if issubclass(kind, StrEnum):
        if value not in list(kind):
            raise ValueError(f"'{value}' is none of {', '.join(kind)}")
        return kind(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{value!r} is not a {_WORDS[kind]}")
    return value


_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
_KINDS: dict[str, type] = {
    f.name: {
        "str": str, "int": int, "float": float, "bool": bool, "Preset": Preset, "Scheme": Scheme,
    }[str(f.type)]
    for f in fields(TrainingOptions)
}  # fmt: skip


def read_options(path: str | Path) -> TrainingOptions:
    """Read options from a TOML file; a relative path to the data is meant from there.

    Raises
    ------
    OptionsError
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionsError([f"{path.name} cannot be read ({error})"]) from None
    if isinstance(data.get("data"), str):
        data["data"] = str(path.parent / data["data"])
    return TrainingOptions.from_dict(data)


def write_options(options: TrainingOptions, path: str | Path) -> None:
    """Write options as a TOML file."""
    import tomli_w

    write_text(path, tomli_w.dumps(options.to_dict()))
