"""The choice of the way to sign in: every row of the table, and which facts are read for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssooidc_login._browser.choice import (
    Choice,
    Facts,
    browsers_in,
    choose_way,
    read_facts,
    ssh_hint,
)
from ssooidc_login._login_plan import WayIn

SSH_HINT = (
    "To use a browser instead, connect with `ssh -L 8400:127.0.0.1:8400 HOST`, "
    "and sign in with login(way=WayIn.BROWSER, ports=(8400,))."
)
BROWSER, DEVICE = WayIn.BROWSER, WayIn.DEVICE_CODE
DESKTOP = Facts(platform="linux", display=True, tty=True)

ROWS = {
    "Linux desktop": (DESKTOP, BROWSER, True, "Signing in through the browser."),
    "macOS": (Facts(platform="darwin"), BROWSER, True, "Signing in through the browser."),
    "Windows": (Facts(platform="win32"), BROWSER, True, "Signing in through the browser."),
    "WSL": (Facts(platform="linux", wsl=True), BROWSER, True, "Signing in through the browser."),
    "no display": (
        Facts(platform="linux", tty=True), DEVICE, False,
        "Signing in with a device code: there is no display to show a browser on.",
    ),
    "BSD without a display": (
        Facts(platform="freebsd14"), DEVICE, False,
        "Signing in with a device code: there is no display to show a browser on.",
    ),
    "SSH": (
        Facts(platform="linux", ssh=True, tty=True), DEVICE, False,
        f"Signing in with a device code: this is an SSH session without a display. {SSH_HINT}",
    ),
    "SSH with X11": (Facts(platform="linux", ssh=True, display=True), BROWSER, True, "Signing in through the browser."),
    "SSH to macOS": (
        Facts(platform="darwin", ssh=True, display=True), DEVICE, False,
        f"Signing in with a device code: this is an SSH session without a display. {SSH_HINT}",
    ),
    "SSH to Windows": (
        Facts(platform="win32", ssh=True), DEVICE, False,
        f"Signing in with a device code: this is an SSH session without a display. {SSH_HINT}",
    ),
    "SSH to WSL": (
        Facts(platform="linux", ssh=True, wsl=True), DEVICE, False,
        f"Signing in with a device code: this is an SSH session without a display. {SSH_HINT}",
    ),
    "container": (
        Facts(platform="linux", container=True), DEVICE, False,
        "Signing in with a device code: this is a container, which your browser cannot reach.",
    ),
    "container with a display": (
        Facts(platform="linux", container=True, display=True), DEVICE, False,
        "Signing in with a device code: this is a container, which your browser cannot reach.",
    ),
    "Codespaces": (
        Facts(platform="linux", hosted="GitHub Codespaces", container=True, browser=True), DEVICE, True,
        "Signing in with a device code: this is GitHub Codespaces, which your browser cannot reach.",
    ),
    "CloudShell": (
        Facts(platform="linux", hosted="AWS CloudShell"), DEVICE, False,
        "Signing in with a device code: this is AWS CloudShell, which your browser cannot reach.",
    ),
    "CI": (
        Facts(platform="linux", ci=True, display=True), DEVICE, False,
        "Signing in with a device code: this is a CI job, where no person may be there to sign in.",
    ),
    "CI over SSH": (
        Facts(platform="linux", ci=True, ssh=True), DEVICE, False,
        "Signing in with a device code: this is a CI job, where no person may be there to sign in.",
    ),
    "BROWSER": (
        Facts(platform="linux", browser=True), BROWSER, True,
        "Signing in through the browser that the BROWSER variable names.",
    ),
    "BROWSER over SSH": (
        Facts(platform="linux", ssh=True, browser=True), BROWSER, True,
        "Signing in through the browser that the BROWSER variable names.",
    ),
    "BROWSER in a container": (
        Facts(platform="linux", container=True, browser=True), BROWSER, True,
        "Signing in through the browser that the BROWSER variable names.",
    ),
    "BROWSER in CI": (
        Facts(platform="linux", ci=True, browser=True), BROWSER, True,
        "Signing in through the browser that the BROWSER variable names.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "way", "opens", "reason"), ROWS.values(), ids=ROWS)
def test_the_choice(facts: Facts, way: WayIn, opens: int, reason: str) -> None:
    assert choose_way(facts) == Choice(way=way, reason=reason, open_browser=bool(opens))


@pytest.mark.parametrize(("facts", "way", "opens", "reason"), ROWS.values(), ids=ROWS)
def test_what_is_asked_for_wins(facts: Facts, way: WayIn, opens: int, reason: str) -> None:
    for wanted in WayIn:
        choice = choose_way(facts, wanted=wanted)
        assert choice.way is wanted
        # Whether there is a browser to open is the same fact in both cases.
        assert choice.open_browser is bool(opens)
        assert choice.reason.isprintable()
        assert "as asked for" in choice.reason


def test_a_wanted_browser_that_is_elsewhere_comes_with_what_to_do() -> None:
    facts = Facts(platform="linux", ssh=True, tty=True)
    assert choose_way(facts, wanted=BROWSER).reason == (
        "Signing in through a browser, as asked for. "
        "Open the page on any machine, and paste the address that the browser ends at here."
    )
    assert choose_way(Facts(platform="linux"), wanted=BROWSER).reason == (
        "Signing in through a browser, as asked for. The browser must be able to reach this machine."
    )


def test_the_ssh_hint_names_the_port() -> None:
    assert ssh_hint(9000) == (
        "To use a browser instead, connect with `ssh -L 9000:127.0.0.1:9000 HOST`, "
        "and sign in with login(way=WayIn.BROWSER, ports=(9000,))."
    )


READ = {
    "nothing": ({}, Facts(platform="linux")),
    "X11": ({"DISPLAY": ":0"}, Facts(platform="linux", display=True)),
    "Wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, Facts(platform="linux", display=True)),
    "empty display": ({"DISPLAY": ""}, Facts(platform="linux")),
    "SSH": ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, Facts(platform="linux", ssh=True)),
    "SSH, tty only": ({"SSH_TTY": "/dev/pts/0"}, Facts(platform="linux", ssh=True)),
    "an agent is no session": ({"SSH_AUTH_SOCK": "/tmp/agent"}, Facts(platform="linux")),  # noqa: S108 - a value
    "WSL": ({"WSL_DISTRO_NAME": "Debian"}, Facts(platform="linux", wsl=True)),
    "Codespaces": ({"CODESPACES": "true"}, Facts(platform="linux", hosted="GitHub Codespaces")),
    "Gitpod": ({"GITPOD_WORKSPACE_ID": "x"}, Facts(platform="linux", hosted="Gitpod")),
    "Cloud9": ({"C9_PID": "1"}, Facts(platform="linux", hosted="AWS Cloud9")),
    "CloudShell": (
        {"AWS_EXECUTION_ENV": "CloudShell"}, Facts(platform="linux", hosted="AWS CloudShell"),
    ),
    "Lambda is no CloudShell": ({"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}, Facts(platform="linux")),
    "Kubernetes": ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Facts(platform="linux", container=True)),
    "nspawn": ({"container": "systemd-nspawn"}, Facts(platform="linux", container=True)),
    "flatpak shares network and display": ({"container": "flatpak"}, Facts(platform="linux")),
    "CI": ({"CI": "true"}, Facts(platform="linux", ci=True)),
    "CodeBuild": ({"CODEBUILD_BUILD_ID": "x:y"}, Facts(platform="linux", ci=True)),
    "CI=false": ({"CI": "false"}, Facts(platform="linux")),
    "BROWSER": ({"BROWSER": "firefox"}, Facts(platform="linux", browser=True)),
    "a text browser": ({"BROWSER": "/usr/bin/w3m:lynx %s"}, Facts(platform="linux")),
}  # fmt: skip


@pytest.mark.parametrize(("environ", "facts"), READ.values(), ids=READ)
def test_what_variables_say(environ: dict[str, str], facts: Facts, tmp_path: Path) -> None:
    assert read_facts(environ, root=tmp_path, platform="linux", tty=False) == facts


@pytest.mark.parametrize("file", [".dockerenv", "run/.containerenv"])
def test_containers_have_a_file(file: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / file).touch()
    assert read_facts({}, root=tmp_path, platform="linux", tty=False).container
    # On other systems the file has no meaning, and these share the network and the display with their host.
    assert not read_facts({}, root=tmp_path, platform="darwin", tty=False).container
    inside = {"DISTROBOX_ENTER_PATH": "/usr/bin/distrobox-enter"}
    assert not read_facts(inside, root=tmp_path, platform="linux", tty=False).container
    (tmp_path / "run/.toolboxenv").touch()
    assert not read_facts({}, root=tmp_path, platform="linux", tty=False).container


@pytest.mark.parametrize(
    ("version", "wsl"),
    [
        ("Linux version 5.15.153.1-microsoft-standard-WSL2 (root@941d701f84f1)", True),
        ("Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)", True),
        ("Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)", False),
    ],
)
def test_the_kernel_says_whether_it_is_windows(tmp_path: Path, version: str, wsl: int) -> None:
    (tmp_path / "proc").mkdir()
    _ = (tmp_path / "proc/version").write_text(version)
    assert read_facts({}, root=tmp_path, platform="linux", tty=False).wsl is bool(wsl)


def test_this_process_can_be_read() -> None:
    assert isinstance(read_facts(), Facts)


@pytest.mark.parametrize(
    ("variable", "commands"),
    [
        ("", ()),
        ("firefox", (("firefox",),)),
        ("firefox --new-tab %s &", (("firefox", "--new-tab", "%s"),)),
        ("'/opt/my browser/run' --url=%s", (("/opt/my browser/run", "--url=%s"),)),
        ("w3m:/usr/bin/lynx -x:links2:chromium", (("chromium",),)),
        ("'unclosed:firefox", (("firefox",),)),
        (": :&", ()),
    ],
)
def test_what_a_browser_variable_names(
    variable: str, commands: tuple[tuple[str, ...], ...]
) -> None:
    assert browsers_in(variable) == commands


def test_a_browser_s_path_may_have_blanks(tmp_path: Path) -> None:
    """As `webbrowser` and macOS allow: /Applications/Google Chrome.app/..."""
    browser = tmp_path / "Google Chrome"
    browser.touch()
    w3m = tmp_path / "w3m"
    w3m.touch()
    assert browsers_in(f"{browser}{os.pathsep}{w3m}") == ((str(browser),),)
    assert browsers_in(f"{tmp_path}/Other Browser") == ((f"{tmp_path}/Other", "Browser"),)
