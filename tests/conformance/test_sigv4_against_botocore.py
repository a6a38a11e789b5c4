"""Signature V4: the same `Authorization` as botocore's `SigV4Auth`, at the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import botocore.credentials
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from hypothesis import example, given
from hypothesis import strategies as st

from ssooidc_core import ConfigurationError, Credentials, HttpRequest
from ssooidc_core._sigv4 import sign

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally
    from tests.conftest import SignedCase

GROUP: Final = "sigv4"
SERVICE: Final = "sso-oauth"
NOON: Final = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
AWS: Final = Credentials.of("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TOKEN_URL: Final = "https://oidc.us-east-1.amazonaws.com/token?aws_iam=t"

Fields = tuple[tuple[str, str], ...]


def ours(
    request: HttpRequest,
    credentials: Credentials = AWS,
    *,
    region: str = "us-east-1",
    service: str = SERVICE,
    now: datetime = NOON,
) -> list[tuple[str, str]]:
    """Return the signed request's headers."""
    signed = sign(request, credentials=credentials, region=region, service=service, now=now)
    assert (signed.method, signed.url, signed.body) == (request.method, request.url, request.body)
    return sorted((name.lower(), value) for name, value in signed.headers.fields)


def theirs(
    request: HttpRequest,
    credentials: Credentials = AWS,
    *,
    region: str = "us-east-1",
    service: str = SERVICE,
    now: datetime = NOON,
) -> list[tuple[str, str]]:
    """Return the signed request's headers."""
    same = AWSRequest(method=request.method, url=request.url, data=request.body)
    for name, value in request.headers.fields:
        same.headers[name] = value
    token = credentials.session_token
    signer = SigV4Auth(
        botocore.credentials.Credentials(
            credentials.access_key_id,
            credentials.secret_access_key.get_secret_value(),
            None if token is None else token.get_secret_value(),
        ),
        service,
        region,
    )
    with pytest.MonkeyPatch.context() as patch:
        instant = now.astimezone(UTC).replace(tzinfo=None)
        patch.setattr("botocore.auth.get_current_datetime", lambda: instant)
        signer.add_auth(same)
    return sorted((name.lower(), value) for name, value in same.headers.items())


def test_the_24_signatures_of_a_frozen_clock(signed_cases: list[SignedCase], tally: Tally) -> None:
    """botocore 1.44.5 with POST /token?aws_iam=t, recorded, and the installed botocore."""
    for case in signed_cases:
        request = HttpRequest("POST", case.url, case.headers, case.body)
        credentials = Credentials.of(case.access_key_id, case.secret_access_key, case.session_token)
        expected = sorted(
            (name.lower(), each) for name, each in (case.headers | case.added).items()
        )
        region, service, now = case.region, case.service, case.moment
        assert ours(request, credentials, region=region, service=service, now=now) == expected
        assert theirs(request, credentials, region=region, service=service, now=now) == expected
        tally.ran()


TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]))
VISIBLE: Final = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
PRINTED: Final = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\t"))
NAMES: Final = st.sampled_from(
    ["Content-Type", "Host", "User-Agent", "amz-sdk-request", "TE", "traceparent", "My-Header", "my-header"]
) | st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,15}", fullmatch=True).filter(
    lambda name: name.lower() not in {"date", "x-amz-content-sha256"}
)  # fmt: skip
HOSTS: Final = st.sampled_from(
    ["oidc.us-east-1.amazonaws.com", "Host.EXAMPLE", "127.0.0.1", "[::1]", "[2001:DB8::1]", "localhost.", "x"]
)  # fmt: skip
# Each scheme's default port, the other scheme's, and none.
PORTS: Final = st.sampled_from(["", ":", ":80", ":443", ":8000", ":0", ":65535"])
SEGMENTS: Final = st.sampled_from(
    ["token", "", ".", "..", "...", "%2F", "%2e%2e", "%", "a b", "ü", "~", "a+b", "*", "!$'(),;:@", "日"]
)  # fmt: skip
PATHS: Final = st.lists(SEGMENTS).map(lambda parts: "".join(f"/{part}" for part in parts))
WORDS: Final = st.sampled_from(
    ["a", "A", "aws_iam", "b", "a-", "a%20b", "%C3%BC", "ü", "", "~", "+", "=", "/", "a."]
)
PAIRS: Final = st.builds("{}{}{}".format, WORDS, st.sampled_from(["=", "=", ""]), WORDS)
QUERIES: Final = st.lists(PAIRS).map(lambda pairs: f"?{'&'.join(pairs)}" if pairs else "")
URLS: Final = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http", "HTTPS"]),
    HOSTS,
    PORTS,
    PATHS,
    QUERIES,
)
REQUESTS: Final = st.builds(
    HttpRequest,
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "post", "X-Odd"]),
    URLS,
    st.lists(st.tuples(NAMES, PRINTED), max_size=5).map(tuple),
    st.binary() | TEXT.map(str.encode) | st.just(b"") | st.just(b'{"clientId":"a"}'),
)
CREDENTIALS: Final = st.builds(Credentials.of, VISIBLE, TEXT, st.none() | VISIBLE)
INSTANTS: Final = st.datetimes(
    datetime(1, 1, 3), datetime(9999, 12, 29),  # noqa: DTZ001 - the zones come from the next line
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)  # fmt: skip
REGIONS: Final = st.sampled_from(["us-east-1", "us-gov-west-1", "eusc-de-east-1"]) | VISIBLE


def test_any_request_any_credentials_any_instant(tally: Tally) -> None:
    @given(REQUESTS, CREDENTIALS, REGIONS, INSTANTS)
    @example(HttpRequest("POST", TOKEN_URL, (), b""), AWS, "us-east-1", NOON)
    @example(HttpRequest("GET", "https://h/?b=2&a=1&a=&a"), AWS, "us-east-1", NOON)
    @example(HttpRequest("GET", "http://h:443//a/../%2e/"), AWS, "us-east-1", NOON)
    @example(HttpRequest("GET", "http://h/"), AWS, "us/east", NOON)
    def check(request: HttpRequest, credentials: Credentials, region: str, now: datetime) -> None:
        assert ours(request, credentials, region=region, now=now) == theirs(
            request, credentials, region=region, now=now
        )
        tally.ran()

    check()


def test_a_request_that_was_signed_before_is_signed_anew(tally: Tally) -> None:
    @given(REQUESTS, CREDENTIALS, CREDENTIALS)
    @example(HttpRequest("POST", TOKEN_URL), Credentials.of("AKID", "key", "token"), AWS)
    def check(request: HttpRequest, before: Credentials, after: Credentials) -> None:
        earlier = sign(request, credentials=before, region="r", service=SERVICE, now=NOON)
        mine, expected = ours(earlier, after), theirs(earlier, after)
        tally.ran()
        if before.session_token is None or after.session_token is not None:
            assert mine == expected
        else:
            assert mine == ours(request, after)
            assert "x-amz-security-token" in dict(expected)
            tally.differs("no-session-token-of-other-credentials")

    check()


@pytest.mark.parametrize("bad", ["", "a b", "ü", "a\x7f"])
def test_credentials_that_no_header_can_hold(bad: str, tally: Tally) -> None:
    request = HttpRequest("POST", TOKEN_URL)
    for credentials in (Credentials.of(bad, "key"), Credentials.of("AKID", "key", bad)):
        assert dict(theirs(request, credentials))["authorization"]
        with pytest.raises(ConfigurationError):
            ours(request, credentials)
        tally.ran()
        tally.differs("credentials-fit-headers")


def test_a_date_header_is_left_alone_and_is_not_the_date_of_the_signature(tally: Tally) -> None:
    date = ("Date", "Mon, 09 Sep 2011 23:36:00 GMT")
    request = HttpRequest("POST", TOKEN_URL, (date,))
    mine, expected = dict(ours(request)), dict(theirs(request))
    assert (mine["date"], mine["x-amz-date"]) == (date[1], "20150830T123600Z")
    assert "x-amz-date" not in expected
    assert expected["date"] == "Sun, 30 Aug 2015 12:36:00 -0000"
    tally.ran()
    tally.differs("always-x-amz-date")


def test_the_body_is_signed_whatever_a_header_says_of_it(tally: Tally) -> None:
    fields = (("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"),)
    bodies = (b"a", b"b")
    mine, expected = (
        {
            dict(sign_(HttpRequest("POST", TOKEN_URL, fields, body)))["authorization"]
            for body in bodies
        }
        for sign_ in (ours, theirs)
    )
    assert (len(mine), len(expected)) == (2, 1)
    tally.ran()
    tally.differs("the-body-is-always-signed")


def test_the_default_port_is_not_in_the_signed_host_and_any_other_is(tally: Tally) -> None:
    """The value that a server receives in `Host`, written out, since a mistake in both would not show."""
    for url, host in (
        ("https://h.example:443/", "h.example"),
        ("http://h.example:80/", "h.example"),
        ("https://h.example:80/", "h.example:80"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://[::1]:8000/", "[::1]:8000"),
    ):
        explicit = HttpRequest("GET", url, (("Host", host),))
        authorization = dict(theirs(explicit))["authorization"]
        assert dict(ours(HttpRequest("GET", url)))["authorization"] == authorization
        assert urlsplit(url).netloc.startswith(host)
        tally.ran()
