"""Which way a person signs in here: a pure choice over facts, and the one reader of those facts."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ssooidc_login._flows.login import WayIn

__all__ = ["Choice", "Facts", "choose_way", "read_facts", "ssh_hint"]

TEXT_BROWSERS: Final = frozenset(
    {"browsh", "elinks", "links", "links2", "lynx", "w3m", "www-browser"}
)
"""Programs that would take the terminal over; they count as no browser."""

_EXAMPLE_PORT: Final = 8400
_HOSTED: Final = (
    ("CODESPACES", "GitHub Codespaces"),
    ("GITPOD_WORKSPACE_ID", "Gitpod"),
    ("C9_PID", "AWS Cloud9"),
    ("C9_USER", "AWS Cloud9"),
    ("CLOUD_SHELL", "Google Cloud Shell"),
    ("ACC_CLOUD", "Azure Cloud Shell"),
)
_CI: Final = (
    "CI",
    "BUILDKITE",
    "CODEBUILD_BUILD_ID",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
)
_NO: Final = frozenset({"", "0", "false", "no"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What counts for the choice.

    Attributes:
        platform: `sys.platform`.
        ssh: whether this is an SSH session.
        wsl: whether this is Linux in Windows.
        container: whether this is a container with a network of its own.
        hosted: the name of the hosted environment that this is (Codespaces, CloudShell), or `None`.
        ci: whether this is a CI job.
        display: whether there is a display server (X11 or Wayland) to show a browser on.
        tty: whether a person can paste something: standard input is a terminal.
        browser: whether the `BROWSER` variable names a browser that is no text browser.
    """

    platform: str
    ssh: bool = False
    wsl: bool = False
    container: bool = False
    hosted: str | None = None
    ci: bool = False
    display: bool = False
    tty: bool = False
    browser: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """How to sign in.

    Attributes:
        way: browser or device code.
        reason: why, one line for the person.
        open_browser: whether a browser can be opened from here.
    """

    way: WayIn
    reason: str
    open_browser: bool


def choose_way(facts: Facts, *, wanted: WayIn | None = None) -> Choice:
    """Choose how to sign in: a browser on this machine where there is one, else a device code.

    Args:
        facts: what `read_facts` gave.
        wanted: what the person asked for, whatever the facts are.
    """
    obstacle = _obstacle(facts)
    can_open = facts.browser or obstacle is None
    if wanted is WayIn.DEVICE_CODE:
        reason = "Signing in with a device code, as asked for."
        return Choice(way=wanted, reason=reason, open_browser=can_open)
    if wanted is WayIn.BROWSER:
        reason = "Signing in through a browser, as asked for."
        if not can_open:
            reason = f"{reason} {_other_machine(facts)}"
        return Choice(way=wanted, reason=reason, open_browser=can_open)
    if facts.hosted is not None:
        # It may have a BROWSER that opens pages where the person is, but the way back does not lead here.
        reason = f"Signing in with a device code: this is {facts.hosted}, and a browser cannot come back to it."
        return Choice(way=WayIn.DEVICE_CODE, reason=reason, open_browser=facts.browser)
    if facts.browser:
        reason = "Signing in through the browser that the BROWSER variable names."
        return Choice(way=WayIn.BROWSER, reason=reason, open_browser=True)
    if obstacle is None:
        reason = "Signing in through the browser."
        return Choice(way=WayIn.BROWSER, reason=reason, open_browser=True)
    reason = f"Signing in with a device code: {obstacle}."
    if facts.ssh and not facts.ci:
        reason = f"{reason} {ssh_hint(_EXAMPLE_PORT)}"
    return Choice(way=WayIn.DEVICE_CODE, reason=reason, open_browser=False)


def ssh_hint(port: int) -> str:
    """Say how a browser on the person's own machine can come back to this one.

    Args:
        port: the fixed port to listen on.
    """
    return (
        f"For the browser instead, connect with `ssh -L {port}:127.0.0.1:{port} HOST`, "
        f"and sign in with login(way=WayIn.BROWSER, ports=({port},))."
    )


def read_facts(
    environ: Mapping[str, str] | None = None,
    *,
    root: Path = Path("/"),
    platform: str = sys.platform,
    tty: bool | None = None,
) -> Facts:
    """Read the facts of this process.

    Args:
        environ: the variables, by default the process's.
        root: where `/proc` and the like are.
        platform: `sys.platform`.
        tty: whether standard input is a terminal; by default it is asked.
    """
    variables = os.environ if environ is None else environ
    return Facts(
        platform=platform,
        ssh=any(variables.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")),
        wsl=platform == "linux" and _is_wsl(variables, root),
        container=platform == "linux" and _is_container(variables, root),
        hosted=_hosted(variables),
        ci=any(variables.get(name, "").lower() not in _NO for name in _CI),
        display=any(variables.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")),
        tty=_stdin_is_terminal() if tty is None else tty,
        browser=bool(browsers_in(variables.get("BROWSER", ""))),
    )


def browsers_in(variable: str) -> tuple[tuple[str, ...], ...]:
    """Give the commands that a `BROWSER` variable names, in order, as `webbrowser` reads it; no text browsers.

    Args:
        variable: commands, between them `os.pathsep`; `%s` in one stands for the URL, and a last `&` is ignored, since
            no command is waited for. One that is the path of a file may have blanks in it, or backslashes.
    """
    found: list[tuple[str, ...]] = []
    for command in variable.split(os.pathsep):
        try:
            words = [command] if _is_file(command) else shlex.split(command)
        except ValueError:
            continue  # a quotation mark without its other
        if words and words[-1] == "&":
            words = words[:-1]
        if words and Path(words[0]).name not in TEXT_BROWSERS:
            found.append(tuple(words))
    return tuple(found)


def _is_file(path: str) -> bool:
    return os.path.isabs(path) and os.path.isfile(path)  # noqa: PTH113, PTH117 - these never raise OSError


def _obstacle(facts: Facts) -> str | None:
    """Say why no browser of this machine can be the person's, or `None`."""
    if facts.hosted is not None:
        return f"this is {facts.hosted}"
    if facts.ci:
        return "this is a CI job, where there may be nobody to sign in"
    has_x11 = facts.display and facts.platform not in {"darwin", "win32"}
    if facts.ssh and not has_x11:
        return "this is an SSH session without a display"
    if facts.container:
        return "this is a container, and a browser cannot come back to it"
    if facts.wsl or facts.display or facts.platform in {"darwin", "win32", "cygwin"}:
        return None
    return "there is no display to show a browser on"


def _other_machine(facts: Facts) -> str:
    if facts.tty:
        return "Open it on any machine, and paste here the address that the browser ends at."
    return "Its way back must lead to this machine."


def _hosted(variables: Mapping[str, str]) -> str | None:
    for name, title in _HOSTED:
        if variables.get(name, "").lower() not in _NO:
            return title
    if variables.get("AWS_EXECUTION_ENV") == "CloudShell":
        return "AWS CloudShell"
    return None


def _is_wsl(variables: Mapping[str, str], root: Path) -> bool:
    if variables.get("WSL_DISTRO_NAME") or variables.get("WSL_INTEROP"):
        return True
    return re.search(r"microsoft", _start_of(root / "proc/version"), re.IGNORECASE) is not None


def _is_container(variables: Mapping[str, str], root: Path) -> bool:
    # These share the network and the display with the machine around them.
    if (root / "run/.toolboxenv").exists() or variables.get("DISTROBOX_ENTER_PATH"):
        return False
    return (
        (root / ".dockerenv").exists()
        or (root / "run/.containerenv").exists()
        or bool(variables.get("KUBERNETES_SERVICE_HOST"))
        or variables.get("container", "") not in {"", "flatpak"}
    )


def _start_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""


def _stdin_is_terminal() -> bool:
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):
        return False  # there is none, or it is closed
