"""`ClientConfig`: everything that shapes a request except the request's own members.

It is a value: the core reads no environment variables and no files. `ssooidc_transports.environment.client_config()`
makes one from the environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ssooidc_core._endpoints import EndpointPrefix, checked_endpoint_url, resolve_endpoint
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
    """Where requests go, what signs them, and the limits on time and size.

    Attributes:
        region: the region of the Identity Center instance, such as `us-east-1`; required unless there is a custom
            endpoint, and always required for signed operations.
        endpoint_url: base URL of SSO OIDC, in place of the region's own.
        portal_endpoint_url: base URL of the access portal, in place of the region's own.
        use_fips: use FIPS 140 endpoints.
        use_dualstack: use endpoints that support IPv4 and IPv6.
        credentials: the credentials that sign CreateTokenWithIAM, or a provider called before each attempt.
        user_agent_suffix: added to this library's user agent, `my-tool/1.0` for example.
        allow_insecure_http: allow plain http to hosts other than this machine.
        connect_timeout: seconds to establish a connection, including TLS.
        read_timeout: seconds without receiving a byte of the answer.
        write_timeout: seconds without sending a byte of the request.
        pool_timeout: seconds to wait for a free connection.
        total_timeout: seconds for one attempt, from its start to the last byte.
        max_response_bytes: largest allowed answer body in bytes, also after decompression.
        max_attempts: the most attempts of one operation under a transport's own retry policy, including the first. It
            is sent as the `max` of `amz-sdk-request`, so a policy given to a transport should have the same limit.
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
        """Check the limits, the user agent suffix and the custom endpoints.

        Raises:
            ConfigurationError: a limit is not above zero, the suffix is not printable ASCII, or a custom endpoint is
                not a usable URL.
        """
        for name in _POSITIVE:
            value: float = getattr(self, name)
            if not value > 0:
                message = f"Invalid Configuration: {name} must be above 0, not {value!r}"
                raise ConfigurationError(message)
        if self.user_agent_suffix and _HEADER_TEXT.match(self.user_agent_suffix) is None:
            message = "Invalid Configuration: user_agent_suffix may contain printable ASCII only"
            raise ConfigurationError(message)
        # Checked here and not at the first request: such a URL may hold a password, and a config's `repr` shows it.
        for url in (self.endpoint_url, self.portal_endpoint_url):
            if url is not None:
                _ = checked_endpoint_url(url, allow_insecure_http=self.allow_insecure_http)

    # Resolved once per config: every request needs them.

    @cached_property
    def oidc_endpoint(self) -> str:
        """The base URL of SSO OIDC, without a trailing slash.

        Raises:
            ConfigurationError: the settings do not go together, or the region is missing or not one host label.
        """
        return self._endpoint("oidc", self.endpoint_url)

    @cached_property
    def portal_endpoint(self) -> str:
        """The base URL of the access portal, without a trailing slash.

        Raises:
            ConfigurationError: the settings do not go together, or the region is missing or not one host label.
        """
        return self._endpoint("portal.sso", self.portal_endpoint_url)

    def _endpoint(self, prefix: EndpointPrefix, endpoint_url: str | None) -> str:
        return resolve_endpoint(
            prefix,
            region=self.region,
            use_fips=self.use_fips,
            use_dualstack=self.use_dualstack,
            endpoint_url=endpoint_url,
            allow_insecure_http=self.allow_insecure_http,
        )

    @cached_property
    def user_agent_field(self) -> tuple[str, str]:
        """The name and value of the header `User-Agent`, which every request has."""
        suffix = f" {self.user_agent_suffix}" if self.user_agent_suffix else ""
        return "User-Agent", f"ssooidc-core/{__version__}{suffix}"
