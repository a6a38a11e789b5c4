"""Interrupts `SsoSession.token()` with real SIGINTs at instants drawn by lot, and counts what is lost.

The test gives the rounds, the seed, and whether the emulator is in this process or reached over loopback. A process
beside this one sends the signals: a thread could send them only where the interpreter lets another thread run.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from types import FrameType

from signed_in import Emulated, InMemory, emulated, look_and_repair, say

# On a busy machine a refresh takes longer than those that were measured.
SLOWER = 1.3
_DELAY = struct.Struct("d")


class Sender:
    """A forked process that sends SIGINT after a delay, once each time it is asked to."""

    def __init__(self) -> None:
        asked, self._ask = os.pipe()
        target = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                os.close(self._ask)
                while delay := os.read(asked, _DELAY.size):
                    time.sleep(*_DELAY.unpack(delay))
                    os.kill(target, signal.SIGINT)
            finally:
                os._exit(0)
        os.close(asked)

    def send_after(self, seconds: float) -> None:
        """Send one after so many seconds."""
        os.write(self._ask, _DELAY.pack(seconds))

    def close(self) -> None:
        """End the process."""
        os.close(self._ask)
        os.waitpid(self._pid, 0)


class Interrupts:
    """What a SIGINT does: the usual `KeyboardInterrupt`, and a count."""

    def __init__(self) -> None:
        self.count = 0
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        signal.default_int_handler(number, frame)


def interrupted(call: Callable[[], object], delay: float, sender: Sender, seen: Interrupts) -> str:
    """Interrupt a call, and return what became of the interrupt."""
    before = seen.count
    error = ""
    returned = False
    try:
        sender.send_after(delay)
        try:
            call()
        except Exception as caught:  # noqa: BLE001 - whatever it is, it stands in the way of the interrupt
            error = type(caught).__name__
        inside = seen.count - before
        returned = True
        while seen.count == before:
            time.sleep(10)
    except KeyboardInterrupt:
        return "late" if returned else "raised"
    if not inside:
        return "late"
    return f"became {error}" if error else "swallowed"


class Pace:
    """How long a refresh takes: the median of the last ones, as a busy machine is slow now and fast later."""

    def __init__(self) -> None:
        self._taken: deque[float] = deque(maxlen=21)

    def timed(self, call: Callable[[], object]) -> Callable[[], None]:
        """Return a function that calls, and notes how long it took if it came to its end."""

        def measured() -> None:
            began = time.perf_counter()
            call()
            self._taken.append(time.perf_counter() - began)

        return measured

    def seconds(self) -> float:
        """Return the median."""
        return statistics.median(self._taken)


def main() -> None:
    """Run the rounds."""
    given, server, home = emulated()
    chance = random.Random(given["seed"])  # noqa: S311 - to be repeated
    service: Emulated | InMemory = server if given["wire"] else InMemory()
    seen = Interrupts()
    sender = Sender()
    service.sign_in(home)
    pace = Pace()
    for _ in range(25):  # the first ones import what the others need
        home.expire(given["left"])
        with service.session(home) as session:
            pace.timed(session.token)()
    found: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for _ in range(given["rounds"]):
        home.expire(given["left"])
        delay = chance.uniform(0, SLOWER * pace.seconds())
        with service.session(home) as session:
            ends[interrupted(pace.timed(session.token), delay, sender, seen)] += 1
        look_and_repair(service, home, found)
    sender.close()
    say(found=found, ends=ends, seconds=pace.seconds())


if __name__ == "__main__":
    main()
