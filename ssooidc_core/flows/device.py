"""Signing in with a device code (RFC 8628): start, show the code, poll.

A login between its start and its end is a value, `PendingDeviceLogin`, which survives a process. What it becomes after
a poll is decided by one pure function, `after_poll`, behind `poll_for_token`, which waits, and `poll_once`, which does
not (for job queues and event loops of your own).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, ValidationError

from ssooidc_core._attempts import announce, consult
from ssooidc_core._model import Secret, Stored, to_json
from ssooidc_core._operations.create_token import CreateTokenResponse, DeviceCodeGrant, create_token
from ssooidc_core._operations.register_client import (
    RegisterClientRequest,
    RegisterClientResponse,
    register_client,
)
from ssooidc_core._operations.start_device_authorization import (
    StartDeviceAuthorizationRequest,
    start_device_authorization,
)
from ssooidc_core._program import Instant, Now, Sleep, Steps, flow
from ssooidc_core.errors import (
    ConfigurationError,
    DeviceLoginExpired,
    ExpiredTokenException,
    SlowDownException,
)

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = [
    "PendingDeviceLogin",
    "after_poll",
    "poll_for_token",
    "poll_once",
    "start_device_login",
]

_SLOW_DOWN: Final = 5
_LONGEST_WAIT: Final = 60.0
# Epoch seconds as floats are exact to a quarter of a microsecond; a wait shorter than this is their rounding.
_ROUNDING: Final = 1e-5

_Epoch = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class PendingDeviceLogin(Stored, frozen=True):
    """A device login that waits for a person's decision.

    Attributes:
        region: the region that it was started in.
        client: the registration that it was started with, which refreshing needs later.
        device_code: what polling shows the service; secret.
        user_code: what the person compares or types. Show it always (RFC 8628 section 3.3.1).
        verification_uri: where the person goes.
        verification_uri_complete: the same with the code in it, or `None`.
        interval: seconds between polls, at least; grows by 5 with each `slow_down`.
        failed_polls: polls in a row, to now, that got no real answer.
        polls: polls sent so far.
        expires_at: epoch seconds from which the device code is void.
        next_poll_at: epoch seconds of the next poll.
    """

    region: str
    client: RegisterClientResponse
    device_code: Secret
    user_code: str = Field(repr=False)
    verification_uri: str
    verification_uri_complete: str | None = Field(default=None, repr=False)
    interval: Annotated[int, Field(ge=1, le=2**31 - 1)]
    failed_polls: _Count = 0
    polls: _Count = 0
    expires_at: _Epoch
    next_poll_at: _Epoch

    def to_json_with_secrets(self) -> str:
        """Store it: JSON **with the device code and the client secret in the clear**; keep it as you would a password.

        `model_dump_json()` masks secrets, and what it gives cannot be resumed.

        Raises:
            ConfigurationError: a text in it holds lone surrogates, which UTF-8 cannot.
        """
        return to_json(self).decode()

    @classmethod
    def from_json(cls, document: str | bytes) -> PendingDeviceLogin:
        """Read what `to_json_with_secrets` gave.

        Raises:
            ConfigurationError: it is not that, or its secrets are masked.
        """
        try:
            return cls.model_validate_json(document)
        except ValidationError as invalid:
            problems = ", ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'document'} {problem['type']}"
                for problem in invalid.errors(
                    include_input=False, include_context=False, include_url=False
                )[:5]
            )
        message = f"This is not a stored PendingDeviceLogin ({problems}); start the login again"
        raise ConfigurationError(message)


@flow
def start_device_login(
    registration: RegisterClientRequest | RegisterClientResponse, *, start_url: str, region: str
) -> Steps[PendingDeviceLogin]:
    """Start a device login: register, unless a registration is given, and ask for a device code.

    Args:
        registration: what to register, or an earlier registration to use again.
        start_url: the URL of the access portal, `https://d-1234567890.awsapps.com/start` for example.
        region: the region of the transport, remembered for those who resume the login.

    Raises:
        SsoOidcError: those of RegisterClient and StartDeviceAuthorization.
    """
    client = (
        registration
        if isinstance(registration, RegisterClientResponse)
        else (yield from register_client(registration))
    )
    device = yield from start_device_authorization(
        StartDeviceAuthorizationRequest.of(client, start_url=start_url)
    )
    issued = (yield from Now()).wall.timestamp()
    return PendingDeviceLogin(
        region=region,
        client=client,
        device_code=device.device_code,
        user_code=device.user_code,
        verification_uri=device.verification_uri,
        verification_uri_complete=device.verification_uri_complete,
        interval=device.interval,
        expires_at=issued + device.expires_in,
        next_poll_at=issued + device.interval,
    )


@flow
def poll_for_token(
    pending: PendingDeviceLogin, policy: Retrying | None = None
) -> Steps[CreateTokenResponse]:
    """Poll until the person has decided.

    Args:
        pending: the login; a resumed one goes on at its own pace.
        policy: decides on failed polls in place of `device_polling()`. Its waits count between the interval and 60
            seconds.

    Raises:
        DeviceLoginExpired: nobody approved it in time; the last failed poll is the cause.
        AccessDeniedException: the person refused.
        SsoOidcError: any other error that the policy does not go on after.
    """
    began = yield from Now()
    failure: Exception | None = None
    while True:
        at = _steady(began, (yield from Now()))
        wait = _wait_until_due(pending, at)
        if at + wait >= pending.expires_at:
            raise _expired() from failure
        if wait:
            yield from Sleep(wait)
            # Asked again: whatever slept may have slept too long.
            continue
        answer = yield from _poll(pending, began, policy)
        if isinstance(answer, CreateTokenResponse):
            return answer
        pending, failure = answer


@flow
def poll_once(
    pending: PendingDeviceLogin, policy: Retrying | None = None
) -> Steps[CreateTokenResponse | PendingDeviceLogin]:
    """Poll once and return the token, or the login as it is now; called before `next_poll_at` it sends nothing.

    Args:
        pending: the login, as the last call returned it.
        policy: as for `poll_for_token`.

    Raises:
        DeviceLoginExpired: nobody approved it in time.
        AccessDeniedException: the person refused.
        SsoOidcError: any other error that the policy does not go on after.
    """
    began = yield from Now()
    at = began.wall.timestamp()
    if at >= pending.expires_at:
        raise _expired()
    if _wait_until_due(pending, at):
        return pending
    answer = yield from _poll(pending, began, policy)
    return answer if isinstance(answer, CreateTokenResponse) else answer[0]


def _poll(
    pending: PendingDeviceLogin, began: Instant, policy: Retrying | None
) -> Steps[CreateTokenResponse | tuple[PendingDeviceLogin, Exception]]:
    try:
        return (yield from create_token(DeviceCodeGrant.of(pending.client, pending)))
    except Exception as caught:  # noqa: BLE001 - the policy decides
        failure = caught
    at = _steady(began, (yield from Now()))
    outcome = after_poll(pending, failure, at=at, began=began.wall.timestamp(), policy=policy)
    try:
        if isinstance(outcome, DeviceLoginExpired):
            raise outcome from failure
        if isinstance(outcome, PendingDeviceLogin):
            # It is kept for as long as the login lasts: not with the frames, requests and all, that it came through.
            return outcome, failure.with_traceback(None)
        raise outcome
    finally:
        del outcome, failure  # their tracebacks hold this frame


def after_poll(
    pending: PendingDeviceLogin,
    failure: Exception,
    *,
    at: float,
    began: float | None = None,
    policy: Retrying | None = None,
) -> PendingDeviceLogin | Exception:
    """Say what a pending login becomes after a poll that gave no token: the login to go on with, or how it ends.

    Args:
        pending: the login before the poll.
        failure: what the poll raised.
        at: epoch seconds at which it did.
        began: epoch seconds at which polling began, for strategies that count time; by default `at`.
        policy: decides, in place of `device_polling()`.

    Raises:
        ConfigurationError: a strategy of the policy is asynchronous.
    """
    from ssooidc_core.policies import PollState, device_polling, is_failed_poll  # noqa: PLC0415 - imports tenacity

    if isinstance(failure, ExpiredTokenException):
        return _expired()
    policy = device_polling() if policy is None else policy
    # The 5 seconds are the RFC's (section 3.5), not the policy's, and stay for good.
    interval = pending.interval + (_SLOW_DOWN if isinstance(failure, SlowDownException) else 0)
    state = PollState(policy, None, (), {})
    state.interval = interval
    state.failed_polls = pending.failed_polls + 1 if is_failed_poll(failure) else 0
    state.attempt_number = pending.polls + 1
    state.start_time = at if began is None else began
    state.set_exception((type(failure), failure, failure.__traceback__))
    state.outcome_timestamp = at
    longest = max(_LONGEST_WAIT, interval)
    # In this order: `max` keeps its first argument where a policy's wait is NaN.
    wait = consult(policy, state, shape=lambda wanted: min(max(float(interval), wanted), longest))
    if wait is None:
        return failure
    if at + wait >= pending.expires_at:
        return _expired()
    announce(policy, state, wait)
    return pending.model_copy(
        update={
            "interval": interval,
            "failed_polls": state.failed_polls,
            "polls": pending.polls + 1,
            "next_poll_at": at + wait,
        }
    )


def _wait_until_due(pending: PendingDeviceLogin, at: float) -> float:
    wait = pending.next_poll_at - at
    if wait <= _ROUNDING:
        return 0.0
    # Farther off than any wait is: the clock was set back since, and the poll may long be due.
    return 0.0 if wait > max(_LONGEST_WAIT, pending.interval) + 1 else wait


def _steady(began: Instant, now: Instant) -> float:
    """Epoch seconds that no one can set back within a process: the wall clock at the start, and what passed since."""
    return began.wall.timestamp() + (now.monotonic - began.monotonic)


def _expired() -> DeviceLoginExpired:
    return DeviceLoginExpired("The device code expired before the sign-in was approved")
