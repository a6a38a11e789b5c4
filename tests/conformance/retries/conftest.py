"""The same calls and responses for this library and for a botocore client in standard mode, in virtual time."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import pytest
from botocore import exceptions as peer_errors
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.config import Config
from botocore.retries.quota import RetryQuota as PeerQuota
from botocore.retries.standard import ExponentialBackoff
from botocore.session import Session

from ssooidc_core import (
    AuthorizationCodeGrant,
    ClientConfig,
    ConnectFailed,
    ConnectionLost,
    Credentials,
    DeviceCodeGrant,
    HttpRequest,
    HttpResponse,
    IamAuthorizationCodeGrant,
    IamRefreshTokenGrant,
    JwtBearerGrant,
    Operation,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    ResponseParseError,
    SecretStr,
    ServiceError,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    Timeout,
    TokenExchangeGrant,
    TransportError,
    create_token,
    create_token_with_iam,
    portal,
    register_client,
    run,
    start_device_authorization,
)
from ssooidc_core.policies import RetryQuota, standard_retry
from ssooidc_transports.testing import ScriptedTransport

CAPACITY: Final = 500
CLIENT: Final = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
DEVICE: Final = StartDeviceAuthorizationResponse(
    device_code=SecretStr("canary"), user_code="u", verification_uri="v"
)
AWS: Final = Credentials.of("AKID", "canary")
CONFIG: Final = ClientConfig(region="us-east-1", credentials=AWS)
WITH_SECRET: Final = {"clientId": "id", "clientSecret": "canary"}
TOKEN: Final = b'{"accessToken":"canary"}'
ROLE: Final = {"accountId": "111122223333", "roleName": "r"}


@dataclass(frozen=True)
class Call:
    """One operation for both clients, and a successful response."""

    operation: Operation[object, Exception]
    arguments: Mapping[str, object]
    success: bytes

    @property
    def service(self) -> str:
        return "sso" if "portal" in type(self.operation).__module__ else "sso-oidc"


BEARER: Final = {"accessToken": "canary"}
# May be retried after any transient failure.
REPEATABLE: Final = {
    type(each.operation).__name__: each
    for each in (
        Call(
            register_client(RegisterClientRequest(client_name="n", client_type="public")),
            {"clientName": "n", "clientType": "public"},
            b'{"clientId":"id","clientSecret":"canary"}',
        ),
        Call(
            start_device_authorization(StartDeviceAuthorizationRequest.of(CLIENT, start_url="s")),
            {**WITH_SECRET, "startUrl": "s"},
            b'{"deviceCode":"canary","userCode":"u","verificationUri":"v"}',
        ),
        Call(
            create_token_with_iam(TokenExchangeGrant.of("id", subject_token="canary")),
            {"clientId": "id", "grantType": "g", "subjectToken": "canary"},
            TOKEN,
        ),
        Call(
            portal.get_role_credentials(
                portal.GetRoleCredentialsRequest.of("canary", account_id="1", role_name="r")
            ),
            ROLE | BEARER,
            b'{"roleCredentials":{"accessKeyId":"a","secretAccessKey":"b","sessionToken":"c"}}',
        ),
        Call(portal.list_accounts(portal.ListAccountsRequest.of("canary")), {**BEARER}, b"{}"),
        Call(
            portal.list_account_roles(portal.ListAccountRolesRequest.of("canary", account_id="1")),
            {**BEARER, "accountId": "1"},
            b"{}",
        ),
        Call(portal.logout(portal.LogoutRequest.of("canary")), {**BEARER}, b""),
    )
}
ASKED: Final = {**WITH_SECRET, "grantType": "g"}
# Contain a value that can be used once.
ONE_TIME: Final = {
    type(operation.request).__name__: Call(operation, {**ASKED}, TOKEN)
    for operation in (
        create_token(DeviceCodeGrant.of(CLIENT, DEVICE)),
        create_token(RefreshTokenGrant.of(CLIENT, "canary")),
        create_token(
            AuthorizationCodeGrant.of(CLIENT, code="c", redirect_uri="u", code_verifier="v")
        ),
    )
} | {
    type(operation.request).__name__: Call(operation, {"clientId": "id", "grantType": "g"}, TOKEN)
    for operation in (
        create_token_with_iam(IamAuthorizationCodeGrant.of("id", code="c", redirect_uri="u")),
        create_token_with_iam(IamRefreshTokenGrant.of("id", refresh_token="canary")),
        create_token_with_iam(JwtBearerGrant.of("id", assertion="canary")),
    )
}


@dataclass(frozen=True)
class Answer:
    """The outcome of one attempt: a response, or none."""

    status: int = 200
    code: str = ""
    hint: str = ""
    body: bytes = b"{}"
    failure: str = ""
    jitter: float = 1.0

    @property
    def headers(self) -> dict[str, str]:
        named = {"x-amzn-ErrorType": self.code} if self.code else {}
        return named | ({"x-amz-retry-after": self.hint} if self.hint else {})


class NoSuchThing(Exception):
    """Neither an HTTP nor a service error: a bug in the code that sends the request."""


def refused(url: str = "https://x") -> dict[str, Exception]:
    """Return botocore's exception for a connection failure."""
    return {
        "not connected": peer_errors.EndpointConnectionError(endpoint_url=url),
        "no tunnel": peer_errors.ProxyConnectionError(proxy_url=url, error="e"),
        "no TLS": peer_errors.SSLError(endpoint_url=url, error=OSError("e")),
        "connecting took too long": peer_errors.ConnectTimeoutError(endpoint_url=url),
        "no answer in time": peer_errors.ReadTimeoutError(endpoint_url=url),
        "connection lost": peer_errors.ConnectionClosedError(endpoint_url=url),
        "something else of HTTP": peer_errors.HTTPClientError(error="e"),
        "a bug": NoSuchThing("e"),
    }


FAILURES: Final[dict[str, Callable[[], Exception]]] = {
    "not connected": lambda: ConnectFailed("e"),
    "no tunnel": lambda: ConnectFailed("e"),
    "no TLS": lambda: ConnectFailed("e"),
    "connecting took too long": lambda: Timeout("e", may_have_been_sent=False),
    "no answer in time": lambda: Timeout("e"),
    "connection lost": lambda: ConnectionLost("e"),
    "something else of HTTP": lambda: TransportError("e"),
    "a bug": lambda: NoSuchThing("e"),
}


class Limits(NamedTuple):
    """The limits that both clients are given."""

    attempts: int = 3
    backoff: int = 20


@dataclass
class Ran:
    """The observations of one call."""

    success: bool = False
    attempts: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    # Before each attempt, and at the end.
    quota: list[int] = field(default_factory=list)


class Script:
    """Plays the responses of one call with fixed jitter; after the last one comes a success."""

    def __init__(self, answers: Sequence[Answer], success: bytes) -> None:
        self._answers: Iterator[Answer] = iter(answers)
        self._success = Answer(body=success)
        self.jitter = 1.0

    def next(self) -> Answer:
        answer = next(self._answers, self._success)
        self.jitter = answer.jitter
        if answer.status == 200 and not answer.failure:
            return self._success if answer.body == b"{}" else answer
        return answer


def ours(call: Call, answers: Sequence[Answer], quota: RetryQuota, limits: Limits) -> Ran:
    script, ran = Script(answers, call.success), Ran()

    def send(request: HttpRequest) -> HttpResponse:
        ran.attempts.append(request.headers["amz-sdk-request"])
        ran.quota.append(quota.available)
        answer = script.next()
        if answer.failure:
            make = FAILURES[answer.failure]
            raise make()
        return HttpResponse(answer.status, answer.headers, answer.body)

    policy = standard_retry(
        max_attempts=limits.attempts,
        max_backoff=limits.backoff,
        quota=quota,
        jitter=lambda: script.jitter,
    )
    transport = ScriptedTransport(send, config=CONFIG)
    try:
        run(call.operation, transport, policy=policy)
    except (ServiceError, TransportError, ResponseParseError, NoSuchThing):
        pass
    else:
        ran.success = True
    ran.waits = transport.sleeps
    ran.quota.append(quota.available)
    return ran


class Raw(io.BytesIO):
    """The raw body that botocore reads."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Peer:
    """A botocore client in standard mode with a script and fixed jitter, whose waits are recorded and skipped."""

    def __init__(self, service: str, limits: Limits) -> None:
        self.quota = PeerQuota(CAPACITY)
        self._script = Script((), b"")
        self._ran = Ran()
        backoff = functools.partial(
            ExponentialBackoff, max_backoff=limits.backoff, random=lambda: self._script.jitter
        )
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
                patch.setenv(name, os.devnull)
            patch.setattr("botocore.retries.standard.quota.RetryQuota", lambda: self.quota)
            patch.setattr("botocore.retries.standard.ExponentialBackoff", backoff)
            self._client: Any = Session().create_client(
                service,
                region_name="us-east-1",
                aws_access_key_id=AWS.access_key_id,
                aws_secret_access_key="canary",
                config=Config(retries={"mode": "standard", "total_max_attempts": limits.attempts}),
            )
        events: Any = self._client.meta.events  # the stubs do not let a handler return a value
        events.register_first("before-send", self._send)

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        header = request.headers["amz-sdk-request"]
        self._ran.attempts.append(header.decode() if isinstance(header, bytes) else header)
        self._ran.quota.append(self.quota.available_capacity)
        answer = self._script.next()
        if answer.failure:
            raise refused()[answer.failure]
        headers = HTTPHeaders()
        for name, value in answer.headers.items():
            headers[name] = value
        return AWSResponse("https://x", answer.status, headers, Raw(answer.body))

    def run(self, call: Call, answers: Sequence[Answer]) -> Ran:
        self._script, self._ran = Script(answers, call.success), Ran()
        name = type(call.operation).__name__
        (method,) = (k for k, v in self._client.meta.method_to_api_mapping.items() if v == name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=self._ran.waits.append))
            try:
                getattr(self._client, method)(**call.arguments)
            except (peer_errors.BotoCoreError, peer_errors.ClientError, NoSuchThing):
                pass
            else:
                self._ran.success = True
        self._ran.quota.append(self.quota.available_capacity)
        return self._ran

    def fill(self, available: int) -> None:
        self.quota.release(CAPACITY)
        assert self.quota.acquire(CAPACITY - available)


@dataclass
class Both:
    """Both clients, each with a quota that starts at the same value."""

    call: Call
    peer: Peer
    limits: Limits
    quota: RetryQuota

    def run(self, answers: Sequence[Mapping[str, Any]]) -> tuple[Ran, Ran]:
        """Make the call with these responses (fields of `Answer`); return the observations of both."""
        script = [Answer(**each) for each in answers]
        return ours(self.call, script, self.quota, self.limits), self.peer.run(self.call, script)


@pytest.fixture(scope="session")
def calls() -> Mapping[str, Call]:
    """Return the calls: retriable ones by operation, those with one-time secrets by grant."""
    return REPEATABLE | ONE_TIME


@pytest.fixture(scope="session")
def both(calls: Mapping[str, Call]) -> Callable[..., Both]:
    """Return both clients for one call; making a client is slow, and only its quota has state."""
    peer = functools.cache(Peer)

    def make(name: str, *, attempts: int = 3, backoff: int = 20, quota: int = CAPACITY) -> Both:
        limits, own = Limits(attempts, backoff), RetryQuota(CAPACITY)
        pair = Both(calls[name], peer(calls[name].service, limits), limits, own)
        pair.peer.fill(quota)
        assert own.charge(CAPACITY - quota)
        return pair

    return make
