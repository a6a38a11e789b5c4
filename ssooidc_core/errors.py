"""The exceptions of this library.

::

    SsoOidcError
     +-- ConfigurationError      a setting or an argument is missing or wrong
     +-- TransportError          the network failed; .may_have_been_sent
     |    +-- ConnectFailed      no connection was made: nothing was sent
     |    +-- Timeout            a phase or the whole request took too long
     |    +-- ConnectionLost     the connection ended before the answer did
     |    +-- ResponseTooLarge   the answer was larger than ClientConfig.max_response_bytes
     +-- ResponseParseError      an answer, of AWS or of something in between, does not fit the model
     +-- ServiceError            AWS answered with an error
     |    +-- AccessDeniedException, AuthorizationPendingException, ExpiredTokenException,
     |    |   InternalServerException, InvalidClientException, InvalidClientMetadataException,
     |    |   InvalidGrantException, InvalidRedirectUriException, InvalidRequestException,
     |    |   InvalidRequestRegionException, InvalidScopeException, SlowDownException,
     |    |   UnauthorizedClientException, UnsupportedGrantTypeException
     |    +-- the portal's four, in ssooidc_core.portal
     |    +-- UnknownServiceError
     +-- CacheFileInvalid        a cached token or registration cannot be read
     +-- LoginError              a login or a refresh ended without a token
          +-- DeviceLoginExpired
          +-- CodeLoginExpired
          +-- CallbackRefused    the callback has an error
          +-- CallbackMismatch   a callback that is not the answer to this login
          +-- SessionExpired
          +-- RegistrationGone

No error's text contains a secret, and neither does that of its cause or context. All of them pickle and copy, including
notes. `.hint` says what to do next, if there is something general to say.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from ssooidc_core._text import printable

__all__ = [
    "AccessDeniedException",
    "AuthorizationPendingException",
    "CacheFileInvalid",
    "CallbackMismatch",
    "CallbackRefused",
    "CodeLoginExpired",
    "ConfigurationError",
    "ConnectFailed",
    "ConnectionLost",
    "DeviceLoginExpired",
    "ExpiredTokenException",
    "InternalServerException",
    "InvalidClientException",
    "InvalidClientMetadataException",
    "InvalidGrantException",
    "InvalidRedirectUriException",
    "InvalidRequestException",
    "InvalidRequestRegionException",
    "InvalidScopeException",
    "LoginError",
    "RegistrationGone",
    "ResponseParseError",
    "ResponseTooLarge",
    "ServiceError",
    "SessionExpired",
    "SlowDownException",
    "SsoOidcError",
    "Timeout",
    "TransportError",
    "UnauthorizedClientException",
    "UnknownServiceError",
    "UnsupportedGrantTypeException",
]

_TEXT_LIMIT: Final = 500


def _rebuild(
    cls: type[SsoOidcError], args: tuple[object, ...], state: dict[str, object]
) -> SsoOidcError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    if "__notes__" in state:
        # A copy has its own list of notes.
        error.__notes__ = list(error.__notes__)
    return error


class SsoOidcError(Exception):
    """The base class of all errors of this library."""

    _hint: ClassVar[str | None] = None

    @property
    def hint(self) -> str | None:
        """What to do next, in one sentence; `None` if there is nothing general to say."""
        return self._hint

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the state, not by the constructor, whose arguments are keywords; notes are kept."""
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(SsoOidcError):
    """A setting or an argument is missing or wrong: a region, an endpoint, credentials, a file."""


class TransportError(SsoOidcError):
    """The request could not be sent, or its answer was not received completely.

    `may_have_been_sent` is false only if the service cannot have seen the request. If it is true, a one-time code or a
    refresh token in the request may be spent.
    """

    _hint: ClassVar[str | None] = "Check the network, HTTPS_PROXY and the region, then try again."

    def __init__(self, message: str, *, may_have_been_sent: bool = True) -> None:
        """Create an error; `message` has no secrets, so it quotes the HTTP library only if nothing was sent."""
        super().__init__(message)
        self.may_have_been_sent = may_have_been_sent


class ConnectFailed(TransportError):
    """No connection was made (name not found, refused, TLS failure): nothing was sent."""

    def __init__(self, message: str, *, may_have_been_sent: bool = False) -> None:
        """Create an error; by default nothing was sent."""
        super().__init__(message, may_have_been_sent=may_have_been_sent)


class Timeout(TransportError):
    """Connecting, sending, waiting for the answer, or all of it together took longer than the config allows."""


class ConnectionLost(TransportError):
    """The connection ended, or violated HTTP, before the whole answer was received."""


class ResponseTooLarge(TransportError):
    """The answer was larger than `ClientConfig.max_response_bytes`, before or after decompression."""

    _hint: ClassVar[str | None] = (
        "No answer of this service is that large: check the endpoint and any proxy, "
        "or increase ClientConfig.max_response_bytes."
    )


class ResponseParseError(SsoOidcError):
    """The answer does not fit the service's model.

    `status` is the HTTP status and `request_id` the service's id of the request, or `None`.
    """

    _hint: ClassVar[str | None] = (
        "Something other than AWS (a proxy, a captive portal, a wrong endpoint) may have answered."
    )

    def __init__(self, message: str, *, status: int, request_id: str | None = None) -> None:
        """Create an error; `message` must quote only what is safe to print of the body."""
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class ServiceError(SsoOidcError):
    """The service answered with an error.

    Attributes:
        code: the error's name, `InvalidGrantException` for example.
        status: the HTTP status.
        error: the OAuth error code (RFC 6749 section 5.2, RFC 8628 section 3.5), or `None`.
        error_description: the service's explanation as received, possibly with control characters, or `None`.
        reason: the service model's `reason`, `KMS_AccessDeniedException` for example, or `None`.
        message: the portal's `message` member as received, or `None`.
        request_id: the service's id of this request, for AWS support, or `None`.
        retry_after: the seconds to wait that the service asked for (header `x-amz-retry-after`), or `None`.
    """

    oauth_error: ClassVar[str | None] = None
    """The value of `error` in the service model for this exception."""

    modelled_status: ClassVar[int] = 400
    """The HTTP status in the service model for this exception."""

    def __init__(  # noqa: PLR0913 - one keyword a member of the answer
        self,
        *,
        code: str,
        status: int,
        error: str | None = None,
        error_description: str | None = None,
        reason: str | None = None,
        message: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Create an error from the members of an answer; `str()` of the error makes them printable."""
        super().__init__()
        self.code = code
        self.status = status
        self.error = error
        self.error_description = error_description
        self.reason = reason
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after

    @classmethod
    def of(cls, error_description: str | None = None, *, status: int | None = None) -> Self:
        """Return an error like the service's, to test code that handles it; by default with the model's status."""
        return cls(
            code=cls.__name__,
            status=cls.modelled_status if status is None else status,
            error=cls.oauth_error,
            error_description=error_description,
        )

    def __str__(self) -> str:
        """Return `Code: description (reason; status 400, request id ...)`, printable and bounded."""
        said = self.error_description or self.message or self.error
        text = f"{self.code}: {said}" if said else self.code
        facts = f"status {self.status}"
        if self.reason:
            facts = f"{self.reason}; {facts}"
        if self.request_id:
            facts = f"{facts}, request id {self.request_id}"
        return f"{printable(text, limit=_TEXT_LIMIT)} ({printable(facts, limit=_TEXT_LIMIT)})"

    def __repr__(self) -> str:
        """Return the class and the text."""
        return f"<{type(self).__name__} {self}>"


class AccessDeniedException(ServiceError):
    """`access_denied`: the person or a policy refused; if there is a `reason`, a KMS key did."""

    oauth_error: ClassVar[str | None] = "access_denied"
    _hint: ClassVar[str | None] = (
        "The sign-in was refused. Start again, or ask an administrator for access."
    )


class AuthorizationPendingException(ServiceError):
    """`authorization_pending`: the person has not decided yet (RFC 8628 section 3.5)."""

    oauth_error: ClassVar[str | None] = "authorization_pending"
    _hint: ClassVar[str | None] = "Keep polling at the interval; poll_for_token does."


class ExpiredTokenException(ServiceError):
    """`expired_token`: the device code or the token is no longer valid."""

    oauth_error: ClassVar[str | None] = "expired_token"
    _hint: ClassVar[str | None] = "Start the login again."


class InternalServerException(ServiceError):
    """`server_error`: the service failed."""

    oauth_error: ClassVar[str | None] = "server_error"
    modelled_status: ClassVar[int] = 500
    _hint: ClassVar[str | None] = "Try again in a moment."


class InvalidClientException(ServiceError):
    """`invalid_client` (401): the client id and secret are unknown to the service, or have expired."""

    oauth_error: ClassVar[str | None] = "invalid_client"
    modelled_status: ClassVar[int] = 401
    _hint: ClassVar[str | None] = "The registration is gone or expired: register the client again."


class InvalidClientMetadataException(ServiceError):
    """`invalid_client_metadata`: the service refuses an argument of RegisterClient."""

    oauth_error: ClassVar[str | None] = "invalid_client_metadata"
    _hint: ClassVar[str | None] = "Use client_type 'public' and a client_name without white space."


class InvalidGrantException(ServiceError):
    """`invalid_grant`: the code, refresh token or assertion is wrong, expired, spent or revoked."""

    oauth_error: ClassVar[str | None] = "invalid_grant"
    _hint: ClassVar[str | None] = "The session has ended: log in again."


class InvalidRedirectUriException(ServiceError):
    """`invalid_redirect_uri`: the service accepts only `http://127.0.0.1[:port]/oauth/callback`."""

    oauth_error: ClassVar[str | None] = "invalid_redirect_uri"
    _hint: ClassVar[str | None] = "Register http://127.0.0.1/oauth/callback (no port)."


class InvalidRequestException(ServiceError):
    """`invalid_request`: a parameter is missing or wrong, or the start URL belongs to another region."""

    oauth_error: ClassVar[str | None] = "invalid_request"
    _hint: ClassVar[str | None] = (
        "Check the start URL and the region: the two must belong together."
    )


class InvalidRequestRegionException(ServiceError):
    """`invalid_request`: the token belongs to another region; `region` and `endpoint` name it."""

    oauth_error: ClassVar[str | None] = "invalid_request"

    def __init__(  # noqa: PLR0913 - one keyword a member of the answer
        self,
        *,
        code: str,
        status: int,
        error: str | None = None,
        error_description: str | None = None,
        reason: str | None = None,
        message: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        endpoint: str | None = None,
        region: str | None = None,
    ) -> None:
        """Create an error from the members of an answer; `endpoint` and `region` are where the token may be used."""
        super().__init__(
            code=code,
            status=status,
            error=error,
            error_description=error_description,
            reason=reason,
            message=message,
            request_id=request_id,
            retry_after=retry_after,
        )
        self.endpoint = endpoint
        self.region = region

    @property
    def hint(self) -> str | None:
        """Which region to use."""
        if self.region is None:
            return "Use the region in which the token was issued."
        return f"Use region {printable(self.region, limit=63)}."


class InvalidScopeException(ServiceError):
    """`invalid_scope`: a scope is unknown or malformed, or exceeds what was granted."""

    oauth_error: ClassVar[str | None] = "invalid_scope"
    _hint: ClassVar[str | None] = (
        "Request only scopes that the service supports, sso:account:access for example."
    )


class SlowDownException(ServiceError):
    """`slow_down`: polling is too fast; the interval grows by 5 seconds from now on (RFC 8628 section 3.5)."""

    oauth_error: ClassVar[str | None] = "slow_down"
    _hint: ClassVar[str | None] = "Wait longer between requests; poll_for_token does."


class UnauthorizedClientException(ServiceError):
    """`unauthorized_client`: this client may not use this grant."""

    oauth_error: ClassVar[str | None] = "unauthorized_client"
    _hint: ClassVar[str | None] = "Register the client again with this grant type in grant_types."


class UnsupportedGrantTypeException(ServiceError):
    """`unsupported_grant_type`: the service does not offer this grant."""

    oauth_error: ClassVar[str | None] = "unsupported_grant_type"


class UnknownServiceError(ServiceError):
    """An error that is not in the service's model; `code` is its name, or the HTTP status as text."""


class CacheFileInvalid(SsoOidcError):
    """A cached document (a token, a registration, role credentials) cannot be read."""

    _hint: ClassVar[str | None] = "Log in again, which replaces the file."


class LoginError(SsoOidcError):
    """A login or a refresh ended without a token."""


class DeviceLoginExpired(LoginError):
    """The device code expired before it was approved; the last failed poll is the cause."""

    _hint: ClassVar[str | None] = "Start the login again."


class CodeLoginExpired(LoginError):
    """The browser login took too long: the authorization code or the time to wait for one has expired."""

    _hint: ClassVar[str | None] = "Start the login again."


class CallbackRefused(LoginError):
    """The callback has this login's `state` and an error (RFC 6749 section 4.1.2.1).

    `error` and `error_description` are as received, possibly with control characters; `str()` has none.
    """

    _hint: ClassVar[str | None] = "Start the login again, or ask an administrator for access."

    def __init__(self, error: str, error_description: str | None = None) -> None:
        """Create an error from the parameters of a callback."""
        said = f"{error}: {error_description}" if error_description else error
        super().__init__(f"The sign-in was refused: {printable(said, limit=_TEXT_LIMIT)}")
        self.error = error
        self.error_description = error_description


class CallbackMismatch(LoginError):
    """A callback is not the answer to this login: it is of another program, or of an older login.

    The login keeps waiting. `error` is the error code of the callback, or `None`.
    """

    _hint: ClassVar[str | None] = (
        "Use the whole address of the page to which this login sent the browser."
    )

    def __init__(self, message: str, *, error: str | None = None) -> None:
        """Create an error; `message` must not quote the callback."""
        super().__init__(message)
        self.error = error


class SessionExpired(LoginError):
    """The refresh token is refused, because the session has ended."""

    _hint: ClassVar[str | None] = "Log in again."


class RegistrationGone(LoginError):
    """The client registration has expired, or the service no longer has it."""

    _hint: ClassVar[str | None] = "Log in again, with a new registration."
