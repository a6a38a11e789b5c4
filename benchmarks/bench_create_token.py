"""CPU of one in-memory CreateToken (build, encode, parse): this library against botocore.

Neither side opens a socket: `run` uses a transport that responds from memory, and botocore an HTTP session that does.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from ssooidc_core import (
    ClientConfig,
    CreateTokenResponse,
    DeviceCodeGrant,
    HttpRequest,
    HttpResponse,
    Instant,
    SecretStr,
    create_token,
    run,
)
from ssooidc_core._model import to_json

if TYPE_CHECKING:
    from tenacity import Retrying

sys.path.insert(0, str(Path(__file__).parent))
from side_by_side import measure, report

ANSWER = (
    b'{"accessToken":"aoa' + b"A" * 1500 + b'","aws_sso_app_session_id":null,"expiresIn":28800,'
    b'"idToken":null,"issuedTokenType":null,"originSessionId":null,'
    b'"refreshToken":"aor' + b"R" * 1000 + b'","tokenType":"Bearer"}'
)
HEADERS = (
    ("Date", "Tue, 24 Nov 2026 09:00:00 GMT"),
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(ANSWER))),
    ("Connection", "keep-alive"),
    ("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000"),
)
SECRET = "s" * 1500
CODE = "d" * 86

ANSWERED = HttpResponse(200, HEADERS, ANSWER)


class InMemory:
    """A transport that responds at once."""

    config = ClientConfig(region="us-east-1")

    @property
    def retry_policy(self) -> Retrying:
        raise AssertionError

    def send(self, request: HttpRequest, /) -> HttpResponse:
        return ANSWERED

    def sleep(self, seconds: float, /) -> None:
        raise AssertionError

    def now(self) -> Instant:
        return Instant(datetime.now(UTC), time.monotonic())


class Raw(io.BytesIO):
    """The raw body that an AWSResponse reads."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.getvalue()


class InMemorySession:
    """The HTTP session of botocore's endpoint, which responds at once."""

    def send(self, request: object) -> AWSResponse:
        headers: Any = dict(HEADERS)  # botocore wraps it, and its stubs only have the wrapped form
        return AWSResponse("https://oidc.us-east-1.amazonaws.com/token", 200, headers, Raw(ANSWER))

    def close(self) -> None:
        pass


def main() -> None:
    transport = InMemory()

    def ours() -> object:
        grant = DeviceCodeGrant(
            client_id="client", client_secret=SecretStr(SECRET), device_code=SecretStr(CODE)
        )
        return run(create_token(grant), transport).access_token.get_secret_value()

    validator = CreateTokenResponse.__pydantic_validator__

    def pydantic_alone() -> object:
        grant = DeviceCodeGrant(
            client_id="client", client_secret=SecretStr(SECRET), device_code=SecretStr(CODE)
        )
        to_json(grant)
        return validator.validate_json(ANSWER).access_token.get_secret_value()

    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true"}
    client: Any = botocore.session.get_session().create_client(
        "sso-oidc", region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    client._endpoint.http_session = InMemorySession()  # noqa: SLF001 - botocore has no other way

    def theirs() -> object:
        return client.create_token(
            clientId="client",
            clientSecret=SECRET,
            grantType="urn:ietf:params:oauth:grant-type:device_code",
            deviceCode=CODE,
        )["accessToken"]

    assert ours() == theirs() == pydantic_alone()
    medians = measure(
        {
            "ssooidc_core: run(create_token(grant), in-memory)": ours,
            "pydantic alone: build, encode and decode the models": pydantic_alone,
            "botocore: client.create_token, in-memory": theirs,
        },
        rounds=15,
        calls=400,
        clock=time.process_time,
    )
    report("CPU of one in-memory CreateToken (median of 15 rounds)", medians, unit="a call")


if __name__ == "__main__":
    main()
