"""Whether a request comes from the emulator's own pages, from another site, or from no browser at all."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest

__all__ = ["comes_from_another_site", "comes_from_own_page", "opens_a_window", "origin_of"]

_OWN_FETCH_SITES: Final = frozenset({"same-origin", "none"})


def origin_of(url: str) -> str:
    """Give the origin of a URL, as browsers write it (RFC 6454 section 6.2)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def comes_from_own_page(request: HttpRequest) -> bool:
    """Say whether a form was certainly sent by one of our pages.

    Browsers send `Origin` with every POST, so one without it is either from no browser or from one so old that it
    cannot be told where it came from: it is refused, unless `Sec-Fetch-Site`, which no page can forge, vouches for it.
    `Origin: null` (a sandboxed frame, a redirect from elsewhere) is no origin of ours.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is None:
        return site == "same-origin"
    return origin == origin_of(request.url) and site in (None, "same-origin")


def comes_from_another_site(request: HttpRequest) -> bool:
    """Say whether a page of somebody else's sent this.

    SDKs and command lines send neither header. A page elsewhere could not read the answer, since no CORS header is
    ever sent, but it could change the state with a "simple request", which needs no preflight.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is not None and origin != origin_of(request.url):
        return True
    return site is not None and site not in _OWN_FETCH_SITES


def opens_a_window(request: HttpRequest) -> bool:
    """Say whether a person may see the page that is the answer, as far as the browser tells.

    A link from another site is fine. A frame, an image or a script of theirs is not, and neither is what they have a
    browser fetch ahead of a visit that may never come: speculation rules make it look like the person's own
    (`Sec-Fetch-Site: none`, tried with Chromium 156). Where a visit does come, the browser asks again.
    """
    purpose = request.headers.get("sec-purpose") or request.headers.get("purpose", "")
    if purpose.lower().startswith("prefetch"):
        return False
    dest = request.headers.get("sec-fetch-dest")
    return dest == "document" or not comes_from_another_site(request)
