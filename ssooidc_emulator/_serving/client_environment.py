"""The environment of a client of an emulator, which protects the user's own logins.

Environment variables for endpoints are not enough: AWS tools keep tokens and client secrets in `~/.aws`, send those
that they find there, and overwrite them. So the environment has its own home, which contains a configuration.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ssooidc_emulator._directory import Directory
    from ssooidc_emulator._serving.server import EmulatorServer

__all__ = ["LEGACY_PROFILE", "PROFILE", "ClientEnvironment", "client_environment", "scratch_home"]

PROFILE: Final = "emulator"
"""The name of a profile with the first account and role of the directory's first user, and of its sso-session."""

LEGACY_PROFILE: Final = "emulator-legacy"
"""The name of the same profile without an sso-session, the form before 2022, which has no refresh tokens."""

_SCOPES: Final = "sso:account:access"
_CONFIG: Final = Path(".aws", "config")
_CREDENTIALS: Final = Path(".aws", "credentials")
_CA: Final = Path(".aws", "emulator-ca.pem")
_UNSET: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_CA_BUNDLE",
    }
)
_NO_PROXY: Final = "127.0.0.1,localhost"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientEnvironment:
    """The environment variables of a client, and the files in its home.

    Attributes:
        variables: the variables to set; `HOME` is the path of the home.
        files: the texts of the files to write, by their paths relative to the home.
    """

    variables: Mapping[str, str]
    files: Mapping[Path, str]

    @property
    def config(self) -> str:
        """The text of `.aws/config`."""
        return self.files[_CONFIG]

    def unset(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of variables to unset: all others that begin with `AWS_`.

        They could bring in real keys, profiles or endpoints. Those known to do so are always included, since a shell
        may have variables that `environ` does not have.
        """
        found = {name for name in environ if name.startswith("AWS_")}
        return tuple(sorted((found | _UNSET) - set(self.variables)))

    def over(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return a copy of `environ` without its variables that begin with `AWS_`, and with these added."""
        kept = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
        return kept | dict(self.variables)

    def write(self) -> None:
        """Write the files, readable by their owner only.

        Raises:
            FileExistsError: one of them already exists; the home must be new.
        """
        home = Path(self.variables["HOME"])
        for path, text in self.files.items():
            (home / path.parent).mkdir(mode=0o700, parents=True, exist_ok=True)
            # Exclusively, so that the files of a real home are never overwritten.
            descriptor = os.open(home / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                _ = file.write(text)


def client_environment(server: EmulatorServer, home: Path) -> ClientEnvironment:
    """Return the environment in which the AWS CLI and the SDKs sign in at this server and keep their files in `home`.

    Raises:
        ValueError: the center's start URL cannot be written to a configuration file.
    """
    variables = {
        "HOME": str(home),
        # The name on Windows.
        "USERPROFILE": str(home),
        # Although these are the defaults for this home: the user may have set them to other files.
        "AWS_CONFIG_FILE": str(home / _CONFIG),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / _CREDENTIALS),
        "AWS_PROFILE": PROFILE,
        "AWS_ENDPOINT_URL_SSO_OIDC": server.url,
        "AWS_ENDPOINT_URL_SSO": server.url,
        # Without other credentials, SDKs send requests to 169.254.169.254 and may wait for seconds.
        "AWS_EC2_METADATA_DISABLED": "true",
        # To a proxy, 127.0.0.1 is the proxy's own machine.
        "NO_PROXY": _NO_PROXY,
        "no_proxy": _NO_PROXY,
    }
    center = server.center
    files = {_CONFIG: _config(center.start_url, center.region, center.directory)}
    if server.ca_pem is not None:
        files[_CA] = server.ca_pem
        variables |= {"AWS_CA_BUNDLE": str(home / _CA), "NODE_EXTRA_CA_CERTS": str(home / _CA)}
    return ClientEnvironment(variables=variables, files=files)


@contextlib.contextmanager
def scratch_home(server: EmulatorServer) -> Generator[ClientEnvironment]:
    """Yield the environment of a new home, private to its owner, and remove the home in the end."""
    with tempfile.TemporaryDirectory(prefix="ssooidc-emulator-") as folder:  # made with mode 0700
        environment = client_environment(server, Path(folder))
        environment.write()
        yield environment


def _config(start_url: str, region: str, directory: Directory) -> str:
    if not start_url.isprintable() or start_url.strip() != start_url:
        message = f"The start URL cannot be written to a configuration file: {start_url!r}"
        raise ValueError(message)
    portal = {"sso_start_url": start_url, "sso_region": region}
    session = {"sso_session": PROFILE, "region": region}
    roles = _roles(directory)
    first = roles[0] if roles else {}
    sections = [
        (f"sso-session {PROFILE}", portal | {"sso_registration_scopes": _SCOPES}),
        (f"profile {PROFILE}", session | first),
        (f"profile {LEGACY_PROFILE}", portal | {"region": region} | first),
    ]
    sections += [
        (f"profile {PROFILE}-{role['sso_account_id']}-{role['sso_role_name']}", session | role)
        for role in roles
    ]
    return "# For an emulator of IAM Identity Center, not for AWS.\n" + "".join(
        f"\n[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
        for name, settings in sections
    )


def _roles(directory: Directory) -> list[dict[str, str]]:
    """Return the accounts and roles of the first user, who signs in by default."""
    return [
        {"sso_account_id": account.account_id, "sso_role_name": role}
        for user in directory.users[:1]
        for account in directory.accounts_of(user.name)
        for role in directory.roles_of(user.name, account_id=account.account_id)
    ]
