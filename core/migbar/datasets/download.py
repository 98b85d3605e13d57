"""Fetching published data: a download that goes on after an interruption, and is checked."""

from __future__ import annotations

import hashlib
import os
import urllib.error
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit

from migbar.errors import MigbarError
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.web import get

PART = ".part"
"""Ending of a file that is not whole yet."""

TIMEOUT_S = 30.0
"""A server that says nothing for as long has gone."""

ATTEMPTS = 4

_BLOCK = 1 << 18


class DownloadError(MigbarError):
    """Raised when a file cannot be fetched, or is not the one that was expected."""


def fetch(
    url: str,
    target: str | Path | None = None,
    sha256: str = "",
    progress: Progress = SILENT,
    timeout: float = TIMEOUT_S,
) -> Path:
    """Download a file; what was fetched before an interruption is gone on with.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``.
    target : path, optional
        File to write, or a folder; the present folder and the name in the URL where not given.
    sha256 : str
        Expected checksum; the file is thrown away where it is another one.
    progress : Progress
        In bytes.
    timeout : float
        Seconds.

    Returns
    -------
    Path
        The file, whole.

    Raises
    ------
    DownloadError
        If the server refuses, is not there, keeps breaking off, or gives another file.
    Cancelled
        The part that was fetched stays.
    """
    target = _target(url, target)
    if target.exists():
        if sha256 and _digest(target) != sha256.lower():
            raise DownloadError(
                f"{target} is there already and is another file; move it away, or give another name."
            )
        return target
    part = target.with_name(target.name + PART)
    before = -1
    for attempt in range(ATTEMPTS):
        try:
            _fetch_rest(url, part, progress, timeout)
            break
        except (OSError, HTTPException, EOFError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise DownloadError(
                    f"{url}: the server says {error.code} {error.reason}."
                ) from None
            have = part.stat().st_size if part.exists() else 0
            if attempt == ATTEMPTS - 1 or have == before:
                raise DownloadError(
                    f"{url}: broke off after {have / 1e6:.1f} MB ({_reason(error)}); the same command goes on "
                    "from there."
                ) from None
            before = have
    if sha256 and (found := _digest(part)) != sha256.lower():
        part.unlink()
        raise DownloadError(
            f"{url}: the file is not the expected one (its SHA-256 is {found}); it was thrown away."
        )
    part.replace(target)
    return target


def _target(url: str, target: str | Path | None) -> Path:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise DownloadError(f"'{url}' is no address of a file on the web (https://…).")
    name = Path(unquote(parts.path)).name
    path = Path(target) if target is not None else Path()
    if target is None or path.is_dir():
        if not name or name in (".", ".."):
            raise DownloadError(f"{url} names no file; say where to write it (--out).")
        path = path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _fetch_rest(url: str, part: Path, progress: Progress, timeout: float) -> None:
    """Add what is missing to a partial file."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        response = get(url, timeout, **headers)
    except urllib.error.HTTPError as error:
        if error.code == 416 and _total(error.headers.get("Content-Range", "")) == have:
            return  # it was whole already
        if error.code == 416:
            part.unlink()  # it is another file now
        raise
    with response:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        length = response.headers.get("Content-Length")
        begun = have if goes_on else 0
        total = begun + int(length) if length else 0
        with part.open("ab" if goes_on else "wb") as file:
            done = begun
            while block := response.read(_BLOCK):
                check_cancelled(progress)
                file.write(block)
                done += len(block)
                progress.report(done, total, f"Downloading {part.name.removesuffix(PART)}")
            file.flush()
            os.fsync(file.fileno())
    if total and done < total:
        raise EOFError(f"{done} of {total} bytes came")


def _total(content_range: str) -> int:
    _, _, total = content_range.partition("/")
    return int(total) if total.isdecimal() else -1


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: BaseException) -> str:
    cause = getattr(error, "reason", error)
    return str(cause) or type(error).__name__
