"""Requests to servers on the web: who asks, and whose word is taken for who they are."""

from __future__ import annotations

import ssl
import urllib.request
from functools import cache
from http.client import HTTPResponse

from migbar import __version__


def get(url: str, timeout: float, **headers: str) -> HTTPResponse:
    """Open an address; proxies are those of the system.

    Parameters
    ----------
    url : str
    timeout : float
        Seconds that the server may be silent.
    **headers
        More of the request, with underscores for hyphens.

    Raises
    ------
    OSError, http.client.HTTPException, ValueError
        See `urllib.request.urlopen`.
    """
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    request = urllib.request.Request(url, headers={"User-Agent": f"migbar/{__version__}", **named})
    response: HTTPResponse = urllib.request.urlopen(request, timeout=timeout, context=_trust())
    return response


@cache
def _trust() -> ssl.SSLContext:
    """Trust whom the system trusts, and certifi's list: a frozen program may not find the system's."""
    import certifi  # training gets by without it

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
