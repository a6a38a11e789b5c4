"""Signing in: through a browser with PKCE, or with a device code; one login at a time per session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from ssooidc_core import (
    CallbackMismatch,
    CallbackRefused,
    ClientConfig,
    CodeLoginExpired,
    ConfigurationError,
    CreateTokenResponse,
    InvalidClientException,
    Now,
    RegisterClientResponse,
    SsoOidcError,
)
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._text import printable
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.flows.authorization_code import (
    PendingCodeLogin,
    finish_code_login,
    start_code_login,
)
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import (
    AwaitCallback,
    Exclusively,
    Expect,
    Finish,
    Listening,
    LoginSteps,
    OpenUrl,
    Show,
)
from ssooidc_login._flows.allowed_urls import may_open
from ssooidc_login._flows.documents import (
    load_token,
    registration_key,
    save_token,
    token_key,
    token_of,
)
from ssooidc_login._flows.registration import LoginGrant, is_known, registered, scopes_of
from ssooidc_login._flows.token import SECONDS_TO_WAIT
from ssooidc_login._login_plan import LoginPlan, WayIn
from ssooidc_login.errors import LoginBusy

__all__ = ["sign_in"]

_SECONDS_TO_SIGN_IN: Final = 600.0
_DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SHOWN: Final = 4096


def sign_in(settings: SsoSettings, plan: LoginPlan, config: ClientConfig) -> LoginSteps[TokenFile]:
    """Sign in and save the token; if another process is signing in to this session, wait for it and use its token.

    Args:
        settings: the session's settings.
        plan: how to sign in.
        config: the browser is sent to its endpoint.

    Raises:
        CallbackRefused: the person or the service refused the login in the browser.
        AccessDeniedException: the person refused the device code.
        CodeLoginExpired: the browser did not come back within ten minutes.
        DeviceLoginExpired: the device code was not approved in time.
        LoginBusy: another process has been signing in for ten minutes.
        ListenerError: no listener for the browser can be opened.
        StoreError: the token cannot be saved.
        SsoOidcError: those of RegisterClient, StartDeviceAuthorization and CreateToken.
    """
    before = yield from _stored(settings)
    key = registration_key(settings)
    token = yield from Exclusively(key, lambda: _sign_in(settings, plan, config), 0.0)
    if token is not None:
        return token
    yield from Show("Another process is signing in to this session; waiting for it.")

    def after_the_other() -> LoginSteps[TokenFile]:
        now = (yield from Now()).wall
        theirs = yield from _stored(settings)
        if theirs is not None and theirs != before and theirs.expires_at > now:
            return theirs
        return (yield from _sign_in(settings, plan, config))

    token = yield from Exclusively(key, after_the_other, _SECONDS_TO_SIGN_IN)
    if token is None:
        message = "Another process has been signing in to this session for 10 minutes"
        raise LoginBusy(message)
    return token


def _stored(settings: SsoSettings) -> LoginSteps[TokenFile | None]:
    try:
        return (yield from load_token(settings))
    except CacheFileInvalid as invalid:
        problem = str(invalid)
    yield from Show(f"{problem}; signing in writes a new one.")
    return None


def _sign_in(settings: SsoSettings, plan: LoginPlan, config: ClientConfig) -> LoginSteps[TokenFile]:
    if plan.reason is not None:
        yield from Show(plan.reason)
    if plan.way is WayIn.DEVICE_CODE:
        device = partial(_device, settings, plan, config)
        return (yield from _with_registration(settings, plan, _DEVICE_CODE, device))

    def listening(redirect_uri: str) -> LoginSteps[TokenFile]:
        browser = partial(_browser, settings, plan, config, redirect_uri)
        return _with_registration(settings, plan, "authorization_code", browser)

    return (yield from Listening(plan.ports, listening))


def _with_registration(
    settings: SsoSettings,
    plan: LoginPlan,
    grant: LoginGrant,
    login: Callable[[RegisterClientResponse], LoginSteps[TokenFile]],
) -> LoginSteps[TokenFile]:
    """Log in with the stored registration; if the service no longer knows it, log in again with a new one."""
    found = yield from registered(settings, plan, grant)
    if found.reused:
        # The device flow sends a request before it involves the person. In the browser flow, the person would see an
        # error page first, so the registration is checked here.
        if grant == _DEVICE_CODE or (yield from is_known(found.client)):
            with suppress(InvalidClientException):
                return (yield from login(found.client))
        yield from Show(
            "The service no longer knows this client's registration; registering again."
        )
        found = yield from registered(settings, plan, grant, replace=True)
    return (yield from login(found.client))


def _device(
    settings: SsoSettings, plan: LoginPlan, config: ClientConfig, client: RegisterClientResponse
) -> LoginSteps[TokenFile]:
    pending = yield from start_device_login(
        client, start_url=plan.start_url, region=settings.region
    )
    complete = pending.verification_uri_complete
    yield from _send_to(complete or pending.verification_uri, plan, config)
    # RFC 8628 section 3.3.1: the person compares the code even if the URL contains it.
    yield from Show(f"The page must show this code: {printable(pending.user_code, limit=_SHOWN)}")
    answer = yield from poll_for_token(pending)
    return (yield from _keep(settings, answer, client))


def _browser(
    settings: SsoSettings,
    plan: LoginPlan,
    config: ClientConfig,
    redirect_uri: str,
    client: RegisterClientResponse,
) -> LoginSteps[TokenFile]:
    pending = yield from start_code_login(
        client,
        redirect_uri=redirect_uri,
        region=settings.region,
        scopes=scopes_of(settings, "authorization_code") or (),
    )
    # Before the browser is opened, since its answer may come at once.
    yield from Expect(_judge(pending))
    yield from _send_to(pending.authorize_url(config), plan, config)
    callback = yield from AwaitCallback(_SECONDS_TO_SIGN_IN)
    if callback is None:
        message = "The browser did not come back within 10 minutes"
        raise CodeLoginExpired(message)
    try:
        answer = yield from finish_code_login(pending, callback.get_secret_value())
        token = yield from _keep(settings, answer, client)
    except SsoOidcError as failure:
        yield from Finish(succeeded=False, text=printable(str(failure), limit=_SHOWN))
        raise
    yield from Finish(succeeded=True, text="You are signed in. You can close this page.")
    return token


def _judge(pending: PendingCodeLogin) -> Callable[[str], bool | str | None]:
    """Return a function that decides whether a callback URL is the answer to this login, for `Expect`."""

    def judge(url: str) -> bool | str | None:
        try:
            _ = pending.code_of(url)
        except CallbackRefused:
            return True
        except CallbackMismatch as mismatch:
            if mismatch.error is None:
                return None
            # AWS was reported to send errors without a state, but any other web page can send such an error too.
            error = printable(mismatch.error, limit=200)
            return f"A page reported the error {error!r} without this login's state; still waiting."
        except ConfigurationError:
            return None
        return True

    return judge


def _send_to(url: str, plan: LoginPlan, config: ClientConfig) -> LoginSteps[None]:
    shown = printable(url, limit=_SHOWN)
    if plan.open_browser and not may_open(url, config):
        yield from Show(
            "The sign-in page is on a host that is not known to belong to AWS, so it is not opened. "
            f"Open it yourself only if you trust it:\n{shown}"
        )
        return
    opened = plan.open_browser and (yield from OpenUrl(url))
    if opened:
        yield from Show(f"A browser should open. If it does not, open this address:\n{shown}")
    else:
        yield from Show(f"Open this address in a browser:\n{shown}")


def _keep(
    settings: SsoSettings, answer: CreateTokenResponse, client: RegisterClientResponse
) -> LoginSteps[TokenFile]:
    received = (yield from Now()).wall
    token = token_of(settings, answer, client, received)

    def saved() -> LoginSteps[TokenFile]:
        yield from save_token(settings, token)
        return token

    # Wait for a refresh of the token that this one replaces, but do not let one that hangs prevent the login.
    done = yield from Exclusively(token_key(settings), saved, SECONDS_TO_WAIT)
    return (yield from saved()) if done is None else done
