"""What `ssooidc emulator` says: its introduction, lines for a shell, and a line for each request."""

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
    "ssooidc: the start URL is not one of AWS's, as https://d-1234567890.awsapps.com/start is: "
    "the AWS CLI will ask its host on the internet about it"
)
"""For start URLs that the AWS CLI does not take at their word."""

_WIDEST: Final = 88
_WHY: Final = (
    "Set all of it or none of it. With the addresses alone, programs would send the emulator the tokens and client "
    "secrets of your own logins, which they find under ~/.aws, and write its tokens over yours. That is why there is "
    "a home of its own, which is removed at the end."
)
_THEN: Final = (
    f"Then `aws sso login` signs in, as do boto3 and the SDK for JavaScript with the profile {PROFILE!r} (or "
    f"{LEGACY_PROFILE!r}, which has no sso-session)."
)


def export_lines(
    environment: ClientEnvironment, environ: Mapping[str, str], more: Mapping[str, str]
) -> str:
    """Give lines for `sh` that set the variables, and unset those that would bring in a user's own logins."""
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
    """Say where it is and how other programs are to ask it; without a token, where to get at it."""
    told = "its token is shown on a terminal only" if token is None else f"token {token}"
    center = server.center
    return "\n".join(
        [
            f"An emulated IAM Identity Center serves {server.url}",
            "",
            f"  dashboard  {server.url}/",
            f"  start URL  {printable(center.start_url, limit=200)}",
            f"  region     {center.region}",
            f"  admin      {server.url}{ADMIN_PATH}",
            f"             {told}",
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
    """Give one request in one line."""
    told = (entry.status, entry.error or entry.operation, entry.fault)
    answer = " ".join(str(part) for part in told if part is not None)
    return f"{entry.time:%H:%M:%S} {entry.method:<4} {entry.path:<22} {answer}".rstrip()


def _wrapped(text: str) -> str:
    columns = shutil.get_terminal_size().columns
    return textwrap.fill(
        text, max(20, min(columns, _WIDEST)), break_long_words=False, break_on_hyphens=False
    )
