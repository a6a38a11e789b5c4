"""The consent page in frames of other sites, and under host names that only look like its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter

BASE: Final = "http://127.0.0.1:8080"


def title(answer: HttpResponse) -> str:
    match = re.search(r"<h1>(.*)</h1>", answer.body.decode())
    assert match is not None
    return match[1]


def codes_of(center: IdentityCenter) -> list[str]:
    """Return the users for whom codes were made."""
    return [code.user for code in center._operations.codes._codes.values()]


def test_a_name_cannot_turn_the_page_around(
    center: IdentityCenter, authorize_path: Callable[..., str], ask: Callable[..., HttpResponse]
) -> None:
    path = authorize_path(center, clientName="a\u202eb" + "c" * 1000)
    text = ask(center, path, method="GET", base=BASE).body.decode()
    assert "\u202e" not in text
    assert "c" * 300 not in text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object", "image", "script", "empty"])
def test_nobody_else_can_frame_or_load_it(
    site: str,
    dest: str,
    center: IdentityCenter,
    authorize_path: Callable[..., str],
    ask: Callable[..., HttpResponse],
) -> None:
    answer = ask(
        center,
        authorize_path(center),
        method="GET",
        base=BASE,
        headers=(("Sec-Fetch-Site", site), ("Sec-Fetch-Dest", dest)),
    )
    assert (answer.status, title(answer)) == (403, "Request refused")
    assert "location" not in answer.headers
    assert b"<form" not in answer.body


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_a_link_from_anywhere_opens_it(
    site: str,
    center: IdentityCenter,
    authorize_path: Callable[..., str],
    ask: Callable[..., HttpResponse],
) -> None:
    answer = ask(
        center,
        authorize_path(center),
        method="GET",
        base=BASE,
        headers=(("Sec-Fetch-Site", site), ("Sec-Fetch-Dest", "document")),
    )
    assert title(answer) == "Allow access?"


@pytest.mark.parametrize("dest", ["iframe", "image", "empty"])
def test_a_page_elsewhere_cannot_use_that_nobody_is_asked(
    dest: str, ask: Callable[..., HttpResponse], authorize_path: Callable[..., str]
) -> None:
    center = IdentityCenter(auto_approve="user")
    path = authorize_path(center)
    headers = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", dest))
    answer = ask(center, path, method="GET", base=BASE, headers=headers)
    assert answer.status == 403
    assert codes_of(center) == []
