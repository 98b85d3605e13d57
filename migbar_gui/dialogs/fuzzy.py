"""Finding a command from a few of its letters."""

from __future__ import annotations

WORD_START = 8
"""Worth of a letter at the beginning of a word; one that follows the letter before it is worth half."""


def match(query: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    """Find the letters of a query in a text, in their order, in the best place.

    Parameters
    ----------
    query : str
        Blanks in it stand for nothing; case does not matter.
    text : str

    Returns
    -------
    (float, tuple of int) or None
        How well it fits, and where the letters are; None where it does not.
    """
    letters, lower = query.lower().replace(" ", ""), text.lower()
    if not letters:
        return 0.0, ()
    # best[j] after letter i: the best way to have letter i at place j, and where it came from
    best: dict[int, tuple[float, tuple[int, ...]]] = {-1: (0.0, ())}
    for letter in letters:
        best = {
            place: max(
                (score + _worth(lower, before, place), (*places, place))
                for before, (score, places) in best.items()
                if before < place
            )
            for place in range(len(lower))
            if lower[place] == letter and min(best) < place
        }
        if not best:
            return None
    score, places = max(best.values())
    return score - 0.01 * len(text), places


def _worth(text: str, before: int, place: int) -> float:
    worth = 1.0
    if place == 0 or not text[place - 1].isalnum():
        worth += WORD_START
    elif place == before + 1:
        worth += WORD_START / 2
    return worth
