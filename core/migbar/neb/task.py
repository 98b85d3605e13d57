"""Relaxing a band, and finding its vibrations, as runs (`migbar.runs`): options in, files and a result out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migbar.bands import Band, band_from_record, band_to_record
from migbar.devices import AUTO
from migbar.errors import Cancelled
from migbar.files import held
from migbar.neb.pushing import pushing_endpoints
from migbar.neb.relaxation import NebStep, endpoints, relax_band
from migbar.neb.result import read_result, write_result
from migbar.neb.settings import DEFAULT_PRESET, NebError, NebSettings, settings_from
from migbar.neb.vibrations import mark_of, vibrations_of, write_vibrations
from migbar.potentials import DEFAULT_POTENTIAL, Potential, load_potential
from migbar.runs import RunProgress


def neb_options(
    band: Band,
    potential: str = DEFAULT_POTENTIAL,
    preset: str = DEFAULT_PRESET,
    changes: Mapping[str, Any] | None = None,
    *,
    device: str = AUTO,
    trust_file: bool = False,
    push: bool = False,
    name: str = "band",
) -> dict[str, Any]:
    """Return the options of a run of the task ``neb``; `push` as in `migbar.neb.pushing`.

    Raises
    ------
    NebError
        If there is no such preset, a change does not fit, or there is no ion to push.
    """
    settings_from(preset, changes)
    if push:
        pushing_endpoints(band)
    return {
        "band": band_to_record(band, name),
        "potential": potential,
        "preset": preset,
        "changes": dict(changes or {}),
        "device": device,
        "trust_file": trust_file,
        "push": push,
    }


def meant_by(options: Mapping[str, Any]) -> tuple[Band, Potential, NebSettings]:
    """Return the band, the potential, loaded, and the settings of `neb_options`.

    Raises
    ------
    NebError, PotentialError, BandsFileError
        If one of them does not make sense.
    """
    potential = load_potential(
        options.get("potential", DEFAULT_POTENTIAL),
        options.get("device", AUTO),
        trust_file=bool(options.get("trust_file")),
    )
    settings = settings_from(options.get("preset", DEFAULT_PRESET), options.get("changes"))
    return band_from_record(options["band"], "the band"), potential, settings


def run(folder: Path, options: Mapping[str, Any], progress: RunProgress) -> dict[str, Any]:
    """Relax the band of `neb_options`; called by `migbar.runs`.

    Every step is told as an event ``step`` with ``stage``, ``step``, ``max_steps``, ``residual`` and
    ``fmax`` (eV/Å), and ``energies`` (eV, of all images, or of the one end that is relaxed).
    """

    def tell(step: NebStep) -> None:
        progress.tell(
            "step",
            stage=step.stage,
            step=step.step,
            max_steps=step.max_steps,
            residual=step.residual,
            fmax=step.fmax,
            energies=list(step.energies),
        )

    band, potential, settings = meant_by(options)
    ends = pushing_endpoints(band) if options.get("push") else endpoints(band)
    result = relax_band(*ends, potential, settings, folder=folder, progress=progress, on_step=tell)
    write_result(result, folder)
    if progress.cancelled():
        raise Cancelled
    state = "" if result.converged else ", not converged"
    return {**result.to_dict(), "text": f"{result.barrier_ev:.3f} eV{state}"}


def vibrate(folder: Path, options: Mapping[str, Any], progress: RunProgress) -> dict[str, Any]:
    """Find the vibrations of a band that another run relaxed, and write them beside it; called by `migbar.runs`.

    Parameters
    ----------
    folder : Path
        Keeps the forces to go on from.
    options : mapping
        ``band_folder``, of the run that relaxed the band; ``device`` and ``trust_file`` as in
        `neb_options`.
    progress : RunProgress

    Raises
    ------
    NebError
        If the band does not tell, or is no more or another one at the end.
    """
    place = Path(options["band_folder"])
    result = read_result(place)
    potential = load_potential(
        result.potential.name,
        options.get("device", AUTO),
        trust_file=bool(options.get("trust_file")),
    )
    found = vibrations_of(result, potential, folder=folder, progress=progress)
    if mark_of(read_result(place)) != found.mark:  # it was looked at for long
        raise NebError(
            f"The band in {place} was relaxed anew meanwhile; find its vibrations again."
        )
    with held(place):
        write_vibrations(found, place)
    return {**found.to_dict(), "text": found.text}
