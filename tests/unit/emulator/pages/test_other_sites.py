"""Pages of other sites can neither read nor change anything in the emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Browser

BASE: Final = "http://127.0.0.1:8080"
OWN: Final = ("Origin", "http://127.0.0.1:8080")
WRONG: Final = "BBBB-BBBB"


def test_a_page_elsewhere_cannot_use_the_limit_up(browser: Browser, login: dict[str, Any]) -> None:
    for dest in ("image", "iframe", "empty", "script"):
        for site in ("cross-site", "same-site"):
            for _ in range(5):
                answer = browser.get(
                    f"/device?user_code={WRONG}",
                    ("Sec-Fetch-Site", site),
                    ("Sec-Fetch-Dest", dest),
                )
                assert (answer.status, browser.title(answer)) == (403, "Request refused")
    for _ in range(20):
        assert (
            browser.get(f"/device?user_code={WRONG}", ("Origin", "https://evil.com")).status == 403
        )
    assert browser.open(login["userCode"]).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        # As Chromium 156 sends them for the speculation rules of a page on another port.
        [
            ("Sec-Purpose", "prefetch"),
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Fetch-Site", "none"),
        ],
        [("Sec-Purpose", "prefetch;prerender"), ("Sec-Fetch-Dest", "document")],
        [("Sec-Purpose", "Prefetch;anonymous-client-ip")],
        [("Purpose", "prefetch")],
    ],
    ids=repr,
)
def test_a_browser_cannot_be_made_to_fetch_pages_ahead(
    headers: list[tuple[str, str]], browser: Browser, login: dict[str, Any]
) -> None:
    for path in (f"/device?user_code={WRONG}", "/authorize?client_id=a", "/") * 10:
        answer = browser.get(path, *headers)
        assert (answer.status, browser.title(answer)) == (403, "Request refused")
    assert browser.open(login["userCode"]).status == 200


def test_nobody_is_signed_in_ahead(
    authorize_path: Callable[..., str], ask: Callable[..., HttpResponse]
) -> None:
    center = IdentityCenter(auto_approve="user")
    headers = (("Sec-Purpose", "prefetch"), ("Sec-Fetch-Dest", "document"))
    answer = ask(center, authorize_path(center), method="GET", base=BASE, headers=headers)
    assert answer.status == 403
    assert len(center._operations.codes) == 0


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_a_link_from_anywhere_opens_the_page(
    site: str, browser: Browser, login: dict[str, Any]
) -> None:
    answer = browser.get(
        f"/device?user_code={login['userCode']}",
        ("Sec-Fetch-Site", site),
        ("Sec-Fetch-Dest", "document"),
    )
    assert browser.title(answer) == "Approve the sign-in?"


@pytest.mark.parametrize("path", ["/client/register", "/device_authorization", "/token"])
@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", "https://evil.com")],
        [("Origin", "null")],
        [("Origin", "http://127.0.0.1:8081")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
        [OWN, ("Sec-Fetch-Site", "cross-site")],
    ],
    ids=repr,
)
def test_a_page_elsewhere_calls_no_operation(
    path: str,
    headers: list[tuple[str, str]],
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
) -> None:
    body = b'{"clientName":"a","clientType":"public"}'
    answer = ask(center, path, body, base=BASE, headers=tuple(headers))
    assert (answer.status, answer.body) == (403, b"{}")
    assert answer.headers["x-amzn-errortype"].startswith("ForbiddenException:")
    assert len(center._operations.registrations) == 0


@pytest.mark.parametrize(
    "headers",
    [[], [OWN], [("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "none")]],
    ids=repr,
)
def test_command_lines_and_our_own_pages_may(
    headers: list[tuple[str, str]], center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    body = b'{"clientName":"a","clientType":"public"}'
    answer = ask(center, "/client/register", body, base=BASE, headers=tuple(headers))
    assert answer.status == 200
