"""The address of the device page in both forms, and decisions on a login that is given by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter

BASE = "http://127.0.0.1:8080"
FORMS = ["request_uri", "user_code"]

Ask = Callable[..., HttpResponse]
Start = Callable[..., dict[str, Any]]
Register = Callable[..., dict[str, str]]


@pytest.mark.parametrize(
    ("base_url", "before"),
    [
        (None, f"{BASE}/device?"),
        ("https://page.example/device", "https://page.example/device?"),
        ("https://page.example/?tenant=1", "https://page.example/?tenant=1&"),
        ("https://page.example/?a=1#/device", "https://page.example/?a=1#/device?"),
        ("https://page.example/#/device?a=1", "https://page.example/#/device?a=1&"),
    ],
)
def test_the_older_form_has_the_code(
    base_url: str | None, before: str, register: Register, start: Start
) -> None:
    center = IdentityCenter(base_url=base_url, device_page="user_code")
    login = start(center, register(center), base=BASE)
    assert login["verificationUriComplete"] == f"{before}user_code={login['userCode']}"


def test_an_own_page_gets_the_newer_form_as_well(register: Register, start: Start) -> None:
    center = IdentityCenter(base_url="https://page.example/?tenant=1")
    url = start(center, register(center), base=BASE)["verificationUriComplete"]
    assert url.startswith("https://page.example/?tenant=1&request_uri=")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("base_url", [None, "https://d-1.awsapps.com/start/#/device"])
def test_a_login_is_decided_by_its_address(
    form: Any,  # noqa: ANN401 - one of the two
    base_url: str | None,
    register: Register,
    start: Start,
    poll: Callable[..., HttpResponse],
) -> None:
    center = IdentityCenter(device_page=form, base_url=base_url)
    client = register(center)
    login, other = (start(center, client, base=BASE) for _ in range(2))
    center.approve(login["verificationUriComplete"])
    center.deny(other["verificationUriComplete"])
    assert poll(center, client, login).status == 200
    assert b"access_denied" in poll(center, client, other).body


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}/platform/authorize",
        f"{BASE}/platform/authorize?request_uri=canary",
        f"{BASE}/device?user_code=BBBB-BBBB",
        f"{BASE}/device?" + "a=1&" * 100,
    ],
)
def test_an_address_without_a_login(url: str, center: IdentityCenter) -> None:
    with pytest.raises(ValueError, match=r"^There is no pending device login at this URL$"):
        center.approve(url)


def test_the_page_shows_the_code(
    center: IdentityCenter, register: Register, start: Start, ask: Ask
) -> None:
    login = start(center, register(center), base=BASE)
    path = login["verificationUriComplete"].removeprefix(BASE)
    shown = ask(center, path, method="GET", base=BASE)
    assert shown.status == 200
    assert login["userCode"] in shown.body.decode()
    wrong = ask(center, "/platform/authorize?request_uri=canary", method="GET", base=BASE)
    assert (wrong.status, b"canary" in wrong.body) == (404, False)
    assert ask(center, "/platform/authorize", method="GET", base=BASE).status == 200
