"""Faults to script: `center.script("CreateToken", slow_down())`.

A `Fault` takes the place of one call. It may answer something else, process the call and spoil the answer, or both
delay and leave it alone. Anything with such an `apply` is a fault; the functions here make the usual ones.
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
