"""Retries: the decisions, waits, headers and quota match a botocore client in standard mode, for the same responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core._transient_errors import THROTTLING_CODES, TRANSIENT_CODES
from ssooidc_core.portal._errors import PORTAL_ERRORS

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally
    from tests.conformance.retries.conftest import Both, Call

GROUP: Final = "retries"
CAPACITY: Final = 500
CASES: Final = 18
REPEATABLE: Final = (
    "RegisterClient",
    "StartDeviceAuthorization",
    "CreateTokenWithIAM",
    "GetRoleCredentials",
    "ListAccounts",
    "ListAccountRoles",
    "Logout",
)
ONE_TIME: Final = (
    "DeviceCodeGrant",
    "RefreshTokenGrant",
    "AuthorizationCodeGrant",
    "IamAuthorizationCodeGrant",
    "IamRefreshTokenGrant",
    "JwtBearerGrant",
)
NOT_SENT: Final = ("not connected", "no tunnel", "no TLS", "connecting took too long")
FAILURES: Final = (
    *NOT_SENT, "no answer in time", "connection lost", "something else of HTTP", "a bug"
)  # fmt: skip

Answer: TypeAlias = Mapping[str, Any]
MakeBoth: TypeAlias = "Callable[..., Both]"


def test_the_codes_are_botocores() -> None:
    assert (THROTTLING_CODES, TRANSIENT_CODES) == (THROTTLING, TRANSIENT)


def test_every_call_is_here(calls: Mapping[str, Call]) -> None:
    assert set(calls) == {*REPEATABLE, *ONE_TIME}


def test_every_operation_and_grant_is_here(
    calls: Mapping[str, Call], every_request: frozenset[tuple[type, type]]
) -> None:
    made = {each.operation for each in calls.values()}
    kinds = {(type(each), type(each.request)) for each in made}  # type: ignore[attr-defined]
    assert kinds == every_request


@pytest.mark.parametrize("number", range(CASES))
def test_the_sequences_of_the_aws_sdks(
    case_tables: dict[str, Any], number: int, both: MakeBoth, tally: Tally
) -> None:
    """`cases/retries.toml`, jitter at 1: botocore and this library both do what each case expects."""
    cases = case_tables["retries"]["cases"]
    assert len(cases) == CASES
    case = cases[number]
    limits = {"attempts": case["attempts"], "backoff": case.get("longest_wait", 20)}
    pair = both("RegisterClient", **limits, quota=case["quota"])
    for steps in case["calls"]:
        mine, theirs = pair.run([answer_of(step) for step in steps])
        assert mine == theirs
        # A case without a final response ends with a success.
        end = steps[-1].get("end")
        assert mine.success == (end in {None, "success"})
        assert len(mine.attempts) == len(steps) + (end is None)
        assert mine.waits == pytest.approx([each["wait"] for each in steps if "wait" in each])
        assert mine.quota[1 : len(steps) + 1] == [each["quota"] for each in steps]
    tally.ran()


def answer_of(step: dict[str, Any]) -> Answer:
    if "failure" in step:
        return {"failure": step["failure"]}
    return {"status": step["status"], "code": step.get("code", ""), "hint": step.get("hint", "")}


HINTS: Final = st.sampled_from(["", "0", "10", "1500", "7000", "007", "-100", "x", "1.5", "1e3"])
JSON: Final = st.sampled_from([b"{}", b'{"message":"m"}', b'{"error_description":"Throttling"}'])
# For a body that is not UTF-8, or a list, botocore raises UnicodeDecodeError or AttributeError: nothing to compare.
BODIES: Final = JSON | st.sampled_from([b"", b"<html>", b"{", b"{}}", b"busy"])
COMMON: Final = {"hint": HINTS, "jitter": st.floats(0, 1)}
POLLING: Final = ["AuthorizationPendingException", "SlowDownException"]
MODELLED: Final = sorted({*OIDC_ERRORS, *PORTAL_ERRORS} - {*POLLING, "TooManyRequestsException"})
# botocore's own lists, which the stubs lack.
THROTTLING: Final = frozenset(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"])
TRANSIENT: Final = frozenset(vars(TransientRetryableChecker)["_TRANSIENT_ERROR_CODES"])
UNMODELLED: Final = [*sorted(THROTTLING | TRANSIENT), "Odd", "a#Throttling:http://x/", ""]
STATUSES: Final = st.sampled_from([302, 307, 400, 401, 403, 404, 408, 500, 501, 502, 503, 504, 505])


def answers(
    status: st.SearchStrategy[int], code: list[str], body: st.SearchStrategy[bytes] = JSON
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"status": status, "code": st.sampled_from(code), "body": body, **COMMON}
    )


BUSY: Final = answers(st.just(429), UNMODELLED)
ANSWERS: Final = st.one_of(
    answers(STATUSES, UNMODELLED),
    answers(STATUSES, MODELLED),
    answers(STATUSES, [""], BODIES),
    answers(st.just(400), [""], st.just(b'{"error":"slow_down"}')),
    answers(st.just(400), POLLING),
    BUSY,
    st.fixed_dictionaries({"failure": st.sampled_from(FAILURES), **COMMON}),
    st.just({"status": 200}),
)


@pytest.mark.parametrize("name", REPEATABLE)
def test_any_answers_to_calls_that_share_a_quota(name: str, both: MakeBoth, tally: Tally) -> None:
    @given(
        st.lists(st.lists(ANSWERS, max_size=5), min_size=1, max_size=4),
        st.integers(1, 5),
        st.sampled_from([0, 4, 5, 13, 14, 20, 33, 499, CAPACITY]),
    )
    def check(scripts: list[list[Answer]], attempts: int, quota: int) -> None:
        pair = both(name, attempts=attempts, quota=quota)
        for script in scripts:
            mine, theirs = pair.run(script)
            assert mine == theirs
            tally.ran()

    check()


@pytest.mark.parametrize("name", REPEATABLE)
@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_of_the_wire(name: str, failure: str, both: MakeBoth, tally: Tally) -> None:
    mine, theirs = both(name).run([{"failure": failure}] * 3)
    assert mine == theirs
    assert len(mine.attempts) == (1 if failure == "a bug" else 3)
    tally.ran()


@pytest.mark.parametrize("name", REPEATABLE)
def test_every_status_and_every_code(
    name: str, calls: Mapping[str, Call], both: MakeBoth, tally: Tally
) -> None:
    modelled = {each.__name__ for each in calls[name].operation.error_types}
    polling = set(POLLING) if calls[name].service == "sso-oidc" else set()
    every_code = [*MODELLED, *POLLING, *UNMODELLED, "TooManyRequestsException"]
    pairs = [(status, "Odd") for status in range(301, 600)]
    pairs += [(status, code) for status in (400, 401, 429, 500, 501, 503) for code in every_code]
    for status, code in pairs:
        mine, theirs = both(name).run([{"status": status, "code": code}])
        tally.ran()
        if code in polling and status in {429, 500, 503}:
            assert (len(mine.attempts), mine.success) == (1, False)
            if status == 429 and code in modelled:
                assert mine == theirs
            else:
                assert theirs.success
                tally.differs("polling-errors-belong-to-polling")
        elif status == 429 and code in modelled - THROTTLING:
            assert (len(theirs.attempts), theirs.success) == (1, False)
            assert (mine.waits, mine.success) == ([1.0], True)
            tally.differs("every-429-is-throttling")
        else:
            assert mine == theirs, (status, code)


@pytest.mark.parametrize("hint", ["+5500", "1_500", "٧٠٠٠", "1" * 13, "9" * 400, "9" * 5000])
def test_a_hint_that_is_no_plain_number(hint: str, both: MakeBoth, tally: Tally) -> None:
    mine, theirs = both("RegisterClient").run([{"status": 503, "hint": hint}])
    assert mine.waits == [0.05]
    tally.ran()
    if mine != theirs:
        assert theirs.waits[0] > 0.05
        tally.differs("retry-after-is-1-to-12-digits")


@pytest.mark.parametrize("body", [b"", b"<html></html>"])
def test_the_name_of_an_error_counts_under_any_body(
    body: bytes, both: MakeBoth, tally: Tally
) -> None:
    answer = {"code": "ThrottlingException", "body": body}
    for status, same in ((400, True), (503, False)):
        mine, theirs = both("RegisterClient").run([{"status": status, **answer}])
        assert (mine.waits, mine.quota) == ([1.0], [500, 495, 500])
        assert (mine == theirs) is same
        tally.ran()
    assert (theirs.waits, theirs.quota) == ([0.05], [500, 486, 500])
    tally.differs("an-error-header-counts-under-any-body")


def test_a_good_answer_that_cannot_be_read_refunds_nothing(both: MakeBoth, tally: Tally) -> None:
    pair = both("RegisterClient", quota=100)
    mine, theirs = pair.run([{"status": 503}, {"status": 200, "body": b"{"}])
    assert (mine.success, mine.waits, mine.quota) == (False, [0.05], [100, 86, 86])
    assert (theirs.success, theirs.waits, theirs.quota) == (True, [0.05], [100, 86, 100])
    tally.ran()
    tally.differs("an-unreadable-answer-is-a-failure")


def is_certainly_unspent(answer: Answer) -> bool:
    """The rule of the table of differences, implemented again: not sent, or refused only for the request rate."""
    code = answer.get("code", "").rpartition("#")[2].partition(":")[0]
    not_sent = answer.get("failure") in NOT_SENT
    return not_sent or answer.get("status") == 429 or code in THROTTLING


@pytest.mark.parametrize("name", ONE_TIME)
def test_what_is_good_for_one_time_is_not_sent_again(
    name: str, both: MakeBoth, tally: Tally
) -> None:
    """Up to the first response that may have spent the value, both do the same; then only botocore continues."""

    @given(st.lists(ANSWERS | BUSY, min_size=1, max_size=4), st.integers(1, 4))
    def check(script: list[Answer], attempts: int) -> None:
        mine, theirs = both(name, attempts=attempts).run(script)
        tally.ran()
        sent = 1
        for answer in script[: len(theirs.attempts) - 1]:
            if name == "DeviceCodeGrant" or not is_certainly_unspent(answer):
                break
            sent += 1
        assert mine.attempts == theirs.attempts[:sent]
        assert mine.waits == theirs.waits[: sent - 1]
        assert mine.quota[:-1] == theirs.quota[:sent]
        if sent == len(theirs.attempts):
            assert mine == theirs
        else:
            assert not mine.success
            assert mine.quota[-1] == mine.quota[-2]
            tally.differs("one-time-grants-are-not-repeated")

    check()


@pytest.mark.parametrize("name", ONE_TIME)
@pytest.mark.parametrize(
    "script",
    [
        [{"failure": "not connected"}, {"status": 429}],
        [{"status": 400, "code": "ThrottlingException"}, {"failure": "connecting took too long"}],
    ],
    ids=["no connection", "throttled"],
)
def test_what_is_certainly_unspent_is_sent_again(
    name: str, script: list[Answer], both: MakeBoth, tally: Tally
) -> None:
    """Ensures that the test above would not pass if nothing were ever retried."""
    mine, theirs = both(name).run(script)
    assert (len(theirs.attempts), theirs.success) == (3, True)
    assert (mine == theirs) == (name != "DeviceCodeGrant")
    assert len(mine.attempts) == (1 if name == "DeviceCodeGrant" else 3)
    tally.ran()
