"""`SsoSettings`: where and how to sign in, from an `[sso-session]` section or a profile.

A profile names an `[sso-session]` section or, in the older form, has `sso_start_url` and `sso_region` of its own. A
property that both have must have the same value in both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ssooidc_core._aws_config_lines import shown_name
from ssooidc_core._aws_settings import find_profile
from ssooidc_core._endpoints import check_region
from ssooidc_core._text import printable
from ssooidc_core.aws_config import AwsConfig, Section
from ssooidc_core.errors import ConfigurationError

__all__ = ["SsoSettings", "parse_registration_scopes"]

_REQUIRED: Final = {
    "sso_start_url": "the start URL, https://d-1234567890.awsapps.com/start for example",
    "sso_region": "the region of the Identity Center instance, us-east-1 for example",
}
_ROLE: Final = {
    "sso_account_id": "the 12 digits of an AWS account",
    "sso_role_name": "the name of a permission set",
}
_OF_SSO: Final = frozenset({"sso_session", *_REQUIRED, *_ROLE})


def parse_registration_scopes(setting: str) -> tuple[str, ...]:
    """Return the scopes in the value of `sso_registration_scopes`, which are separated by commas."""
    return tuple(scope for part in setting.split(",") if (scope := part.strip()))


@dataclass(frozen=True, kw_only=True, slots=True)
class SsoSettings:
    """Where and how to sign in.

    Attributes:
        start_url: the start URL as it is written; in the older form, the token file's name depends on it.
        region: the region of the Identity Center instance; one host label.
        session_name: the name of the `[sso-session]` section, on which the token file's name depends; `None` in the
            older form.
        scopes: the scopes to register; `None` if the setting is absent, which results in another name of the
            registration file than an empty setting.
        profile: the profile that these settings are from, or `None`.
        account_id: the profile's account, or `None`.
        role_name: the profile's role, or `None`.
    """

    start_url: str
    region: str
    session_name: str | None = None
    scopes: tuple[str, ...] | None = None
    profile: str | None = None
    account_id: str | None = None
    role_name: str | None = None

    @classmethod
    def from_sso_session(cls, config: AwsConfig, name: str) -> SsoSettings:
        """Read an `[sso-session]` section.

        Raises:
            ConfigurationError: there is no such section, or its start URL or region is missing or invalid.
        """
        section = config.sso_sessions.get(name)
        if section is None:
            shown, file = printable(name, limit=80), printable(config.file, limit=200)
            message = (
                f"Invalid Configuration: there is no SSO session {shown!r}: "
                f"write [sso-session {shown}] into {file}, with sso_start_url and sso_region"
                f"{config.say_ignored(f'[sso-session {shown}]')}"
            )
            raise ConfigurationError(message)
        start_url, region = _sign_in(section, is_session=True)
        scopes = _scopes(section)
        return cls(start_url=start_url, region=region, session_name=name, scopes=scopes)

    @classmethod
    def from_profile(cls, config: AwsConfig, name: str | None = None) -> SsoSettings | None:
        """Read a profile; return `None` if it has no SSO settings.

        Args:
            config: the files.
            name: the profile; by default the profile `default`, if there is one.

        Raises:
            ConfigurationError: there is no such profile or no SSO session with the name in it, a required setting is
                missing or invalid, or profile and session differ.
        """
        profile = find_profile(config, name)
        if profile is None or not _OF_SSO & profile.properties.keys():
            return None
        session_name = profile.text("sso_session")
        if session_name is None:
            start_url, region = _sign_in(profile, is_session=False)
            # As in the AWS CLI: the older form has no scopes, even if the profile has the property.
            found = cls(start_url=start_url, region=region)
            role = {key: profile.text(key) for key in _ROLE}
        else:
            session = _session_of(profile, session_name, config)
            found = cls.from_sso_session(config, session_name)
            role = {key: profile.text(key) or session.text(key) for key in _ROLE}
        return replace(
            found,
            profile=name or "default",
            account_id=role["sso_account_id"],
            role_name=role["sso_role_name"],
        )

    def account_and_role(self) -> tuple[str, str]:
        """Return the account and the role to request from the access portal.

        Raises:
            ConfigurationError: the profile lacks one of the two, or there is no profile.
        """
        if self.account_id is not None and self.role_name is not None:
            return self.account_id, self.role_name
        if self.profile is None:
            message = (
                "Invalid Configuration: an SSO session has no account and no role: "
                "use a profile that has them, or pass both"
            )
            raise ConfigurationError(message)
        lacking = "sso_role_name" if self.account_id is not None else "sso_account_id"
        message = (
            f"Invalid Configuration: the profile {printable(self.profile, limit=80)!r} has no {lacking}: "
            f"write '{lacking} = ' with {_ROLE[lacking]} into it"
        )
        raise ConfigurationError(message)


def _session_of(profile: Section, name: str, config: AwsConfig) -> Section:
    """Return the session section that a profile names, after checking that the two agree."""
    session = config.sso_sessions.get(name)
    if session is None:
        message = (
            f"{profile.say('sso_session')} names an [sso-session] section that does not exist: write it into "
            f"{printable(config.file, limit=200)}, with sso_start_url and sso_region"
            f"{config.say_ignored(f'[sso-session {name}]')}"
        )
        raise ConfigurationError(message)
    # This holds for every property: the AWS SDKs use the session's, and refuse a profile with another value.
    for key, said in session.properties.items():
        own = profile.properties.get(key)
        if own is not None and own.value != said.value:
            message = (
                f"Invalid Configuration: {own.place}, {profile.header}: {shown_name(key)} differs from that of "
                f"{session.header} ({said.place}): remove it from the profile"
            )
            raise ConfigurationError(message)
    return session


def _sign_in(section: Section, *, is_session: bool) -> tuple[str, str]:
    """Return the start URL and the region of a session, or of a profile in the older form."""
    start_url, region = section.text("sso_start_url"), section.text("sso_region")
    if start_url is None or region is None:
        lacking = "sso_start_url" if start_url is None else "sso_region"
        message = (
            f"{section.say()} {lacking} is missing: write '{lacking} = ' with {_REQUIRED[lacking]}"
        )
        if not is_session:
            message += ", or 'sso_session = ' with the name of an [sso-session] section"
        raise ConfigurationError(message)
    try:
        check_region(region)
    except ConfigurationError:
        # This error quotes the region, which may be a secret on the wrong line.
        usable = False
    else:
        usable = True
    if not usable:
        message = f"{section.say('sso_region')} is not a region: write us-east-1, for example"
        raise ConfigurationError(message)
    return start_url, region


def _scopes(section: Section) -> tuple[str, ...] | None:
    """Return the scopes of a session, or `None` if the property is absent."""
    if "sso_registration_scopes" not in section.properties:
        return None
    scopes = parse_registration_scopes(section.text("sso_registration_scopes") or "")
    if any(len(scope.split()) > 1 for scope in scopes):
        message = (
            f"{section.say('sso_registration_scopes')} has a space inside a scope: "
            "separate scopes by commas"
        )
        raise ConfigurationError(message)
    return scopes
