"""Every request to the portal gets a response in the portal's form, which reveals nothing."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

PORTAL: Final = "https://portal.sso.us-east-1.amazonaws.com"
NOW: Final = VirtualClock().now()
CENTER: Final = IdentityCenter(entropy=seeded_entropy("any request"))
CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"

PATHS: Final = st.sampled_from(
    ["/federation/credentials", "/assignment/accounts", "/assignment/roles", "/logout"]
)
METHODS: Final = st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "HEAD"]) | st.text(max_size=5)
NAMES: Final = st.sampled_from(["account_id", "role_name", "max_result", "next_token"]) | st.text()
VALUES: Final = st.sampled_from(["123456789012", "ReadOnly", "1", "100"]) | st.text()
HEADERS: Final = st.tuples(
    st.sampled_from(["x-amz-sso_bearer_token", "Origin", "Sec-Fetch-Site", "Cookie"]) | st.text(),
    st.text(),
)


def signed_in() -> str:
    def post(path: str, members: dict[str, object]) -> dict[str, str]:
        url = f"https://oidc.us-east-1.amazonaws.com{path}"
        outcome = CENTER.handle(HttpRequest("POST", url, (), json.dumps(members).encode()), NOW)
        assert isinstance(outcome, HttpResponse)
        members_out: dict[str, str] = json.loads(outcome.body)
        return members_out

    made = post("/client/register", {"clientName": "tool", "clientType": "public"})
    client: dict[str, object] = {"clientId": made["clientId"], "clientSecret": made["clientSecret"]}
    login = post("/device_authorization", client | {"startUrl": CENTER.start_url})
    CENTER.approve(login["userCode"])
    grant = {"grantType": CODE, "deviceCode": login["deviceCode"]}
    return post("/token", client | grant)["accessToken"]


TOKEN: Final = signed_in()


def answer_to(method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> HttpResponse:
    outcome = CENTER.handle(HttpRequest(method, url, headers, body), NOW)
    assert isinstance(outcome, HttpResponse)
    assert outcome.headers["content-length"] == str(len(outcome.body))
    return outcome


@given(METHODS, PATHS, st.text(), st.lists(HEADERS, max_size=5), st.binary())
def test_anything_without_a_token(
    method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    answer = answer_to(method, f"{PORTAL}{path}?{query}", headers, body)
    members = json.loads(answer.body)
    assert list(members) == ["message", "__type"]
    assert answer.status in {401, 403, 405}
    assert answer.headers["Server"] == "AWS SSO"


@given(
    PATHS.filter(lambda path: path != "/logout"),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
    st.binary(),
)
def test_anything_with_a_token(path: str, parameters: list[tuple[str, str]], body: bytes) -> None:
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in parameters)
    bearer = [("x-amz-sso_bearer_token", TOKEN)]
    answer = answer_to("GET", f"{PORTAL}{path}?{query}", bearer, body)
    first = dict(reversed(parameters))
    account_id = first.get("account_id", "")
    if path == "/federation/credentials":
        is_role = (account_id, first.get("role_name")) == ("123456789012", "ReadOnly")
        assert (answer.status == 200) == is_role
    elif path == "/assignment/accounts":
        assert answer.status in {200, 400}
    elif answer.status == 200:
        assert account_id == "123456789012"
    assert TOKEN.encode() not in answer.body
    assert (answer.status == 200) != (b'"__type"' in answer.body)
