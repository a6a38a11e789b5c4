"""Decoding of compressed response bodies (RFC 9110 section 8.4) with a size limit.

Requests ask for no coding (`Accept-Encoding: identity`), but some proxies compress anyway. A few kilobytes of gzip can
expand to gigabytes, so decompression stops one byte past the limit.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from ssooidc_core.errors import ResponseTooLarge, TransportError

__all__ = ["decoded", "too_large"]

_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
# Real responses have one coding, and each costs a pass over the body.
_MOST_CODINGS: Final = 3
# An empty gzip member takes only 20 bytes, and each member costs a copy of what follows it.
_MOST_MEMBERS: Final = 16


def too_large(limit: int) -> ResponseTooLarge:
    """Return the error for a response larger than `limit` bytes."""
    return ResponseTooLarge(f"The answer is larger than max_response_bytes ({limit})")


def decoded(body: bytes, codings: Iterable[str], limit: int) -> bytes | TransportError:
    """Return the decoded body.

    Args:
        body: the body as received.
        codings: the values of all `Content-Encoding` fields, in order.
        limit: the largest size of the result, in bytes.

    Returns:
        The body, or the error to raise: the body is too large or broken, or its coding is neither gzip nor deflate.
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
    """Decompress each member (RFC 1952 section 2.2); return `None` if the last is incomplete or there are too many."""
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
        # Zeros after the last member are padding.
        body = member.unused_data.lstrip(b"\0")
    return None if body else result


def _inflate(body: bytes, limit: int) -> bytes | None:
    """Decompress the zlib format, or the raw deflate that some servers send instead (RFC 9110 section 8.4.1.2)."""
    try:
        stream = zlib.decompressobj()
        result = stream.decompress(body, limit + 1)
    except zlib.error:
        stream = zlib.decompressobj(_RAW_DEFLATE)
        result = stream.decompress(body, limit + 1)
    return result if stream.eof or len(result) > limit else None
