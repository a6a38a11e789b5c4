"""The grammar of AWS's configuration files: the parser cases that AWS SDKs share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import ConfigurationError
from ssooidc_core.aws_config import Property, Section, parse_aws_config

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"


def flat(found: Property) -> str:
    """Return a property in the form of the cases, where sub-properties are text."""
    if isinstance(found.value, str):
        return found.value
    return "".join(f"\n{name} = {value}".rstrip() for name, value in found.value.items())


def flat_sections(sections: Mapping[str, Section]) -> dict[str, dict[str, str]]:
    return {
        name: {key: flat(found) for key, found in section.properties.items()}
        for name, section in sections.items()
    }


def test_the_64_parser_cases(case_tables: dict[str, Any], tally: Tally) -> None:
    cases: list[dict[str, Any]] = case_tables["config-grammar"]["cases"]
    assert len(cases) == 64
    for case in cases:
        config, credentials = case.get("config", ""), case.get("credentials", "")
        if "error" in case:
            with pytest.raises(ConfigurationError) as caught:
                parse_aws_config(config, credentials)
            assert case["error"] in str(caught.value), case["name"]
        else:
            parsed = parse_aws_config(config, credentials)
            assert flat_sections(parsed.profiles) == case["profiles"], case["name"]
            assert flat_sections(parsed.sso_sessions) == case.get("sessions", {}), case["name"]
        tally.ran()


def test_sub_properties_are_a_mapping(tally: Tally) -> None:
    parsed = parse_aws_config("[profile foo]\ns3 =\n Name = value\n in valid =\n")
    section = parsed.profiles["foo"]
    assert section.properties["s3"].value == {"name": "value", "in valid": ""}
    # The cases keep the case of a sub-property's name, since they keep its text.
    assert flat(section.properties["s3"]) == "\nname = value\nin valid ="
    tally.ran()
