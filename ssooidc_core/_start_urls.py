"""Start URLs: which hosts are AWS's own, which region a host names, and where a vanity URL leads.

A company may give people a start URL on a host of its own, which redirects once to the access portal. What is
accepted is what the AWS CLI (2.36 and newer) accepts: https, and after at most one redirect a host that AWS owns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Operation, Steps, flow
from ssooidc_core._text import printable
from ssooidc_core.errors import ConfigurationError

__all__ = [
    "ResolvedStartUrl",
    "is_aws_owned",
    "region_of_host",
    "resolve_start_url",
    "tidy_start_url",
]

_OWNED_SUFFIXES: Final = (
    ".app.aws",
    ".portal.amazonaws.com",
    ".portal.amazonaws.com.cn",
    ".app.amazonwebservices.com.cn",
    ".portal.amazonaws.eu",
    ".api.amazonwebservices.eu",
    ".awsapps.com",
    ".awsapps.cn",
)
_OWNED_HOSTS: Final = frozenset(
    {
        "awsapps.com",
        "awsapps.cn",
        "identitycenter.amazonaws.com",
        "identitycenter.amazonaws.com.cn",
        "identitycenter.amazonaws.eu",
        "identitycenter.us-gov.amazonaws.com",
    }
)
_REGION_IN_HOST: Final = tuple(
    # What is none, s3 for example, would make an endpoint of something else: oidc.s3.amazonaws.com is a bucket.
    re.compile(pattern.replace("REGION", "(?P<region>[a-z]+(?:-[a-z]+)+-[0-9]+)") + r"\Z", re.ASCII)
    for pattern in (
        r"[^.]+\.portal\.REGION\.app\.aws",
        r"[^.]+\.REGION\.portal\.amazonaws\.(?:com|com\.cn|eu)",
        r"[^.]+\.portal\.REGION\.app\.amazonwebservices\.com\.cn",
        r"[^.]+\.portal\.REGION\.api\.amazonwebservices\.eu",
    )
)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_NOT_ALLOWED: Final = frozenset({405, 501})
_REDIRECTS: Final = range(300, 400)
_SHOWN: Final = 253


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedStartUrl:
    """Where to sign in: the start URL after a redirect, and the region to ask."""

    start_url: str
    region: str


@dataclass(frozen=True, slots=True)
class _FindRedirect(Operation[str | None, Exception]):
    """Ask a host where it redirects to: the header `Location`, or `None`; nothing of ours is sent along."""

    url: str
    method: Literal["HEAD", "GET"] = "HEAD"

    @property
    def error_types(self) -> tuple[type[Exception], ...]:
        return ()

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        del config
        return HttpRequest(self.method, self.url, (("Accept", "*/*"),), b"")

    def parse(self, response: HttpResponse) -> str | None:
        if self.method == "HEAD" and response.status in _NOT_ALLOWED:
            return ""
        if response.status not in _REDIRECTS:
            return None
        return response.headers.get("location")


def is_aws_owned(host: str) -> bool:
    """Say whether a host name is one of AWS's own for the access portal; letter case and a last dot do not matter."""
    name = host.lower().rstrip(".")
    return name in _OWNED_HOSTS or name.endswith(_OWNED_SUFFIXES)


def region_of_host(host: str) -> str | None:
    """Give the region that the host of an access portal names, or `None`."""
    name = host.lower().rstrip(".")
    found = next(filter(None, (pattern.match(name) for pattern in _REGION_IN_HOST)), None)
    return None if found is None else found["region"]


def tidy_start_url(url: str) -> str:
    """Give a URL without the port that its scheme has anyway, and without a last slash."""
    parts = urlsplit(url)
    netloc = parts.netloc
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is not None and parts.port == default:
        netloc = netloc.rpartition(":")[0]
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), parts.query, parts.fragment))


@flow
def resolve_start_url(url: str, *, region: str | None) -> Steps[ResolvedStartUrl]:
    """Find where to sign in. A start URL on a host of AWS's own is taken as it is, and nothing is sent.

    Args:
        url: the configured start URL.
        region: the configured SSO region. The host that a vanity URL leads to may name another, which then counts.

    Raises:
        ConfigurationError: the URL is not https, does not lead to a host of AWS's own with one redirect, or no region
            is known.
        TransportError: a vanity URL's host could not be asked.
    """
    host = _https_host(url, "The start URL")
    if is_aws_owned(host):
        if region is None:
            message = "Missing required configuration: sso_region"
            raise ConfigurationError(message)
        return ResolvedStartUrl(start_url=url, region=region)
    target = yield from _FindRedirect(url)
    if target == "":
        target = yield from _FindRedirect(url, "GET")
    shown = printable(host, limit=_SHOWN)
    if not target:
        message = (
            f"Could not resolve the start URL: {shown} is not a host of AWS, and redirects nowhere"
        )
        raise ConfigurationError(message)
    landed = _https_host(target, f"What {shown} redirects to")
    if not is_aws_owned(landed):
        message = (
            f"Could not resolve the start URL: {shown} redirects to {printable(landed, limit=_SHOWN)}, "
            "which is not a host of AWS"
        )
        raise ConfigurationError(message)
    found = region_of_host(landed) or region
    if found is None:
        message = (
            f"Cannot determine region: {printable(landed, limit=_SHOWN)} names none; set sso_region"
        )
        raise ConfigurationError(message)
    return ResolvedStartUrl(start_url=tidy_start_url(target), region=found)


def _https_host(url: str, what: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    if parts is not None and host and parts.scheme == "https" and "@" not in parts.netloc:
        if url.isascii() and url.isprintable() and not {" ", "\\"} & set(url):
            return host
    elif parts is not None and host and parts.scheme == "http":
        message = f"{what} must use https: the https scheme is missing"
        raise ConfigurationError(message)
    message = f"Invalid sso_start_url: {what[0].lower()}{what[1:]} is not an https URL"
    raise ConfigurationError(message)
