"""`refresh_token`: which refusals end the session or the registration, and which say nothing about them."""

from __future__ import annotations

import pytest

from ssooidc_core import (
    CreateTokenResponse,
    InvalidRequestException,
    RegisterClientResponse,
    RegistrationGone,
    SecretStr,
    ServiceError,
    SessionExpired,
    SsoOidcError,
    run,
)
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_transports.testing import ScriptedTransport, reply

CLIENT = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
TOKEN = CreateTokenResponse(access_token=SecretStr("canary"), refresh_token=SecretStr("canary2"))


def refused(members: dict[str, object], name: str = "InvalidRequestException") -> SsoOidcError:
    answer = reply(400, members, headers={"x-amzn-ErrorType": name})
    with pytest.raises(SsoOidcError) as caught:
        _ = run(refresh_token(CLIENT, TOKEN), ScriptedTransport([answer]))
    return caught.value


@pytest.mark.parametrize(
    ("description", "meaning", "text"),
    [
        (
            "Invalid token provided",
            SessionExpired,
            "The refresh token is refused: the session has ended, or the login was in another region",
        ),
        (
            "invalid refresh token provided",
            SessionExpired,
            "The refresh token is refused: the session has ended, or the login was in another region",
        ),
        (
            "Invalid client provided",
            RegistrationGone,
            "The service refuses the client registration",
        ),
        (
            "Invalid client secret provided.",
            RegistrationGone,
            "The service refuses the client registration",
        ),
    ],
)
def test_an_invalid_request_about_the_token_or_the_client_needs_a_login(
    description: str, meaning: type[SsoOidcError], text: str
) -> None:
    """What the service answers at the wrong region, seen in public records (opencode-kiro-auth PR#118)."""
    error = refused({"error": "invalid_request", "error_description": description, "reason": None})
    assert type(error) is meaning
    assert str(error) == text
    assert isinstance(error.__cause__, InvalidRequestException)
    assert error.__cause__.error_description == description


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"error_description": None},
        {"error_description": "Invalid start url provided"},
        {"error_description": "Invalid request: a member is missing"},
        {"error_description": "Invalid token type provided"},
        {"error_description": "Invalid token provided", "reason": "KMS_DisabledException"},
    ],
)
def test_an_invalid_request_about_something_else_stays_what_it_is(more: dict[str, object]) -> None:
    error = refused({"error": "invalid_request", **more})
    assert type(error) is InvalidRequestException


@pytest.mark.parametrize("name", ["InvalidRequestRegionException", "InvalidScopeException"])
def test_an_error_about_the_region_or_the_scopes_stays_what_it_is(name: str) -> None:
    error = refused({"error_description": "Invalid token provided"}, name)
    assert isinstance(error, ServiceError)
    assert error.code == name
