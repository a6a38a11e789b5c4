"""Messages to the person at a terminal: lines on stderr that no server can forge, even if the stream fails."""

from __future__ import annotations

import io
import sys

import pytest

from ssooidc_login._browser import terminal
from ssooidc_login._browser.terminal import Terminal


class Broken(io.StringIO):
    """A pipe whose reader is gone."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_it_writes_lines_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    person = Terminal()
    person.show("Open this address:\nhttps://example.com/?a=b")
    person.show("")
    assert capsys.readouterr() == ("", "Open this address:\nhttps://example.com/?a=b\n\n")


def test_control_characters_do_not_pass() -> None:
    stream = io.StringIO()
    Terminal(stream).show("a\x1b[2Jb\u202ec\nd\r\x07e")
    assert stream.getvalue() == "a [2Jb c\nd\ne\n"


def test_what_the_stream_cannot_write_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Terminal(stream).show("Zürich")
    assert raw.getvalue() == b"Z\\xfcrich\n"


def test_a_stream_that_is_gone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    Terminal(closed).show("text")
    Terminal(Broken()).show("text")
    monkeypatch.setattr(sys, "stderr", None)  # a program without a console
    Terminal().show("text")


def test_it_opens_urls_in_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def opens(url: str) -> bool:
        opened.append(url)
        return len(opened) == 1

    monkeypatch.setattr(terminal, "open_in_browser", opens)
    person = Terminal(io.StringIO())
    assert person.open_url("https://a.example/")
    assert not person.open_url("https://b.example/")
    assert opened == ["https://a.example/", "https://b.example/"]
