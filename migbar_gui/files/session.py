"""Session files: what is open, with paths, results, history and view, in one file that any version explains.

A ``.migbar`` file is a zip archive with one member, ``session.json``: format, version of the format, which
MigBar wrote it and when, and the content as `migbar.values` writes it. Nothing in it is executed.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from migbar import __version__, bands, barriers, hops, networks, prediction, structures
from migbar.errors import MigbarError
from migbar.files import replacing
from migbar.values import pack, unpack
from migbar_gui import workspace
from migbar_gui.workspace.camera import Camera

SUFFIX = ".migbar"
FORMAT, VERSION = "migbar session", 1
MEMBER = "session.json"
MOST_BYTES = 1_000_000_000
"""No session is that large; a small archive that unpacks to more is not read."""


class SessionError(MigbarError):
    """Raised when a session file cannot be read."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")


@dataclass(frozen=True, slots=True)
class Session:
    """What a session file holds.

    Attributes
    ----------
    workspace : Snapshot
    camera : Camera or None
        None where nothing was drawn yet.
    switches : dict
        Which of the commands that are on or off are on, by their names.
    hidden : tuple of str
        Elements that are not drawn.
    """

    workspace: workspace.Snapshot
    camera: Camera | None = None
    switches: dict[str, bool] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@cache
def kinds() -> dict[str, type]:
    """Return the classes that a session may hold, by their names."""
    from migbar import dynamics, neb, passages, paths, places, potentials
    from migbar.neb import profiles
    from migbar.neb.volume import VolumeDependence
    from migbar_gui.computing import relaxed
    from migbar_gui.workspace.document import Simulated

    found = (
        Session,
        Camera,
        workspace.Snapshot,
        workspace.State,
        workspace.Document,
        workspace.PathEntry,
        workspace.Pick,
        workspace.PathResult,
        workspace.FoundPaths,
        workspace.Group,
        workspace.PinnedPath,
        relaxed.RelaxedPath,
        relaxed.VolumeResult,
        structures.Symmetry,
        hops.SiteRef,
        hops.Hop,
        hops.Mechanism,
        bands.Band,
        bands.Approach,
        barriers.Barrier,
        barriers.Remark,
        barriers.ModelCard,
        prediction.PredictedPath,
        paths.Node,
        passages.BottleneckAtom,
        paths.DistinctHop,
        paths.LeftOutHop,
        paths.HopSearch,
        paths.CrystalPaths,
        places.PlaceEnergies,
        networks.Edge,
        networks.Percolation,
        neb.NebResult,
        neb.NebSettings,
        neb.Vibrations,
        VolumeDependence,
        profiles.EnergyProfile,
        potentials.Provenance,
        Simulated,
        dynamics.DynamicsResult,
        dynamics.TracerDiffusion,
    )
    return {kind.__name__: kind for kind in found}


def write_session(path: str | Path, session: Session) -> None:
    """Write a session file; what was at `path` stays where that fails.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "migbar": __version__,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        **pack(session, kinds()),
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
    ):
        archive.writestr(MEMBER, text)


def read_session(path: str | Path) -> Session:
    """Read a session file.

    Raises
    ------
    SessionError
        If it is none, is damaged, or was written by a newer version.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SessionError(path.name, "this is not a MigBar session.")
    if not isinstance(content.get("version"), int):
        raise SessionError(path.name, "it is damaged: it does not tell its version.")
    if content["version"] > VERSION:
        writer = content.get("migbar", "a newer version")
        raise SessionError(
            path.name,
            f"it was written by MigBar {writer}, in a format that MigBar {__version__} does not know yet. "
            "Open it with that version.",
        )
    try:
        session = unpack(content, kinds())
    except MigbarError as error:  # of the data, or of what is to be made of them
        raise SessionError(path.name, str(error)) from None
    if not isinstance(session, Session):
        raise SessionError(path.name, "it is damaged: it holds no session.")
    return session


def _read(path: Path) -> object:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(MEMBER).file_size > MOST_BYTES:
                raise SessionError(path.name, "it is too large for a session.")
            return json.loads(archive.read(MEMBER))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError):
        raise SessionError(
            path.name, "this is not a MigBar session, or it is damaged (cut, or changed)."
        ) from None
    except KeyError:
        raise SessionError(
            path.name,
            "this is not a MigBar session. A file with a model is taken in with Model, Models….",
        ) from None
    except (ValueError, RecursionError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise SessionError(path.name, f"it is damaged ({error}).") from None
