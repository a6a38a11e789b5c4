"""CreateTokenWithIAM: tokens for an application that signs its requests (`POST /token?aws_iam=t`).

If a request has several problems, no record shows which of them the real service reports. Here the order is signature,
malformed input, region, application, grant type, grant, assignment, scope. When the last two are checked, a code has
already been spent, and so has a refresh token that rotates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from ssooidc_core._endpoints import is_loopback, resolve_endpoint
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_emulator._directory import Application, Directory
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._iam.assertions import Assertions
from ssooidc_emulator._iam.id_tokens import IdTokens
from ssooidc_emulator._iam.signatures import verify
from ssooidc_emulator._oidc.answers import Answers, Members
from ssooidc_emulator._oidc.authorization_codes import AuthorizationCodes
from ssooidc_emulator._oidc.inputs import CreateTokenWithIAMInput, read
from ssooidc_emulator._oidc.refusals import (
    BAD_SCOPE,
    GRANT_NOT_REGISTERED,
    INVALID_CLIENT,
    INVALID_GRANT,
    INVALID_SUBJECT_TOKEN,
    UNSUPPORTED_GRANT_TYPE,
    USER_NOT_ASSIGNED,
    MessageRefusal,
    Refusal,
    invalid_request,
    other_region,
)
from ssooidc_emulator._oidc.registrations import AUTHORIZATION_CODE, REFRESH_TOKEN, Registration
from ssooidc_emulator._oidc.sessions import IssuedTokens, Session, Sessions
from ssooidc_emulator._settings import Settings

__all__ = ["JWT_BEARER", "TOKEN_EXCHANGE", "IamTokens"]

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant type

_SERVICE: Final = "sso-oauth"
_ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a URN
_REFRESH_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105 - a URN
_REGION_OF_ARN: Final = re.compile(r"arn:[a-z0-9-]+:sso:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):")


def _nothing(session: Session) -> None:
    del session


@dataclass(frozen=True, slots=True)
class _Entitlement:
    """The tokens that a grant entitles an application to.

    Attributes:
        user: the person's user name.
        scopes: all scopes that may be requested.
        signed_in_at: the time of the person's sign-in, as far as it is known.
        is_refreshable: whether the session may have a refresh token.
        use: marks the grant as used for this session.
    """

    user: str
    scopes: tuple[str, ...]
    signed_in_at: float
    is_refreshable: bool = True
    use: Callable[[Session], None] = field(default=_nothing, repr=False)


_Grant: TypeAlias = Callable[[CreateTokenWithIAMInput, Application, float], _Entitlement | Refusal]


class IamTokens:
    """The operation over one instance's state. Not locked."""

    def __init__(  # noqa: PLR0913 - each part of the state by keyword
        self,
        settings: Settings,
        *,
        codes: AuthorizationCodes,
        sessions: Sessions,
        directory: Directory,
        answers: Answers,
        entropy: Entropy,
    ) -> None:
        """Use these codes, sessions and users."""
        self._settings: Final = settings
        self._codes: Final = codes
        self._sessions: Final = sessions
        self._directory: Final = directory
        self._answers: Final = answers
        self._assertions: Final = Assertions(directory)
        self._id_tokens: Final = IdTokens(settings, entropy)
        self._grants: Final[dict[str, _Grant]] = {
            AUTHORIZATION_CODE: self._by_code,
            JWT_BEARER: self._by_assertion,
            TOKEN_EXCHANGE: self._by_exchange,
        }

    def handle(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Return the answer to a request."""
        signer = verify(request, find_key=self._directory.access_key, service=_SERVICE, now=wall)
        if isinstance(signer, MessageRefusal):
            return self._answers.refused(signer, wall)
        result = self._create(request, signer.region, wall.timestamp())
        if isinstance(result, Refusal):
            return self._answers.refused(result, wall)
        return self._answers.good(result, wall)

    def _create(self, request: HttpRequest, region: str, now: float) -> Members | Refusal:
        asked = read(CreateTokenWithIAMInput, request.body)
        if isinstance(asked, Refusal):
            return asked
        home = self._home_region(asked.client_id)
        if region != home:
            return other_region(endpoint=_endpoint(request.url, home), region=home)
        application = self._directory.application(asked.client_id)
        if application is None:
            return INVALID_CLIENT
        if asked.grant_type not in {*self._grants, REFRESH_TOKEN}:
            return UNSUPPORTED_GRANT_TYPE
        # Reported in boto/boto3#4093: an application without this grant is answered like an unknown one.
        if asked.grant_type not in application.grant_types:
            return INVALID_CLIENT
        # Checked here as far as possible, since the grant is not used up yet.
        if not set(asked.scope or ()) <= set(application.allowed_scopes):
            return BAD_SCOPE
        self._assertions.forget_expired(now)
        if asked.grant_type == REFRESH_TOKEN:
            return self._refresh(asked, application, now)
        return self._begin(asked, application, now)

    def _home_region(self, arn: str) -> str:
        """Return the region of an application: that of its ARN, which most ARNs leave out, or the instance's."""
        found = _REGION_OF_ARN.match(arn)
        return self._settings.region if found is None else found[1]

    def _begin(
        self, asked: CreateTokenWithIAMInput, application: Application, now: float
    ) -> Members | Refusal:
        entitlement = self._grants[asked.grant_type](asked, application, now)
        if isinstance(entitlement, Refusal):
            return entitlement
        user = self._directory.user(entitlement.user)
        if user is None:
            return INVALID_GRANT
        if not _is_assigned(user.name, application):
            return USER_NOT_ASSIGNED
        scopes = tuple(dict.fromkeys(asked.scope or entitlement.scopes))
        if not set(scopes) <= set(entitlement.scopes):
            return BAD_SCOPE
        client = _as_client(application, now, is_refreshable=entitlement.is_refreshable)
        tokens = self._sessions.begin(client, user.name, now, scopes=scopes)
        entitlement.use(tokens.session)
        identity = self._id_tokens.identity(
            application_arn=application.arn,
            user=user,
            scopes=scopes,
            signed_in_at=entitlement.signed_in_at,
            expires_in=tokens.expires_in,
            now=now,
        )
        return _members(tokens, scopes, identity.id_token, identity.identity_context)

    def _refresh(
        self, asked: CreateTokenWithIAMInput, application: Application, now: float
    ) -> Members | Refusal:
        if asked.refresh_token is None:
            return invalid_request("Missing or invalid: refreshToken")
        client = _as_client(application, now)
        tokens = self._sessions.refresh(asked.refresh_token, client, now)
        if isinstance(tokens, Refusal):
            return tokens
        if not _is_assigned(tokens.session.user, application):
            return USER_NOT_ASSIGNED
        scopes = tuple(dict.fromkeys(asked.scope or tokens.session.scopes))
        if not set(scopes) <= set(tokens.session.scopes):
            return BAD_SCOPE
        # The service model's example has neither an id token nor an identity context here.
        return _members(tokens, scopes, None, None)

    def _by_code(
        self, asked: CreateTokenWithIAMInput, application: Application, now: float
    ) -> _Entitlement | Refusal:
        if asked.code is None:
            return invalid_request("Missing or invalid: code")
        code = self._codes.redeem(
            asked.code,
            client_id=application.arn,
            redirect_uri=asked.redirect_uri,
            code_verifier=asked.code_verifier,
            now=now,
        )
        if isinstance(code, Refusal):
            return code

        def use(session: Session) -> None:
            code.end_session = session.end

        return _Entitlement(code.user, code.scopes, signed_in_at=now, use=use)

    def _by_assertion(
        self, asked: CreateTokenWithIAMInput, application: Application, now: float
    ) -> _Entitlement | Refusal:
        if asked.assertion is None:
            return invalid_request("Missing or invalid: assertion")
        assertion = self._assertions.check(asked.assertion, application, now)
        if assertion is None:
            return INVALID_GRANT

        def use(session: Session) -> None:
            del session
            self._assertions.spend(assertion)

        scopes = application.allowed_scopes
        return _Entitlement(assertion.user.name, scopes, signed_in_at=now, use=use)

    def _by_exchange(
        self, asked: CreateTokenWithIAMInput, application: Application, now: float
    ) -> _Entitlement | Refusal:
        if asked.subject_token is None:
            return invalid_request("Missing or invalid: subjectToken")
        if asked.subject_token_type != _ACCESS_TOKEN_TYPE:
            return invalid_request("Missing or invalid: subjectTokenType")
        if asked.requested_token_type not in {None, _ACCESS_TOKEN_TYPE, _REFRESH_TOKEN_TYPE}:
            return invalid_request("Missing or invalid: requestedTokenType")
        is_refreshable = asked.requested_token_type == _REFRESH_TOKEN_TYPE
        if is_refreshable and REFRESH_TOKEN not in application.grant_types:
            return GRANT_NOT_REGISTERED
        session = self._sessions.find(asked.subject_token, now)
        # "issued by IAM Identity Center to a different client or application" (the service model). Whether one of its
        # scopes names this application as an audience is not checked: the form of such scopes is not public.
        if session is None or session.client.client_id == application.arn:
            return INVALID_SUBJECT_TOKEN
        return _Entitlement(
            session.user,
            application.allowed_scopes,
            signed_in_at=session.began_at,
            is_refreshable=is_refreshable,
        )


def _is_assigned(user: str, application: Application) -> bool:
    return application.users is None or user in application.users


def _as_client(
    application: Application, now: float, *, is_refreshable: bool = True
) -> Registration:
    """Return the client that an application's sessions belong to."""
    grants = application.grant_types & ({REFRESH_TOKEN} if is_refreshable else frozenset())
    return Registration(
        client_id=application.arn,
        client_secret="",
        client_name=application.arn,
        scopes=application.allowed_scopes,
        grant_types=grants,
        redirect_uris=(),
        issued_at=int(now),
        expires_at=int(now),
    )


def _endpoint(url: str, region: str) -> str:
    """Return the endpoint of a region: this emulator's, if the request came over loopback, or the real service's."""
    parts = urlsplit(url)
    if is_loopback(parts.hostname or ""):
        return f"{parts.scheme}://{parts.netloc}"
    return resolve_endpoint("oidc", region=region)


def _members(
    tokens: IssuedTokens,
    scopes: tuple[str, ...],
    id_token: str | None,
    identity_context: str | None,
) -> Members:
    issued = _ACCESS_TOKEN_TYPE if tokens.refresh_token is None else _REFRESH_TOKEN_TYPE
    details = None if identity_context is None else {"identityContext": identity_context}
    return {
        "accessToken": tokens.access_token,
        "awsAdditionalDetails": details,
        "expiresIn": tokens.expires_in,
        "idToken": id_token,
        "issuedTokenType": issued,
        "refreshToken": tokens.refresh_token,
        "scope": scopes,
        "tokenType": "Bearer",
    }
