"""`ssooidc_core._sigv4`: what is signed, what is not signed, and what is refused."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import SecretStr

from ssooidc_core import ConfigurationError, Credentials, HttpRequest, TemporaryCredentials
from ssooidc_core._sigv4 import sign

WHEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
AWS = Credentials.of("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def signed(
    url: str = "https://example.amazonaws.com/",
    *,
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    credentials: Credentials = AWS,
    now: datetime = WHEN,
) -> HttpRequest:
    request = HttpRequest(method, url, headers, body)
    return sign(request, credentials=credentials, region="us-east-1", service="service", now=now)


def signature(request: HttpRequest) -> str:
    return request.headers["Authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        # aws4_testsuite: get-vanilla, post-vanilla, get-vanilla-query-order-key-case, get-header-value-trim,
        # get-relative-relative, get-slashes, get-slash-dot-slash, get-utf8.
        (signed(), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            signed(method="POST"),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            signed("https://example.amazonaws.com/?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            signed(headers=(("My-Header1", " value1"), ("My-Header2", ' "a   b   c"'))),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            signed("https://example.amazonaws.com/example1/example2/../.."),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            signed("https://example.amazonaws.com//example//"),
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            signed("https://example.amazonaws.com/./"),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
    ],
)
def test_signatures_of_the_aws_test_suite(request_: HttpRequest, expected: str) -> None:
    """The published aws4_testsuite: us-east-1, service `service`, 20150830T123600Z."""
    assert signature(request_) == expected


def test_headers_are_added_behind_the_others_in_the_order_date_token_authorization() -> None:
    credentials = Credentials.of("AKID", "key", "token")
    result = signed(headers=(("Content-Type", "a/b"),), credentials=credentials)
    assert [name for name, _ in result.headers.fields] == [
        "Content-Type",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "Authorization",
    ]
    assert result.headers["x-amz-date"] == "20150830T123600Z"
    assert result.headers["x-amz-security-token"] == "token"
    assert result.headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
    )


@pytest.mark.parametrize(
    "name",
    [
        "User-Agent",
        "Connection",
        "Expect",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "X-Amzn-Trace-Id",
        "traceparent",
        "tracestate",
        "baggage",
    ],
)
def test_headers_that_proxies_may_change_are_not_signed(name: str) -> None:
    """botocore SIGNED_HEADERS_BLACKLIST."""
    result = signed(headers=((name, "whatever"),))
    assert result.headers.fields[-1][1] == signed().headers["Authorization"]


def test_a_request_that_is_signed_already_is_signed_anew() -> None:
    """Each attempt of a call has a new date, and the credentials may have changed."""
    before = Credentials.of("OTHER", "key", "token")
    again = sign(
        signed(headers=(("A", "b"),), credentials=before),
        credentials=AWS,
        region="us-east-1",
        service="service",
        now=WHEN + timedelta(minutes=1),
    )
    assert again == signed(headers=(("A", "b"),), now=WHEN + timedelta(minutes=1))
    assert [name for name, _ in again.headers.fields] == ["A", "X-Amz-Date", "Authorization"]


def test_a_header_that_is_there_twice_is_signed_as_one() -> None:
    """The values in their order, joined with commas: RFC 9110 section 5.3."""
    twice = signed(headers=(("My-Header", " a  b"), ("Other", "x"), ("my-header", "c ")))
    assert signature(twice) == signature(signed(headers=(("My-Header", "a b,c"), ("Other", "x"))))


def test_a_given_host_header_is_the_one_signed() -> None:
    own = signed(headers=(("Host", "other.example"),))
    assert "SignedHeaders=host;x-amz-date" in own.headers["Authorization"]
    assert signature(own) == signature(signed("https://other.example/"))


@pytest.mark.parametrize(
    ("url", "same_as"),
    [
        ("https://h.example:443/", "https://h.example/"),
        ("http://h.example:80/", "http://h.example/"),
        ("http://h.example/", "https://h.example/"),
        ("https://H.EXAMPLE/", "https://h.example/"),
        ("https://h.example", "https://h.example/"),
    ],
)
def test_the_default_port_and_the_case_of_the_host_are_not_signed(url: str, same_as: str) -> None:
    """RFC 9110 section 7.2: Host omits the scheme's default port."""
    assert signature(signed(url)) == signature(signed(same_as))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://h.example:8443/", "h.example:8443"),
        ("http://h.example:443/", "h.example:443"),
        ("http://[::1]:8000/", "[::1]:8000"),
        ("http://[::1]/", "[::1]"),
    ],
)
def test_another_port_and_the_brackets_of_an_address_are_signed(url: str, host: str) -> None:
    explicit = signed("https://example.com/", headers=(("Host", host),))
    assert signature(signed(url)) == signature(explicit)


@pytest.mark.parametrize(
    ("query", "same_as"),
    [
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("a&b", "a=&b="),
        ("a=b=c", "a=b=c"),
    ],
)
def test_the_query_is_sorted_by_name_then_value(query: str, same_as: str) -> None:
    url = "https://h.example/?"
    assert signature(signed(url + query)) == signature(signed(url + same_as))
    assert signature(signed(url + query)) != signature(signed("https://h.example/"))


@pytest.mark.parametrize(
    ("path", "same_as"),
    [("/a/./b", "/a/b"), ("/a//b", "/a/b"), ("/a/../b/", "/b/"), ("/..", "/"), ("", "/")],
)
def test_the_path_is_signed_in_its_normal_form(path: str, same_as: str) -> None:
    """RFC 3986 section 5.2.4; every service but S3."""
    base = "https://h.example"
    assert signature(signed(base + path)) == signature(signed(base + same_as))


def test_a_last_slash_and_an_encoded_path_make_a_difference() -> None:
    signatures = {signature(signed(f"https://h.example/{path}")) for path in ("a", "a/", "%61")}
    assert len(signatures) == 3


def test_body_method_time_key_and_token_make_a_difference() -> None:
    results = (
        signed(),
        signed(body=b"x"),
        signed(method="PUT"),
        signed(now=WHEN + timedelta(seconds=1)),
        signed(credentials=Credentials.of("AKIDEXAMPLE", "other")),
        signed(credentials=Credentials("AKIDEXAMPLE", AWS.secret_access_key, SecretStr("t"))),
    )
    assert len({signature(result) for result in results}) == 6


def test_a_slash_in_the_region_does_not_divide_the_scope() -> None:
    """The key is derived from four separate values, whatever they contain."""
    results = [
        sign(HttpRequest("GET", "https://h"), credentials=AWS, region=a, service=b, now=WHEN)
        for a, b in (("x/y", "z"), ("x", "y/z"))
    ]
    assert len({signature(result) for result in results}) == 2


def test_the_time_is_given_in_utc() -> None:
    tokyo = WHEN.astimezone(timezone(timedelta(hours=9)))
    assert signed(now=tokyo) == signed()


def test_a_naive_time_is_refused() -> None:
    """It would be interpreted in the local time of the machine."""
    with pytest.raises(ConfigurationError) as caught:
        _ = signed(now=WHEN.replace(tzinfo=None))
    assert str(caught.value) == (
        "The time of a signature must be aware: datetime.now(UTC), not datetime.utcnow()"
    )


@pytest.mark.parametrize(
    "bad", ["", "a b", "a\r\nX: y", "\n", "ü", "\x7f", "a\x00", "\ud800", "a "]
)
def test_credentials_that_no_header_can_hold_are_refused(bad: str) -> None:
    """RFC 9110 section 5.5; a line break would start another header."""
    text = "The credentials' {} is empty or contains characters that a header cannot have"
    with pytest.raises(ConfigurationError) as caught:
        _ = signed(credentials=Credentials.of(bad, "key"))
    assert str(caught.value) == text.format("access_key_id")
    with pytest.raises(ConfigurationError) as caught:
        _ = signed(credentials=Credentials.of("AKID", "key", bad))
    assert str(caught.value) == text.format("session_token")


def test_credentials_are_values_that_hide_their_secrets() -> None:
    credentials = Credentials.of("AKID", "canary", "canary")
    assert credentials == Credentials("AKID", SecretStr("canary"), SecretStr("canary"))
    assert hash(credentials) == hash(Credentials.of("AKID", "canary", "canary"))
    assert pickle.loads(pickle.dumps(credentials)) == credentials
    assert repr(credentials) == (
        "Credentials(access_key_id='AKID', secret_access_key=SecretStr('**********'), "
        "session_token=SecretStr('**********'))"
    )
    assert Credentials.of("AKID", "key").session_token is None


def test_credentials_of_a_role_sign_like_others() -> None:
    of_a_role = TemporaryCredentials("AKID", SecretStr("key"), SecretStr("token"))
    assert signed(credentials=of_a_role) == signed(
        credentials=Credentials.of("AKID", "key", "token")
    )
    assert repr(of_a_role) == (
        "TemporaryCredentials(access_key_id='AKID', secret_access_key=SecretStr('**********'), "
        "session_token=SecretStr('**********'))"
    )
    assert pickle.loads(pickle.dumps(of_a_role)) == copy.copy(of_a_role) == of_a_role
    with pytest.raises(TypeError):
        _ = TemporaryCredentials("AKID", SecretStr("key"))  # type: ignore[call-arg]
