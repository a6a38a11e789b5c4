"""A center under a clock that the test moves, and the calls of a login, each as one function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

SERVICE = "https://oidc.us-east-1.amazonaws.com"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def center() -> IdentityCenter:
    return IdentityCenter(entropy=seeded_entropy("emulator"))


@pytest.fixture
def ask(clock: VirtualClock) -> Callable[..., HttpResponse]:
    """Send a request to a center and give its answer: `ask(center, "/token", {...})`."""

    def send(
        asked: IdentityCenter,
        path: str,
        members: object = b"",
        *,
        method: str = "POST",
        headers: tuple[tuple[str, str], ...] = (),
        base: str = SERVICE,
    ) -> HttpResponse:
        body = members if isinstance(members, bytes) else json.dumps(members).encode()
        outcome = asked.handle(HttpRequest(method, base + path, headers, body), clock.now())
        assert isinstance(outcome, HttpResponse)
        return outcome

    return send


@pytest.fixture
def register(ask: Callable[..., HttpResponse]) -> Callable[..., dict[str, str]]:
    """Register a client, with a scope unless told otherwise, and give the members that prove who it is."""

    def call(asked: IdentityCenter, **members: object) -> dict[str, str]:
        usual = {"clientName": "tool", "clientType": "public", "scopes": ["sso:account:access"]}
        answer = ask(asked, "/client/register", usual | members)
        assert answer.status == 200, answer.body
        client = json.loads(answer.body)
        return {name: client[name] for name in ("clientId", "clientSecret")}

    return call


@pytest.fixture
def start(ask: Callable[..., HttpResponse]) -> Callable[..., dict[str, Any]]:
    """Start a device login and give the answer's members."""

    def call(asked: IdentityCenter, client: dict[str, str], **more: object) -> dict[str, Any]:
        answer = ask(
            asked, "/device_authorization", {**client, "startUrl": asked.start_url}, **more
        )
        assert answer.status == 200, answer.body
        members: dict[str, Any] = json.loads(answer.body)
        return members

    return call


@pytest.fixture
def poll(ask: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Poll for the token once."""

    def call(asked: IdentityCenter, client: dict[str, str], login: dict[str, Any]) -> HttpResponse:
        code = {"grantType": DEVICE_CODE, "deviceCode": login["deviceCode"]}
        return ask(asked, "/token", client | code)

    return call


@pytest.fixture
def refresh(ask: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refresh once."""

    def call(asked: IdentityCenter, client: dict[str, str], token: str) -> HttpResponse:
        return ask(asked, "/token", {**client, "grantType": "refresh_token", "refreshToken": token})

    return call


@pytest.fixture
def sign_in(
    start: Callable[..., dict[str, Any]], poll: Callable[..., HttpResponse]
) -> Callable[..., dict[str, Any]]:
    """Go through a whole login and give the token's members."""

    def call(asked: IdentityCenter, client: dict[str, str]) -> dict[str, Any]:
        login = start(asked, client)
        asked.approve(login["userCode"])
        answer = poll(asked, client, login)
        assert answer.status == 200, answer.body
        members: dict[str, Any] = json.loads(answer.body)
        return members

    return call
