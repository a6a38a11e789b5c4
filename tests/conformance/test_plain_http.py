"""Custom endpoints with plain http: allowed on this machine, as with botocore, and refused for other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from botocore.endpoint_provider import EndpointProvider

from ssooidc_core import ClientConfig, ConfigurationError

if TYPE_CHECKING:
    from botocore.loaders import Loader

    from tests.conformance.conftest import Tally

GROUP: Final = "endpoints"
THIS_MACHINE: Final = ("127.0.0.1:8000", "127.9.9.9", "localhost", "oidc.localhost.:80", "[::1]:80")
OTHERS: Final = {
    "oidc.us-east-1.amazonaws.com": "oidc.us-east-1.amazonaws.com",
    "192.0.2.1:8000": "192.0.2.1",
    "localhost.example": "localhost.example",
    "0.0.0.0:80": "0.0.0.0",  # noqa: S104 - no socket is bound
    "[2001:db8::1]:80": "2001:db8::1",
}


@pytest.fixture(scope="module", params=["sso-oidc", "sso"])
def provider(request: pytest.FixtureRequest, botocore_loader: Loader) -> EndpointProvider:
    """Return botocore's resolver for each service."""
    return EndpointProvider(
        botocore_loader.load_service_model(request.param, "endpoint-rule-set-1"),
        botocore_loader.load_data("partitions"),
    )


def theirs(provider: EndpointProvider, url: str) -> str:
    return str(provider.resolve_endpoint(Endpoint=url, UseFIPS=False, UseDualStack=False).url)


@pytest.mark.parametrize("host", THIS_MACHINE)
def test_plain_http_to_this_machine(host: str, provider: EndpointProvider, tally: Tally) -> None:
    url = f"http://{host}/base"
    config = ClientConfig(endpoint_url=url, portal_endpoint_url=url)
    assert (config.oidc_endpoint, config.portal_endpoint) == (url, url)
    assert theirs(provider, url) == url
    tally.ran()


@pytest.mark.parametrize("host", OTHERS)
def test_plain_http_to_another_machine(host: str, provider: EndpointProvider, tally: Tally) -> None:
    url = f"http://{host}/base"
    for setting in ("endpoint_url", "portal_endpoint_url"):
        with pytest.raises(ConfigurationError) as caught:
            ClientConfig(**{setting: url})  # type: ignore[arg-type]
        assert str(caught.value) == (
            f"Invalid Configuration: the endpoint URL would send secrets unencrypted to {OTHERS[host]}: "
            "use https, or set allow_insecure_http=True if you control the network"
        )
        tally.differs("plain-http-stays-on-this-machine")
    allowed = ClientConfig(endpoint_url=url, allow_insecure_http=True)
    assert allowed.oidc_endpoint == theirs(provider, url) == url
    tally.ran()
