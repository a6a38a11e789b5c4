"""Faults by name: each kind is the function of that name, and error messages do not quote values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import BodyCut, ConnectionReset, Delayed, IdentityCenter, faults
from ssooidc_emulator.faults import Fault
from ssooidc_emulator.faults._by_name import FAULT_KINDS, fault_named
from ssooidc_transports.testing import VirtualClock


@pytest.mark.parametrize(
    ("kind", "parameters", "fault"),
    [
        ("slow_down", {}, faults.slow_down()),
        ("server_error", {}, faults.server_error()),
        ("too_many_requests", {}, faults.too_many_requests()),
        ("error", {"code": "ExpiredTokenException"}, faults.error("ExpiredTokenException")),
        (
            "error",
            {"code": "ForbiddenException", "description": "no"},
            faults.error("ForbiddenException", "no"),
        ),
        ("missing_error_header", {}, faults.missing_error_header()),
        (
            "missing_error_header",
            {"code": "SlowDownException", "description": "no"},
            faults.missing_error_header("SlowDownException", "no"),
        ),
        ("throttling", {}, faults.throttling()),
        ("throttling", {"retry_after_ms": 1500}, faults.throttling(retry_after_ms=1500)),
        ("html_page", {}, faults.html_page()),
        ("html_page", {"status": 502}, faults.html_page(502)),
        ("delay", {"seconds": 2}, faults.delay(2)),
        (
            "delay",
            {"seconds": 0.5, "then": {"kind": "connection_reset", "processed": True}},
            faults.delay(0.5, faults.connection_reset(processed=True)),
        ),
        ("connection_reset", {}, faults.connection_reset()),
        ("connection_reset", {"processed": True}, faults.connection_reset(processed=True)),
        ("body_cut", {}, faults.body_cut()),
        ("body_cut", {"keep": 0}, faults.body_cut(0)),
        ("wrong_content_type", {}, faults.wrong_content_type()),
        ("wrong_content_type", {"content_type": ""}, faults.wrong_content_type(None)),
        ("wrong_content_type", {"content_type": "a/b"}, faults.wrong_content_type("a/b")),
        ("huge_body", {}, faults.huge_body()),
        ("huge_body", {"size": 7}, faults.huge_body(7)),
        ("clock_skew", {"seconds": -60}, faults.clock_skew(-60)),
        (
            "clock_skew",
            {"seconds": 1.5, "header_only": True},
            faults.clock_skew(1.5, header_only=True),
        ),
    ],
)
def test_each_kind(kind: str, parameters: Mapping[str, object], fault: Fault) -> None:
    assert fault_named(kind, parameters) == fault


def test_every_function_has_a_name() -> None:
    functions = {name for name in faults.__all__ if name[0].islower()}
    assert functions == set(FAULT_KINDS)


NEEDED: Final[Mapping[str, Mapping[str, object]]] = {
    "error": {"code": "SlowDownException"},
    "clock_skew": {"seconds": 60},
    "delay": {"seconds": 1},
}


@pytest.mark.parametrize("kind", sorted(FAULT_KINDS))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/client/register"),
        ("POST", "/token"),
        ("GET", "/assignment/accounts"),
        ("GET", "/federation/credentials"),
        ("POST", "/logout"),
    ],
)
def test_each_kind_happens_to_each_operation(
    kind: str, method: str, path: str, center: IdentityCenter, clock: VirtualClock
) -> None:
    center.script(None, fault_named(kind, NEEDED.get(kind, {})))
    request = HttpRequest(method, f"https://any.example{path}", (), b"{}")
    outcome = center.handle(request, clock.now())
    assert isinstance(outcome, HttpResponse | BodyCut | ConnectionReset | Delayed)
    assert isinstance(center.handle(request, clock.now()), HttpResponse)
    assert [entry.operation is None for entry in center.log.entries()] == [False, False]


def test_no_such_kind() -> None:
    with pytest.raises(
        ValueError, match="There is no fault 'slow': use one of body_cut, "
    ) as caught:
        fault_named("slow", {})
    assert all(kind in str(caught.value) for kind in FAULT_KINDS)


@pytest.mark.parametrize(
    ("kind", "parameters", "problem"),
    [
        (
            "slow_down",
            {"times": 1},
            "Fault 'slow_down' has missing, unknown or wrong parameters: 'times'. It takes no parameters",
        ),
        (
            "error",
            {},
            (
                "Fault 'error' has missing, unknown or wrong parameters: 'code'. "
                "It takes code (the name of an error), description (optional text), "
                "reason (optional, of a KMS key)"
            ),
        ),
        (
            "delay",
            {"second": 1, "then": "slow_down"},
            (
                "Fault 'delay' has missing, unknown or wrong parameters: 'second', 'seconds', 'then'. It takes "
                "seconds (0 to 3600), then (optional, a table with another fault's kind and parameters)"
            ),
        ),
        (
            "throttling",
            {"retry_after_ms": True},
            (
                "Fault 'throttling' has missing, unknown or wrong parameters: 'retry_after_ms'. "
                "It takes retry_after_ms (optional, milliseconds from 0 to 3600000)"
            ),
        ),
        ("html_page", {"status": 204}, "An answer with status 204 cannot have a page"),
        ("body_cut", {"keep": -1}, "A body cannot be cut to fewer than 0 bytes"),
        ("huge_body", {"size": 0}, "A huge body must have 1 to 268435456 bytes"),
        ("clock_skew", {"seconds": 1e12}, "A clock cannot be wrong by more than ten years"),
        (
            "delay",
            {"seconds": 1, "then": {"kind": "delay", "seconds": 1}},
            "Fault 'delay': 'then' needs a 'kind', which is the name of a fault other than 'delay'",
        ),
        (
            "delay",
            {"seconds": 1, "then": {"kind": "huge_body", "size": "big"}},
            (
                "Fault 'huge_body' has missing, unknown or wrong parameters: 'size'. "
                "It takes size (optional, a number of bytes)"
            ),
        ),
    ],
)
def test_what_is_wrong(kind: str, parameters: Mapping[str, object], problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared whole
        fault_named(kind, parameters)
    assert str(caught.value) == problem
    assert type(caught.value) is ValueError
    assert caught.value.__context__ is None


@pytest.mark.parametrize("seconds", [-1, 3601, float("nan"), float("inf"), "1", None, [1]])
def test_a_delay_that_is_none(seconds: object) -> None:
    with pytest.raises(ValueError, match=r"parameters: 'seconds'\. It takes seconds \(0 to 3600\)"):
        fault_named("delay", {"seconds": seconds})


def test_values_and_long_names_are_not_quoted() -> None:
    with pytest.raises(ValueError, match="unknown or wrong") as caught:
        fault_named("error", {"code": ["CANARY"], "x" * 10_000: "CANARY"})
    assert "CANARY" not in str(caught.value)
    assert len(str(caught.value)) < 300
    with pytest.raises(ValueError, match="There is no fault") as caught:
        fault_named("y" * 10_000, {})
    assert len(str(caught.value)) < 400


@given(
    st.sampled_from(sorted(FAULT_KINDS)) | st.text(),
    st.dictionaries(
        st.sampled_from(["seconds", "then", "code", "size", "keep", "status"]) | st.text(),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just({}),
    ),
)
def test_anything_is_a_fault_or_a_value_error(kind: str, parameters: dict[str, object]) -> None:
    try:
        fault = fault_named(kind, parameters)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either is right
    else:
        assert kind in FAULT_KINDS
        assert callable(fault.apply)
