"""The one place that reads the environment: the AWS tools' variables, and their files in `~/.aws`.

What is given as an argument wins over a variable, a variable over the files, and a file is read only where something is
left for it to say. What the variables and files mean is `ssooidc_core._aws_settings` and `ssooidc_core.sso_settings`.
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
# Some thousand profiles are less than one; what is larger is no configuration.
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


def client_config(  # noqa: PLR0913 - each setting by its name
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
    """Make a `ClientConfig` of the environment. `dataclasses.replace` changes its timeouts and limits.

    No file is read where arguments and variables say everything; then a profile or a session that is named is not
    looked for either.

    Args:
        profile: in place of `AWS_PROFILE` and `AWS_DEFAULT_PROFILE`.
        sso_session: the `[sso-session]` whose region counts, in place of the profile's.
        region: in place of `sso_region`; without that, `AWS_REGION`, `AWS_DEFAULT_REGION` and the profile's `region`
            are asked in this order.
        endpoint_url: in place of `AWS_ENDPOINT_URL_SSO_OIDC`, `AWS_ENDPOINT_URL`, the profile's services section and
            its `endpoint_url`.
        portal_endpoint_url: in place of `AWS_ENDPOINT_URL_SSO` and the same others.
        use_fips: in place of `AWS_USE_FIPS_ENDPOINT` and the profile's `use_fips_endpoint`.
        use_dualstack: in place of `AWS_USE_DUALSTACK_ENDPOINT` and the profile's `use_dualstack_endpoint`.
        ignore_configured_endpoint_urls: take endpoints from the arguments only; in place of
            `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` and the profile's property of that name.
        credentials: as in `ClientConfig`; none are looked for.
        user_agent_suffix: as in `ClientConfig`.
        allow_insecure_http: as in `ClientConfig`.
        environ: the variables in place of the process's.

    Raises:
        ConfigurationError: a file cannot be read or breaks the grammar, a profile or session that is named does not
            exist, or a setting is unusable; names where it stands, and what to write instead.
    """
    variables = _variables(environ)
    # Tracebacks may show what frames hold, and a caller's mapping holds keys.
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
    """Find out where and how to sign in.

    Args:
        profile: in place of `AWS_PROFILE` and `AWS_DEFAULT_PROFILE`.
        sso_session: an `[sso-session]` section, in place of any profile.
        environ: the variables in place of the process's.

    Raises:
        ConfigurationError: as `client_config`, or nothing is said about SSO.
    """
    variables = _variables(environ)
    del environ
    config = _read(variables)
    name = profile or named_profile(variables)
    found = _sso(config, name, sso_session)
    if found is None:
        shown = printable(name or "default", limit=80)
        message = (
            f"Invalid Configuration: the profile {shown!r} says nothing about SSO: write 'sso_session = ' with the "
            f"name of an [sso-session] section into it ({printable(config.file, limit=_PATH_LIMIT)}), "
            "or name another profile (AWS_PROFILE)"
        )
        raise ConfigurationError(message)
    return found


def read_aws_config(environ: Mapping[str, str] | None = None) -> AwsConfig:
    """Read both files: `AWS_CONFIG_FILE` or `~/.aws/config`, `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`.

    A file that does not exist is an empty one. What was ignored in them is in the result's `warnings`.

    Raises:
        ConfigurationError: a file cannot be read, is not UTF-8, is larger than 16 MiB, or breaks the grammar.
    """
    variables = _variables(environ)
    del environ
    return _read(variables)


def _variables(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Give those variables that are asked for here, and none that is secret."""
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
    """A file's text, or what is wrong with it."""

    path: str
    text: str = field(default="", repr=False)
    problem: str | None = None


def _read(variables: Mapping[str, str]) -> AwsConfig:
    config = _text_of(_path(variables, "AWS_CONFIG_FILE", "~/.aws/config"))
    credentials = _text_of(_path(variables, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
    for file, variable in (
        (config, "AWS_CONFIG_FILE"),
        (credentials, "AWS_SHARED_CREDENTIALS_FILE"),
    ):
        if file.problem is not None:
            message = (
                f"Invalid Configuration: {printable(file.path, limit=_PATH_LIMIT)} {file.problem}: "
                f"mend it, or name another file ({variable})"
            )
            raise ConfigurationError(message)
    return parse_aws_config(
        config.text, credentials.text, config_file=config.path, credentials_file=credentials.path
    )


def _path(variables: Mapping[str, str], variable: str, default: str) -> str:
    written = variables.get(variable) or default
    # The mapping that was given need not be the process's, whose home `expanduser` takes.
    home = variables.get("HOME") or variables.get("USERPROFILE")
    if home and (written == "~" or written.startswith(("~/", "~\\"))):
        return home + written[1:]
    return os.path.expanduser(written)  # noqa: PTH111 - `Path.expanduser` fails where there is no home


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
    """Give what is in a file, or a byte more than is allowed; `None` where it is of a kind that may wait for ever."""
    # /dev/null is how to say that there is no file.
    if not (stat.S_ISREG(Path(path).stat().st_mode) or path == os.devnull):
        return None
    with Path(path).open("rb") as file:
        return file.read(_MAX_FILE_BYTES + 1)
