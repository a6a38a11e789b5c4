"""`ssooidc_core._aws_settings`: arguments before variables before files, and errors that name the source."""

from __future__ import annotations

import pytest

from ssooidc_core import ConfigurationError
from ssooidc_core._aws_settings import (
    ClientSettings,
    find_profile,
    named_profile,
    resolve_client_settings,
    resolve_endpoint_url,
    resolve_flag,
    resolve_region,
)
from ssooidc_core.aws_config import AwsConfig, Section, parse_aws_config

CONFIG = parse_aws_config(
    """\
[profile p]
region = eu-west-1
services = s
endpoint_url = https://profile
use_fips_endpoint = TRUE
use_dualstack_endpoint = False
ignore_configured_endpoint_urls = false
[services s]
sso_oidc =
  Endpoint_URL = https://oidc
[profile broken]
services = nowhere
use_fips_endpoint = yes
endpoint_url =
  a = b
[default]
region = sa-east-1
""",
    config_file="f",
)
P = CONFIG.profiles["p"]
BROKEN = CONFIG.profiles["broken"]


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, None),
        ({"AWS_PROFILE": "a", "AWS_DEFAULT_PROFILE": "b"}, "a"),
        ({"AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": "b"}, "b"),
        ({"AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": ""}, None),
    ],
)
def test_the_named_profile(environ: dict[str, str], name: str | None) -> None:
    assert named_profile(environ) == name


def test_finding_a_profile() -> None:
    assert find_profile(CONFIG, "p") is P
    assert find_profile(CONFIG, None) is CONFIG.profiles["default"]
    assert find_profile(AwsConfig(), None) is None
    with pytest.raises(ConfigurationError) as caught:
        find_profile(CONFIG, "de\x1bv")
    assert str(caught.value) == (
        "Invalid Configuration: there is no profile 'de v': write [profile de v] into f, "
        "or use another one (AWS_PROFILE)"
    )


@pytest.mark.parametrize(
    ("texts", "name", "said"),
    [
        (
            ("[dev]", ""),
            "dev",
            "f, line 1, [dev]: this section is ignored: in this file a profile is [profile NAME]",
        ),
        (
            ("", "[profile dev]"),
            "dev",
            "g, line 1, [profile dev]: this section is ignored: in this file a profile is [NAME]",
        ),
        (
            ("[profile a b]", ""),
            "a b",
            (
                "f, line 1, [profile a b]: this section is ignored: "
                "names have letters, digits and -/.%@_:+, or are in quotes"
            ),
        ),
    ],
)
def test_a_profile_that_was_ignored(texts: tuple[str, str], name: str, said: str) -> None:
    config = parse_aws_config(*texts, config_file="f", credentials_file="g")
    with pytest.raises(ConfigurationError) as caught:
        find_profile(config, name)
    assert str(caught.value) == (
        f"Invalid Configuration: there is no profile {name!r}: write [profile {name}] into f, "
        f"or use another one (AWS_PROFILE) ({said})"
    )


def test_a_services_section_that_was_ignored() -> None:
    config = parse_aws_config("[profile p]\nservices = s", "[services s]", config_file="f")
    with pytest.raises(ConfigurationError) as caught:
        resolve_endpoint_url("SSO", environ={}, config=config, profile=config.profiles["p"])
    assert str(caught.value).endswith(
        ", or remove the line "
        "(~/.aws/credentials, line 1, [services s]: this section is ignored: it belongs in the config file)"
    )


def test_a_default_profile_that_is_named_must_exist() -> None:
    with pytest.raises(ConfigurationError, match="there is no profile 'default'"):
        find_profile(AwsConfig(), "default")


@pytest.mark.parametrize(
    ("region", "environ", "profile", "found"),
    [
        ("a", {"AWS_REGION": "b"}, P, "a"),
        (None, {"AWS_REGION": "b", "AWS_DEFAULT_REGION": "c"}, P, "b"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "c"}, P, "c"),
        (None, {}, P, "eu-west-1"),
        (None, {}, BROKEN, None),
        (None, {}, None, None),
    ],
)
def test_the_region(
    region: str | None, environ: dict[str, str], profile: Section | None, found: str | None
) -> None:
    assert resolve_region(region, environ=environ, profile=profile) == found


@pytest.mark.parametrize(
    ("value", "environ", "profile", "found"),
    [
        (False, {"AWS_USE_FIPS_ENDPOINT": "nonsense"}, P, False),
        (None, {"AWS_USE_FIPS_ENDPOINT": "False"}, P, False),
        (None, {"AWS_USE_FIPS_ENDPOINT": ""}, P, True),
        (None, {}, None, None),
        (None, {}, CONFIG.profiles["default"], None),
    ],
)
def test_a_flag(
    value: bool | None,  # noqa: FBT001 - parametrised
    environ: dict[str, str],
    profile: Section | None,
    found: bool | None,  # noqa: FBT001 - parametrised
) -> None:
    assert resolve_flag("use_fips_endpoint", value, environ=environ, profile=profile) is found


def test_a_flag_that_is_neither() -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_flag("use_dualstack_endpoint", environ={"AWS_USE_DUALSTACK_ENDPOINT": "1"})
    assert str(caught.value) == (
        "Invalid Configuration: the variable AWS_USE_DUALSTACK_ENDPOINT must be true or false"
    )
    with pytest.raises(ConfigurationError) as caught:
        resolve_flag("use_fips_endpoint", environ={}, profile=BROKEN)
    assert str(caught.value) == (
        "Invalid Configuration: f, line 13, [profile broken]: use_fips_endpoint must be true or false"
    )


@pytest.mark.parametrize("service", ["SSO OIDC", "sso-oidc", "sso_oidc"])
def test_a_service_by_its_id(service: str) -> None:
    environ = {"AWS_ENDPOINT_URL_SSO_OIDC": "https://variable"}
    assert resolve_endpoint_url(service, environ=environ) == "https://variable"
    assert resolve_endpoint_url(service, environ={}, config=CONFIG, profile=P) == "https://oidc"


def test_an_endpoint_of_the_profile_without_a_services_section_for_it() -> None:
    assert resolve_endpoint_url("SSO", environ={}, config=CONFIG, profile=P) == "https://profile"
    default = CONFIG.profiles["default"]
    assert resolve_endpoint_url("SSO", environ={}, config=CONFIG, profile=default) is None


def test_a_services_section_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_endpoint_url("SSO OIDC", environ={}, config=CONFIG, profile=BROKEN)
    assert str(caught.value) == (
        "Invalid Configuration: f, line 12, [profile broken]: services names a [services] section that does not "
        "exist: write it into f, or remove the line"
    )
    # Settings that are not needed are not read.
    environ = {"AWS_ENDPOINT_URL": "https://variable"}
    for explicit, ignore, url in (
        ("https://argument", False, "https://argument"),
        (None, True, None),
        (None, False, "https://variable"),
    ):
        found = resolve_endpoint_url(
            "SSO", explicit, ignore=ignore, environ=environ, config=CONFIG, profile=BROKEN
        )
        assert found == url


def test_all_settings_of_a_profile() -> None:
    settings = resolve_client_settings(ClientSettings(), environ={}, config=CONFIG, profile=P)
    assert settings == ClientSettings(
        region="eu-west-1",
        endpoint_url="https://oidc",
        portal_endpoint_url="https://profile",
        use_fips=True,
        use_dualstack=False,
        ignore_configured_endpoint_urls=False,
    )
    assert settings.is_settled


def test_the_region_of_the_sso_settings_counts_before_the_variables() -> None:
    environ = {"AWS_REGION": "b"}
    for explicit, sso_region, found in (("a", "c", "a"), (None, "c", "c"), (None, None, "b")):
        settings = resolve_client_settings(
            ClientSettings(region=explicit), environ=environ, config=CONFIG, sso_region=sso_region
        )
        assert settings.region == found


def test_without_files_the_region_is_open() -> None:
    settings = resolve_client_settings(ClientSettings(), environ={"AWS_REGION": "b"})
    assert settings == ClientSettings()
    assert not settings.is_settled


@pytest.mark.parametrize(
    ("settings", "settled"),
    [
        (
            ClientSettings(
                region="r",
                endpoint_url="https://a",
                portal_endpoint_url="https://b",
                use_fips=False,
                use_dualstack=False,
            ),
            True,
        ),
        (
            ClientSettings(
                region="r",
                use_fips=True,
                use_dualstack=False,
                ignore_configured_endpoint_urls=True,
            ),
            True,
        ),
        (ClientSettings(region="r", endpoint_url="https://a"), False),
        (ClientSettings(region="r", ignore_configured_endpoint_urls=True), False),
        (
            ClientSettings(region="r", use_fips=True, ignore_configured_endpoint_urls=True),
            False,
        ),
    ],
)
def test_what_is_settled(settings: ClientSettings, settled: bool) -> None:  # noqa: FBT001 - parametrised
    assert settings.is_settled is settled


def test_an_endpoint_is_not_shown() -> None:
    settings = ClientSettings(endpoint_url="https://u:p@h", portal_endpoint_url="https://u:p@h")
    assert "u:p" not in repr(settings)
