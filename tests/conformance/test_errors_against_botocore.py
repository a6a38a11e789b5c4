"""Error responses: the code and the members match those of botocore's client for the same bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given
from hypothesis import strategies as st

from ssooidc_core import (
    HttpResponse,
    ResponseParseError,
    ServiceError,
    UnknownServiceError,
)
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core.portal._errors import PORTAL_ERRORS

if TYPE_CHECKING:
    from botocore.model import StructureShape

    from tests.conformance.conftest import Asked, BotocoreWire, Tally

GROUP: Final = "errors"
KNOWN: Final = {"sso-oidc": OIDC_ERRORS, "sso": PORTAL_ERRORS}
NAMES: Final = sorted(OIDC_ERRORS.keys() | PORTAL_ERRORS.keys())
OAUTH: Final = sorted({error.oauth_error or "" for error in OIDC_ERRORS.values()})
OPERATIONS: Final = (
    "CreateToken",
    "CreateTokenWithIAM",
    "RegisterClient",
    "ListAccounts",
    "Logout",
)
MEMBERS: Final = ("error", "error_description", "reason", "message", "endpoint", "region")

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Both:
    """Both parsers of responses."""

    asked: dict[str, Asked]
    wires: dict[str, BotocoreWire]

    def theirs(self, name: str, answer: HttpResponse) -> ClientError | None:
        """Return botocore's error; `None` if its parser fails with another exception."""
        asked = self.asked[name]
        try:
            _ = self.wires[asked.service].answer(name, asked.parameters, answer)
        except ClientError as error:
            return error
        except (AttributeError, RecursionError, TypeError, ValueError):
            # An array for an object, a number for a name, bytes that are not UTF-8: exceptions from Python itself.
            return None
        raise AssertionError(answer)

    def ours(self, name: str, answer: HttpResponse) -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            self.asked[name].operation.parse(answer)
        assert caught.value.status == answer.status
        return caught.value

    def members_of(self, name: str, error: ServiceError) -> set[str]:
        """Return the members of the error's shape."""
        model = self.wires[self.asked[name].service].model
        return set(cast("StructureShape", model.shape_for(error.code)).members)


@pytest.fixture(scope="session")
def both(asked: dict[str, Asked], wires: dict[str, BotocoreWire]) -> Both:
    return Both(asked, wires)


def parsed(error: ClientError | None) -> Document:
    assert error is not None
    return cast("Document", error.response)


def is_code(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", name) is not None


def answer(status: int, document: object, header: str | None = None) -> HttpResponse:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {} if header is None else {"x-amzn-ErrorType": header}
    return HttpResponse(status, {"Content-Type": "application/json", **named}, body)


CODES: Final = st.sampled_from(
    [*NAMES, "ThrottlingException", "FooError", "x", "400", "Foo.Bar-1_2"]
)
DECORATED: Final = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "com.amazonaws.ssooidc#", "a#b#", "#"]),
    CODES,
    st.sampled_from(["", "", ":http://internal.amazon.com/coral/com.amazonaws.sso.oidc/", ":", ":#x", ":a:b#c"]),
)  # fmt: skip
ODD: Final = st.sampled_from(
    ["", " ", " FooError", "a b", ":", "#", "a#", ":x", "ü", "x" * 129, "<b>"]
)
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
OTHER: Final = st.sampled_from([*MEMBERS, "x"])
STATUSES: Final = st.sampled_from([400, 400, 401, 403, 404, 429, 500, 503, 599, 999])


@st.composite
def named_errors(draw: st.DrawFn) -> tuple[str | None, Document]:
    """Generate headers and members with at least one valid name in one of its three places."""
    document: Document = draw(st.dictionaries(OTHER, TEXT | st.none()))
    places = draw(st.sets(st.sampled_from(["header", "code", "__type"]), min_size=1))
    for place in sorted(places - {"header"}):
        document[place] = draw(DECORATED)
    order = draw(st.permutations(sorted(document)))
    header = draw(DECORATED) if "header" in places else None
    return header, {name: document[name] for name in order}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_error_with_a_name(name: str, both: Both, tally: Tally) -> None:
    known = KNOWN[both.asked[name].service]

    @example(("InvalidRequestException", dict.fromkeys(MEMBERS, "m")), 400)
    @given(named_errors(), STATUSES)
    def check(made: tuple[str | None, Document], status: int) -> None:
        header, document = made
        given_ = answer(status, document, header)
        mine, error = both.ours(name, given_), both.theirs(name, given_)
        tally.ran()
        theirs = parsed(error)
        assert mine.code == theirs["Error"]["Code"]
        assert mine.status == theirs["ResponseMetadata"]["HTTPStatusCode"]
        # For SSO OIDC, botocore uses the description if there is no message; here it is a separate member.
        described = known is OIDC_ERRORS and "message" not in document
        said = mine.error_description if described else mine.message
        assert (said or "") == (theirs["Error"]["Message"] or "")
        assert isinstance(mine, UnknownServiceError) == (type(error) is ClientError)
        if isinstance(mine, UnknownServiceError):
            return
        assert type(mine) is known[mine.code]
        assert type(mine).__name__ == type(error).__name__
        modelled = both.members_of(name, mine)
        for member in modelled:
            # botocore returns an empty message if there is none; we do not.
            assert (getattr(mine, member) or "") == (theirs.get(member) or "")
        for member in vars(mine).keys() & (set(MEMBERS) - modelled):
            if getattr(mine, member) is not None:
                assert member not in theirs
                tally.differs("every-error-has-the-members-of-all")

    check()


ANY_NAME: Final[st.SearchStrategy[object]] = (
    DECORATED | ODD | st.none() | st.integers() | st.just([])
)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_error_with_any_name_or_none(name: str, both: Both, tally: Tally) -> None:
    known = KNOWN[both.asked[name].service]

    @example("a b", {}, 400)
    @given(
        st.none() | DECORATED | ODD,
        st.fixed_dictionaries(
            {},
            optional={
                "code": ANY_NAME,
                "Code": ANY_NAME,
                "__type": ANY_NAME,
                "error": st.sampled_from([*OAUTH, "brand_new", "no code", "", None]),
            },
        ),
        STATUSES,
    )
    def check(header: str | None, document: Document, status: int) -> None:
        given_ = answer(status, document, header)
        mine, error = both.ours(name, given_), both.theirs(name, given_)
        tally.ran()
        assert is_code(mine.code)
        assert type(mine) is known.get(mine.code, UnknownServiceError)
        if error is None:
            # A number instead of a name.
            return
        theirs = parsed(error)["Error"]["Code"]
        capital = header is None and "code" not in document and document.get("Code") is not None
        nameless = (
            header is None
            and document.get("code", document.get("Code")) is None
            and "__type" not in document
        )
        if not nameless and not is_code(theirs):
            assert mine.code != theirs
            tally.differs("what-cannot-be-a-name-is-none")
        elif capital:
            if mine.code != theirs:
                tally.differs("a-capital-code-is-no-name")
        elif nameless and is_code(document.get("error")):
            assert theirs == str(status)
            assert mine.error == document["error"]
            tally.differs("the-oauth-error-is-a-name")
        else:
            assert mine.code == theirs

    check()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"Message": "m"}, "m"),
        ({"Message": "M", "message": "m"}, "m"),
        ({"message": None, "error_description": "d"}, None),
        ({"message": "", "error_description": "d"}, ""),
    ],
)
def test_where_the_message_is(
    document: Document, message: str | None, both: Both, tally: Tally
) -> None:
    for name in OPERATIONS:
        given_ = answer(403, document, "FooError")
        tally.ran()
        assert both.ours(name, given_).message == message
        assert parsed(both.theirs(name, given_))["Error"]["Message"] == message


@pytest.mark.parametrize("oauth", [*OAUTH, "brand_new", "no code", ""])
@pytest.mark.parametrize("located", [False, True])
def test_an_error_with_an_oauth_code_only(
    oauth: str,
    located: bool,  # noqa: FBT001 - a column of the table
    both: Both,
    tally: Tally,
) -> None:
    """`invalid_request` can be two errors, one of which names another endpoint and region."""
    where = {"endpoint": "https://e.example", "region": "eu-west-1"} if located else {}
    for name in OPERATIONS:
        given_ = answer(400, {"error": oauth, "error_description": "d", **where})
        mine, theirs = both.ours(name, given_), parsed(both.theirs(name, given_))["Error"]
        tally.ran()
        assert (theirs["Code"], mine.error, mine.error_description) == ("400", oauth, "d")
        if not is_code(oauth):
            assert (type(mine), mine.code) == (UnknownServiceError, "400")
            continue
        tally.differs("the-oauth-error-is-a-name")
        if KNOWN[both.asked[name].service] is PORTAL_ERRORS or oauth not in OAUTH:
            assert (type(mine), mine.code) == (UnknownServiceError, oauth)
        elif oauth == "invalid_request":
            assert mine.code == f"InvalidRequest{'Region' if located else ''}Exception"
        else:
            # `slow_down` is SlowDownException: the name cannot be derived from the code.
            words = "internal_server" if oauth == "server_error" else oauth
            assert mine.code == f"{words.title().replace('_', '')}Exception"
        assert type(mine) is KNOWN[both.asked[name].service].get(mine.code, UnknownServiceError)


def test_a_capital_code(both: Both, tally: Tally) -> None:
    for name in OPERATIONS:
        given_ = answer(400, {"Code": "FooError", "__type": "BarError"})
        tally.ran()
        assert both.ours(name, given_).code == "BarError"
        assert parsed(both.theirs(name, given_))["Error"]["Code"] == "FooError"
        tally.differs("a-capital-code-is-no-name")


@pytest.mark.parametrize("status", [400, 403, 500, 503])
@pytest.mark.parametrize("header", [None, "InvalidRequestException", "FooError"])
@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"<html><body>Down</body></html>", b"Down", b'{"error":"slow_down"', b"[]", b"null", b"7", b"\xff"],
    ids=["empty", "blank", "HTML", "word", "cut", "array", "null", "number", "no UTF-8"],
)  # fmt: skip
def test_a_body_that_is_no_object(
    body: bytes, header: str | None, status: int, both: Both, tally: Tally
) -> None:
    for name in OPERATIONS:
        given_ = answer(status, body, header)
        mine, error = both.ours(name, given_), both.theirs(name, given_)
        tally.ran()
        known = KNOWN[both.asked[name].service]
        assert type(mine) is known.get(mine.code, UnknownServiceError)
        assert mine.code == (header or str(status))
        assert mine.message is None
        assert mine.error_description is not None
        if error is None:
            assert body in {b"[]", b"null", b"7", b"\xff"}
            continue
        theirs = parsed(error)["Error"]
        if status >= 500 and header is not None and (not body.strip() or b"<html>" in body):
            assert theirs["Code"] == str(status)
            tally.differs("a-header-names-an-error-under-any-body")
        else:
            assert theirs["Code"] == mine.code
        if theirs["Message"]:
            # The reason phrase, or the whole body.
            assert theirs["Message"] != mine.error_description
            tally.differs("a-body-that-is-no-json-is-an-excerpt")


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 399])
def test_a_redirect(status: int, both: Both, tally: Tally) -> None:
    for name in OPERATIONS:
        for document, header in (({}, None), ({"message": "m"}, None), ({}, "FooError")):
            given_ = answer(status, document, header)
            code = parsed(both.theirs(name, given_)).get("Error", {}).get("Code")
            tally.ran()
            if header is None:
                assert code == (None if status == 300 else str(status))
                with pytest.raises(ResponseParseError):
                    both.asked[name].operation.parse(given_)
                tally.differs("a-redirect-is-no-service-error")
            else:
                # botocore's parser treats 301 and above as errors, its client 300 and above.
                assert (both.ours(name, given_).code, code) == (
                    header,
                    None if status == 300 else header,
                )
                if status == 300:
                    tally.differs("a-redirect-is-no-service-error")


@pytest.mark.parametrize("value", [7, True, {}, [], ["a"], 1.5])
def test_a_member_that_is_no_text(value: object, both: Both, tally: Tally) -> None:
    document = dict.fromkeys(("error", "error_description", "endpoint", "region"), value)
    given_ = answer(400, document, "InvalidRequestRegionException")
    mine, theirs = (
        both.ours("CreateTokenWithIAM", given_),
        parsed(both.theirs("CreateTokenWithIAM", given_)),
    )
    tally.ran()
    for name in document:
        assert (getattr(mine, name), theirs[name]) == (None, value)
    tally.differs("a-member-of-an-error-is-a-text")


@pytest.mark.parametrize(
    ("headers", "ours", "theirs"),
    [
        ({"x-amzn-RequestId": "a-1"}, "a-1", "a-1"),
        ({"X-AMZN-REQUESTID": "a-1", "RequestId": "b"}, "a-1", "a-1"),
        ({}, None, None),
        ({"RequestId": "b-2"}, "b-2", None),
        ({"x-amzn-RequestId": ""}, None, ""),
        ({"x-amzn-RequestId": "x" * 200}, "x" * 127 + "…", "x" * 200),
        ({"x-amzn-RequestId": "asked-token"}, "**********", "asked-token"),
    ],
)
def test_the_request_id(
    headers: dict[str, str], ours: str | None, theirs: str | None, both: Both, tally: Tally
) -> None:
    given_ = HttpResponse(401, {**headers, "x-amzn-ErrorType": "UnauthorizedException"}, b"{}")
    mine = both.ours("Logout", given_)
    assert mine.request_id == ours
    assert parsed(both.theirs("Logout", given_))["ResponseMetadata"].get("RequestId") == theirs
    tally.ran()
    if ours != theirs:
        tally.differs(
            "the-portal-s-request-id" if theirs is None else "a-request-id-is-fit-to-print"
        )


def test_secrets_that_an_error_gives_back(both: Both, tally: Tally) -> None:
    document = {"error": "invalid_grant", "error_description": "asked-refresh is unknown"}
    given_ = answer(400, document, "InvalidGrantException")
    tally.ran()
    theirs = parsed(both.theirs("CreateToken", given_))
    assert theirs["error_description"] == "asked-refresh is unknown"
    assert both.ours("CreateToken", given_).error_description == "********** is unknown"
    tally.differs("an-error-s-texts-have-no-secrets")
