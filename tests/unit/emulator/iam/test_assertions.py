"""Assertions of trusted token issuers: which are accepted, how often, and for which user (RFC 7523 section 3)."""

from __future__ import annotations

import base64
import dataclasses
import json
import secrets
from collections.abc import Callable
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, TrustedTokenIssuer, User
from ssooidc_emulator._iam.assertions import Assertions
from ssooidc_emulator._iam.tokens import JWT_BEARER
from ssooidc_transports.testing import VirtualClock

ARN: Final = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-2222222222222222"
OTHER: Final = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-3333333333333333"
NOW: Final = 1767225600
INVALID_GRANT: Final = b'{"error":"invalid_grant","error_description":"Invalid grant provided"}'

Exchange = Callable[..., HttpResponse]
Make = Callable[..., str]


@pytest.fixture
def exchange(iam_center: IdentityCenter, ask_iam: Callable[..., HttpResponse]) -> Exchange:
    """Exchange an assertion and return the response, which is a success or an `invalid_grant`."""

    def call(text: str, arn: str = ARN) -> HttpResponse:
        grant = {"clientId": arn, "grantType": JWT_BEARER, "assertion": text}
        answer = ask_iam(iam_center, grant)
        if answer.status != 200:
            assert (answer.status, answer.body) == (400, INVALID_GRANT)
        return answer

    return call


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"iat": None},
        {"nbf": NOW},
        {"exp": NOW + 1},
        {"exp": NOW + 0.5},
        {"exp": 10**400},
        {"aud": ["else", "aud-of-app", 1, None]},
        {"jti": "one"},
        {"jti": 1},
        {"sub": "anything", "unknown": {"claims": ["are", "ignored"]}},
    ],
)
def test_what_is_taken(exchange: Exchange, assertion: Make, claims: dict[str, Any]) -> None:
    text = assertion(**claims)
    assert exchange(text).status == 200
    # Once.
    assert exchange(text).status == 400
    assert exchange(text, OTHER).status == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": None},
        {"iss": "https://issuer.example/"},
        {"iss": ["https://issuer.example"]},
        {"aud": None},
        {"aud": "else"},
        {"aud": "AUD-OF-APP"},
        {"aud": []},
        {"aud": {"aud-of-app": 1}},
        {"aud": [["aud-of-app"]]},
        {"exp": None},
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": str(NOW + 60)},
        {"exp": True},
        {"exp": [NOW + 60]},
        {"exp": float("inf")},
        {"nbf": NOW + 1},
        {"nbf": "0"},
        {"iat": NOW + 1},
        {"iat": False},
        {"email": None},
        {"email": "nobody@corp.example"},
        {"email": ["jane@corp.example"]},
    ],
)
def test_claims_that_are_refused(
    exchange: Exchange, assertion: Make, claims: dict[str, Any]
) -> None:
    assert exchange(assertion(**claims)).status == 400


def test_a_time_without_end_is_none(exchange: Exchange, assertion: Make, issuer_key: ECKey) -> None:
    _, payload, _ = assertion().split(".")
    claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    # It overflows to infinity, although it is a valid number in JSON.
    endless = claims.replace(f'"exp": {NOW + 300}', '"exp": 1e999')
    assert endless != claims
    usual = {"alg": "ES256", "kid": "one"}
    assert exchange(by_hand(issuer_key, usual, encoded(endless.encode()))).status == 400
    assert exchange(by_hand(issuer_key, usual, encoded(claims.encode()))).status == 200


def test_two_users_of_one_address_are_none(
    iam_center: IdentityCenter, exchange: Exchange, assertion: Make
) -> None:
    iam_center.directory.add_user("jane2", email="jane@corp.example")
    assert exchange(assertion()).status == 400


def test_a_used_identifier_is_used_for_its_issuer(
    iam_center: IdentityCenter, exchange: Exchange, assertion: Make, clock: VirtualClock
) -> None:
    assert exchange(assertion(jti="one")).status == 200
    assert exchange(assertion(jti="one", exp=NOW + 200)).status == 400
    assert exchange(assertion(jti="two")).status == 200
    issuer = iam_center.directory.trusted_token_issuer("https://issuer.example")
    assert issuer is not None
    other = dataclasses.replace(issuer, issuer_url="https://other.example")
    iam_center.directory.add_trusted_token_issuer(other)
    assert exchange(assertion(jti="one", iss="https://other.example")).status == 200
    # For as long as the first one was valid.
    clock.advance(301)
    assert exchange(assertion(jti="one")).status == 200


# FIPS 186-5 and SEC 2, curve P-256
ORDER_OF_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def by_hand(key: ECKey, header: dict[str, Any], payload: str) -> str:
    """Sign values that no library would."""
    signing_input = f"{encoded(header)}.{payload}"
    private = key.private_key
    assert private is not None
    r, s = decode_dss_signature(private.sign(signing_input.encode(), ECDSA(SHA256())))
    return f"{signing_input}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def test_another_signature_of_the_same_claims_is_no_other_assertion(
    exchange: Exchange, assertion: Make
) -> None:
    """If (r, s) is a valid ECDSA signature, so is (r, -s), which can be computed without the key."""
    first, other = assertion(), assertion()
    signed, _, signature = other.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    s = ORDER_OF_P256 - int.from_bytes(raw[32:], "big")
    negated = f"{signed}.{encoded(raw[:32] + s.to_bytes(32, 'big'))}"
    assert negated != other
    assert exchange(negated).status == 200
    for text in (negated, other, first):
        assert exchange(text).status == 400


def test_an_assertion_that_was_refused_is_not_used_up(
    iam_center: IdentityCenter, exchange: Exchange, assertion: Make, ask_iam: Exchange
) -> None:
    text = assertion()
    grant = {"clientId": ARN, "grantType": JWT_BEARER, "assertion": text, "scope": ["else"]}
    refused = ask_iam(iam_center, grant)
    assert json.loads(refused.body)["error"] == "invalid_scope"
    assert exchange(text).status == 200


@pytest.mark.parametrize("attribute", ["email", "name", "user_id"])
def test_a_claim_is_matched_with_an_attribute(
    iam_center: IdentityCenter, exchange: Exchange, assertion: Make, attribute: str
) -> None:
    issuer = iam_center.directory.trusted_token_issuer("https://issuer.example")
    jane = iam_center.directory.user("jane")
    assert issuer is not None
    assert isinstance(jane, User)
    matched = dataclasses.replace(issuer, claim="who", attribute=attribute)
    iam_center.directory.add_trusted_token_issuer(matched)
    assert exchange(assertion(who=getattr(jane, attribute))).status == 200
    assert exchange(assertion(jti="1")).status == 400


# Keys and algorithms


def test_another_key_of_the_same_id(exchange: Exchange, assertion: Make) -> None:
    stranger = ECKey.generate_key("P-256")
    assert exchange(assertion(key=stranger)).status == 400


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_rsa(
    iam_center: IdentityCenter, exchange: Exchange, assertion: Make, rsa_key: RSAKey, algorithm: str
) -> None:
    """Keys of a set that are not usable are ignored (RFC 7517 section 5)."""
    keys: list[object] = [
        "nothing",
        {"kty": "RSA", "kid": "two"},
        {"kty": "EC", "crv": "none"},
        {"kty": "new", "kid": "two"},
        rsa_key.as_dict(private=False),
    ]
    trust(iam_center, {"keys": keys})
    header = {"alg": algorithm, "kid": "two"}
    assert exchange(assertion(key=rsa_key, header=header)).status == 200
    assert exchange(assertion(jti="1")).status == 400
    assert exchange(assertion(jti="2", key=rsa_key, header=header | {"kid": "one"})).status == 400


@pytest.fixture(scope="session")
def rsa_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"}, private=True)


def trust(center: IdentityCenter, key_set: object) -> None:
    text = key_set if isinstance(key_set, str) else json.dumps(key_set)
    issuer = TrustedTokenIssuer(issuer_url="https://issuer.example", key_set=text)
    center.directory.add_trusted_token_issuer(issuer)


def test_without_a_key_id_each_key_is_tried(
    iam_center: IdentityCenter,
    exchange: Exchange,
    assertion: Make,
    rsa_key: RSAKey,
    issuer_key: ECKey,
) -> None:
    keys = [each.as_dict(private=False) for each in (rsa_key, issuer_key)]
    trust(iam_center, {"keys": keys})
    assert exchange(assertion(header={"kid": None})).status == 200
    trust(iam_center, {"keys": keys[:1]})
    assert exchange(assertion(header={"kid": None}, jti="1")).status == 400


@pytest.mark.parametrize(
    "key_set", ["", "{}", "[]", "no JSON", "[" * 100_000, '{"keys":{}}', '{"keys":[1]}']
)
def test_an_issuer_without_usable_keys(
    iam_center: IdentityCenter, exchange: Exchange, assertion: Make, key_set: str
) -> None:
    trust(iam_center, key_set)
    assert exchange(assertion()).status == 400


def test_a_public_key_is_no_secret(
    iam_center: IdentityCenter, exchange: Exchange, assertion: Make, issuer_key: ECKey
) -> None:
    """RFC 8725 section 2.1: neither unsigned, nor signed with a value that is public."""
    _, payload, signature = assertion().split(".")
    for algorithm in ("none", "None", "ES256K", "", None, ["ES256"]):
        header = encoded({"alg": algorithm, "kid": "one"})
        for end in ("", signature):
            assert exchange(f"{header}.{payload}.{end}").status == 400
    public = issuer_key.as_pem(private=False)
    oct_key = OctKey.import_key(base64.b64encode(public))
    trust(iam_center, {"keys": [issuer_key.as_dict(private=False), oct_key.as_dict()]})
    for kid in ("one", None):
        forged = assertion(key=oct_key, header={"alg": "HS256", "kid": kid})
        assert exchange(forged).status == 400


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT", "x5t": "abc", "new": 1},
        {"typ": "at+jwt", "x5c": ["A" * 2000]},
    ],
)
def test_header_parameters_that_are_ignored(
    exchange: Exchange, assertion: Make, header: dict[str, Any]
) -> None:
    """RFC 7515 section 4."""
    assert exchange(assertion(header=header)).status == 200


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"b64": True}, {"kid": 1}])
def test_header_parameters_that_are_not(
    exchange: Exchange, assertion: Make, issuer_key: ECKey, header: dict[str, Any]
) -> None:
    """RFC 7515 section 4.1.11, RFC 7797 section 3."""
    payload = assertion().split(".")[1]
    usual = {"alg": "ES256", "kid": "one"}
    assert exchange(by_hand(issuer_key, usual | header, payload)).status == 400
    # Without them, it is valid.
    assert exchange(by_hand(issuer_key, usual, payload)).status == 200


# Anything at all


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        f"{encoded([])}.{encoded({})}.x",
        f"{encoded({})}.{encoded(1)}.x",
        f"{encoded({'alg': 'ES256'})}.{encoded(b'{{')}.x",
        f"{encoded({'alg': 'ES256'})}.{encoded(b'[' * 20_000)}.x",
        "a" * 70_000 + ".b.c",
    ],
)
def test_what_is_no_assertion(exchange: Exchange, text: str) -> None:
    assert exchange(text).status == 400


def test_a_signature_is_written_in_one_alphabet(
    iam_center: IdentityCenter, assertion: Make, clock: VirtualClock
) -> None:
    """Some decoders read `+` and `/` where base64url has `-` and `_`."""
    application = iam_center.directory.application(ARN)
    assert application is not None
    now = clock.now().wall.timestamp()
    texts = (assertion() for _ in range(100))
    text = next(each for each in texts if {"-", "_"} & set(each.rpartition(".")[2]))
    signed, _, signature = text.rpartition(".")
    other = f"{signed}.{signature.replace('-', '+').replace('_', '/')}"
    assert Assertions(iam_center.directory).check(other, application, now) is None
    assert Assertions(iam_center.directory).check(text, application, now) is not None


def test_nothing_of_an_assertion_may_change(
    iam_center: IdentityCenter, assertion: Make, clock: VirtualClock
) -> None:
    text = assertion()
    application = iam_center.directory.application(ARN)
    assert application is not None
    checker, now = Assertions(iam_center.directory), clock.now().wall.timestamp()
    assert checker.check(text, application, now) is not None
    # The last character of each part may contain bits that have no meaning.
    parts = text.split(".")
    padding = {len(parts[0]) - 1, len(parts[0]) + len(parts[1]), len(text) - 1}
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n"
    for at, character in enumerate(text):
        other = alphabet[(alphabet.index(character) + 1 + at) % len(alphabet)]
        if other != character and at not in padding:
            changed = text[:at] + other + text[at + 1 :]
            assert checker.check(changed, application, now) is None, (at, other)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
names = st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "jti", "email", "alg", "kid", "x"])
objects = st.dictionaries(names, json_values | st.sampled_from(["ES256", "https://issuer.example"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(header=objects, claims=objects, signature=st.binary(max_size=80))
def test_any_parts_get_an_answer(
    exchange: Exchange, header: dict[str, Any], claims: dict[str, Any], signature: bytes
) -> None:
    """The check: nothing is granted without the key."""
    text = f"{encoded(header)}.{encoded(claims)}.{encoded(signature)}"
    assert exchange(text).status == 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(claims=objects)
def test_any_claims_of_the_issuer_get_an_answer(
    exchange: Exchange, assertion: Make, claims: dict[str, Any]
) -> None:
    """The check: jane is granted a token once, and only if no relevant claim was changed."""
    # A new one each time.
    text = assertion(**claims, nonce=secrets.token_hex(8))
    granted = exchange(text).status == 200
    changed = {name: each for name, each in claims.items() if each is not None}
    if granted:
        assert changed.get("iss", "https://issuer.example") == "https://issuer.example"
        assert {"aud", "email"}.isdisjoint(changed)
        assert float(changed.get("exp", NOW + 1)) > NOW
        assert max(changed.get("nbf", NOW), changed.get("iat", NOW)) <= NOW
        assert exchange(text).status == 400
    elif claims.keys() <= {"alg", "kid", "x"}:
        pytest.fail("no relevant claim was changed")
