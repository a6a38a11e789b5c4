"""The types that checkers infer for programs: flows, their arguments, and results of `yield from`. Never executed."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar, assert_type

from pydantic import SecretStr
from tenacity import Retrying

from ssooidc_core import (
    AsyncTransport,
    ClientConfig,
    CreateTokenResponse,
    DeviceCodeGrant,
    Event,
    Flow,
    Instant,
    Now,
    Program,
    RegisterClientRequest,
    RegisterClientResponse,
    Sleep,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    Steps,
    Transport,
    arun,
    create_token,
    flow,
    portal,
    register_client,
    run,
    start_device_authorization,
)
from ssooidc_core._start_urls import ResolvedStartUrl, resolve_start_url
from ssooidc_core.flows.authorization_code import (
    PendingCodeLogin,
    finish_code_login,
    start_code_login,
)
from ssooidc_core.flows.device import (
    PendingDeviceLogin,
    after_poll,
    poll_for_token,
    poll_once,
    start_device_login,
)
from ssooidc_core.flows.portal import list_all_account_roles, list_all_accounts
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_core.policies import device_polling, standard_retry
from ssooidc_transports.testing import ScriptedTransport

T = TypeVar("T")


@flow
def sign_in(name: str, *, start_url: str = "https://d-1.awsapps.com/start") -> Steps[int]:
    registration = yield from register_client(
        RegisterClientRequest(client_name=name, client_type="public")
    )
    assert_type(registration, RegisterClientResponse)
    device = yield from start_device_authorization(
        StartDeviceAuthorizationRequest.of(registration, start_url=start_url)
    )
    assert_type(device, StartDeviceAuthorizationResponse)
    assert_type((yield from Sleep(device.interval)), None)
    instant = yield from Now()
    assert_type(instant, Instant)
    token = yield from create_token(DeviceCodeGrant.of(registration, device))
    assert_type(token, CreateTokenResponse)
    assert_type((yield from portal.logout(portal.LogoutRequest.of(token.access_token))), None)
    return token.expires_in


@flow
def twice(name: str) -> Steps[tuple[int, int]]:
    first = yield from sign_in(name)
    assert_type(first, int)
    return first, (yield from sign_in(name, start_url="https://d-2.awsapps.com/start"))


def plain(name: str) -> Generator[Event, object, int]:
    return (yield from sign_in(name))


@flow
def either(operations: tuple[Program[T], ...], otherwise: T) -> Steps[T]:
    for operation in operations:
        return (yield from operation)
    return otherwise


def wider() -> Program[object]:
    """A program is covariant in its result."""
    return sign_in("n")


def the_arguments_stay(transport: ScriptedTransport) -> None:
    assert_type(sign_in("n"), Flow[int])
    assert_type(sign_in("n", start_url="https://d-1.awsapps.com/start"), Flow[int])
    assert_type(run(sign_in(name="n"), transport), int)
    assert_type(run(twice("n"), transport), tuple[int, int])
    assert_type(run(plain("n"), transport), int)
    assert_type(run(Sleep(1), transport), None)
    assert_type(run(Now(), transport), Instant)
    assert_type(run(sign_in("n"), transport, policy=standard_retry()), int)
    as_program: Program[int] = sign_in("n")
    assert_type(run(as_program, transport), int)
    assert_type(run(wider(), transport), object)
    assert_type(run(either((sign_in("n"),), 3), transport), int)


async def the_same_awaited(transport: ScriptedTransport) -> None:
    assert_type(await arun(sign_in("n"), transport), int)
    assert_type(await arun(twice("n"), transport), tuple[int, int])
    assert_type(await arun(Now(), transport), Instant)


def ready_made(transport: ScriptedTransport, registration: RegisterClientResponse) -> None:
    start = start_device_login(registration, start_url="https://x", region="us-east-1")
    pending = run(start, transport)
    assert_type(pending, PendingDeviceLogin)
    assert_type(pending.device_code, SecretStr)
    assert_type(pending.client, RegisterClientResponse)
    assert_type(pending.interval, int)
    assert_type(pending.expires_at, float)
    assert_type(pending.to_json_with_secrets(), str)
    assert_type(PendingDeviceLogin.from_json(b"{}"), PendingDeviceLogin)
    assert_type(DeviceCodeGrant.of(registration, pending), DeviceCodeGrant)
    token = run(poll_for_token(pending), transport)
    assert_type(token, CreateTokenResponse)
    assert_type(run(poll_for_token(pending, device_polling()), transport), CreateTokenResponse)
    assert_type(run(poll_once(pending), transport), CreateTokenResponse | PendingDeviceLogin)
    assert_type(
        after_poll(pending, ValueError(), at=0.0, began=None, policy=None),
        PendingDeviceLogin | Exception,
    )
    assert_type(run(refresh_token(registration, token), transport), CreateTokenResponse)
    assert_type(
        run(list_all_accounts(token.access_token), transport), tuple[portal.AccountInfo, ...]
    )
    assert_type(
        run(list_all_account_roles("at", account_id="1" * 12), transport),
        tuple[portal.RoleInfo, ...],
    )


def ready_made_for_a_browser(
    transport: ScriptedTransport, registration: RegisterClientResponse
) -> None:
    where = run(resolve_start_url("https://x", region=None), transport)
    assert_type(where, ResolvedStartUrl)
    assert_type(where.region, str)
    start = start_code_login(registration, redirect_uri="http://127.0.0.1:1/", region=where.region)
    pending = run(start, transport)
    assert_type(pending, PendingCodeLogin)
    assert_type(pending.code_verifier, SecretStr)
    assert_type(pending.authorize_url(transport.config), str)
    assert_type(PendingCodeLogin.from_json(pending.to_json_with_secrets()), PendingCodeLogin)
    assert_type(run(finish_code_login(pending, "u"), transport), CreateTokenResponse)


def transports(scripted: ScriptedTransport) -> tuple[Transport, AsyncTransport]:
    """A class may have the methods of both kinds."""
    blocking: Transport = scripted
    awaited: AsyncTransport = scripted
    assert_type(blocking.config, ClientConfig)
    assert_type(awaited.retry_policy, Retrying)
    return blocking, awaited
