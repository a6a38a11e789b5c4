"""The service model's own examples: each request can be built, and each response is read completely.

The structure of the examples is right, but some values differ from those of the real service.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import ssooidc_core as core
from ssooidc_core import ClientConfig, HttpResponse
from ssooidc_core._model import to_json
from ssooidc_core._program import Operation
from ssooidc_emulator import IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.conftest import Tally

GROUP: Final = "examples"
CONFIG: Final = ClientConfig(endpoint_url="https://endpoint.example")
BUILD: Final[
    dict[str, tuple[Callable[[Any], Operation[object, Exception]], TypeAdapter[Any], str]]
] = {
    "RegisterClient": (
        core.register_client,
        TypeAdapter(core.RegisterClientRequest),
        "/client/register",
    ),
    "StartDeviceAuthorization": (
        core.start_device_authorization,
        TypeAdapter(core.StartDeviceAuthorizationRequest),
        "/device_authorization",
    ),
    "CreateToken": (core.create_token, TypeAdapter(core.CreateTokenRequest), "/token"),
    "CreateTokenWithIAM": (
        core.create_token_with_iam,
        TypeAdapter(core.CreateTokenWithIAMRequest),
        "/token?aws_iam=t",
    ),
}
MISSPELT: Final = "urn:ietf:params:oauth:grant-type:device-code"


class Example(NamedTuple):
    operation: str
    input: dict[str, Any]
    output: dict[str, Any]


@pytest.fixture(scope="module")
def examples(case_tables: dict[str, Any]) -> list[Example]:
    found = [
        Example(each["operation"], each["request"], each["answer"])
        for each in case_tables["model-examples"]["cases"]
    ]
    assert len(found) == 8
    assert {each.operation for each in found} == BUILD.keys()
    return found


def corrected(example: Example, tally: Tally) -> dict[str, Any]:
    """Correct the one mistake that our requests cannot contain, and return the request."""
    if example.input.get("grantType") != MISSPELT:
        return example.input
    with pytest.raises(ValidationError):
        BUILD[example.operation][1].validate_python(example.input)
    tally.differs("the-device-grant-is-misspelt")
    return {**example.input, "grantType": "urn:ietf:params:oauth:grant-type:device_code"}


def test_each_request_is_ours(examples: list[Example], tally: Tally) -> None:
    for example in examples:
        members = corrected(example, tally)
        build, adapter, path = BUILD[example.operation]
        request = build(adapter.validate_python(members)).unsigned_request(CONFIG)
        assert (request.method, request.url) == ("POST", f"https://endpoint.example{path}")
        assert json.loads(request.body) == members
        tally.ran()


def test_each_answer_is_read_whole(examples: list[Example], tally: Tally) -> None:
    for example in examples:
        build, adapter, _ = BUILD[example.operation]
        operation = build(adapter.validate_python(corrected(example, tally)))
        body = json.dumps(example.output).encode()
        answer = HttpResponse(200, {"Content-Type": "application/json"}, body)
        model = operation.parse(answer)
        assert isinstance(model, BaseModel)
        assert json.loads(to_json(model)) == example.output
        tally.ran()
        # 50 years from now, or a timestamp of January 2020.
        if example.output.get("expiresIn", 0) > 10**9:
            tally.differs("expires-in-is-no-moment")


def test_the_emulator_knows_better(examples: list[Example], tally: Tally) -> None:
    """What the real service was seen to refuse."""
    (register,) = [each.input for each in examples if each.operation == "RegisterClient"]
    build, adapter, _ = BUILD["RegisterClient"]

    def refusal(**changed: object) -> str | None:
        request = build(adapter.validate_python({**register, **changed})).unsigned_request(CONFIG)
        center = IdentityCenter(entropy=seeded_entropy("examples"))
        answer = center.handle(request, VirtualClock().now())
        assert isinstance(answer, HttpResponse)
        return answer.headers.get("x-amzn-errortype", "").partition(":")[0] or None

    (uri,) = register["redirectUris"]
    assert (uri, urlsplit(uri).hostname) == ("127.0.0.1:PORT/oauth/callback", None)
    right = {"clientName": "MyIDEPlugin", "redirectUris": ["http://127.0.0.1/oauth/callback"]}
    tally.ran(2)
    assert refusal(clientName=right["clientName"]) == "InvalidRedirectUriException"
    tally.differs("a-redirect-uri-has-a-scheme")
    assert refusal(redirectUris=right["redirectUris"]) == "InvalidClientMetadataException"
    tally.differs("a-client-name-has-no-space")
