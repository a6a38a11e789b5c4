"""Device logins: from StartDeviceAuthorization through a person's decision to one token.

::

    pending --approve--> approved --CreateToken--> spent
       +------deny-----> denied

Each of them expires, and what is expired says so before anything else.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from ssooidc_emulator._entropy import REPEATED_ENTROPY, Entropy
from ssooidc_emulator._expiring import ExpiringMap
from ssooidc_emulator._oidc.refusals import (
    ACCESS_DENIED,
    AUTHORIZATION_PENDING,
    EXPIRED_DEVICE_CODE,
    INVALID_GRANT,
    SLOW_DOWN,
    Refusal,
)
from ssooidc_emulator._oidc.registrations import Registration
from ssooidc_emulator._oidc.user_codes import canonical_user_code, new_user_code
from ssooidc_emulator._settings import Settings

__all__ = ["DeviceLogin", "DeviceLogins", "LoginState", "PendingLogin"]

_DEVICE_CODE_BYTES: Final = 64
_MOST_TRIES: Final = 100
_SLOW_DOWN_SECONDS: Final = 5
# Requests that were sent an interval apart may arrive a little closer together.
_JITTER: Final = 0.05


class LoginState(Enum):
    """Where a device login stands; time comes on top."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    SPENT = "spent"


@dataclass(slots=True)
class DeviceLogin:
    """One device login; times are epoch seconds."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    client: Registration
    started_at: float
    expires_at: float
    interval: int
    state: LoginState = LoginState.PENDING
    user: str | None = None
    polled_at: float | None = None

    def approve(self, user: str) -> None:
        """Decide for this user."""
        self.state, self.user = LoginState.APPROVED, user

    def deny(self) -> None:
        """Decide against it."""
        self.state = LoginState.DENIED

    def is_expired(self, now: float) -> bool:
        """Whether the codes are void."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A login that waits for a person, as anybody may see it; the user code is what `approve` wants."""

    user_code: str = field(repr=False)
    client_name: str
    scopes: tuple[str, ...]
    started_at: datetime
    expires_at: datetime


class DeviceLogins:
    """All device logins of an instance."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Start with none."""
        self._settings: Final = settings
        self._entropy: Final = entropy
        self._by_device_code: Final = ExpiringMap[str, DeviceLogin]()
        self._by_user_code: Final[dict[str, DeviceLogin]] = {}

    def __len__(self) -> int:
        """Count the logins that were not forgotten."""
        return len(self._by_device_code)

    def start(self, client: Registration, now: float) -> DeviceLogin:
        """Start a login."""
        raw = self._entropy(_DEVICE_CODE_BYTES)
        lifetime = self._settings.device_code_lifetime
        login = DeviceLogin(
            device_code=base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii"),
            user_code=self._new_user_code(),
            client=client,
            started_at=now,
            expires_at=now + lifetime,
            interval=self._settings.interval,
        )
        # Kept past its end for as long again, so that a late poll hears `expired_token`.
        self._by_device_code.put(login.device_code, login, until=login.expires_at + lifetime)
        self._by_user_code[login.user_code] = login
        return login

    def find(self, entered: str) -> DeviceLogin | None:
        """Find a login by what a person typed."""
        user_code = canonical_user_code(entered)
        return None if user_code is None else self._by_user_code.get(user_code)

    def redeem(self, device_code: str, client: Registration, now: float) -> str | Refusal:
        """Turn an approved device code in for its user's name, or say why not.

        After that it is spent (RFC 6749 section 10.5).
        """
        login = self._by_device_code.get(device_code)
        # Another client's code must look like none at all.
        if login is None or login.client.client_id != client.client_id:
            return INVALID_GRANT
        if login.is_expired(now):
            return EXPIRED_DEVICE_CODE
        if self._is_too_fast(login, now):
            return SLOW_DOWN
        if login.state is LoginState.DENIED:
            return ACCESS_DENIED
        if login.state is LoginState.PENDING or login.user is None:
            return AUTHORIZATION_PENDING
        if login.state is LoginState.SPENT:
            return INVALID_GRANT
        login.state = LoginState.SPENT
        return login.user

    def pending(self, now: float) -> Iterable[PendingLogin]:
        """Give the logins that wait for a person, the oldest first."""
        for login in self._by_device_code.values():
            if login.state is LoginState.PENDING and not login.is_expired(now):
                yield PendingLogin(
                    user_code=login.user_code,
                    client_name=login.client.client_name,
                    scopes=login.client.scopes,
                    started_at=datetime.fromtimestamp(login.started_at, UTC),
                    expires_at=datetime.fromtimestamp(login.expires_at, UTC),
                )

    def forget_expired(self, now: float) -> None:
        """Drop logins that nobody asks for any more."""
        for login in self._by_device_code.forget_until(now):
            del self._by_user_code[login.user_code]

    def _is_too_fast(self, login: DeviceLogin, now: float) -> bool:
        if not self._settings.enforce_interval:
            return False
        last, login.polled_at = login.polled_at, now
        # A clock that a test set back begins anew.
        if last is None or not 0 <= now - last < login.interval - _JITTER:
            return False
        # RFC 8628 section 3.5: "the interval MUST be increased by 5 seconds for this and all subsequent requests"
        login.interval += _SLOW_DOWN_SECONDS
        return True

    def _new_user_code(self) -> str:
        for _ in range(_MOST_TRIES):
            user_code = new_user_code(self._entropy)
            if user_code not in self._by_user_code:
                return user_code
        raise RuntimeError(REPEATED_ENTROPY)
