"""A browser login over real sockets: a scripted browser follows the emulator's redirect to a client that listens."""

from __future__ import annotations

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.request import ProxyHandler, build_opener

import pytest

from ssooidc_core import CallbackRefused, ClientConfig, run
from ssooidc_core.flows.authorization_code import (
    code_registration,
    finish_code_login,
    start_code_login,
)
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_transports.httpx import HttpxTransport

_SECONDS: Final = 20


class _Listener(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.path))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Write nothing: the path contains the code."""


@pytest.fixture
def listener() -> Generator[_Listener]:
    with _Listener() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join(_SECONDS)


@pytest.mark.parametrize("scopes", [("sso:account:access",), ("unknown",)])
def test_a_scripted_browser(listener: _Listener, scopes: tuple[str, ...]) -> None:
    redirect_uri = f"http://127.0.0.1:{listener.server_port}/oauth/callback"
    center = IdentityCenter(auto_approve="user")
    with (
        EmulatorServer(center) as server,
        HttpxTransport(ClientConfig(region="us-east-1", endpoint_url=server.url)) as transport,
    ):
        pending = run(
            start_code_login(
                code_registration("tool", start_url=center.start_url),
                redirect_uri=redirect_uri,
                region="us-east-1",
                scopes=scopes,
            ),
            transport,
        )
        browser = build_opener(ProxyHandler({}))
        with browser.open(pending.authorize_url(transport.config), timeout=_SECONDS) as page:
            assert page.read() == b"ok"
        ((method, callback),) = listener.asked
        assert method == "GET"
        if scopes == ("unknown",):
            with pytest.raises(CallbackRefused, match="invalid_scope"):
                run(finish_code_login(pending, callback), transport)
            return
        token = run(finish_code_login(pending, callback), transport)
        assert token.expires_in == 3600
        again = run(refresh_token(pending.client, token), transport)
        assert again.access_token != token.access_token
        (session,) = center.sessions(server.now())
        assert (session.user, session.client_name) == ("user", "tool")
