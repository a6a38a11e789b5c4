"""The rule sets and the partitions against our endpoints: a line for each difference."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

from ssooidc_core import ConfigurationError
from ssooidc_core import _partitions as partitions
from ssooidc_core._endpoints import EndpointPrefix, resolve_endpoint
from ssooidc_core._partitions import PARTITIONS, Partition

if TYPE_CHECKING:
    from tests.conformance.drift.conftest import Check

Json: TypeAlias = Mapping[str, Any]
ENDPOINTS: Final = "ssooidc_core/_endpoints.py"
TABLE: Final = "ssooidc_core/_partitions.py"
PREFIXES: Final[Mapping[str, EndpointPrefix]] = {"sso-oidc": "oidc", "sso": "portal.sso"}
# The parameters of `resolve_endpoint`: type, built-in, default.
PARAMETERS: Final = {
    "Region": ("string", "AWS::Region", None),
    "UseDualStack": ("boolean", "AWS::UseDualStack", False),
    "UseFIPS": ("boolean", "AWS::UseFIPS", False),
    "Endpoint": ("string", "SDK::Endpoint", None),
}


def find_drift(data: Json) -> list[str]:
    """Return a line for each difference: the service, what changed, and the file to change."""
    lines: list[str] = []
    for service, prefix in PREFIXES.items():
        found = rules_drift(prefix, data[service]["endpoint-rule-set-1"])
        lines += [f"{service}: {line}" for line in found]
    lines += [f"partitions: {line}" for line in partitions_drift(data["partitions"])]
    return lines


def rules_drift(prefix: EndpointPrefix, rules: Json) -> Iterator[str]:
    parameters = {
        name: (each["type"], each.get("builtIn"), each.get("default"))
        for name, each in rules["parameters"].items()
    }
    for name in sorted(parameters.keys() | PARAMETERS):
        now, was = parameters.get(name), PARAMETERS.get(name)
        if now != was:
            yield f"endpoint parameter {name} is {now} now, it was {was}: {ENDPOINTS}"
    yield from resolved_drift(prefix, rules)


def resolved_drift(prefix: EndpointPrefix, rules: Json) -> Iterator[str]:
    """Compare URLs from the rule sets and from our code, both with our partitions, which are checked separately."""
    told = set()
    switches, regions = (True, False), [None, "odd-1", *map(region_in, PARTITIONS)]
    for supports_fips, supports_dual_stack in product(switches, switches):
        ours = tuple(
            dataclasses.replace(
                each, supports_fips=supports_fips, supports_dual_stack=supports_dual_stack
            )
            for each in PARTITIONS
        )
        provider = EndpointProvider(dict(rules), as_table(ours))
        for region, fips, dual, url in product(
            regions, switches, switches, (None, "https://custom.example/base")
        ):
            given = {"UseFIPS": fips, "UseDualStack": dual, "Region": region, "Endpoint": url}
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(partitions, "PARTITIONS", ours)
                was = our_endpoint(prefix, region, use_fips=fips, use_dualstack=dual, url=url)
            now = their_endpoint(provider, given)
            asked = ", ".join(f"{key}={value}" for key, value in given.items() if value)
            if now != was and (asked, now) not in told:
                told.add((asked, now))
                yield f"the endpoint for {asked or 'nothing'} is {now!r} now, it was {was!r}: {ENDPOINTS}"


def our_endpoint(
    prefix: EndpointPrefix,
    region: str | None,
    *,
    use_fips: bool,
    use_dualstack: bool,
    url: str | None,
) -> str:
    try:
        return resolve_endpoint(
            prefix,
            region=region,
            use_fips=use_fips,
            use_dualstack=use_dualstack,
            endpoint_url=url,
        )
    except ConfigurationError as refused:
        return str(refused)


def their_endpoint(provider: EndpointProvider, given: Json) -> str:
    try:
        return str(
            provider.resolve_endpoint(**{k: v for k, v in given.items() if v is not None}).url
        )
    except (EndpointProviderError, AttributeError, KeyError, TypeError) as failed:
        # The rules use a function that this botocore lacks, or data that they do not expect.
        return str(failed)


def region_in(partition: Partition) -> str:
    """Return a region that matches a partition's pattern."""
    words = re.sub(r"\((\w+)[^)]*\)", r"\1", partition.region_pattern)
    region = words.replace("\\w+", "new").replace("\\d+", "9").replace("\\", "").strip("^$")
    assert partition.holds(region), region
    return region


def as_table(ours: Iterable[Partition]) -> dict[str, Any]:
    return {
        "partitions": [
            {
                "id": each.name,
                "regionRegex": each.region_pattern,
                "regions": {each.pseudo_region: {}} if each.pseudo_region else {},
                "outputs": {
                    "dnsSuffix": each.dns_suffix,
                    "dualStackDnsSuffix": each.dual_stack_dns_suffix,
                    "supportsFIPS": each.supports_fips,
                    "supportsDualStack": each.supports_dual_stack,
                },
            }
            for each in ours
        ]
    }


def partitions_drift(table: Json) -> Iterator[str]:
    theirs = {each["id"]: each for each in table["partitions"]}
    ours = {each.name: each for each in PARTITIONS}
    known = as_table(PARTITIONS)["partitions"]
    for name in sorted(theirs.keys() - ours):
        yield f"new partition {name}: {TABLE}"
    for name in sorted(ours.keys() - theirs):
        yield f"partition {name} is gone: {TABLE}"
    for was in (each for each in known if each["id"] in theirs):
        now, name = theirs[was["id"]], was["id"]
        if now["regionRegex"] != was["regionRegex"]:
            yield f"{name}: regionRegex is {now['regionRegex']!r} now, it was {was['regionRegex']!r}: {TABLE}"
        for key, value in was["outputs"].items():
            if now["outputs"].get(key) != value:
                yield f"{name}: {key} is {now['outputs'].get(key)!r} now, it was {value!r}: {TABLE}"
        for region in now["regions"]:
            if not ours[name].holds(region):
                yield f"{name}: region {region} is not in its pattern: {TABLE}"


@pytest.fixture(scope="session")
def endpoint_drift() -> Check:
    """Return the check."""
    return find_drift


@pytest.fixture(scope="session")
def new_endpoint_drift(beyond_today: Callable[[Check], Check]) -> Check:
    """Return the check for edited data, which leaves out today's differences."""
    return beyond_today(find_drift)
