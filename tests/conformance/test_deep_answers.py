"""JSON that is nested deeper than any response of the service: unknown members of responses and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import (
    HttpResponse,
    InvalidGrantException,
    ResponseParseError,
    UnknownServiceError,
)
from ssooidc_core._operations.create_token import CreateTokenResponse

if TYPE_CHECKING:
    from tests.conformance.conftest import Asked, BotocoreWire, Tally

GROUP: Final = "responses"
JSON: Final = {"Content-Type": "application/json"}
# Levels of nesting in an unknown member of an object.
DEEPEST: Final = 200
TOO_DEEP: Final = (201, 300)


def nested(levels: int, member: str) -> bytes:
    """Return an object with a known member and an unknown one that contains nested lists."""
    return f'{{{member},"unknown":{"[" * levels}{"]" * levels}}}'.encode()


@pytest.mark.parametrize("levels", [1, DEEPEST, *TOO_DEEP])
def test_how_deep_an_unknown_member_of_an_answer_may_be(
    levels: int, asked: dict[str, Asked], wires: dict[str, BotocoreWire], tally: Tally
) -> None:
    create_token = asked["CreateToken"]
    answer = HttpResponse(200, JSON, nested(levels, '"accessToken":"canary-3f2"'))
    theirs = wires["sso-oidc"].answer("CreateToken", create_token.parameters, answer)
    assert theirs["accessToken"] == "canary-3f2"
    tally.ran()
    if levels <= DEEPEST:
        model = create_token.operation.parse(answer)
        assert isinstance(model, CreateTokenResponse)
        assert model.access_token.get_secret_value() == "canary-3f2"
        return
    with pytest.raises(ResponseParseError) as caught:
        create_token.operation.parse(answer)
    assert str(caught.value).startswith("The answer is not JSON: ")
    assert "canary-3f2" not in str(caught.value)
    tally.differs("an-answer-is-not-nested-without-end")


@pytest.mark.parametrize("levels", [DEEPEST, *TOO_DEEP])
def test_how_deep_an_unknown_member_of_an_error_may_be(
    levels: int, asked: dict[str, Asked], tally: Tally
) -> None:
    """An error with a name in a header keeps it; without one, only the status is left."""
    body = nested(levels, '"error":"invalid_grant"')
    operation = asked["CreateToken"].operation
    kind = InvalidGrantException if levels <= DEEPEST else UnknownServiceError
    with pytest.raises(kind) as caught:
        operation.parse(HttpResponse(400, JSON, body))
    assert caught.value.code == ("InvalidGrantException" if levels <= DEEPEST else "400")
    named = JSON | {"x-amzn-ErrorType": "InvalidGrantException"}
    with pytest.raises(InvalidGrantException):
        operation.parse(HttpResponse(400, named, body))
    tally.ran(2)
