"""`ssooidc_core._endpoints` and `partitions`: the URL of a request."""

from __future__ import annotations

import dataclasses
from itertools import product

import pytest

from ssooidc_core import ConfigurationError
from ssooidc_core import _partitions as partitions
from ssooidc_core._endpoints import EndpointPrefix, check_region, is_loopback, resolve_endpoint
from ssooidc_core._partitions import PARTITIONS, Partition, partition_of

PREFIXES: tuple[EndpointPrefix, ...] = ("oidc", "portal.sso")
# protocol.md section 2: partition, a region of it, its pseudo region, dnsSuffix, dualStackDnsSuffix.
TABLE = (
    ("aws", "us-east-1", "aws-global", "amazonaws.com", "api.aws"),
    ("aws-cn", "cn-north-1", "aws-cn-global", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("aws-us-gov", "us-gov-west-1", "aws-us-gov-global", "amazonaws.com", "api.aws"),
    ("aws-iso", "us-iso-east-1", "aws-iso-global", "c2s.ic.gov", "api.aws.ic.gov"),
    ("aws-iso-b", "us-isob-east-1", "aws-iso-b-global", "sc2s.sgov.gov", "api.aws.scloud"),
    ("aws-iso-e", "eu-isoe-west-1", "aws-iso-e-global", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("aws-iso-f", "us-isof-south-1", "aws-iso-f-global", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("aws-eusc", "eusc-de-east-1", None, "amazonaws.eu", "api.amazonwebservices.eu"),
)


def refusal(
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
    use_fips: bool = False,
    use_dualstack: bool = False,
    allow_insecure_http: bool = False,
    prefix: EndpointPrefix = "oidc",
) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _ = resolve_endpoint(
            prefix,
            region=region,
            endpoint_url=endpoint_url,
            use_fips=use_fips,
            use_dualstack=use_dualstack,
            allow_insecure_http=allow_insecure_http,
        )
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("name", "region", "_pseudo", "suffix", "dual"), TABLE)
def test_every_partition_with_and_without_fips_and_dualstack(
    prefix: EndpointPrefix, name: str, region: str, _pseudo: str | None, suffix: str, dual: str
) -> None:
    """The rule sets of `sso-oidc` and `sso`; GovCloud's plain endpoints are FIPS endpoints."""
    urls = {
        (fips, dualstack): resolve_endpoint(
            prefix, region=region, use_fips=fips, use_dualstack=dualstack
        )
        for fips, dualstack in product((False, True), repeat=2)
    }
    fips_only = f"{prefix}-fips.{region}.{suffix}"
    assert urls == {
        (False, False): f"https://{prefix}.{region}.{suffix}",
        (False, True): f"https://{prefix}.{region}.{dual}",
        (
            True,
            False,
        ): f"https://{f'{prefix}.{region}.amazonaws.com' if name == 'aws-us-gov' else fips_only}",
        (True, True): f"https://{prefix}-fips.{region}.{dual}",
    }


def test_the_table_has_the_eight_partitions() -> None:
    assert {
        (each.name, each.pseudo_region, each.dns_suffix, each.dual_stack_dns_suffix)
        for each in PARTITIONS
    } == {(name, pseudo, suffix, dual) for name, _, pseudo, suffix, dual in TABLE}
    assert all(each.supports_fips and each.supports_dual_stack for each in PARTITIONS)


@pytest.mark.parametrize(("name", "region", "pseudo", "_suffix", "_dual"), TABLE)
def test_a_region_and_a_pseudo_region_belong_to_their_partition(
    name: str, region: str, pseudo: str | None, _suffix: str, _dual: str
) -> None:
    assert partition_of(region).name == name
    if pseudo is not None:
        assert partition_of(pseudo).name == name


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("me-west-1", "aws"),  # new in botocore 1.44.5
        ("sa-west-1", "aws"),
        ("us-isob-west-1", "aws-iso-b"),
        ("mx-central-1", "aws"),
        ("mars-north-1", "aws"),  # the rules treat an unknown region as one of `aws`
        ("us-gov-east-1", "aws-us-gov"),
        ("eusc-fr-east-1", "aws"),
        ("us-east", "aws"),
    ],
)
def test_new_odd_and_unknown_regions(region: str, name: str) -> None:
    assert partition_of(region).name == name


def test_no_pattern_takes_a_region_of_another_partition() -> None:
    for _, region, pseudo, _, _ in TABLE:
        for candidate in (region, pseudo):
            assert candidate is None or sum(each.holds(candidate) for each in PARTITIONS) == 1


@pytest.mark.parametrize(
    ("changes", "fips", "dualstack", "message"),
    [
        (
            {"supports_fips": False},
            True,
            True,
            "FIPS and DualStack are enabled, but this partition does not support one or both",
        ),
        (
            {"supports_dual_stack": False},
            True,
            True,
            "FIPS and DualStack are enabled, but this partition does not support one or both",
        ),
        (
            {"supports_fips": False},
            True,
            False,
            "FIPS is enabled but this partition does not support FIPS",
        ),
        (
            {"supports_dual_stack": False},
            False,
            True,
            "DualStack is enabled but this partition does not support DualStack",
        ),
    ],
)
def test_a_partition_that_lacks_fips_or_dualstack_says_so(
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, bool],
    fips: bool,  # noqa: FBT001 - a parameter of the table
    dualstack: bool,  # noqa: FBT001 - a parameter of the table
    message: str,
) -> None:
    """Error texts of the rule set; every partition of today has both."""
    aws: Partition = dataclasses.replace(
        PARTITIONS[0],
        supports_fips=changes.get("supports_fips", True),
        supports_dual_stack=changes.get("supports_dual_stack", True),
    )
    monkeypatch.setattr(partitions, "PARTITIONS", (aws,))
    assert refusal(region="us-east-1", use_fips=fips, use_dualstack=dualstack) == message


@pytest.mark.parametrize("region", [None, ""])
def test_no_region_is_a_missing_region(region: str | None) -> None:
    assert refusal(region=region) == "Invalid Configuration: Missing Region"
    assert refusal(region=region, prefix="portal.sso") == "Invalid Configuration: Missing Region"


@pytest.mark.parametrize(
    "region",
    [
        "us-east-1.evil.com",
        "us-east-1/",
        "us-east-1@evil.com",
        "us-east-1:8443",
        "us-east-1?",
        "us-east-1#",
        "us-east-1\\",
        "us-east-1%2e",
        "us_east_1",
        "a\n",
        "a\r\nHost: evil.com",
        " us-east-1",
        "us-east-1 ",
        "-a",
        "a-",
        "-",
        ".",
        "a" * 64,
        "us-east-١",  # ARABIC-INDIC DIGIT ONE
        "us-east-１",  # FULLWIDTH DIGIT ONE
        "ｕs-east-1",
        "us-eaſt-1",  # LATIN SMALL LETTER LONG S
        "us-east-1\u200b",
        "us-east-1\x00",
        "\ud800",
    ],
)
def test_a_region_is_one_host_label(region: str) -> None:
    """RFC 1123 section 2.1. The rules do not check this: `us-east-1.evil.com` would send secrets to evil.com."""
    message = (
        f"Invalid Configuration: {region!r} is not a region; "
        "a region is one host label, us-east-1 for example"
    )
    assert refusal(region=region) == message
    assert refusal(region=region, prefix="portal.sso", use_fips=True) == message


def test_the_text_for_a_wrong_region_is_bounded_and_printable() -> None:
    shown = refusal(region="\x1b[2J\u202e" + "a" * 100_000)
    assert shown == (
        "Invalid Configuration: '\\x1b[2J\\u202e" + "a" * 75 + "' is not a region; "
        "a region is one host label, us-east-1 for example"
    )


@pytest.mark.parametrize("region", ["a", "1", "a" * 63, "US-EAST-1", "a--b", "xn--80ak6aa92e"])
def test_any_host_label_can_be_a_region(region: str) -> None:
    check_region(region)
    assert resolve_endpoint("oidc", region=region) == f"https://oidc.{region}.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com//", "https://example.com"),
        ("https://example.com/custom/base", "https://example.com/custom/base"),
        ("https://example.com/custom/base/", "https://example.com/custom/base"),
        ("https://example.com:8443/b", "https://example.com:8443/b"),
        ("https://example.com:65535", "https://example.com:65535"),
        ("https://user-1.example.com.", "https://user-1.example.com."),
        ("HTTPS://Example.COM/Base", "HTTPS://Example.COM/Base"),
        ("https://[2001:db8::1]:8443/b", "https://[2001:db8::1]:8443/b"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://localhost.:8000/", "http://localhost.:8000"),
        ("http://idc.localhost/base/", "http://idc.localhost/base"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.255.0.9", "http://127.255.0.9"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_a_custom_endpoint_keeps_its_base_path_and_loses_the_last_slash(
    url: str, endpoint: str
) -> None:
    """RestJsonHostWithPath: "Custom endpoints supplied by users can have paths"."""
    for prefix in PREFIXES:
        assert resolve_endpoint(prefix, region=None, endpoint_url=url) == endpoint
        assert resolve_endpoint(prefix, region="us-east-1", endpoint_url=url) == endpoint


ABSOLUTE = "must be absolute, https://oidc.us-east-1.amazonaws.com for example"
VISIBLE = "may contain visible ASCII characters only"
LOGIN = "may not contain a user name or password"
QUERY = "may not have a query or a fragment"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", ABSOLUTE),
        ("example.com", ABSOLUTE),
        ("//example.com", ABSOLUTE),
        ("/base", ABSOLUTE),
        ("https:example.com", ABSOLUTE),
        ("https://", ABSOLUTE),
        ("https:///base", ABSOLUTE),
        ("https://:8443", ABSOLUTE),
        ("ftp://example.com", ABSOLUTE),
        ("file:///etc/passwd", ABSOLUTE),
        ("javascript:alert(1)", ABSOLUTE),
        ("https://user:canary@example.com", LOGIN),
        ("https://canary@example.com", LOGIN),
        ("https://@example.com", LOGIN),
        ("https://example.com/?a=canary", QUERY),
        ("https://example.com?", QUERY),
        ("https://example.com#canary", QUERY),
        ("https://example.com/#", QUERY),
        ("https://example .com", VISIBLE),
        (" https://example.com", VISIBLE),
        ("https://example.com\n", VISIBLE),
        ("https://example.com/a\tb", VISIBLE),
        ("https://example.com/\x7f", VISIBLE),
        ("https://example.com/\x00", VISIBLE),
        ("https://bücher.example", VISIBLE),
        ("https://example。com", VISIBLE),
        ("https://ex\udcffample.com", VISIBLE),
        ("https://example.com:65536", "is not a URL"),
        ("https://example.com:-1", "is not a URL"),
        ("https://example.com:http", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://evil.com\\.example.com", "may not contain a backslash"),
        ("http://evil.com\\.localhost", "may not contain a backslash"),
    ],
)
def test_a_custom_endpoint_that_cannot_be_used_is_refused_without_being_quoted(
    url: str, problem: str
) -> None:
    message = refusal(endpoint_url=url, allow_insecure_http=True)
    assert message == f"Invalid Configuration: the endpoint URL {problem}"
    assert "canary" not in message


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://example.com/base", "example.com"),
        ("http://localhost.evil.com", "localhost.evil.com"),
        ("http://notlocalhost", "notlocalhost"),
        ("http://128.0.0.1:8000", "128.0.0.1"),
        ("http://0.0.0.0:8000", "0.0.0.0"),  # noqa: S104 - nothing is bound
        ("http://127.0.0.1.evil.com", "127.0.0.1.evil.com"),
        ("http://[2001:db8::1]", "2001:db8::1"),
        ("http://2130706433", "2130706433"),  # 127.0.0.1 in some libraries, a name in others
    ],
)
def test_plain_http_is_for_this_machine_unless_the_caller_says_otherwise(
    url: str, host: str
) -> None:
    assert refusal(endpoint_url=url) == (
        f"Invalid Configuration: the endpoint URL would send secrets unencrypted to {host}: "
        "use https, or set allow_insecure_http=True if you control the network"
    )
    allowed = resolve_endpoint("oidc", region=None, endpoint_url=url, allow_insecure_http=True)
    assert allowed == url


def test_fips_is_tested_before_dualstack_and_both_before_the_url() -> None:
    """The order of the rule set (protocol.md section 2)."""
    fips = "Invalid Configuration: FIPS and custom endpoint are not supported"
    dualstack = "Invalid Configuration: Dualstack and custom endpoint are not supported"
    assert refusal(endpoint_url="nonsense", use_fips=True, use_dualstack=True) == fips
    assert refusal(endpoint_url="nonsense", use_fips=True) == fips
    assert refusal(endpoint_url="nonsense", use_dualstack=True) == dualstack


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LocalHost.", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("localhost.example", False),
        ("xlocalhost", False),
        ("::", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_what_the_standards_call_so(host: str, *, loopback: bool) -> None:
    """RFC 6761 section 6.3; RFC 1122 section 3.2.1.3 (g); RFC 4291 section 2.5.3."""
    assert is_loopback(host) is loopback
