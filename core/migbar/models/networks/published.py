"""The paper's model systems by name, and their published scores (Table S5)."""

from __future__ import annotations

from dataclasses import dataclass

LAPLACE_90 = 2.303
"""90 % of Laplace-distributed errors are within this many mean absolute errors."""


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model system of the paper.

    Attributes
    ----------
    architecture : str or None
        Its shape among this package's networks; None where it is no network.
    train_r2, train_mae_ev : float
    test_r2, test_r2_se, test_mae_ev, test_mae_se_ev : float
        On the paper's 60 test paths, with bootstrap standard errors.
    """

    architecture: str | None
    train_r2: float
    train_mae_ev: float
    test_r2: float
    test_r2_se: float
    test_mae_ev: float
    test_mae_se_ev: float


TABLE_S5 = {
    "RFR": PublishedModel(None, 0.837, 0.178, 0.396, 0.295, 0.318, 0.055),
    "GBR": PublishedModel(None, 0.879, 0.198, 0.097, 0.679, 0.299, 0.073),
    "SCRATCH-ADD": PublishedModel("MODEL-1-ADD", 0.575, 0.203, -0.035, 0.325, 0.451, 0.067),
    "SCRATCH-SUB": PublishedModel("MODEL-1-SUB", -17.179, 2.434, -11.842, 4.798, 2.623, 0.118),
    "SCRATCH-CC": PublishedModel("MODEL-1-CC", 0.777, 0.157, -1.241, 1.231, 0.536, 0.111),
    "SCRATCH-MODEL-3": PublishedModel("MODEL-3", 0.981, 0.074, -2.414, 0.386, 0.541, 0.065),
    "MODEL-1-ADD": PublishedModel("MODEL-1-ADD", 0.533, 0.246, -0.076, 0.307, 0.400, 0.074),
    "MODEL-1-SUB": PublishedModel("MODEL-1-SUB", 0.165, 0.4411, -0.083, 0.100, 0.462, 0.068),
    "MODEL-1-CC": PublishedModel("MODEL-1-CC", 0.562, 0.241, 0.219, 0.148, 0.379, 0.060),
    "MODEL-1-CC-SINGLE-PATH": PublishedModel(
        "MODEL-1-CC", 0.912, 0.107, 0.603, 0.263, 0.249, 0.045
    ),
    "MODEL-2": PublishedModel("MODEL-2", 0.579, 0.218, 0.261, 0.348, 0.382, 0.059),
    "MODEL-3": PublishedModel("MODEL-3", 0.940, 0.085, 0.703, 0.109, 0.261, 0.034),
    "MODEL-4": PublishedModel("MODEL-4", 0.822, 0.171, 0.634, 0.107, 0.277, 0.039),
    "MACE-NEB-RELAX": PublishedModel(None, 0.099, 0.363, 0.185, 0.601, 0.340, 0.064),
}

NETWORKS = {name: m for name, m in TABLE_S5.items() if m.architecture is not None}
