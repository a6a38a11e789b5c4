"""Notes of failed refreshes: the holder of the lock leaves one for those that wait for it, in other processes too.

A refresh token may be good for one request only. If that request failed, or its answer was lost, it does not help to
send the token again at once, and hundreds of waiting callers would do so one after the other. The note is a number: the
kind of failure, and a few bits that tell this refresh token from the next one and reveal nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from ssooidc_core import ServiceError, SsoOidcError, TransportError
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._transient_errors import is_repeatable, is_throttling
from ssooidc_login._events import LoginSteps, Note, Noted

__all__ = ["HOLD_OFF", "RefreshNote", "leave_note", "read_note"]

HOLD_OFF: Final = 5.0
"""For how many seconds nobody sends a refresh token again whose last refresh failed."""

# A note cannot count longer, so a file from elsewhere, whose time is in the future, delays nothing.
_LONGEST: Final = 60.0
_MARKS: Final = 2_500_000


class _Kind(IntEnum):
    """Why the last refresh failed. The values are written to files: never change them."""

    SERVICE = 0
    ANSWER_LOST = 1
    PAUSE = 2


_TEXTS: Final = {
    _Kind.SERVICE: "the service failed",
    _Kind.ANSWER_LOST: "the connection was lost before the service's answer came",
    _Kind.PAUSE: "the service asked for a pause",
}


@dataclass(frozen=True, slots=True)
class RefreshNote:
    """A note that counts for a token.

    Attributes:
        is_pause: whether the service asked for a pause: then waiting helps.
        text: what happened, and when the next attempt is possible.
    """

    is_pause: bool
    text: str


def leave_note(token: TokenFile, failure: SsoOidcError) -> LoginSteps[bool]:
    """Leave a note about a failed refresh, if sending the same token again at once would not help; return whether."""
    if isinstance(failure, TransportError):
        kind, seconds = _Kind.ANSWER_LOST, HOLD_OFF if failure.may_have_been_sent else 0.0
    elif is_throttling(failure) and isinstance(failure, ServiceError):
        kind, seconds = _Kind.PAUSE, min(failure.retry_after or 1.0, HOLD_OFF)
    else:
        kind, seconds = _Kind.SERVICE, HOLD_OFF if is_repeatable(failure) else 0.0
    if seconds:
        yield from Note(kind * _MARKS + _mark(token), seconds)
    return bool(seconds)


def read_note(token: TokenFile) -> LoginSteps[RefreshNote | None]:
    """Return the note that counts now for a token's refresh token, if there is one."""
    noted = yield from Noted()
    if noted is None:
        return None
    kind, mark = divmod(noted[0], _MARKS)
    if not 0 < noted[1] <= _LONGEST or mark != _mark(token) or kind not in _TEXTS:
        return None
    said = _TEXTS[_Kind(kind)]
    text = (
        f"A refresh failed a moment ago: {said}. The next attempt is possible in {noted[1]:.0f} s"
    )
    return RefreshNote(kind == _Kind.PAUSE, text)


def _mark(token: TokenFile) -> int:
    secret = token.refresh_token
    text = "" if secret is None else secret.get_secret_value()
    digest = sha256(text.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % _MARKS
