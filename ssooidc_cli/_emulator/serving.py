"""`ssooidc emulator`: an emulated IAM Identity Center for other programs, and an environment in which they use it.

It serves until it is interrupted and shows each request in a line; or it runs one command in that environment; or it
prints the environment for a shell to evaluate, and goes on serving silently.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ssooidc_cli._child import SIGNALS_TO_STOP, run_child
from ssooidc_cli._emulator.texts import (
    START_URL_WARNING,
    export_lines,
    introduction,
    request_line,
)
from ssooidc_core._start_urls import is_aws_owned
from ssooidc_emulator import EmulatorServer, IdentityCenter, LoggedRequest
from ssooidc_emulator._serving.client_environment import scratch_home
from ssooidc_emulator.scene import load_scene

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["export_and_serve", "make_server", "run_in_environment", "show_and_serve"]

_URL: Final = "SSOOIDC_EMULATOR_URL"
_ADMIN_TOKEN: Final = "SSOOIDC_EMULATOR_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
_PID: Final = "SSOOIDC_EMULATOR_PID"


def make_server(scene: str | None, *, port: int, tls: bool) -> EmulatorServer:
    """Make a server for the instance in a scene's text, or for a default one.

    If the AWS CLI would contact the start URL's host on the internet, a warning is written to stderr.

    Raises:
        ValueError: the scene is not valid.
        OSError: the port is taken.
        ImportError: an extra is not installed.
    """
    center = IdentityCenter() if scene is None else load_scene(scene).center()
    server = EmulatorServer(center, port=port, tls=tls)
    url = urlsplit(center.start_url)
    if url.scheme != "https" or not is_aws_owned(url.hostname or ""):
        _ = sys.stderr.write(f"{START_URL_WARNING}\n")
    return server


def run_in_environment(server: EmulatorServer, command: Sequence[str]) -> int:
    """Serve while a command runs in the environment, and return its exit status.

    Raises:
        SystemExit: a signal arrived before the command was started.
    """
    _stop_by_signals()
    with server, scratch_home(server) as environment:
        return run_child(command, environment.over(os.environ) | _admin(server))


def show_and_serve(server: EmulatorServer) -> None:
    """Print how to use the emulator, then show each request until a signal arrives.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        SystemExit: another signal.
    """
    _stop_by_signals()
    with server, scratch_home(server) as environment:
        # Only on a terminal: a file or a log may be read by others.
        token = server.admin_token if sys.stdout.isatty() else None
        # Before the introduction is printed: its reader may send a request at once.
        unsubscribe = server.center.subscribe(_show)
        try:
            _print(introduction(server, environment, os.environ, token=token))
            _wait()
        finally:
            unsubscribe()


def export_and_serve(server: EmulatorServer) -> None:
    """Print the lines for a shell to evaluate, close the output so that the shell continues, and serve until a signal.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        SystemExit: another signal.
    """
    _stop_by_signals()
    with server, scratch_home(server) as environment:
        more = _admin(server) | {_PID: str(os.getpid())}
        _print(export_lines(environment, os.environ, more))
        _close_output()
        _wait()


def _admin(server: EmulatorServer) -> dict[str, str]:
    return {_URL: server.url, _ADMIN_TOKEN: server.admin_token}


def _show(entry: LoggedRequest) -> None:
    _print(request_line(entry))


def _print(text: str) -> None:
    _ = sys.stdout.write(f"{text}\n")
    _ = sys.stdout.flush()


def _close_output() -> None:
    """Close stdout for its reader, while this process goes on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    _ = os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _wait() -> None:
    # On some platforms a signal does not interrupt a wait without a timeout.
    forever = threading.Event()
    while not forever.wait(3600):
        pass


def _stop_by_signals() -> None:
    """Exit normally on signals that end a program, so that the scratch home with its tokens is removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        sys.exit(128 + number)

    for number in SIGNALS_TO_STOP:
        # Under `nohup`, SIGHUP stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            _ = signal.signal(number, stop)
