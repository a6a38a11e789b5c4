"""The URL that a request goes to, computed from region and settings by plain functions.

The rules and the error texts are those of the services' endpoint rule sets (models `sso-oidc` and `sso`). Two checks
are added: a region must be one host label, and plain http goes only to this machine.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from ssooidc_core._partitions import partition_of
from ssooidc_core._text import printable
from ssooidc_core.errors import ConfigurationError

__all__ = [
    "EndpointPrefix",
    "check_region",
    "checked_endpoint_url",
    "is_loopback",
    "resolve_endpoint",
]

EndpointPrefix: TypeAlias = Literal["oidc", "portal.sso"]
"""The service's first host label(s): `oidc` for SSO OIDC, `portal.sso` for the access portal."""

_HOST_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z", re.ASCII)


def resolve_endpoint(  # noqa: PLR0913 - the settings of the rule sets, each by name
    prefix: EndpointPrefix,
    *,
    region: str | None,
    use_fips: bool = False,
    use_dualstack: bool = False,
    endpoint_url: str | None = None,
    allow_insecure_http: bool = False,
) -> str:
    """Return the base URL of a service, without a trailing slash.

    Args:
        prefix: the service.
        region: an AWS region; not needed if `endpoint_url` is given.
        use_fips: use the FIPS 140 endpoint.
        use_dualstack: use the endpoint that supports IPv4 and IPv6.
        endpoint_url: a custom endpoint, including its base path.
        allow_insecure_http: allow plain http to hosts other than this machine.

    Raises:
        ConfigurationError: the settings do not go together, the region is missing or is not one host label, or the
            custom endpoint is not a usable URL.
    """
    if endpoint_url is not None:
        if use_fips:
            message = "Invalid Configuration: FIPS and custom endpoint are not supported"
            raise ConfigurationError(message)
        if use_dualstack:
            message = "Invalid Configuration: Dualstack and custom endpoint are not supported"
            raise ConfigurationError(message)
        return checked_endpoint_url(endpoint_url, allow_insecure_http=allow_insecure_http)
    if not region:
        message = "Invalid Configuration: Missing Region"
        raise ConfigurationError(message)
    check_region(region)
    return f"https://{_host(prefix, region, use_fips=use_fips, use_dualstack=use_dualstack)}"


def check_region(region: str) -> None:
    """Check that a region is one host label, so that it cannot change the host it becomes part of.

    Raises:
        ConfigurationError: it is not one host label (RFC 1123 section 2.1).
    """
    if _HOST_LABEL.match(region) is None:
        message = (
            f"Invalid Configuration: {region[:80]!r} is not a region; "
            "a region is one host label, us-east-1 for example"
        )
        raise ConfigurationError(message)


def _host(prefix: EndpointPrefix, region: str, *, use_fips: bool, use_dualstack: bool) -> str:
    partition = partition_of(region)
    lacks_fips = use_fips and not partition.supports_fips
    lacks_dualstack = use_dualstack and not partition.supports_dual_stack
    message = None
    if use_fips and use_dualstack and (lacks_fips or lacks_dualstack):
        message = "FIPS and DualStack are enabled, but this partition does not support one or both"
    elif lacks_fips:
        message = "FIPS is enabled but this partition does not support FIPS"
    elif lacks_dualstack:
        message = "DualStack is enabled but this partition does not support DualStack"
    if message is not None:
        raise ConfigurationError(message)
    # GovCloud's ordinary endpoints are FIPS endpoints.
    in_name = use_fips and (use_dualstack or partition.name != "aws-us-gov")
    suffix = partition.dual_stack_dns_suffix if use_dualstack else partition.dns_suffix
    return f"{prefix}{'-fips' if in_name else ''}.{region}.{suffix}"


def is_loopback(host: str) -> bool:
    """Return whether a host name, or an address without brackets, always means this machine (RFC 6761 section 6.3)."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def checked_endpoint_url(url: str, *, allow_insecure_http: bool) -> str:
    """Return a custom endpoint without its trailing slash.

    Raises:
        ConfigurationError: it is not an absolute http(s) URL without user, query and fragment, or it is plain http to
            another machine without `allow_insecure_http`.
    """
    problem = _endpoint_url_problem(url, allow_insecure_http=allow_insecure_http)
    if problem is not None:
        # Not quoted: it may contain a password.
        message = f"Invalid Configuration: the endpoint URL {problem}"
        raise ConfigurationError(message)
    return url.rstrip("/")


def _endpoint_url_problem(url: str, *, allow_insecure_http: bool) -> str | None:
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        return "may contain visible ASCII characters only"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not host:
        return "must be absolute, https://oidc.us-east-1.amazonaws.com for example"
    if "@" in parts.netloc:
        return "may not contain a user name or password"
    if "\\" in url:
        # WHATWG URL: some HTTP libraries read it as a slash, and would connect to another host than the one checked.
        return "may not contain a backslash"
    if "?" in url or "#" in url:
        return "may not have a query or a fragment"
    if parts.scheme == "http" and not (allow_insecure_http or is_loopback(host)):
        return (
            f"would send secrets unencrypted to {printable(host, limit=253)}: use https, "
            "or set allow_insecure_http=True if you control the network"
        )
    return None
