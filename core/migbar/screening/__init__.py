"""Screening: many structures, a resumable run with a results database, local processes or a cluster."""

from migbar.screening.inputs import GivenHop, Source, read_given_hops
from migbar.screening.options import Limits, ScreeningError, ScreeningOptions
from migbar.screening.run import Summary, run_screening, screen

__all__ = [
    "GivenHop",
    "Limits",
    "ScreeningError",
    "ScreeningOptions",
    "Source",
    "Summary",
    "read_given_hops",
    "run_screening",
    "screen",
]
