"""The portal's lists are paginated, and a page token is valid for its own list only."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import HttpResponse, run
from ssooidc_core.flows.portal import list_all_account_roles, list_all_accounts
from ssooidc_core.portal import (
    InvalidRequestException,
    ListAccountRolesRequest,
    ListAccountsRequest,
    list_account_roles,
    list_accounts,
)
from ssooidc_emulator import EmulatorTransport, IdentityCenter, seeded_entropy
from ssooidc_emulator._oidc.refusals import MessageRefusal
from ssooidc_emulator._portal.answers import BAD_NEXT_TOKEN
from ssooidc_emulator._portal.pagination import Page, ResultPages
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

ACCOUNTS: Final = [f"{number:012}" for number in range(1000, 1045)]
ROLES: Final = [f"Role{number:02}" for number in range(30)]

Portal = Callable[..., HttpResponse]


@pytest.fixture
def crowded(center: IdentityCenter) -> IdentityCenter:
    """A directory whose user has a role in 46 accounts, and 32 roles in one of them."""
    for account_id in reversed(ACCOUNTS):
        center.directory.add_account(account_id)
        center.directory.assign("user", account_id=account_id, role_name="ReadOnly")
    for role_name in ROLES:
        center.directory.assign("user", account_id="123456789012", role_name=role_name)
    return center


@pytest.fixture
def listed(portal: Portal) -> Callable[..., tuple[list[str], str | None]]:
    """Get one page; return the ids or names on it, and the token of the next page."""

    def call(center: IdentityCenter, token: str, path: str) -> tuple[list[str], str | None]:
        answer = portal(center, token, path)
        assert answer.status == 200, answer.body
        page = json.loads(answer.body)
        entries = page.get("accountList") or page.get("roleList")
        key = "accountId" if "accountList" in page else "roleName"
        return [entry[key] for entry in entries], page["nextToken"]

    return call


def refused(answer: HttpResponse) -> str:
    assert answer.status == 400
    message: str = json.loads(answer.body)["message"]
    return message


def test_a_page_has_twenty_entries_by_default(
    crowded: IdentityCenter, token: str, listed: Callable[..., tuple[list[str], str | None]]
) -> None:
    entries, next_token = listed(crowded, token, "/assignment/accounts")
    assert entries == ACCOUNTS[:20]
    assert next_token is not None
    rest, _ = listed(crowded, token, f"/assignment/accounts?next_token={next_token}&max_result=25")
    assert rest == ACCOUNTS[20:45]


@pytest.mark.parametrize("size", [1, 7, 45, 46, 47, 100])
def test_all_pages_give_all_accounts_once(
    size: int,
    crowded: IdentityCenter,
    token: str,
    listed: Callable[..., tuple[list[str], str | None]],
) -> None:
    found: list[str] = []
    pages = 0
    next_token: str | None = ""
    while next_token is not None:
        path = f"/assignment/accounts?max_result={size}&next_token={quote(next_token)}"
        entries, next_token = listed(crowded, token, path)
        found += entries
        pages += 1
    assert found == [*ACCOUNTS, "123456789012"]
    assert pages == -(-46 // size)


def test_through_our_own_flows(crowded: IdentityCenter, token: str, clock: VirtualClock) -> None:
    transport = EmulatorTransport(crowded, clock=clock)
    more = [f"{number:012}" for number in range(2000, 2120)]
    for account_id in more:
        crowded.directory.add_account(account_id)
        crowded.directory.assign("user", account_id=account_id, role_name="ReadOnly")
    asked = len(crowded.log)
    accounts = run(list_all_accounts(token), transport)
    assert [account.account_id for account in accounts] == [*ACCOUNTS, *more, "123456789012"]
    assert len(crowded.log) == asked + 2
    roles = run(list_all_account_roles(token, account_id="123456789012"), transport)
    assert [role.role_name for role in roles] == sorted([*ROLES, "AdministratorAccess", "ReadOnly"])


@pytest.mark.parametrize("size", ["0", "101", "-1", "1.5", "", "x", "1e1", "9" * 5000, "%D9%A1"])
def test_a_size_that_no_page_has(
    size: str, crowded: IdentityCenter, token: str, portal: Portal
) -> None:
    for path in ("/assignment/accounts?", "/assignment/roles?account_id=123456789012&"):
        answer = portal(crowded, token, f"{path}max_result={size}")
        assert refused(answer) == "max_result must be a number from 1 to 100"


@pytest.mark.parametrize(
    "forged",
    [
        "x",
        "AAAA",
        "%00",
        "%F0%9F%94%91",
        base64.urlsafe_b64encode(b"\0" * 28).decode(),
        "=",
        "+/+/",
    ],
)
def test_a_forged_token(forged: str, crowded: IdentityCenter, token: str, portal: Portal) -> None:
    answer = portal(crowded, token, f"/assignment/accounts?next_token={forged}")
    assert refused(answer) == "next_token is invalid"


def test_a_token_of_another_list(
    crowded: IdentityCenter, token: str, portal: Portal, clock: VirtualClock
) -> None:
    crowded.directory.assign("user", account_id=ACCOUNTS[0], role_name="Other")
    transport = EmulatorTransport(crowded, clock=clock)
    accounts = run(
        list_accounts(ListAccountsRequest.of(token, max_results=1)), transport
    ).next_token
    ask = ListAccountRolesRequest.of(token, account_id=ACCOUNTS[0], max_results=1)
    roles = run(list_account_roles(ask), transport).next_token
    for path, foreign in [
        ("/assignment/accounts?", roles),
        (f"/assignment/roles?account_id={ACCOUNTS[0]}&", accounts),
        ("/assignment/roles?account_id=123456789012&", roles),
    ]:
        answer = portal(crowded, token, f"{path}next_token={foreign}")
        assert refused(answer) == "next_token is invalid"
    with pytest.raises(InvalidRequestException, match="next_token is invalid"):
        run(list_accounts(ListAccountsRequest.of(token, next_token=roles)), transport)


def test_a_token_of_another_session(  # noqa: PLR0917 - fixtures
    crowded: IdentityCenter,
    token: str,
    portal: Portal,
    listed: Callable[..., tuple[list[str], str | None]],
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    other = sign_in(crowded, register(crowded))["accessToken"]
    _, next_token = listed(crowded, token, "/assignment/accounts")
    answer = portal(crowded, other, f"/assignment/accounts?next_token={next_token}")
    assert refused(answer) == "next_token is invalid"


def test_a_list_that_changes_between_pages(
    crowded: IdentityCenter, token: str, listed: Callable[..., tuple[list[str], str | None]]
) -> None:
    first, next_token = listed(crowded, token, "/assignment/accounts?max_result=10")
    crowded.directory.unassign("user", account_id=ACCOUNTS[9], role_name="ReadOnly")
    crowded.directory.unassign("user", account_id=ACCOUNTS[10], role_name="ReadOnly")
    crowded.directory.add_account("000000000001")
    crowded.directory.assign("user", account_id="000000000001", role_name="ReadOnly")
    path = f"/assignment/accounts?max_result=5&next_token={next_token}"
    second, _ = listed(crowded, token, path)
    assert (first[-1], second) == (ACCOUNTS[9], ACCOUNTS[11:16])


TOKENS: Final = ResultPages(seeded_entropy("pages"))
TOKEN: Final = base64.urlsafe_b64decode(TOKENS._token("111122223333", ("session", "ListAccounts")))


@given(st.integers(0, len(TOKEN) * 8 - 1))
def test_every_bit_of_a_token_counts(bit: int) -> None:
    changed = bytearray(TOKEN)
    changed[bit // 8] ^= 1 << bit % 8
    page = TOKENS.page(
        ["111122223333", "222233334444"],
        str,
        of=("session", "ListAccounts"),
        max_result=None,
        next_token=base64.urlsafe_b64encode(changed).decode(),
    )
    assert page == BAD_NEXT_TOKEN


def test_a_token_has_one_spelling() -> None:
    # Tokens are 16 bytes and the entry: with 12 more, base64 leaves four bits without meaning.
    names = ["111122223333", "222233334444"]
    first = TOKENS.page(names, str, of=("x",), max_result="1", next_token=None)
    assert isinstance(first, Page)
    token = first.next_token
    assert token is not None
    assert token.endswith("==")
    neighbour = {"A": "B", "Q": "R", "g": "h", "w": "x"}[token[-3]]
    respelt = f"{token[:-3]}{neighbour}=="
    assert base64.urlsafe_b64decode(respelt) == base64.urlsafe_b64decode(token)
    for other in (respelt, f"{token}\n", f" {token}", token.rstrip("=")):
        page = TOKENS.page(names, str, of=("x",), max_result=None, next_token=other)
        assert page == BAD_NEXT_TOKEN


@given(
    names=st.sets(st.text(st.characters(categories=["L", "N"]), min_size=1), max_size=30),
    size=st.integers(1, 100),
)
def test_pages_put_together_are_the_list(names: set[str], size: int) -> None:
    found: list[str] = []
    next_token: str | None = None
    while True:
        page = TOKENS.page(
            list(names), str, of=("any",), max_result=str(size), next_token=next_token
        )
        assert not isinstance(page, MessageRefusal)
        assert len(page.entries) <= size
        found += page.entries
        next_token = page.next_token
        if next_token is None:
            break
    assert found == sorted(names)


@given(st.text(), st.text())
def test_any_token_and_any_size_are_answered(next_token: str, max_result: str) -> None:
    page = TOKENS.page(["a"], str, of=("x",), max_result=max_result, next_token=next_token)
    assert isinstance(page, MessageRefusal) or list(page.entries) == ["a"]
