"""The emulator over HTTPS, which the clients trust because of their own settings."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from ssooidc_emulator import EmulatorServer

pytestmark = [
    pytest.mark.parametrize("tls", [True], ids=["HTTPS"]),
    # So that the SDKs ask for a new token too.
    pytest.mark.parametrize("settings", [{"access_token_lifetime": 60}], ids=["60 s"]),
]
USED = ["CreateToken 200", "GetRoleCredentials 200"]


def test_the_aws_cli(
    login: Callable[..., None],
    aws: Callable[..., subprocess.CompletedProcess[str]],
    server: EmulatorServer,
    asked: Callable[[], list[str]],
) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    login()
    done = aws("configure", "export-credentials")
    assert (done.returncode, done.stderr) == (0, "")
    assert asked() == USED


def test_the_sdks(
    login: Callable[..., None],
    boto3_profile: Callable[..., Any],
    javascript: Callable[..., Any],
    asked: Callable[[], list[str]],
) -> None:
    login()
    assert boto3_profile("credentials", "emulator")["access_key"].startswith("ASIA")
    assert javascript("profile.mjs", "credentials", "emulator")["accessKeyId"].startswith("ASIA")
    assert asked() == USED * 2


def test_the_certificate_is_not_trusted_without_the_variable(
    aws: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
    server: EmulatorServer,
    asked: Callable[[], list[str]],
) -> None:
    del environment["AWS_CA_BUNDLE"]
    done = aws("sso", "login", "--use-device-code", "--no-browser")
    assert (done.returncode, done.stdout) == (255, "")
    url = f"{server.url}/client/register"
    assert done.stderr.startswith(f"\naws: [ERROR]: SSL validation failed for {url} ")
    assert asked() == []
