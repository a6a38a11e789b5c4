"""Endpoints: the same URL or error text as botocore's resolver returns for the services' rule sets."""

from __future__ import annotations

import copy
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader
from hypothesis import event, example, given
from hypothesis import strategies as st

from ssooidc_core import ConfigurationError
from ssooidc_core import _partitions as partitions
from ssooidc_core._endpoints import EndpointPrefix, check_region, resolve_endpoint
from ssooidc_core._partitions import PARTITIONS, Partition

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "endpoints"
PREFIXES: Final[dict[str, EndpointPrefix]] = {"sso-oidc": "oidc", "sso": "portal.sso"}
SWITCHES: Final = (False, True)
# Not a service of AWS; no name may be part of another.
CUSTOM: Final = (None, "https://example.com/base")


class Asked(NamedTuple):
    """The four parameters of the rule sets."""

    region: str | None
    fips: bool = False
    dualstack: bool = False
    endpoint: str | None = None


def ours(prefix: EndpointPrefix, asked: Asked) -> str:
    """Return the URL, or the text of the error."""
    try:
        return resolve_endpoint(
            prefix,
            region=asked.region,
            use_fips=asked.fips,
            use_dualstack=asked.dualstack,
            endpoint_url=asked.endpoint,
            allow_insecure_http=True,
        )
    except ConfigurationError as refused:
        return str(refused)


def theirs(provider: EndpointProvider, asked: Asked) -> str:
    """Return the URL, or the text of the error."""
    given: dict[str, object] = {"UseFIPS": asked.fips, "UseDualStack": asked.dualstack}
    if asked.region is not None:
        given["Region"] = asked.region
    if asked.endpoint is not None:
        given["Endpoint"] = asked.endpoint
    try:
        return str(provider.resolve_endpoint(**given).url)
    except EndpointProviderError as refused:
        return str(refused)


@pytest.fixture(scope="module")
def providers(botocore_loader: Loader) -> dict[str, EndpointProvider]:
    """Return botocore's resolver for each service."""
    table = botocore_loader.load_data("partitions")
    return {
        service: EndpointProvider(
            botocore_loader.load_service_model(service, "endpoint-rule-set-1"), table
        )
        for service in PREFIXES
    }


@pytest.fixture(scope="module")
def known_regions(botocore_loader: Loader) -> list[str]:
    """Return all of botocore's region names: those of all partitions, and unusual ones of single services."""
    names: set[str] = set()
    for partition in botocore_loader.load_data("partitions")["partitions"]:
        names.update(partition["regions"])
    for partition in botocore_loader.load_data("endpoints")["partitions"]:
        names.update(partition["regions"])
        for service in partition["services"].values():
            # `rds-fips.ca-central-1` and similar names are parts of another service's host names.
            names.update(name for name in service.get("endpoints", {}) if "." not in name)
    assert {"us-east-1", "me-west-1", "aws-global", "us-gov-west-1", "eusc-de-east-1"} <= names
    return sorted(names)


def is_label(region: str) -> bool:
    try:
        check_region(region)
    except ConfigurationError:
        return False
    return True


@pytest.mark.parametrize("service", PREFIXES)
def test_every_region_that_botocore_knows(
    service: str, providers: dict[str, EndpointProvider], known_regions: list[str], tally: Tally
) -> None:
    for region, fips, dualstack, endpoint in product(known_regions, SWITCHES, SWITCHES, CUSTOM):
        asked = Asked(region, fips, dualstack, endpoint)
        assert ours(PREFIXES[service], asked) == theirs(providers[service], asked), asked
        tally.ran()


@pytest.mark.parametrize("service", PREFIXES)
def test_no_region_at_all(
    service: str, providers: dict[str, EndpointProvider], tally: Tally
) -> None:
    for fips, dualstack, endpoint in product(SWITCHES, SWITCHES, CUSTOM):
        asked = Asked(None, fips, dualstack, endpoint)
        assert ours(PREFIXES[service], asked) == theirs(providers[service], asked), asked
        tally.ran()
    assert ours(PREFIXES[service], Asked("")) == "Invalid Configuration: Missing Region"
    assert theirs(providers[service], Asked("")) == f"https://{PREFIXES[service]}..amazonaws.com"
    tally.differs("an-empty-region-is-missing")


def near_regions() -> st.SearchStrategy[str]:
    """Generate regions that match a partition's pattern, and strings that only look like one."""
    words = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzA0_-."), max_size=10)
    starts = sorted({"us", "us-gov", "us-iso", "us-isob", "us-isof", "eu-isoe", "eusc-de", "eusc"})
    starts += ["eu", "ap", "sa", "ca", "me", "af", "il", "mx", "cn", "xx", "", "Us"]
    made = st.builds("{}-{}-{}{}".format, st.sampled_from(starts), words, st.integers(0, 99), words)
    patterns = st.sampled_from(PARTITIONS).flatmap(
        lambda each: st.from_regex(each.region_pattern, alphabet=st.characters(codec="latin-1"))
    )
    return made | patterns | st.text(max_size=70)


@pytest.mark.parametrize("service", PREFIXES)
def test_made_up_regions(
    service: str, providers: dict[str, EndpointProvider], tally: Tally
) -> None:
    @given(
        st.builds(
            Asked,
            near_regions(),
            fips=st.booleans(),
            dualstack=st.booleans(),
            endpoint=st.sampled_from(CUSTOM),
        )
    )
    @example(Asked("us-east-1.evil.com"))
    @example(Asked("us-east-1/"))
    @example(Asked("us-gov-x-1\n"))
    @example(Asked("us-isob-\N{SUPERSCRIPT TWO}-1"))
    def check(asked: Asked) -> None:
        mine = ours(PREFIXES[service], asked)
        expected = theirs(providers[service], asked)
        tally.ran()
        assert asked.region is not None
        if asked.endpoint is not None or is_label(asked.region):
            event("a label")
            assert mine == expected
        elif asked.region != "":
            event("no label")
            assert asked.region in expected
            assert mine == (
                f"Invalid Configuration: {asked.region[:80]!r} is not a region; "
                "a region is one host label, us-east-1 for example"
            )
            tally.differs("region-is-a-host-label")

    check()


@pytest.mark.parametrize("service", PREFIXES)
def test_custom_endpoints(
    service: str, providers: dict[str, EndpointProvider], tally: Tally
) -> None:
    """The rules accept any string; we accept a URL, and return it without its trailing slash."""
    hosts = st.sampled_from(
        [
            "example.com",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "a.b-c.example",
            "oidc.us-east-1.api.aws",
        ]
    )
    ports = st.sampled_from(["", ":443", ":8000"])
    paths = st.lists(st.from_regex(r"[A-Za-z0-9._~%-]{1,8}", fullmatch=True), max_size=3).map(
        lambda segments: "".join(f"/{segment}" for segment in segments)
    )
    good = st.builds("{}://{}{}{}".format, st.sampled_from(["https", "http"]), hosts, ports, paths)
    ends = st.sampled_from(["", "", "/", "//", "?a=b", "#f", " ", "\\"])

    @given(good, ends, st.booleans(), st.booleans(), st.sampled_from([None, "us-east-1"]))
    @example("https://example.com", "?a=b", False, False, None)  # noqa: FBT003 - as generated
    @example("https://example.com", "/", False, False, None)  # noqa: FBT003 - as generated
    def check(url: str, end: str, fips: bool, dualstack: bool, region: str | None) -> None:  # noqa: FBT001 - as generated
        asked = Asked(region, fips, dualstack, url + end)
        mine, expected = ours(PREFIXES[service], asked), theirs(providers[service], asked)
        tally.ran()
        if fips or dualstack or end == "":
            assert mine == expected
        elif end.strip("/") == "":
            assert (mine, expected) == (url, url + end)
            tally.differs("endpoint-without-its-last-slash")
        else:
            assert expected == url + end
            assert mine.startswith("Invalid Configuration: the endpoint URL ")
            tally.differs("custom-endpoint-is-checked")

    check()


@pytest.mark.parametrize("service", PREFIXES)
@pytest.mark.parametrize("supported", list(product(SWITCHES, repeat=2)))
def test_partitions_that_lack_fips_or_dualstack(
    service: str,
    supported: tuple[bool, bool],
    botocore_loader: Loader,
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
) -> None:
    """Today every partition has both: each is tested with its support removed."""
    fips, dualstack = supported
    table: dict[str, Any] = copy.deepcopy(botocore_loader.load_data("partitions"))
    for partition in table["partitions"]:
        partition["outputs"] |= {"supportsFIPS": fips, "supportsDualStack": dualstack}
    rules = botocore_loader.load_service_model(service, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, table)
    lacking = tuple(
        Partition(
            each.name,
            each.region_pattern,
            each.pseudo_region,
            each.dns_suffix,
            each.dual_stack_dns_suffix,
            supports_fips=fips,
            supports_dual_stack=dualstack,
        )
        for each in PARTITIONS
    )
    monkeypatch.setattr(partitions, "PARTITIONS", lacking)
    for entry in table["partitions"]:
        for region, wants_fips, wants_dualstack in product(entry["regions"], SWITCHES, SWITCHES):
            asked = Asked(region, wants_fips, wants_dualstack)
            assert ours(PREFIXES[service], asked) == theirs(provider, asked), asked
            tally.ran()


def test_the_40_cases_of_the_service_model(case_tables: dict[str, Any], tally: Tally) -> None:
    table = case_tables["endpoints"]
    cases = [(Asked(region, fips, dual), url) for region, fips, dual, url in table["by_region"]]
    for each in table["others"]:
        asked = Asked(
            each.get("region"),
            each.get("fips", False),
            each.get("dual_stack", False),
            each.get("endpoint"),
        )
        cases.append((asked, each["error"] if "error" in each else each["url"]))
    assert len(cases) == 40
    for asked, expected in cases:
        assert ours("oidc", asked) == expected, asked
        tally.ran()
