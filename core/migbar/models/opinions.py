"""What every model says of one band, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

from migbar.bands import Band
from migbar.barriers import Barrier, ModelCard
from migbar.errors import MigbarError
from migbar.models.store import list_models, load_model
from migbar.progress import SILENT, Progress, check_cancelled


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one model says of a band.

    Attributes
    ----------
    card : ModelCard
    barrier : Barrier or None
        None where the model could not be asked.
    problem : str
        Why it could not; empty where it could.
    """

    card: ModelCard
    barrier: Barrier | None
    problem: str = ""


def ask_all_models(band: Band, progress: Progress = SILENT) -> list[Opinion]:
    """Ask every model in the store for the barrier of one band.

    A model that cannot be asked (its files are damaged, or it was trained on other descriptors) says why, and
    hinders no other.

    Parameters
    ----------
    band : Band
    progress : Progress

    Returns
    -------
    list of Opinion
        The model with the smallest usual error first; those whose error is not known last.

    Raises
    ------
    Cancelled
    """
    opinions, cards = [], list_models()
    for done, card in enumerate(cards):
        check_cancelled(progress)
        progress.report(done, len(cards), card.name)
        opinions.append(_ask(card, band))
    return sorted(opinions, key=_rank)


def _rank(opinion: Opinion) -> float:
    error = opinion.card.usual_error_ev
    return math.inf if error is None else error


def _ask(card: ModelCard, band: Band) -> Opinion:
    try:
        return Opinion(card, load_model(card.name).predict([band])[0])
    except MigbarError as error:
        return Opinion(card, None, str(error))
