"""How the portal's requests carry their members: in the query, and the access token in a header of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from ssooidc_core.http import HttpRequest
from ssooidc_core.rest_json import header_value, query_url

__all__ = ["bearer_request"]

_BEARER_HEADER: Final = "x-amz-sso_bearer_token"


def bearer_request(
    method: str,
    url: str,
    access_token: SecretStr,
    parameters: Mapping[str, str | int | None],
) -> HttpRequest:
    """Make a request without a body.

    Raises:
        ConfigurationError: the token cannot be a header's value, or a parameter cannot be encoded.
    """
    token = header_value("access_token", access_token)
    return HttpRequest(method, query_url(url, parameters), ((_BEARER_HEADER, token),))
