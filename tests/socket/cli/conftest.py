"""The signals of a command are those of a terminal, whatever the tests were started by."""

from __future__ import annotations

import signal
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True)
def heard_signals() -> Generator[None]:
    """Let commands hear what this process ignores: SIGHUP under `nohup`, SIGINT behind a `&` of a script."""
    ignored = [
        each
        for each in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
        if signal.getsignal(each) is signal.SIG_IGN
    ]
    for each in ignored:
        signal.signal(each, signal.SIG_DFL)
    yield
    for each in ignored:
        signal.signal(each, signal.SIG_IGN)
