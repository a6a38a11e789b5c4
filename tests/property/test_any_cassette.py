"""Any exchange with canaries in its secrets: none reaches the file, and the recording replays."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_transports.cassettes import RecordingTransport, ReplayTransport
from ssooidc_transports.cassettes._kept_values import KEPT_TEXTS, KNOWN, NEVER_KEPT
from ssooidc_transports.cassettes._scrubbing import Scrubber
from ssooidc_transports.testing import ScriptedTransport

# A search must find it in any case and any encoding, so it has only letters.
CANARY: Final = "zkqxvwpdj"

canaries = st.integers(0, 5).map(lambda number: f"{CANARY}{number}")
canary_urls = st.sampled_from(
    [
        "https://{0}/",
        "https://{0}.awsapps.com/start",
        "https://oidc.{0}.amazonaws.com/token",
        "https://u:{0}@127.0.0.1/",
        "https://127.0.0.1:1/{0}/start",
        "https://127.0.0.1/device?user_code={0}",
        "https://127.0.0.1/?{0}={0}&code={0}",
        "https://view.awsapps.com/start/#/device?user_code={0}",
        "https://view.awsapps.com/#{0}",
        "https://[{0}",
        "urn:{0}",
        "{0}",
    ]
)
canary_texts = st.one_of(
    canaries,
    st.builds(str.format, canary_urls, canaries),
    st.builds("x{}y".format, canaries),
    st.builds('{{"accessToken": "{}"}}'.format, canaries),
)
names_of_secrets = st.sampled_from(sorted(KNOWN - KEPT_TEXTS))
secret_values = st.recursive(
    canary_texts
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(canaries | names_of_secrets, inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def members(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(st.dictionaries(names_of_secrets | canaries, secret_values, max_size=6))
    # A value that is kept contains a secret of the same body, in a form that can be recognized.
    secrets = [
        value
        for name, value in found.items()
        if name in NEVER_KEPT and isinstance(value, str) and CANARY in value
    ]
    quoted = st.sampled_from(secrets).map("quoted {}".format) if secrets else st.just("harmless")
    kept = st.sampled_from(sorted(KEPT_TEXTS))
    return found | draw(st.dictionaries(kept, quoted | st.lists(quoted, max_size=2), max_size=3))


bodies = st.one_of(
    members().map(lambda found: json.dumps(found).encode()),
    st.builds("<html>{}".format, canary_texts).map(str.encode),
    secret_values.map(lambda value: json.dumps([value]).encode()),
    st.just(b""),
)
header_fields = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "authorization",
                "content-type",
                "date",
                "location",
                "set-cookie",
                "x-amz-retry-after",
                "x-amz-security-token",
                "x-amz-sso_bearer_token",
                "x-amzn-errortype",
                "x-amzn-requestid",
                CANARY,
            ]
        ),
        canary_texts,
    ),
    max_size=4,
)
requests = st.builds(
    HttpRequest,
    st.sampled_from(["GET", "POST"]),
    st.builds(str.format, canary_urls, canaries),
    header_fields,
    bodies,
)
answers = st.builds(HttpResponse, st.integers(200, 599), header_fields, bodies)


@given(request=requests, answer=answers)
def test_no_canary_reaches_the_file_and_it_replays(
    request: HttpRequest, answer: HttpResponse
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cassette.json"
        _ = RecordingTransport(ScriptedTransport([answer]), path).send(request)
        text = path.read_text(encoding="utf-8")
        assert CANARY not in text.lower()
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        replay = ReplayTransport(path)
        again = replay.send(request)
        replay.assert_exhausted()
    assert again.status == answer.status
    assert bool(again.body) is bool(answer.body)
    # Absent values, true and false are never secret, and stay unchanged in their places.
    if answer.body.startswith(b"{"):
        assert shape(json.loads(again.body)) == shape(json.loads(answer.body))


def shape(value: object) -> object:
    """Return a value's structure: all strings and numbers are equal, and names have no meaning."""
    if isinstance(value, dict):
        return [shape(each) for each in value.values()]
    if isinstance(value, list):
        return [shape(each) for each in value]
    return value if value is None or isinstance(value, bool) else "something"


@given(found=members())
def test_what_was_scrubbed_is_not_scrubbed_again(found: dict[str, Any]) -> None:
    once = Scrubber().members(found)
    assert Scrubber(replaying=True).members(once) == once


secrets_of_bodies = st.lists(
    st.dictionaries(st.sampled_from(sorted(NEVER_KEPT)), canary_texts, min_size=2), max_size=3
)


@given(bodies=secrets_of_bodies)
def test_the_same_value_has_the_same_placeholder_and_another_value_another(
    bodies: list[dict[str, Any]],
) -> None:
    scrubber = Scrubber()
    pairs = [
        (value, placeholder)
        for found in bodies
        for value, placeholder in zip(found.values(), scrubber.members(found).values(), strict=True)
    ]
    for value, placeholder in pairs:
        assert [each == value for each, _ in pairs] == [each == placeholder for _, each in pairs]
