"""`ssooidc_core._start_urls`: AWS's own hosts, the region in a host, and vanity URLs."""

from __future__ import annotations

from typing import Any

import pytest

from ssooidc_core import ConfigurationError, HttpResponse, Operation, run
from ssooidc_core._start_urls import (
    ResolvedStartUrl,
    is_aws_owned,
    may_lead_to,
    region_of_host,
    resolve_start_url,
    tidy_start_url,
)
from ssooidc_transports.testing import ScriptedTransport, Sent

VANITY = "https://aws.mycompany.com"


@pytest.fixture(scope="module")
def table(case_tables: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = case_tables["start-urls"]
    return found


def test_aws_owns_these_hosts_and_not_those(table: dict[str, Any]) -> None:
    assert len(table["aws_owned"]) == 19
    assert len(table["not_aws_owned"]) == 12
    assert [host for host in table["aws_owned"] if not is_aws_owned(host)] == []
    assert [host for host in table["not_aws_owned"] if is_aws_owned(host)] == []


def test_a_host_names_its_region(table: dict[str, Any]) -> None:
    assert len(table["region_of"]) == 11
    assert {host: region_of_host(host) for host in table["region_of"]} == table["region_of"]
    assert len(table["without_region"]) == 7
    assert [host for host in table["without_region"] if region_of_host(host) is not None] == []


@pytest.mark.parametrize("label", ["s3", "evil", "us-east", "1", "us-east-1-", "us--east-1"])
def test_what_is_no_region_is_none_in_a_host_either(label: str) -> None:
    """The region becomes part of an endpoint, and oidc.s3.amazonaws.com is a bucket that anyone may own."""
    assert region_of_host(f"x.portal.{label}.app.aws") is None
    assert region_of_host(f"x.{label}.portal.amazonaws.com") is None


def test_a_url_is_tidied(table: dict[str, Any]) -> None:
    assert len(table["tidy"]) == 6
    assert {url: tidy_start_url(url) for url in table["tidy"]} == table["tidy"]


def answer(location: str | None, status: int = 302) -> HttpResponse:
    return HttpResponse(status, {} if location is None else {"Location": location}, b"")


def test_start_urls_resolve_as_the_aws_cli_does(table: dict[str, Any]) -> None:
    assert len(table["resolved"]) == 13
    for case in table["resolved"]:
        target = case.get("leads_to")
        transport = ScriptedTransport([] if target is None else [answer(target)])
        program = resolve_start_url(case["url"], region=case.get("region"))
        if "error" in case:
            with pytest.raises(ConfigurationError) as caught:
                _ = run(program, transport)
            assert case["error"] in str(caught.value)
            continue
        found = run(program, transport)
        assert found.region == case["found_region"]
        assert found.start_url == case.get("found_url", found.start_url)


@pytest.mark.parametrize(
    "location",
    [
        "//x.portal.eu-west-1.app.aws/start/",
        "https://x.portal.eu-west-1.app.aws/start?region=us-east-1#/device",
        "HTTPS://X.Portal.EU-West-1.App.AWS/start",
        "https://x.portal.eu-west-1.app.aws:443/start/?",
    ],
)
def test_a_redirect_is_read_as_the_aws_cli_reads_it(location: str) -> None:
    found = run(
        resolve_start_url(VANITY, region="us-east-1"), ScriptedTransport([answer(location)])
    )
    assert found == ResolvedStartUrl(
        start_url="https://x.portal.eu-west-1.app.aws/start", region="eu-west-1"
    )


@pytest.mark.parametrize(
    ("url", "region", "may"),
    [
        (VANITY, "eu-west-1", True),
        (VANITY, "us-gov-west-1", True),
        (VANITY, "s3", False),
        (VANITY, "eu-west-1.evil.com", False),
        (VANITY, "eu-west-1\n", False),
        ("https://d-1.awsapps.com/start", "eu-west-1", False),
        ("https://D-1.AWSApps.com./start", "eu-west-1", False),
        ("https://[", "eu-west-1", False),
        ("no url", "eu-west-1", False),
    ],
)
def test_only_a_vanity_url_leads_to_another_region(url: str, region: str, *, may: bool) -> None:
    assert may_lead_to(url, region) is may


def test_a_host_of_aws_is_not_asked() -> None:
    transport = ScriptedTransport([])
    url = "https://d-1.awsapps.com/start"
    found = run(resolve_start_url(url, region="us-east-1"), transport)
    assert found == ResolvedStartUrl(start_url=url, region="us-east-1")
    assert transport.events == []


def test_a_vanity_host_has_no_errors_of_a_model() -> None:
    asked = next(iter(resolve_start_url(VANITY, region=None)))
    assert isinstance(asked, Operation)
    assert asked.error_types == ()


@pytest.mark.parametrize("status", [405, 501])
def test_a_host_that_knows_no_head_is_asked_with_get(status: int) -> None:
    replies = [answer(None, status), answer("https://x.portal.eu-west-1.app.aws/")]
    transport = ScriptedTransport(replies)
    found = run(resolve_start_url(VANITY, region=None), transport)
    assert found == ResolvedStartUrl(
        start_url="https://x.portal.eu-west-1.app.aws", region="eu-west-1"
    )
    sent = [event for event in transport.events if isinstance(event, Sent)]
    assert [(request.method, request.url, request.body) for request in sent] == [
        ("HEAD", VANITY, b""),
        ("GET", VANITY, b""),
    ]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (
            answer(None, 200),
            "Could not resolve the start URL: aws.mycompany.com is not a host of AWS, and does not redirect",
        ),
        (
            answer("https://evil.example/"),
            (
                "Could not resolve the start URL: aws.mycompany.com redirects to evil.example, "
                "which is not a host of AWS"
            ),
        ),
        (
            answer("http://x.portal.eu-west-1.app.aws/"),
            "What aws.mycompany.com redirects to must use https: the https scheme is missing",
        ),
        (
            answer("/start"),
            (
                "Could not resolve the start URL: aws.mycompany.com redirects to aws.mycompany.com, "
                "which is not a host of AWS"
            ),
        ),
        (
            answer("//evil.example/"),
            (
                "Could not resolve the start URL: aws.mycompany.com redirects to evil.example, "
                "which is not a host of AWS"
            ),
        ),
        (
            answer("https://x.portal\t.eu-west-1.app.aws/"),
            "Invalid sso_start_url: what aws.mycompany.com redirects to is not an https URL",
        ),
        (
            answer("https://user@x.portal.eu-west-1.app.aws/"),
            "Invalid sso_start_url: what aws.mycompany.com redirects to is not an https URL",
        ),
        (
            answer("https://evil.example\\.app.aws/"),
            "Invalid sso_start_url: what aws.mycompany.com redirects to is not an https URL",
        ),
        (
            answer("https://["),
            "Invalid sso_start_url: what aws.mycompany.com redirects to is not an https URL",
        ),
        (
            answer("https://d-1.awsapps.com/start"),
            "Cannot determine region: d-1.awsapps.com names none; set sso_region",
        ),
    ],
)
def test_what_a_vanity_url_leads_to_is_checked(reply: HttpResponse, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = run(resolve_start_url(VANITY, region=None), ScriptedTransport([reply]))
    assert str(caught.value) == text
