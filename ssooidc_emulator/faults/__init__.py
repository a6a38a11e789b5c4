"""Faults for `IdentityCenter.script`: `center.script("CreateToken", slow_down())`.

A `Fault` replaces one call. It may return another answer, process the call and change or delay its answer, or break
the connection. The functions here make the usual faults; any object with a method `apply` of this form is a fault too.
"""

from __future__ import annotations

from ssooidc_emulator.faults._kinds import (
    Call,
    Fault,
    body_cut,
    clock_skew,
    connection_reset,
    delay,
    error,
    html_page,
    huge_body,
    missing_error_header,
    server_error,
    slow_down,
    throttling,
    too_many_requests,
    wrong_content_type,
)

__all__ = [
    "Call",
    "Fault",
    "body_cut",
    "clock_skew",
    "connection_reset",
    "delay",
    "error",
    "html_page",
    "huge_body",
    "missing_error_header",
    "server_error",
    "slow_down",
    "throttling",
    "too_many_requests",
    "wrong_content_type",
]
