"""A device login that is told another region than that of its transport sends nothing."""

from __future__ import annotations

import pytest

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    RegisterClientRequest,
    RegisterClientResponse,
    SecretStr,
    run,
)
from ssooidc_core.flows.device import start_device_login
from ssooidc_transports.testing import ScriptedTransport

REQUEST = RegisterClientRequest(client_name="n", client_type="public")
CLIENT = RegisterClientResponse(client_id="i", client_secret=SecretStr("canary"))
START_URL = "https://d-1234567890.awsapps.com/start"


@pytest.mark.parametrize("registration", [REQUEST, CLIENT], ids=["request", "client"])
def test_nothing_is_sent_to_another_region(
    registration: RegisterClientRequest | RegisterClientResponse,
) -> None:
    flow = start_device_login(registration, start_url=START_URL, region="eu-west-1")
    transport = ScriptedTransport([], config=ClientConfig(region="us-east-1"))
    with pytest.raises(ConfigurationError) as caught:
        _ = run(flow, transport)
    assert str(caught.value) == (
        "The flow was told region='eu-west-1', but the transport sends to 'us-east-1': "
        "use the region of the Identity Center instance for both"
    )
    assert transport.events == []
