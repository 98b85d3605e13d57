"""What own data are worth: the published paths taken apart into what a model knew, own paths, and a judge.

The bundled models have seen all published paths, so that none of these can judge what is made from them. Here
the start is therefore trained anew on a part (the *base*), further paths play the part of a scientist's own
data, and the rest, which neither has seen, judges.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.datasets import BandRecord
from migbar.evaluation import random_folds, score
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.suggestion import choose
from migbar.training.blend import BlendSettings, fit_blend
from migbar.training.own.judgement import Difference, class_means, compare
from migbar.training.own.options import Preset, TrainingOptions
from migbar.training.own.paths import describe_records
from migbar.training.unseen import FLOOR
from migbar.training.validation import known_records

SMALLEST_CHEMISTRY = 40
"""Ions with fewer paths do not play a new chemistry."""

COMPUTED = 40
"""Paths that are computed where the suggestions are judged."""

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parts:
    """Which path plays which part."""

    base: Index
    own: Index
    judge: Index


Round = tuple[Parts, NDArray[np.float64], NDArray[np.float64]]
"""Parts, barriers and predictions (eV) of one repeat."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to make a model, judged.

    Attributes
    ----------
    protocol, model : str
    base, own, judged : int
        Numbers of paths.
    scores : dict
        As those of `migbar.evaluation.Scores`; mean over the repeats.
    gain : Difference or None
        Against the base alone, on the same paths.
    """

    protocol: str
    model: str
    base: int
    own: int
    judged: int
    scores: dict[str, float]
    gain: Difference | None

    def to_dict(self) -> dict[str, Any]:
        """Return one value for each column."""
        gain = {} if self.gain is None else asdict(self.gain)
        return {
            "protocol": self.protocol,
            "model": self.model,
            "base": self.base,
            "own": self.own,
            "judged": self.judged,
            **self.scores,
            **{f"gain_{name}": value for name, value in gain.items()},
        }


def random_parts(count: int, seed: int) -> Parts:
    """Draw a quarter as the base, a quarter as own paths, and a half to judge by."""
    fold = random_folds(count, 4, seed)
    return Parts(*(np.flatnonzero(part) for part in (fold == 0, fold == 1, fold > 1)))


def chemistry_parts(records: Sequence[BandRecord], ion: str, seed: int) -> Parts:
    """Take all paths of other ions as the base, and half of the frameworks of this one as own paths."""
    moves = np.array([r.band.ion == ion for r in records])
    groups = sorted({r.group for r, m in zip(records, moves, strict=True) if m})
    chosen = np.random.default_rng(seed).permutation(len(groups))[: len(groups) // 2]
    mine = {groups[k] for k in chosen}
    own = np.array([r.group in mine for r in records])
    return Parts(*(np.flatnonzero(p) for p in (~moves, own, moves & ~own)))


def tree_rows(
    records: Sequence[BandRecord], seed: int = 123, repeats: int = 2, progress: Progress = SILENT
) -> list[Row]:
    """Judge what own paths are worth to the default predictor, at random and for ions that are new to it."""
    records = known_records(records)
    paths = describe_records(records, progress)
    ions = sorted({r.band.ion for r in records})
    ions = [i for i in ions if sum(r.band.ion == i for r in records) >= SMALLEST_CHEMISTRY]
    drawn = [("random", random_parts(len(records), seed + k)) for k in range(repeats)]
    drawn += [
        (f"new ion: {ion}", chemistry_parts(records, ion, seed + k))
        for ion in ions
        for k in range(repeats)
    ]
    found: dict[tuple[str, str], list[Round]] = {}
    settings = BlendSettings()
    for done, (protocol, parts) in enumerate(drawn):
        check_cancelled(progress)
        progress.report(done, len(drawn), "Training on parts")
        both = np.concatenate([parts.base, parts.own])
        target = paths.y[parts.judge]
        for name, chosen in (
            ("class means of base and own paths", None),
            ("base alone", parts.base),
            ("own paths alone", parts.own),
            ("base with own paths added", both),
        ):
            if chosen is None:
                pair = ([records[i] for i in index] for index in (both, parts.judge))
                predicted = class_means(*pair)
            else:
                ordered = np.sort(chosen)
                fitted = fit_blend(paths.x[ordered], paths.y[ordered], seed, settings)
                predicted = fitted.predict(paths.x[parts.judge])[0]
            found.setdefault((protocol, name), []).append((parts, target, predicted))
    progress.report(len(drawn), len(drawn), "Training on parts")
    return [_row(*key, rounds, found[key[0], "base alone"]) for key, rounds in found.items()]


def suggestion_rows(
    records: Sequence[BandRecord], seed: int = 123, repeats: int = 5, progress: Progress = SILENT
) -> list[Row]:
    """Judge what it is worth to compute the suggested paths and not any (see `migbar.suggestion`).

    A quarter of the paths is the base, half of them could be computed, of which some are; a quarter judges.
    """
    records = known_records(records)
    paths = describe_records(records, progress)
    sizes = np.array([len(record.band.host) for record in records])
    settings = BlendSettings()
    rounds: dict[str, list[Round]] = {}
    for repeat in range(repeats):
        check_cancelled(progress)
        progress.report(repeat, repeats, "Computing suggested and random paths")
        fold = random_folds(len(records), 4, seed + repeat)
        base, pool, judge = (np.flatnonzero(part) for part in (fold == 0, fold > 1, fold == 1))
        fitted = fit_blend(paths.x[base], paths.y[base], seed, settings)
        _, spread = fitted.predict(paths.x[pool])
        uncertainty = FLOOR * np.median(spread) + spread
        process = fitted.process
        scores, known = process.scores(paths.x[pool]), process.scores(paths.x[base])
        chosen, _ = choose(uncertainty, scores, sizes[pool], known, COMPUTED)
        drawn = np.random.default_rng(seed + repeat).permutation(len(pool))[:COMPUTED]
        none = np.array([], np.int64)
        for name, own in (
            ("base alone", none),
            ("base with random paths added", pool[drawn]),
            ("base with suggested paths added", pool[np.array(chosen)]),
        ):
            index = np.sort(np.concatenate([base, own]))
            predicted = fit_blend(paths.x[index], paths.y[index], seed, settings).predict(
                paths.x[judge]
            )[0]
            rounds.setdefault(name, []).append((Parts(base, own, judge), paths.y[judge], predicted))
    progress.report(repeats, repeats, "Computing suggested and random paths")
    return [
        _row("what to compute next", name, found, rounds["base alone"])
        for name, found in rounds.items()
    ]


def network_rows(
    records: Sequence[BandRecord], seed: int = 123, progress: Progress = SILENT
) -> list[Row]:
    """Judge what own paths are worth to the compact network: pre-trained on crystals, base, own paths."""
    from migbar.training.own.network import NetworkLearner

    records = known_records(records)
    parts = random_parts(len(records), seed)
    judge = parts.judge
    target = np.array([records[i].target_ev for i in judge], float)
    none = np.array([], np.int64)
    asked = TrainingOptions("x", "x", "MPT-compact", "MODEL-3", preset=Preset.QUICK, seed=seed)
    heads = replace(asked, train="heads")
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        fresh = NetworkLearner(asked, records, folder, progress)
        base = fresh.train(parts.base, none, "base", lambda step: None)
        both = fresh.train(np.concatenate([parts.base, parts.own]), none, "both", lambda step: None)
        only = NetworkLearner(heads, records, folder / "only", progress)
        found["base alone"] = base
        found["pre-trained network, heads only, on base and own paths at once"] = only.train(
            np.concatenate([parts.base, parts.own]), none, "both", lambda step: None
        )
        found["pre-trained network tuned on base and own paths at once"] = both
        for name, options in (("all weights", asked), ("heads only", heads)):
            learner = NetworkLearner(options, records, folder / name, progress, begun=base)
            tuned = learner.train(parts.own, none, "own", lambda step: None)
            found[f"base tuned on own paths, {name}"] = tuned
    bands = [records[i].band for i in judge]
    rounds = {
        name: [(parts, target, np.array([b.barrier_ev for b in model.predict(bands)]))]
        for name, model in found.items()
    }
    return [
        _row("random, MODEL-3-compact", name, r, rounds["base alone"]) for name, r in rounds.items()
    ]


def _row(protocol: str, name: str, rounds: list[Round], alone: list[Round]) -> Row:
    """Take the mean over the repeats of every score, and of its bootstrap error."""
    scores = [asdict(score(target, predicted)) for _, target, predicted in rounds]
    gains = [
        asdict(compare(target, predicted, before))
        for (_, target, predicted), (_, _, before) in zip(rounds, alone, strict=True)
    ]
    base, own, judged = (
        round(float(np.mean([len(getattr(parts, k)) for parts, _, _ in rounds])))
        for k in ("base", "own", "judge")
    )
    mean = _mean(gains)
    gain = None if rounds is alone else Difference(mean["mae_ev"], mean["mae_se_ev"], judged)
    return Row(protocol, name, base, own, judged, _mean(scores), gain)


def _mean(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([r[key] for r in rounds])) for key in rounds[0]}


def as_markdown(rows: Sequence[Row]) -> str:
    """Write the rows as a Markdown table."""
    return "\n".join(_lines(rows)) + "\n"


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    yield "| Protocol | Model | Base | Own | Judged | MAE (eV) | R² | Against base alone (eV) |"
    yield "| --- | --- | ---: | ---: | ---: | --- | --- | --- |"
    for row in rows:
        s = row.scores
        gain = "" if row.gain is None else f"{row.gain.mae_ev:+.3f} ± {row.gain.mae_se_ev:.3f}"
        yield (
            f"| {row.protocol} | {row.model} | {row.base} | {row.own} | {row.judged} | "
            f"{s['mae_ev']:.3f} ± {s['mae_se_ev']:.3f} | {s['r2']:.2f} ± {s['r2_se']:.2f} | {gain} |"
        )
