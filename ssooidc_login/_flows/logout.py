"""Signing out of one session, at the access portal and in the store."""

from __future__ import annotations

from collections.abc import Iterable

from ssooidc_core import SsoOidcError
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.portal import LogoutRequest, logout
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import Delete, Exclusively, LoginSteps, Show
from ssooidc_login._flows.documents import (
    load_token,
    registration_key,
    role_credentials_key,
    token_key,
)
from ssooidc_login._flows.token import SECONDS_TO_WAIT
from ssooidc_login.errors import StoreError

__all__ = ["end_portal_session", "sign_out"]


def sign_out(settings: SsoSettings, roles: Iterable[tuple[str, str]]) -> LoginSteps[bool]:
    """End the session at the portal, and delete its token, its registration and its roles' credentials.

    The documents are deleted even if the portal fails: its session then expires by itself.

    Args:
        settings: the session's settings; other sessions stay signed in.
        roles: the accounts and roles whose credentials are deleted.

    Returns:
        Whether there was a token.

    Raises:
        StoreError: something cannot be deleted.
    """
    # With the lock, no refresh saves a token after the deletion; but one that hangs must not prevent the logout.
    key = token_key(settings)
    there_was_one = False
    failure: StoreError | None = None
    try:
        done = yield from Exclusively(key, lambda: _forget(settings), SECONDS_TO_WAIT)
        there_was_one = (yield from _forget(settings)) if done is None else done
    except StoreError as caught:
        # Delete the other documents first.
        failure = caught
    for key in (
        registration_key(settings),
        *(
            role_credentials_key(settings, account_id=account_id, role_name=role_name)
            for account_id, role_name in roles
        ),
    ):
        try:
            yield from Delete(key)
        except StoreError as caught:
            failure = failure or caught
    if failure is None:
        return there_was_one
    try:
        raise failure
    finally:
        del failure  # its traceback holds this frame


def _forget(settings: SsoSettings) -> LoginSteps[bool]:
    try:
        token = yield from load_token(settings)
    except CacheFileInvalid:
        token, there_was_one = None, True
    else:
        there_was_one = token is not None
    if token is not None:
        yield from end_portal_session(token)
    yield from Delete(token_key(settings))
    return there_was_one


def end_portal_session(token: TokenFile) -> LoginSteps[None]:
    """End a token's session at the access portal; if that fails, show a notice and go on."""
    try:
        yield from logout(LogoutRequest(access_token=token.access_token))
    except SsoOidcError as caught:
        problem = type(caught).__name__
    else:
        return
    yield from Show(
        f"The access portal did not end the session ({problem}); it will expire by itself."
    )
