"""Which URLs are opened in a person's browser: those of AWS's own sign-in pages, and of the configured endpoint.

The URL to open comes from a server. A URL on any other host is shown with a warning and not opened.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ssooidc_core import ClientConfig
from ssooidc_core._endpoints import is_loopback
from ssooidc_core._partitions import PARTITIONS
from ssooidc_core._start_urls import is_aws_owned

__all__ = ["may_open"]

_SIGN_IN: Final = ".signin.aws"
# `urlsplit` leaves other characters in a host, %2F for example, which a browser may interpret in another way.
_HOST: Final = re.compile(r"[a-z0-9.-]+\Z", re.ASCII)
_SUFFIXES: Final = sorted(
    {suffix for each in PARTITIONS for suffix in (each.dns_suffix, each.dual_stack_dns_suffix)}
)
# device.sso.REGION.DNS-SUFFIX; device.sso.s3.amazonaws.com could be anyone's bucket.
_DEVICE_PAGE: Final = re.compile(
    rf"device\.sso\.[a-z]+(?:-[a-z]+)+-[0-9]+\.(?:{'|'.join(map(re.escape, _SUFFIXES))})\Z",
    re.ASCII,
)


def may_open(url: str, config: ClientConfig) -> bool:
    """Return whether a URL may be opened without asking the person.

    Args:
        url: a URL from StartDeviceAuthorization, or the authorize URL.
        config: the session's config. Its endpoint's host is allowed; over http only on this machine.
    """
    if (
        not url.isascii()
        or not url.isprintable()
        or {" ", "\\", '"', "'", "`", "<", ">"} & set(url)
    ):
        return False
    try:
        parts, endpoint = urlsplit(url), urlsplit(config.oidc_endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    if (parts.scheme, parts.netloc) == (endpoint.scheme, endpoint.netloc):
        return parts.scheme == "https" or is_loopback(host)
    if parts.scheme != "https" or parts.port not in {None, 443} or _HOST.match(host) is None:
        return False
    return is_aws_owned(host) or host.endswith(_SIGN_IN) or _DEVICE_PAGE.match(host) is not None
