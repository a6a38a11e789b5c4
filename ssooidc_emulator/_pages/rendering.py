"""Answers with pages: the templates, the style sheet, and headers that protect the pages from other sites."""

from __future__ import annotations

import functools
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Final

from ssooidc_core._http import HttpResponse
from ssooidc_emulator._oidc.answers import http_fields

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = [
    "message",
    "page",
    "redirect",
    "style",
    "with_field",
    "with_form_targets",
    "without_a_window",
    "wrong_method",
]

_POLICY: Final = "Content-Security-Policy"
_OWN_FORMS: Final = "form-action 'self'"
_HEADERS: Final = (
    (
        _POLICY,
        (
            f"default-src 'none'; style-src 'self'; {_OWN_FORMS}; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    # Not `no-referrer`, with which browsers send `Origin: null` with own forms as well (Fetch standard, section 3.2).
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


@functools.cache
def _templates() -> Environment:
    """Load the templates.

    Raises:
        ImportError: jinja2 is not installed; the message names the extra.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - for pages only
    except ImportError:
        message = 'The emulator\'s pages need jinja2: pip install "ssooidc-core[emulator]"'
        raise ImportError(message, name="jinja2") from None
    return Environment(
        loader=PackageLoader("ssooidc_emulator._pages"), autoescape=True, undefined=StrictUndefined
    )


@functools.cache
def _style() -> bytes:
    return (
        resources.files("ssooidc_emulator._pages").joinpath("templates", "style.css").read_bytes()
    )


def style(wall: datetime) -> HttpResponse:
    """Return an answer with the pages' style sheet."""
    return _answer(200, "text/css; charset=utf-8", _style(), wall)


def message(status: int, title: str, text: str, wall: datetime) -> HttpResponse:
    """Return an answer with a page that has only a title and a text."""
    return page(status, "message.html", wall, title=title, text=text)


def wrong_method(allowed: str, wall: datetime) -> HttpResponse:
    """Return the answer to a request for a page with a method that is not allowed."""
    response = message(405, "Method not allowed", "Open this page in a browser.", wall)
    return with_field(response, "Allow", allowed)


def without_a_window(wall: datetime) -> HttpResponse:
    """Return the answer to a request that does not open a page in its own window."""
    return message(403, "Request refused", "Open this page in its own window.", wall)


def page(status: int, template: str, wall: datetime, **values: object) -> HttpResponse:
    """Return an answer with a page, made from a template."""
    html = _templates().get_template(template).render(values)
    return _answer(status, "text/html; charset=utf-8", html.encode(), wall)


def redirect(location: str, wall: datetime) -> HttpResponse:
    """Return a redirect that the browser follows with GET; with 307 it would repeat a form (RFC 9700 section 4.12)."""
    return with_field(_answer(303, "text/html; charset=utf-8", b"", wall), "Location", location)


def _answer(status: int, content_type: str, body: bytes, wall: datetime) -> HttpResponse:
    return HttpResponse(status, http_fields(content_type, body, wall) + _HEADERS, body)


def with_field(response: HttpResponse, name: str, value: str) -> HttpResponse:
    """Return an answer with one more header."""
    return HttpResponse(response.status, (*response.headers.fields, (name, value)), response.body)


def with_form_targets(response: HttpResponse, sources: str) -> HttpResponse:
    """Return a page whose forms may also lead to these places: host and scheme sources of CSP Level 3."""
    fields = [
        (name, value.replace(_OWN_FORMS, f"{_OWN_FORMS} {sources}") if name == _POLICY else value)
        for name, value in response.headers.fields
    ]
    return HttpResponse(response.status, fields, response.body)
