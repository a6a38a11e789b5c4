"""Device logins and user codes: from StartDeviceAuthorization and a person's decision to one token.

::

    pending --approve--> approved --CreateToken--> spent
       +------deny-----> denied

Every login expires; an expired one is answered as expired, whatever its state.
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
from ssooidc_emulator._settings import Settings

__all__ = ["DeviceLogin", "DeviceLogins", "LoginState", "PendingLogin"]

_DEVICE_CODE_BYTES: Final = 64
_MOST_TRIES: Final = 100
_SLOW_DOWN_SECONDS: Final = 5
# Requests that are sent an interval apart may arrive a little closer together.
_JITTER: Final = 0.05
# RFC 8628 section 6.1: no vowels, so that codes form no words, and no characters that are easily confused.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH: Final = 8
_HALF: Final = 4
# Larger bytes would make some letters likelier than others.
_FAIR: Final = 256 - 256 % len(_LETTERS)
_LONGEST_ENTRY: Final = 64


class LoginState(Enum):
    """The state of a device login, apart from its expiry."""

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
        """Approve the login for this user."""
        self.state, self.user = LoginState.APPROVED, user

    def deny(self) -> None:
        """Deny the login."""
        self.state = LoginState.DENIED

    def is_expired(self, now: float) -> bool:
        """Return whether the codes have expired."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A login that waits for a decision, without its device code; the user code is for `IdentityCenter.approve`."""

    user_code: str = field(repr=False)
    client_name: str
    scopes: tuple[str, ...]
    started_at: datetime
    expires_at: datetime


class DeviceLogins:
    """All device logins of an instance. Not locked."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Start without logins."""
        self._settings: Final = settings
        self._entropy: Final = entropy
        self._by_device_code: Final = ExpiringMap[str, DeviceLogin]()
        self._by_user_code: Final[dict[str, DeviceLogin]] = {}

    def __len__(self) -> int:
        """Return the number of logins that were not dropped yet."""
        return len(self._by_device_code)

    def start(self, client: Registration, now: float) -> DeviceLogin:
        """Start a login and return it."""
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
        # Kept for as long again after it expires, so that a late poll is answered with `expired_token`.
        self._by_device_code.put(login.device_code, login, until=login.expires_at + lifetime)
        self._by_user_code[login.user_code] = login
        return login

    def find(self, entered: str) -> DeviceLogin | None:
        """Return the login of a code as a person typed it, or `None`."""
        user_code = _canonical(entered)
        return None if user_code is None else self._by_user_code.get(user_code)

    def redeem(self, device_code: str, client: Registration, now: float) -> str | Refusal:
        """Spend an approved device code (RFC 6749 section 10.5) and return its user's name, or a refusal."""
        login = self._by_device_code.get(device_code)
        # Another client's code is answered like an unknown one.
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
        """Yield the logins that wait for a decision, oldest first."""
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
        """Drop logins that expired long ago."""
        for login in self._by_device_code.forget_until(now):
            del self._by_user_code[login.user_code]

    def _is_too_fast(self, login: DeviceLogin, now: float) -> bool:
        if not self._settings.enforce_interval:
            return False
        last, login.polled_at = login.polled_at, now
        # A test may set the clock back; the interval then starts again.
        if last is None or not 0 <= now - last < login.interval - _JITTER:
            return False
        # RFC 8628 section 3.5: "the interval MUST be increased by 5 seconds for this and all subsequent requests"
        login.interval += _SLOW_DOWN_SECONDS
        return True

    def _new_user_code(self) -> str:
        for _ in range(_MOST_TRIES):
            user_code = _new_user_code(self._entropy)
            if user_code not in self._by_user_code:
                return user_code
        raise RuntimeError(REPEATED_ENTROPY)


def _new_user_code(entropy: Entropy) -> str:
    """Return a code of the form `XXXX-XXXX`, with 34.6 bits of entropy."""
    letters = ""
    while len(letters) < _LENGTH:
        letters += "".join(
            _LETTERS[byte % len(_LETTERS)] for byte in entropy(_LENGTH) if byte < _FAIR
        )
    return _hyphenated(letters[:_LENGTH])


def _canonical(entered: str) -> str | None:
    """Return what a person typed in the form `XXXX-XXXX`, or `None` if it is not a code.

    Case, punctuation and characters that no code has are ignored (RFC 8628 section 6.1).
    """
    letters = "".join(
        character for character in entered[:_LONGEST_ENTRY].upper() if character in _LETTERS
    )
    return _hyphenated(letters) if len(letters) == _LENGTH else None


def _hyphenated(letters: str) -> str:
    return f"{letters[:_HALF]}-{letters[_HALF:]}"
