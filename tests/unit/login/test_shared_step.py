"""`ssooidc_login._shared_step`: one thread does the work, all who ask meanwhile share what it came to."""

from __future__ import annotations

import functools
import gc
import threading
import weakref
from _thread import allocate_lock
from queue import SimpleQueue
from typing import Final

import pytest

from ssooidc_core import SsoOidcError
from ssooidc_login import StoreError, _shared_step
from ssooidc_login._shared_step import NobodyWaits, Step, join, wait_for

KEY: Final = "a key of these tests"


class Caller:
    """Joins a step, and gets its outcome."""

    def __init__(self, work: Work) -> None:
        self.told: SimpleQueue[None] = SimpleQueue()
        self.tell = functools.partial(self.told.put, None)
        self.step: Step[str] = join(KEY, work, self.tell)

    def outcome(self) -> str:
        assert wait_for(self.step, self.told, None)
        return self.step.outcome()


class Work:
    """Work that goes on when a test says so."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.may_end = threading.Event()
        self.runs = 0
        self._error = error

    def __call__(self, step: Step[str]) -> str:
        self.runs += 1
        assert self.may_end.wait(60)
        step.check_awaited()
        if self._error is not None:
            raise self._error
        return "a token"


def test_who_asks_meanwhile_shares_the_result_and_who_asks_later_begins_anew() -> None:
    work = Work()
    callers = [Caller(work) for _ in range(5)]
    work.may_end.set()
    assert [caller.outcome() for caller in callers] == ["a token"] * 5
    assert work.runs == 1
    assert Caller(work).outcome() == "a token"
    assert work.runs == 2


def test_each_gets_an_error_of_its_own_without_the_frames_of_the_step() -> None:
    cause = ValueError("why")
    error = StoreError("Cannot write")
    error.__cause__ = cause
    work = Work(error)
    callers = [Caller(work) for _ in range(2)]
    work.may_end.set()
    caught: list[SsoOidcError] = []
    for caller in callers:
        with pytest.raises(StoreError) as raised:
            caller.outcome()
        caught.append(raised.value)
    assert caught[0] is not caught[1]
    assert [str(each) for each in caught] == ["Cannot write"] * 2
    assert [each.__cause__ for each in caught] == [cause] * 2
    names = [entry.name for entry in raised.traceback]
    assert "__call__" not in names


def test_a_defect_says_where_it_is() -> None:
    work = Work(TypeError("a defect"))
    caller = Caller(work)
    work.may_end.set()
    with pytest.raises(TypeError) as raised:
        caller.outcome()
    (note,) = raised.value.__notes__
    assert note.startswith("In a refresh:\n")
    assert "in __call__" in note


def test_what_a_failed_step_held_is_let_go_of_with_its_error() -> None:
    class Held:
        """A lock, for example."""

    seen: list[weakref.ref[Held]] = []

    def work(_step: Step[str]) -> str:
        held = Held()
        seen.append(weakref.ref(held))
        raise KeyboardInterrupt

    gc.disable()
    try:
        told: SimpleQueue[None] = SimpleQueue()
        step = join(KEY, work, functools.partial(told.put, None))
        assert wait_for(step, told, None)
        with pytest.raises(KeyboardInterrupt):
            step.outcome()
        assert seen[0]() is None
    finally:
        gc.enable()


def test_a_waiter_whose_patience_ends_leaves_the_step_alone() -> None:
    work = Work()
    caller = Caller(work)
    assert not wait_for(caller.step, caller.told, 0)
    assert not wait_for(caller.step, caller.told, -1)
    work.may_end.set()
    assert caller.outcome() == "a token"


def test_a_step_that_waits_for_nobody_ends() -> None:
    work = Work()
    work.may_end.set()
    step: Step[str] = Step(work)

    def tell() -> None:
        pytest.fail("it is not waited for")

    step.call_when_over(tell)
    step.stop_waiting(tell)
    step.stop_waiting(tell)
    step.run()
    with pytest.raises(NobodyWaits):
        step.outcome()


def test_without_another_thread_the_caller_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object) -> int:
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr(_shared_step, "start_new_thread", fail)
    work = Work()
    work.may_end.set()
    assert Caller(work).outcome() == "a token"


def test_a_thread_that_the_end_of_the_process_would_wait_for_may_be_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the interpreter ends, `Thread.start` raises; then the first thread does the work."""

    def fail(_thread: threading.Thread) -> None:
        message = "can't create new thread at interpreter shutdown"
        raise RuntimeError(message)

    monkeypatch.setattr(threading.Thread, "start", fail)
    work = Work()
    work.may_end.set()
    assert Caller(work).outcome() == "a token"


def test_the_lock_of_a_forked_child_is_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = allocate_lock()
    taken.acquire()
    monkeypatch.setattr(_shared_step, "_changing", taken)
    _shared_step._forget()  # what the child does
    work = Work()
    work.may_end.set()
    assert Caller(work).outcome() == "a token"


def test_nothing_of_an_outcome_is_shown() -> None:
    work = Work()
    caller = Caller(work)
    work.may_end.set()
    assert caller.outcome() == "a token"
    assert "token" not in repr(caller.step)
