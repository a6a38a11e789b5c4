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

from ssooidc_core.http import HttpRequest, HttpResponse
from ssooidc_core.program import Instant
from ssooidc_emulator.answers import Answers
from ssooidc_emulator.device_logins import DeviceLogin, LoginState, PendingLogin
from ssooidc_emulator.device_page import DevicePage
from ssooidc_emulator.directory import Directory
from ssooidc_emulator.entropy import Entropy
from ssooidc_emulator.fault_script import FaultScript, OperationName
from ssooidc_emulator.faults import Call, Fault
from ssooidc_emulator.operations import Members, Operations
from ssooidc_emulator.refusals import Refusal
from ssooidc_emulator.request_log import (
    LoggedRequest,
    RequestLog,
    Subscriber,
    loggable_method,
    loggable_path,
)
from ssooidc_emulator.same_origin import comes_from_another_site
from ssooidc_emulator.settings import RefreshMode, Settings
from ssooidc_emulator.wire_faults import BodyCut, ConnectionReset, Delayed, WireFault

__all__ = ["IdentityCenter"]

_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_PAGE_PATHS: Final = frozenset({"/", "/device"})
_STYLE_PATH: Final = "/style.css"
_LOG_SIZE: Final = 1000
_NINETY_DAYS: Final = 90 * 24 * 3600


class Route(NamedTuple):
    """An operation of the service: its name, and what answers it."""

    operation: OperationName
    answer: Callable[[HttpRequest, datetime], HttpResponse]


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
        registration_lifetime: int = _NINETY_DAYS,
        access_token_lifetime: int = 3600,
        session_lifetime: int = 28800,
        refresh_mode: RefreshMode = "stable",
        enforce_interval: bool = False,
        refuse_white_space: bool = True,
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
            registration_lifetime: seconds; the real service's is 90 days.
            access_token_lifetime: seconds, for clients that registered scopes and so can refresh.
            session_lifetime: seconds; also the access token's life for clients without scopes.
            refresh_mode: what becomes of a refresh token that was used; see `RefreshMode`.
            enforce_interval: answer `slow_down` to polls sooner than the interval. Off, since the AWS CLI polls twice
                at once, and the real service was never seen to mind.
            refuse_white_space: refuse client names with white space, as the real service does.
            directory: the users, accounts, applications of the instance; by default `Directory.example()`.
            entropy: gives random bytes; `seeded_entropy(...)` makes runs repeatable.

        Raises:
            ConfigurationError: the region is not one host label.
            ValueError: a time is below 1 second, or the refresh mode is none.
        """
        self._settings: Final = Settings(
            region=region,
            start_url=start_url,
            base_url=base_url,
            interval=interval,
            device_code_lifetime=device_code_lifetime,
            registration_lifetime=registration_lifetime,
            access_token_lifetime=access_token_lifetime,
            session_lifetime=session_lifetime,
            refresh_mode=refresh_mode,
            enforce_interval=enforce_interval,
            refuse_white_space=refuse_white_space,
        )
        self._lock: Final = threading.RLock()
        self.directory: Final = Directory.example() if directory is None else directory
        self._operations: Final = Operations(self._settings, entropy)
        self._answers: Final = Answers(entropy)
        self._page: Final = DevicePage(self._operations.logins, self.directory, entropy)
        self._script: Final = FaultScript()
        self._handled = 0
        self._asked_at = 0.0
        self.log: Final = RequestLog(_LOG_SIZE)
        operations = self._operations
        self._routes: Final[dict[tuple[str, str], Route]] = {
            ("POST", "/client/register"): self._oidc("RegisterClient", operations.register_client),
            ("POST", "/device_authorization"): self._oidc(
                "StartDeviceAuthorization", operations.start_device_authorization
            ),
            ("POST", "/token"): self._oidc("CreateToken", operations.create_token),
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
        """Answer a request, or say how the wire is to fail."""
        path = urlsplit(request.url).path or "/"
        with self._lock:
            self._handled += 1
            number = self._handled
            self._asked_at = now.wall.timestamp()
            self._operations.forget_expired(self._asked_at)
            operation, outcome = self._outcome(request, path, now.wall)
        self.log.add(_logged(number, request, now.wall, operation, outcome))
        return outcome

    def script(
        self, operation: OperationName | None, fault: Fault, *, times: int | None = 1
    ) -> None:
        """Let the next calls of an operation go wrong; `ssooidc_emulator.faults` has the faults.

        Args:
            operation: whose calls; `None` for every operation's.
            fault: what happens instead. Faults scripted first happen first.
            times: to how many calls; `None` for all from now on.

        Raises:
            ValueError: there is no such operation, or `times` is below 1.
        """
        with self._lock:
            self._script.add(operation, fault, times)

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

    def pending_logins(self, now: Instant) -> tuple[PendingLogin, ...]:
        """Give the device logins that wait for a decision, the oldest first."""
        with self._lock:
            return tuple(self._operations.logins.pending(now.wall.timestamp()))

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
        route = self._routes.get((request.method, path))
        # CreateTokenWithIAM, which has CreateToken's path, is not emulated yet.
        if route is not None and "aws_iam=t" not in urlsplit(request.url).query.split("&"):
            if comes_from_another_site(request):
                refused = self._answers.named_error(_FORBIDDEN, "ForbiddenException", {}, wall)
                return route.operation, refused
            return route.operation, self._call(route, request, wall)
        if path in _PAGE_PATHS:
            return "DevicePage", self._page.handle(request, wall)
        if path == _STYLE_PATH and request.method in {"GET", "HEAD"}:
            return None, self._page.style(wall)
        # What the real service says here is unverified.
        return None, self._answers.named_error(_NOT_FOUND, "UnknownOperationException", {}, wall)

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

        return Route(name, answer)

    def _call(self, route: Route, request: HttpRequest, wall: datetime) -> HttpResponse | WireFault:
        fault = self._script.take(route.operation)
        if fault is None:
            return route.answer(request, wall)
        process = functools.partial(route.answer, request, wall)
        return fault.apply(Call(process, self._answers, wall))


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
        error = answer.headers.get("x-amzn-errortype", "").partition(":")[0] or None
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
