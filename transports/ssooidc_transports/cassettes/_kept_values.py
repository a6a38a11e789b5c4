"""Which values of requests and responses a cassette keeps, and which it never keeps.

The names are those on the wire. `ssooidc_transports.cassettes._scrubbing` replaces every other value.
"""

from __future__ import annotations

import re
from typing import Final

from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core._transient_errors import THROTTLING_CODES, TRANSIENT_CODES
from ssooidc_core.portal._errors import PORTAL_ERRORS

__all__ = [
    "CODES",
    "CONTAINERS",
    "ERROR_NAMES",
    "HEADER_FORMS",
    "HOST",
    "KEPT_NUMBERS",
    "KEPT_QUERY",
    "KEPT_TEXTS",
    "KINDS",
    "KNOWN",
    "NEVER_KEPT",
    "PATH_WORDS",
    "QUERY_NAMES",
    "SECRET_HEADERS",
    "URLS",
]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SECRET_HEADERS: Final = {
    "x-amz-sso_bearer_token": "accessToken",
    "authorization": "authorization",
    "x-amz-security-token": "sessionToken",
}

NEVER_KEPT: Final = _names(
    """
    accessKeyId accessToken assertion authorization clientSecret code codeVerifier deviceCode idToken
    identityContext refreshToken secretAccessKey sessionToken state subjectToken userCode
    """
)
"""Members whose values cannot be kept even with `keep=`."""

KEPT_TEXTS: Final = _names(
    """
    accountId accountName clientName clientType grantType grantTypes issuedTokenType reason region
    requestedTokenType roleName scope scopes subjectTokenType tokenType
    """
)
KEPT_NUMBERS: Final = _names(
    """
    clientIdIssuedAt clientSecretExpiresAt expiration expiresIn interval maxResult
    """
)
URLS: Final = _names(
    """
    authorizationEndpoint endpoint issuerUrl redirectUri redirectUris startUrl tokenEndpoint
    verificationUri verificationUriComplete
    """
)
ERROR_NAMES: Final = _names("__type code error")
CONTAINERS: Final = _names("accountList awsAdditionalDetails roleCredentials roleList")
_OTHERS: Final = _names(
    """
    Message clientId emailAddress entitledApplicationArn error_description message nextToken
    """
)
KNOWN: Final = NEVER_KEPT | KEPT_TEXTS | KEPT_NUMBERS | URLS | ERROR_NAMES | CONTAINERS | _OTHERS
# Path segments of the services, of the pages that people open, and of the redirect URIs.
PATH_WORDS: Final = _names(
    """
    accounts assignment authorize callback client credentials device device_authorization federation
    logout oauth portal redirect register roles sso start token
    """
)
QUERY_NAMES: Final = {
    "account_id": "accountId",
    "aws_iam": "aws_iam",
    "code": "code",
    "max_result": "maxResult",
    "next_token": "nextToken",
    "role_name": "roleName",
    "state": "state",
    "user_code": "userCode",
}
KEPT_QUERY: Final = re.compile(r"aws_iam=t|max_result=[0-9]{1,3}")
_OAUTH_CODES: Final = frozenset(
    kind.oauth_error for kind in OIDC_ERRORS.values() if kind.oauth_error is not None
)
CODES: Final = (
    _OAUTH_CODES
    | set(OIDC_ERRORS)
    | set(PORTAL_ERRORS)
    | THROTTLING_CODES
    | TRANSIENT_CODES
    | {
        "ForbiddenException",
        "SerializationException",
        "UnknownOperationException",
        "ValidationException",
    }
)
KINDS: Final = KNOWN | {"body", "header", "host", "member", "path"}
HEADER_FORMS: Final = {
    "content-type": re.compile(
        r"(?:application/(?:json|x-amz-json-1\.[01])|text/(?:html|plain))(?:; ?charset=utf-8)?\Z",
        re.IGNORECASE,
    ),
    "date": re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\Z"),
    "x-amz-retry-after": re.compile(r"[0-9]{1,12}\Z"),
    "x-amzn-requestid": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"),
}
# Hosts of AWS, with a region or an instance id in their names, and of this machine. Other names may tell the owner.
HOST: Final = re.compile(
    r"(?:(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?"
    r"|(?:oidc|portal\.sso|oidc-fips|portal\.sso-fips|device\.sso)\.[a-z]{2,4}(?:-[a-z]{2,9}){1,3}-[0-9]"
    r"\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws|api\.amazonwebservices\.com\.cn)"
    r"|(?:d-[0-9a-f]{10}|view)\.awsapps\.(?:com|cn))\Z"
)
