"""The choice of the way to sign in on this machine: a pure function of facts, and a function that reads the facts."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ssooidc_login._login_plan import WayIn

__all__ = ["Choice", "Facts", "choose_way", "read_facts", "ssh_hint"]

TEXT_BROWSERS: Final = frozenset(
    {"browsh", "elinks", "links", "links2", "lynx", "w3m", "www-browser"}
)
"""Programs that would take over the terminal; they do not count as browsers."""

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
    """The facts on which the choice depends.

    Attributes:
        platform: `sys.platform`.
        ssh: whether this is an SSH session.
        wsl: whether this is Linux in Windows (WSL).
        container: whether this is a container with its own network.
        hosted: the name of the hosted environment (GitHub Codespaces, AWS CloudShell, ...), or `None`.
        ci: whether this is a CI job.
        display: whether there is a display server (X11 or Wayland) to show a browser on.
        tty: whether standard input is a terminal, so that a person can paste something.
        browser: whether the `BROWSER` variable names a browser other than a text browser.
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
        reason: the reason for it, one line for the person.
        open_browser: whether this machine can open a browser.
    """

    way: WayIn
    reason: str
    open_browser: bool


def choose_way(facts: Facts, *, wanted: WayIn | None = None) -> Choice:
    """Choose how to sign in: through a browser on this machine if there is one, else with a device code.

    Args:
        facts: the facts, from `read_facts`.
        wanted: the way that was asked for; it is chosen whatever the facts are.
    """
    obstacle = _obstacle(facts)
    can_open = facts.browser or obstacle is None
    way = WayIn.BROWSER if can_open and facts.hosted is None else WayIn.DEVICE_CODE
    if wanted is WayIn.DEVICE_CODE:
        reason = "Signing in with a device code, as asked for."
    elif wanted is WayIn.BROWSER:
        reason = "Signing in through a browser, as asked for."
        if not can_open:
            reason = f"{reason} {_other_machine(facts)}"
    elif facts.hosted is not None:
        # BROWSER may open pages on the person's machine, but that browser cannot reach 127.0.0.1 on this one.
        reason = f"Signing in with a device code: this is {facts.hosted}, which your browser cannot reach."
    elif facts.browser:
        reason = "Signing in through the browser that the BROWSER variable names."
    elif obstacle is None:
        reason = "Signing in through the browser."
    else:
        reason = f"Signing in with a device code: {obstacle}."
        if facts.ssh and not facts.ci:
            reason = f"{reason} {ssh_hint(_EXAMPLE_PORT)}"
    return Choice(way=wanted or way, reason=reason, open_browser=can_open)


def ssh_hint(port: int) -> str:
    """Return a hint on how to sign in with a browser on the person's own machine, over SSH.

    Args:
        port: the fixed port to listen on.
    """
    return (
        f"To use a browser instead, connect with `ssh -L {port}:127.0.0.1:{port} HOST`, "
        f"and sign in with login(way=WayIn.BROWSER, ports=({port},))."
    )


def read_facts(
    environ: Mapping[str, str] | None = None,
    *,
    root: Path = Path("/"),
    platform: str = sys.platform,
    tty: bool | None = None,
) -> Facts:
    """Read the facts about this process and this machine.

    Args:
        environ: the environment variables; by default those of the process.
        root: the directory that contains `/proc` and `/run`.
        platform: `sys.platform`.
        tty: whether standard input is a terminal; by default this is checked.
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
    """Return the commands in a `BROWSER` variable, in order, as `webbrowser` reads it, but without text browsers.

    Args:
        variable: commands, separated by `os.pathsep`. `%s` in a command stands for the URL. A final `&` is ignored,
            because no command is waited for. The path of an existing file may contain blanks and backslashes.
    """
    found: list[tuple[str, ...]] = []
    for command in variable.split(os.pathsep):
        try:
            words = [command] if _is_file(command) else shlex.split(command)
        except ValueError:
            continue  # an unclosed quotation mark
        if words and words[-1] == "&":
            words = words[:-1]
        if words and Path(words[0]).name not in TEXT_BROWSERS:
            found.append(tuple(words))
    return tuple(found)


def _is_file(path: str) -> bool:
    return os.path.isabs(path) and os.path.isfile(path)  # noqa: PTH113, PTH117 - these never raise OSError


def _obstacle(facts: Facts) -> str | None:
    """Return the reason why this machine cannot open a browser for the person, or `None`."""
    if facts.hosted is not None:
        return f"this is {facts.hosted}"
    if facts.ci:
        return "this is a CI job, where no person may be there to sign in"
    has_x11 = facts.display and facts.platform not in {"darwin", "win32"}
    if facts.ssh and not has_x11:
        return "this is an SSH session without a display"
    if facts.container:
        return "this is a container, which your browser cannot reach"
    if facts.wsl or facts.display or facts.platform in {"darwin", "win32", "cygwin"}:
        return None
    return "there is no display to show a browser on"


def _other_machine(facts: Facts) -> str:
    if facts.tty:
        return "Open the page on any machine, and paste the address that the browser ends at here."
    return "The browser must be able to reach this machine."


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
    # Toolbox and Distrobox containers share network and display with the host.
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
        return False  # there is no standard input, or it is closed
