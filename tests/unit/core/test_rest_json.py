"""`ssooidc_core._rest_json`: unexpected responses, and the encoding of requests."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    AuthorizationPendingException,
    ClientConfig,
    ConfigurationError,
    CreateTokenResponse,
    HttpRequest,
    HttpResponse,
    RefreshTokenGrant,
    RegisterClientRequest,
    ResponseParseError,
    ServiceError,
    UnknownServiceError,
    create_token,
    register_client,
)
from ssooidc_core._rest_json import header_value, json_post, query_url
from ssooidc_core.portal import LogoutRequest, logout

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
REFRESH = create_token(
    RefreshTokenGrant(
        client_id="i", client_secret=SecretStr("c-secret"), refresh_token=SecretStr("r-secret")
    )
)
LOGOUT = logout(LogoutRequest.of("aoa-secret"))
PAGE = b"<html><head><title>Sign in</title></head><body>Please <b>sign in</b></body></html>"
GOOD = b'{"accessToken":"a"}'


def unparsed(
    status: int,
    headers: dict[str, str],
    body: bytes,
    operation: object = REFRESH,
) -> ResponseParseError:
    parse = getattr(operation, "parse")  # noqa: B009 - operations differ in their types
    with pytest.raises(ResponseParseError) as caught:
        parse(HttpResponse(status, headers, body))
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert error.status == status
    return error


def refused(status: int, headers: dict[str, str], body: bytes) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        REFRESH.parse(HttpResponse(status, headers, body))
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert error.status == status
    return error


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "The answer is not JSON: an empty body (status 200)"),
        (b" ", "The answer is not JSON: 1 bytes (status 200)"),
        (b'{"accessToken":"a"', "The answer is not JSON: 18 bytes of broken JSON (status 200)"),
        (GOOD + b" x", "The answer is not JSON: 21 bytes of broken JSON (status 200)"),
        (GOOD + GOOD, "The answer is not JSON: 38 bytes of broken JSON (status 200)"),
        (b"\xef\xbb\xbf" + GOOD, "The answer is not JSON: 22 bytes of broken JSON (status 200)"),
        (b'{"accessToken":"\xff"}', "The answer is not JSON: 19 bytes of broken JSON (status 200)"),
        (
            b'{"accessToken":"\\ud800"}',
            "The answer is not JSON: 24 bytes of broken JSON (status 200)",
        ),
        (
            b'{"accessToken":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "The answer is not JSON: 200024 bytes of broken JSON (status 200)",
        ),
        (
            b'{"accessToken":"a","expiresIn":' + b"1" * 5000 + b"}",
            "The answer is not JSON: 5032 bytes of broken JSON (status 200)",
        ),
        (b"{'accessToken':'a'}", "The answer is not JSON: 19 bytes of broken JSON (status 200)"),
        (b"OK", "The answer is not JSON: 2 bytes that begin 'OK' (status 200)"),
        (PAGE, "The answer is not JSON: 82 bytes that begin 'Sign in Please sign in' (status 200)"),
        (b"[]", "The answer does not fit CreateTokenResponse: body model_type (status 200)"),
        (b"null", "The answer does not fit CreateTokenResponse: body model_type (status 200)"),
        (b'"a"', "The answer does not fit CreateTokenResponse: body model_type (status 200)"),
        (b"7", "The answer does not fit CreateTokenResponse: body model_type (status 200)"),
        (b"{}", "The answer does not fit CreateTokenResponse: accessToken missing (status 200)"),
        (
            b'{"accessToken":"**********"}',
            "The answer does not fit CreateTokenResponse: accessToken masked_secret (status 200)",
        ),
        (
            b'{"accessToken":"a","expiresIn":NaN}',
            "The answer does not fit CreateTokenResponse: expiresIn bounded_integer (status 200)",
        ),
        (
            b'{"accessToken":"a","expiresIn":' + b"1" * 400 + b"}",
            "The answer does not fit CreateTokenResponse: expiresIn bounded_integer (status 200)",
        ),
        (
            b'{"accessToken":{"a":1},"tokenType":[],"refreshToken":7,"idToken":true}',
            (
                "The answer does not fit CreateTokenResponse: accessToken string_type, "
                "tokenType string_type, refreshToken string_type, idToken string_type (status 200)"
            ),
        ),
    ],
    ids=[
        "empty",
        "blank",
        "truncated",
        "trailing word",
        "twice",
        "BOM",
        "not UTF-8",
        "lone surrogate",
        "deep",
        "huge integer",
        "single quotes",
        "word",
        "HTML",
        "array",
        "null",
        "string",
        "number",
        "empty object",
        "mask",
        "NaN",
        "large integer",
        "wrong types",
    ],
)
def test_a_200_that_is_not_a_token_says_what_it_is(body: bytes, text: str) -> None:
    assert str(unparsed(200, JSON, body)) == text


def test_of_a_repeated_member_the_last_one_counts() -> None:
    """RFC 8259 section 4 leaves it open; most parsers do this, including pydantic and Python's `json`."""
    body = b'{"accessToken":"first","accessToken":"last"}'
    assert REFRESH.parse(HttpResponse(200, JSON, body)) == CreateTokenResponse(
        access_token=SecretStr("last")
    )
    error = refused(400, JSON, b'{"error":"slow_down","error":"authorization_pending"}')
    assert type(error) is AuthorizationPendingException


def test_an_unknown_member_may_hold_anything_that_is_json() -> None:
    body = b'{"accessToken":"a","x":[NaN,1e999,-0,{"y":[[[]]]},"\\ud83d\\ude42"]}'
    assert REFRESH.parse(HttpResponse(200, JSON, body)) == CreateTokenResponse(
        access_token=SecretStr("a")
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "APPLICATION/JSON",
        " application/json ",
        "application/problem+json",
        "text/json",
        None,
    ],
)
def test_these_content_types_are_json(content_type: str | None) -> None:
    """RFC 8259 section 11, RFC 6839 section 3.1; a response without a content type is accepted."""
    headers = {} if content_type is None else {"content-TYPE": content_type}
    assert REFRESH.parse(HttpResponse(200, headers, GOOD)).token_type is None


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("application/json-seq", "application/json-seq"),
        ("application/xjson", "application/xjson"),
        ("json", "json"),
        ("", ""),
        ("a\x1b[2J\u202e/b", "a [2J /b"),
        ("x" * 61, "x" * 59 + "…"),
        ("text/r-secret", "text/**********"),
    ],
)
def test_these_are_not_and_are_named(content_type: str, shown: str) -> None:
    error = unparsed(200, {"Content-Type": content_type}, b"Down")
    assert str(error) == (
        f"The answer is {shown!r}, not JSON: 4 bytes that begin 'Down' (status 200)"
    )


def test_a_captive_portals_page_is_recognisable() -> None:
    error = unparsed(200, {**HTML, "x-amzn-RequestId": "r-1"}, PAGE)
    assert str(error) == (
        "The answer is 'text/html; charset=utf-8', not JSON: "
        "82 bytes that begin 'Sign in Please sign in' (status 200, request id r-1)"
    )
    assert error.request_id == "r-1"
    assert error.hint == (
        "Something other than AWS (a proxy, a captive portal, a wrong endpoint) may have answered."
    )


def test_good_json_under_a_wrong_content_type_is_refused_without_being_quoted() -> None:
    assert str(unparsed(200, HTML, GOOD)) == (
        "The answer is 'text/html; charset=utf-8', not JSON: 19 bytes of broken JSON (status 200)"
    )


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    assert REFRESH.parse(HttpResponse(status, JSON, GOOD)).token_type is None


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_a_redirect_is_never_followed(status: int) -> None:
    """RFC 9110 section 15.4; following it would send the request's secrets to another host."""
    headers = {**HTML, "Location": "https://evil.example/?r-secret"}
    assert str(unparsed(status, headers, PAGE)) == (
        f"The answer is a redirect, which is never followed (status {status})"
    )


@pytest.mark.parametrize("status", [0, 100, 101, 103, 199, -1])
def test_a_status_that_no_answer_has_is_refused(status: int) -> None:
    assert str(unparsed(status, JSON, GOOD)) == (
        f"The answer has a status that is not valid for an answer (status {status})"
    )


def test_a_named_error_under_a_redirects_status_is_that_error() -> None:
    error = refused(302, {"x-amzn-errortype": "AuthorizationPendingException"}, b"")
    assert type(error) is AuthorizationPendingException


@pytest.mark.parametrize(
    ("status", "headers", "body", "text"),
    [
        (502, {}, b"", "502: an empty body (status 502)"),
        (502, HTML, PAGE, "502: 82 bytes that begin 'Sign in Please sign in' (status 502)"),
        (403, JSON, PAGE, "403: 82 bytes that begin 'Sign in Please sign in' (status 403)"),
        (407, HTML, b"Proxy login", "407: 11 bytes that begin 'Proxy login' (status 407)"),
        (504, JSON, b'{"error":"slow', "504: 14 bytes of broken JSON (status 504)"),
        (400, JSON, b'{"error":"\\ud800"}', "400: 18 bytes of broken JSON (status 400)"),
        (400, JSON, b"[" * 100_000, "400: 100000 bytes of broken JSON (status 400)"),
        (400, JSON, b"\xef\xbb\xbf{}", "400: 5 bytes of broken JSON (status 400)"),
        (500, JSON, b"[]", "500: 2 bytes of broken JSON (status 500)"),
        (500, JSON, b"null", "500: 4 bytes that begin 'null' (status 500)"),
        (500, JSON, b"{}", "500 (status 500)"),
        (999, JSON, b"{}", "999 (status 999)"),
    ],
)
def test_an_error_without_a_name_has_its_status_for_one(
    status: int, headers: dict[str, str], body: bytes, text: str
) -> None:
    error = refused(status, headers, body)
    assert type(error) is UnknownServiceError
    assert error.code == str(status)
    assert str(error) == text


def test_an_error_with_a_name_is_that_error_whatever_its_body_is() -> None:
    """RestJsonEmptyComplexErrorWithNoMessage, and a proxy that replaced the body."""
    header = {"x-amzn-errortype": "AuthorizationPendingException"}
    for body in (b"", b"[]", PAGE, b'{"error"'):
        assert type(refused(400, header, body)) is AuthorizationPendingException
    assert refused(400, {**header, **HTML}, PAGE).error_description == (
        "82 bytes that begin 'Sign in Please sign in'"
    )


def test_members_of_an_error_that_are_no_strings_read_as_absent() -> None:
    body = b'{"error":7,"error_description":[],"reason":{},"message":null}'
    error = refused(400, {"x-amzn-errortype": "SlowDownException"}, body)
    assert (error.error, error.error_description) == (None, None)
    assert (error.reason, error.message) == (None, None)


@pytest.mark.parametrize("status", [200, 202, 204])
@pytest.mark.parametrize(
    ("headers", "body"),
    [({}, b""), (HTML, b""), (JSON, b"{}"), (JSON, b'{"x":1}'), ({}, b"{}")],
)
def test_an_empty_200_is_right_for_logout(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """RestJsonUnitInputAndOutputNoOutput; RestJsonNoInputAndOutputNoPayload."""
    assert LOGOUT.parse(HttpResponse(status, headers, body)) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        (
            HTML,
            PAGE,
            (
                "The answer is 'text/html; charset=utf-8', not JSON: "
                "82 bytes that begin 'Sign in Please sign in' (status 200)"
            ),
        ),
        (JSON, b"[]", "The answer does not fit Response: body model_type (status 200)"),
        (JSON, b"{", "The answer is not JSON: 1 bytes of broken JSON (status 200)"),
    ],
)
def test_a_200_with_something_else_is_not_a_logout(
    headers: dict[str, str], body: bytes, text: str
) -> None:
    """A response of a captive portal is not a logout."""
    assert str(unparsed(200, headers, body, LOGOUT)) == text


def test_a_post_is_compact_json_with_its_content_type() -> None:
    request = RegisterClientRequest(client_name="n", client_type="public")
    assert json_post("https://e", request) == HttpRequest(
        "POST",
        "https://e",
        {"Content-Type": "application/json"},
        b'{"clientName":"n","clientType":"public"}',
    )


def test_a_query_keeps_the_order_given_and_leaves_absent_values_out() -> None:
    """RestJsonOmitsNullQuery, RestJsonSerializesEmptyQueryValue, RestJsonZeroAndFalseQueryValues."""
    assert query_url("https://e/p", {"b": 0, "x": None, "a": "", "c": "d e"}) == (
        "https://e/p?b=0&a=&c=d%20e"
    )
    assert query_url("https://e/p", {"x": None}) == "https://e/p"
    assert query_url("https://e/p", {}) == "https://e/p"


def test_a_header_value_is_visible_ascii() -> None:
    assert header_value("t", SecretStr("!~aA0:+/=")) == "!~aA0:+/="
    for bad in ("", " ", "a b", "a\n", "\u00e9"):
        with pytest.raises(ConfigurationError) as caught:
            _ = header_value("t", SecretStr(bad))
        assert str(caught.value) == "t is empty or contains characters that a header cannot have"


def test_a_member_that_utf_8_cannot_encode_is_refused_before_anything_is_sent() -> None:
    operation = register_client(RegisterClientRequest(client_name="\ud800", client_type="public"))
    with pytest.raises(ConfigurationError) as caught:
        _ = operation.unsigned_request(ClientConfig(region="us-east-1"))
    assert str(caught.value) == "RegisterClientRequest contains text that UTF-8 cannot encode"
