"""Errors with a `reason`: problems with the instance's customer managed KMS key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ssooidc_core import (
    AccessDeniedException,
    HttpResponse,
    InvalidRequestException,
    RegisterClientRequest,
    register_client,
    run,
)
from ssooidc_emulator import EmulatorTransport, IdentityCenter, faults
from ssooidc_emulator._oidc.refusals import KMS_REASONS
from ssooidc_emulator.faults._by_name import fault_named
from ssooidc_transports.testing import VirtualClock

BODY = b'{"clientName":"a","clientType":"public"}'


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        ("AccessDeniedException", "access_denied", "KMS_AccessDeniedException"),
        ("InvalidRequestException", "invalid_request", "KMS_DisabledException"),
        ("InvalidRequestException", "invalid_request", "KMS_InvalidKeyUsageException"),
        ("InvalidRequestException", "invalid_request", "KMS_InvalidStateException"),
        ("InvalidRequestException", "invalid_request", "KMS_NotFoundException"),
    ],
)
def test_each_reason(  # noqa: PLR0917 - fixtures
    code: str,
    error: str,
    reason: str,
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    center.script("CreateToken", faults.error(code, reason=reason))
    answer = ask(center, "/token", {})
    assert answer.status == 400
    assert answer.body.decode() == (
        f'{{"error":"{error}","error_description":"KMS key is not usable","reason":"{reason}"}}'
    )
    assert answer.headers["x-amzn-errortype"].startswith(f"{code}:")
    named = fault_named("error", {"code": code, "description": "Words", "reason": reason})
    center.script(None, named, times=None)
    transport = EmulatorTransport(center, clock=clock)
    with pytest.raises((AccessDeniedException, InvalidRequestException)) as caught:
        run(
            register_client(RegisterClientRequest(client_name="a", client_type="public")),
            transport,
        )
    assert (type(caught.value).__name__, caught.value.reason) == (code, reason)
    assert caught.value.error_description == "Words"


def test_the_reasons_are_the_models(case_tables: dict[str, Any]) -> None:
    told: dict[str, list[str]] = case_tables["model-sso-oidc"]["reasons"]
    reasons = {reason: code for code, reasons in told.items() for reason in reasons}
    assert reasons == KMS_REASONS


@pytest.mark.parametrize(
    ("code", "reason", "known"),
    [
        ("AccessDeniedException", "KMS_NotFoundException", "KMS_AccessDeniedException"),
        ("InvalidGrantException", "KMS_NotFoundException", "those of other errors"),
        ("InvalidRequestException", "", "KMS_DisabledException, KMS_InvalidKeyUsageException"),
    ],
)
def test_no_such_reason(code: str, reason: str, known: str) -> None:
    with pytest.raises(ValueError, match=f"{code} has no reason '{reason}': use one of {known}"):
        faults.error(code, reason=reason)


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidRequestException"])
def test_without_one_the_member_is_absent(
    code: str, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    center.script("RegisterClient", faults.error(code))
    assert b"reason" not in ask(center, "/client/register", BODY).body
