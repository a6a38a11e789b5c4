"""Content codings, undone within a limit.

We ask for none (`Accept-Encoding: identity`); some proxies compress all the same. A few kilobytes of gzip can hold
gigabytes, so inflating stops one byte behind the limit.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from ssooidc_core.errors import ResponseTooLarge, TransportError

__all__ = ["decoded", "too_large"]

_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
# Nobody encodes more often, and each coding costs a pass over the body.
_MOST_CODINGS: Final = 3
# A member can be empty and 20 bytes small, and each costs a copy of the rest.
_MOST_MEMBERS: Final = 16


def too_large(limit: int) -> ResponseTooLarge:
    """Make the error of an answer that is larger than `limit` bytes."""
    return ResponseTooLarge(f"The answer is larger than max_response_bytes ({limit})")


def decoded(body: bytes, codings: Iterable[str], limit: int) -> bytes | TransportError:
    """Undo the codings of a body.

    Args:
        body: as it came.
        codings: the values of all `Content-Encoding` fields, in their order.
        limit: bytes that the result may have at most.

    Returns:
        The body, or the error to raise: it is larger, broken, or in a coding that was not asked for and is none of
        gzip and deflate.
    """
    named = [name.strip().lower() for value in codings for name in value.split(",")]
    applied = [name for name in named if name not in {"", "identity"}]
    if not applied or not body:
        return body
    if len(applied) > _MOST_CODINGS:
        return TransportError("The answer has too many content codings")
    for coding in reversed(applied):
        if coding not in {"gzip", "x-gzip", "deflate"}:
            return TransportError("The answer has a content coding that was not asked for")
        try:
            inflated = _gunzip(body, limit) if coding != "deflate" else _inflate(body, limit)
        except zlib.error:
            inflated = None
        if inflated is None:
            return TransportError(f"The answer's {coding} coding is broken")
        if len(inflated) > limit:
            return too_large(limit)
        body = inflated
    return body


def _gunzip(body: bytes, limit: int) -> bytes | None:
    """Inflate each member (RFC 1952 section 2.2); `None` where the last is cut short, or there is no end of them."""
    result = b""
    for _ in range(_MOST_MEMBERS):
        if not body:
            return result
        member = zlib.decompressobj(_GZIP)
        result += member.decompress(body, limit + 1 - len(result))
        if len(result) > limit:
            return result
        if not member.eof:
            return None
        # Zeros behind the last member are padding.
        body = member.unused_data.lstrip(b"\0")
    return None if body else result


def _inflate(body: bytes, limit: int) -> bytes | None:
    """Inflate the zlib format, or the bare deflate that some servers send in its place (RFC 9110 section 8.4.1.2)."""
    try:
        stream = zlib.decompressobj()
        result = stream.decompress(body, limit + 1)
    except zlib.error:
        stream = zlib.decompressobj(_RAW_DEFLATE)
        result = stream.decompress(body, limit + 1)
    return result if stream.eof or len(result) > limit else None
