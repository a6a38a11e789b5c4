"""`Step`: work that runs to its end in a thread of its own; all who ask for it meanwhile share its outcome.

Python raises `KeyboardInterrupt` in the main thread only, and cancellations in tasks only. So nothing can interrupt
such a thread between the service's answer and its saving, and the end of the process waits for it.

A caller uses no `Event`, `Condition`, `Future` or `Thread.start`. They are written in Python, and Ctrl-C inside of them
can leave their inner lock taken, so that the other side waits for ever. What is used instead is implemented in C.
"""

from __future__ import annotations

import atexit
import contextvars
import copy
import functools
import os
import threading
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from traceback import format_tb
from typing import Final, Generic, TypeVar, cast

from ssooidc_core import SsoOidcError

__all__ = ["NobodyWaits", "Step", "finish", "join", "wait_for"]

T = TypeVar("T")

# Seconds that the end of the process waits; a refresh may hold the lock for 20.
_LONGEST: Final = 25.0


class NobodyWaits(Exception):
    """Ends a step that waits for something while no caller waits for the step any more."""


@dataclass(slots=True, eq=False)
class Step(Generic[T]):
    """Work that is in progress or done.

    Attributes:
        is_over: whether there is an outcome.
        must_finish: whether the step holds a lock; then the end of the process waits for it.
    """

    _work: Callable[[Step[T]], T] | None = field(repr=False)
    is_over: bool = False
    must_finish: bool = False
    _value: list[T] = field(default_factory=list[T], repr=False)
    _error: BaseException | None = field(default=None, repr=False)
    _waiting: list[Callable[[], object]] = field(
        default_factory=list[Callable[[], object]], repr=False
    )

    def run(self) -> None:
        """Do the work and keep its outcome."""
        work, self._work = self._work, None
        try:
            if work is not None:
                self._value.append(work(self))
        except BaseException as caught:  # noqa: BLE001 - raised in every caller
            if not isinstance(caught, SsoOidcError):
                # It is a defect, of a store for example: say where.
                caught.add_note(f"In a refresh:\n{''.join(format_tb(caught.__traceback__))}")
            # The frames of its traceback contain tokens and locks.
            self._error = caught.with_traceback(None)
        finally:
            self.is_over = True
            for tell in tuple(self._waiting):
                _ = tell()

    def call_when_over(self, tell: Callable[[], object]) -> None:
        """Call a function once there is an outcome, perhaps twice: in the step's thread, or at once if it is over."""
        # Added first, so that the thread or this caller sees it.
        self._waiting.append(tell)
        if self.is_over:
            _ = tell()

    def stop_waiting(self, tell: Callable[[], object]) -> None:
        """Forget a function that was given to `call_when_over`."""
        with suppress(ValueError):
            self._waiting.remove(tell)

    def check_awaited(self) -> None:
        """Raise `NobodyWaits` if no caller waits for the outcome."""
        if not self._waiting:
            raise NobodyWaits

    def outcome(self) -> T:
        """Return the result, or raise the error: each caller gets a copy of its own."""
        error = self._error
        if error is None:
            return self._value[0]
        try:
            if isinstance(error, SsoOidcError):
                raise copy.copy(error) from error.__cause__
            raise error
        finally:
            del error  # its traceback refers to this frame


_steps: Final[dict[Hashable, Step[object]]] = {}
_changing = allocate_lock()


def join(key: Hashable, work: Callable[[Step[T]], T], tell: Callable[[], object]) -> Step[T]:
    """Return the step of this key that is in progress, or start it.

    Args:
        key: identifies the work.
        work: the work, called in a thread of its own.
        tell: called when the step is over; see `Step.call_when_over`.
    """
    step: Step[T]
    started = True
    # `with` on a lock that is implemented in C cannot be interrupted between acquiring it and entering the block.
    with _changing:
        known = _steps.get(key)
        if known is not None and not known.is_over:
            step = cast("Step[T]", known)
            step.call_when_over(tell)
            return step
        step = Step(work)
        step.call_when_over(tell)
        context = contextvars.copy_context()
        # Started first, since others would wait for ever for a step that is noted but never starts.
        try:
            _ = start_new_thread(_start, (context, key, step))
        except RuntimeError:
            started = False
        else:
            _steps[key] = cast("Step[object]", step)
    if not started:
        # There can be no more threads.
        step.run()
    return step


def wait_for(step: Step[T], told: SimpleQueue[None], seconds: float | None) -> bool:
    """Wait up to so many seconds, or without limit, and return whether the step is over.

    Ctrl-C ends the waiting only. `told` must get an item when the step is over.
    """
    try:
        told.get(timeout=None if seconds is None else max(0.0, seconds))
    except Empty:
        return step.is_over
    return True


def _start(context: contextvars.Context, key: Hashable, step: Step[T]) -> None:
    # The process's end waits for a thread like this, also in children of `multiprocessing`, which do not call
    # `atexit` functions. It is started here because here no Ctrl-C can interrupt `Thread.start`.
    thread = threading.Thread(
        target=context.run, args=(_run, key, step), name="ssooidc-refresh", daemon=False
    )
    try:
        thread.start()
    except RuntimeError:
        # The process is ending; `_finish_all` waits for the step.
        _run(key, step)


def _run(key: Hashable, step: Step[T]) -> None:
    step.run()
    with _changing:
        if _steps.get(key) is step:
            del _steps[key]


def finish(key: Hashable) -> None:
    """Wait for the step of this key if it holds a lock: its transport is about to be closed."""
    step = _steps.get(key)
    if step is not None and step.must_finish:
        told: SimpleQueue[None] = SimpleQueue()
        step.call_when_over(functools.partial(told.put, None))
        _ = wait_for(step, told, _LONGEST)


def _finish_all() -> None:
    for key in tuple(_steps):
        finish(key)


def _forget() -> None:
    global _changing  # noqa: PLW0603 - another thread of the parent may hold it
    _changing = allocate_lock()
    _steps.clear()


_ = atexit.register(_finish_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
