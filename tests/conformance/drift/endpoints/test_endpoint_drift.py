"""botocore's rule sets and partitions match our code, and the check detects possible changes to them.

`nox -s drift` installs the newest botocore and runs this folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import botocore
import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally
    from tests.conformance.drift.conftest import Check

GROUP: Final = "drift"
RULES: Final = "endpoint-rule-set-1"
FILE: Final = "ssooidc_core/_endpoints.py"
TABLE: Final = "ssooidc_core/_partitions.py"

Data: TypeAlias = dict[str, Any]


def test_the_endpoints_of_this_botocore_are_what_we_have(
    botocore_data: Data, endpoint_drift: Check, tally: Tally
) -> None:
    lines = endpoint_drift(botocore_data)
    assert not lines, "\n".join([f"botocore {botocore.__version__}:", *lines])
    tally.ran(len(botocore_data["partitions"]["partitions"]) + 2)


def rewritten(data: Data, service: str, old: str, new: str) -> None:
    """Replace a text in a rule set."""
    text = json.dumps(data[service][RULES])
    assert old in text
    data[service][RULES] = json.loads(text.replace(old, new))


def test_an_endpoint_rule_that_changes(
    botocore_data: Data, new_endpoint_drift: Check, tally: Tally
) -> None:
    rewritten(
        botocore_data,
        "sso-oidc",
        "https://oidc.{Region}.amazonaws.com",
        "https://oidc-gov.{Region}.amazonaws.com",
    )
    assert new_endpoint_drift(botocore_data) == [
        (
            "sso-oidc: the endpoint for UseFIPS=True, Region=us-gov-new-9 is "
            "'https://oidc-gov.us-gov-new-9.amazonaws.com' now, "
            f"it was 'https://oidc.us-gov-new-9.amazonaws.com': {FILE}"
        )
    ]
    tally.ran()


def test_a_text_of_an_error_that_changes(
    botocore_data: Data, new_endpoint_drift: Check, tally: Tally
) -> None:
    rewritten(botocore_data, "sso", "Missing Region", "No Region")
    ways = ("UseFIPS=True, UseDualStack=True", "UseFIPS=True", "UseDualStack=True", "nothing")
    assert new_endpoint_drift(botocore_data) == [
        f"sso: the endpoint for {way} is 'Invalid Configuration: No Region' now, "
        f"it was 'Invalid Configuration: Missing Region': {FILE}"
        for way in ways
    ]
    tally.ran()


def test_a_text_for_partitions_that_none_of_today_is(
    botocore_data: Data, new_endpoint_drift: Check, tally: Tally
) -> None:
    old = "FIPS is enabled but this partition does not support FIPS"
    rewritten(botocore_data, "sso-oidc", old, "no FIPS here")
    lines = new_endpoint_drift(botocore_data)
    assert len(lines) == 9  # the eight partitions, and a region that matches none
    assert lines[0] == (
        "sso-oidc: the endpoint for UseFIPS=True, Region=odd-1 is 'no FIPS here' now, "
        f"it was '{old}': {FILE}"
    )
    tally.ran()


def test_a_parameter_that_is_new_gone_or_other(
    botocore_data: Data, new_endpoint_drift: Check, tally: Tally
) -> None:
    parameters = botocore_data["sso"][RULES]["parameters"]
    parameters["AccountId"] = {"type": "string", "builtIn": "AWS::Auth::AccountId"}
    parameters["UseFIPS"]["default"] = True
    assert new_endpoint_drift(botocore_data) == [
        (
            "sso: endpoint parameter AccountId is ('string', 'AWS::Auth::AccountId', None) now, "
            f"it was None: {FILE}"
        ),
        (
            "sso: endpoint parameter UseFIPS is ('boolean', 'AWS::UseFIPS', True) now, "
            f"it was ('boolean', 'AWS::UseFIPS', False): {FILE}"
        ),
    ]
    tally.ran()


def test_a_function_of_the_rules_that_this_botocore_lacks_is_named(
    botocore_data: Data, new_endpoint_drift: Check, tally: Tally
) -> None:
    rewritten(botocore_data, "sso", "aws.partition", "aws.newPartition")
    lines = new_endpoint_drift(botocore_data)
    assert lines[0].startswith(
        "sso: the endpoint for UseFIPS=True, UseDualStack=True, Region=odd-1"
    )
    assert "aws_new_partition" in lines[0]
    tally.ran()


def partition(data: Data, name: str) -> Data:
    found: Data = next(each for each in data["partitions"]["partitions"] if each["id"] == name)
    return found


EDITS: Final[dict[str, tuple[Callable[[Data], object], list[str]]]] = {
    "a pattern": (
        lambda data: partition(data, "aws-cn").update(regionRegex=r"^(cn|hk)\-\w+\-\d+$"),
        [
            (
                r"aws-cn: regionRegex is '^(cn|hk)\\-\\w+\\-\\d+$' now, "
                rf"it was '^cn\\-\\w+\\-\\d+$': {TABLE}"
            )
        ],
    ),
    "a partition": (
        lambda data: data["partitions"]["partitions"].append(
            partition(data, "aws-eusc") | {"id": "aws-moon"}
        ),
        [f"new partition aws-moon: {TABLE}"],
    ),
    "no partition": (
        lambda data: data["partitions"]["partitions"].remove(partition(data, "aws-iso-f")),
        [f"partition aws-iso-f is gone: {TABLE}"],
    ),
    "suffixes": (
        lambda data: partition(data, "aws-eusc")["outputs"].update(
            dnsSuffix="amazonaws.example", dualStackDnsSuffix="api.example"
        ),
        [
            f"aws-eusc: dnsSuffix is 'amazonaws.example' now, it was 'amazonaws.eu': {TABLE}",
            (
                "aws-eusc: dualStackDnsSuffix is 'api.example' now, "
                f"it was 'api.amazonwebservices.eu': {TABLE}"
            ),
        ],
    ),
    "support": (
        lambda data: partition(data, "aws-iso")["outputs"].update(
            supportsFIPS=False, supportsDualStack=False
        ),
        [
            f"aws-iso: supportsFIPS is False now, it was True: {TABLE}",
            f"aws-iso: supportsDualStack is False now, it was True: {TABLE}",
        ],
    ),
    "a region outside of the pattern": (
        lambda data: partition(data, "aws-eusc")["regions"].update({"aws-eusc-global": {}}),
        [f"aws-eusc: region aws-eusc-global is not in its pattern: {TABLE}"],
    ),
    "a region of the pattern": (
        lambda data: partition(data, "aws")["regions"].update({"eu-north-7": {}}),
        [],
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_new_in_the_partitions_is_named(
    edit: str, botocore_data: Data, new_endpoint_drift: Check, tally: Tally
) -> None:
    change, lines = EDITS[edit]
    change(botocore_data)
    assert new_endpoint_drift(botocore_data) == [f"partitions: {line}" for line in lines]
    tally.ran()
