"""Start URLs: the hosts that AWS owns, the region that a host name contains, and the target of a vanity URL.

A company may use a start URL on a host of its own, which redirects once to the access portal. As in the AWS CLI (2.36
and newer), a start URL must use https and lead, after at most one redirect, to a host that AWS owns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urljoin, urlsplit, urlunsplit

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Operation, Steps, flow
from ssooidc_core._text import printable
from ssooidc_core.errors import ConfigurationError

__all__ = [
    "ResolvedStartUrl",
    "is_aws_owned",
    "is_vanity",
    "may_lead_to",
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
# Only regions: with s3, for example, the endpoint would be oidc.s3.amazonaws.com, which is a bucket.
_REGION: Final = "[a-z]+(?:-[a-z]+)+-[0-9]+"
_REGION_IN_HOST: Final = tuple(
    re.compile(pattern.replace("REGION", f"(?P<region>{_REGION})") + r"\Z", re.ASCII)
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
    """Where to sign in: the start URL after the redirect, and its region."""

    start_url: str
    region: str


@dataclass(frozen=True, slots=True)
class _FindRedirect(Operation[str | None, Exception]):
    """Ask a host for its redirect: the header `Location`, or `None`. The request contains no data of the login."""

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
    """Return whether AWS owns this host name for the access portal, in any letter case, with or without a final dot."""
    name = host.lower().rstrip(".")
    return name in _OWNED_HOSTS or name.endswith(_OWNED_SUFFIXES)


def region_of_host(host: str) -> str | None:
    """Return the region in the host name of an access portal, or `None`."""
    name = host.lower().rstrip(".")
    found = next(filter(None, (pattern.match(name) for pattern in _REGION_IN_HOST)), None)
    return None if found is None else found["region"]


def is_vanity(start_url: str) -> bool:
    """Return whether a start URL is on a host that AWS does not own, so that it may lead to any region."""
    try:
        host = urlsplit(start_url).hostname
    except ValueError:
        return False
    return host is not None and not is_aws_owned(host)


def may_lead_to(start_url: str, region: str) -> bool:
    """Return whether a start URL may lead to this region, whatever the configuration says."""
    return re.fullmatch(_REGION, region, re.ASCII) is not None and is_vanity(start_url)


def tidy_start_url(url: str) -> str:
    """Return a URL without the default port of its scheme and without a final slash."""
    parts = urlsplit(url)
    netloc = parts.netloc
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is not None and parts.port == default:
        netloc = netloc.rpartition(":")[0]
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), parts.query, parts.fragment))


@flow
def resolve_start_url(url: str, *, region: str | None) -> Steps[ResolvedStartUrl]:
    """Find out where to sign in. A start URL on a host that AWS owns is used as it is, and nothing is sent.

    As in the AWS CLI, the target of a redirect may lack the scheme (`//host/`), its query and fragment are dropped, and
    the letter case of its host does not matter.

    Args:
        url: the configured start URL.
        region: the configured SSO region. If the host that a vanity URL leads to names another one, that one is used.

    Raises:
        ConfigurationError: the URL is not https, does not lead to a host that AWS owns with one redirect, or there is
            no region.
        TransportError: the request to a vanity URL's host failed.
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
            f"Could not resolve the start URL: {shown} is not a host of AWS, and does not redirect"
        )
        raise ConfigurationError(message)
    target = _absolute(url, target)
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
    parts = urlsplit(target)
    bare = urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, "", ""))
    return ResolvedStartUrl(start_url=tidy_start_url(bare), region=found)


def _absolute(url: str, target: str) -> str:
    """Return the target of a redirect as an absolute URL (RFC 9110 section 10.2.2), unchanged if it is unusable."""
    # `urljoin` removes characters that the checks of the host must see.
    if not target.isascii() or not target.isprintable():
        return target
    try:
        return urljoin(url, target)
    except ValueError:
        return target


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
