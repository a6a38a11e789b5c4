"""`IdentityCenter`: the emulated service as one state machine without I/O.

A request and the time go in, an answer comes out, or what is to go wrong on the wire. Nothing is read from a clock or
a socket, and randomness is an argument: with a seeded one, the same calls give the same bytes.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_emulator._directory import Directory
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._iam.tokens import IamTokens
from ssooidc_emulator._oidc.answers import Answers
from ssooidc_emulator._oidc.device_logins import DeviceLogin, LoginState, PendingLogin
from ssooidc_emulator._oidc.operations import Members, Operations
from ssooidc_emulator._oidc.refusals import Refusal
from ssooidc_emulator._oidc.registrations import RegisteredClient
from ssooidc_emulator._oidc.sessions import ActiveSession
from ssooidc_emulator._pages.authorize import AuthorizePage
from ssooidc_emulator._pages.authorize_clients import AuthorizeClients
from ssooidc_emulator._pages.dashboard import Overview, dashboard
from ssooidc_emulator._pages.device import DevicePage
from ssooidc_emulator._pages.same_origin import comes_from_another_site
from ssooidc_emulator._portal.answers import error_name
from ssooidc_emulator._portal.operations import Portal
from ssooidc_emulator._request_log import (
    LoggedRequest,
    RequestLog,
    Subscriber,
    loggable_method,
    loggable_path,
)
from ssooidc_emulator._settings import RefreshMode, Settings
from ssooidc_emulator.faults._kinds import Call, Fault
from ssooidc_emulator.faults._script import FaultScript, OperationName
from ssooidc_emulator.faults._wire import BodyCut, ConnectionReset, Delayed, WireFault

__all__ = ["IdentityCenter"]

_NOT_FOUND: Final = 404
_DASHBOARD_PATH: Final = "/"
_DEVICE_PATH: Final = "/device"
_AUTHORIZE_PATH: Final = "/authorize"
_STYLE_PATH: Final = "/style.css"
_TOKEN_PATH: Final = "/token"  # noqa: S105 - a path
# The dashboard asks every few seconds: what it shows must not be that it was looked at.
_NOT_LOGGED: Final = frozenset({_DASHBOARD_PATH, _STYLE_PATH})
_LOG_SIZE: Final = 1000
_NINETY_DAYS: Final = 90 * 24 * 3600


class Route(NamedTuple):
    """An operation of a service: its name, what answers it, and the form of other answers to it."""

    operation: OperationName
    answer: Callable[[HttpRequest, datetime], HttpResponse]
    answers: Answers


class IdentityCenter:
    """A local IAM Identity Center instance. Safe to use from many threads.

    It is for tests and demos: its tokens open nothing, and it must not be put on a network.
    """

    def __init__(  # noqa: PLR0913 - each fact of an instance by name
        self,
        *,
        region: str = "us-east-1",
        start_url: str = "https://d-1234567890.awsapps.com/start",
        base_url: str | None = None,
        interval: int = 1,
        device_code_lifetime: int = 600,
        authorization_code_lifetime: int = 600,
        registration_lifetime: int = _NINETY_DAYS,
        access_token_lifetime: int = 3600,
        session_lifetime: int = 28800,
        role_session_lifetime: int = 3600,
        refresh_mode: RefreshMode = "stable",
        enforce_interval: bool = False,
        refuse_white_space: bool = True,
        auto_approve: str | None = None,
        directory: Directory | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        """Start with no clients, logins or sessions.

        Args:
            region: of the instance; a part of every client id.
            start_url: the one start URL that is accepted.
            base_url: where the device page is for people; by default this emulator where it is asked over loopback,
                else the form that the real service had from 2019 to 2023.
            interval: seconds between polls that clients are told.
            device_code_lifetime: seconds.
            authorization_code_lifetime: seconds; RFC 6749 section 4.1.2 recommends 10 minutes at most.
            registration_lifetime: seconds; the real service's is 90 days.
            access_token_lifetime: seconds, for clients that registered scopes and so can refresh.
            session_lifetime: seconds; also the access token's life for clients without scopes.
            role_session_lifetime: seconds, of the credentials of a role.
            refresh_mode: what becomes of a refresh token that was used; see `RefreshMode`.
            enforce_interval: answer `slow_down` to polls sooner than the interval. Off, since the AWS CLI polls twice
                at once, and the real service was never seen to mind.
            refuse_white_space: refuse client names with white space, as the real service was reported to.
            auto_approve: the name of a user whom `/authorize` signs in at once, without a page to agree on: for
                browsers that a script drives.
            directory: the users, accounts, applications of the instance; by default `Directory.example()`.
            entropy: gives random bytes; `seeded_entropy(...)` makes runs repeatable.

        Raises:
            ConfigurationError: the region is not one host label.
            ValueError: a time is below 1 second, the refresh mode is none, or `auto_approve` is no user.
        """
        self._settings: Final = Settings(
            region=region,
            start_url=start_url,
            base_url=base_url,
            interval=interval,
            device_code_lifetime=device_code_lifetime,
            authorization_code_lifetime=authorization_code_lifetime,
            registration_lifetime=registration_lifetime,
            access_token_lifetime=access_token_lifetime,
            session_lifetime=session_lifetime,
            role_session_lifetime=role_session_lifetime,
            refresh_mode=refresh_mode,
            enforce_interval=enforce_interval,
            refuse_white_space=refuse_white_space,
        )
        self._lock: Final = threading.RLock()
        self.directory: Final = Directory.example() if directory is None else directory
        self._operations: Final = Operations(self._settings, entropy)
        self._answers: Final = Answers(entropy)
        self._page: Final = DevicePage(self._operations.logins, self.directory, entropy)
        clients = AuthorizeClients(self._operations.registrations, self.directory)
        user = None if auto_approve is None else self.directory.someone(auto_approve).name
        self._authorize: Final = AuthorizePage(
            self._operations.codes, clients, entropy, auto_approve=user
        )
        sessions = self._operations.sessions
        self._portal: Final = Portal(self._settings, sessions, self.directory, entropy)
        self._script: Final = FaultScript(entropy)
        self._handled = 0
        self._asked_at = 0.0
        self.log: Final = RequestLog(_LOG_SIZE)
        operations = self._operations
        self._routes: Final[dict[tuple[str, str], Route]] = {
            ("POST", "/client/register"): self._oidc("RegisterClient", operations.register_client),
            ("POST", "/device_authorization"): self._oidc(
                "StartDeviceAuthorization", operations.start_device_authorization
            ),
            ("POST", _TOKEN_PATH): self._oidc("CreateToken", operations.create_token),
        }
        iam = IamTokens(self._settings, operations, self.directory, self._answers, entropy)
        self._iam_route: Final = Route("CreateTokenWithIAM", iam.handle, self._answers)
        for path, (method, operation, answer) in self._portal.operations.items():
            self._routes[method, path] = Route(operation, answer, self._portal.answers)

    @property
    def region(self) -> str:
        """The instance's region."""
        return self._settings.region

    @property
    def start_url(self) -> str:
        """The instance's start URL."""
        return self._settings.start_url

    def handle(self, request: HttpRequest, now: Instant) -> HttpResponse | WireFault:
        """Answer a request, or say how the wire is to fail."""
        path = urlsplit(request.url).path or "/"
        with self._lock:
            self._handled += 1
            number = self._handled
            self._asked_at = now.wall.timestamp()
            self._operations.forget_expired(self._asked_at)
            operation, outcome = self._outcome(request, path, now.wall)
        if path not in _NOT_LOGGED or request.method not in {"GET", "HEAD"}:
            self.log.add(_logged(number, request, now.wall, operation, outcome))
        return outcome

    def script(
        self,
        operation: OperationName | None,
        fault: Fault,
        *,
        times: int | None = 1,
        probability: float | None = None,
    ) -> None:
        """Let the next calls of an operation go wrong; `ssooidc_emulator.faults` has the faults.

        Args:
            operation: whose calls; `None` for every operation's.
            fault: what happens instead. Faults scripted first happen first.
            times: to how many calls; `None` for all from now on.
            probability: how likely it happens to a call, above 0 and at most 1; the center's entropy decides. Calls
                that are spared do not count for `times`.

        Raises:
            ValueError: there is no such operation, `times` is below 1, or the probability is none.
        """
        with self._lock:
            self._script.add(operation, fault, times, probability)

    def clear_script(self) -> None:
        """Let everything go right from now on."""
        with self._lock:
            self._script.clear()

    def approve(self, user_code: str, *, user: str | None = None) -> None:
        """Decide a pending device login as the person would at the page; case and punctuation do not matter.

        Args:
            user_code: the code that the person was shown.
            user: the name of the user who signs in; by default the directory's first.

        Raises:
            ValueError: no login with this code waits for a decision, or there is no such user.
        """
        with self._lock:
            name = self.directory.someone(user).name
            self._waiting(user_code).approve(name)

    def deny(self, user_code: str) -> None:
        """Refuse a pending device login as the person would at the page.

        Raises:
            ValueError: no login with this code waits for a decision.
        """
        with self._lock:
            self._waiting(user_code).deny()

    def authorize(
        self, url: str, now: Instant, *, user: str | None = None, deny: bool = False
    ) -> str:
        """Decide on an authorize URL as the person would who opens it, and give the URL that the browser is sent to.

        Args:
            url: what the client would open a browser with; its query is what counts.
            now: the time.
            user: the name of the user who signs in; by default the first.
            deny: refuse instead.

        Raises:
            ValueError: no client has this id and redirect URI, or there is no such user.
        """
        with self._lock:
            wall = now.wall.timestamp()
            return self._authorize.decide(url, user=user, deny=deny, now=wall)

    def pending_logins(self, now: Instant) -> tuple[PendingLogin, ...]:
        """Give the device logins that wait for a decision, the oldest first."""
        with self._lock:
            return tuple(self._operations.logins.pending(now.wall.timestamp()))

    def registrations(self, now: Instant) -> tuple[RegisteredClient, ...]:
        """Give the registered clients, the oldest first."""
        with self._lock:
            return tuple(self._operations.registrations.listed(now.wall.timestamp()))

    def sessions(self, now: Instant) -> tuple[ActiveSession, ...]:
        """Give the sessions that are not over, the oldest first."""
        with self._lock:
            return tuple(self._operations.sessions.listed(now.wall.timestamp()))

    def end_session(self, session_id: str) -> None:
        """End a session as an administrator would: all of its tokens are dead from now on.

        Raises:
            ValueError: there is no session with this id, or it is over.
        """
        with self._lock:
            self._operations.sessions.end(session_id, self._asked_at)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each request from now on; returns how to stop that. See `RequestLog.subscribe`."""
        return self.log.subscribe(subscriber)

    def __repr__(self) -> str:
        """Name the instance."""
        return f"IdentityCenter(region={self.region!r}, start_url={self.start_url!r})"

    def _waiting(self, user_code: str) -> DeviceLogin:
        login = self._operations.logins.find(user_code)
        # No time comes with a decision; that of the last request is what is known of it.
        is_void = login is None or login.is_expired(self._asked_at)
        if login is None or is_void or login.state is not LoginState.PENDING:
            message = "No device login with this user code waits for a decision"
            raise ValueError(message)
        return login

    def _outcome(
        self, request: HttpRequest, path: str, wall: datetime
    ) -> tuple[str | None, HttpResponse | WireFault]:
        route = self._route(request, path)
        if route is not None:
            if comes_from_another_site(request):
                return route.operation, route.answers.from_another_site(wall)
            return route.operation, self._call(route, request, wall)
        if path == _DASHBOARD_PATH:
            return None, dashboard(self._overview(wall), request, wall)
        if path == _DEVICE_PATH:
            return "DevicePage", self._page.handle(request, wall)
        if path == _AUTHORIZE_PATH:
            return "AuthorizePage", self._authorize.handle(request, wall)
        if path == _STYLE_PATH and request.method in {"GET", "HEAD"}:
            return None, self._page.style(wall)
        if path in self._portal.operations:
            return None, self._portal.wrong_method(wall)
        # What the real service says here is unverified.
        return None, self._answers.named_error(_NOT_FOUND, "UnknownOperationException", {}, wall)

    def _route(self, request: HttpRequest, path: str) -> Route | None:
        # CreateTokenWithIAM has CreateToken's path (the service model).
        if path == _TOKEN_PATH and "aws_iam=t" in urlsplit(request.url).query.split("&"):
            return self._iam_route if request.method == "POST" else None
        return self._routes.get((request.method, path))

    def _overview(self, wall: datetime) -> Overview:
        now = wall.timestamp()
        return Overview(
            region=self.region,
            start_url=self.start_url,
            logins=tuple(self._operations.logins.pending(now)),
            sessions=tuple(self._operations.sessions.listed(now)),
            registrations=tuple(self._operations.registrations.listed(now)),
            requests=self.log.entries(),
        )

    def _oidc(
        self,
        name: OperationName,
        operation: Callable[[bytes, str, float], Members | Refusal],
    ) -> Route:
        def answer(request: HttpRequest, wall: datetime) -> HttpResponse:
            result = operation(request.body, request.url, wall.timestamp())
            if isinstance(result, Refusal):
                return self._answers.refused(result, wall)
            return self._answers.good(result, wall)

        return Route(name, answer, self._answers)

    def _call(self, route: Route, request: HttpRequest, wall: datetime) -> HttpResponse | WireFault:
        fault = self._script.take(route.operation)
        if fault is None:
            return route.answer(request, wall)
        answer = functools.partial(route.answer, request)
        return fault.apply(Call(answer, route.answers, wall))


def _logged(
    number: int,
    request: HttpRequest,
    wall: datetime,
    operation: str | None,
    outcome: HttpResponse | WireFault,
) -> LoggedRequest:
    fault = None if isinstance(outcome, HttpResponse) else type(outcome).__name__
    answer = outcome.then if isinstance(outcome, Delayed) else outcome
    answer = answer.response if isinstance(answer, BodyCut) else answer
    if isinstance(answer, ConnectionReset):
        status, error = None, None
    else:
        status = answer.status
        error = error_name(answer)
    return LoggedRequest(
        number=number,
        time=wall,
        method=loggable_method(request.method),
        path=loggable_path(urlsplit(request.url).path),
        operation=operation,
        status=status,
        error=error,
        fault=fault,
    )
