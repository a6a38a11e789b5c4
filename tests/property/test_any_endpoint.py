"""For any region or endpoint URL, secrets are sent to the intended host over https, or not at all."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from hypothesis import assume, example, given
from hypothesis import strategies as st

from ssooidc_core import ClientConfig, ConfigurationError
from ssooidc_core._endpoints import EndpointPrefix, resolve_endpoint
from ssooidc_core._partitions import PARTITIONS

# RFC 1123 section 2.1: letters, digits and hyphens, no hyphen at either end, 63 characters.
LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
SUFFIXES: Final = sorted(
    {each.dns_suffix for each in PARTITIONS} | {each.dual_stack_dns_suffix for each in PARTITIONS}
)
PREFIXES: Final = st.sampled_from(["oidc", "portal.sso"])
REGIONS: Final = st.one_of(
    st.text(max_size=80),
    st.from_regex(LABEL, fullmatch=True),
    st.sampled_from([*PARTITIONS]).flatmap(
        lambda partition: st.from_regex(re.compile(partition.region_pattern, re.ASCII))
    ),
    st.builds(
        "us-east-1{}{}".format,
        st.sampled_from(["", ".", "@", "/", "?", "#", ":", "\\", "\n", "%2e", "。", "\0"]),
        st.text(max_size=20),
    ),
)


@given(prefix=PREFIXES, region=REGIONS, use_fips=st.booleans(), use_dualstack=st.booleans())
@example(prefix="oidc", region="us-east-1\n", use_fips=False, use_dualstack=False)
@example(
    prefix="oidc", region="\N{KELVIN SIGN}-1", use_fips=False, use_dualstack=False
)  # the Kelvin sign is not a K
def test_any_region(
    prefix: EndpointPrefix, region: str, *, use_fips: bool, use_dualstack: bool
) -> None:
    """`check_region` refuses a region that could change the host."""
    try:
        url = resolve_endpoint(
            prefix, region=region, use_fips=use_fips, use_dualstack=use_dualstack
        )
    except ConfigurationError as refused:
        error: ConfigurationError | None = refused
    else:
        error = None
    if error is not None:
        assert error.__cause__ is None
        assert error.__context__ is None
        assert len(str(error)) < 500
        good = LABEL.fullmatch(region) is not None
        assert not good or "FIPS" in str(error) or "DualStack" in str(error)
        return
    parts = urlsplit(url)
    assert parts.geturl() == url
    host = parts.netloc
    names = [prefix, f"{prefix}-fips"]
    assert host in {f"{name}.{region}.{suffix}" for name in names for suffix in SUFFIXES}
    assert LABEL.fullmatch(region)
    assert url == f"https://{host}"
    assert parts.hostname == host.lower()
    assert parts.port is None


def url_of(scheme: str, user: str, host: str, port: str, path: str) -> str:
    return f"{scheme}{user}{host}{port}{path}"


HOSTS: Final = st.one_of(
    st.sampled_from(
        [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "a.localhost",
            "127.1",
            "localhost.example",
            "[::1",
            "0",
        ]
    ),
    st.sampled_from(["oidc.us-east-1.amazonaws.com", "127.0.0.1.example", "ⓛocalhost", "[v1.x]"]),
    st.ip_addresses().map(lambda ip: f"[{ip}]" if ip.version == 6 else str(ip)),
    st.from_regex(LABEL, fullmatch=True),
    st.text(max_size=12),
)
ENDPOINTS: Final = st.text(max_size=60) | st.builds(
    url_of,
    st.sampled_from(["https://", "http://", "HTTPS://", "HTTP://", "ftp://", "//", "https:", "", "http:/"]),
    st.sampled_from(["", "", "", "u:p@", "@", "u@", "%40@"]),
    HOSTS,
    st.sampled_from(["", ":8080", ":", ":x", ":99999", ":-1"]),
    st.sampled_from(["", "/", "//", "/base", "/base/", "?q=1", "#f", "/a\\b", "\\@evil", " ", "\n", "\t/x"]),
)  # fmt: skip


def is_this_machine(host: str) -> bool:
    """RFC 6761 section 6.3, RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3; a second implementation."""
    if host.rstrip(".").split(".")[-1] == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.rstrip("."))
    except ValueError:
        return False
    return address.is_loopback


@given(text=ENDPOINTS, allow=st.booleans())
@example(text="https://user:password-canary@host", allow=False)
@example(text="http://127.0.0.1\\@evil.example", allow=False)
def test_any_endpoint_url(text: str, *, allow: bool) -> None:
    """`checked_endpoint_url`: "an absolute http(s) URL without user, query and fragment", http to this machine only."""
    try:
        config = ClientConfig(
            region="us-east-1",
            endpoint_url=text,
            portal_endpoint_url=text,
            allow_insecure_http=allow,
        )
    except ConfigurationError as refused:
        error: ConfigurationError | None = refused
    else:
        error = None
    if error is not None:
        assert error.__cause__ is None
        assert error.__context__ is None
        assert "canary" not in str(error)
        return
    url = config.oidc_endpoint
    assert url == config.portal_endpoint == text.rstrip("/")
    parts = urlsplit(f"{url}/token")
    assert parts.scheme in {"http", "https"}
    assert parts.hostname
    assert parts.username is None
    assert parts.password is None
    assert "@" not in parts.netloc
    assert not parts.query
    assert not parts.fragment
    assert parts.path.endswith("/token")
    assert url.isascii()
    assert url.isprintable()
    assert "\\" not in url
    assert " " not in url
    if parts.scheme == "http":
        assert allow or is_this_machine(parts.hostname)


@given(
    st.from_regex(LABEL, fullmatch=True),
    st.sampled_from(["", ":8443"]),
    st.sampled_from(["", "/a/b"]),
)
def test_good_endpoint_urls_are_taken(host: str, port: str, path: str) -> None:
    """The checks accept every valid URL."""
    url = f"https://{host}.example{port}{path}"
    assert ClientConfig(endpoint_url=f"{url}/").oidc_endpoint == url


@given(PREFIXES, st.sampled_from(PARTITIONS), st.data())
def test_a_region_goes_to_its_own_partition(
    prefix: EndpointPrefix, partition: object, data: st.DataObject
) -> None:
    """`partitions`: a region that matches a pattern has that partition's suffix."""
    known = next(each for each in PARTITIONS if each is partition)
    region = data.draw(
        st.from_regex(
            known.region_pattern.replace(r"\w", "[a-z]").replace(r"\d", "[0-9]"), fullmatch=True
        )
    )
    assume(LABEL.fullmatch(region))
    url = resolve_endpoint(prefix, region=region)
    assert url == f"https://{prefix}.{region}.{known.dns_suffix}"
