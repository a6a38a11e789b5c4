"""Uses that type checkers must reject. Never executed.

Each wrong use has the error codes of mypy and pyright as ignores; an ignore that is not needed is an error.
"""

from __future__ import annotations

from pydantic import SecretStr

from ssooidc_core import (
    AsyncTransport,
    AuthorizationCodeGrant,
    ClientConfig,
    CreateTokenResponse,
    DeviceCodeGrant,
    HttpRequest,
    HttpResponse,
    IamRefreshTokenGrant,
    JwtBearerGrant,
    Now,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    Sleep,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    Steps,
    TokenExchangeGrant,
    Transport,
    aattempt,
    arun,
    attempt,
    create_token,
    create_token_with_iam,
    flow,
    portal,
    register_client,
    run,
)
from ssooidc_core.flows.device import PendingDeviceLogin, poll_for_token

SECRET = SecretStr("s")
ARN = "arn:aws:sso::123456789012:application/ssoins-1/apl-1"


def a_plain_text_for_a_secret(client: RegisterClientResponse) -> None:
    DeviceCodeGrant(client_id="c", client_secret="s", device_code=SECRET)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DeviceCodeGrant(client_id="c", client_secret=SECRET, device_code="d")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RefreshTokenGrant(client_id="c", client_secret=SECRET, refresh_token="r")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    JwtBearerGrant(client_id=ARN, assertion="j")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    portal.LogoutRequest(access_token="a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RegisterClientResponse(client_id="c", client_secret="s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    # The other way round: a secret is not a string.
    StartDeviceAuthorizationRequest.of(client, start_url=client.client_secret)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    _text: str = client.client_secret  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


def a_grant_type(client: RegisterClientResponse) -> None:
    DeviceCodeGrant(  # type: ignore[call-arg]
        grant_type="urn:ietf:params:oauth:grant-type:device_code",  # pyright: ignore[reportCallIssue]
        client_id="c",
        client_secret=SECRET,
        device_code=SECRET,
    )
    RefreshTokenGrant(  # type: ignore[call-arg]
        grant_type="refresh_token",  # pyright: ignore[reportCallIssue]
        client_id="c",
        client_secret=SECRET,
        refresh_token=SECRET,
    )
    TokenExchangeGrant(client_id=ARN, subject_token=SECRET, subject_token_type="urn:mine")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    TokenExchangeGrant.of(ARN, subject_token="s", requested_token_type="access_token")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def missing_members(
    client: RegisterClientResponse, device: StartDeviceAuthorizationResponse
) -> None:
    RegisterClientRequest(client_name="n")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DeviceCodeGrant(client_id="c", client_secret=SECRET)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AuthorizationCodeGrant.of(client, code="c", redirect_uri="http://127.0.0.1/oauth/callback")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    StartDeviceAuthorizationRequest.of(client)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DeviceCodeGrant.of(client)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DeviceCodeGrant.of(device, client)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    portal.GetRoleCredentialsRequest.of("at", account_id="1" * 12)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    CreateTokenResponse()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def a_misspelt_keyword(client: RegisterClientResponse) -> None:
    RegisterClientRequest(client_name="n", client_type="public", scope=("sso:account:access",))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    RegisterClientRequest(clientName="n", client_type="public")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    RegisterClientRequest(client_name="n", client_type="public", scopes="sso:account:access")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    StartDeviceAuthorizationRequest.of(client, startUrl="https://d-1.awsapps.com/start")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    IamRefreshTokenGrant.of(ARN, refresh_tokens="r")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ClientConfig(regions="us-east-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ClientConfig("us-east-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def a_frozen_field(
    client: RegisterClientResponse,
    grant: DeviceCodeGrant,
    pending: PendingDeviceLogin,
    config: ClientConfig,
    request: HttpRequest,
) -> None:
    client.client_id = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    grant.device_code = SECRET  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    pending.interval = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    config.region = "eu-west-1"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    request.url = "https://other.example"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    create_token(grant).request = grant  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    Sleep(1).seconds = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def the_wrong_grant(by_device: DeviceCodeGrant, by_assertion: JwtBearerGrant) -> None:
    create_token(by_assertion)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    create_token_with_iam(by_device)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    create_token(by_device.device_code)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    register_client(by_device)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    portal.list_accounts(portal.LogoutRequest.of("at"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@flow
def yield_instead_of_yield_from(grant: DeviceCodeGrant) -> Steps[CreateTokenResponse]:
    token = yield create_token(grant)
    return token  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@flow
def another_result(grant: DeviceCodeGrant) -> Steps[str]:
    token = yield from create_token(grant)
    return token.access_token  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@flow
def no_event() -> Steps[None]:
    yield 5  # type: ignore[misc]  # pyright: ignore[reportReturnType]


@flow  # pyright: ignore[reportArgumentType]
async def asynchronous() -> Steps[None]:  # type: ignore[misc]  # pyright: ignore[reportInvalidTypeForm]
    yield Now()  # pyright: ignore[reportReturnType]


@flow  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
def no_generator() -> int:
    return 5


class OnlyBlocking:
    """A transport for `run`."""

    config = ClientConfig()

    def send(self, request: HttpRequest, /) -> HttpResponse:
        raise NotImplementedError

    def sleep(self, seconds: float, /) -> None:
        raise NotImplementedError


async def the_wrong_transport(
    blocking: Transport, awaited: AsyncTransport, incomplete: OnlyBlocking, grant: DeviceCodeGrant
) -> None:
    run(create_token(grant), awaited)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    attempt(create_token(grant), awaited)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await arun(create_token(grant), blocking)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await aattempt(create_token(grant), blocking)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run(create_token(grant), incomplete)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def the_wrong_program(transport: Transport, pending: PendingDeviceLogin) -> None:
    run(create_token, transport)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run(poll_for_token, transport)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    poll_for_token()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    poll_for_token("pending")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    poll_for_token(pending, polcy=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    attempt(poll_for_token(pending), transport)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def the_wrong_result(transport: Transport, pending: PendingDeviceLogin) -> None:
    _text: str = run(poll_for_token(pending), transport)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
