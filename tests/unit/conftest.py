"""Interruptions at every call inside a function, and a search for secrets in the frames of their tracebacks."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import takewhile
from types import FrameType
from typing import TypeAlias

import pytest

Work: TypeAlias = Callable[[], object]


class Stop(BaseException):
    """An interruption of the test's own, told from a real one."""


def takes_locks(frame: FrameType) -> bool:
    """Return whether a frame is of a module that an interruption could make leave a lock taken, for all later tests.

    `with` on a lock is safe from Ctrl-C, but not from an exception that is raised by a profiler.
    """
    return frame.f_globals.get("__name__") in {"functools", "logging", "threading"}


def interrupted(work: Work, inside: str) -> Iterator[Stop]:
    """Do some work again and again, each time interrupted one call later, below a function of this name."""
    work()  # what is made once is made now
    for number in range(10_000):
        left = number
        within = 0
        struck = False

        def strike(frame: FrameType, event: str, _argument: object) -> None:
            nonlocal left, within, struck
            if frame.f_code.co_name == inside and event == "call":
                within += 1
                # The arguments of the entered function itself are the caller's.
                return
            if frame.f_code.co_name == inside and event == "return":
                within -= 1
                return
            if not within or event not in {"call", "c_call"} or takes_locks(frame):
                return
            if left == 0:
                left, struck = -1, True
                raise Stop
            left -= 1

        before = sys.getprofile()
        sys.setprofile(strike)
        try:
            work()
        except Stop as stop:
            sys.setprofile(before)
            yield stop
        else:
            sys.setprofile(before)
            # One that strikes in a finalizer is swallowed by Python.
            if not struck:
                assert number > 0
                return
    pytest.fail("it never ended")


def shown(value: object) -> str:
    """Return the `repr` of a value, which may be half made."""
    try:
        return repr(value)
    except AttributeError:
        return "half made"


def outside_the_double(step: tuple[FrameType, int]) -> bool:
    """Return whether a frame is not one of `ScriptedTransport`, which keeps what it is sent."""
    return not step[0].f_code.co_filename.endswith("ssooidc_transports/testing.py")


def frames_with_the_canary(error: BaseException) -> list[str]:
    """Return the frames whose local variables show the canary, without those of the transport of a test."""
    return [
        f"{frame.f_code.co_name}: {name}"
        for each in (error, error.__context__)
        if each is not None
        for frame, _ in takewhile(outside_the_double, traceback.walk_tb(each.__traceback__))
        for name, value in frame.f_locals.items()
        if "canary" in shown(value)
    ]


@pytest.fixture
def count_interrupted() -> Callable[[Work, str], int]:
    """Return how often some work was interrupted below a function, after searching each traceback for "canary"."""

    def count(work: Work, inside: str) -> int:
        number = 0
        for stop in interrupted(work, inside):
            assert frames_with_the_canary(stop) == []
            number += 1
        return number

    return count
