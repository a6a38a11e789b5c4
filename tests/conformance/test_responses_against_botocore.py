"""Successful responses: the members match those of botocore's client for the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from ssooidc_core import HttpResponse, ResponseParseError
from ssooidc_core._model import to_json

if TYPE_CHECKING:
    from botocore.model import ListShape, Shape, StructureShape

    from tests.conformance.conftest import Asked, BotocoreWire, Tally

GROUP: Final = "responses"
JSON: Final = {"Content-Type": "application/json"}
MASK: Final = "**********"

Document: TypeAlias = dict[str, Any]

WITH_OUTPUT: Final = (
    "RegisterClient", "StartDeviceAuthorization", "CreateToken", "CreateTokenWithIAM",
    "GetRoleCredentials", "ListAccounts", "ListAccountRoles",
)  # fmt: skip
# The essential members of a response; the service's model requires none.
ESSENTIAL: Final = {
    "RegisterClientResponse": {"clientId", "clientSecret"},
    "StartDeviceAuthorizationResponse": {"deviceCode", "userCode", "verificationUri"},
    "CreateTokenResponse": {"accessToken"},
    "CreateTokenWithIAMResponse": {"accessToken"},
    "GetRoleCredentialsResponse": {"roleCredentials"},
    "RoleCredentials": {"accessKeyId", "secretAccessKey", "sessionToken"},
    "AccountInfo": {"accountId"},
    "RoleInfo": {"roleName"},
}
SECRETS: Final = {
    "accessToken", "clientSecret", "deviceCode", "idToken", "identityContext",
    "refreshToken", "secretAccessKey", "sessionToken",
}  # fmt: skip
# 9999-12-31T23:59:59Z, the last second of Python's datetime; otherwise the maximum of 32 bits.
LARGEST: Final = {
    "clientIdIssuedAt": 253_402_300_799,
    "clientSecretExpiresAt": 253_402_300_799,
    "expiration": 253_402_300_799_999,
}
# RFC 8628 section 3.2 for the interval; the service's own value for the lifetime.
DEFAULTS: Final = {
    ("StartDeviceAuthorizationResponse", "interval"): (5, "the-interval-is-5-by-default"),
    ("StartDeviceAuthorizationResponse", "expiresIn"): (600, "a-device-code-lives-600-s"),
}


@dataclass(frozen=True)
class Both:
    """Both parsers of responses."""

    asked: dict[str, Asked]
    wires: dict[str, BotocoreWire]

    def output(self, name: str) -> StructureShape:
        shape = self.wires[self.asked[name].service].model.operation_model(name).output_shape
        assert shape is not None
        return shape

    def theirs(self, name: str, answer: HttpResponse) -> Document | None:
        """Return the members as botocore reads them; `None` if it fails with an exception of Python."""
        asked = self.asked[name]
        try:
            parsed = self.wires[asked.service].answer(name, asked.parameters, answer)
        except ClientError:
            return None
        # An array for an object, a string for a number, bytes that are not UTF-8: exceptions from Python itself.
        except (AttributeError, OverflowError, RecursionError, TypeError, ValueError):
            return None
        return {member: value for member, value in parsed.items() if member != "ResponseMetadata"}

    def ours(self, name: str, answer: HttpResponse) -> Document | None:
        """Return the members that are present, with secrets unmasked; `None` if the response is refused."""
        try:
            model = cast("BaseModel | None", self.asked[name].operation.parse(answer))
        except ResponseParseError:
            return None
        return {} if model is None else cast("Document", json.loads(to_json(model)))


@pytest.fixture(scope="session")
def both(asked: dict[str, Asked], wires: dict[str, BotocoreWire]) -> Both:
    return Both(asked, wires)


def test_every_operation_with_an_output_is_here(both: Both) -> None:
    models = {name: both.wires[each.service].model for name, each in both.asked.items()}
    outputs = {name for name, model in models.items() if model.operation_model(name).output_shape}
    assert outputs == set(WITH_OUTPUT)


def refusals(shape: Shape, name: str, value: object) -> Iterator[str]:
    """Return the names of the reasons for which a value that is present is refused."""
    if type(value) not in TYPES.get(shape.type_name, (bool, int, float)):
        yield "members-have-their-types"
    elif shape.type_name == "structure":
        for member, inner in cast("StructureShape", shape).members.items():
            item = cast("Document", value).get(member)
            if item is not None:
                yield from refusals(inner, f"{shape.name}.{member}", item)
            elif member in ESSENTIAL.get(shape.name, ()):
                yield "essential-members-are-there"
    elif shape.type_name == "list":
        for item in cast("list[object]", value):
            yield from refusals(cast("ListShape", shape).member, name, item)
    elif shape.type_name == "string":
        if value == MASK and name.rpartition(".")[2] in SECRETS:
            yield "the-mask-is-no-token"
    else:
        yield from number_refusals(name, cast("float", value))


TYPES: Final = {"structure": (dict,), "list": (list,), "string": (str,)}


def number_refusals(name: str, value: float) -> Iterator[str]:
    shape, _, member = name.partition(".")
    if (shape, member) in DEFAULTS and value < 1:
        return
    if type(value) is float and not value.is_integer():
        yield "integers-are-whole"
    elif not 0 <= value <= LARGEST.get(member, 2**31 - 1):
        yield "integers-are-bounded"


def defaults(shape: StructureShape, parsed: Document) -> Iterator[str]:
    """Insert our defaults for absent members, in place, and return the name of each difference."""
    for member, inner in shape.members.items():
        where, value = (shape.name, member), parsed.get(member)
        if where in DEFAULTS and (value is None or value < 1):
            parsed[member], name = DEFAULTS[where]
            yield name
        elif inner.type_name in {"integer", "long"} and value is None:
            parsed[member] = 0
            yield "an-absent-integer-is-0"
        elif inner.type_name == "list" and value is None and member != "scope":
            parsed[member] = []
            yield "an-absent-page-is-empty"
        elif inner.type_name == "structure" and value is not None:
            yield from defaults(cast("StructureShape", inner), value)


TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WHOLE: Final = st.integers(0, 2**31 - 1) | st.integers(0, 253_402_300_799) | st.integers(0, 3)
NUMBER: Final = (
    WHOLE
    | st.integers()
    | st.floats(allow_infinity=False)
    | st.just(math.inf)
    | st.booleans()
    | st.just(10**400)
)
ANY_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def documents(draw: st.DrawFn, shape: StructureShape) -> Document:
    """Generate a response: in most, every member is valid, null or absent; in some, one or two are invalid."""
    document: Document = draw(st.dictionaries(st.sampled_from(["x", "__type", "X"]), ANY_JSON))
    for member, inner in shape.members.items():
        essential = member in ESSENTIAL.get(shape.name, ())
        match "good" if essential else draw(st.sampled_from(["good", "good", "null", "absent"])):
            case "good":
                document[member] = draw(good_values(inner))
            case "null":
                document[member] = None
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        member = draw(st.sampled_from(sorted(shape.members)))
        number = shape.members[member].type_name in {"integer", "long"}
        # Strings for numbers have a separate test.
        spoiled = draw(st.none() | (NUMBER if number else ANY_JSON | st.just(MASK)))
        if spoiled is None and draw(st.booleans()):
            document.pop(member, None)
        else:
            document[member] = spoiled
    return document


def good_values(shape: Shape) -> st.SearchStrategy[Any]:
    match shape.type_name:
        case "structure":
            return documents(cast("StructureShape", shape))
        case "list":
            return st.lists(good_values(cast("ListShape", shape).member), max_size=3)
        case "string":
            return TEXT
        case _:
            return WHOLE


# Valid for every operation: unknown members of a response are ignored.
USUAL: Final[Document] = {
    **dict.fromkeys([member for members in ESSENTIAL.values() for member in members], "a"),
    "roleCredentials": dict.fromkeys(ESSENTIAL["RoleCredentials"], "a"),
}


@pytest.mark.parametrize("name", WITH_OUTPUT)
def test_any_members(name: str, both: Both, tally: Tally) -> None:
    shape = both.output(name)

    @example(USUAL, 200, "ascii")
    @example({}, 200, "ascii")
    @example(USUAL | dict.fromkeys(SECRETS, MASK), 200, "ascii")
    @example(dict.fromkeys(USUAL, 7), 200, "ascii")
    @given(
        documents(shape), st.sampled_from([200, 200, 201, 299]), st.sampled_from(["ascii", "utf-8"])
    )
    def check(document: Document, status: int, encoding: str) -> None:
        body = json.dumps(document, ensure_ascii=encoding == "ascii").encode()
        answer = HttpResponse(status, JSON, body)
        expected, mine = both.theirs(name, answer), both.ours(name, answer)
        tally.ran()
        reasons = set(refusals(shape, "", document))
        assert (mine is None) == bool(reasons)
        if expected is None:
            assert reasons
        elif reasons:
            for reason in reasons:
                tally.differs(reason)
        else:
            for default in set(defaults(shape, expected)):
                tally.differs(default)
            assert mine == expected

    check()


GOOD: Final = b'{"accessToken":"a","x":1}'
BROKEN: Final = {
    "empty": b"",
    "blank": b" ",
    "cut": GOOD[:-1],
    "twice": GOOD + GOOD,
    "a word": b"OK",
    "HTML": b"<html><body>Sign in</body></html>",
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "single quotes": b"{'accessToken':'a'}",
    "trailing comma": b'{"accessToken":"a",}',
    "control character": b'{"accessToken":"a\n"}',
    "4,301 digits": b'{"accessToken":"a","x":' + b"1" * 4301 + b"}",
}
UNREADABLE: Final = {
    **{text: text.encode() for text in ("[]", '"a"', "7", "null", "true")},
    "Latin-1": b'{"accessToken":"\xff"}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_success_that_is_no_json(body: bytes, both: Both, tally: Tally) -> None:
    for name in both.asked:
        answer = HttpResponse(200, JSON, body)
        tally.ran()
        assert both.theirs(name, answer) == {}
        if name == "Logout" and not body:
            assert both.ours(name, answer) == {}
        else:
            assert both.ours(name, answer) is None
            tally.differs("a-success-is-json")


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_success_that_neither_reads(body: bytes, both: Both, tally: Tally) -> None:
    for name in both.asked:
        answer = HttpResponse(200, JSON, body)
        tally.ran()
        assert both.ours(name, answer) is None
        # For an operation without output members, botocore ignores the body.
        assert both.theirs(name, answer) == ({} if name == "Logout" else None)
        if name == "Logout":
            tally.differs("a-success-is-json")


@pytest.mark.parametrize(
    ("content_type", "is_json"),
    [
        (None, True),
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON ;x", True),
        ("application/x-amz-json-1.1", False),
        ("text/json", True),
        ("application/problem+json", True),
        ("text/html", False),
        ("text/plain; charset=utf-8", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_the_content_type_of_a_success(
    content_type: str | None,
    is_json: bool,  # noqa: FBT001 - a column of the table
    both: Both,
    tally: Tally,
) -> None:
    answer = HttpResponse(200, {} if content_type is None else {"content-TYPE": content_type}, GOOD)
    expected = both.theirs("CreateToken", answer)
    assert expected == {"accessToken": "a"}
    tally.ran()
    if is_json:
        assert both.ours("CreateToken", answer) == {**expected, "expiresIn": 0}
    else:
        assert both.ours("CreateToken", answer) is None
        tally.differs("a-success-says-that-it-is-json")


@pytest.mark.parametrize("status", [100, 101, 103, 199, 300])
def test_a_status_that_is_no_success(status: int, both: Both, tally: Tally) -> None:
    answer = HttpResponse(status, JSON, GOOD)
    tally.ran()
    assert both.ours("CreateToken", answer) is None
    if status < 200:
        assert both.theirs("CreateToken", answer) == {"accessToken": "a"}
        tally.differs("a-success-is-2xx")
    else:
        assert both.theirs("CreateToken", answer) is None


def test_names_in_python_s_manner(both: Both, tally: Tally) -> None:
    """If the name on the wire is there as well, it is read, as by botocore."""
    for text, reads in (
        ('{"access_token":"a"}', True),
        ('{"access_token":"b","accessToken":"a"}', False),
        ('{"accessToken":"a","access_token":"b"}', False),
    ):
        answer = HttpResponse(200, JSON, text.encode())
        tally.ran()
        mine = both.ours("CreateToken", answer)
        assert mine == {"accessToken": "a", "expiresIn": 0}
        if reads:
            assert both.theirs("CreateToken", answer) == {}
            tally.differs("python-s-names-are-read")
        else:
            assert both.theirs("CreateToken", answer) == {"accessToken": "a"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        *[("0", 0), ("7", 7), ("007", 7), (" 7 ", 7), ("+7", 7), ("-0", 0), ("7_0", 70)],
        *[(bad, None) for bad in ("", "x", "7.5", "1e3", "0x7", "-7", str(2**31))],
        *[("7.0", 7), ("\u0667", None)],
    ],
)
def test_a_text_for_an_integer(text: str, read: int | None, both: Both, tally: Tally) -> None:
    body = json.dumps({"accessToken": "a", "expiresIn": text}).encode()
    answer = HttpResponse(200, JSON, body)
    expected, mine = both.theirs("CreateToken", answer), both.ours("CreateToken", answer)
    tally.ran()
    assert mine == (None if read is None else {"accessToken": "a", "expiresIn": read})
    if text in {"-7", str(2**31)}:
        assert expected == {"accessToken": "a", "expiresIn": int(text)}
        tally.differs("integers-are-bounded")
    elif text in {"7.0", "\u0667"}:
        assert (mine is None) == (expected is not None)
        tally.differs("a-text-for-an-integer")
    else:
        assert mine == expected


@pytest.mark.parametrize("number", ["7.5", "1e-9", "NaN", "Infinity", "1e400", "-0.5"])
def test_a_number_with_a_fraction(number: str, both: Both, tally: Tally) -> None:
    answer = HttpResponse(200, JSON, f'{{"accessToken":"a","expiresIn":{number}}}'.encode())
    tally.ran()
    assert both.ours("CreateToken", answer) is None
    value = float(number)
    if math.isfinite(value):
        assert both.theirs("CreateToken", answer) == {"accessToken": "a", "expiresIn": int(value)}
        tally.differs("integers-are-whole")
    else:
        assert both.theirs("CreateToken", answer) is None


def test_a_lone_surrogate(both: Both, tally: Tally) -> None:
    for body in (b'{"accessToken":"\\ud800"}', b'{"accessToken":"a","x":"\\udfff"}'):
        answer = HttpResponse(200, JSON, body)
        tally.ran()
        assert both.ours("CreateToken", answer) is None
        assert both.theirs("CreateToken", answer) is not None
        tally.differs("an-answer-is-unicode")
