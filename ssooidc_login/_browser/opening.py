"""Opening the person's browser; where the platform allows it, without showing the URL to other users.

Every user of a machine can read the command lines of programs, and an authorize URL contains the `state` of a login:

- The `BROWSER` variable comes first, as in `webbrowser` and the AWS CLI. Its programs get the URL itself, because
  scripts expect that.
- On macOS and WSL the URL is written to the standard input of `osascript` and `powershell.exe`; on Windows it is passed
  to a function.
- On Linux the browser gets the address of a page on this machine instead, which redirects it and which only programs of
  this user can fetch (`redirect_page`). A private file would work for some browsers, but those packaged as snaps can
  read neither `/tmp` nor hidden directories, and an editor may open the file.

If none of that works, the URL itself is put on the command line. Text browsers are not used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final
from urllib.parse import urlsplit

from ssooidc_login._browser.choice import Facts, browsers_in, read_facts
from ssooidc_login._loopback.redirect_page import serve_redirect

__all__ = ["Opening", "Takes", "child_environ", "open_in_browser", "openings"]

_SECONDS_TO_FAIL: Final = 1.0
_LINUX: Final = (
    ("xdg-open",),
    ("gio", "open"),
    ("x-www-browser",),
    ("firefox",),
    ("google-chrome",),
    ("chromium",),
    ("chromium-browser",),
    ("microsoft-edge",),
)
_POWERSHELL: Final = ("-NoProfile", "-NonInteractive", "-Command")
_START_PROCESS: Final = "Start-Process -FilePath ([Console]::In.ReadLine())"


class Takes(Enum):
    """How a program gets the URL."""

    ARGUMENT = auto()
    """The URL itself, on the command line."""
    PAGE = auto()
    """The address of a page on this machine that redirects the browser, on the command line."""
    INPUT = auto()
    """The URL itself, on standard input."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One program that may open the URL.

    Attributes:
        command: the program and its arguments; `%s` in one of them stands for the URL, which else comes last.
        takes: how the program gets the URL.
        text: the text for standard input; `%s` stands for the URL.
    """

    command: tuple[str, ...]
    takes: Takes
    text: str = field(default="%s\n")


def open_in_browser(
    url: str,
    *,
    environ: Mapping[str, str] | None = None,
    facts: Facts | None = None,
    page_for: Callable[[str], str | None] = serve_redirect,
) -> bool:
    """Open a URL in the person's browser and return whether that seems to have worked; it takes about a second.

    Args:
        url: http or https, printable ASCII without blanks and quotation marks; any other URL is not opened.
        environ: the environment variables; by default those of the process.
        facts: the facts about this machine; by default the result of `read_facts`.
        page_for: serves a page that redirects the browser and returns its address, or `None` if it cannot.
    """
    if not _is_openable(url):
        return False
    variables = os.environ if environ is None else environ
    known = read_facts(variables) if facts is None else facts
    for opening in openings(known, variables.get("BROWSER", "")):
        if _start(opening, url, variables, page_for):
            return True
    return _start_by_call(url)


def openings(facts: Facts, browser: str = "") -> tuple[Opening, ...]:
    """Return the programs to try, in order.

    Args:
        facts: the facts about this machine.
        browser: the value of the `BROWSER` variable.
    """
    found = [Opening(command, Takes.ARGUMENT) for command in browsers_in(browser)]
    if facts.platform == "darwin":
        found += [
            Opening(("osascript",), Takes.INPUT, 'open location "%s"\n'),
            Opening(("open",), Takes.ARGUMENT),
        ]
    elif facts.platform != "win32":
        if facts.wsl:
            found += [
                Opening(("powershell.exe", *_POWERSHELL, _START_PROCESS), Takes.INPUT),
                Opening(("wslview",), Takes.ARGUMENT),
            ]
        if facts.display:
            found += [Opening(command, Takes.PAGE) for command in _LINUX]
    return tuple(found)


def child_environ(environ: Mapping[str, str], *, frozen: bool) -> dict[str, str]:
    """Return the environment variables for a child process, without the library path that PyInstaller sets.

    Args:
        environ: the variables of this process.
        frozen: whether this program was built with PyInstaller.
    """
    child = dict(environ)
    original = child.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        child["LD_LIBRARY_PATH"] = original
    elif frozen:
        _ = child.pop("LD_LIBRARY_PATH", None)
    if frozen:
        child["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    return child


def _is_openable(url: str) -> bool:
    if not url.isascii() or not url.isprintable() or set(" \\\"'`<>") & set(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _start(
    opening: Opening,
    url: str,
    environ: Mapping[str, str],
    page_for: Callable[[str], str | None],
) -> bool:
    program = shutil.which(opening.command[0], path=environ.get("PATH"))
    if program is None:
        return False
    arguments: tuple[str, ...] = opening.command[1:]
    text = b""
    if opening.takes is Takes.INPUT:
        text = opening.text.replace("%s", url).encode("ascii")
    else:
        given = (page_for(url) if opening.takes is Takes.PAGE else None) or url
        if any("%s" in each for each in arguments):
            arguments = tuple(each.replace("%s", given) for each in arguments)
        else:
            arguments = (*arguments, given)
    frozen = bool(getattr(sys, "frozen", False))
    try:
        # In a session of its own: Ctrl-C does not end the browser, and it cannot take over the terminal.
        process = subprocess.Popen(  # noqa: S603 - the person's browser, and the URL was checked
            [program, *arguments],
            stdin=subprocess.PIPE if text else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=child_environ(environ, frozen=frozen),
        )
    except (OSError, ValueError):
        return False
    try:
        _ = process.communicate(text or None, timeout=_SECONDS_TO_FAIL)
    except subprocess.TimeoutExpired:
        # The browser keeps running; the thread waits for its end, so that it does not become a zombie.
        threading.Thread(target=process.wait, name="ssooidc-browser", daemon=True).start()
        return True
    return process.returncode == 0


def _start_by_call(url: str) -> bool:
    if sys.platform == "win32":
        try:
            os.startfile(url)  # noqa: S606 - the person's browser, and the URL was checked
        except OSError:
            return False
        return True
    return False
