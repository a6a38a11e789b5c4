"""Other traffic at a port of this machine: other protocols, stalled and slow connections, other hosts' pages."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing
from threading import Event

import pytest
from pydantic import SecretStr

from ssooidc_login._loopback.http import Arrived, read_request
from ssooidc_login._loopback.listener import LoopbackListener, listen
from ssooidc_login._loopback.server import Limits

ANSWER = "/oauth/callback?code=c&state=s"


@pytest.fixture
def listener() -> Iterator[LoopbackListener]:
    with closing(listen((0,), paste=None)) as opened:
        opened.expect(lambda url: url == ANSWER)
        yield opened


def make(limits: Limits) -> LoopbackListener:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0)
    opened = LoopbackListener(listening, None, limits)
    opened.expect(lambda url: url == ANSWER)
    return opened


def port_of(listener: LoopbackListener) -> int:
    return int(listener.redirect_uri.split(":")[2].partition("/")[0])


def connect(listener: LoopbackListener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(listener)), timeout=10)


def rest(sock: socket.socket) -> bytes:
    received = b""
    while data := sock.recv(65536):
        received += data
    return received


def exchange(listener: LoopbackListener, sent: bytes) -> bytes:
    with connect(listener) as sock:
        sock.sendall(sent.replace(b"PORT", b"%d" % port_of(listener)))
        return rest(sock)


def check_that_it_still_works(listener: LoopbackListener) -> None:
    assert listener.poll(0) is None
    with connect(listener) as browser:
        browser.sendall(
            f"GET {ANSWER} HTTP/1.1\r\nHost: 127.0.0.1:{port_of(listener)}\r\n\r\n".encode()
        )
        answer = listener.poll(10)
        assert isinstance(answer, SecretStr)
        assert answer.get_secret_value() == ANSWER
        listener.finish(succeeded=True, text="Done")
        assert b"<p>Done</p>" in rest(browser)


GET = b"GET " + ANSWER.encode() + b" HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1:PORT\r\n"
STATUSES = {
    "wrong path": (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", b"404 Not Found"),
    "favicon": (b"GET /favicon.ico HTTP/1.1\r\n" + HOST + b"\r\n", b"404 Not Found"),
    "wrong state": (GET.replace(b"=s", b"=t") + HOST + b"\r\n", b"400 Bad Request"),
    "POST": (GET.replace(b"GET", b"POST") + HOST + b"\r\n", b"405 Method Not Allowed"),
    "preflight": (GET.replace(b"GET", b"OPTIONS") + HOST + b"\r\n", b"405 Method Not Allowed"),
    "HEAD": (GET.replace(b"GET", b"HEAD") + HOST + b"\r\n", b"200 OK"),
    "HEAD elsewhere": (b"HEAD /x HTTP/1.1\r\n" + HOST + b"\r\n", b"404 Not Found"),
    "rebinding": (GET + b"Host: evil.example:PORT\r\n\r\n", b"421 Misdirected Request"),
    "rebinding, suffix": (GET + b"Host: 127.0.0.1.evil.example:PORT\r\n\r\n", b"421 Misdirected Request"),
    "no port": (GET + b"Host: 127.0.0.1\r\n\r\n", b"421 Misdirected Request"),
    "other port": (GET + b"Host: 127.0.0.1:1\r\n\r\n", b"421 Misdirected Request"),
    "IPv6": (GET + b"Host: [::1]:PORT\r\n\r\n", b"421 Misdirected Request"),
    "user info": (GET + b"Host: a@127.0.0.1:PORT\r\n\r\n", b"421 Misdirected Request"),
    "no host": (GET + b"\r\n", b"400 Bad Request"),
    "two hosts": (GET + HOST + HOST + b"\r\n", b"400 Bad Request"),
    "folded": (GET + HOST + b"A: b\r\n c\r\n\r\n", b"400 Bad Request"),
    "blank before the colon": (GET + HOST + b"A : b\r\n\r\n", b"400 Bad Request"),
    "control in a value": (GET + HOST + b"A: b\x01\r\n\r\n", b"400 Bad Request"),
    "no version": (b"GET " + ANSWER.encode() + b"\r\n" + HOST + b"\r\n", b"400 Bad Request"),
    "absolute form": (GET.replace(b"/oauth", b"http://127.0.0.1:PORT/oauth") + HOST + b"\r\n", b"404 Not Found"),
    "fragment": (GET.replace(b"=s", b"=s#x") + HOST + b"\r\n", b"404 Not Found"),
    "body": (GET + HOST + b"Content-Length: 5\r\n\r\nhello", b"400 Bad Request"),
    "chunked": (GET + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400 Bad Request"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505 HTTP Version Not Supported"),
    "junk": (b"junk\r\n\r\n", b"400 Bad Request"),
    "huge head": (GET + HOST + b"A: " + b"b" * 40_000, b"431 Request Header Fields Too Large"),
    "huge line": (b"A" * 100_000, b"431 Request Header Fields Too Large"),
    "many fields": (GET + HOST + b"A: b\r\n" * 101 + b"\r\n", b"400 Bad Request"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "status"), STATUSES.values(), ids=STATUSES)
def test_what_is_no_answer_gets_its_status(
    listener: LoopbackListener, sent: bytes, status: bytes
) -> None:
    answer = exchange(listener, sent)
    assert answer.split(b"\r\n", 1)[0] == b"HTTP/1.1 " + status
    assert b"Cache-Control: no-store" in answer
    assert b"Set-Cookie" not in answer
    assert answer.endswith(b"\r\n\r\n" if sent.startswith(b"HEAD") else b"</html>\n")
    check_that_it_still_works(listener)


def test_what_methods_there_are_is_said(listener: LoopbackListener) -> None:
    answer = exchange(listener, GET.replace(b"GET", b"DELETE") + HOST + b"\r\n")
    assert b"\r\nAllow: GET, HEAD\r\n" in answer


def test_localhost_is_this_machine_too(listener: LoopbackListener) -> None:
    with connect(listener) as browser:
        browser.sendall(GET + b"host:LOCALHOST:%d\r\nContent-Length: 0\r\n\r\n" % port_of(listener))
        assert isinstance(listener.poll(10), SecretStr)


def test_cookies_of_other_programs_at_this_address_may_come_along(
    listener: LoopbackListener,
) -> None:
    """Browsers send the cookies of a host to all of its ports (RFC 6265 section 8.5), here for example Jupyter's."""
    cookies = b"; ".join(b"_xsrf%d=" % number + b"a" * 4000 for number in range(5))
    with connect(listener) as browser:
        host = HOST.replace(b"PORT", b"%d" % port_of(listener))
        browser.sendall(GET + host + b"Cookie: " + cookies + b"\r\n\r\n")
        assert isinstance(listener.poll(10), SecretStr)


@pytest.mark.parametrize("host", [b"127.0.0.1", b"localhost", b"127.0.0.1:80"])
def test_browsers_leave_the_default_port_out(host: bytes) -> None:
    request = GET + b"Host: " + host + b"\r\n\r\n"
    assert read_request(request, port=80, path="/oauth/callback") == Arrived(ANSWER)


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 50, b"\r\n\r\n", b"\xff\xfe"],
    ids=["TLS", "zeros", "blank lines", "binary"],
)
def test_what_is_no_http_is_hung_up_on(listener: LoopbackListener, sent: bytes) -> None:
    assert exchange(listener, sent) == b""
    check_that_it_still_works(listener)


def test_pipelined_requests_get_one_answer(listener: LoopbackListener) -> None:
    one = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = exchange(listener, one * 5 + GET + HOST + b"\r\n")
    assert answer.count(b"HTTP/1.1 404 Not Found\r\n") == 1
    assert answer.count(b"HTTP/1.1 ") == 1
    check_that_it_still_works(listener)


def test_resets_change_nothing(listener: LoopbackListener) -> None:
    for sent in (b"", b"GET /oau", GET + b"Host: 127.0.0.1:1\r\n\r\n"):
        with connect(listener) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(sent)
    check_that_it_still_works(listener)


def test_a_head_may_come_in_bytes(listener: LoopbackListener) -> None:
    with connect(listener) as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in GET + HOST.replace(b"PORT", b"%d" % port_of(listener)) + b"\r\n":
            slow.sendall(bytes([byte]))
        assert isinstance(listener.poll(10), SecretStr)


def test_hung_strangers_make_room_for_the_browser(listener: LoopbackListener) -> None:
    with ExitStack() as stack:
        strangers = [stack.enter_context(connect(listener)) for _ in range(40)]
        for stranger in strangers:
            stranger.sendall(b"GET /oauth")
        check_that_it_still_works(listener)
        with contextlib.suppress(ConnectionResetError):
            assert strangers[0].recv(1) == b""


def test_strangers_do_not_push_the_browser_out(listener: LoopbackListener) -> None:
    with connect(listener) as browser, ExitStack() as stack:
        browser.sendall(GET + HOST.replace(b"PORT", b"%d" % port_of(listener)) + b"\r\n")
        assert isinstance(listener.poll(10), SecretStr)
        for _ in range(40):
            _ = stack.enter_context(connect(listener))
        last = exchange(listener, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert last.startswith(b"HTTP/1.1 404 Not Found\r\n")
        listener.finish(succeeded=True, text="Done")
        assert b"<p>Done</p>" in rest(browser)


def test_what_has_come_is_read_before_others_are_let_in() -> None:
    """Otherwise a flood could displace the browser between its connection and its request."""
    asked, go_on = Event(), Event()

    def accepts(url: str) -> bool:
        asked.set()
        return go_on.wait(10) and url == ANSWER

    with closing(listen((0,), paste=None)) as listener, ExitStack() as stack:
        listener.expect(accepts)
        host = HOST.replace(b"PORT", b"%d" % port_of(listener))
        browser = stack.enter_context(connect(listener))
        stranger = stack.enter_context(connect(listener))
        stranger.sendall(GET.replace(b"=s", b"=t") + host + b"\r\n")
        assert asked.wait(10)
        for _ in range(40):
            _ = stack.enter_context(connect(listener))
        browser.sendall(GET + host + b"\r\n")
        go_on.set()
        assert isinstance(listener.poll(10), SecretStr)


def test_a_slow_head_is_not_waited_for() -> None:
    with closing(make(Limits(seconds=0.05))) as listener:
        with connect(listener) as slow:
            slow.sendall(b"GET /oauth")
            assert rest(slow) == b""
        assert listener.poll(0) is None


def test_a_client_that_does_not_read_is_not_waited_for() -> None:
    with closing(make(Limits(seconds=0.05))) as listener:
        with connect(listener) as deaf:
            deaf.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port_of(listener))
            assert deaf.recv(1) == b"H"
        check_that_it_still_works(listener)


def test_a_client_that_goes_on_sending_is_cut_off(listener: LoopbackListener) -> None:
    with connect(listener) as chatty:
        chatty.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port_of(listener))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            chatty.sendall(b"x" * 40_000_000)
    check_that_it_still_works(listener)


def test_the_browser_is_not_held_for_ever() -> None:
    with closing(make(Limits(seconds_held=0.05))) as listener, connect(listener) as browser:
        browser.sendall(GET + HOST.replace(b"PORT", b"%d" % port_of(listener)) + b"\r\n")
        assert isinstance(listener.poll(10), SecretStr)
        page = rest(browser)
        assert page.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"<h1>The answer has arrived</h1>" in page
        listener.finish(succeeded=True, text="Done")
