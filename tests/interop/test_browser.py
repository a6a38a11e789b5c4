"""A real Chromium on the emulator's pages: what a person sees and does, and what other sites' pages cannot do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias

import pytest

from ssooidc_core import AccessDeniedException, ClientConfig, RegisterClientRequest, run
from ssooidc_core.flows.device import PendingDeviceLogin, poll_for_token, start_device_login
from ssooidc_emulator import Directory, EmulatorServer
from ssooidc_transports.httpx import HttpxTransport

pytest.importorskip(
    "selenium", reason="selenium is not installed: `python3 noxfile.py -s interop` installs it"
)

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located,
    staleness_of,
)
from selenium.webdriver.support.wait import WebDriverWait

StartAws: TypeAlias = Callable[..., subprocess.Popen[str]]
OpenedUrl: TypeAlias = Callable[[], str]
Asked: TypeAlias = Callable[[], list[str]]

BANNER = (
    "This is an emulator on your own machine, for tests and demos. "
    "It is not AWS. Do not enter real passwords or codes here."
)
SECONDS = 30
LOGIN = ("sso", "login", "--sso-session", "emulator")


@pytest.fixture
def transport(server: EmulatorServer) -> Generator[HttpxTransport]:
    with HttpxTransport(ClientConfig(region="us-east-1", endpoint_url=server.url)) as transport:
        yield transport


@pytest.fixture
def device(transport: HttpxTransport, server: EmulatorServer) -> PendingDeviceLogin:
    request = RegisterClientRequest(
        client_name="<b>tool</b>", client_type="public", scopes=("sso:account:access",)
    )
    center = server.center
    return run(
        start_device_login(request, start_url=center.start_url, region=center.region), transport
    )


@pytest.fixture
def screenshot(chromium: Chrome, tmp_path: Path) -> Callable[[str], None]:
    """Return a function that saves a screenshot, for examining a failure; `--basetemp` sets the folder."""

    def save(name: str) -> None:
        assert chromium.save_screenshot(str(tmp_path / f"{name}.png"))

    return save


def find(chromium: Chrome, selector: str) -> WebElement:
    present = presence_of_element_located((By.CSS_SELECTOR, selector))
    return WebDriverWait(chromium, SECONDS).until(present)


def text(chromium: Chrome, selector: str) -> str:
    return find(chromium, selector).text


def follow(chromium: Chrome, element: WebElement) -> None:
    """Click on a link or button that leads to another page, and wait until the current page is gone."""
    element.click()
    WebDriverWait(chromium, SECONDS).until(staleness_of(element))


def push(chromium: Chrome, label: str) -> None:
    # `.text` is the visible text: a hidden button is not found, and a covered one cannot be clicked.
    (button,) = [b for b in chromium.find_elements(By.TAG_NAME, "button") if b.text == label]
    follow(chromium, button)


class TestDevicePage:
    def test_approve(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        transport: HttpxTransport,
        screenshot: Callable[[str], None],
    ) -> None:
        chromium.get(device.verification_uri_complete or "")
        assert chromium.title == "Approve the sign-in? – emulated IAM Identity Center"
        assert text(chromium, ".banner") == BANNER
        assert text(chromium, ".code") == device.user_code
        values = [each.text for each in chromium.find_elements(By.TAG_NAME, "dd")]
        assert values == ["<b>tool</b>", "sso:account:access", "user"]
        screenshot("confirm")
        push(chromium, "Approve")
        assert text(chromium, "h1") == "Approved"
        screenshot("approved")
        assert run(poll_for_token(device), transport).expires_in == 3600

    def test_deny(
        self, chromium: Chrome, device: PendingDeviceLogin, transport: HttpxTransport
    ) -> None:
        chromium.get(device.verification_uri_complete or "")
        push(chromium, "Deny")
        assert text(chromium, "h1") == "Denied"
        with pytest.raises(AccessDeniedException):
            run(poll_for_token(device), transport)

    def test_a_wrong_code_and_then_the_right_one(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        screenshot: Callable[[str], None],
    ) -> None:
        chromium.get(device.verification_uri)
        field = chromium.switch_to.active_element
        assert field.get_attribute("id") == "user_code"
        assert field.accessible_name == "Code shown on your device or terminal"
        screenshot("enter")
        field.send_keys("BCDF-GHJK" if device.user_code != "BCDF-GHJK" else "BCDF-GHJL")
        field.send_keys(Keys.ENTER)
        assert text(chromium, "[role=alert]") == (
            "No sign-in has this code. Compare it with the one on your device or terminal."
        )
        screenshot("wrong")
        # The way people type it.
        find(chromium, "[aria-invalid]").send_keys(device.user_code.replace("-", " ").lower())
        push(chromium, "Continue")
        assert text(chromium, ".code") == device.user_code
        push(chromium, "Approve")
        assert text(chromium, "h1") == "Approved"

    def test_expired_while_it_was_looked_at(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        server: EmulatorServer,
        screenshot: Callable[[str], None],
    ) -> None:
        chromium.get(device.verification_uri_complete or "")
        clock = server.clock
        assert clock is not None
        clock.advance(600)
        push(chromium, "Approve")
        assert text(chromium, "h1") == "Expired"
        screenshot("expired")

    def test_decided_once(self, chromium: Chrome, device: PendingDeviceLogin) -> None:
        chromium.get(device.verification_uri_complete or "")
        push(chromium, "Deny")
        assert text(chromium, "h1") == "Denied"
        chromium.back()
        push(chromium, "Approve")
        assert text(chromium, "h1") == "Already used"

    def test_on_a_telephone(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        screenshot: Callable[[str], None],
    ) -> None:
        chromium.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": True},
        )
        chromium.get(device.verification_uri_complete or "")
        width = chromium.execute_script("return document.documentElement.scrollWidth")
        assert width == 360
        screenshot("telephone")

    def test_the_aws_cli_opens_it(
        self,
        chromium: Chrome,
        start_aws: StartAws,
        opened_url: OpenedUrl,
    ) -> None:
        process = start_aws(*LOGIN, "--use-device-code")
        chromium.get(opened_url())
        code = text(chromium, ".code")
        push(chromium, "Approve")
        assert text(chromium, "h1") == "Approved"
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert f"Then enter the code:\n\n{code}\nSuccessfully logged" in out


class TestPagesOfOthers:
    def test_cannot_send_the_form(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        server: EmulatorServer,
        evil_page: Callable[[str], str],
        asked: Asked,
    ) -> None:
        # Even if the real page is open too, so that there is a cookie.
        chromium.get(device.verification_uri_complete or "")
        token = find(chromium, "[name=token]").get_attribute("value")
        asked()
        form = (
            f'<form method="post" action="{server.url}/device">'
            f'<input name="user_code" value="{device.user_code}">'
            f'<input name="token" value="{token}">'
            '<button name="decision" value="approve">Win a prize</button></form>'
        )
        chromium.get(evil_page(form))
        push(chromium, "Win a prize")
        assert text(chromium, "h1") == "Request refused"
        assert asked() == ["DevicePage 403"]
        assert [login.user_code for login in server.center.pending_logins(server.now())] == [
            device.user_code
        ]

    def test_cannot_frame_it(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        evil_page: Callable[[str], str],
        asked: Asked,
    ) -> None:
        chromium.get(evil_page(f'<iframe src="{device.verification_uri_complete}"></iframe>'))
        chromium.switch_to.frame(find(chromium, "iframe"))
        assert not chromium.find_elements(By.TAG_NAME, "button")
        assert asked()[-1] == "DevicePage 403"

    def test_cannot_ask_for_tokens(
        self,
        chromium: Chrome,
        server: EmulatorServer,
        evil_page: Callable[[str], str],
        asked: Asked,
    ) -> None:
        chromium.get(evil_page(""))
        body = '{"clientName":"evil","clientType":"public"}'
        outcome = chromium.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"fetch('{server.url}/client/register', {{method: 'POST', body: '{body}'}})"
            ".then(() => done('read'), error => done(error.name));"
        )
        assert outcome == "TypeError"
        assert asked() == ["RegisterClient ForbiddenException"]
        assert server.center.registrations(server.now()) == ()


class TestConsentPage:
    def test_allow(
        self,
        chromium: Chrome,
        start_aws: StartAws,
        opened_url: OpenedUrl,
        screenshot: Callable[[str], None],
        asked: Asked,
    ) -> None:
        process = start_aws(*LOGIN)
        chromium.get(opened_url())
        assert chromium.title == "Allow access? – emulated IAM Identity Center"
        assert text(chromium, ".banner") == BANNER
        values = [each.text for each in chromium.find_elements(By.TAG_NAME, "dd")]
        assert values[:2] == ["botocore-client-emulator", "sso:account:access"]
        assert values[2].startswith("http://127.0.0.1:")
        assert values[3] == "user"
        screenshot("consent")
        push(chromium, "Allow")
        # The CLI's own page: the redirect led to it in spite of the page's policy.
        assert chromium.current_url.startswith(values[2])
        assert text(chromium, "body").startswith(
            "Sign in to AWS\nYour credentials have been shared successfully"
        )
        screenshot("callback")
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert asked()[-2:] == ["AuthorizePage 303", "CreateToken 200"]

    def test_deny(
        self,
        chromium: Chrome,
        start_aws: StartAws,
        opened_url: OpenedUrl,
        screenshot: Callable[[str], None],
    ) -> None:
        process = start_aws(*LOGIN)
        chromium.get(opened_url())
        push(chromium, "Deny")
        assert "access_denied" in chromium.current_url
        assert text(chromium, "body").endswith("failed with the following error: access_denied")
        screenshot("denied")
        _, err = process.communicate(timeout=60)
        assert process.returncode == 255
        assert "Failed to retrieve an authorization code." in err

    @pytest.mark.parametrize("settings", [{"directory": Directory.example()}], ids=["2 users"])
    def test_choose_who_signs_in(
        self,
        chromium: Chrome,
        start_aws: StartAws,
        opened_url: OpenedUrl,
        server: EmulatorServer,
        screenshot: Callable[[str], None],
    ) -> None:
        server.center.directory.add_user("jane")
        process = start_aws(*LOGIN)
        chromium.get(opened_url())
        choice = find(chromium, "#user")
        assert choice.accessible_name == "Sign in as"
        choice.send_keys("jane")
        screenshot("users")
        push(chromium, "Allow")
        process.communicate(timeout=60)
        assert process.returncode == 0
        (session,) = server.center.sessions(server.now())
        assert session.user == "jane"

    def test_a_callback_that_was_not_registered(
        self,
        chromium: Chrome,
        start_aws: StartAws,
        opened_url: OpenedUrl,
        evil_page: Callable[[str], str],
        screenshot: Callable[[str], None],
    ) -> None:
        start_aws(*LOGIN)
        url = opened_url()
        chromium.get(evil_page(""))
        stolen = url.replace("oauth%2Fcallback", "evil")
        chromium.get(stolen)
        assert text(chromium, "h1") == "Invalid callback URL"
        assert chromium.current_url == stolen
        screenshot("invalid")


class TestDashboard:
    def test_shows_what_goes_on(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        server: EmulatorServer,
        screenshot: Callable[[str], None],
        asked: Asked,
    ) -> None:
        chromium.get(f"{server.url}/?refresh=off")
        assert chromium.title == "Dashboard – emulated IAM Identity Center"
        assert text(chromium, ".banner") == BANNER
        waiting, _, registered, requests = (
            [row.text for row in section.find_elements(By.CSS_SELECTOR, "tbody tr")]
            for section in chromium.find_elements(By.TAG_NAME, "section")
        )
        assert [row.partition(" sso:account:access ")[0] for row in waiting] == ["<b>tool</b>"]
        assert [row.partition(" sso:account:access ")[0] for row in registered] == ["<b>tool</b>"]
        assert len(requests) == 2
        page = chromium.page_source
        assert device.user_code not in page
        assert device.device_code.get_secret_value() not in page
        screenshot("dashboard")
        asked()
        chromium.refresh()
        assert asked() == []

    def test_shows_sessions_without_their_tokens(
        self,
        chromium: Chrome,
        device: PendingDeviceLogin,
        transport: HttpxTransport,
        server: EmulatorServer,
        screenshot: Callable[[str], None],
    ) -> None:
        server.center.approve(device.user_code)
        token = run(poll_for_token(device), transport)
        chromium.get(f"{server.url}/?refresh=off")
        row = find(chromium, "section:nth-of-type(2) tbody tr").text
        assert row.startswith("user <b>tool</b> ")
        assert token.refresh_token is not None
        for secret in (token.access_token, token.refresh_token, device.client.client_secret):
            assert secret is not None
            assert secret.get_secret_value() not in chromium.page_source
        screenshot("sessions")

    def test_renews_itself(self, chromium: Chrome, server: EmulatorServer) -> None:
        chromium.get(server.url)
        refresh = find(chromium, "meta[http-equiv=refresh]").get_attribute("content")
        assert refresh == "5"
        follow(chromium, find(chromium, "a[href='/?refresh=off']"))
        assert find(chromium, "a[href='/']").text == "Start reloading"
        assert not chromium.find_elements(By.CSS_SELECTOR, "meta[http-equiv=refresh]")

    def test_leads_to_the_device_page(self, chromium: Chrome, server: EmulatorServer) -> None:
        chromium.get(f"{server.url}/?refresh=off")
        follow(chromium, find(chromium, "a[href='/device']"))
        assert text(chromium, "h1") == "Enter the code"
