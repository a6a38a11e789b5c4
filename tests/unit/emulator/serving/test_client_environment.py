"""The environment with which programs find an emulator without touching the logins of their user."""

from __future__ import annotations

import configparser
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from ssooidc_emulator import Directory, EmulatorServer, IdentityCenter
from ssooidc_emulator._serving.client_environment import (
    ClientEnvironment,
    client_environment,
    scratch_home,
)

# They bind a port of this machine, and send nothing.
pytestmark = pytest.mark.enable_socket

HOME: Final = Path("/scratch")


@pytest.fixture
def server() -> Generator[EmulatorServer]:
    server = EmulatorServer(IdentityCenter(region="eu-west-1"))
    yield server
    server.close()


@pytest.fixture
def environment(server: EmulatorServer) -> ClientEnvironment:
    return client_environment(server, HOME)


def sections(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_the_variables(server: EmulatorServer, environment: ClientEnvironment) -> None:
    assert environment.variables == {
        "HOME": "/scratch",
        "USERPROFILE": "/scratch",
        "AWS_CONFIG_FILE": "/scratch/.aws/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/scratch/.aws/credentials",
        "AWS_PROFILE": "emulator",
        "AWS_ENDPOINT_URL_SSO_OIDC": server.url,
        "AWS_ENDPOINT_URL_SSO": server.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def test_the_configuration(environment: ClientEnvironment) -> None:
    portal = {
        "sso_start_url": "https://d-1234567890.awsapps.com/start",
        "sso_region": "eu-west-1",
    }
    session = {"sso_session": "emulator", "region": "eu-west-1"}
    admin = {"sso_account_id": "123456789012", "sso_role_name": "AdministratorAccess"}
    reader = {"sso_account_id": "123456789012", "sso_role_name": "ReadOnly"}
    assert sections(environment.config) == {
        "sso-session emulator": portal | {"sso_registration_scopes": "sso:account:access"},
        "profile emulator": session | admin,
        "profile emulator-legacy": portal | {"region": "eu-west-1"} | admin,
        "profile emulator-123456789012-AdministratorAccess": session | admin,
        "profile emulator-123456789012-ReadOnly": session | reader,
    }


def test_the_first_user_is_who_signs_in() -> None:
    directory = Directory()
    directory.add_user("jane")
    directory.add_user("joe")
    directory.add_account("111122223333")
    directory.assign("joe", account_id="111122223333", role_name="Auditor")
    server = EmulatorServer(IdentityCenter(directory=directory))
    server.close()
    assert "Auditor" not in client_environment(server, HOME).config
    directory.assign("jane", account_id="111122223333", role_name="a+=,.@-_B")
    found = sections(client_environment(server, HOME).config)
    assert found["profile emulator-111122223333-a+=,.@-_B"]["sso_role_name"] == "a+=,.@-_B"


def test_a_directory_without_users() -> None:
    server = EmulatorServer(IdentityCenter(directory=Directory()))
    server.close()
    found = sections(client_environment(server, HOME).config)
    assert found["profile emulator"] == {"sso_session": "emulator", "region": "us-east-1"}
    assert len(found) == 3


@pytest.mark.parametrize(
    "start_url", ["https://x/start\n[profile evil]", "https://x/\x00", " https://x/", "https://x/ "]
)
def test_a_start_url_that_would_break_the_file(start_url: str) -> None:
    server = EmulatorServer(IdentityCenter(start_url=start_url))
    server.close()
    with pytest.raises(ValueError, match="cannot be written to a configuration file"):
        client_environment(server, HOME)


def test_with_tls() -> None:
    server = EmulatorServer(tls=True)
    server.close()
    environment = client_environment(server, HOME)
    authority = environment.files[Path(".aws/emulator-ca.pem")]
    assert authority == server.ca_pem
    assert "PRIVATE KEY" not in authority
    for name in ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        assert environment.variables[name] == "/scratch/.aws/emulator-ca.pem"
    assert environment.variables["AWS_ENDPOINT_URL_SSO"].startswith("https://127.0.0.1:")


def test_nothing_of_the_users_own_stays(environment: ClientEnvironment) -> None:
    own = {
        "PATH": "/bin",
        "HOME": "/home/jane",
        "NO_PROXY": "corp.com",
        "AWS_PROFILE": "production",
        "AWS_DEFAULT_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "CANARY",
        "AWS_SESSION_TOKEN": "CANARY",
        "AWS_CONFIG_FILE": "/home/jane/.aws/config",
        "AWS_ENDPOINT_URL": "https://elsewhere",
        "AWS_SOMETHING_NEW": "x",
        "LAWS_OF": "nature",
    }
    assert environment.over(own) == {
        **environment.variables,
        "PATH": "/bin",
        "LAWS_OF": "nature",
    }
    assert environment.unset(own) == (
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SOMETHING_NEW",
    )


def test_the_home_is_its_owners_and_goes_with_all_that_came_into_it(
    server: EmulatorServer,
) -> None:
    with scratch_home(server) as environment:
        home = Path(environment.variables["HOME"])
        aws = home / ".aws"
        config = Path(environment.variables["AWS_CONFIG_FILE"])
        assert config.read_text(encoding="utf-8") == environment.config
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (home, aws, config)]
        assert modes == [0o700, 0o700, 0o600]
        (aws / "sso").mkdir()
        (aws / "sso" / "token.json").write_text("CANARY", encoding="utf-8")
    assert not home.exists()


def test_it_goes_where_an_error_comes(server: EmulatorServer) -> None:
    homes: list[Path] = []

    def fail() -> None:
        with scratch_home(server) as environment:
            homes.append(Path(environment.variables["HOME"]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not homes[0].exists()


def test_a_home_that_somebody_lives_in_is_not_overwritten(
    server: EmulatorServer, tmp_path: Path
) -> None:
    config = tmp_path / ".aws" / "config"
    config.parent.mkdir()
    config.write_text("[default]\n", encoding="utf-8")
    with pytest.raises(FileExistsError):
        client_environment(server, tmp_path).write()
    assert config.read_text(encoding="utf-8") == "[default]\n"
