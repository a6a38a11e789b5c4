"""`ssooidc demo`: a device login and a refresh, each request shown as it happens.

The login uses the same calls as the README, through a transport that also prints. The approval, which a person would
give on the page, is given by the demo between two polls, unless `--wait` leaves it to a person.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape

from ssooidc_core import (
    ClientConfig,
    CreateTokenResponse,
    HttpRequest,
    HttpResponse,
    RegisterClientRequest,
    SecretStr,
    run,
)
from ssooidc_core._text import printable
from ssooidc_core.flows.device import PendingDeviceLogin, poll_for_token, start_device_login
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_emulator.faults import slow_down
from ssooidc_transports.httpx import HttpxTransport

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["show"]

_REGION: Final = "us-east-1"
_START_URL: Final = "https://d-1234567890.awsapps.com/start"
_OK: Final = 200


class _ShowingTransport(HttpxTransport):
    """Prints each request with its status and time, and each pause; calls `in_pause` with the pause's number."""

    def __init__(
        self, config: ClientConfig, console: Console, in_pause: Callable[[int], None]
    ) -> None:
        super().__init__(config)
        self._console: Final = console
        self._in_pause: Final = in_pause
        self._pauses = 0

    def send(self, request: HttpRequest, /) -> HttpResponse:
        began = time.perf_counter()
        response = super().send(request)
        milliseconds = (time.perf_counter() - began) * 1000
        path = request.url.removeprefix(self.config.endpoint_url or "")
        colour = "green" if response.status == _OK else "yellow"
        error = response.headers.get("x-amzn-errortype", "").partition(":")[0]
        self._console.print(
            f"  [bold]{request.method}[/] {escape(path):<24} [{colour}]{response.status}[/] "
            f"{milliseconds:6.1f} ms  {escape(printable(error, limit=60))}".rstrip()
        )
        return response

    def sleep(self, seconds: float, /) -> None:
        self._pauses += 1
        self._in_pause(self._pauses)
        self._console.print(f"  [dim]wait {seconds:.0f} s[/]")
        super().sleep(seconds)


def show(*, wait: bool) -> None:
    """Run the demo; with `wait`, a person approves the login on the page.

    Raises:
        SsoOidcError: the login failed, or the person refused it.
    """
    console = Console(highlight=False)
    center = IdentityCenter(region=_REGION, start_url=_START_URL)
    with EmulatorServer(center) as server:
        console.print(f"[bold]An emulated IAM Identity Center[/] listens on {server.url}")
        pending: list[PendingDeviceLogin] = []

        def in_pause(number: int) -> None:
            if number == 2:  # noqa: PLR2004 - after the poll that is still pending
                center.script("CreateToken", slow_down(), times=1)
            if number == 3 and not wait:  # noqa: PLR2004 - after the poll that was too fast
                console.print("  [dim]meanwhile the login is approved in a browser[/]")
                center.approve(pending[0].user_code)

        config = ClientConfig(region=_REGION, endpoint_url=server.url)
        with _ShowingTransport(config, console, in_pause) as transport:
            console.print("\n[bold]1. Register this client and start a device login[/]")
            registration = RegisterClientRequest(
                client_name="ssooidc-demo", client_type="public", scopes=("sso:account:access",)
            )
            login = run(
                start_device_login(registration, start_url=_START_URL, region=_REGION), transport
            )
            pending.append(login)
            _show_code(console, login, wait=wait)
            console.print("\n[bold]3. Poll for the token[/]")
            token = run(poll_for_token(login), transport)
            _show_token(console, token)
            console.print("\n[bold]4. Refresh it[/]")
            _show_token(console, run(refresh_token(login.client, token), transport))
    console.print("\n[bold green]Signed in and refreshed.[/] Nothing was written to disk.")


def _show_code(console: Console, login: PendingDeviceLogin, *, wait: bool) -> None:
    console.print("\n[bold]2. Show the code to the person[/]")
    console.print(f"  Code  [bold cyan]{escape(printable(login.user_code, limit=40))}[/]")
    page = login.verification_uri_complete or login.verification_uri
    console.print(f"  Page  {escape(printable(page, limit=500))}", soft_wrap=True)
    if wait:
        console.print("  Open the page, compare the code and approve it. Ctrl-C stops.")


def _show_token(console: Console, token: CreateTokenResponse) -> None:
    console.print(
        f"  access token   {_redacted(token.access_token)}, valid for {token.expires_in} s"
    )
    console.print(f"  refresh token  {_redacted(token.refresh_token)}")


def _redacted(secret: SecretStr | None) -> str:
    return "none" if secret is None else f"********** ({len(secret)} characters)"
