"""Configured endpoint URLs: botocore's 39 cases of precedence, read in place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ssooidc_core._aws_settings import find_profile, resolve_endpoint_url, resolve_flag
from ssooidc_core.aws_config import AwsConfig, parse_aws_config

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"
# What the cases expect where nothing is configured: the rule set of another service decides, not the configuration.
FROM_RULES: Final = "https://s3.fake-region-10.amazonaws.com"


def written(suite: dict[str, Any]) -> str:
    """Write the profiles and services of the cases as a config file."""
    lines: list[str] = []
    for name, properties in suite["profiles"].items():
        lines.append(f"[profile {name}]")
        lines += [f"{key} = {value}" for key, value in properties.items()]
    for name, services in suite["services"].items():
        lines.append(f"[services {name}]")
        for service, properties in services.items():
            lines.append(f"{service} =")
            lines += [f"  {key} = {value}" for key, value in properties.items()]
    return "\n".join(lines)


def resolved(case: dict[str, Any], suite: dict[str, Any], config: AwsConfig) -> str | None:
    environ = suite["environments"][case["environment"]]
    arguments = suite["client_configs"][case["client_config"]]
    profile = find_profile(config, case["profile"])
    ignore = resolve_flag(
        "ignore_configured_endpoint_urls",
        arguments.get("ignore_configured_endpoint_urls"),
        environ=environ,
        profile=profile,
    )
    return resolve_endpoint_url(
        case["service"],
        arguments.get("endpoint_url"),
        ignore=ignore is True,
        environ=environ,
        config=config,
        profile=profile,
    )


def test_the_39_cases_of_precedence(vectors: Path, tally: Tally) -> None:
    file = vectors / "endpoints" / "configured-endpoint-urls.json"
    (suite,) = json.loads(file.read_text(encoding="utf-8"))["testSuites"]
    cases: list[dict[str, Any]] = suite["endpointUrlTests"]
    assert len(cases) == 39
    config = parse_aws_config(written(suite))
    assert config.warnings == ()
    for case in cases:
        url = resolved(case, suite, config)
        assert (url or FROM_RULES) == case["output"]["endpointUrl"], case["name"]
        tally.ran()
