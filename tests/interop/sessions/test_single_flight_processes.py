"""Many processes need a new token at the same time: one of them refreshes, and all of them get a valid token."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from ssooidc_emulator import IdentityCenter
from ssooidc_login import SsoSession, WayIn

if TYPE_CHECKING:
    from tests.interop.sessions.conftest import Child, Person, Start

Asked: TypeAlias = Callable[[], list[str]]
Expire: TypeAlias = Callable[[float], None]
Measured: TypeAlias = Callable[[str], None]
IsGood: TypeAlias = Callable[[str], bool]
Said: TypeAlias = list[dict[str, str]]

WAITING = "Another process is signing in to this session; waiting for it."
CODE = "The page must show this code: "


@pytest.fixture
def settings() -> dict[str, Any]:
    """End the session when a refresh token is used twice."""
    return {"auto_approve": "user", "refresh_mode": "rotating-strict"}


def figures(who: str, outcomes: Said, calls: list[str]) -> str:
    failed = sum("error" in each for each in outcomes)
    asked = [call for call in calls if call.startswith("CreateToken ")]
    good = asked.count("CreateToken 200")
    return f"{who}: {len(asked)} x CreateToken, {good} of them good, {failed} failures"


def test_fifty_processes_at_the_moment_of_expiry(
    session: SsoSession,
    person: Person,
    expire: Expire,
    children: Start,
    asked: Asked,
    *,
    is_good: IsGood,
    measured: Measured,
) -> None:
    session.login(way=WayIn.BROWSER, interaction=person)
    expire(-1)
    fifty, release = children("ours", 50)
    asked()
    release()
    outcomes = [child.ends() for child in fifty]
    calls = asked()
    measured(figures("50 processes of ours, token ended", outcomes, calls))
    assert [each.get("error") for each in outcomes] == [None] * 50
    assert calls == ["CreateToken 200"]
    assert [is_good(each["token"]) for each in outcomes] == [True] * 50
    assert {each["token"] for each in outcomes} == {session.token().access_token.get_secret_value()}


@pytest.mark.parametrize("left", [-1, 300, 800], ids=["ended", "5 minutes left", "13 minutes left"])
def test_eight_processes_beside_botocore(
    session: SsoSession,
    person: Person,
    expire: Expire,
    children: Start,
    asked: Asked,
    *,
    left: float,
    is_good: IsGood,
    measured: Measured,
) -> None:
    outcomes: dict[str, Said] = {}
    calls: dict[str, list[str]] = {}
    when = "token ended" if left < 0 else f"{left} s left"
    for library in ("ours", "botocore"):
        old = session.login(way=WayIn.BROWSER, interaction=person).access_token.get_secret_value()
        expire(left)
        eight, release = children(library, 8)
        asked()
        release()
        outcomes[library] = said = [child.ends() for child in eight]
        calls[library] = asked()
        kept = sum(each.get("token") == old for each in said)
        beside = f", {kept} keep the old token" if left > 0 else ""
        measured(figures(f"8 processes of {library}, {when}", said, calls[library]) + beside)
        if library == "ours":
            assert [is_good(each["token"]) for each in said] == [True] * 8
    # botocore's result is only printed: it locks within a process, so the result depends on timing.
    assert calls["ours"] == ["CreateToken 200"]


@pytest.mark.parametrize(
    "settings", [{"auto_approve": "user", "refresh_mode": "rotating"}], ids=["rotating"]
)
def test_ours_among_tools_that_know_no_lock(
    session: SsoSession,
    person: Person,
    expire: Expire,
    children: Start,
    start_aws: Callable[..., subprocess.Popen[str]],
    asked: Asked,
    *,
    is_good: IsGood,
    measured: Measured,
) -> None:
    """They write at any time, the AWS CLI not atomically; the service accepts an old refresh token for a minute."""
    session.login(way=WayIn.BROWSER, interaction=person)
    expire(-1)
    ours, release_ours = children("ours", 8)
    theirs, release_theirs = children("botocore", 4)
    asked()
    clis = [start_aws("configure", "export-credentials") for _ in range(2)]
    release_theirs()
    release_ours()
    said = [child.ends() for child in ours]
    other = [child.ends() for child in theirs]
    ends = [(cli.communicate(timeout=60), cli.returncode) for cli in clis]
    calls = asked()
    failed = sum("error" in each for each in other) + sum(status != 0 for _, status in ends)
    mixed = figures("8 processes of ours among 4 of botocore and 2 of the AWS CLI", said, calls)
    measured(f"{mixed}; {failed} of theirs")
    # Their results are not checked: they may read a file while another process is writing it.
    assert [is_good(each.get("token", "none")) for each in said] == [True] * 8
    assert set(calls) <= {"CreateToken 200", "GetRoleCredentials 200"}
    # At most one refresh of ours, besides one of each of them.
    assert calls.count("CreateToken 200") <= 1 + 4 + 2
    assert is_good(session.token(force_refresh=True).access_token.get_secret_value())


def first_and_second(children: Start) -> tuple[Child, Child]:
    """Start two logins at the same time, and return the one that signs in and the one that waits."""
    (one, other), release = children("login", 2)
    release()
    said = [one.says()["shown"], other.says()["shown"]]
    assert said.count(WAITING) == 1
    return (other, one) if said[0] == WAITING else (one, other)


def code_of(child: Child) -> str:
    while not (shown := child.says()["shown"]).startswith(CODE):
        pass
    return shown.removeprefix(CODE)


def test_two_logins_at_once_are_one(
    children: Start, center: IdentityCenter, asked: Asked, is_good: IsGood
) -> None:
    first, second = first_and_second(children)
    center.approve(code_of(first))
    token = first.ends()["token"]
    assert second.ends() == {"token": token}
    assert is_good(token)
    calls = [call for call in asked() if call != "CreateToken AuthorizationPendingException"]
    assert calls == [
        "RegisterClient 200",
        "StartDeviceAuthorization 200",
        "CreateToken 200",
        "ListAccounts 200",
    ]


def test_a_login_that_is_killed_leaves_the_way_to_the_next(
    children: Start, center: IdentityCenter, asked: Asked, is_good: IsGood
) -> None:
    first, second = first_and_second(children)
    abandoned = code_of(first)
    first.process.send_signal(signal.SIGKILL)
    code = code_of(second)
    assert code != abandoned
    center.approve(code)
    assert is_good(second.ends()["token"])
    # With the registration of the dead process.
    assert asked().count("RegisterClient 200") == 1
