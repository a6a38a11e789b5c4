"""`IdentityCenter`: the emulated service as one state machine without I/O.

A request and the time go in; an answer, or a failure of the connection, comes out. The machine reads no clock and no
socket, and its randomness is an argument: with a seeded one, the same calls return the same bytes.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, Unpack
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_emulator._directory import Directory
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._iam.tokens import IamTokens
from ssooidc_emulator._oidc.answers import Answers, Members
from ssooidc_emulator._oidc.device_logins import DeviceLogin, LoginState, PendingLogin
from ssooidc_emulator._oidc.operations import Operations
from ssooidc_emulator._oidc.refusals import Refusal
from ssooidc_emulator._oidc.registrations import RegisteredClient
from ssooidc_emulator._oidc.sessions import ActiveSession
from ssooidc_emulator._pages.authorize import AuthorizePage
from ssooidc_emulator._pages.authorize_requests import AuthorizeClients
from ssooidc_emulator._pages.dashboard import Overview, dashboard
from ssooidc_emulator._pages.device import DevicePage
from ssooidc_emulator._pages.rendering import style
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
from ssooidc_emulator._settings import GivenSettings, read_settings
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
# The dashboard reloads every few seconds: its own requests must not fill the log that it shows.
_NOT_LOGGED: Final = frozenset({_DASHBOARD_PATH, _STYLE_PATH})
_LOG_SIZE: Final = 1000


class Route(NamedTuple):
    """An operation of a service: its name, the function that answers it, and the builder of other answers to it."""

    operation: OperationName
    answer: Callable[[HttpRequest, datetime], HttpResponse]
    answers: Answers


class IdentityCenter:
    """A local IAM Identity Center instance. Safe to use from many threads.

    It is for tests and demos: no AWS service accepts its tokens, and it must not be made reachable from a network.
    """

    def __init__(
        self,
        *,
        directory: Directory | None = None,
        entropy: Entropy = os.urandom,
        **settings: Unpack[GivenSettings],
    ) -> None:
        """Start without clients, logins and sessions.

        Args:
            directory: the users, accounts and applications of the instance; by default `Directory.example()`.
            entropy: returns random bytes; `seeded_entropy(...)` makes runs repeatable.
            **settings: any of the following.

                * `region`: the region of the instance, a part of every client id; by default "us-east-1".
                * `start_url`: the only start URL that is accepted; by default
                  "https://d-1234567890.awsapps.com/start".
                * `base_url`: the address of the device page for people; by default this emulator's own page for
                  requests over loopback, else the address that the real service used from 2019 to 2023.
                * `interval`: the seconds between polls that clients are told; by default 1.
                * `device_code_lifetime`: seconds; by default 600.
                * `authorization_code_lifetime`: seconds; by default 600, the longest time that RFC 6749 section 4.1.2
                  recommends.
                * `registration_lifetime`: seconds; by default 90 days, as for the real service.
                * `access_token_lifetime`: seconds, for clients with scopes, which can refresh; by default 3600.
                * `session_lifetime`: seconds, also for the access tokens of clients without scopes; by default 28800.
                * `role_session_lifetime`: seconds, for the credentials of a role; by default 3600.
                * `refresh_mode`: what happens to a refresh token that is used, see `RefreshMode`; by default "stable".
                * `enforce_interval`: answer `slow_down` to polls before the end of the interval; by default false,
                  since the AWS CLI polls twice at once, and no record shows that the real service refuses this.
                * `refuse_white_space`: refuse client names with white space, as the real service was reported to do;
                  by default true.
                * `auto_approve`: the name of a user whom `/authorize` signs in without showing a page, for browsers
                  that a script drives; by default `None`.

        Raises:
            ConfigurationError: the region is not one host label.
            ValueError: another setting is wrong, for example a time below 1 second, or `auto_approve` names no user.
        """
        self._settings: Final = read_settings(**settings)
        self._lock: Final = threading.RLock()
        self.directory: Final = Directory.example() if directory is None else directory
        self._operations: Final = Operations(self._settings, entropy)
        self._answers: Final = Answers(entropy)
        self._page: Final = DevicePage(self._operations.logins, self.directory, entropy)
        clients = AuthorizeClients(self._operations.registrations, self.directory)
        robot = self._settings.auto_approve
        self._authorize: Final = AuthorizePage(
            self._operations.codes,
            clients,
            entropy,
            auto_approve=None if robot is None else self.directory.someone(robot).name,
        )
        operations, sessions = self._operations, self._operations.sessions
        self._portal: Final = Portal(self._settings, sessions, self.directory, entropy)
        self._script: Final = FaultScript(entropy)
        self._handled = 0
        self._asked_at = 0.0
        self.log: Final = RequestLog(_LOG_SIZE)
        iam = IamTokens(
            self._settings,
            codes=operations.codes,
            sessions=sessions,
            directory=self.directory,
            answers=self._answers,
            entropy=entropy,
        )
        self._iam_route: Final = Route("CreateTokenWithIAM", iam.handle, self._answers)
        self._oidc_routes: Final[dict[tuple[str, str], Route]] = {
            ("POST", "/client/register"): self._oidc("RegisterClient", operations.register_client),
            ("POST", "/device_authorization"): self._oidc(
                "StartDeviceAuthorization", operations.start_device_authorization
            ),
            ("POST", _TOKEN_PATH): self._oidc("CreateToken", operations.create_token),
        }
        portal = self._portal
        self._portal_routes: Final[dict[tuple[str, str], Route]] = {
            ("GET", "/federation/credentials"): Route(
                "GetRoleCredentials", portal.route(portal.get_role_credentials), portal.answers
            ),
            ("GET", "/assignment/accounts"): Route(
                "ListAccounts", portal.route(portal.list_accounts), portal.answers
            ),
            ("GET", "/assignment/roles"): Route(
                "ListAccountRoles", portal.route(portal.list_account_roles), portal.answers
            ),
            ("POST", "/logout"): Route("Logout", portal.route(portal.logout), portal.answers),
        }

    @property
    def region(self) -> str:
        """The instance's region."""
        return self._settings.region

    @property
    def start_url(self) -> str:
        """The instance's start URL."""
        return self._settings.start_url

    def handle(self, request: HttpRequest, now: Instant) -> HttpResponse | WireFault:
        """Return the answer to a request, or a description of how the connection fails."""
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
        """Replace the next calls of an operation by a fault; `ssooidc_emulator.faults` has the usual faults.

        Args:
            operation: the name of the operation; `None` for all operations.
            fault: the fault. Faults happen in the order in which they were scripted.
            times: the number of calls to replace; `None` for all calls from now on.
            probability: the probability that a call is replaced, above 0 and at most 1; the center's entropy decides.
                Calls that are not replaced do not count for `times`.

        Raises:
            ValueError: there is no such operation, `times` is below 1, or the probability is out of range.
        """
        with self._lock:
            self._script.add(operation, fault, times, probability)

    def clear_script(self) -> None:
        """Remove all scripted faults."""
        with self._lock:
            self._script.clear()

    def approve(self, user_code: str, *, user: str | None = None) -> None:
        """Approve a pending device login, as a person does on the device page.

        Args:
            user_code: the code that the person was shown; case and punctuation do not matter.
            user: the name of the user who signs in; by default the first user of the directory.

        Raises:
            ValueError: no pending login has this code, or there is no such user.
        """
        with self._lock:
            name = self.directory.someone(user).name
            self._waiting(user_code).approve(name)

    def deny(self, user_code: str) -> None:
        """Deny a pending device login, as a person does on the device page.

        Raises:
            ValueError: no pending login has this code.
        """
        with self._lock:
            self._waiting(user_code).deny()

    def authorize(
        self, url: str, now: Instant, *, user: str | None = None, deny: bool = False
    ) -> str:
        """Decide on a browser login, as a person does on the page `/authorize`.

        Args:
            url: the URL that the client opens in a browser; only its query is read.
            now: the current time.
            user: the name of the user who signs in; by default the first user of the directory.
            deny: deny the login instead of approving it.

        Returns:
            The URL to which the browser is redirected.

        Raises:
            ValueError: no client has this id and redirect URI, or there is no such user.
        """
        with self._lock:
            wall = now.wall.timestamp()
            return self._authorize.decide(url, user=user, deny=deny, now=wall)

    def pending_logins(self, now: Instant) -> tuple[PendingLogin, ...]:
        """Return the device logins that wait for a decision, oldest first."""
        with self._lock:
            return tuple(self._operations.logins.pending(now.wall.timestamp()))

    def registrations(self, now: Instant) -> tuple[RegisteredClient, ...]:
        """Return the registered clients, oldest first."""
        with self._lock:
            return tuple(self._operations.registrations.listed(now.wall.timestamp()))

    def sessions(self, now: Instant) -> tuple[ActiveSession, ...]:
        """Return the sessions that are not over, oldest first."""
        with self._lock:
            return tuple(self._operations.sessions.listed(now.wall.timestamp()))

    def end_session(self, session_id: str) -> None:
        """End a session, as an administrator does; all of its tokens become invalid.

        Raises:
            ValueError: there is no session with this id, or it is over.
        """
        with self._lock:
            self._operations.sessions.end(session_id, self._asked_at)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each request from now on, and return a function that stops this.

        The subscriber is called in the thread that answers the request, before the answer is sent, and may call the
        center. An exception that it raises is logged, by the name of its class only, and suppressed.
        """
        return self.log.subscribe(subscriber)

    def __repr__(self) -> str:
        """Return the region and the start URL of the instance."""
        return f"IdentityCenter(region={self.region!r}, start_url={self.start_url!r})"

    def _waiting(self, user_code: str) -> DeviceLogin:
        login = self._operations.logins.find(user_code)
        # A decision comes without a time, so the time of the last request is used.
        is_void = login is None or login.is_expired(self._asked_at)
        if login is None or is_void or login.state is not LoginState.PENDING:
            message = "There is no pending device login with this user code"
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
            return None, style(wall)
        if any(path == known for _, known in self._portal_routes):
            return None, self._portal.wrong_method(wall)
        # The real service's answer is unverified.
        return None, self._answers.named_error(_NOT_FOUND, "UnknownOperationException", {}, wall)

    def _route(self, request: HttpRequest, path: str) -> Route | None:
        # CreateTokenWithIAM has the path of CreateToken (the service model).
        if path == _TOKEN_PATH and "aws_iam=t" in urlsplit(request.url).query.split("&"):
            return self._iam_route if request.method == "POST" else None
        key = (request.method, path)
        return self._oidc_routes.get(key) or self._portal_routes.get(key)

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
