"""Pasting the final address of a browser on another machine into a terminal, during a login."""

from __future__ import annotations

import io
import os
import socket
import sys
import termios
from collections.abc import Iterator
from contextlib import closing
from typing import TextIO

import pytest
from pydantic import SecretStr

from ssooidc_login import Interaction
from ssooidc_login._loopback import server as loopback_server
from ssooidc_login._loopback.listener import LoopbackListener, listen
from ssooidc_login._loopback.paste import PasteReader, callback_in, pasting_terminal
from ssooidc_login._session.programs import listener_for
from ssooidc_login.terminal import Terminal

HINT = (
    "If the browser is on another machine and ends at a page that cannot be reached, paste the address of that page "
    "here."
)
ANSWER = "/oauth/callback?code=c&state=s"


class Keyboard:
    """A person at a terminal."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        self.terminal: TextIO = os.fdopen(slave, "r", encoding="utf-8")

    def type(self, text: str) -> None:
        _ = os.write(self.master, text.encode())

    def close(self) -> None:
        self.terminal.close()
        os.close(self.master)


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    with closing(Keyboard()) as opened:
        yield opened


@pytest.fixture
def listener(keyboard: Keyboard) -> Iterator[LoopbackListener]:
    with closing(listen((0,), paste=keyboard.terminal)) as opened:
        opened.expect(lambda url: "It says no." if "error" in url else url == ANSWER)
        assert opened.poll(10) == HINT
        yield opened


def wrong(listener: LoopbackListener) -> str:
    return (
        "That is not the address that this login waits for. Paste the whole address that the browser ended at: "
        f"it begins with {listener.redirect_uri}?"
    )


def taken(listener: LoopbackListener) -> str | None:
    answer = listener.poll(10)
    return answer.get_secret_value() if isinstance(answer, SecretStr) else answer


def test_a_pasted_address_is_the_answer(keyboard: Keyboard, listener: LoopbackListener) -> None:
    keyboard.type(f"  {listener.redirect_uri}?code=c&state=s \n")
    assert taken(listener) == ANSWER
    listener.finish(succeeded=True, text="no browser reads it")


def test_a_wrong_address_is_said_to_be_wrong_each_time(
    keyboard: Keyboard, listener: LoopbackListener
) -> None:
    for text in ("hello\n", f"{listener.redirect_uri}?code=c&state=t\n", "\x1b[200~rm -rf\n"):
        keyboard.type(text)
        assert listener.poll(10) == wrong(listener)
    keyboard.type(f"\n \n{listener.redirect_uri}?code=c&state=s\n")
    assert taken(listener) == ANSWER


def test_a_pasted_refusal_of_a_stranger_is_shown(
    keyboard: Keyboard, listener: LoopbackListener
) -> None:
    keyboard.type(f"{listener.redirect_uri}?error=x\n")
    assert [listener.poll(10), listener.poll(10)] == ["It says no.", wrong(listener)]


def test_the_end_of_the_input_leaves_the_browser_s_way(
    keyboard: Keyboard, listener: LoopbackListener
) -> None:
    keyboard.type("\x04")
    keyboard.type(f"{listener.redirect_uri}?code=c&state=s\n")
    assert listener.poll(0) is None
    port = int(listener.redirect_uri.split(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as browser:
        browser.sendall(f"GET {ANSWER} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert taken(listener) == ANSWER


def test_what_is_typed_after_the_answer_is_for_others(
    keyboard: Keyboard, listener: LoopbackListener
) -> None:
    keyboard.type(f"{listener.redirect_uri}?code=c&state=s\n")
    assert taken(listener) == ANSWER
    keyboard.type("yes\n")
    listener.close()
    assert keyboard.terminal.readline() == "yes\n"


def test_nothing_is_read_before_the_login_waits(keyboard: Keyboard) -> None:
    with closing(listen((0,), paste=keyboard.terminal)) as opened:
        keyboard.type("for somebody else\n")
        assert opened.poll(0) is None
    assert keyboard.terminal.readline() == "for somebody else\n"


def test_a_process_in_the_background_does_not_read(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be stopped (SIGTTIN)."""
    groups = iter([os.getpgrp() + 1, os.getpgrp() + 1])
    monkeypatch.setattr(loopback_server, "_TICK", 0.01)
    monkeypatch.setattr(os, "tcgetpgrp", lambda _fd: next(groups, os.getpgrp()))
    with closing(listen((0,), paste=keyboard.terminal)) as opened:
        keyboard.type(f"{opened.redirect_uri}?code=c&state=s\n")
        opened.expect(lambda url: url == ANSWER)
        assert taken(opened) == ANSWER
    assert next(groups, None) is None


def test_a_hung_up_terminal_ends_the_reading(keyboard: Keyboard) -> None:
    master, slave = os.openpty()
    os.close(master)
    try:
        assert PasteReader(slave).lines() is None
    finally:
        os.close(slave)


def test_a_stream_that_is_closed_meanwhile_stops_nothing(keyboard: Keyboard) -> None:
    with closing(listen((0,), paste=keyboard.terminal)) as opened:
        keyboard.terminal.close()
        opened.expect(lambda url: url == ANSWER)
        assert taken(opened) == HINT
        keyboard.type(f"{opened.redirect_uri}?code=c&state=s\n")
        assert taken(opened) == ANSWER


def test_an_endless_line_is_forgotten(keyboard: Keyboard) -> None:
    attributes = termios.tcgetattr(keyboard.terminal)
    attributes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(keyboard.terminal, termios.TCSANOW, attributes)
    reader = PasteReader(keyboard.terminal.fileno())
    for _ in range(30):
        keyboard.type("x" * 1000)
        assert reader.lines() == []
    assert len(reader._pending) <= 8192


def test_what_is_no_terminal_is_not_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (tmp_path_factory.mktemp("input") / "file").open("w+") as file:
        assert pasting_terminal(file) is None
    assert pasting_terminal(file) is None  # closed
    assert pasting_terminal(io.StringIO("text")) is None
    assert pasting_terminal(None) is None


def test_standard_input_is_read_where_it_is_a_terminal(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", keyboard.terminal)
    with closing(listen()) as opened:
        opened.expect(lambda url: url == ANSWER)
        assert opened.poll(10) == HINT


class Window:
    """A person without a terminal."""

    def show(self, text: str, /) -> None:
        """Show nothing."""

    def open_url(self, url: str, /) -> bool:
        return False


class Pasting(Window):
    reads_pastes = True


class NotNow(Window):
    reads_pastes = False


@pytest.mark.parametrize(
    ("person", "hint"),
    [(Terminal(), HINT), (Pasting(), HINT), (Window(), None), (NotNow(), None), (None, None)],
    ids=["terminal", "pastes", "window", "not now", "nobody"],
)
def test_only_who_can_paste_is_asked_to(
    person: Interaction | None,
    hint: str | None,
    keyboard: Keyboard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", keyboard.terminal)
    with closing(listener_for(person)((0,))) as opened:
        opened.expect(lambda url: url == ANSWER)
        assert opened.poll(10 if hint else 0.2) == hint


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("http://127.0.0.1:8400/oauth/callback?code=c", "/oauth/callback?code=c"),
        (" HTTP://LocalHost:8400/oauth/callback?code=c\r", "/oauth/callback?code=c"),
        ("127.0.0.1:8400/oauth/callback?code=c", "/oauth/callback?code=c"),
        ("'http://127.0.0.1:8400/x'", "/x"),
        ("<http://127.0.0.1:8400/x>", "/x"),
        ("\x1b[200~http://127.0.0.1:8400/x \x1b[201~\r", "/x"),
        ("http://127.0.0.1:8401/oauth/callback?code=c", None),
        ("https://127.0.0.1:8400/oauth/callback?code=c", None),
        ("http://evil.example/oauth/callback?code=c", None),
        ("http://127.0.0.1:8400", None),
        ("/oauth/callback?code=c", None),
        ("http://127.0.0.1:8400/oauth/callback?code=c d", None),
        ("http://127.0.0.1:8400/oauth/callback?code=\u00e4", None),
        ("http://127.0.0.1:8400/oauth/callback?code=\x1b[31m", None),
        ("http://127.0.0.1:8400/" + "a" * 8192, None),
        ("", None),
    ],
)
def test_what_a_pasted_line_is(line: str, target: str | None) -> None:
    assert callback_in(line, port=8400) == target
