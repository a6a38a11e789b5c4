"""`ssooidc_emulator._iam.signatures`: what is verified, what is refused, and with which messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import Credentials, HttpRequest
from ssooidc_core._sigv4 import sign
from ssooidc_emulator import AccessKey
from ssooidc_emulator._iam.signatures import Signer, verify
from ssooidc_emulator._oidc.refusals import MessageRefusal

WHEN: Final = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KEY: Final = AccessKey(access_key_id="AKIDEXAMPLE", secret_access_key="CANARY-secret")
TEMPORARY: Final = AccessKey(
    access_key_id="ASIAEXAMPLE", secret_access_key="CANARY-secret", session_token="CANARY-token"
)
URL: Final = "https://oidc.us-east-1.amazonaws.com/token?aws_iam=t"
INVALID: Final = "InvalidSignatureException"
INCOMPLETE: Final = "IncompleteSignatureException"
DIFFERENT: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)

Outcome = Signer | MessageRefusal


def find_key(access_key_id: str) -> AccessKey | None:
    return {key.access_key_id: key for key in (KEY, TEMPORARY)}.get(access_key_id)


def signed(
    url: str = URL,
    *,
    key: AccessKey = KEY,
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),),
    body: bytes = b"{}",
    region: str = "us-east-1",
    service: str = "sso-oauth",
    now: datetime = WHEN,
) -> HttpRequest:
    credentials = Credentials.of(key.access_key_id, key.secret_access_key, key.session_token)
    request = HttpRequest("POST", url, headers, body)
    return sign(request, credentials=credentials, region=region, service=service, now=now)


def check(
    request: HttpRequest,
    now: datetime = WHEN,
    find: Callable[[str], AccessKey | None] = find_key,
) -> Outcome:
    return verify(request, find_key=find, service="sso-oauth", now=now)


def refused(outcome: Outcome) -> tuple[str, str, int]:
    assert isinstance(outcome, MessageRefusal)
    # No public record contains any of these messages for SSO OIDC.
    assert outcome.source == "invented"
    return outcome.code, outcome.message, outcome.status


def replaced(request: HttpRequest, name: str, *values: str) -> HttpRequest:
    """Return a request with these values of a header, or without the header."""
    kept = tuple(field for field in request.headers.fields if field[0].lower() != name)
    more = tuple((name, value) for value in values)
    return HttpRequest(request.method, request.url, kept + more, request.body)


def changed(request: HttpRequest, old: str, new: str) -> HttpRequest:
    """Return a request whose `Authorization` is changed."""
    authorization = request.headers["authorization"]
    assert authorization.count(old) == 1
    return replaced(request, "authorization", authorization.replace(old, new))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Content-Type", "application/json"),),
        # The SDK for JavaScript v3.
        (
            ("amz-sdk-invocation-id", "0b6a..."),
            ("amz-sdk-request", "attempt=1; max=3"),
            ("content-length", "2"),
            ("content-type", "application/json"),
            (
                "x-amz-content-sha256",
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            ),
            ("x-amz-user-agent", "aws-sdk-js/3.0"),
        ),
        (("A", " x   y\t z "), ("a", "again"), ("User-Agent", "é")),
        # Latin-1 cannot encode it, so it did not come over a network.
        (("A", "€"),),
    ],
)
@pytest.mark.parametrize("key", [KEY, TEMPORARY])
@pytest.mark.parametrize(
    "url",
    [
        URL,
        "http://127.0.0.1:8000/token?aws_iam=t",
        "https://h.example:443/token?b=2&aws_iam=t&a=1&a=0",
        "http://h.example:80//a/../b/%7Eé/",
        "https://H.example",
    ],
)
def test_what_the_core_signs_is_verified(
    url: str, key: AccessKey, headers: tuple[tuple[str, str], ...]
) -> None:
    outcome = check(signed(url, key=key, headers=headers))
    assert outcome == Signer(access_key_id=key.access_key_id, region="us-east-1")


def test_the_host_that_came_is_the_one_that_counts() -> None:
    """A server with another name sees the Host that was signed, including the port."""
    request = signed("http://127.0.0.1:8000/token?aws_iam=t")
    there = HttpRequest("POST", "http://other/token?aws_iam=t", request.headers.fields, b"{}")
    assert check(replaced(there, "host", "127.0.0.1:8000")) == Signer("AKIDEXAMPLE", "us-east-1")
    for host in ("127.0.0.1", "127.0.0.1:8001", "localhost:8000"):
        assert refused(check(replaced(there, "host", host))) == (INVALID, DIFFERENT, 403)


def test_headers_that_are_not_signed_may_change() -> None:
    request = replaced(signed(), "user-agent", "anything")
    assert isinstance(check(request), Signer)
    assert isinstance(check(replaced(request, "x-forwarded-for", "a")), Signer)


def test_a_signed_header_that_did_not_come() -> None:
    assert refused(check(replaced(signed(), "content-type"))) == (INVALID, DIFFERENT, 403)


@pytest.mark.parametrize("values", [(), ("",), (" ",)])
def test_no_signature(values: tuple[str, ...]) -> None:
    outcome = refused(check(replaced(signed(), "authorization", *values)))
    assert outcome == ("MissingAuthenticationTokenException", "Missing Authentication Token", 403)


AUTHORIZATION: Final = signed().headers["authorization"]


@pytest.mark.parametrize(
    "value",
    [
        "Bearer CANARY",
        "AWS4-HMAC-SHA256",
        AUTHORIZATION.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        AUTHORIZATION.replace("HMAC", "hmac"),
        AUTHORIZATION.replace("Credential", "credential"),
        AUTHORIZATION.replace("Signature=", ""),
        AUTHORIZATION.replace("SignedHeaders=", "Headers="),
        AUTHORIZATION[:-1],
        AUTHORIZATION + "0",
        AUTHORIZATION + ", Signature=" + "0" * 64,
        AUTHORIZATION.replace("/sso-oauth", ""),
        AUTHORIZATION.replace("/sso-oauth", "/sso-oauth/x"),
        AUTHORIZATION.replace("aws4_request", "aws4"),
        AUTHORIZATION + "a" * 10_000,
    ],
)
def test_what_is_no_signature(value: str) -> None:
    assert refused(check(replaced(signed(), "authorization", value))) == (
        INCOMPLETE,
        "Authorization header requires 'AWS4-HMAC-SHA256', and 'Credential', 'SignedHeaders', 'Signature' parameters.",
        403,
    )


def test_two_signatures_are_none() -> None:
    request = replaced(signed(), "authorization", AUTHORIZATION, AUTHORIZATION)
    assert refused(check(request))[0] == INCOMPLETE


@pytest.mark.parametrize(
    "names",
    [
        "Content-Type;host;x-amz-date",
        "host;content-type;x-amz-date",
        "content-type;host;host;x-amz-date",
        "content-type;;host;x-amz-date",
        "content-type;host;x-amz-date;",
        "content-type:host;x-amz-date",
    ],
)
def test_signed_headers_of_another_form(names: str) -> None:
    request = changed(signed(), "content-type;host;x-amz-date", names)
    assert refused(check(request)) == (
        INCOMPLETE,
        "'SignedHeaders' must be names in lower case, each once, in alphabetical order.",
        403,
    )


def test_the_host_must_be_signed() -> None:
    assert refused(check(changed(signed(), "content-type;host;", "content-type;"))) == (
        INVALID,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        403,
    )


def test_without_a_date() -> None:
    assert refused(check(replaced(signed(), "x-amz-date"))) == (
        INCOMPLETE,
        "Authorization header requires existence of an 'X-Amz-Date'.",
        403,
    )


@pytest.mark.parametrize(
    "dates",
    [
        ("2015-08-30T12:36:00Z",),
        ("Sun, 30 Aug 2015 12:36:00 GMT",),
        ("20150830T123660Z0",),
        ("20151330T123600Z",),
        ("00000101T000000Z",),
        ("２０150830T123600Z",),
        ("20150830T123600Z", "20150830T123600Z"),
    ],
)
def test_a_date_of_another_form(dates: tuple[str, ...]) -> None:
    assert refused(check(replaced(signed(), "x-amz-date", *dates))) == (
        INCOMPLETE,
        "Date must be in ISO-8601 'basic format', like 20150830T123600Z.",
        403,
    )


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "/20150830/",
            "/20150831/",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
        ),
        ("/us-east-1/", "//", "Credential should be scoped to a valid region."),
        ("/us-east-1/", "/US-EAST-1/", "Credential should be scoped to a valid region."),
        ("/us-east-1/", "/us.east/", "Credential should be scoped to a valid region."),
        ("/us-east-1/", "/eu-west-1/", DIFFERENT),
        (
            "/sso-oauth/",
            "/sso-oidc/",
            "Credential should be scoped to correct service: 'sso-oauth'.",
        ),
    ],
)
def test_another_scope(old: str, new: str, text: str) -> None:
    assert refused(check(changed(signed(), old, new))) == (INVALID, text, 403)


def test_every_region_is_given_back() -> None:
    for region in ("eu-west-1", "us-gov-west-1", "x"):
        assert check(signed(region=region)) == Signer("AKIDEXAMPLE", region)


@pytest.mark.parametrize("seconds", [-900, -1, 0, 0.999, 900, 900.999])
def test_a_signature_is_good_for_a_quarter_of_an_hour_either_way(seconds: float) -> None:
    assert isinstance(check(signed(), WHEN + timedelta(seconds=seconds)), Signer)


def test_a_signature_that_is_too_old() -> None:
    assert refused(check(signed(), WHEN + timedelta(seconds=901))) == (
        INVALID,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)",
        403,
    )


def test_a_signature_of_the_future() -> None:
    text = (
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z "
        "(20150830T122059Z + 15 min.)"
    )
    assert refused(check(signed(), WHEN - timedelta(seconds=901))) == (INVALID, text, 403)


UNKNOWN: Final = (
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
    403,
)


@pytest.mark.parametrize(
    "request_",
    [
        signed(key=AccessKey(access_key_id="AKIAOTHER", secret_access_key="CANARY-secret")),
        # With a temporary key: without its token, with another's, with two.
        replaced(signed(key=TEMPORARY), "x-amz-security-token"),
        replaced(signed(key=TEMPORARY), "x-amz-security-token", "CANARY-other"),
        replaced(signed(key=TEMPORARY), "x-amz-security-token", "CANARY-tokené"),
        replaced(signed(key=TEMPORARY), "x-amz-security-token", "CANARY-token", "CANARY-token"),
        # With a permanent key, which has no token.
        replaced(signed(), "x-amz-security-token", "CANARY-token"),
        replaced(signed(), "x-amz-security-token", ""),
    ],
)
def test_keys_that_are_not_known(request_: HttpRequest) -> None:
    assert refused(check(request_)) == UNKNOWN


def test_another_secret() -> None:
    other = AccessKey(access_key_id="AKIDEXAMPLE", secret_access_key="CANARY-other")
    assert refused(check(signed(key=other))) == (INVALID, DIFFERENT, 403)


@pytest.mark.parametrize("value", ["0" * 64, "UNSIGNED-PAYLOAD", "", "é"])
def test_a_payload_hash_that_is_not_the_bodys(value: str) -> None:
    """In a signed header or not."""
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."
    request = signed(headers=(("x-amz-content-sha256", value),))
    assert refused(check(request)) == (INVALID, text, 403)
    assert refused(check(replaced(signed(), "x-amz-content-sha256", value))) == (INVALID, text, 403)


fields = st.text(st.characters(min_codepoint=0, max_codepoint=0xFF), max_size=60)
parts = st.sampled_from(["Credential=", "SignedHeaders=", "Signature=", "/", ";", ", ", "0" * 64])


@given(
    value=st.one_of(fields, st.lists(st.one_of(parts, fields), max_size=12).map("".join)),
    name=st.sampled_from(["authorization", "x-amz-date", "host", "x-amz-security-token", "a"]),
    body=st.binary(max_size=60),
)
def test_any_header_gets_an_answer(value: str, name: str, body: bytes) -> None:
    request = replaced(signed(body=body), name, value)
    outcome = check(request)
    assert isinstance(outcome, MessageRefusal) or name == "a"
    assert "CANARY" not in repr(outcome) + str(outcome)


def test_large_headers_take_no_more_time_than_they_are_long() -> None:
    """Repeated names must not multiply the work."""
    names = ";".join(sorted(f"a{number}" for number in range(1000)))
    many = replaced(changed(signed(), "content-type;host;x-amz-date", names), "a1", "x" * 1_000_000)
    assert refused(check(many))[1].startswith("'Host'")
    twice = changed(signed(), "content-type;host;x-amz-date", "a1;" * 1000 + "host")
    assert refused(check(twice))[0] == INCOMPLETE


def test_nothing_tells_the_secret() -> None:
    for key in (KEY, TEMPORARY):
        outcome = check(signed(key=key))
        assert repr(outcome) == (f"Signer(access_key_id={key.access_key_id!r}, region='us-east-1')")
