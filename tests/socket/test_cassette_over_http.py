"""A login over real HTTP is recorded, and replays without the server."""

from __future__ import annotations

from pathlib import Path

from ssooidc_core import ClientConfig, RefreshTokenGrant, RegisterClientRequest, create_token, run
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_transports.cassettes import RecordingTransport, ReplayTransport
from ssooidc_transports.httpx import HttpxTransport

REGISTRATION = RegisterClientRequest(
    client_name="tool", client_type="public", scopes=("sso:account:access",)
)


def test_it(
    identity_center: IdentityCenter, identity_center_server: EmulatorServer, tmp_path: Path
) -> None:
    start = start_device_login(
        REGISTRATION, start_url=identity_center.start_url, region=identity_center.region
    )
    config = ClientConfig(region=identity_center.region, endpoint_url=identity_center_server.url)
    path = tmp_path / "cassette.json"
    with HttpxTransport(config) as inner:
        transport = RecordingTransport(inner, path)
        login = run(start, transport)
        identity_center.approve(login.user_code)
        token = run(poll_for_token(login), transport)
        refreshed = run(create_token(RefreshTokenGrant.of(login.client, token)), transport)
    identity_center_server.close()

    text = path.read_text(encoding="utf-8")
    assert refreshed.refresh_token is not None
    for secret in (login.client.client_secret, login.device_code, refreshed.refresh_token):
        assert secret.get_secret_value() not in text
    replay = ReplayTransport(path)
    again = run(start, replay)
    assert again.verification_uri == f"{identity_center_server.url}/device"
    token = run(poll_for_token(again), replay)
    refreshed = run(create_token(RefreshTokenGrant.of(again.client, token)), replay)
    assert refreshed.access_token.get_secret_value() == "accessToken-2"
    replay.assert_exhausted()
