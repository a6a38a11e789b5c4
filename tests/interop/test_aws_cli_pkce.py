"""`aws sso login` with an authorization code: the CLI opens a browser and listens on a port for the redirect."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from ssooidc_emulator import EmulatorServer

StartAws: TypeAlias = Callable[..., subprocess.Popen[str]]
OpenedUrl: TypeAlias = Callable[[], str]
Asked: TypeAlias = Callable[[], list[str]]

START_URL = "https://d-1234567890.awsapps.com/start"
LOGIN = ("sso", "login", "--sso-session", "emulator")
HIDDEN = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')
SEES_PAGE = ["RegisterClient 200", "AuthorizePage 200"]
# sha1 of `emulator`, the name of the sso-session
TOKEN_FILE = ".aws/sso/cache/7e09d0bb5f4eb56d9b97c579dd7351780613c45b.json"


def decide(browser: httpx.Client, url: str, decision: str) -> str:
    """Open the page, click a button, and return the URL that the browser is redirected to."""
    page = browser.get(url)
    assert page.status_code == 200
    assert "botocore-client-emulator" in page.text
    fields = {name: html.unescape(value) for name, value in HIDDEN.findall(page.text)}
    parts = urlsplit(url)
    answer = browser.post(
        f"{parts.scheme}://{parts.netloc}/authorize",
        data={**fields, "decision": decision},
        headers={"Origin": f"{parts.scheme}://{parts.netloc}"},
    )
    assert answer.is_redirect
    return answer.headers["location"]


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def shown(url: str) -> str:
    return (
        "Attempting to open your default browser. If the browser does not open, open the following URL.\n"
        "If you are unable to open the URL on this device, "
        "run this command again with the '--use-device-code' option.\n"
        f"\n{url}\n\n"
    )


INVALID_GRANT = (
    "\naws: [ERROR]: An error occurred (InvalidGrantException) when calling the CreateToken operation:\n\n"
    "Additional error details:\nerror: invalid_grant\nerror_description: Invalid grant provided\n"
)


def test_the_url_that_the_browser_is_opened_with(
    start_aws: StartAws, opened_url: OpenedUrl, server: EmulatorServer
) -> None:
    start_aws(*LOGIN)
    url = opened_url()
    base, _, query = url.partition("?")
    assert base == f"{server.url}/authorize"
    pairs = parse_qsl(query)
    assert [name for name, _ in pairs] == [
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge_method",
        "scopes",
        "code_challenge",
    ]
    given = dict(pairs)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/oauth/callback", given["redirect_uri"])
    assert (given["response_type"], given["code_challenge_method"]) == ("code", "S256")
    assert given["scopes"] == "sso:account:access"


def test_a_services_section_leads_the_browser_as_well(
    start_aws: StartAws,
    opened_url: OpenedUrl,
    server: EmulatorServer,
    services_section: Callable[[str], None],
) -> None:
    services_section("emulator")
    start_aws("sso", "login", "--profile", "emulator")
    assert opened_url().startswith(f"{server.url}/authorize?")


def test_allowed(
    start_aws: StartAws,
    opened_url: OpenedUrl,
    scripted_browser: httpx.Client,
    asked: Asked,
    home: Path,
) -> None:
    process = start_aws(*LOGIN)
    url = opened_url()
    page = scripted_browser.get(decide(scripted_browser, url, "allow"))
    assert page.status_code == 200
    assert page.headers["server"].startswith("AWS CLI/2.")
    success = f"Successfully logged into Start URL: {START_URL}\n"
    assert end(process) == (0, shown(url) + success, "")
    assert asked() == [*SEES_PAGE, "AuthorizePage 303", "CreateToken 200"]
    token = json.loads((home / TOKEN_FILE).read_text())
    assert token["refreshToken"]
    (registration,) = set((home / ".aws/sso/cache").glob("*.json")) - {home / TOKEN_FILE}
    assert json.loads(registration.read_text()) == {
        "clientId": token["clientId"],
        "clientSecret": token["clientSecret"],
        "expiresAt": token["registrationExpiresAt"],
        "scopes": ["sso:account:access"],
        "grantTypes": ["authorization_code", "refresh_token"],
    }


def test_denied(
    start_aws: StartAws,
    opened_url: OpenedUrl,
    scripted_browser: httpx.Client,
    asked: Asked,
    home: Path,
) -> None:
    process = start_aws(*LOGIN)
    url = opened_url()
    assert scripted_browser.get(decide(scripted_browser, url, "deny")).status_code == 200
    told = "\naws: [ERROR]: Error loading authorization code: Failed to retrieve an authorization code.\n"
    assert end(process) == (255, shown(url), told)
    assert asked() == [*SEES_PAGE, "AuthorizePage 303"]
    assert not (home / TOKEN_FILE).exists()


@pytest.mark.parametrize("settings", [{"auto_approve": "user"}], ids=["auto_approve"])
def test_a_user_who_is_not_asked(
    start_aws: StartAws, opened_url: OpenedUrl, scripted_browser: httpx.Client, asked: Asked
) -> None:
    process = start_aws(*LOGIN)
    assert scripted_browser.get(opened_url(), follow_redirects=True).status_code == 200
    assert end(process)[0] == 0
    assert asked() == ["RegisterClient 200", "AuthorizePage 303", "CreateToken 200"]


@pytest.mark.parametrize("settings", [{"auto_approve": "user"}], ids=["auto_approve"])
def test_what_is_registered_is_used_again_for_the_same_flow_only(
    start_aws: StartAws, opened_url: OpenedUrl, scripted_browser: httpx.Client, asked: Asked
) -> None:
    for _ in range(2):
        process = start_aws(*LOGIN)
        scripted_browser.get(opened_url(), follow_redirects=True)
        assert end(process)[0] == 0
    by_code = ["AuthorizePage 303", "CreateToken 200"]
    assert asked() == ["RegisterClient 200", *by_code, *by_code]
    process = start_aws(*LOGIN, "--use-device-code")
    assert urlsplit(opened_url()).path == "/device"
    process.kill()
    assert asked()[:2] == ["RegisterClient 200", "StartDeviceAuthorization 200"]


def test_a_state_of_somebody_else(
    start_aws: StartAws, opened_url: OpenedUrl, scripted_browser: httpx.Client, asked: Asked
) -> None:
    process = start_aws(*LOGIN)
    url = opened_url()
    callback = decide(scripted_browser, url, "allow")
    scripted_browser.get(re.sub("state=[0-9a-f-]+", "state=other", callback))
    told = "\naws: [ERROR]: Error loading authorization code: State parameter does not match expected value.\n"
    assert end(process) == (255, shown(url), told)
    assert asked() == [*SEES_PAGE, "AuthorizePage 303"]


def test_a_code_that_came_too_late(
    start_aws: StartAws,
    opened_url: OpenedUrl,
    scripted_browser: httpx.Client,
    server: EmulatorServer,
    asked: Asked,
) -> None:
    clock = server.clock
    assert clock is not None
    process = start_aws(*LOGIN)
    url = opened_url()
    callback = decide(scripted_browser, url, "allow")
    clock.advance(600)
    scripted_browser.get(callback)
    assert end(process) == (254, shown(url), INVALID_GRANT)
    assert asked() == [*SEES_PAGE, "AuthorizePage 303", "CreateToken InvalidGrantException"]


def test_a_code_that_was_never_issued(
    start_aws: StartAws, opened_url: OpenedUrl, scripted_browser: httpx.Client, asked: Asked
) -> None:
    process = start_aws(*LOGIN)
    url = opened_url()
    callback = decide(scripted_browser, url, "allow")
    scripted_browser.get(re.sub("code=[^&]+", "code=of-another", callback))
    assert end(process) == (254, shown(url), INVALID_GRANT)
    assert asked() == [*SEES_PAGE, "AuthorizePage 303", "CreateToken InvalidGrantException"]
