"""`SessionFacts`: the settings of a session, and how they are read from the AWS configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ssooidc_core import AsyncTransport, ClientConfig, ConfigurationError, Transport
from ssooidc_core._endpoints import check_region
from ssooidc_core.aws_config import AwsConfig
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_transports.environment import client_config, read_aws_config, sso_settings

__all__ = ["SessionFacts", "check_transport", "configured_facts", "make_facts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFacts:
    """What a session is made of.

    Attributes:
        settings: start URL, region, name and scopes.
        config: where its requests go.
        roles: the accounts and roles that the configuration names for it.
        moved_from: the configured region, if the start URL leads to another one.
    """

    settings: SsoSettings
    config: ClientConfig
    roles: tuple[tuple[str, str], ...] = ()
    moved_from: str | None = None

    @property
    def configured_region(self) -> str:
        """The region in the configuration, which counts where the start URL names none."""
        return self.moved_from or self.settings.region

    def moved_to(self, region: str) -> SessionFacts:
        """Return the same session in the region that its start URL leads to."""
        return replace(
            self,
            settings=replace(self.settings, region=region),
            config=replace(self.config, region=region),
            moved_from=self.configured_region,
        )


def configured_facts(
    config: ClientConfig | None,
    transport: Transport | AsyncTransport | None,
    environ: Mapping[str, str] | None,
    *,
    profile: str | None = None,
    sso_session: str | None = None,
) -> SessionFacts:
    """Read a profile or an `[sso-session]` section; by default the profile that the environment names.

    Args:
        config: used instead of what the AWS configuration says about endpoints.
        transport: the caller's transport, whose config counts if `config` is not given.
        environ: the environment variables; by default those of the process.
        profile: the profile's name.
        sso_session: the section's name, used instead of a profile.

    Raises:
        ConfigurationError: it does not exist, says nothing about SSO, or is unusable.
    """
    settings = sso_settings(profile=profile, sso_session=sso_session, environ=environ)
    if config is None and transport is not None:
        config = transport.config
    if config is None:
        config = client_config(
            profile=profile, sso_session=sso_session, region=settings.region, environ=environ
        )
    return SessionFacts(
        settings=settings, config=config, roles=_roles(read_aws_config(environ), settings)
    )


def make_facts(
    settings: SsoSettings,
    config: ClientConfig | None,
    roles: Iterable[tuple[str, str]],
    transport: Transport | AsyncTransport | None,
) -> SessionFacts:
    """Make the facts of a session from the arguments of its constructor.

    Raises:
        ConfigurationError: the region is not valid, or the transport is for another one.
    """
    check_region(settings.region)
    if config is None:
        config = ClientConfig(region=settings.region) if transport is None else transport.config
    facts = SessionFacts(settings=settings, config=config, roles=tuple(roles))
    check_transport(transport, facts)
    return facts


def check_transport(transport: Transport | AsyncTransport | None, facts: SessionFacts) -> None:
    """Check that the caller's transport sends to the session's region.

    With a custom endpoint the region does not matter.

    Raises:
        ConfigurationError: it sends to another region.
    """
    if transport is None or transport.config.endpoint_url is not None:
        return
    if transport.config.region != facts.settings.region:
        message = (
            f"The transport sends to region {transport.config.region}, but this session is in "
            f"{facts.settings.region}: make the transport with that region"
        )
        raise ConfigurationError(message)


def _roles(config: AwsConfig, settings: SsoSettings) -> tuple[tuple[str, str], ...]:
    """Return the accounts and roles of all profiles that use this session: signing out deletes their credentials."""
    found: set[tuple[str, str]] = set()
    for name in config.profiles:
        try:
            other = SsoSettings.from_profile(config, name)
        except ConfigurationError:
            # A broken profile is reported when it is used.
            continue
        if other is None or other.account_id is None or other.role_name is None:
            continue
        if (other.session_name, other.start_url) == (settings.session_name, settings.start_url):
            found.add((other.account_id, other.role_name))
    return tuple(sorted(found))
