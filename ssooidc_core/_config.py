"""`ClientConfig`: everything that shapes a request but the request's own members.

It is a value: the core reads no environment variable and no file. `ssooidc_transports.environment.client_config()`
makes one from the environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ssooidc_core._endpoints import checked_endpoint_url, resolve_endpoint
from ssooidc_core._sigv4 import Credentials, CredentialsProvider
from ssooidc_core._version import __version__
from ssooidc_core.errors import ConfigurationError

__all__ = ["ClientConfig"]

_HEADER_TEXT: Final = re.compile(r"[\x20-\x7e]*\Z")
_POSITIVE: Final = (
    "connect_timeout",
    "read_timeout",
    "write_timeout",
    "pool_timeout",
    "total_timeout",
    "max_response_bytes",
    "max_attempts",
)


@dataclass(frozen=True, kw_only=True)
class ClientConfig:
    """Where requests go, who signs them, and how long and how large anything may be.

    Attributes:
        region: the region of the Identity Center instance, `us-east-1` for example; may be left out only with a
            custom endpoint, and not for signed operations.
        endpoint_url: base URL of SSO OIDC in place of the region's own.
        portal_endpoint_url: base URL of the access portal in place of the region's own.
        use_fips: use FIPS 140 endpoints.
        use_dualstack: use endpoints that speak IPv4 and IPv6.
        credentials: what CreateTokenWithIAM is signed with: a value, or a provider asked before each attempt.
        user_agent_suffix: put behind this library's own user agent, `my-tool/1.0` for example.
        allow_insecure_http: allow plain http to hosts other than this machine.
        connect_timeout: seconds to make a connection, TLS included.
        read_timeout: seconds without a byte of the answer.
        write_timeout: seconds without a byte of the request taken.
        pool_timeout: seconds to wait for a free connection.
        total_timeout: seconds for one attempt from its begin to the last byte.
        max_response_bytes: largest answer body, in bytes, after decompression too.
        max_attempts: attempts of one operation under a transport's own retry policy, the first included.
    """

    region: str | None = None
    endpoint_url: str | None = None
    portal_endpoint_url: str | None = None
    use_fips: bool = False
    use_dualstack: bool = False
    credentials: Credentials | CredentialsProvider | None = field(default=None, repr=False)
    user_agent_suffix: str | None = None
    allow_insecure_http: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    write_timeout: float = 30.0
    pool_timeout: float = 30.0
    total_timeout: float = 60.0
    max_response_bytes: int = 1024 * 1024
    max_attempts: int = 3

    def __post_init__(self) -> None:
        """Refuse what could not be sent.

        Raises:
            ConfigurationError: a limit is not above zero, the suffix is not printable ASCII, or a custom endpoint is
                not a usable URL; at once, since such a URL may hold a password, and a config is printed.
        """
        for name in _POSITIVE:
            value: float = getattr(self, name)
            if not value > 0:
                message = f"Invalid Configuration: {name} must be above 0, not {value!r}"
                raise ConfigurationError(message)
        if self.user_agent_suffix and _HEADER_TEXT.match(self.user_agent_suffix) is None:
            message = "Invalid Configuration: user_agent_suffix may hold printable ASCII only"
            raise ConfigurationError(message)
        for url in (self.endpoint_url, self.portal_endpoint_url):
            if url is not None:
                _ = checked_endpoint_url(url, allow_insecure_http=self.allow_insecure_http)

    # Resolved once per config: these are asked for at every request.

    @cached_property
    def oidc_endpoint(self) -> str:
        """The base URL of SSO OIDC, without a trailing slash.

        Raises:
            ConfigurationError: as `ssooidc_core._endpoints.resolve_endpoint`.
        """
        return resolve_endpoint(
            "oidc",
            region=self.region,
            use_fips=self.use_fips,
            use_dualstack=self.use_dualstack,
            endpoint_url=self.endpoint_url,
            allow_insecure_http=self.allow_insecure_http,
        )

    @cached_property
    def portal_endpoint(self) -> str:
        """The base URL of the access portal, without a trailing slash.

        Raises:
            ConfigurationError: as `ssooidc_core._endpoints.resolve_endpoint`.
        """
        return resolve_endpoint(
            "portal.sso",
            region=self.region,
            use_fips=self.use_fips,
            use_dualstack=self.use_dualstack,
            endpoint_url=self.portal_endpoint_url,
            allow_insecure_http=self.allow_insecure_http,
        )

    @cached_property
    def user_agent_field(self) -> tuple[str, str]:
        """The header `User-Agent` of every request, name and value."""
        suffix = f" {self.user_agent_suffix}" if self.user_agent_suffix else ""
        return "User-Agent", f"ssooidc-core/{__version__}{suffix}"
