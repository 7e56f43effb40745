"""What a request says of where it comes from, and which requests are not taken at all."""

from fastapi import Request
from starlette.requests import HTTPConnection

from trackerdcs.domain.logbook import LARGEST as ATTACHED

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST = 16 * 1024
"""Bytes of a form."""
LARGER = {"/api/logbook": 64 * 1024 + ATTACHED}
"""Of what has room for more than a form: the attachments of an entry, and what is around them."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def scheme(request: HTTPConnection, behind_gateway: bool) -> str:
    """https where the browser speaks https, to the gateway or to us; of a websocket that of its page."""
    said = request.headers.get("x-forwarded-proto", "") if behind_gateway else ""
    return {"ws": "http", "wss": "https"}.get(said or request.url.scheme, said or request.url.scheme)


def address(request: Request, behind_gateway: bool) -> str:
    """The browser's address. The gateway replaces what a client says of itself; the last entry is the gateway's."""
    said = request.headers.get("x-forwarded-for", "") if behind_gateway else ""
    return said.rpartition(",")[2].strip() or (request.client.host if request.client else "")


def is_local(request: HTTPConnection) -> bool:
    """Addressed by a name of this computer: only there does a password go over plain http."""
    return request.url.hostname in LOCAL


def refused(request: Request, behind_gateway: bool) -> tuple[int, str] | None:
    """Status and reason for what changes something and does not come from a page of this site, or is too long."""
    if request.method in SAFE:
        return None
    if not from_here(request, behind_gateway):
        return 403, f"a {request.method} is only taken from a page of this site, {_site(request, behind_gateway)}"
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        return 411, "the length of the request is missing"
    largest = LARGER.get(request.url.path, LARGEST)
    if int(length[:12]) > largest:
        return 413, f"more than {largest} bytes"
    return None


def from_here(request: HTTPConnection, behind_gateway: bool) -> bool:
    """Browsers send Origin with every POST and every websocket, and no page can forge it. Names of other sites have no
    way around."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.getlist("origin") == [_site(request, behind_gateway)] and site == "same-origin"


def _site(request: HTTPConnection, behind_gateway: bool) -> str:
    return f"{scheme(request, behind_gateway)}://{request.headers.get('host', '')}"
