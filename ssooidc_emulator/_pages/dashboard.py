"""The dashboard: what goes on in an instance, on one page that renews itself without a script.

Anybody on the machine may look at it. So it shows no token, no secret, and no user code: whoever saw another's code
could approve a sign-in with it, or deny it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._text import printable
from ssooidc_emulator._oidc.device_logins import PendingLogin
from ssooidc_emulator._oidc.registrations import RegisteredClient
from ssooidc_emulator._pages.rendering import message, page, with_field
from ssooidc_emulator._pages.same_origin import opens_a_window
from ssooidc_emulator._request_log import LoggedRequest

__all__ = ["Overview", "dashboard"]

T = TypeVar("T")

_REFRESH_SECONDS: Final = 5
_STILL: Final = "refresh=off"
_MOST_ROWS: Final = 50
_LONGEST_CELL: Final = 120
_FIRST_ERROR: Final = 400
_USUAL: Final = "AuthorizationPendingException"
_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60))
_TWICE: Final = 2


class ListedSession(Protocol):
    """What is shown of a session."""

    @property
    def user(self) -> str:
        """Whose it is."""
        ...

    @property
    def client_name(self) -> str:
        """What it was begun with."""
        ...

    @property
    def began_at(self) -> datetime:
        """When it began."""
        ...

    @property
    def expires_at(self) -> datetime:
        """When it is over."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What there is to show; lists begin with the oldest."""

    region: str
    start_url: str
    logins: Sequence[PendingLogin]
    sessions: Sequence[ListedSession]
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
    """Answer a request for the page."""
    if request.method not in {"GET", "HEAD"}:
        response = message(405, "That cannot be done here", "Open this page in a browser.", wall)
        return with_field(response, "Allow", "GET, HEAD")
    # How long an image takes would tell how much there is.
    if not opens_a_window(request):
        return message(403, "Not accepted", "Open this page in a window of its own.", wall)
    stands_still = _STILL in urlsplit(request.url).query.split("&")
    return page(
        200,
        "dashboard.html",
        wall,
        refresh=None if stands_still else _REFRESH_SECONDS,
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


def _session(session: ListedSession, wall: datetime) -> _Row:
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
    """Give a duration in its largest unit of which there are at least two."""
    # A clock that a test set back must not show negative ages.
    whole = max(0, int(seconds))
    for unit, size in _UNITS:
        if whole >= _TWICE * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
