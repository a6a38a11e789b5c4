"""Opening the person's browser, where the platform allows it without showing the URL to others.

A program's command line can be read by everybody on a machine, and an authorize URL holds the `state` of a login. So:

- The `BROWSER` variable wins, as for `webbrowser` and the AWS CLI, and what it names gets the URL itself, since scripts
  expect that.
- macOS and WSL take the URL on the standard input of `osascript` and `powershell.exe`; Windows takes it by a call.
- On Linux the browser is given the address of a page on this machine instead (`redirect_page`), which sends it on and
  which only this user's programs can fetch. A private file would do for some browsers, but those packed as
  snaps can read neither `/tmp` nor hidden directories, and what opens a file may be an editor.

Where none of that works, the URL itself goes onto the command line. Text browsers count as none.
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
from ssooidc_login._browser.redirect_page import hand_over

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
    """How a program takes the URL."""

    ARGUMENT = auto()
    """Itself, on the command line."""
    PAGE = auto()
    """The address of a page of this machine that sends the browser on."""
    INPUT = auto()
    """Itself, on standard input."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One program that may open the URL.

    Attributes:
        command: the program and its arguments; `%s` in one of them stands for the URL, else it comes last.
        takes: how it takes the URL.
        text: what goes to standard input; `%s` stands for the URL.
    """

    command: tuple[str, ...]
    takes: Takes
    text: str = field(default="%s\n")


def open_in_browser(
    url: str,
    *,
    environ: Mapping[str, str] | None = None,
    facts: Facts | None = None,
    page_for: Callable[[str], str | None] = hand_over,
) -> bool:
    """Open a URL in the person's browser; say whether that seems to have worked. Never raises, and never waits long.

    Args:
        url: http or https, printable ASCII without blanks and quotation marks; any other is not opened.
        environ: the variables, by default the process's.
        facts: about this machine, by default those that `read_facts` gives.
        page_for: makes the page that sends the browser on, and gives its address; `None` where it cannot.
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
    """Give what to try, in order.

    Args:
        facts: about this machine.
        browser: the `BROWSER` variable.
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
    """Give the variables of a child: without the library path that PyInstaller sets for its own program.

    Args:
        environ: this process's.
        frozen: whether this is such a program.
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
        # In a session of its own: a Ctrl-C here is not for the browser, and it has no terminal to take over.
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
        # It runs on, as browsers do; somebody has to take note of its end.
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
