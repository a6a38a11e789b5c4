"""The loopback listener over real sockets: the redirect, the page that shows the outcome, and refused requests."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from pydantic import SecretStr

from ssooidc_login._loopback.listener import LoopbackListener, listen
from ssooidc_login.errors import ListenerError

STATE = "0b1f6a52-state"
CANARY = "code-canary-7f3"
ANSWER = f"/oauth/callback?code={CANARY}&state={STATE}"


@pytest.fixture
def listener() -> Iterator[LoopbackListener]:
    with closing(listen((0,), paste=None)) as opened:
        yield opened


def accepts(url: str) -> bool | str | None:
    if url == ANSWER:
        return True
    return "A page reported an error." if "error=" in url else None


def port_of(listener: LoopbackListener) -> int:
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/oauth/callback", listener.redirect_uri)
    assert found is not None
    return int(found[1])


def connect(listener: LoopbackListener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(listener)), timeout=10)


def request(listener: LoopbackListener, target: str = ANSWER, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port_of(listener)}\r\n\r\n".encode()


def rest(sock: socket.socket) -> bytes:
    """Return all bytes until the other end closes."""
    received = b""
    while data := sock.recv(65536):
        received += data
    return received


def exchange(listener: LoopbackListener, sent: bytes) -> bytes:
    with connect(listener) as sock:
        sock.sendall(sent)
        return rest(sock)


def status_of(answer: bytes) -> bytes:
    return answer.split(b"\r\n", 1)[0]


def answer_of(listener: LoopbackListener) -> str | None:
    answer = listener.poll(10)
    return answer.get_secret_value() if isinstance(answer, SecretStr) else answer


def test_the_page_says_how_it_ended_only_when_it_has_ended(listener: LoopbackListener) -> None:
    listener.expect(accepts)
    assert listener.poll(0) is None
    with connect(listener) as browser:
        browser.sendall(request(listener))
        assert answer_of(listener) == ANSWER
        browser.settimeout(0)
        with pytest.raises(BlockingIOError):
            _ = browser.recv(1)
        browser.settimeout(10)
        listener.finish(succeeded=True, text='You are signed in <as "Ä">.')
        page = rest(browser)
    head, _, body = page.decode().partition("\r\n\r\n")
    assert "<h1>Signed in</h1>\n<p>You are signed in &lt;as &quot;Ä&quot;&gt;.</p>" in body
    lines = head.split("\r\n")
    csp = next(line for line in lines if line.startswith("Content-Security-Policy: "))
    assert re.fullmatch(
        r"Content-Security-Policy: default-src 'none'; style-src 'sha256-[\w+/]{43}='; "
        r"base-uri 'none'; form-action 'none'",
        csp,
    )
    assert [line for line in lines if line != csp] == [
        "HTTP/1.1 200 OK",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body.encode())}",
        "Cache-Control: no-store",
        "X-Frame-Options: DENY",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Resource-Policy: same-origin",
        "Connection: close",
    ]


def test_a_failed_login_says_so_on_the_page(listener: LoopbackListener) -> None:
    listener.expect(accepts)
    with connect(listener) as browser:
        browser.sendall(request(listener))
        assert answer_of(listener) == ANSWER
        listener.finish(succeeded=False, text="invalid_grant")
        page = rest(browser)
    assert status_of(page) == b"HTTP/1.1 400 Bad Request"
    assert b"<h1>The login failed</h1>\n<p>invalid_grant</p>" in page


def test_a_page_said_just_before_closing_still_arrives(listener: LoopbackListener) -> None:
    listener.expect(accepts)
    with connect(listener) as browser:
        browser.sendall(request(listener))
        assert answer_of(listener) == ANSWER
        listener.finish(succeeded=True, text="Done")
        listener.close()
        assert b"<p>Done</p>" in rest(browser)


def test_a_stopped_login_tells_the_browser_nothing(listener: LoopbackListener) -> None:
    listener.expect(accepts)
    with connect(listener) as browser:
        browser.sendall(request(listener))
        assert answer_of(listener) == ANSWER
        listener.close()
        page = rest(browser)
    assert b"<h1>The answer has arrived</h1>" in page
    assert CANARY.encode() not in page
    assert STATE.encode() not in page


@pytest.mark.parametrize("linger", [(0, 0), (1, 0)], ids=["closes", "resets"])
def test_a_browser_that_leaves_changes_nothing(
    listener: LoopbackListener, linger: tuple[int, int]
) -> None:
    listener.expect(accepts)
    with connect(listener) as browser:
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", *linger))
        browser.sendall(request(listener))
    assert answer_of(listener) == ANSWER
    listener.finish(succeeded=True, text="Done")
    assert status_of(exchange(listener, request(listener))) == b"HTTP/1.1 410 Gone"
    assert answer_of(listener) == ANSWER


def test_a_client_that_only_stops_sending_gets_its_page(listener: LoopbackListener) -> None:
    listener.expect(accepts)
    with connect(listener) as client:
        client.sendall(request(listener))
        client.shutdown(socket.SHUT_WR)
        assert answer_of(listener) == ANSWER
        listener.finish(succeeded=True, text="Done")
        assert b"<p>Done</p>" in rest(client)


def test_one_answer_is_taken(listener: LoopbackListener) -> None:
    listener.expect(lambda url: "state" in url)
    with connect(listener) as browser:
        browser.sendall(request(listener))
        assert answer_of(listener) == ANSWER
        second = exchange(listener, request(listener, "/oauth/callback?code=other&state=x"))
        assert status_of(second) == b"HTTP/1.1 410 Gone"
        assert answer_of(listener) == ANSWER
        listener.finish(succeeded=True, text="Done")
        assert b"<p>Done</p>" in rest(browser)


def test_a_login_may_begin_again_on_the_same_listener(listener: LoopbackListener) -> None:
    """If the service no longer has the registration, the flow registers again, and waits once more."""
    for _ in range(2):
        listener.expect(accepts)
        assert listener.poll(0) is None
        with connect(listener) as browser:
            browser.sendall(request(listener))
            assert answer_of(listener) == ANSWER
            listener.finish(succeeded=False, text="Again")
            assert b"<p>Again</p>" in rest(browser)


def test_before_a_login_expects_it_nothing_is_taken(listener: LoopbackListener) -> None:
    assert status_of(exchange(listener, request(listener))) == b"HTTP/1.1 400 Bad Request"
    listener.expect(accepts)
    assert listener.poll(0) is None


def test_a_notice_is_shown_once(listener: LoopbackListener) -> None:
    listener.expect(accepts)
    for _ in range(3):
        answer = exchange(listener, request(listener, "/oauth/callback?error=access_denied"))
        assert status_of(answer) == b"HTTP/1.1 400 Bad Request"
    assert listener.poll(10) == "A page reported an error."
    assert listener.poll(0) is None


def test_a_notice_of_an_earlier_login_is_not_shown_in_the_next(
    listener: LoopbackListener,
) -> None:
    listener.expect(accepts)
    _ = exchange(listener, request(listener, "/oauth/callback?error=access_denied"))
    listener.expect(accepts)
    assert listener.poll(0) is None


def test_strangers_cannot_flood_the_terminal(listener: LoopbackListener) -> None:
    listener.expect(lambda url: f"A page reported {url}")
    for number in range(20):
        _ = exchange(listener, request(listener, f"/oauth/callback?error={number}"))
    shown = [listener.poll(0) for _ in range(20)]
    assert shown[5:] == [None] * 15
    assert shown[4] == "A page reported /oauth/callback?error=4"


def test_a_judge_that_fails_takes_nothing(listener: LoopbackListener) -> None:
    def fails(url: str) -> bool:
        raise RuntimeError(url)

    listener.expect(fails)
    answer = exchange(listener, request(listener))
    assert status_of(answer) == b"HTTP/1.1 400 Bad Request"
    listener.expect(accepts)
    assert listener.poll(0) is None


def test_a_taken_port_is_passed_over(listener: LoopbackListener) -> None:
    with closing(listen((port_of(listener), 0), paste=None)) as second:
        assert second.redirect_uri != listener.redirect_uri
    with pytest.raises(ListenerError) as caught:
        _ = listen((port_of(listener),), paste=None)
    assert str(caught.value).startswith(
        "Cannot listen for the browser on 127.0.0.1 "
        f"(port {port_of(listener)}: Address already in use)"
    )
    assert caught.value.hint == "Use the device code, or other ports."


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ((), "Cannot listen for the browser on 127.0.0.1 (no port was given)"),
        ((70000, -1), "(port 70000: not a port; port -1: not a port)"),
        ((70000,) * 7, "port 70000: not a port; and 2 more)"),
    ],
)
def test_no_port_says_which(ports: tuple[int, ...], text: str) -> None:
    with pytest.raises(ListenerError, match=re.escape(text)):
        _ = listen(ports, paste=None)


def test_a_fixed_port_is_free_again_after_a_login() -> None:
    with closing(listen((0,), paste=None)) as first:
        port = port_of(first)
        assert status_of(exchange(first, request(first, "/"))) == b"HTTP/1.1 404 Not Found"
    with closing(listen((port,), paste=None)) as second:
        assert port_of(second) == port


def test_only_the_loopback_interface_listens(listener: LoopbackListener) -> None:
    listening = listener._server._listening
    assert listening.getsockname() == ("127.0.0.1", port_of(listener))
    assert listening.family is socket.AF_INET
    if hasattr(socket, "SO_REUSEPORT"):
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0


def test_closing_ends_thread_and_sockets_and_may_be_repeated(listener: LoopbackListener) -> None:
    with connect(listener) as stranger:
        listener.close()
        listener.close()
        with contextlib.suppress(ConnectionResetError):
            assert rest(stranger) == b""
    assert not listener._server._thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        _ = connect(listener)
    listener.finish(succeeded=True, text="too late")


def test_ctrl_c_ends_the_wait(listener: LoopbackListener) -> None:
    """Any signal handler may raise, as that of Ctrl-C does."""

    def stop(_signal: int, _frame: object) -> None:
        raise InterruptedError

    def wait_for_ever() -> None:
        killer.start()
        _ = listener.poll(60)

    before = signal.signal(signal.SIGUSR1, stop)
    killer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    listener.expect(accepts)
    try:
        with pytest.raises(InterruptedError):
            wait_for_ever()
    finally:
        killer.join()
        _ = signal.signal(signal.SIGUSR1, before)
    with connect(listener) as browser:
        browser.sendall(request(listener))
        assert answer_of(listener) == ANSWER


def test_a_listener_that_dies_is_not_waited_for(
    listener: LoopbackListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise MemoryError

    monkeypatch.setattr(listener._server, "_do_as_asked", die)
    listener.expect(accepts)
    with pytest.raises(ListenerError, match="The listener for the browser's answer has stopped"):
        _ = listener.poll(10)


def test_secrets_are_in_no_repr(listener: LoopbackListener) -> None:
    listener.expect(accepts)
    with connect(listener) as browser:
        browser.sendall(request(listener))
        answer = listener.poll(10)
        assert isinstance(answer, SecretStr)
        texts = [
            repr(answer),
            repr(listener),
            repr(listener._server._connections),
            repr(listener._inbox),
        ]
    assert not [text for text in texts if CANARY in text or STATE in text]
    assert repr(listener) == f"LoopbackListener({listener.redirect_uri!r})"


def check(listener: LoopbackListener, attack: Callable[[LoopbackListener], object]) -> None:
    """Check that the login continues unchanged."""
    listener.expect(accepts)
    _ = attack(listener)
    assert listener.poll(0) is None
    with connect(listener) as browser:
        browser.sendall(request(listener))
        assert answer_of(listener) == ANSWER
        listener.finish(succeeded=True, text="Done")
        assert b"<p>Done</p>" in rest(browser)


def test_a_thousand_wrong_requests_change_nothing(listener: LoopbackListener) -> None:
    targets = [
        "/",
        "/favicon.ico",
        "/oauth/callback",
        "/oauth/callback?code=c&state=wrong",
        f"/oauth/callback?code={CANARY}&code={CANARY}&state={STATE}",
        f"/oauth/callback/?code={CANARY}&state={STATE}",
        f"/oauth/%63allback?code={CANARY}&state={STATE}",
        f"//oauth/callback?code={CANARY}&state={STATE}",
        f"http://127.0.0.1/oauth/callback?code={CANARY}&state={STATE}",
        "/oauth/callback?" + "a=b&" * 1000,
    ]

    def attack(at: LoopbackListener) -> None:
        statuses = {
            status_of(exchange(at, request(at, targets[number % len(targets)])))
            for number in range(1000)
        }
        assert statuses == {b"HTTP/1.1 404 Not Found", b"HTTP/1.1 400 Bad Request"}

    check(listener, attack)
