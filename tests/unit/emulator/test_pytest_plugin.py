"""The fixtures of the pytest plugin in any project, and its cost for projects that do not use them."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import boto3
import botocore.session
import pytest

import ssooidc_emulator
from ssooidc_core import Now, RegisterClientRequest, arun, register_client, run
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_emulator import (
    AsyncEmulatorTransport,
    Clock,
    EmulatorServer,
    EmulatorTransport,
    IdentityCenter,
    pytest_plugin,
)
from ssooidc_emulator._serving.client_environment import ClientEnvironment

NO_UVICORN = "import sys; sys.modules['uvicorn'] = None"
REGISTRATION = RegisterClientRequest(client_name="tool", client_type="public")


def python(code: str) -> object:
    """Return the parsed JSON output of another interpreter."""
    command = [sys.executable, "-Ic", code]
    done = subprocess.run(  # noqa: S603 - our own code
        command, capture_output=True, check=True, text=True, timeout=60
    )
    return json.loads(done.stdout)


def test_loading_it_imports_nothing_else() -> None:
    code = """
import json, sys, pytest
before = set(sys.modules)
import ssooidc_emulator.pytest_plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    assert python(code) == ["ssooidc_emulator", "ssooidc_emulator.pytest_plugin"]


def test_a_run_that_uses_no_fixture_imports_nothing_of_ours(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_modules():
            ours = {name for name in sys.modules if name.startswith("ssooidc_")}
            assert ours == {"ssooidc_emulator", "ssooidc_emulator.pytest_plugin"}
            assert not {"pydantic", "botocore", "uvicorn", "jinja2"} & set(sys.modules)
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)


def test_each_name_of_the_package_is_there_when_asked_for_first() -> None:
    code = """
import importlib, json, sys
import ssooidc_emulator
loaded = {}
for name in ssooidc_emulator.__all__:
    for module in [each for each in sys.modules if each.startswith("ssooidc_")]:
        del sys.modules[module]
    package = importlib.import_module("ssooidc_emulator")
    before = sorted(each for each in sys.modules if each.startswith("ssooidc_"))
    loaded[name] = [before, getattr(package, name) is vars(package)[name]]
print(json.dumps(loaded))
"""
    assert python(code) == {name: [["ssooidc_emulator"], True] for name in ssooidc_emulator.__all__}


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(
        AttributeError, match=r"^module 'ssooidc_emulator' has no attribute 'Idendity'$"
    ):
        _ = ssooidc_emulator.Idendity  # type: ignore[attr-defined]
    assert sorted(ssooidc_emulator._HOMES) == ssooidc_emulator.__all__


@pytest.mark.parametrize(("first", "left_out"), [("", set()), (NO_UVICORN, {"EmulatorServer"})])
def test_dir_and_help_show_each_name(first: str, left_out: set[str]) -> None:
    code = """
import json, pydoc, sys
import ssooidc_emulator
shown = dir(ssooidc_emulator)
text = pydoc.plain(pydoc.render_doc(ssooidc_emulator))
print(json.dumps([name for name in ssooidc_emulator.__all__ if name in shown and name in text]))
"""
    expected = [name for name in ssooidc_emulator.__all__ if name not in left_out]
    assert python(first + code) == expected


def test_it_can_be_switched_off(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(identity_center): pass")
    result = pytester.runpytest_subprocess("-p", "no:ssooidc", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'identity_center' not found"])


def test_pytest_lists_each_fixture_with_what_it_is_for(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider")
    for name in pytest_plugin.__all__:
        result.stdout.re_match_lines([rf"{name} -- .*pytest_plugin\.py:\d+", r"    [A-Z`].*"])


def test_without_the_extra_it_says_what_to_install(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['uvicorn'] = None")
    pytester.makepyfile("""
        def test_in_process(identity_center_transport): pass
        def test_over_http(identity_center_server): pass
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["uvicorn is missing: pip install 'ssooidc-core[[]emulator]'"])


def test_a_project_has_a_center_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import pytest
        from ssooidc_emulator import IdentityCenter

        @pytest.fixture
        def identity_center():
            return IdentityCenter(region="eu-central-1")
    """)
    pytester.makepyfile("""
        def test_it(identity_center_transport):
            assert identity_center_transport.config.region == "eu-central-1"
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_login_in_process_takes_no_time(
    identity_center: IdentityCenter,
    identity_center_transport: EmulatorTransport,
    identity_center_clock: Clock,
) -> None:
    start = start_device_login(
        REGISTRATION, start_url=identity_center.start_url, region=identity_center.region
    )
    login = run(start, identity_center_transport)
    identity_center.approve(login.user_code)
    token = run(poll_for_token(login), identity_center_transport)
    assert token.expires_in == 28800
    before = identity_center_clock.now()
    assert [each.user for each in identity_center.sessions(before)] == ["user"]
    identity_center_clock.advance(28800)
    assert identity_center.sessions(identity_center_clock.now()) == ()


def test_the_asynchronous_transport_asks_the_same_center(
    identity_center: IdentityCenter,
    identity_center_async_transport: AsyncEmulatorTransport,
) -> None:
    client = asyncio.run(arun(register_client(REGISTRATION), identity_center_async_transport))
    now = asyncio.run(arun(iter(Now()), identity_center_async_transport))
    assert [each.client_id for each in identity_center.registrations(now)] == [client.client_id]


@pytest.mark.enable_socket
def test_the_server_serves_the_center_under_the_clock(
    identity_center_server: EmulatorServer,
    identity_center: IdentityCenter,
    identity_center_clock: Clock,
) -> None:
    assert identity_center_server.url.startswith("http://127.0.0.1:")
    assert identity_center_server.center is identity_center
    assert identity_center_server.clock is identity_center_clock


@pytest.mark.enable_socket
def test_the_home_is_ready_and_nothing_is_set(
    identity_center_home: ClientEnvironment, identity_center_server: EmulatorServer, tmp_path: Path
) -> None:
    home = Path(identity_center_home.variables["HOME"])
    assert home == tmp_path / "identity-center-home"
    assert home.stat().st_mode & 0o777 == 0o700
    assert "[sso-session emulator]\n" in (home / ".aws" / "config").read_text(encoding="utf-8")
    assert identity_center_home.variables["AWS_ENDPOINT_URL_SSO"] == identity_center_server.url
    assert os.environ.get("HOME") != str(home)


@pytest.fixture
def outer(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment around the test, in which boto3 already has a default session."""
    monkeypatch.setenv("AWS_PROFILE", "outer")
    monkeypatch.setenv("AWS_MADE_UP_TOMORROW", "outer")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", object())
    return dict(os.environ)


@pytest.mark.enable_socket
def test_boto3_asks_the_emulator(
    outer: dict[str, str], identity_center_environment: ClientEnvironment
) -> None:
    assert "AWS_MADE_UP_TOMORROW" not in os.environ
    assert identity_center_environment.variables.items() <= os.environ.items()
    client = boto3.client("sso-oidc")
    assert client.meta.endpoint_url == os.environ["AWS_ENDPOINT_URL_SSO_OIDC"]
    registered = client.register_client(clientName="tool", clientType="public")
    assert registered["clientId"]


@pytest.mark.enable_socket
def test_what_was_before_comes_back(
    outer: dict[str, str], request: pytest.FixtureRequest, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("""
        import os

        import boto3
        import pytest

        OUTER = dict(os.environ)

        def is_as_before():
            now = {name: each for name, each in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
            return now == {name: each for name, each in OUTER.items() if name != "PYTEST_CURRENT_TEST"}

        def test_inside(identity_center_environment):
            assert not is_as_before()
            boto3.client("sso-oidc")
            assert boto3.DEFAULT_SESSION is not None

        def test_afterwards():
            assert is_as_before()
            assert boto3.DEFAULT_SESSION is None
            from botocore.tokens import SSOTokenProvider
            assert SSOTokenProvider._SSO_TOKEN_CACHE_DIR.startswith(OUTER["HOME"])
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


def modules_of_botocore() -> list[ModuleType]:
    return [
        module
        for name, module in sys.modules.copy().items()
        if name.partition(".")[0] in {"boto3", "botocore"}
    ]


@pytest.mark.enable_socket
def test_botocore_has_no_path_in_the_users_home_left(
    identity_center_environment: ClientEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    real = Path("~/.aws").expanduser()
    left = [
        f"{module.__name__}.{kind.__name__}.{attribute}"
        for module in modules_of_botocore()
        for _, kind in inspect.getmembers(module, inspect.isclass)
        for attribute, value in vars(kind).items()
        if isinstance(value, str) and Path(value).is_relative_to(real)
    ]
    assert left == []


@pytest.mark.enable_socket
def test_botocore_reads_and_keeps_tokens_in_the_scratch_home(
    identity_center: IdentityCenter,
    identity_center_clock: Clock,
    identity_center_environment: ClientEnvironment,
) -> None:
    """A token of the profile's session, stored where the AWS CLI stores it, gets the role's credentials."""
    home = Path(identity_center_environment.variables["HOME"])
    oidc = boto3.client("sso-oidc")
    client = oidc.register_client(
        clientName="tool", clientType="public", scopes=["sso:account:access"]
    )
    who = {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}
    device = oidc.start_device_authorization(**who, startUrl=identity_center.start_url)
    identity_center.approve(device["userCode"])
    token = oidc.create_token(
        **who,
        grantType="urn:ietf:params:oauth:grant-type:device_code",
        deviceCode=device["deviceCode"],
    )
    cached = {
        "accessToken": token["accessToken"],
        "refreshToken": token["refreshToken"],
        **who,
        "registrationExpiresAt": "2999-01-01T00:00:00Z",
        "expiresAt": "2000-01-01T00:00:00Z",  # so that it is refreshed, and written back
        "region": identity_center.region,
        "startUrl": identity_center.start_url,
    }
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    path = cache / f"{hashlib.sha1(b'emulator').hexdigest()}.json"  # noqa: S324 - the AWS tools' key
    path.write_text(json.dumps(cached), encoding="utf-8")
    credentials = botocore.session.Session().get_credentials()
    assert credentials is not None
    access_key = credentials.get_frozen_credentials().access_key
    assert access_key is not None
    assert access_key.startswith("ASIA")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["accessToken"] != cached["accessToken"]
    assert kept["expiresAt"] > "2026"
