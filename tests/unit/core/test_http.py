"""`ssooidc_core._http`: requests and responses are immutable values that are safe to print."""

from __future__ import annotations

import copy
import pickle

import pytest

from ssooidc_core._http import Headers, HttpRequest, HttpResponse

MASK = "**********"
SECRET_HEADERS = (
    "authorization",
    "cookie",
    "location",
    "proxy-authorization",
    "referer",
    "set-cookie",
    "x-amz-security-token",
    "x-amz-sso_bearer_token",
)


def test_header_names_are_compared_without_case() -> None:
    """RFC 9110 section 5.1: "Field names are case-insensitive"."""
    headers = Headers({"X-Amzn-RequestId": "r"})
    assert headers["x-amzn-requestid"] == "r"
    assert headers["X-AMZN-REQUESTID"] == "r"
    assert "x-AMZN-requestid" in headers
    assert headers.first("X-amzn-requestID") == "r"


def test_an_absent_header_is_a_key_error_none_or_the_default() -> None:
    headers = Headers((("Date", "now"),))
    with pytest.raises(KeyError, match=r"^'Content-Type'$"):
        _ = headers["Content-Type"]
    assert headers.first("Content-Type") is None
    assert headers.first("Dat") is None
    assert headers.get("Content-Type", "none") == "none"
    assert "Content-Type" not in headers


def test_of_a_repeated_header_the_first_value_is_seen_and_all_are_kept() -> None:
    headers = Headers([("Via", "1"), ("Date", "d"), ("VIA", "2")])
    assert headers["via"] == "1"
    assert list(headers) == ["Via", "Date"]
    assert len(headers) == 2
    assert dict(headers) == {"Via": "1", "Date": "d"}
    assert headers.fields == (("Via", "1"), ("Date", "d"), ("VIA", "2"))


def test_headers_are_made_of_a_mapping_of_pairs_of_any_iterable_and_of_nothing() -> None:
    pairs = (("A", "1"), ("B", "2"))
    expected = Headers(pairs)
    assert Headers({"A": "1", "B": "2"}).fields == pairs
    assert Headers(list(pairs)).fields == pairs
    assert Headers(iter(pairs)).fields == pairs
    assert Headers(expected).fields == pairs
    assert Headers().fields == ()
    assert len(Headers()) == 0


def test_headers_are_equal_and_hash_equal_whatever_the_case_and_order_of_their_names() -> None:
    one = Headers({"A": "x", "B": "y"})
    other = Headers((("b", "y"), ("a", "x")))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Headers({"A": "X", "B": "y"})
    assert one != Headers({"A": "x"})
    assert one.__eq__({"A": "x", "B": "y"}) is False


@pytest.mark.parametrize("name", SECRET_HEADERS)
def test_the_repr_of_headers_masks_every_secret_one(name: str) -> None:
    assert repr(Headers({name: "canary"})) == f"Headers({{{name!r}: {MASK!r}}})"
    assert repr(Headers({name.upper(): "canary"})) == f"Headers({{{name.upper()!r}: {MASK!r}}})"


def test_the_repr_of_headers_shows_the_others() -> None:
    assert repr(Headers({"Date": "now"})) == "Headers({'Date': 'now'})"


def test_a_later_value_of_a_secret_header_is_not_shown_either() -> None:
    headers = Headers((("Set-Cookie", "canary1"), ("set-cookie", "canary2")))
    assert repr(headers) == f"Headers({{'Set-Cookie': {MASK!r}}})"


@pytest.mark.parametrize("headers", [{"A": "1"}, (("A", "1"),), [("A", "1")], Headers({"A": "1"})])
def test_a_request_and_an_answer_take_headers_in_any_form(
    headers: Headers | dict[str, str] | tuple[tuple[str, str], ...] | list[tuple[str, str]],
) -> None:
    request = HttpRequest("GET", "https://e.x/", headers)
    answer = HttpResponse(200, headers)
    assert request.headers == Headers({"A": "1"})
    assert answer.headers == Headers({"A": "1"})
    assert isinstance(request.headers, Headers)
    assert request.headers is request.headers
    assert isinstance(answer.headers, Headers)
    assert answer.headers is answer.headers


def test_headers_are_taken_when_a_value_is_made_not_later() -> None:
    """Later changes of the mapping that a value was made from do not change the value."""
    mutable = {"A": "1"}
    pairs = [("A", "1")]
    request, answer = HttpRequest("GET", "u", mutable), HttpResponse(200, pairs)
    mutable["B"] = "2"
    pairs.append(("B", "2"))
    assert request.headers.fields == (("A", "1"),)
    assert answer.headers.fields == (("A", "1"),)


def test_a_request_has_no_headers_and_no_body_by_default() -> None:
    request = HttpRequest("GET", "https://e.x/")
    assert (request.method, request.url, request.body) == ("GET", "https://e.x/", b"")
    assert request.headers.fields == ()


def test_an_answer_has_no_headers_and_no_body_by_default() -> None:
    answer = HttpResponse(204)
    assert (answer.status, answer.body, answer.headers.fields) == (204, b"", ())


@pytest.mark.parametrize("name", ["method", "url", "headers", "body", "extra"])
def test_a_request_is_frozen(name: str) -> None:
    request = HttpRequest("GET", "https://e.x/")
    with pytest.raises(AttributeError):
        setattr(request, name, "changed")
    assert request == HttpRequest("GET", "https://e.x/")


@pytest.mark.parametrize("name", ["status", "headers", "body", "extra"])
def test_an_answer_is_frozen(name: str) -> None:
    answer = HttpResponse(200)
    with pytest.raises(AttributeError):
        setattr(answer, name, "changed")
    assert answer == HttpResponse(200)


def test_with_headers_returns_a_changed_copy_with_the_new_fields_behind() -> None:
    for headers in ({"A": "1"}, (("A", "1"),)):
        request = HttpRequest("POST", "u", headers, b"body")
        changed = request.with_headers(("B", "2"), ("A", "3"))
        assert changed.headers.fields == (("A", "1"), ("B", "2"), ("A", "3"))
        assert (changed.method, changed.url, changed.body) == ("POST", "u", b"body")
        assert request.headers.fields == (("A", "1"),)


def test_requests_compare_and_hash_by_all_their_parts() -> None:
    request = HttpRequest("POST", "u", {"A": "1"}, b"b")
    same = HttpRequest("POST", "u", (("a", "1"),), b"b")
    assert request == same
    assert hash(request) == hash(same)
    for different in (
        HttpRequest("GET", "u", {"A": "1"}, b"b"),
        HttpRequest("POST", "v", {"A": "1"}, b"b"),
        HttpRequest("POST", "u", {"A": "2"}, b"b"),
        HttpRequest("POST", "u", {"A": "1"}, b"c"),
    ):
        assert request != different
    assert request.__eq__("POST") is False


def test_answers_compare_and_hash_by_all_their_parts() -> None:
    answer = HttpResponse(200, {"A": "1"}, b"b")
    same = HttpResponse(200, (("a", "1"),), b"b")
    assert answer == same
    assert hash(answer) == hash(same)
    for different in (
        HttpResponse(201, {"A": "1"}, b"b"),
        HttpResponse(200, {"A": "2"}, b"b"),
        HttpResponse(200, {"A": "1"}, b"c"),
    ):
        assert answer != different
    assert answer.__eq__(200) is False


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_requests_and_answers_pickle(protocol: int) -> None:
    request = HttpRequest("POST", "u", (("A", "1"),), b"b")
    answer = HttpResponse(200, {"A": "1"}, b"b")
    assert pickle.loads(pickle.dumps(request, protocol)) == request
    assert pickle.loads(pickle.dumps(answer, protocol)) == answer


def test_requests_and_answers_copy() -> None:
    request = HttpRequest("POST", "u", (("A", "1"),), b"b")
    answer = HttpResponse(200, {"A": "1"}, b"b")
    assert copy.copy(request) == copy.deepcopy(request) == request
    assert copy.copy(answer) == copy.deepcopy(answer) == answer


def test_requests_and_answers_can_be_matched_by_position() -> None:
    match HttpRequest("POST", "u", {"A": "1"}, b"b"):
        case HttpRequest(method, url, headers, body):
            assert (method, url, headers["a"], body) == ("POST", "u", "1", b"b")
    match HttpResponse(200, {"A": "1"}, b"b"):
        case HttpResponse(status, headers, body):
            assert (status, headers["a"], body) == (200, "1", b"b")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://e.x/p", "https://e.x/p"),
        ("https://e.x/p?code=canary", f"https://e.x/p?{MASK}"),
        ("https://e.x/p#canary", "https://e.x/p"),
        ("https://e.x/p?code=canary#canary", f"https://e.x/p?{MASK}"),
        ("https://e.x/p#a?canary", f"https://e.x/p?{MASK}"),
        ("https://e.x/p?", f"https://e.x/p?{MASK}"),
    ],
)
def test_the_repr_of_a_request_hides_query_fragment_body_and_secret_headers(
    url: str, shown: str
) -> None:
    request = HttpRequest("POST", url, {"Authorization": "canary", "Date": "d"}, b"canary")
    assert repr(request) == (
        f"HttpRequest('POST', {shown!r}, Headers({{'Authorization': {MASK!r}, 'Date': 'd'}}), "
        "body=<6 bytes>)"
    )
    assert str(request) == f"{request}" == repr(request)


def test_the_repr_of_an_answer_hides_its_body_and_all_that_the_server_says_in_headers() -> None:
    """A server, or a proxy, may repeat a secret of the request in any header."""
    headers = {"Location": "https://e.x/?code=canary", "x-amzn-ErrorType": "canary"}
    answer = HttpResponse(302, headers, b"canary")
    assert repr(answer) == "HttpResponse(302, ['Location', 'x-amzn-ErrorType'], body=<6 bytes>)"
    assert str(answer) == f"{answer}" == repr(answer)
