"""The names, without `.json`, of the files that AWS tools share in `~/.aws/sso/cache` and `~/.aws/cli/cache`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from json import dumps

__all__ = ["registration_cache_key", "role_credentials_cache_key", "token_cache_key"]


def token_cache_key(session_name_or_start_url: str) -> str:
    """Return the token file's name: SHA-1 of the session's name if there is one, else of the start URL as written."""
    return _sha1(session_name_or_start_url)


def registration_cache_key(
    *, start_url: str, region: str, scopes: Sequence[str] | None, session_name: str | None
) -> str:
    """Return the name that the AWS CLI v2 gives the registration file.

    Args:
        start_url: as configured, not what it resolves to.
        region: the SSO region.
        scopes: the configured scopes; `None` if none are configured, which is not the same as the default scope.
        session_name: the name of the `[sso-session]` section, or `None`.
    """
    facts = {
        "tool": "botocore",
        "startUrl": start_url,
        "region": region,
        "scopes": None if scopes is None else list(scopes),
        "session_name": session_name,
    }
    return _sha1(dumps(facts, sort_keys=True))


def role_credentials_cache_key(
    *, account_id: str, role_name: str, session_name: str | None, start_url: str
) -> str:
    """Return the name that the AWS CLI and boto3 give the role credentials file.

    The start URL is used only without a session name.
    """
    facts = {"roleName": role_name, "accountId": account_id}
    facts |= {"startUrl": start_url} if session_name is None else {"sessionName": session_name}
    return _sha1(dumps(facts, sort_keys=True, separators=(",", ":")))


def _sha1(text: str) -> str:
    # Not for security: it is the name that AWS tools give the file.
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
