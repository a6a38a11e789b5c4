"""The pages of the loopback listener, as whole HTTP responses; no I/O."""

from __future__ import annotations

import base64
import hashlib
import html
from http import HTTPStatus
from typing import Final

from ssooidc_core._text import printable

__all__ = ["page", "redirect"]

_LONGEST_TEXT: Final = 4096
_STYLE: Final = """
:root { color-scheme: light dark; }
body { margin: 0; font: 1.125rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 34rem; margin: 15vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: 0; overflow-wrap: anywhere; }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_FIELDS: Final = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'",
    ),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Connection", "close"),
)


def page(status: HTTPStatus, heading: str, text: str, *, head_only: bool = False) -> bytes:
    """Return a response with a page.

    Args:
        status: the status of the response.
        heading: the page's title and heading; escaped here.
        text: the page's text; escaped here, and control characters are removed.
        head_only: leave out the body, as in the response to a HEAD.
    """
    title, said = (html.escape(printable(each, limit=_LONGEST_TEXT)) for each in (heading, text))
    body = (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{title}</h1>\n<p>{said}</p>\n</main>\n</body>\n</html>\n"
    ).encode()
    allow = (("Allow", "GET, HEAD"),) if status is HTTPStatus.METHOD_NOT_ALLOWED else ()
    fields = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(body))),
        *allow,
        *_FIELDS,
    )
    return _head(status, fields) + (b"" if head_only else body)


def redirect(url: str) -> bytes:
    """Return a response that redirects the browser.

    Args:
        url: the target; printable ASCII without blanks.
    """
    return _head(HTTPStatus.SEE_OTHER, (("Location", url), ("Content-Length", "0"), *_FIELDS))


def _head(status: HTTPStatus, fields: tuple[tuple[str, str], ...]) -> bytes:
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in fields),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
