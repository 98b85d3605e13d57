"""Where networks and potentials compute: the one place that chooses between processor and graphics card."""

from __future__ import annotations

import os

from migbar.errors import MigbarError

AUTO = "auto"

VARIABLE = "MIGBAR_DEVICE"
"""Environment variable that says what ``auto`` means on this machine, for example ``cpu`` or ``cuda:1``."""


class DeviceError(MigbarError):
    """Raised when a device is asked for that this machine or its PyTorch does not have."""


def choose_device(wanted: str = AUTO) -> str:
    """Return the name of a device as PyTorch knows it.

    Parameters
    ----------
    wanted : str
        ``auto`` (a CUDA card where there is one, else the processor; `VARIABLE` goes first), ``cpu``,
        ``cuda`` or ``cuda:N``.

    Raises
    ------
    DeviceError
        If the device does not exist here.
    """
    import torch

    wanted = wanted.strip().lower()
    if wanted == AUTO:
        wanted = os.environ.get(VARIABLE, "").strip().lower() or AUTO
    if wanted == AUTO:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return wanted
    kind, _, number = wanted.partition(":")
    if kind != "cuda" or not (number.isdecimal() or wanted == "cuda"):
        raise DeviceError(f"'{wanted}' is not a device; choose auto, cpu, cuda or cuda:N.")
    if not torch.cuda.is_available():
        raise DeviceError(
            "this machine has no CUDA card that PyTorch can use (a CPU build of PyTorch has none); "
            "choose cpu or auto."
        )
    if number and int(number) >= torch.cuda.device_count():
        raise DeviceError(f"there is no {wanted}; this machine has {torch.cuda.device_count()}.")
    return wanted
