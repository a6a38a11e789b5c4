"""The origin of a request: the emulator's own pages, another site, or a program that is not a browser."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest

__all__ = ["comes_from_another_site", "comes_from_own_page", "opens_a_window", "origin_of"]

_OWN_FETCH_SITES: Final = frozenset({"same-origin", "none"})


def origin_of(url: str) -> str:
    """Return the origin of a URL, as browsers write it (RFC 6454 section 6.2)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def comes_from_own_page(request: HttpRequest) -> bool:
    """Return whether a form was certainly sent by one of the emulator's pages.

    Browsers send `Origin` with every POST. A POST without it is from another program or from a very old browser, and is
    refused unless it has `Sec-Fetch-Site: same-origin`, which no page can forge. `Origin: null` (from a sandboxed
    frame, or after a redirect from another site) is refused too.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is None:
        return site == "same-origin"
    return origin == origin_of(request.url) and site in (None, "same-origin")


def comes_from_another_site(request: HttpRequest) -> bool:
    """Return whether a page of another site sent a request.

    SDKs and command lines send neither header. A page of another site cannot read the answer, since it never has a CORS
    header, but could change the state with a "simple request", which needs no preflight.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is not None and origin != origin_of(request.url):
        return True
    return site is not None and site not in _OWN_FETCH_SITES


def opens_a_window(request: HttpRequest) -> bool:
    """Return whether the answer is shown to a person as a page of its own, as far as the browser says.

    A link from another site is accepted. A frame, an image or a script of another site is not. Neither is a prefetch,
    which may never become a visit: with speculation rules it looks like the person's own request
    (`Sec-Fetch-Site: none`, tested with Chromium 156). At an actual visit, the browser sends the request again.
    """
    purpose = request.headers.get("sec-purpose") or request.headers.get("purpose", "")
    if purpose.lower().startswith("prefetch"):
        return False
    dest = request.headers.get("sec-fetch-dest")
    return dest == "document" or not comes_from_another_site(request)
