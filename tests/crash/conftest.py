"""How the crash tests count: a line for each part with its word, and what each case of it came to.

A test gives its figures to the fixture `figures`, which checks them; the terminal summary adds them up. All of it is
against an emulator whose refresh tokens are good once (`rotating-strict`): a token that was made and not saved ends the
session.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from ssooidc_core import SessionExpired
from ssooidc_emulator import EmulatorServer, IdentityCenter

# What the scripts import from their own folder.
sys.path.insert(0, str(Path(__file__).parent / "children"))
from signed_in import ENDED, Home, InMemory

HERE: Final = Path(__file__).parent
PROPERTY: Final = "crash"
WORDS: Final = ("signals", "cancellations", "endings", "stopped", "full disk", "herd")
# `nox -s crash` sets both.
ROUNDS: Final = int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "20"))
SEED: Final = os.environ.get("SSOOIDC_CRASH_SEED", "20260131")
# From so many rounds on somebody measures, on a machine that does nothing else.
_MEASURING: Final = 1000
_LONGEST: Final = 1.0
_LONGEST_ON_A_BUSY_MACHINE: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one case came to.

    Attributes:
        part: one of `WORDS`.
        case: which case of it.
        rounds: how often it was tried.
        lost: sessions that had to be signed in anew.
        excused: sessions lost where nothing could have saved them.
        locks: locks that nobody held any more and nobody could take.
        descriptors: descriptors of files left open.
        swallowed: interrupts that the caller never saw.
        requests: the most requests that were sent for one refresh that failed; `None` where none did.
        allowed: the most that it may send.
        longest: seconds that a caller with a good token waited, at most; `None` where there was none.
        wrong: callers that got something else than they should.
        notes: what else there is to say.
    """

    part: str
    case: str
    rounds: int
    lost: int = 0
    excused: int = 0
    locks: int = 0
    descriptors: int = 0
    swallowed: int = 0
    requests: int | None = None
    allowed: int = 1
    longest: float | None = None
    wrong: int = 0
    notes: str = ""

    def problems(self) -> list[str]:
        """Return what should be otherwise."""
        bound = _LONGEST if ROUNDS >= _MEASURING else _LONGEST_ON_A_BUSY_MACHINE
        found = [
            f"{count} {what}"
            for count, what in (
                (self.lost, "sessions lost"),
                (self.locks, "locks leaked"),
                (self.descriptors, "descriptors leaked"),
                (self.swallowed, "interrupts swallowed"),
                (self.wrong, "callers with a wrong answer"),
            )
            if count
        ]
        if self.requests is not None and self.requests > self.allowed:
            found.append(f"{self.requests} requests instead of {self.allowed}")
        if self.longest is not None and self.longest > bound:
            found.append(f"waited {self.longest:.1f} s")
        return found

    def line(self) -> str:
        """Return it as a line for people."""
        said = [f"{self.rounds:,} rounds", f"{self.lost:,} sessions lost"]
        if self.excused:
            said.append(f"{self.excused:,} more that nothing could have saved")
        said += [f"{self.locks:,} locks and {self.descriptors:,} descriptors leaked"]
        if self.swallowed:
            said.append(f"{self.swallowed:,} interrupts swallowed")
        if self.requests is not None:
            said.append(f"{self.requests:,} requests sent for one refresh")
        if self.longest is not None:
            said.append(f"{self.longest:.2f} s at most for a caller with a good token")
        if self.wrong:
            said.append(f"{self.wrong:,} callers with a wrong answer")
        return ", ".join(said) + (f"; {self.notes}" if self.notes else "")


Report: TypeAlias = Callable[..., None]


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Report:
    """Return a function that takes the figures of a case, has them printed at the end, and fails if one is not met."""

    def take(case: str, **values: Any) -> None:  # noqa: ANN401 - the members of `Figures`
        found = Figures(part=request.module.PART, case=case, **values)
        # A property travels with the report, from a worker of xdist to whoever sums up.
        request.node.user_properties.append((PROPERTY, json.dumps(asdict(found))))
        assert not found.problems(), f"{found.part}: {found.case}: {found.line()} (seed {SEED})"

    return take


@pytest.fixture
def center() -> IdentityCenter:
    return IdentityCenter(refresh_mode="rotating-strict")


@pytest.fixture
def server(center: IdentityCenter) -> Iterator[EmulatorServer]:
    with EmulatorServer(center) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


class SignedIn:
    """The session that all processes of a test share, seen by its files."""

    def __init__(self, home: Path, center: IdentityCenter) -> None:
        self._home = Home(home)
        self._service = InMemory(center)
        self.again()

    def again(self) -> None:
        """Sign in anew."""
        self._service.sign_in(self._home)

    def expire(self, left: float = ENDED) -> None:
        """Leave so many seconds to the stored token."""
        self._home.expire(left)

    def next_token(self) -> None:
        """Ask for a token, as any process may that comes next."""
        with self._service.session(self._home) as session:
            session.token()

    def is_lost(self) -> bool:
        """Return whether the next process is told to sign in anew."""
        if not self._home.is_fresh():
            self.expire()
        try:
            self.next_token()
        except SessionExpired:
            return True
        return False

    def is_locked(self) -> bool:
        """Return whether nobody can take the lock now."""
        return not self._home.is_free()


@pytest.fixture
def signed_in(home: Path, center: IdentityCenter) -> SignedIn:
    """Sign in, before the processes start."""
    return SignedIn(home, center)


class Child:
    """A process that runs a script of `children/`; the fixture `start` ends it."""

    def __init__(
        self,
        script: str,
        given: dict[str, object],
        environment: dict[str, str],
        prefix: Sequence[str] = (),
    ) -> None:
        # Not -I: the scripts import from their own folder.
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-s", "-E", HERE / "children" / script, json.dumps(given)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self) -> dict[str, Any]:
        """Wait for the next line that it says; empty where it ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {}
        return said

    def tell(self) -> None:
        """Continue the process, which may have ended."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()

    def ends(self, seconds: float) -> int:
        """Wait for its end, and return its status."""
        return self.process.wait(seconds)

    def result(self) -> dict[str, Any]:
        """Wait for its last line and its end, which must be a good one."""
        out, err = self.process.communicate()
        assert self.process.returncode == 0, err
        said: dict[str, Any] = json.loads(out.splitlines()[-1])
        return said


Start: TypeAlias = Callable[..., Child]


@pytest.fixture
def start(server: EmulatorServer, home: Path) -> Iterator[Start]:
    """Return a function that starts a script of `children/` with what it is to do."""
    # A home of its own: none of this machine's settings are read.
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "SSOOIDC_EMULATOR_ADMIN_TOKEN": server.admin_token,
    }
    with contextlib.ExitStack() as stack:

        def begin(script: str, *, prefix: Sequence[str] = (), **given: object) -> Child:
            known = {"url": server.url, "home": str(home), "seed": SEED, "rounds": ROUNDS}
            child = Child(script, known | given, environment, prefix)
            stack.callback(child.process.communicate)
            stack.callback(child.process.kill)
            return child

        yield begin


class Summary:
    """Adds up."""

    def __init__(self) -> None:
        self.parts: defaultdict[str, list[Figures]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one report."""
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    found = Figures(**json.loads(str(value)))
                    self.parts[found.part].append(found)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each part, and one for each case below it."""
        if not self.parts:
            return
        terminalreporter.section("crash")
        for word in WORDS:
            cases = self.parts.get(word, [])
            if cases:
                problems = any(case.problems() for case in cases)
                terminalreporter.line(
                    f"{word:14}{_sum(cases).line()}{': NOT MET' if problems else ''}", red=problems
                )
            for case in cases:
                terminalreporter.line(f"    {case.case}: {case.line()}")


def _sum(cases: list[Figures]) -> Figures:
    requests = [case.requests for case in cases if case.requests is not None]
    longest = [case.longest for case in cases if case.longest is not None]
    return Figures(
        part=cases[0].part,
        case="all",
        rounds=sum(case.rounds for case in cases),
        lost=sum(case.lost for case in cases),
        excused=sum(case.excused for case in cases),
        locks=sum(case.locks for case in cases),
        descriptors=sum(case.descriptors for case in cases),
        swallowed=sum(case.swallowed for case in cases),
        requests=max(requests, default=None),
        longest=max(longest, default=None),
        wrong=sum(case.wrong for case in cases),
    )


def pytest_configure(config: pytest.Config) -> None:
    """Sum up where the reports come together, not in the workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(), "crash-summary")
