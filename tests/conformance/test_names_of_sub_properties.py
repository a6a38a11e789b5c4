"""A sub-property with a name that is not valid for properties is kept, as in the case that AWS SDKs share.

The AWS SDK for Kotlin ignores such a sub-property with a warning (`AwsConfigParser.kt`: "Ignoring invalid
sub-property").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core.aws_config import parse_aws_config

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"


@pytest.mark.parametrize("name", ["in valid", "a\tb", "two words more"])
def test_a_space_in_the_name_of_a_sub_property(name: str, tally: Tally) -> None:
    parsed = parse_aws_config(f"[profile foo]\ns3 =\n {name} = value\n valid = other")
    s3 = parsed.profiles["foo"].properties["s3"]
    assert s3.value == {name: "value", "valid": "other"}
    assert parsed.warnings == ()
    tally.differs("a-space-in-a-sub-property-s-name")
    tally.ran()


def test_a_space_in_the_name_of_a_property(tally: Tally) -> None:
    """All parsers agree about the names of properties."""
    parsed = parse_aws_config("[profile foo]\nin valid = value")
    assert parsed.profiles["foo"].properties == {}
    (warning,) = parsed.warnings
    assert str(warning) == (
        "~/.aws/config, line 2, [profile foo]: a property is ignored: "
        "its name may have letters, digits and -/.%@_:+ only"
    )
    tally.ran()
