"""`SessionFacts`: what a session is made of, and how that is found in the AWS configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ssooidc_core import ClientConfig, ConfigurationError
from ssooidc_core._endpoints import check_region
from ssooidc_core.aws_config import AwsConfig
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_transports.environment import client_config, read_aws_config, sso_settings

__all__ = [
    "SessionFacts",
    "check_transport",
    "facts_from_profile",
    "facts_from_sso_session",
    "make_facts",
    "moved_text",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFacts:
    """What a session is made of.

    Attributes:
        settings: which session.
        config: where its requests go.
        roles: the accounts and roles that the configuration names for it.
    """

    settings: SsoSettings
    config: ClientConfig
    roles: tuple[tuple[str, str], ...] = ()

    def moved_to(self, region: str) -> SessionFacts:
        """Give the same session in the region that its start URL leads to."""
        return replace(
            self,
            settings=replace(self.settings, region=region),
            config=replace(self.config, region=region),
        )


def facts_from_profile(
    profile: str | None, config: ClientConfig | None, environ: Mapping[str, str] | None
) -> SessionFacts:
    """Read a profile; by default the one that the environment names.

    Raises:
        ConfigurationError: it does not exist, says nothing about SSO, or is unusable.
    """
    settings = sso_settings(profile=profile, environ=environ)
    if config is None:
        config = client_config(profile=profile, region=settings.region, environ=environ)
    return _facts(settings, config, environ)


def facts_from_sso_session(
    name: str, config: ClientConfig | None, environ: Mapping[str, str] | None
) -> SessionFacts:
    """Read an `[sso-session]` section.

    Raises:
        ConfigurationError: it does not exist, or is unusable.
    """
    settings = sso_settings(sso_session=name, environ=environ)
    if config is None:
        config = client_config(sso_session=name, region=settings.region, environ=environ)
    return _facts(settings, config, environ)


def make_facts(
    settings: SsoSettings,
    config: ClientConfig | None,
    roles: Iterable[tuple[str, str]],
    transport: ClientConfig | None,
) -> SessionFacts:
    """Put together what a session is made of; `transport` is the config of one that was given.

    Raises:
        ConfigurationError: the region is not one, or the transport is for another one.
    """
    check_region(settings.region)
    if config is None:
        config = ClientConfig(region=settings.region) if transport is None else transport
    facts = SessionFacts(settings=settings, config=config, roles=tuple(roles))
    if transport is not None:
        check_transport(transport, facts)
    return facts


def check_transport(config: ClientConfig, facts: SessionFacts) -> None:
    """Refuse a transport that was given and asks another region.

    Raises:
        ConfigurationError: it does; with a custom endpoint the region does not matter.
    """
    if config.endpoint_url is None and config.region != facts.settings.region:
        message = (
            f"The transport asks region {config.region}, and this session is in {facts.settings.region}: "
            "make the transport with that region"
        )
        raise ConfigurationError(message)


def moved_text(settings: SsoSettings, region: str) -> str:
    """Say that the start URL leads to another region than the configured one."""
    where = "" if settings.session_name is None else f" in [sso-session {settings.session_name}]"
    return f"The start URL leads to region {region}: set sso_region = {region}{where}."


def _facts(
    settings: SsoSettings, config: ClientConfig, environ: Mapping[str, str] | None
) -> SessionFacts:
    return SessionFacts(
        settings=settings,
        config=config,
        roles=_roles(read_aws_config(environ), settings),
    )


def _roles(config: AwsConfig, settings: SsoSettings) -> tuple[tuple[str, str], ...]:
    """Give the accounts and roles of all profiles that use this session: signing out forgets their credentials."""
    found: set[tuple[str, str]] = set()
    for name in config.profiles:
        try:
            other = SsoSettings.from_profile(config, name)
        except ConfigurationError:
            # A broken profile is told of when it is used.
            continue
        if other is None or other.account_id is None or other.role_name is None:
            continue
        if (other.session_name, other.start_url) == (settings.session_name, settings.start_url):
            found.add((other.account_id, other.role_name))
    return tuple(sorted(found))
