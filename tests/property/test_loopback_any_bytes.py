"""Any bytes at the loopback listener: a response, a need for more, or a close; no code without its state."""

from __future__ import annotations

import re
from http import HTTPStatus
from string import ascii_letters, digits
from typing import Final
from urllib.parse import parse_qs

import h11
from hypothesis import event, example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from ssooidc_core import RegisterClientResponse
from ssooidc_core.flows.authorization_code import PendingCodeLogin
from ssooidc_login._flows.login import _judge
from ssooidc_login._loopback.http import (
    LONGEST_HEAD,
    Arrived,
    HangUp,
    MoreNeeded,
    Refused,
    Request,
    read_request,
)
from ssooidc_login._loopback.page import page, redirect

PORT: Final = 8400
PATH: Final = "/oauth/callback"
GOOD: Final = (
    b"GET /oauth/callback?code=c&state=s HTTP/1.1\r\nHost: 127.0.0.1:8400\r\nAccept: */*\r\n\r\n"
)

PIECES: Final = st.sampled_from(
    [
        b"GET", b"HEAD", b"POST", b" ", b"/oauth/callback", b"?code=c&state=s", b"/", b" HTTP/1.1", b" HTTP/2.0",
        b"\r\n", b"\r\n\r\n", b"\n", b"Host: ", b"host:", b"127.0.0.1:8400", b"localhost:8400", b"127.0.0.1",
        b"evil.example", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"\0", b"\x16\x03\x01", b"\xff", b"#",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"http://127.0.0.1:8400", b"%2f", b"..", b";", b"\t", b" " * 9000,
    ]
)  # fmt: skip
BYTES: Final = st.binary(max_size=300) | st.lists(PIECES, max_size=14).map(b"".join)


JUDGE: Final = _judge(
    PendingCodeLogin(
        region="us-east-1",
        client=RegisterClientResponse.model_validate(
            {"client_id": "id", "client_secret": "secret"}
        ),
        scopes=(),
        redirect_uri=f"http://127.0.0.1:{PORT}{PATH}",
        state=SecretStr("s"),
        code_verifier=SecretStr("v" * 64),
        expires_at=1.0,
    )
)


def read(received: bytes) -> Request:
    return read_request(received, port=PORT, path=PATH)


def spoil(at: int, cut: int, put: bytes) -> bytes:
    return GOOD[:at] + put + GOOD[at + cut :]


SPOILED: Final = st.builds(
    spoil, st.integers(0, len(GOOD)), st.integers(0, 12), st.binary(max_size=6) | PIECES
)


def understood_by_h11(received: bytes) -> tuple[str, str, list[str]] | None:
    """Return how another parser reads it: method, target and hosts, if it is a complete request without a body."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * LONGEST_HEAD)
    try:
        connection.receive_data(received)
        request = connection.next_event()
        if not isinstance(request, h11.Request) or connection.next_event() is h11.NEED_DATA:
            return None
    except h11.RemoteProtocolError:
        return None
    hosts = [value.decode() for name, value in request.headers if name == b"host"]
    return request.method.decode(), request.target.decode(), hosts


@given(BYTES | SPOILED)
@example(GOOD)
@example(GOOD.replace(b"127.0.0.1:8400", b"evil.example:8400"))
@example(b"")
def test_any_bytes_have_an_outcome(received: bytes) -> None:
    """A callback is what another HTTP parser reads as a GET of the one path, for this host and port."""
    outcome = read(received)
    event(type(outcome).__name__)
    if isinstance(outcome, Arrived):
        understood = understood_by_h11(received)
        assert understood is not None
        method, target, hosts = understood
        assert (method, target) == ("GET", outcome.target)
        assert target.partition("?")[0] == PATH
        assert [each.lower() for each in hosts] in (["127.0.0.1:8400"], ["localhost:8400"])
    elif isinstance(outcome, MoreNeeded):
        assert len(received) < LONGEST_HEAD
        assert b"\r\n\r\n" not in received
    elif isinstance(outcome, HangUp):
        assert chr(received[0]) not in ascii_letters + digits + "!#$%&'*+-.^_`|~"  # RFC 9110, tchar
    else:
        assert isinstance(outcome, Refused)
        assert outcome.status is not HTTPStatus.OK or outcome.head_only


@given(BYTES | SPOILED | st.builds(spoil, st.integers(40, 80), st.integers(0, 9), PIECES))
@example(GOOD)
@example(GOOD.replace(b"state=s", b"state=s&state=s"))
@example(GOOD.replace(b"state=s", b"error=access_denied"))
@example(GOOD.replace(b"code=c", b"error=access_denied"))
def test_nothing_is_taken_without_the_state(received: bytes) -> None:
    """The login's own check: another query parser finds its state exactly once, and a code or an error."""
    arrived = read(received)
    taken = isinstance(arrived, Arrived) and JUDGE(arrived.target) is True
    event(f"taken: {taken}")
    if isinstance(arrived, Arrived):
        fields = parse_qs(arrived.target.partition("?")[2], keep_blank_values=True)
        answers = [fields.get(name, []) for name in ("code", "error")]
        assert taken == (
            fields.get("state") == ["s"] and any(len(each) == 1 and each[0] for each in answers)
        )


@given(BYTES | SPOILED, st.data())
def test_pieces_make_no_difference(received: bytes, data: st.DataObject) -> None:
    """A prefix needs more, or has the final outcome already: splitting a request makes no difference."""
    cut = data.draw(st.integers(0, len(received)))
    early, whole = read(received[:cut]), read(received)
    assert isinstance(early, MoreNeeded) or early == whole


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(HTTPStatus))
@example("<script>alert(1)</script>", "\"'&<>\r\nSet-Cookie: a=b", HTTPStatus.OK)
def test_any_text_makes_one_page(heading: str, text: str, status: HTTPStatus) -> None:
    """Another HTTP parser reads one response; its body has no markup but the page's own, whatever the text."""
    answer = page(status, heading, text)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0] == f"HTTP/1.1 {status.value} {status.phrase}"
    fields = dict(line.split(": ", 1) for line in lines[1:])
    assert len(fields) == len(lines) - 1
    assert int(fields["Content-Length"]) == len(body)
    assert page(status, heading, text, head_only=True) == head + b"\r\n\r\n"
    tags = re.findall(r"<[^>]*>", body.decode())
    own = re.findall(r"<[^>]*>", page(status, "h", "t").partition(b"\r\n\r\n")[2].decode())
    assert tags == own


def test_a_redirect_is_one_answer_without_a_body() -> None:
    connection = h11.Connection(h11.CLIENT)
    _ = connection.send(h11.Request(method="GET", target="/x", headers=[("Host", "127.0.0.1")]))
    _ = connection.send(h11.EndOfMessage())
    connection.receive_data(redirect("https://oidc.us-east-1.amazonaws.com/authorize?state=s"))
    answer = connection.next_event()
    assert isinstance(answer, h11.Response)
    assert answer.status_code == 303
    fields = dict(answer.headers)
    assert fields[b"location"] == b"https://oidc.us-east-1.amazonaws.com/authorize?state=s"
    assert fields[b"referrer-policy"] == b"no-referrer"
    assert fields[b"cache-control"] == b"no-store"
    assert isinstance(connection.next_event(), h11.EndOfMessage)
