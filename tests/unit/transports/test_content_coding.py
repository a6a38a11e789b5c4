from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from ssooidc_core import ResponseTooLarge, TransportError
from ssooidc_transports._content_coding import decoded

TEXT = b'{"accessToken":"canary"}' * 10
LIMIT = len(TEXT)


def packed(body: bytes) -> bytes:
    # Without a timestamp: the value is part of the test's id, which must be the same in every worker.
    return gzip.compress(body, mtime=0)


def bare_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


@pytest.mark.parametrize(
    ("body", "codings"),
    [
        (TEXT, []),
        (TEXT, [""]),
        (TEXT, ["identity"]),
        (packed(TEXT), ["gzip"]),
        (packed(TEXT), [" X-GZIP "]),
        (packed(TEXT[:9]) + packed(TEXT[9:]), ["gzip"]),
        (packed(TEXT) + bytes(512), ["gzip"]),
        (zlib.compress(TEXT), ["deflate"]),
        (bare_deflate(TEXT), ["deflate"]),
        (zlib.compress(packed(TEXT)), ["gzip", "deflate"]),
        (zlib.compress(packed(TEXT)), ["gzip, identity, deflate"]),
    ],
)
def test_undoes(body: bytes, codings: list[str]) -> None:
    assert decoded(body, codings, LIMIT) == TEXT


def test_an_empty_body_is_in_no_coding() -> None:
    assert decoded(b"", ["br"], 1) == b""


@pytest.mark.parametrize(
    ("body", "codings"),
    [
        (packed(TEXT + b"x"), ["gzip"]),
        (packed(TEXT) + packed(b"x"), ["gzip"]),
        (zlib.compress(TEXT + b"x"), ["deflate"]),
        (bare_deflate(TEXT + b"x"), ["deflate"]),
    ],
)
def test_one_byte_more_than_the_limit_is_too_large(body: bytes, codings: list[str]) -> None:
    error = decoded(body, codings, LIMIT)
    assert type(error) is ResponseTooLarge
    assert str(error) == f"The answer is larger than max_response_bytes ({LIMIT})"
    assert error.may_have_been_sent


@pytest.mark.parametrize(
    ("body", "codings", "text"),
    [
        (TEXT, ["br"], "The answer has a content coding that was not asked for"),
        (TEXT, ["canary"], "The answer has a content coding that was not asked for"),
        (TEXT, ["gzip"] * 4, "The answer has too many content codings"),
        (TEXT, ["gzip"], "The answer's gzip coding is broken"),
        (TEXT, ["deflate"], "The answer's deflate coding is broken"),
        (packed(TEXT)[:-1], ["gzip"], "The answer's gzip coding is broken"),
        (packed(TEXT) + b"canary", ["gzip"], "The answer's gzip coding is broken"),
        (packed(b"") * 1000, ["gzip"], "The answer's gzip coding is broken"),
        (zlib.compress(TEXT)[:-1], ["deflate"], "The answer's deflate coding is broken"),
    ],
)
def test_refuses(body: bytes, codings: list[str], text: str) -> None:
    error = decoded(body, codings, LIMIT)
    assert type(error) is TransportError
    assert str(error) == text
    assert error.may_have_been_sent
    assert error.__context__ is None


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_takes_no_more_memory_than_the_limit(coding: str) -> None:
    stream = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    bomb = stream.compress(bytes(50_000_000)) + stream.flush()
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        error = decoded(bomb, [coding], 100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not tracing:
            tracemalloc.stop()
    assert type(error) is ResponseTooLarge
    assert peak - before < 2_000_000
