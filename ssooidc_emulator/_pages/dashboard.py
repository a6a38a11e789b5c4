"""The dashboard: one page with the state of an instance, which reloads itself without a script.

Every user of the machine can open it. So it shows no token and no secret, and no user code either, since with it
another person could approve or deny the sign-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._text import printable
from ssooidc_emulator._oidc.device_logins import PendingLogin
from ssooidc_emulator._oidc.registrations import RegisteredClient
from ssooidc_emulator._oidc.sessions import ActiveSession
from ssooidc_emulator._pages.rendering import page, without_a_window, wrong_method
from ssooidc_emulator._pages.same_origin import opens_a_window
from ssooidc_emulator._request_log import LoggedRequest

__all__ = ["Overview", "dashboard"]

T = TypeVar("T")

_REFRESH_SECONDS: Final = 5
_STATIC: Final = "refresh=off"
_MOST_ROWS: Final = 50
_LONGEST_CELL: Final = 120
_FIRST_ERROR: Final = 400
_USUAL: Final = "AuthorizationPendingException"
_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60))
_TWICE: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The contents of the page; all lists begin with the oldest entry."""

    region: str
    start_url: str
    logins: Sequence[PendingLogin]
    sessions: Sequence[ActiveSession]
    registrations: Sequence[RegisteredClient]
    requests: Sequence[LoggedRequest]


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[str, ...]
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class _List:
    id: str
    rows: tuple[_Row, ...]
    more: int


def dashboard(overview: Overview, request: HttpRequest, wall: datetime) -> HttpResponse:
    """Return the answer to a request for the page."""
    if request.method not in {"GET", "HEAD"}:
        return wrong_method("GET, HEAD", wall)
    # Otherwise another site could load the page as an image and learn its size from the time that this takes.
    if not opens_a_window(request):
        return without_a_window(wall)
    is_static = _STATIC in urlsplit(request.url).query.split("&")
    return page(
        200,
        "dashboard.html",
        wall,
        refresh=None if is_static else _REFRESH_SECONDS,
        region=overview.region,
        start_url=printable(overview.start_url, limit=_LONGEST_CELL),
        time=f"{wall:%Y-%m-%d %H:%M:%S} UTC",
        logins=_newest("logins", overview.logins, lambda login: _login(login, wall)),
        sessions=_newest("sessions", overview.sessions, lambda session: _session(session, wall)),
        registrations=_newest(
            "registrations", overview.registrations, lambda client: _client(client, wall)
        ),
        requests=_newest("requests", overview.requests, _request),
    )


def _newest(name: str, items: Sequence[T], row: Callable[[T], _Row]) -> _List:
    shown = items[-_MOST_ROWS:]
    return _List(name, tuple(row(item) for item in reversed(shown)), len(items) - len(shown))


def _login(login: PendingLogin, wall: datetime) -> _Row:
    return _row(
        login.client_name,
        _scopes(login.scopes),
        _ago(login.started_at, wall),
        _ahead(login.expires_at, wall),
    )


def _session(session: ActiveSession, wall: datetime) -> _Row:
    return _row(
        session.user,
        session.client_name,
        _ago(session.began_at, wall),
        _ahead(session.expires_at, wall),
    )


def _client(client: RegisteredClient, wall: datetime) -> _Row:
    return _row(
        client.client_name,
        _scopes(client.scopes),
        ", ".join(sorted(grant.rpartition(":")[2] for grant in client.grant_types)),
        _ago(client.issued_at, wall),
        _ahead(client.expires_at, wall),
    )


def _request(entry: LoggedRequest) -> _Row:
    answer = " ".join(
        str(part) for part in (entry.status, entry.error, entry.fault) if part is not None
    )
    return _row(
        str(entry.number),
        f"{entry.time:%H:%M:%S}",
        f"{entry.method} {entry.path}",
        entry.operation or "",
        answer,
        is_wrong=entry.error != _USUAL and (entry.status is None or entry.status >= _FIRST_ERROR),
    )


def _row(*cells: str, is_wrong: bool = False) -> _Row:
    return _Row(tuple(printable(cell, limit=_LONGEST_CELL) for cell in cells), is_wrong)


def _scopes(scopes: Iterable[str]) -> str:
    return ", ".join(scopes) or "access to your AWS accounts"


def _ago(then: datetime, wall: datetime) -> str:
    return f"{_span((wall - then).total_seconds())} ago"


def _ahead(then: datetime, wall: datetime) -> str:
    return f"in {_span((then - wall).total_seconds())}"


def _span(seconds: float) -> str:
    """Return a duration in the largest unit of which it has at least two."""
    # A test may set the clock back; ages must not become negative.
    whole = max(0, int(seconds))
    for unit, size in _UNITS:
        if whole >= _TWICE * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
