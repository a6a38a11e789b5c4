"""The total time limits the waiting: an answer that is there when it is over is used.

A process may have been stopped while its answer arrived, and the answer may contain the only refresh token that is
good.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from ssooidc_core import ClientConfig, HttpRequest, Timeout
from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport

REQUEST: Final = HttpRequest("POST", "https://oidc.us-east-1.amazonaws.com/token", (), b"{}")
# It is over before the first part arrives.
CONFIG: Final = ClientConfig(region="us-east-1", total_timeout=1e-9)


class Parts(httpx.SyncByteStream):
    """A body that comes in parts."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts


def sent(*parts: bytes, length: int | None) -> bytes:
    headers = {} if length is None else {"Content-Length": str(length)}

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=Parts(*parts))

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        HttpxTransport(CONFIG, client=client) as transport,
    ):
        return transport.send(REQUEST).body


@pytest.mark.parametrize("length", [2, None])
def test_a_whole_answer_is_used_though_it_is_late(length: int | None) -> None:
    assert sent(b"{}", length=length) == b"{}"


@pytest.mark.parametrize(
    ("parts", "length"),
    [((b"{", b"}"), 2), ((b"{",), 2), ((b"{", b'"a":', b"1}"), None)],
)
def test_what_is_still_to_come_is_not_waited_for(
    parts: tuple[bytes, ...], length: int | None
) -> None:
    with pytest.raises(Timeout) as caught:
        sent(*parts, length=length)
    assert str(caught.value) == "No complete answer within total_timeout (1e-09 s)"


def test_an_async_transport_with_clients_of_its_own_makes_a_blocking_one() -> None:
    own = AsyncHttpxTransport(CONFIG)
    made = own.make_blocking()
    assert made is not None
    with made:
        assert made.config is CONFIG
    given = AsyncHttpxTransport(CONFIG, client=httpx.AsyncClient())
    assert given.make_blocking() is None
