"""Endpoints, regions and profiles from the AWS tools' environment variables and files, in their order of precedence.

An argument takes precedence over a variable, and a variable over the files. The files are given as an `AwsConfig` and
the variables as a mapping: nothing is read here. An empty variable or property counts as absent. `None` means not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ssooidc_core._text import printable
from ssooidc_core.aws_config import AwsConfig, Section
from ssooidc_core.errors import ConfigurationError

__all__ = [
    "OIDC_SERVICE_ID",
    "PORTAL_SERVICE_ID",
    "ClientSettings",
    "find_profile",
    "named_profile",
    "resolve_client_settings",
    "resolve_endpoint_url",
    "resolve_flag",
    "resolve_region",
]

Flag: TypeAlias = Literal[
    "ignore_configured_endpoint_urls", "use_dualstack_endpoint", "use_fips_endpoint"
]

OIDC_SERVICE_ID: Final = "SSO OIDC"
"""The service model's `sdkId` of SSO OIDC: `AWS_ENDPOINT_URL_SSO_OIDC`, and `sso_oidc` in a services section."""
PORTAL_SERVICE_ID: Final = "SSO"
"""The service model's `sdkId` of the access portal: `AWS_ENDPOINT_URL_SSO`, and `sso` in a services section."""

_FLAGS: Final = {"true": True, "false": False}
_NAME_LIMIT: Final = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSettings:
    """The part of `ClientConfig` that the AWS tools' variables and files can set; `None` means not set."""

    region: str | None = None
    endpoint_url: str | None = field(default=None, repr=False)
    portal_endpoint_url: str | None = field(default=None, repr=False)
    use_fips: bool | None = None
    use_dualstack: bool | None = None
    ignore_configured_endpoint_urls: bool | None = None

    @property
    def is_settled(self) -> bool:
        """Whether no setting is left that a file could set."""
        urls = self.endpoint_url is not None and self.portal_endpoint_url is not None
        return (
            self.region is not None
            and (urls or self.ignore_configured_endpoint_urls is True)
            and self.use_fips is not None
            and self.use_dualstack is not None
        )


def named_profile(environ: Mapping[str, str]) -> str | None:
    """Return the profile named by `AWS_PROFILE`, else by `AWS_DEFAULT_PROFILE`, or `None`."""
    return environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or None


def find_profile(config: AwsConfig, profile: str | None) -> Section | None:
    """Return a profile's section; without a name that of `default`, or `None` if there is no such section.

    Raises:
        ConfigurationError: there is no such profile.
    """
    if profile is None:
        return config.profiles.get("default")
    found = config.profiles.get(profile)
    if found is None:
        name = printable(profile, limit=_NAME_LIMIT)
        file = printable(config.file, limit=200)
        message = (
            f"Invalid Configuration: there is no profile {name!r}: write [profile {name}] into {file}, "
            f"or use another one (AWS_PROFILE){config.say_ignored(f'[{name}]', f'[profile {name}]')}"
        )
        raise ConfigurationError(message)
    return found


def resolve_client_settings(
    explicit: ClientSettings,
    *,
    environ: Mapping[str, str],
    config: AwsConfig | None = None,
    profile: Section | None = None,
    sso_region: str | None = None,
) -> ClientSettings:
    """Return the settings, with those that the arguments do not set from the variables and files.

    Args:
        explicit: the arguments.
        environ: the variables; only those of AWS are used.
        config: the files; without them, only settings that need no file are resolved.
        profile: the profile's section.
        sso_region: the region of the SSO settings, where the Identity Center instance is. It takes precedence over
            `AWS_REGION`, which is the region for other services.

    Raises:
        ConfigurationError: a setting is invalid; the message has its name and position.
    """
    ignore = resolve_flag(
        "ignore_configured_endpoint_urls",
        explicit.ignore_configured_endpoint_urls,
        environ=environ,
        profile=profile,
    )
    region = explicit.region
    if region is None and config is not None:
        region = sso_region or resolve_region(environ=environ, profile=profile)
    oidc, portal = (
        resolve_endpoint_url(
            service, url, ignore=ignore is True, environ=environ, config=config, profile=profile
        )
        for service, url in (
            (OIDC_SERVICE_ID, explicit.endpoint_url),
            (PORTAL_SERVICE_ID, explicit.portal_endpoint_url),
        )
    )
    return ClientSettings(
        region=region,
        endpoint_url=oidc,
        portal_endpoint_url=portal,
        use_fips=resolve_flag(
            "use_fips_endpoint", explicit.use_fips, environ=environ, profile=profile
        ),
        use_dualstack=resolve_flag(
            "use_dualstack_endpoint", explicit.use_dualstack, environ=environ, profile=profile
        ),
        ignore_configured_endpoint_urls=ignore,
    )


def resolve_endpoint_url(  # noqa: PLR0913 - each place that may name one
    service_id: str,
    endpoint_url: str | None = None,
    *,
    ignore: bool = False,
    environ: Mapping[str, str],
    config: AwsConfig | None = None,
    profile: Section | None = None,
) -> str | None:
    """Return the custom endpoint of a service as it is written, unchecked, or `None`.

    Args:
        service_id: the `sdkId` of the service's model, `SSO OIDC` for example.
        endpoint_url: the argument, which takes precedence.
        ignore: use only the argument.
        environ: the variables: the service's own, then `AWS_ENDPOINT_URL`.
        config: the files, which have the services sections.
        profile: the profile, whose services section is used, then its own `endpoint_url`.

    Raises:
        ConfigurationError: the profile names a services section that does not exist, or a property has sub-properties
            where a text is needed, or the reverse.
    """
    if endpoint_url is not None or ignore:
        return endpoint_url
    service = service_id.lower().replace(" ", "_").replace("-", "_")
    url = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL")
    if url or profile is None or config is None:
        return url or None
    name = profile.text("services")
    if name is not None:
        services = config.services.get(name)
        if services is None:
            message = (
                f"{profile.say('services')} names a [services] section that does not exist: "
                f"write it into {printable(config.file, limit=200)}, or remove the line"
                f"{config.say_ignored(f'[services {name}]')}"
            )
            raise ConfigurationError(message)
        url = services.nested(service).get("endpoint_url")
    return url or profile.text("endpoint_url")


def resolve_flag(
    name: Flag,
    value: bool | None = None,  # noqa: FBT001 - the argument that may be left out, as in `resolve_endpoint_url`
    *,
    environ: Mapping[str, str],
    profile: Section | None = None,
) -> bool | None:
    """Return a setting that is true or false: the argument, the variable of that name, or the profile's property.

    Raises:
        ConfigurationError: it is neither `true` nor `false`, in any letter case. A misspelt `true` for FIPS must not
            turn FIPS off.
    """
    if value is not None:
        return value
    variable = f"AWS_{name.upper()}"
    text, where = environ.get(variable), f"Invalid Configuration: the variable {variable}"
    if not text:
        text = None if profile is None else profile.text(name)
        if profile is None or text is None:
            return None
        where = profile.say(name)
    said = _FLAGS.get(text.lower())
    if said is None:
        message = f"{where} must be true or false"
        raise ConfigurationError(message)
    return said


def resolve_region(
    region: str | None = None, *, environ: Mapping[str, str], profile: Section | None = None
) -> str | None:
    """Return the region: the argument, `AWS_REGION`, `AWS_DEFAULT_REGION`, or the profile's `region`.

    Raises:
        ConfigurationError: the profile's `region` has sub-properties.
    """
    said = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return said or (None if profile is None else profile.text("region"))
