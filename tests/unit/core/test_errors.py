"""`ssooidc_core.errors`: the class tree, texts, hints, pickling and copying."""

from __future__ import annotations

import copy
import pickle

import pytest

from ssooidc_core import errors, portal
from ssooidc_core.errors import (
    AccessDeniedException,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    InvalidRequestRegionException,
    LoginError,
    ResponseParseError,
    ResponseTooLarge,
    ServiceError,
    SlowDownException,
    SsoOidcError,
    Timeout,
    TransportError,
    UnknownServiceError,
)

ALL_ERRORS: tuple[type[SsoOidcError], ...] = tuple(
    getattr(module, name)
    for module in (errors, portal)
    for name in module.__all__
    if isinstance(getattr(module, name), type) and issubclass(getattr(module, name), SsoOidcError)
)
OAUTH_ERRORS = {
    "AccessDeniedException": "access_denied",
    "AuthorizationPendingException": "authorization_pending",
    "ExpiredTokenException": "expired_token",
    "InternalServerException": "server_error",
    "InvalidClientException": "invalid_client",
    "InvalidClientMetadataException": "invalid_client_metadata",
    "InvalidGrantException": "invalid_grant",
    "InvalidRedirectUriException": "invalid_redirect_uri",
    "InvalidRequestException": "invalid_request",
    "InvalidRequestRegionException": "invalid_request",
    "InvalidScopeException": "invalid_scope",
    "SlowDownException": "slow_down",
    "UnauthorizedClientException": "unauthorized_client",
    "UnsupportedGrantTypeException": "unsupported_grant_type",
}
HINTS = {
    "AccessDeniedException": "The sign-in was refused. Start again, or ask an administrator for access.",
    "AuthorizationPendingException": "Keep polling at the interval; poll_for_token does.",
    "ExpiredTokenException": "Start the login again.",
    "InternalServerException": "Try again in a moment.",
    "InvalidClientException": "The registration is gone or expired: register the client again.",
    "InvalidClientMetadataException": "Use client_type 'public' and a client_name without white space.",
    "InvalidGrantException": "The session has ended: log in again.",
    "InvalidRedirectUriException": "Register http://127.0.0.1/oauth/callback (no port).",
    "InvalidRequestException": "Check the start URL and the region: the two must belong together.",
    "InvalidRequestRegionException": "Use the region in which the token was issued.",
    "InvalidScopeException": "Request only scopes that the service supports, sso:account:access for example.",
    "SlowDownException": "Wait longer between requests; poll_for_token does.",
    "UnauthorizedClientException": "Register the client again with this grant type in grant_types.",
    "UnsupportedGrantTypeException": None,
}


def example(cls: type[SsoOidcError]) -> SsoOidcError:
    """Return an error with a value in each attribute."""
    if issubclass(cls, InvalidRequestRegionException):
        return cls(
            code="c", status=400, message="m", retry_after=1.5, endpoint="https://e", region="r-1"
        )
    if issubclass(cls, ServiceError):
        return cls(
            code="c",
            status=418,
            error="e",
            error_description="d",
            reason="r",
            message="m",
            request_id="i",
            retry_after=1.5,
        )
    if issubclass(cls, ResponseParseError):
        return cls("text", status=200, request_id="i")
    if issubclass(cls, TransportError):
        return cls("text", may_have_been_sent=False)
    return cls("text")


def test_the_examples_are_of_every_class_of_the_tree() -> None:
    """14 modelled errors, the portal's 4, and the rest of the tree in the module's docstring."""
    assert len(ALL_ERRORS) == len(set(ALL_ERRORS)) == 14 + 4 + 18
    drawn = errors.__doc__ or ""
    for cls in ALL_ERRORS:
        assert cls.__name__ in drawn or cls.__module__ == "ssooidc_core.portal._errors"


@pytest.mark.parametrize("cls", ALL_ERRORS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
@pytest.mark.parametrize(
    "duplicate",
    [
        *(
            pytest.param(
                lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol)),
                id=f"pickle{protocol}",
            )
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
def test_errors_pickle_and_copy_with_their_attributes_and_notes(
    cls: type[SsoOidcError], duplicate: object
) -> None:
    """Job queues and process pools pass errors between processes."""
    assert callable(duplicate)
    error = example(cls)
    error.add_note("first note")
    twin = duplicate(error)
    assert type(twin) is cls
    assert twin is not error
    assert vars(twin) == vars(error)
    assert twin.args == error.args
    assert str(twin) == str(error)
    assert repr(twin) == repr(error)
    assert twin.hint == error.hint
    assert twin.__notes__ == ["first note"]
    twin.add_note("second note")
    assert error.__notes__ == ["first note"]


@pytest.mark.parametrize("cls", ALL_ERRORS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_an_error_without_notes_has_none_after_copying(cls: type[SsoOidcError]) -> None:
    assert not hasattr(copy.copy(example(cls)), "__notes__")


@pytest.mark.parametrize(("name", "oauth"), OAUTH_ERRORS.items())
def test_each_modelled_error_has_its_oauth_code_and_its_hint(name: str, oauth: str) -> None:
    """The `error` member's default in the service model."""
    cls = getattr(errors, name)
    assert issubclass(cls, ServiceError)
    made = cls.of("why", status=418)
    assert cls.oauth_error == oauth
    assert made.error == oauth
    assert made.hint == HINTS[name]
    assert (made.code, made.status, made.error_description) == (name, 418, "why")
    assert str(made) == f"{name}: why (status 418)"
    status = {"InvalidClientException": 401, "InternalServerException": 500}.get(name, 400)
    assert cls.of().status == status
    assert str(cls.of()) == f"{name}: {oauth} (status {status})"


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ConfigurationError("t"), None),
        (SsoOidcError("t"), None),
        (LoginError("t"), None),
        (UnknownServiceError(code="c", status=400), None),
        (TransportError("t"), "Check the network, HTTPS_PROXY and the region, then try again."),
        (Timeout("t"), "Check the network, HTTPS_PROXY and the region, then try again."),
        (
            ResponseTooLarge("t"),
            (
                "No answer of this service is that large: check the endpoint and any proxy, "
                "or increase ClientConfig.max_response_bytes."
            ),
        ),
        (
            ResponseParseError("t", status=200),
            "Something other than AWS (a proxy, a captive portal, a wrong endpoint) may have answered.",
        ),
        (errors.DeviceLoginExpired("t"), "Start the login again."),
        (errors.SessionExpired("t"), "Log in again."),
        (errors.RegistrationGone("t"), "Log in again, with a new registration."),
        (portal.InvalidRequestException(code="c", status=400), None),
        (
            portal.ResourceNotFoundException(code="c", status=404),
            "Check the account id and the role name.",
        ),
        (portal.TooManyRequestsException(code="c", status=429), "Try again in a moment."),
        (
            portal.UnauthorizedException(code="c", status=401),
            "Refresh the access token, or log in again.",
        ),
        (
            InvalidRequestRegionException(code="c", status=400, region="eu-west-1"),
            "Use region eu-west-1.",
        ),
        (
            InvalidRequestRegionException(code="c", status=400, region="a\x1b[2J\u202e" + "b" * 99),
            "Use region a [2J " + "b" * 56 + "….",
        ),
    ],
)
def test_hints_say_what_to_do_next(error: SsoOidcError, hint: str | None) -> None:
    assert error.hint == hint


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (TransportError("t"), True),
        (Timeout("t"), True),
        (ConnectionLost("t"), True),
        (ResponseTooLarge("t"), True),
        (ConnectFailed("t"), False),
        (ConnectFailed("t", may_have_been_sent=True), True),
        (Timeout("t", may_have_been_sent=False), False),
    ],
)
def test_a_transport_error_says_whether_the_request_may_have_been_sent(
    error: TransportError, *, sent: bool
) -> None:
    assert error.may_have_been_sent is sent
    assert str(error) == "t"


def test_a_parse_error_has_status_and_request_id() -> None:
    error = ResponseParseError("text", status=502)
    assert (str(error), error.status, error.request_id) == ("text", 502, None)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, "C (status 400)"),
        ({"error": "e"}, "C: e (status 400)"),
        ({"error": "e", "message": "m"}, "C: m (status 400)"),
        ({"error": "e", "message": "m", "error_description": "d"}, "C: d (status 400)"),
        ({"error_description": ""}, "C (status 400)"),
        ({"reason": "KMS_DisabledException"}, "C (KMS_DisabledException; status 400)"),
        ({"request_id": "r-1"}, "C (status 400, request id r-1)"),
        (
            {"error_description": "d", "reason": "R", "request_id": "r"},
            "C: d (R; status 400, request id r)",
        ),
    ],
)
def test_the_text_of_a_service_error(members: dict[str, str], text: str) -> None:
    error = AccessDeniedException(
        code="C",
        status=400,
        error=members.get("error"),
        error_description=members.get("error_description"),
        reason=members.get("reason"),
        message=members.get("message"),
        request_id=members.get("request_id"),
    )
    assert str(error) == text
    assert repr(error) == f"<AccessDeniedException {text}>"


def test_the_text_is_printable_and_bounded_and_the_attributes_are_as_they_came() -> None:
    hostile = "a\x1b]0;owned\x07\r\n\u202eb\x00" + "c" * 5000
    error = SlowDownException(
        code="SlowDownException",
        status=400,
        error_description=hostile,
        reason=hostile,
        request_id=hostile,
    )
    shown = str(error)
    said = "SlowDownException: a ]0;owned b " + "c" * 467 + "…"
    facts = "a ]0;owned b " + "c" * 486 + "…"
    assert shown == f"{said} ({facts})"
    assert repr(error) == f"<SlowDownException {shown}>"
    assert (len(said), len(facts)) == (500, 500)
    assert error.error_description == hostile
    assert error.reason == hostile


def test_every_error_is_caught_by_the_root() -> None:
    assert all(issubclass(cls, SsoOidcError) for cls in ALL_ERRORS)
    assert {cls for cls in ALL_ERRORS if issubclass(cls, ServiceError)} == {
        ServiceError,
        UnknownServiceError,
        *(getattr(errors, name) for name in OAUTH_ERRORS),
        portal.InvalidRequestException,
        portal.ResourceNotFoundException,
        portal.TooManyRequestsException,
        portal.UnauthorizedException,
    }
