"""Running another command in place of this one: it gets the signals, and its exit status is returned."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from types import FrameType
from typing import Final, Self, TypeAlias

__all__ = ["SIGNALS_TO_STOP", "run_child"]

_Handler: TypeAlias = Callable[[int, FrameType | None], None]

SIGNALS_TO_STOP: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals, in addition to that of Ctrl-C, that ask a program to end."""

_SECONDS_TO_END: Final = 5
_NOT_RUNNABLE: Final = 126
_NOT_FOUND: Final = 127
_BY_SIGNAL: Final = 128


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit status, or 128 plus the number of the signal that ended it.

    Signals that ask a program to end are passed on to the command, which decides what to do. As in a shell, 127 means
    that there is no such command, and 126 that it cannot be run. This must be called in the main thread.
    """
    with _Child() as child:
        return child.run(command, environment)


class _Child:
    """One command, and the signals that arrived before it was started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._signals = contextlib.ExitStack()

    def __enter__(self) -> Self:
        _ = self._signals.enter_context(_handled(self._pass_on))
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                _ = self._process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                _ = self._process.wait()
        self._signals.close()

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        # Our signal handlers are not inherited: the child starts with the default ones.
        try:
            self._process = subprocess.Popen(command, env=dict(environment))  # noqa: S603 - the user asks for it
        except OSError as error:
            _ = sys.stderr.write(f"ssooidc: {command[0]}: {error.strerror}\n")
            return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUNNABLE
        for number in self._early:
            self._process.send_signal(number)
        status = self._process.wait()
        return status if status >= 0 else _BY_SIGNAL - status

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        # The terminal itself sends Ctrl-C to the child. `sys.stdin` is None if this was started without standard input.
        if number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


@contextlib.contextmanager
def _handled(handler: _Handler) -> Generator[None]:
    """Handle the signals that end programs, and restore the previous handlers afterwards.

    A signal that is ignored, as SIGHUP is under `nohup`, stays ignored, also in the child.
    """
    numbers = (signal.SIGINT, *SIGNALS_TO_STOP)
    handled = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, previous in before.items():
            _ = signal.signal(number, previous)
