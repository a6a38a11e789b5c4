"""Ask for a token in forked children, each of which is killed at a random point: `killed_child.py SEED ROUNDS`.

Half of them kill themselves before a random one of all function calls of a whole refresh; this process kills the other
half at a random time. Before each round it prints "ready" and waits for a line; after the round it prints a line of
JSON: the child's exit status (0 if it finished first), and the point of the kill.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

from ssooidc_login import SsoSession

# On a busy machine, a refresh takes longer than the fastest one that was measured.
SLOWER = 1.3


def prepared() -> SsoSession:
    """Return a session that has not sent anything yet."""
    session = SsoSession.from_profile()
    session.status()
    return session


def calls_of(work: Callable[[], object], *, kill_at: int = 0) -> int:
    """Count calls of functions, including built-in ones; kill this process before one of them."""
    calls = 0

    def see(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def seconds_of_a_refresh() -> float:
    with prepared() as session:
        began = time.perf_counter()
        session.token(force_refresh=True)
        return time.perf_counter() - began


def killed_at(point: int, session: SsoSession) -> None:
    calls_of(session.token, kill_at=point)


def in_child(work: Callable[[SsoSession], object]) -> int:
    """Fork, and return when the child begins to work."""
    seen, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            session = prepared()
            os.write(told, b"!")
            work(session)
            status = 0
        finally:
            os._exit(status)
    os.close(told)
    os.read(seen, 1)
    os.close(seen)
    return pid


def end_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main(seed: str, rounds: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible
    with prepared() as session:
        # The first round imports what the others need.
        session.token(force_refresh=True)
    with prepared() as session:
        calls = calls_of(lambda: session.token(force_refresh=True))
    seconds = min(seconds_of_a_refresh() for _ in range(5))
    for _ in range(rounds):
        say("ready")
        sys.stdin.readline()
        if chance.random() < 0.5:
            point = chance.randrange(calls) + 1
            pid = in_child(partial(killed_at, point))
            say({"end": end_of(pid), "at": f"call {point} of {calls}"})
            continue
        after = chance.uniform(0, SLOWER * seconds)
        pid = in_child(SsoSession.token)
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
        say({"end": end_of(pid), "at": f"{after * 1000:.1f} of {seconds * 1000:.1f} ms"})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
