"""The grammar of AWS's configuration files: the 65 parser cases that AWS SDKs share, read in place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import ConfigurationError
from ssooidc_core.aws_config import Property, Section, parse_aws_config

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"


def flat(found: Property) -> str:
    """Give a property as the cases write it: sub-properties as text."""
    if isinstance(found.value, str):
        return found.value
    return "".join(f"\n{name} = {value}".rstrip() for name, value in found.value.items())


def flat_sections(sections: Mapping[str, Section]) -> dict[str, dict[str, str]]:
    return {
        name: {key: flat(found) for key, found in section.properties.items()}
        for name, section in sections.items()
    }


def test_the_65_parser_cases(vectors: Path, tally: Tally) -> None:
    file = vectors / "config" / "profile-parser-tests.json"
    cases: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["tests"]
    assert len(cases) == 65
    for case in cases:
        texts, expected = case["input"], case["output"]
        config, credentials = texts.get("configFile", ""), texts.get("credentialsFile", "")
        if "errorContaining" in expected:
            with pytest.raises(ConfigurationError) as caught:
                parse_aws_config(config, credentials)
            assert expected["errorContaining"] in str(caught.value), case["name"]
        else:
            parsed = parse_aws_config(config, credentials)
            sessions = expected["config"].get("sso_sessions", {})
            assert flat_sections(parsed.profiles) == expected["config"]["profiles"], case["name"]
            assert flat_sections(parsed.sso_sessions) == sessions, case["name"]
        tally.ran()


def test_sub_properties_are_a_mapping(tally: Tally) -> None:
    parsed = parse_aws_config("[profile foo]\ns3 =\n Name = value\n in valid =\n")
    section = parsed.profiles["foo"]
    assert section.properties["s3"].value == {"name": "value", "in valid": ""}
    # The cases keep the letter case of a sub-property's name, since they keep its text.
    assert flat(section.properties["s3"]) == "\nname = value\nin valid ="
    tally.ran()
