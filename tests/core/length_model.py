"""A model whose barriers can be told in the head."""

from __future__ import annotations

from collections.abc import Sequence

from migbar.bands import Band
from migbar.barriers import Barrier, ModelCard
from migbar.progress import SILENT, Progress


class LengthModel:
    """Gives a barrier of 0.1 eV for each Å of the path; its card has what a page must escape."""

    card = ModelCard("length", "7", "Barriers by length <alone> & nothing else.")

    def predict(self, bands: Sequence[Band], progress: Progress = SILENT) -> list[Barrier]:
        return [
            Barrier(0.1 * b.length, (0.08 * b.length, 0.15 * b.length), "length", "7")
            for b in bands
        ]
