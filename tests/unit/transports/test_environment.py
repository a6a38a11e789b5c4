"""`ssooidc_transports.environment`: variables and files become a config, and only what is needed is read."""

from __future__ import annotations

import dataclasses
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

import ssooidc_core
import ssooidc_transports.environment
from ssooidc_core import ClientConfig, ConfigurationError, Credentials
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_transports import environment
from ssooidc_transports.environment import client_config, read_aws_config, sso_settings

# Split in two: a traceback quotes the lines of this file.
CANARY = "wJalrXUtnFEMI" + "K7MDENGbPxRfiCYEXAMPLEKEY"
URL = "https://d-1234567890.awsapps.com/start"
FILE = f"""\
[default]
region = sa-east-1
[profile dev]
sso_session = my-sso
sso_account_id = 111122223333
sso_role_name = Admin
region = eu-west-1
services = local
use_dualstack_endpoint = false
[profile fips]
use_fips_endpoint = true
use_dualstack_endpoint = true
[sso-session my-sso]
sso_start_url = {URL}
sso_region = us-east-1
[sso-session other]
sso_start_url = {URL}
sso_region = us-west-2
[services local]
sso_oidc =
  endpoint_url = http://127.0.0.1:8000
sso =
  endpoint_url = http://127.0.0.1:8001
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home directory with both files."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "config").write_text(FILE, encoding="utf-8")
    (folder / "credentials").write_text(f"[dev]\naws_secret_access_key = {CANARY}\n")
    return tmp_path


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if any file is read."""

    def touched(path: str) -> None:
        pytest.fail(f"{path} was read")

    monkeypatch.setattr(environment, "_bytes_of", touched)


def environ(home: Path, **variables: str) -> dict[str, str]:
    return {"HOME": str(home), **variables}


def refused(program: Callable[[], object]) -> str:
    """Return the text of a call's error, after checking that it contains no secret."""
    try:
        program()
    except ConfigurationError as error:
        caught = error
    else:
        pytest.fail("no error was raised")
    assert caught.__context__ is None
    packages = tuple(
        str(Path(package.__file__ or "").parent)
        for package in (ssooidc_core, ssooidc_transports.environment)
    )
    frames = [frame for frame, _ in traceback.walk_tb(caught.__traceback__)]
    inside = [frame for frame in frames if frame.f_code.co_filename.startswith(packages)]
    assert inside
    assert CANARY.lower() not in repr([frame.f_locals for frame in inside]).lower()
    assert CANARY.lower() not in f"{caught!r}".lower()
    return str(caught)


def test_nothing_at_all(tmp_path: Path) -> None:
    assert client_config(environ=environ(tmp_path)) == ClientConfig()


def test_the_default_profile(home: Path) -> None:
    assert client_config(environ=environ(home)) == ClientConfig(region="sa-east-1")


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", None])
def test_a_profile_with_a_session(home: Path, variable: str | None) -> None:
    """The region of the Identity Center is used, whatever `AWS_REGION` is."""
    variables = environ(home, AWS_REGION="ap-south-1")
    if variable is None:
        found = client_config(profile="dev", environ=variables)
    else:
        found = client_config(environ={**variables, variable: "dev"})
    assert found == ClientConfig(
        region="us-east-1",
        endpoint_url="http://127.0.0.1:8000",
        portal_endpoint_url="http://127.0.0.1:8001",
    )


def test_a_session_in_place_of_the_profiles(home: Path) -> None:
    variables = environ(home, AWS_PROFILE="dev", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true")
    assert client_config(sso_session="other", environ=variables) == ClientConfig(region="us-west-2")


def test_variables_win_over_files(home: Path) -> None:
    variables = environ(
        home,
        AWS_PROFILE="fips",
        AWS_REGION="ap-south-1",
        AWS_USE_FIPS_ENDPOINT="false",
        AWS_USE_DUALSTACK_ENDPOINT="FALSE",
        AWS_ENDPOINT_URL="https://all.example",
        AWS_ENDPOINT_URL_SSO="https://portal.example",
    )
    assert client_config(environ=variables) == ClientConfig(
        region="ap-south-1",
        endpoint_url="https://all.example",
        portal_endpoint_url="https://portal.example",
    )


def test_flags_of_a_profile(home: Path) -> None:
    found = client_config(profile="fips", region="us-gov-west-1", environ=environ(home))
    assert found == ClientConfig(region="us-gov-west-1", use_fips=True, use_dualstack=True)


@pytest.mark.usefixtures("untouched")
def test_arguments_win_and_no_file_is_touched() -> None:
    credentials = Credentials("AKID", SecretStr("s"))
    found = client_config(
        region="us-east-1",
        endpoint_url="http://oidc.example",
        portal_endpoint_url="https://portal.example",
        use_fips=False,
        use_dualstack=False,
        credentials=credentials,
        user_agent_suffix="my-tool/1.0",
        allow_insecure_http=True,
        environ={
            "AWS_PROFILE": "nowhere",
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": "https://variable.example",
            "AWS_ENDPOINT_URL_SSO_OIDC": "https://variable.example",
            "AWS_USE_FIPS_ENDPOINT": "true",
        },
    )
    assert found == ClientConfig(
        region="us-east-1",
        endpoint_url="http://oidc.example",
        portal_endpoint_url="https://portal.example",
        credentials=credentials,
        user_agent_suffix="my-tool/1.0",
        allow_insecure_http=True,
    )


@pytest.mark.usefixtures("untouched")
def test_a_region_and_variables_may_be_enough() -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_USE_FIPS_ENDPOINT": "false",
        "AWS_USE_DUALSTACK_ENDPOINT": "false",
    }
    found = client_config(region="us-east-1", environ=variables)
    assert (found.oidc_endpoint, found.portal_endpoint) == ("http://127.0.0.1:1",) * 2
    found = client_config(
        region="us-east-1", ignore_configured_endpoint_urls=True, environ=variables
    )
    assert found == ClientConfig(region="us-east-1")


def test_the_process_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_PROFILE", "dev")
    assert client_config().region == "us-east-1"
    assert sso_settings().session_name == "my-sso"
    assert set(read_aws_config().profiles) == {"default", "dev", "fips"}


def test_limits_are_changed_afterwards(home: Path) -> None:
    config = dataclasses.replace(client_config(environ=environ(home)), read_timeout=5.0)
    assert config == ClientConfig(region="sa-east-1", read_timeout=5.0)


def test_sign_in_settings(home: Path) -> None:
    dev = SsoSettings(
        start_url=URL,
        region="us-east-1",
        session_name="my-sso",
        profile="dev",
        account_id="111122223333",
        role_name="Admin",
    )
    assert sso_settings(profile="dev", environ=environ(home, AWS_PROFILE="fips")) == dev
    assert sso_settings(environ=environ(home, AWS_PROFILE="dev")) == dev
    assert sso_settings(sso_session="other", environ=environ(home, AWS_PROFILE="dev")) == (
        SsoSettings(start_url=URL, region="us-west-2", session_name="other")
    )


@pytest.mark.parametrize(("profile", "shown"), [(None, "default"), ("fips", "fips")])
def test_nothing_is_said_about_sso(home: Path, profile: str | None, shown: str) -> None:
    assert refused(lambda: sso_settings(profile=profile, environ=environ(home))) == (
        f"Invalid Configuration: the profile '{shown}' has no SSO settings: write 'sso_session = ' with the "
        f"name of an [sso-session] section into it ({home}/.aws/config), or name another profile (AWS_PROFILE)"
    )


def test_a_profile_that_is_not_there(home: Path) -> None:
    said = f"Invalid Configuration: there is no profile 'x': write [profile x] into {home}/.aws/config, "
    for program in (
        lambda: sso_settings(profile="x", environ=environ(home)),
        lambda: client_config(profile="x", environ=environ(home)),
        lambda: client_config(environ=environ(home, AWS_PROFILE="x"), region="us-east-1"),
    ):
        assert refused(program) == f"{said}or use another one (AWS_PROFILE)"


@pytest.mark.parametrize("variable", ["HOME", "USERPROFILE"])
def test_other_files(home: Path, variable: str) -> None:
    (home / "c").write_text("[profile a]\nregion = us-east-1\n")
    (home / "d").write_text(f"[a]\naws_secret_access_key = {CANARY}\n")
    variables = {
        variable: str(home),
        "AWS_CONFIG_FILE": "~/c",
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "d"),
    }
    config = read_aws_config(variables)
    assert config.file == f"{home}/c"
    assert set(config.profiles["a"].properties) == {"region", "aws_secret_access_key"}


def test_a_home_that_only_the_system_knows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    assert set(read_aws_config({}).profiles) == {"default", "dev", "fips"}


def test_files_that_are_not_there_are_empty(home: Path) -> None:
    for path in (str(home / "none"), os.devnull):
        variables = {"AWS_CONFIG_FILE": path, "AWS_SHARED_CREDENTIALS_FILE": path}
        config = read_aws_config(variables)
        assert (config.profiles, config.warnings) == ({}, ())


def test_files_that_cannot_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(home / "pipe")
    (home / "latin").write_bytes(b"[profile a]\r\nx = 1\r\ny = \xe9" + CANARY.encode())
    (home / "file").touch()
    (home / "large").write_bytes(b"#" * 101)
    monkeypatch.setattr(environment, "_MAX_FILE_BYTES", 100)
    for path, problem in (
        (f"{home}", "is not a file"),
        (f"{home}/pipe", "is not a file"),
        (f"{home}/file/below", "cannot be read (NotADirectoryError)"),
        ("a\0b", "cannot be read (ValueError)"),
        (f"{home}/latin", "is not UTF-8 (line 3)"),
        (f"{home}/large", "is larger than 16 MiB"),
    ):
        for variable, other in (
            ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
            ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"),
        ):
            variables = {variable: path, other: os.devnull}
            shown = path.replace("\0", " ")
            assert refused(lambda: read_aws_config(variables)) == (  # noqa: B023 - called at once
                f"Invalid Configuration: {shown} {problem}: correct it, or name another file ({variable})"
            )


def test_a_file_without_permission(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is simulated: root, who may run the tests, can read every file."""

    def denied(_path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(environment, "_bytes_of", denied)
    assert refused(lambda: read_aws_config(environ(home))) == (
        f"Invalid Configuration: {home}/.aws/config cannot be read (PermissionError): "
        "correct it, or name another file (AWS_CONFIG_FILE)"
    )


def test_errors_hold_no_secret(home: Path) -> None:
    credentials = home / ".aws" / "credentials"
    credentials.write_text(f"[dev]\naws_secret_access_key = {CANARY}\n{CANARY}\n")
    variables = environ(home, AWS_SECRET_ACCESS_KEY=CANARY, AWS_SESSION_TOKEN=CANARY)
    for program in (
        lambda: client_config(environ=variables),
        lambda: sso_settings(environ=variables),
        lambda: read_aws_config(variables),
    ):
        assert refused(program) == (
            f"Invalid Configuration: {credentials}, line 3, [dev]: Expected an '=' sign defining a property: "
            "write it as 'name = value'"
        )
    credentials.write_text(f"[dev]\naws_secret_access_key = {CANARY}\nsso_region = {CANARY}\n")
    for each in ({"AWS_PROFILE": "dev"}, {"AWS_USE_FIPS_ENDPOINT": "yes"}):
        text = refused(lambda: client_config(environ={**variables, **each}))  # noqa: B023 - called at once
        assert text.startswith("Invalid Configuration: ")


def test_what_is_configured_is_checked(home: Path) -> None:
    variables = environ(home, AWS_ENDPOINT_URL="http://oidc.example")
    with pytest.raises(
        ConfigurationError, match=r"would send secrets unencrypted to oidc\.example"
    ):
        client_config(environ=variables)
    assert client_config(environ=variables, allow_insecure_http=True).endpoint_url == (
        "http://oidc.example"
    )
