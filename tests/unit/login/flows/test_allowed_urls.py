"""`ssooidc_login._flows.allowed_urls`: which URLs of a server may be opened in a person's browser."""

from __future__ import annotations

import pytest

from ssooidc_core import ClientConfig
from ssooidc_login._flows.allowed_urls import may_open

CONFIG = ClientConfig(region="us-east-1")


@pytest.mark.parametrize(
    "url",
    [
        "https://device.sso.us-east-1.amazonaws.com/?user_code=ABCD-EFGH",
        "https://device.sso.cn-north-1.amazonaws.com.cn/",
        "https://device.sso.eusc-de-east-1.amazonaws.eu/",
        "https://device.sso.us-iso-east-1.c2s.ic.gov/",
        "https://DEVICE.SSO.us-gov-west-1.AmazonAWS.com/",
        "https://d-1234567890.awsapps.com/start/#/device?user_code=ABCD-EFGH",
        "https://x.portal.us-east-1.app.aws:443/",
        "https://us-east-1.signin.aws/",
        "https://oidc.us-east-1.amazonaws.com/authorize?response_type=code&state=%20",
    ],
)
def test_pages_of_aws_are_opened(url: str) -> None:
    assert may_open(url, CONFIG)


@pytest.mark.parametrize(
    "url",
    [
        # Buckets and other services that anyone can create.
        "https://device.sso.s3.amazonaws.com/",
        "https://device.sso.evil.com/",
        "https://device.sso.us-east-1.amazonaws.com.evil.com/",
        "https://x.oidc.us-east-1.amazonaws.com/",
        # URLs in which a browser may see another host.
        "https://evil.com%2f.signin.aws/",
        "https://evil.com%23.awsapps.com/",
        "https://evil.com;.signin.aws/",
        "https://evil.com\\.awsapps.com/",
        "https://evil.com?.signin.aws",
        "https://evil.com#.signin.aws",
        "https://device.sso.us-east-1.amazonaws.com@evil.com/",
        "https://user:password@d-1234567890.awsapps.com/",
        "https://awsapps.com.evil.com/",
        "https://evilawsapps.com/",
        "https://evilsignin.aws/",
        "https://xn--wsapps-5ta.com/",
        "https://áwsapps.com/",
        # Other services on the same machine.
        "https://d-1234567890.awsapps.com:8443/",
        "https://oidc.us-east-1.amazonaws.com:444/",
        "https://d-1234567890.awsapps.com:99999/",
        # Other schemes, or none.
        "http://d-1234567890.awsapps.com/",
        "http://oidc.us-east-1.amazonaws.com/",
        "file:///d-1234567890.awsapps.com/",
        "javascript:alert(1)//d-1234567890.awsapps.com",
        "//d-1234567890.awsapps.com/",
        "https:///d-1234567890.awsapps.com/",
        # Characters that a shell, or a reader, may misread.
        "https://d-1234567890.awsapps.com/`id`",
        'https://d-1234567890.awsapps.com/"',
        "https://d-1234567890.awsapps.com/ x",
        " https://d-1234567890.awsapps.com/",
        "https://d-1234567890.awsapps.com/\n",
        "https://d-1234567890.awsapps.com/\u202e",
        "https://[d-1234567890.awsapps.com/",
        "",
    ],
)
def test_pages_of_anybody_else_are_not(url: str) -> None:
    assert not may_open(url, CONFIG)


@pytest.mark.parametrize(
    ("endpoint", "url", "opened"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/device?user_code=A", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001/device", False),
        ("http://127.0.0.1:8000", "http://localhost:8000/device", False),
        ("http://127.0.0.1:8000", "https://127.0.0.1:8000/device", False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000@evil.com/", False),
        ("https://sso.example:8443/x", "https://sso.example:8443/device", True),
        ("https://sso.example:8443/x", "https://sso.example/device", False),
        ("http://10.0.0.1", "http://10.0.0.1/device", False),
    ],
)
def test_pages_of_the_configured_endpoint(endpoint: str, url: str, *, opened: bool) -> None:
    config = ClientConfig(region="us-east-1", endpoint_url=endpoint, allow_insecure_http=True)
    assert may_open(url, config) is opened
