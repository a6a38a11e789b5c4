"""Settings from the environment: the AWS tools' variables, and their files in `~/.aws`.

An argument has precedence over a variable, and a variable over the files. Files are read only if arguments and
variables leave a setting open. `ssooidc_core.aws_config` and `ssooidc_core.sso_settings` describe the files' contents.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ssooidc_core._aws_settings import (
    ClientSettings,
    find_profile,
    named_profile,
    resolve_client_settings,
)
from ssooidc_core._config import ClientConfig
from ssooidc_core._sigv4 import Credentials, CredentialsProvider
from ssooidc_core._text import printable
from ssooidc_core.aws_config import AwsConfig, parse_aws_config
from ssooidc_core.errors import ConfigurationError
from ssooidc_core.sso_settings import SsoSettings

__all__ = ["client_config", "read_aws_config", "sso_settings"]

_PATH_LIMIT: Final = 200
# Thousands of profiles take less than 1 MiB, so a larger file is not a configuration.
_MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_VARIABLES: Final = frozenset(
    {
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_REGION",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "HOME",
        "USERPROFILE",
    }
)


def client_config(  # noqa: PLR0913 - one argument for each setting
    *,
    profile: str | None = None,
    sso_session: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    portal_endpoint_url: str | None = None,
    use_fips: bool | None = None,
    use_dualstack: bool | None = None,
    ignore_configured_endpoint_urls: bool | None = None,
    credentials: Credentials | CredentialsProvider | None = None,
    user_agent_suffix: str | None = None,
    allow_insecure_http: bool = False,
    environ: Mapping[str, str] | None = None,
) -> ClientConfig:
    """Return a `ClientConfig` with the settings of the environment. `dataclasses.replace` changes timeouts and limits.

    If arguments and variables give every setting, no file is read, and a named profile or session need not exist.

    Args:
        profile: the profile; the default is `AWS_PROFILE`, else `AWS_DEFAULT_PROFILE`.
        sso_session: the `[sso-session]` section whose region is used instead of the profile's.
        region: the region; the default is `sso_region`, else `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile's
            `region`, in this order.
        endpoint_url: the default is `AWS_ENDPOINT_URL_SSO_OIDC`, else `AWS_ENDPOINT_URL`, the profile's services
            section or its `endpoint_url`.
        portal_endpoint_url: the default is `AWS_ENDPOINT_URL_SSO`, else the same as for `endpoint_url`.
        use_fips: the default is `AWS_USE_FIPS_ENDPOINT`, else the profile's `use_fips_endpoint`.
        use_dualstack: the default is `AWS_USE_DUALSTACK_ENDPOINT`, else the profile's `use_dualstack_endpoint`.
        ignore_configured_endpoint_urls: whether to take endpoints from the arguments only; the default is
            `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`, else the profile's property of that name.
        credentials: see `ClientConfig`; they are not read from the environment.
        user_agent_suffix: see `ClientConfig`.
        allow_insecure_http: see `ClientConfig`.
        environ: the environment variables; the default is `os.environ`.

    Raises:
        ConfigurationError: a file cannot be read or has a syntax error, a named profile or session does not exist, or
            a setting is invalid. The text says where the setting is and what to write instead.
    """
    variables = _variables(environ)
    # Tracebacks may show local variables, and the caller's mapping may contain keys.
    del environ
    explicit = ClientSettings(
        region=region,
        endpoint_url=endpoint_url,
        portal_endpoint_url=portal_endpoint_url,
        use_fips=use_fips,
        use_dualstack=use_dualstack,
        ignore_configured_endpoint_urls=ignore_configured_endpoint_urls,
    )
    settings = resolve_client_settings(explicit, environ=variables)
    if not settings.is_settled:
        config = _read(variables)
        name = profile or named_profile(variables)
        sso = None if region is not None else _sso(config, name, sso_session)
        settings = resolve_client_settings(
            explicit,
            environ=variables,
            config=config,
            profile=find_profile(config, name),
            sso_region=None if sso is None else sso.region,
        )
    return ClientConfig(
        region=settings.region,
        endpoint_url=settings.endpoint_url,
        portal_endpoint_url=settings.portal_endpoint_url,
        use_fips=settings.use_fips or False,
        use_dualstack=settings.use_dualstack or False,
        credentials=credentials,
        user_agent_suffix=user_agent_suffix,
        allow_insecure_http=allow_insecure_http,
    )


def sso_settings(
    *,
    profile: str | None = None,
    sso_session: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> SsoSettings:
    """Return the settings for signing in, from a profile or an `[sso-session]` section.

    Args:
        profile: the profile; the default is `AWS_PROFILE`, else `AWS_DEFAULT_PROFILE`.
        sso_session: an `[sso-session]` section, used instead of a profile.
        environ: the environment variables; the default is `os.environ`.

    Raises:
        ConfigurationError: see `client_config`; also if the profile has no SSO settings.
    """
    variables = _variables(environ)
    del environ
    config = _read(variables)
    name = profile or named_profile(variables)
    found = _sso(config, name, sso_session)
    if found is None:
        shown = printable(name or "default", limit=80)
        message = (
            f"Invalid Configuration: the profile {shown!r} has no SSO settings: write 'sso_session = ' with the "
            f"name of an [sso-session] section into it ({printable(config.file, limit=_PATH_LIMIT)}), "
            "or name another profile (AWS_PROFILE)"
        )
        raise ConfigurationError(message)
    return found


def read_aws_config(environ: Mapping[str, str] | None = None) -> AwsConfig:
    """Read both files: `AWS_CONFIG_FILE` or `~/.aws/config`, `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`.

    A file that does not exist is treated as empty. The result's `warnings` list the lines that were ignored.

    Raises:
        ConfigurationError: a file cannot be read, is not UTF-8, is larger than 16 MiB, or has a syntax error.
    """
    variables = _variables(environ)
    del environ
    return _read(variables)


def _variables(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Return only the variables that are used here, none of which is secret."""
    source = os.environ if environ is None else environ
    return {
        name: value
        for name, value in source.items()
        if name in _VARIABLES or name.startswith("AWS_ENDPOINT_URL")
    }


def _sso(config: AwsConfig, profile: str | None, sso_session: str | None) -> SsoSettings | None:
    if sso_session is not None:
        return SsoSettings.from_sso_session(config, sso_session)
    return SsoSettings.from_profile(config, profile)


@dataclass(frozen=True, slots=True)
class _FileText:
    """The text of a file, or the reason why it cannot be used."""

    path: str
    text: str = field(default="", repr=False)
    problem: str | None = None


def _read(variables: Mapping[str, str]) -> AwsConfig:
    config = _text_of(_path(variables, "AWS_CONFIG_FILE", "~/.aws/config"))
    credentials = _text_of(_path(variables, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
    for variable, file in (
        ("AWS_CONFIG_FILE", config),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials),
    ):
        if file.problem is not None:
            message = (
                f"Invalid Configuration: {printable(file.path, limit=_PATH_LIMIT)} {file.problem}: "
                f"correct it, or name another file ({variable})"
            )
            raise ConfigurationError(message)
    return parse_aws_config(
        config.text, credentials.text, config_file=config.path, credentials_file=credentials.path
    )


def _path(variables: Mapping[str, str], variable: str, default: str) -> str:
    written = variables.get(variable) or default
    # `expanduser` would use the home of `os.environ`, which may differ from the given variables.
    home = variables.get("HOME") or variables.get("USERPROFILE")
    if home and (written == "~" or written.startswith(("~/", "~\\"))):
        return home + written[1:]
    return os.path.expanduser(written)  # noqa: PTH111 - `Path.expanduser` raises an error if there is no home


def _text_of(path: str) -> _FileText:
    try:
        data = _bytes_of(path)
    except FileNotFoundError:
        return _FileText(path)
    except (OSError, ValueError) as caught:
        return _FileText(path, problem=f"cannot be read ({type(caught).__name__})")
    if data is None:
        return _FileText(path, problem="is not a file")
    if len(data) > _MAX_FILE_BYTES:
        return _FileText(path, problem="is larger than 16 MiB")
    try:
        return _FileText(path, data.decode("utf-8"))
    except UnicodeDecodeError as caught:
        line = data.count(b"\n", 0, caught.start) + 1
    return _FileText(path, problem=f"is not UTF-8 (line {line})")


def _bytes_of(path: str) -> bytes | None:
    """Return the content of a file, at most one byte over the limit; `None` if it is not a regular file."""
    # Reading another kind of file may block forever. /dev/null is the usual way to use no file.
    if not (stat.S_ISREG(Path(path).stat().st_mode) or path == os.devnull):
        return None
    with Path(path).open("rb") as file:
        return file.read(_MAX_FILE_BYTES + 1)
