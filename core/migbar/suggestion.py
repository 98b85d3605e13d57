"""What to compute next: the paths whose DFT barrier would teach a model most.

A path is worth computing if the model is unsure of it, and if it is unlike all that the model knows and all that is
computed besides. Paths are therefore taken one by one, each time the one with the largest product of

- uncertainty: the width of the interval between the square roots of its ends, and
- novelty: the distance (root mean square difference of normal scores of the descriptors) to the nearest path that
  the model knows (the default predictor, for a network) or that was taken before.

This is farthest-point sampling weighted with the uncertainty. Of a path that is there in several cells the one in the
smallest is taken, as its computation is the cheapest.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import Barrier, Predictor
from migbar.descriptors import descriptor_matrix
from migbar.errors import MigbarError
from migbar.exports import write_sheet
from migbar.files import write_text
from migbar.hops import Point, SiteRef
from migbar.models.blend import MigbarFast
from migbar.models.process import distances
from migbar.models.store import load_model
from migbar.paths import find_paths
from migbar.prediction import PredictedPath
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.structures import FILE_NAMES, mobile_ions, read_structure, require_ordered

LIST = "suggested.csv"

SAME = 0.03
"""Paths that are nearer than this are taken for the same; of 559 published ones 24 have another one as near."""

_COLUMNS = (
    "rank", "structure", "ion", "from", "to", "mechanism", "predicted_barrier_ev", "interval_low_ev",
    "interval_high_ev", "uncertainty", "novelty", "folder", "warnings",
)  # fmt: skip

_NUMBERS = (
    "predicted_barrier_ev", "interval_low_ev", "interval_high_ev", "uncertainty", "novelty",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A path that is worth computing.

    Attributes
    ----------
    structure : str
        File of the structure.
    path : PredictedPath
    uncertainty : float
        Width of the interval in √eV.
    novelty : float
        Distance to the nearest path known or suggested before; 0 the same, about 1.4 two paths at random.
    """

    structure: str
    path: PredictedPath
    uncertainty: float
    novelty: float


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What to compute next.

    Attributes
    ----------
    chosen : tuple of Suggestion
        The most instructive first.
    paths : int
        Number of paths that were looked at.
    problems : tuple of (str, str)
        Files that could not be used, and why.
    """

    chosen: tuple[Suggestion, ...]
    paths: int
    problems: tuple[tuple[str, str], ...]


def choose(
    uncertainty: NDArray[np.float64],
    scores: NDArray[np.float64],
    sizes: NDArray[np.int64],
    known: NDArray[np.float64],
    count: int,
) -> tuple[list[int], list[float]]:
    """Choose paths one by one by uncertainty × novelty, each in its smallest cell.

    Parameters
    ----------
    uncertainty : ndarray, shape (n,)
    scores : ndarray, shape (n, n_descriptors)
        Normal scores of the paths.
    sizes : ndarray of int, shape (n,)
        Numbers of atoms in their cells, which is what their computation costs.
    known : ndarray, shape (m, n_descriptors)
        Of those that need not be computed any more.
    count : int

    Returns
    -------
    indices : list of int
    novelty : list of float
        Of each at the time it was taken.
    """
    nearest = distances(scores, known).min(axis=1)
    chosen: list[int] = []
    novelty: list[float] = []
    for _ in range(min(count, len(scores))):
        worth = uncertainty * nearest
        worth[chosen] = -1.0
        best = int(worth.argmax())
        same = (distances(scores, scores[[best]])[:, 0] < SAME) & (worth >= 0)
        smaller = np.flatnonzero(same & (sizes < sizes[best]))
        if len(smaller):
            best = int(smaller[sizes[smaller].argmin()])
        chosen.append(best)
        novelty.append(float(nearest[best]))
        nearest = np.minimum(nearest, distances(scores, scores[[best]])[:, 0])
    return chosen, novelty


def suggest(
    sources: Sequence[str | Path],
    count: int = 10,
    ion: str = "",
    model: Predictor | None = None,
    progress: Progress = SILENT,
) -> Suggestions:
    """Say which of the distinct hops in these structures would teach the model most.

    Parameters
    ----------
    sources : sequence of path
        Structure files, and folders of them.
    count : int
    ion : str
        Element that moves; in each structure the likeliest where empty.
    model : Predictor, optional
        Whose uncertainty counts; the default model where not given.
    progress : Progress

    Raises
    ------
    ScreeningError
        If a source does not exist.
    MigbarError
        If no structure has a path.
    """
    from migbar.screening.inputs import find_sources

    model = model or load_model()
    files = [source.path for source in find_sources(sources, progress=progress)]
    names: list[str] = []
    paths: list[PredictedPath] = []
    problems: list[tuple[str, str]] = []
    for done, file in enumerate(files):
        check_cancelled(progress)
        progress.report(done, len(files), "Looking for paths")
        try:
            found = _paths(file, ion, model)
        except MigbarError as error:
            problems.append((str(file), str(error).removeprefix(f"{file.name}: ")))
            continue
        names += [str(file)] * len(found)
        paths += found
    if not files:
        raise MigbarError(f"No structure file was found there: {', '.join(FILE_NAMES)}.")
    if not paths:
        told = "; ".join(f"{Path(name).name}: {text}" for name, text in problems[:5])
        raise MigbarError(f"There is no path to compute in these structures. {told}".strip())
    metric = model if isinstance(model, MigbarFast) else load_model("migbar-fast")
    assert isinstance(metric, MigbarFast)
    process = metric.blend.process
    scores = process.scores(descriptor_matrix(path.band for path in paths))
    sizes = np.array([len(path.band.host) for path in paths])
    known = process.support.astype(np.float64)
    uncertainty = np.array([_uncertainty(path.barrier) for path in paths])
    chosen, novelty = choose(uncertainty, scores, sizes, known, count)
    return Suggestions(
        tuple(
            Suggestion(names[i], paths[i], float(uncertainty[i]), far)
            for i, far in zip(chosen, novelty, strict=True)
        ),
        len(paths),
        tuple(problems),
    )


def _paths(file: Path, ion: str, model: Predictor) -> list[PredictedPath]:
    structure = read_structure(file)
    require_ordered(structure)
    ions = mobile_ions(structure)
    if not ion and not ions:
        raise MigbarError(
            "it holds no usual mobile ion; say which one moves (on the command line: --ion)."
        )
    return list(find_paths(structure, ion or ions[0], model).paths)


def _uncertainty(barrier: Barrier) -> float:
    low, high = barrier.interval_ev
    return float(np.sqrt(max(high, 0.0)) - np.sqrt(max(low, 0.0)))


def require_no_list(folder: str | Path) -> None:
    """Raise `MigbarError` where a folder holds a list already: its owner may have filled barriers in."""
    if (Path(folder) / LIST).exists():
        raise MigbarError(
            f"{folder} holds a list of suggestions already ({LIST}); choose another folder."
        )


def write_suggestions(
    suggestions: Suggestions, folder: str | Path, code: str = "vasp", n_images: int = 5
) -> Path:
    """Write the list as CSV, and the input of a NEB for each path into a folder of its own.

    Once they are computed, fill the column ``dft_barrier_ev`` of the list, or read the folders themselves with
    `migbar data import`.

    Returns
    -------
    Path
        The list.

    Raises
    ------
    MigbarError
        If there is no such code, or the folder holds a list or inputs already.
    OSError
        If the folder cannot be written.
    """
    from migbar.dft import images_of, input_files, prepare, write_inputs

    folder = Path(folder)
    require_no_list(folder)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, "dft_barrier_ev"])
    for rank, suggestion in enumerate(suggestions.chosen, start=1):
        name = _folder_name(rank, suggestion)
        band = prepare(images_of(suggestion.path.band, n_images))
        write_inputs(folder / name, input_files(band, code))
        row = to_dict(suggestion) | {"rank": rank, "folder": name}
        row["warnings"] = " ".join([*row["warnings"], *band.warnings])
        writer.writerow([*(row[column] for column in _COLUMNS), ""])
    write_text(folder / LIST, text.getvalue())
    return folder / LIST


def export_list(source: str | Path, path: str | Path) -> None:
    """Write a list of suggestions to another place: CSV, or an Excel workbook where the name ends in ``.xlsx``.

    Raises
    ------
    OSError
        If a file cannot be read or written.
    """
    text = Path(source).read_text(encoding="utf-8")
    if Path(path).suffix.lower() != ".xlsx":
        write_text(path, text)
        return
    columns, *rows = csv.reader(io.StringIO(text))
    lines = [
        [float(cell) if name in _NUMBERS else cell for name, cell in zip(columns, row, strict=True)]
        for row in rows
    ]
    write_sheet(path, "What to compute next", columns, lines)


def to_dict(suggestion: Suggestion) -> dict[str, Any]:
    """Return a suggestion as plain JSON data."""
    hop, barrier = suggestion.path.hop, suggestion.path.barrier
    start = _coordinates(hop.start) if hop.start_site is None else str(hop.start_site)
    end = _coordinates(hop.end) if hop.end_site is None else _with_image(hop.end_site)
    return {
        "structure": suggestion.structure,
        "ion": hop.ion,
        "from": start,
        "to": end,
        "mechanism": hop.mechanism.value,
        "predicted_barrier_ev": barrier.barrier_ev,
        "interval_low_ev": barrier.interval_ev[0],
        "interval_high_ev": barrier.interval_ev[1],
        "uncertainty": suggestion.uncertainty,
        "novelty": suggestion.novelty,
        "warnings": [remark.text for remark in suggestion.path.remarks],
    }


def _coordinates(point: Point) -> str:
    return ",".join(f"{x:.6f}" for x in point)


def _with_image(site: SiteRef) -> str:
    # Without its image a final site's nearest one would be meant.
    return f"{site.index}@{','.join(map(str, site.image))}"


def run(folder: Path, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Suggest and write: the task ``suggestion`` of `migbar.runs`.

    Parameters
    ----------
    folder : path
    options : mapping
        ``sources`` (list of paths), ``count``, ``ion`` and ``model`` (empty for the default ones), ``out`` (folder),
        ``code`` (one of `migbar.dft.CODES`), ``images`` (between the ends; 5 where not given).
    progress : Progress

    Returns
    -------
    dict
        ``list`` (the CSV), ``paths`` (number looked at), ``suggested`` (list of `to_dict`), ``problems`` (pairs of
        file and reason).
    """
    require_no_list(options["out"])
    model = load_model(options.get("model") or None)
    found = suggest(
        options["sources"], int(options.get("count", 10)), options.get("ion", ""), model, progress
    )
    code, images = options.get("code", "vasp"), int(options.get("images", 5))
    place = write_suggestions(found, options["out"], code, images)
    return {
        "list": str(place),
        "paths": found.paths,
        "suggested": [to_dict(suggestion) for suggestion in found.chosen],
        "problems": [list(problem) for problem in found.problems],
        "text": f"{len(found.chosen)} of {found.paths} paths suggested",
    }


def _folder_name(rank: int, suggestion: Suggestion) -> str:
    stem = re.sub(r"[^\w.+-]+", "_", Path(suggestion.structure).stem)[:40]
    ends = re.sub(r"[^\w.+-]+", "_", suggestion.path.hop.label.replace(" → ", "-"))[:40]
    return f"{rank:02d}_{stem}_{ends}"
