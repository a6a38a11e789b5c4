"""Configured endpoint URLs: botocore's 39 precedence cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ssooidc_core._aws_settings import find_profile, resolve_endpoint_url, resolve_flag
from ssooidc_core.aws_config import parse_aws_config

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"


def test_the_39_cases_of_precedence(case_tables: dict[str, Any], tally: Tally) -> None:
    table = case_tables["configured-endpoints"]
    assert len(table["cases"]) == 39
    config = parse_aws_config(table["config"])
    assert config.warnings == ()
    for case in table["cases"]:
        profile_name, arguments_name, environment, service, expected = case
        environ, arguments = table["environments"][environment], table["arguments"][arguments_name]
        profile = find_profile(config, profile_name)
        ignore = resolve_flag(
            "ignore_configured_endpoint_urls",
            arguments.get("ignore_configured_endpoint_urls"),
            environ=environ,
            profile=profile,
        )
        url = resolve_endpoint_url(
            service,
            arguments.get("endpoint_url"),
            ignore=ignore is True,
            environ=environ,
            config=config,
            profile=profile,
        )
        assert url == (expected or None), case
        tally.ran()
