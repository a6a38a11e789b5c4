"""Pages of a list: `max_result` and `next_token`.

A token names the last entry of its page, so that entries may be added or removed between two requests. It is valid only
for its own list and cannot be forged: it has a MAC over both, with a key of the instance.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.refusals import MessageRefusal
from ssooidc_emulator._portal.answers import BAD_MAX_RESULT, BAD_NEXT_TOKEN

__all__ = ["Page", "ResultPages"]

T = TypeVar("T")

_KEY_BYTES: Final = 32
_MAC_BYTES: Final = 16
_MOST: Final = 100  # the service model: MaxResultType
# Users with more than 20 accounts get several pages: aws/aws-tools-for-powershell#401
_USUAL: Final = 20
_NUMBER: Final = re.compile(r"0{0,9}[1-9][0-9]{0,2}\Z")


class Page(NamedTuple, Generic[T]):
    """One page, and the token for the next one; `None` on the last page."""

    entries: Sequence[T]
    next_token: str | None


class ResultPages:
    """Splits lists into pages."""

    def __init__(self, entropy: Entropy) -> None:
        """Generate the key."""
        self._key: Final = entropy(_KEY_BYTES)

    def page(
        self,
        entries: Sequence[T],
        name: Callable[[T], str],
        *,
        of: tuple[str, ...],
        max_result: str | None,
        next_token: str | None,
    ) -> Page[T] | MessageRefusal:
        """Return the requested page.

        Args:
            entries: the whole list, in any order.
            name: returns the unique sort key of an entry.
            of: the identity of this list.
            max_result: the number of entries on a page, as in the request.
            next_token: the token, as in the request; an empty one counts as absent.
        """
        size = _USUAL
        if max_result is not None:
            size = int(max_result) if _NUMBER.match(max_result) else 0
        if not 1 <= size <= _MOST:
            return BAD_MAX_RESULT
        after = self._read(next_token, of) if next_token else ""
        if after is None:
            return BAD_NEXT_TOKEN
        rest = sorted((entry for entry in entries if name(entry) > after), key=name)
        shown = rest[:size]
        return Page(shown, self._token(name(shown[-1]), of) if len(rest) > size else None)

    def _token(self, after: str, of: tuple[str, ...]) -> str:
        raw = self._mac(after.encode(), of) + after.encode()
        return base64.urlsafe_b64encode(raw).decode("ascii")

    def _read(self, token: str, of: tuple[str, ...]) -> str | None:
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if base64.urlsafe_b64encode(raw).decode("ascii") != token:
            return None
        mac, after = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        return after.decode() if hmac.compare_digest(mac, self._mac(after, of)) else None

    def _mac(self, after: bytes, of: tuple[str, ...]) -> bytes:
        # No part contains a zero byte: ids and the names of roles and operations are printable.
        message = b"\0".join((*(part.encode() for part in of), after))
        return hmac.new(self._key, message, hashlib.sha256).digest()[:_MAC_BYTES]
