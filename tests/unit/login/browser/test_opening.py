"""Opening a browser: the programs and their order, their arguments, and what other users can see of them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ssooidc_login._browser import opening as browser
from ssooidc_login._browser.choice import Facts
from ssooidc_login._browser.opening import Opening, Takes, child_environ, open_in_browser, openings

URL = "https://oidc.us-east-1.amazonaws.com/authorize?response_type=code&state=canary"
PAGE = "http://127.0.0.1:8401/page"
DESKTOP = Facts(platform="linux", display=True)

Programs = Callable[..., dict[str, str]]

RECORD = """#!{python} -I
import os, pathlib, sys
here = pathlib.Path(__file__)
facts = [sys.argv[1:], sys.stdin.read(), os.getsid(0) == os.getpid(), os.environ.get("LD_LIBRARY_PATH")]
here.with_name(here.name + ".new").write_text(repr(facts))
here.with_name(here.name + ".new").rename(here.with_name(here.name + ".ran"))
print("noise"); print("noise", file=sys.stderr)
{then}
"""


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Put programs onto a separate PATH; each writes down its arguments."""

    def make(*names: str, then: str = "") -> dict[str, str]:
        for name in names:
            file = tmp_path / name
            _ = file.write_text(RECORD.format(python=sys.executable, then=then))
            file.chmod(0o700)
        return {"PATH": str(tmp_path)}

    return make


def ran(folder: Path, name: str) -> str | None:
    file = folder / f"{name}.ran"
    return file.read_text() if file.exists() else None


def given(arguments: list[str], text: str = "") -> str:
    """Return what a program in a separate session writes down."""
    return repr([arguments, text, True, None])


def opened(
    environ: dict[str, str], facts: Facts = DESKTOP, url: str = URL, page: str | None = PAGE
) -> bool:
    return open_in_browser(url, environ=environ, facts=facts, page_for=lambda _url: page)


LINUX = tuple(
    Opening(tuple(each.split()), Takes.PAGE)
    for each in (
        "xdg-open", "gio open", "x-www-browser", "firefox", "google-chrome", "chromium", "chromium-browser",
        "microsoft-edge",
    )
)  # fmt: skip
POWERSHELL = Opening(
    (
        "powershell.exe", "-NoProfile", "-NonInteractive", "-Command",
        "Start-Process -FilePath ([Console]::In.ReadLine())",
    ),
    Takes.INPUT,
)  # fmt: skip
WSLVIEW = Opening(("wslview",), Takes.ARGUMENT)


@pytest.mark.parametrize(
    ("facts", "variable", "expected"),
    [
        (DESKTOP, "", LINUX),
        (Facts(platform="linux"), "", ()),
        (Facts(platform="linux"), "lynx:w3m", ()),
        (DESKTOP, "mine %s", (Opening(("mine", "%s"), Takes.ARGUMENT), *LINUX)),
        (Facts(platform="linux", wsl=True), "", (POWERSHELL, WSLVIEW)),
        (Facts(platform="linux", wsl=True, display=True), "", (POWERSHELL, WSLVIEW, *LINUX)),
        (
            Facts(platform="darwin"),
            "",
            (
                Opening(("osascript",), Takes.INPUT, 'open location "%s"\n'),
                Opening(("open",), Takes.ARGUMENT),
            ),
        ),
        (Facts(platform="win32"), "", ()),
    ],
)
def test_what_is_tried(facts: Facts, variable: str, expected: tuple[Opening, ...]) -> None:
    assert openings(facts, variable) == expected


def test_on_linux_the_command_line_has_no_state(programs: Programs, tmp_path: Path) -> None:
    assert opened(programs("xdg-open"))
    assert ran(tmp_path, "xdg-open") == given([PAGE])


def test_without_a_page_the_url_itself_is_given(programs: Programs, tmp_path: Path) -> None:
    assert opened(programs("firefox"), page=None)
    assert ran(tmp_path, "firefox") == given([URL])


@pytest.mark.parametrize(
    ("variable", "arguments"),
    [("mine", [URL]), ("mine --url=%s &", [f"--url={URL}"]), ("gone:mine -n", ["-n", URL])],
)
def test_an_explicit_browser_gets_the_url(
    programs: Programs, tmp_path: Path, variable: str, arguments: list[str]
) -> None:
    environ = programs("mine", "xdg-open") | {"BROWSER": variable}
    assert opened(environ)
    assert ran(tmp_path, "mine") == given(arguments)
    assert ran(tmp_path, "xdg-open") is None


def test_a_program_that_fails_is_followed_by_the_next(programs: Programs, tmp_path: Path) -> None:
    environ = programs("mine", then="sys.exit(3)") | programs("xdg-open") | {"BROWSER": "mine"}
    assert opened(environ)
    assert ran(tmp_path, "mine") == given([URL])
    assert ran(tmp_path, "xdg-open") == given([PAGE])


def test_nothing_that_works_is_said_so(programs: Programs, tmp_path: Path) -> None:
    assert not opened({"PATH": str(tmp_path)})
    assert not opened(programs("xdg-open", then="sys.exit(4)"))
    assert not opened(programs("xdg-open"), Facts(platform="linux"))
    (tmp_path / "xdg-open").write_bytes(b"\x7fELF is no program")
    assert not opened({"PATH": str(tmp_path)})


def test_macos_takes_it_on_standard_input(programs: Programs, tmp_path: Path) -> None:
    assert opened(programs("osascript", "open"), Facts(platform="darwin"))
    assert ran(tmp_path, "osascript") == given([], f'open location "{URL}"\n')
    assert ran(tmp_path, "open") is None


def test_wsl_takes_it_on_standard_input(programs: Programs, tmp_path: Path) -> None:
    assert opened(programs("powershell.exe", "wslview"), Facts(platform="linux", wsl=True))
    assert ran(tmp_path, "powershell.exe") == given(list(POWERSHELL.command[1:]), f"{URL}\n")
    assert ran(tmp_path, "wslview") is None


def test_a_browser_that_runs_on_is_not_waited_for(
    programs: Programs,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It also survives a Ctrl-C, and its output does not reach the terminal."""
    monkeypatch.setattr(browser, "_SECONDS_TO_FAIL", 0.01)
    os.mkfifo(tmp_path / "pid")
    then = "here.with_name('pid').write_text(str(os.getpid())); import time; time.sleep(60)"
    assert opened(programs("xdg-open", then=then))
    pid = int((tmp_path / "pid").read_text())
    try:
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGKILL)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "--help",
        "",
        "https://",
        "https://[",
        'https://a.example/"',
        "https://a.example/'",
        "https://a.example/`id`",
        "https://a.example/\\",
        "https://a.example/ b",
        "https://a.example/\n",
        "https://a.example/\u202e",
        "https://ä.example/",
    ],
)
def test_what_is_no_plain_url_is_not_opened(programs: Programs, tmp_path: Path, url: str) -> None:
    assert not opened(programs("xdg-open"), url=url)
    assert ran(tmp_path, "xdg-open") is None


@pytest.mark.parametrize(
    ("environ", "frozen", "expected"),
    [
        ({"A": "b", "LD_LIBRARY_PATH": "/x"}, 0, {"A": "b", "LD_LIBRARY_PATH": "/x"}),
        (
            {"LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/x"},
            1,
            {"LD_LIBRARY_PATH": "/x", "PYINSTALLER_RESET_ENVIRONMENT": "1"},
        ),
        ({"LD_LIBRARY_PATH": "/bundle"}, 1, {"PYINSTALLER_RESET_ENVIRONMENT": "1"}),
    ],
)
def test_a_child_has_the_library_path_that_was_there(
    environ: dict[str, str], frozen: int, expected: dict[str, str]
) -> None:
    assert child_environ(environ, frozen=bool(frozen)) == expected


def test_a_frozen_program_s_child_gets_it(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    libraries = {"LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/x"}
    assert opened(programs("xdg-open") | libraries)
    assert ran(tmp_path, "xdg-open") == repr([[PAGE], "", True, "/x"])
