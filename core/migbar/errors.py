"""Errors a user can cause. Each carries its data, says what is wrong, and says what to do next."""

from __future__ import annotations

from collections.abc import Sequence


class MigbarError(Exception):
    """Base of all errors that a user can cause; its text is fit to be shown as it is."""

    @property
    def code(self) -> str:
        """Short machine-readable name, for example ``"occupancy"``."""
        name = type(self).__name__.removesuffix("Error")
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def words_of(error: object) -> str:
    """Return what the system says is wrong; what Python's own readers raise as an OSError has a text alone."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Cancelled(MigbarError):  # noqa: N818 - it is not an error, but it travels like one
    """Raised inside a long task once its user has cancelled it."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")


class FolderInUseError(MigbarError):
    """Raised when another process is at work in a folder."""

    def __init__(self, folder: object) -> None:
        super().__init__(
            f"another process is at work in {folder}; wait for it, or choose another folder."
        )


class StructureFileError(MigbarError):
    """Raised when a file cannot be read as a crystal structure."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")


class EmptyStructureError(StructureFileError):
    """Raised when a structure file holds no atoms."""


class UnknownElementError(StructureFileError):
    """Raised when a structure file names something that is not a chemical element."""


class OverlapError(StructureFileError):
    """Raised when two atoms of an input structure are closer than 0.5 Å."""


class OccupancyError(MigbarError):
    """Raised when a structure has partly occupied sites and no ordering was asked for."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        shown = ", ".join(self.labels[:4]) + (" …" if len(self.labels) > 4 else "")
        count = len(self.labels)
        which = f"{count} kinds of sites are" if count > 1 else "one kind of site is"
        super().__init__(
            f"{which} partly occupied ({shown}); order them first (on the command line: --order)."
        )


class OrderingError(MigbarError):
    """Raised when no ordered version of a partly occupied structure was found."""


class NoMobileIonError(MigbarError):
    """Raised when a structure has no site of the ion that is to move."""

    def __init__(self, ion: str, formula: str, mobile: Sequence[str] = ()) -> None:
        self.ion = ion
        self.formula = formula
        others = f", but of {' and '.join(mobile)}" if mobile else ""
        host = "it" if mobile else "the empty host"
        super().__init__(
            f"{formula} has no site of {ion}{others}; to put one {ion} into {host} take the mechanism insertion "
            "and two voids (on the command line: --mechanism insertion, see migbar sites --voids)."
        )


class SiteError(MigbarError):
    """Raised when an end of a hop names a site that does not exist or does not fit."""


class HopError(MigbarError):
    """Raised when a hop makes no sense in its structure."""


class FrenkelPairError(HopError):
    """Raised for a hop from an occupied site to a void with nothing removed."""

    def __init__(self) -> None:
        super().__init__(
            "A hop from an occupied site into a void leaves a vacancy behind (a Frenkel pair), which no model here "
            "knows. Pick two occupied sites (vacancy hop), or two voids (interstitial hop)."
        )


class SupercellError(MigbarError):
    """Raised when a supercell does not fit the hop or is not a supercell."""


class BandsFileError(MigbarError):
    """Raised when a file of bands cannot be read; lists every problem found."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.name = name
        self.problems = tuple(problems)
        shown = "; ".join(problem.rstrip(".") for problem in self.problems[:5]) + (
            f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        )
        super().__init__(f"{name}: {shown}")


class ModelError(MigbarError):
    """Raised when a model is missing, damaged, or cannot judge a band."""
