"""The texts of `ssooidc emulator`: its introduction, lines for a shell, and a line for each request."""

from __future__ import annotations

import shlex
import shutil
import textwrap
from collections.abc import Mapping
from typing import Final

from ssooidc_core._text import printable
from ssooidc_emulator import EmulatorServer, LoggedRequest
from ssooidc_emulator._serving.admin import ADMIN_PATH
from ssooidc_emulator._serving.client_environment import LEGACY_PROFILE, PROFILE, ClientEnvironment

__all__ = ["START_URL_WARNING", "export_lines", "introduction", "request_line"]

START_URL_WARNING: Final = (
    "ssooidc: the start URL is not on a host of AWS, such as https://d-1234567890.awsapps.com/start: "
    "the AWS CLI will send a request to its host on the internet"
)
"""Shown for start URLs that the AWS CLI resolves with a request."""

_WIDEST: Final = 88
_WHY: Final = (
    "Set all of these variables or none. With the addresses alone, programs would send the tokens and client secrets "
    "of your own logins, which they find under ~/.aws, to the emulator, and overwrite them with its tokens. The "
    "variables therefore name a home directory for this run only, which is removed at the end."
)
_THEN: Final = (
    f"Then `aws sso login` signs in, as do boto3 and the SDK for JavaScript with the profile {PROFILE!r} (or "
    f"{LEGACY_PROFILE!r}, which has no sso-session)."
)


def export_lines(
    environment: ClientEnvironment, environ: Mapping[str, str], more: Mapping[str, str]
) -> str:
    """Return lines for `sh` that set the variables and unset those that would select the user's own logins."""
    unset = environment.unset(environ)
    lines = [f"unset {' '.join(unset)}"] if unset else []
    variables = dict(environment.variables) | dict(more)
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(lines)


def introduction(
    server: EmulatorServer,
    environment: ClientEnvironment,
    environ: Mapping[str, str],
    *,
    token: str | None,
) -> str:
    """Return a text that says how other programs use the emulator, with the admin endpoint's token if it is given."""
    shown = "its token is shown on a terminal only" if token is None else f"token {token}"
    center = server.center
    return "\n".join(
        [
            f"An emulated IAM Identity Center serves {server.url}",
            "",
            f"  dashboard  {server.url}/",
            f"  start URL  {printable(center.start_url, limit=200)}",
            f"  region     {center.region}",
            f"  admin      {server.url}{ADMIN_PATH}",
            f"             {shown}",
            "",
            "For the AWS CLI, boto3 and the SDK for JavaScript, in another shell:",
            "",
            export_lines(environment, environ, {}),
            "",
            _wrapped(_WHY),
            "",
            _wrapped(_THEN),
            "",
            f"Requests to {server.url}, until Ctrl-C:",
        ]
    )


def request_line(entry: LoggedRequest) -> str:
    """Return a line that shows one request."""
    parts = (entry.status, entry.error or entry.operation, entry.fault)
    answer = " ".join(str(part) for part in parts if part is not None)
    return f"{entry.time:%H:%M:%S} {entry.method:<4} {entry.path:<22} {answer}".rstrip()


def _wrapped(text: str) -> str:
    columns = shutil.get_terminal_size().columns
    return textwrap.fill(
        text, max(20, min(columns, _WIDEST)), break_long_words=False, break_on_hyphens=False
    )
