"""The meaning of files and variables: the same sign-in settings and endpoints as botocore's providers resolve."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from unittest.mock import Mock

import pytest
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.credentials import SSOProvider
from botocore.exceptions import InvalidConfigError
from botocore.session import Session
from botocore.tokens import SSOTokenProvider

from ssooidc_core import ConfigurationError
from ssooidc_core._aws_settings import (
    OIDC_SERVICE_ID,
    PORTAL_SERVICE_ID,
    named_profile,
    resolve_endpoint_url,
    resolve_flag,
    resolve_region,
)
from ssooidc_core.aws_config import parse_aws_config
from ssooidc_core.sso_settings import SsoSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.conftest import Tally

GROUP: Final = "config"
REFUSED: Final = "refused"


class Said(NamedTuple):
    """The settings of a profile and of a session; `None`: not set."""

    session: str | None
    start_url: str | None
    region: str | None
    account: str | None
    role: str | None
    session_start_url: str | None
    session_region: str | None

    def profile(self) -> dict[str, str]:
        return present(
            sso_session=self.session,
            sso_start_url=self.start_url,
            sso_region=self.region,
            sso_account_id=self.account,
            sso_role_name=self.role,
            output="json",
        )

    def sso_session(self) -> dict[str, str]:
        return present(
            sso_start_url=self.session_start_url, sso_region=self.session_region, other="x"
        )

    def text(self) -> str:
        lines = ["[profile p]", *(f"{key} = {value}" for key, value in self.profile().items())]
        lines += ["[sso-session s]"]
        lines += [f"{key} = {value}" for key, value in self.sso_session().items()]
        return "\n".join(lines)

    def parsed(self) -> dict[str, Any]:
        return {"profiles": {"p": self.profile()}, "sso_sessions": {"s": self.sso_session()}}


def present(**properties: str | None) -> dict[str, str]:
    return {key: value for key, value in properties.items() if value is not None}


ALL: Final = [
    Said(*each)
    for each in product(
        (None, "s", "other"),
        (None, "A", "B"),
        (None, "us-east-1", "eu-west-1"),
        (None, "111122223333"),
        (None, "Admin"),
        (None, "A"),
        (None, "us-east-1"),
    )
]


def ours(said: Said) -> SsoSettings | str | None:
    try:
        return SsoSettings.from_profile(parse_aws_config(said.text()), "p")
    except ConfigurationError:
        return REFUSED


def of_tokens(said: Said) -> dict[str, str] | str | None:
    """Return the result of botocore's token provider."""
    provider = SSOTokenProvider(Mock(full_config=said.parsed()), profile_name="p")
    try:
        found: dict[str, str] | None = getattr(provider, "_load_sso_config")()  # noqa: B009 - its type lacks it
    except InvalidConfigError:
        return REFUSED
    return found


def of_credentials(said: Said) -> dict[str, str] | str | None:
    """Return the result of botocore's provider of role credentials."""
    provider = SSOProvider(said.parsed, Mock(), "p")
    try:
        found: dict[str, str] | None = getattr(provider, "_load_sso_config")()  # noqa: B009 - its type lacks it
    except InvalidConfigError:
        return REFUSED
    return found


def test_sessions_as_the_token_provider_finds_them(tally: Tally) -> None:
    assert len(ALL) == 432
    for said in ALL:
        mine, expected = ours(said), of_tokens(said)
        tally.ran()
        if expected is None:
            # It does not support the legacy form.
            assert not isinstance(mine, SsoSettings) or mine.session_name is None
        elif isinstance(expected, str):
            assert mine == REFUSED, said
        elif mine == REFUSED:
            assert said.start_url == "B" or said.region == "eu-west-1"
            tally.differs("profile-and-session-agree-before-a-login")
        else:
            assert isinstance(mine, SsoSettings)
            assert expected == {
                "session_name": mine.session_name,
                "sso_region": mine.region,
                "sso_start_url": mine.start_url,
            }


def test_profiles_as_the_credential_provider_finds_them(tally: Tally) -> None:
    for said in ALL:
        mine, expected = ours(said), of_credentials(said)
        tally.ran()
        if expected is None:
            assert said.account is None
            assert said.role is None
        elif isinstance(expected, str) and isinstance(mine, SsoSettings):
            # Enough to sign in, but not to get a role's credentials.
            with pytest.raises(ConfigurationError, match="has no sso_"):
                mine.account_and_role()
        elif isinstance(expected, str):
            assert mine == REFUSED, said
        elif mine == REFUSED:
            # It takes settings that the session lacks from the profile.
            assert said.session == "s"
            assert None in {said.session_start_url, said.session_region}
            tally.differs("a-session-stands-by-itself")
        else:
            assert isinstance(mine, SsoSettings)
            account, role = mine.account_and_role()
            assert expected == present(
                sso_account_id=account,
                sso_role_name=role,
                sso_region=mine.region,
                sso_start_url=mine.start_url,
                sso_session=mine.session_name,
            )


SERVICES: Final = {"sso-oidc": OIDC_SERVICE_ID, "sso": PORTAL_SERVICE_ID}
NESTED: Final = "sso_oidc =\n  endpoint_url = https://services-oidc\nsso =\n  endpoint_url = https://services-sso"


@pytest.mark.parametrize("service", SERVICES)
def test_configured_endpoints(service: str, tally: Tally) -> None:
    variables = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC"}
    of_variables: list[dict[str, str]] = [
        present(**dict(zip(sorted(variables), each, strict=True)))
        for each in product((None, "", "https://variable"), repeat=3)
    ]
    for environ, named, own in product(of_variables, (None, "s"), (None, "https://profile")):
        profile = present(services=named, endpoint_url=own)
        text = "\n".join(f"{key} = {value}" for key, value in profile.items())
        config = parse_aws_config(f"[profile p]\n{text}\n[services s]\n{NESTED}")
        full = {
            "services": {
                "s": {
                    "sso_oidc": {"endpoint_url": "https://services-oidc"},
                    "sso": {"endpoint_url": "https://services-sso"},
                }
            }
        }
        theirs = ConfiguredEndpointProvider(full, profile, service, environ).provide()
        mine = resolve_endpoint_url(
            SERVICES[service], environ=environ, config=config, profile=config.profiles["p"]
        )
        assert mine == theirs, (environ, profile)
        tally.ran()


def test_services_sections_that_are_not_there_or_empty(tally: Tally) -> None:
    profile = {"services": "s", "endpoint_url": "https://profile"}
    text = "[profile p]\nservices = s\nendpoint_url = https://profile\n"
    files: list[tuple[dict[str, Any], str]] = [
        ({}, ""),
        ({"services": {"s": {}}}, "[services s]"),
    ]
    for full, behind in files:
        with pytest.raises(InvalidConfigError):
            ConfiguredEndpointProvider(full, profile, "sso-oidc", {}).provide()
        config = parse_aws_config(text + behind)
        section = config.profiles["p"]
        if behind:
            url = resolve_endpoint_url("SSO OIDC", environ={}, config=config, profile=section)
            assert url == "https://profile"
            tally.differs("an-empty-services-section-is-one")
        else:
            with pytest.raises(ConfigurationError):
                resolve_endpoint_url("SSO OIDC", environ={}, config=config, profile=section)
        tally.ran()


def test_variables_of_profile_and_region(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tally: Tally
) -> None:
    names = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION"]
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for values in product((None, "a", "b"), repeat=3):
        environ = present(**dict(zip(names, values, strict=True)))
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        session = Session()
        assert resolve_region(environ=environ) == environ.get("AWS_DEFAULT_REGION")
        mine, theirs = named_profile(environ), session.get_config_variable("profile")
        if mine != theirs:
            assert (mine, theirs) == (environ["AWS_PROFILE"], environ["AWS_DEFAULT_PROFILE"])
            tally.differs("AWS_PROFILE-counts-first")
        tally.ran()


@pytest.mark.parametrize("value", ["true", "True", "FALSE", "", "1", "yes", "on", "tru"])
def test_flags(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tally: Tally) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", value)
    theirs = Session().get_config_variable("use_fips_endpoint")
    environ = {"AWS_USE_FIPS_ENDPOINT": value}
    if value.lower() in {"true", "false", ""}:
        assert (resolve_flag("use_fips_endpoint", environ=environ) or False) == theirs
    else:
        assert theirs is False
        with pytest.raises(ConfigurationError, match="must be true or false"):
            resolve_flag("use_fips_endpoint", environ=environ)
        tally.differs("a-flag-is-true-or-false")
    tally.ran()
