"""`ssooidc_emulator._iam.signatures` against independent signers: botocore's cases, and the core."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import Credentials, HttpRequest
from ssooidc_core._sigv4 import sign
from ssooidc_emulator import AccessKey
from ssooidc_emulator._iam.signatures import Signer, verify
from ssooidc_emulator._oidc.refusals import MessageRefusal

if TYPE_CHECKING:
    from tests.conftest import SignedCase

WHEN: Final = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)

Case = tuple[HttpRequest, datetime, Callable[[str], AccessKey | None], str, str]


def case_of(case: SignedCase) -> Case:
    key = AccessKey(
        access_key_id=case.access_key_id,
        secret_access_key=case.secret_access_key,
        session_token=case.session_token,
    )
    request = HttpRequest("POST", case.url, case.headers | case.added, case.body)
    return request, case.moment, {key.access_key_id: key}.get, case.service, case.region


@pytest.fixture(scope="module")
def cases(signed_cases: list[SignedCase]) -> list[Case]:
    return [case_of(case) for case in signed_cases]


def test_what_botocore_signed_is_verified(cases: list[Case]) -> None:
    assert len(cases) == 24
    for request, when, find, service, region in cases:
        outcome = verify(request, find_key=find, service=service, now=when)
        assert outcome == Signer(access_key_id="AKIDEXAMPLE", region=region)


@given(data=st.data())
def test_with_one_bit_changed_nothing_is_verified(cases: list[Case], data: st.DataObject) -> None:
    """A bit of the method, the target, the body, or any header that is signed or part of the signature."""
    request, when, find, service, _ = data.draw(st.sampled_from(cases))
    # As on the wire: a server does not see the URL, only Host.
    parts = urlsplit(request.url)
    fields = [*request.headers.fields, ("Host", parts.netloc)]
    signed_names = request.headers["authorization"].partition("SignedHeaders=")[2].split(",")[0]
    counted = {*signed_names.split(";"), "authorization"}
    places = ["method", "target", "body"]
    places += [name for name, _ in fields if name.lower() in counted]
    place = data.draw(st.sampled_from(places))

    def flipped(raw: bytes) -> bytes:
        at = data.draw(st.integers(0, 8 * len(raw) - 1))
        return bytes(
            octet ^ (1 << at % 8) if index == at // 8 else octet for index, octet in enumerate(raw)
        )

    def flipped_text(text: str) -> str:
        return flipped(text.encode("latin-1")).decode("latin-1")

    target = f"{parts.path}?{parts.query}"
    fields = [(n, flipped_text(v) if n == place else v) for n, v in fields]
    broken = HttpRequest(
        flipped_text(request.method) if place == "method" else request.method,
        f"https://h{flipped_text(target) if place == 'target' else target}",
        tuple(fields),
        flipped(request.body) if place == "body" else request.body,
    )
    whole = HttpRequest(
        request.method,
        f"https://h{target}",
        (*request.headers.fields, ("Host", parts.netloc)),
        request.body,
    )
    assert isinstance(verify(whole, find_key=find, service=service, now=when), Signer)
    outcome = verify(broken, find_key=find, service=service, now=when)
    assert isinstance(outcome, MessageRefusal), (place, broken.url, broken.headers.fields)


@given(
    names=st.lists(st.sampled_from(["a", "b-c", "x-amz-z", "User-Agent"]), max_size=4),
    value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)),
    body=st.binary(),
    query=st.text("ab=&%2", max_size=12),
)
def test_the_core_and_the_emulator_agree(
    names: list[str], value: str, body: bytes, query: str
) -> None:
    fields = tuple((name, value) for name in names)
    request = sign(
        HttpRequest("POST", f"https://h.example/token?{query}", fields, body),
        credentials=Credentials.of("AKIDEXAMPLE", "secret"),
        region="us-east-1",
        service="sso-oauth",
        now=WHEN,
    )
    key = AccessKey(access_key_id="AKIDEXAMPLE", secret_access_key="secret")
    keys = {key.access_key_id: key}
    outcome = verify(request, find_key=keys.get, service="sso-oauth", now=WHEN)
    assert outcome == Signer(access_key_id="AKIDEXAMPLE", region="us-east-1")
