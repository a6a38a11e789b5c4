"""Signing in: through a browser with PKCE, or with a device code, one at a time for a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
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
from ssooidc_login._browser.allowed_urls import may_open
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
from ssooidc_login._flows.documents import (
    load_token,
    registration_key,
    save_token,
    token_key,
    token_of,
)
from ssooidc_login._flows.registration import LoginGrant, is_known, registered, scopes_of
from ssooidc_login._flows.token import SECONDS_TO_WAIT
from ssooidc_login.errors import LoginBusy

__all__ = ["LoginPlan", "WayIn", "sign_in"]

_SECONDS_TO_SIGN_IN: Final = 600.0
_DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SHOWN: Final = 4096


class WayIn(Enum):
    """How a person signs in."""

    BROWSER = "browser"
    """A browser on this machine comes back by itself (authorization code with PKCE)."""
    DEVICE_CODE = "device code"
    """A browser anywhere, and a code to compare."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginPlan:
    """How to sign in.

    Attributes:
        way: browser or device code.
        reason: why that way, one sentence for the person; `None` says nothing.
        start_url: where, a vanity URL resolved.
        client_name: what a new registration is called; people see it.
        open_browser: whether to open the page; else it is only shown.
        ports: where to listen for the browser, in order; 0 is any free port.
    """

    way: WayIn
    start_url: str
    client_name: str
    reason: str | None = None
    open_browser: bool = True
    ports: tuple[int, ...] = (0,)


def sign_in(settings: SsoSettings, plan: LoginPlan, config: ClientConfig) -> LoginSteps[TokenFile]:
    """Sign in and keep the token; where another process signs in to this session, wait for it and take its token.

    Args:
        settings: which session.
        plan: how.
        config: whose endpoint the browser is sent to.

    Raises:
        CallbackRefused: the person, or the service, said no in the browser.
        AccessDeniedException: the person said no to the device code.
        CodeLoginExpired: nobody came back from the browser in ten minutes.
        DeviceLoginExpired: nobody approved the device code in time.
        LoginBusy: another process has been signing in for ten minutes.
        ListenerError: nothing can listen for the browser.
        StoreError: the token cannot be kept.
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
    yield from Show(f"{problem}; signing in writes it anew.")
    return None


def _sign_in(settings: SsoSettings, plan: LoginPlan, config: ClientConfig) -> LoginSteps[TokenFile]:
    if plan.reason is not None:
        yield from Show(plan.reason)
    if plan.way is WayIn.DEVICE_CODE:
        return (
            yield from _with_registration(
                settings, plan, _DEVICE_CODE, _device(settings, plan, config)
            )
        )

    def listening(redirect_uri: str) -> LoginSteps[TokenFile]:
        through = _browser(settings, plan, config, redirect_uri)
        return (yield from _with_registration(settings, plan, "authorization_code", through))

    return (yield from Listening(plan.ports, listening))


def _with_registration(
    settings: SsoSettings,
    plan: LoginPlan,
    grant: LoginGrant,
    login: Callable[[RegisterClientResponse], LoginSteps[TokenFile]],
) -> LoginSteps[TokenFile]:
    """Log in with the stored registration; where the service no longer knows it, once more with a new one."""
    found = yield from registered(
        settings, grant, client_name=plan.client_name, start_url=plan.start_url, anew=False
    )
    if not found.reused:
        return (yield from login(found.client))
    # The device flow asks the service before the person; the browser would show the person a page that only says no.
    known = grant == _DEVICE_CODE or (yield from is_known(found.client))
    if known:
        try:
            return (yield from login(found.client))
        except InvalidClientException:
            known = False
    yield from Show("The service no longer knows this client's registration; registering anew.")
    found = yield from registered(
        settings, grant, client_name=plan.client_name, start_url=plan.start_url, anew=True
    )
    return (yield from login(found.client))


def _device(
    settings: SsoSettings, plan: LoginPlan, config: ClientConfig
) -> Callable[[RegisterClientResponse], LoginSteps[TokenFile]]:
    def login(client: RegisterClientResponse) -> LoginSteps[TokenFile]:
        pending = yield from start_device_login(
            client, start_url=plan.start_url, region=settings.region
        )
        complete = pending.verification_uri_complete
        yield from _send_to(complete or pending.verification_uri, plan, config)
        # RFC 8628 section 3.3.1: with the complete URL, too, the person compares the code.
        yield from Show(
            f"The page must show this code: {printable(pending.user_code, limit=_SHOWN)}"
        )
        answer = yield from poll_for_token(pending)
        return (yield from _keep(settings, answer, client))

    return login


def _browser(
    settings: SsoSettings, plan: LoginPlan, config: ClientConfig, redirect_uri: str
) -> Callable[[RegisterClientResponse], LoginSteps[TokenFile]]:
    def login(client: RegisterClientResponse) -> LoginSteps[TokenFile]:
        pending = yield from start_code_login(
            client,
            redirect_uri=redirect_uri,
            region=settings.region,
            scopes=scopes_of(settings, "authorization_code") or (),
        )
        # Before the browser is opened: it may be fast.
        yield from Expect(_judge(pending))
        yield from _send_to(pending.authorize_url(config), plan, config)
        callback = yield from AwaitCallback(_SECONDS_TO_SIGN_IN)
        if callback is None:
            message = "Nobody came back from the browser in 10 minutes"
            raise CodeLoginExpired(message)
        failure: SsoOidcError
        try:
            answer = yield from finish_code_login(pending, callback.get_secret_value())
            token = yield from _keep(settings, answer, client)
        except SsoOidcError as caught:
            failure = caught
        else:
            yield from Finish(succeeded=True, text="You are signed in. You can close this page.")
            return token
        yield from Finish(succeeded=False, text=printable(str(failure), limit=_SHOWN))
        try:
            raise failure
        finally:
            del failure  # its traceback holds this frame

    return login


def _judge(pending: PendingCodeLogin) -> Callable[[str], bool | str | None]:
    """Say of a callback URL whether it is the answer to this login: yes, no, or no with a notice to show."""

    def judge(url: str) -> bool | str | None:
        try:
            _ = pending.code_of(url)
        except CallbackRefused:
            return True
        except CallbackMismatch as mismatch:
            if mismatch.error is None:
                return None
            # AWS was reported to send none with its state; any page can send one as well.
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
            "The page to sign in at is on a host that is not known to be AWS's, so it is not opened. "
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

    # After who refreshes the token that this one replaces; one that hangs does not keep a person from signing in.
    done = yield from Exclusively(token_key(settings), saved, SECONDS_TO_WAIT)
    return (yield from saved()) if done is None else done
