"""`ssooidc_core._config`: the settings that apply to every request."""

from __future__ import annotations

import copy
import dataclasses
import importlib.metadata
import math
import pickle

import pytest

from ssooidc_core import ClientConfig, ConfigurationError, Credentials, __version__

AWS = Credentials.of("AKIDEXAMPLE", "canary-key", "canary-token")
NUMBERS = (
    "connect_timeout",
    "read_timeout",
    "write_timeout",
    "pool_timeout",
    "total_timeout",
    "max_response_bytes",
    "max_attempts",
)


def config_with(name: str, value: float) -> ClientConfig:
    return dataclasses.replace(ClientConfig(), **{name: value})  # type: ignore[arg-type]


def test_the_defaults() -> None:
    config = ClientConfig()
    assert dataclasses.asdict(config) == {
        "region": None,
        "endpoint_url": None,
        "portal_endpoint_url": None,
        "use_fips": False,
        "use_dualstack": False,
        "credentials": None,
        "user_agent_suffix": None,
        "allow_insecure_http": False,
        "connect_timeout": 10.0,
        "read_timeout": 30.0,
        "write_timeout": 30.0,
        "pool_timeout": 30.0,
        "total_timeout": 60.0,
        "max_response_bytes": 1048576,
        "max_attempts": 3,
    }


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [0, -1, -0.5, -math.inf, math.nan])
def test_limits_are_above_zero(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = config_with(name, value)
    assert str(caught.value) == f"Invalid Configuration: {name} must be above 0, not {value!r}"


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [1, 0.001, math.inf])
def test_any_limit_above_zero_is_taken(name: str, value: float) -> None:
    assert getattr(config_with(name, value), name) == value


def test_the_user_agent_names_the_library_its_version_and_the_suffix() -> None:
    assert ClientConfig().user_agent_field == ("User-Agent", f"ssooidc-core/{__version__}")
    assert ClientConfig(user_agent_suffix="").user_agent_field == (
        "User-Agent",
        f"ssooidc-core/{__version__}",
    )
    suffixed = ClientConfig(user_agent_suffix="my-tool/1.0 (x; y)")
    assert suffixed.user_agent_field == (
        "User-Agent",
        f"ssooidc-core/{__version__} my-tool/1.0 (x; y)",
    )


@pytest.mark.parametrize("suffix", ["a\r\nX-Evil: 1", "a\n", "\t", "ü", "\x7f", "\x00", "\ud800"])
def test_a_user_agent_suffix_is_printable_ascii(suffix: str) -> None:
    """RFC 9110 section 5.5: other characters could end the field and start another one."""
    with pytest.raises(ConfigurationError) as caught:
        _ = ClientConfig(user_agent_suffix=suffix)
    assert str(caught.value) == (
        "Invalid Configuration: user_agent_suffix may contain printable ASCII only"
    )


def test_each_service_has_its_own_endpoint() -> None:
    config = ClientConfig(region="eu-west-1")
    assert config.oidc_endpoint == "https://oidc.eu-west-1.amazonaws.com"
    assert config.portal_endpoint == "https://portal.sso.eu-west-1.amazonaws.com"


def test_fips_and_dualstack_reach_both_services() -> None:
    config = ClientConfig(region="eu-west-1", use_fips=True, use_dualstack=True)
    assert config.oidc_endpoint == "https://oidc-fips.eu-west-1.api.aws"
    assert config.portal_endpoint == "https://portal.sso-fips.eu-west-1.api.aws"


def test_a_custom_endpoint_is_for_its_own_service_only() -> None:
    """The variables are AWS_ENDPOINT_URL_SSO_OIDC and AWS_ENDPOINT_URL_SSO."""
    config = ClientConfig(region="eu-west-1", endpoint_url="https://a.example/b/")
    assert config.oidc_endpoint == "https://a.example/b"
    assert config.portal_endpoint == "https://portal.sso.eu-west-1.amazonaws.com"
    config = ClientConfig(region="eu-west-1", portal_endpoint_url="https://a.example/b/")
    assert config.oidc_endpoint == "https://oidc.eu-west-1.amazonaws.com"
    assert config.portal_endpoint == "https://a.example/b"


def test_allow_insecure_http_reaches_both_services() -> None:
    config = ClientConfig(
        endpoint_url="http://a.example",
        portal_endpoint_url="http://b.example",
        allow_insecure_http=True,
    )
    assert (config.oidc_endpoint, config.portal_endpoint) == (
        "http://a.example",
        "http://b.example",
    )


def test_an_endpoint_is_resolved_once_and_its_error_is_raised_each_time() -> None:
    config = ClientConfig(region="eu-west-1")
    assert config.oidc_endpoint is config.oidc_endpoint
    assert config.portal_endpoint is config.portal_endpoint
    assert config.user_agent_field is config.user_agent_field
    broken = ClientConfig()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"^Invalid Configuration: Missing Region$"):
            _ = broken.oidc_endpoint
        with pytest.raises(ConfigurationError, match=r"^Invalid Configuration: Missing Region$"):
            _ = broken.portal_endpoint


def test_a_config_is_a_frozen_value() -> None:
    config = ClientConfig(region="eu-west-1", credentials=AWS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, "region", "us-east-1")  # noqa: B010 - checkers refuse the plain form
    assert config == ClientConfig(region="eu-west-1", credentials=AWS)
    assert hash(config) == hash(ClientConfig(region="eu-west-1", credentials=AWS))
    assert config != ClientConfig(region="us-east-1", credentials=AWS)


def test_a_changed_copy_resolves_its_endpoint_anew() -> None:
    config = ClientConfig(region="eu-west-1")
    assert config.oidc_endpoint == "https://oidc.eu-west-1.amazonaws.com"
    changed = dataclasses.replace(config, region="us-east-1", user_agent_suffix="x")
    assert changed.oidc_endpoint == "https://oidc.us-east-1.amazonaws.com"
    assert changed.user_agent_field == ("User-Agent", f"ssooidc-core/{__version__} x")


def test_a_config_pickles_and_copies() -> None:
    config = ClientConfig(region="eu-west-1", credentials=AWS)
    assert config.oidc_endpoint == "https://oidc.eu-west-1.amazonaws.com"
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.copy(config) == copy.deepcopy(config) == config


def test_arguments_are_by_name_only() -> None:
    with pytest.raises(TypeError):
        ClientConfig("us-east-1")  # type: ignore[call-arg]


def test_the_version_is_that_of_the_distribution() -> None:
    assert __version__ == importlib.metadata.version("ssooidc-core")


@pytest.mark.parametrize("name", ["endpoint_url", "portal_endpoint_url"])
def test_a_bad_endpoint_is_refused_at_once_and_not_quoted(name: str) -> None:
    """A config may be printed long before its endpoint is used, and this one contains a password."""
    with pytest.raises(ConfigurationError) as refused:
        _ = dataclasses.replace(ClientConfig(), **{name: "https://user:canary@example.com"})  # type: ignore[arg-type]
    assert str(refused.value) == (
        "Invalid Configuration: the endpoint URL may not contain a user name or password"
    )
