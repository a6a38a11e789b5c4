"""The portal's requests: their members are in the query, and the access token is in a header of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from ssooidc_core._http import HttpRequest
from ssooidc_core._rest_json import header_value, query_url

__all__ = ["bearer_request"]

_BEARER_HEADER: Final = "x-amz-sso_bearer_token"


def bearer_request(
    method: str,
    url: str,
    access_token: SecretStr,
    parameters: Mapping[str, str | int | None],
) -> HttpRequest:
    """Return a request without a body.

    Raises:
        ConfigurationError: the token cannot be the value of a header, or a parameter cannot be encoded.
    """
    # The token last: a traceback with locals must not show it when a parameter is refused.
    addressed = query_url(url, parameters)
    return HttpRequest(
        method, addressed, ((_BEARER_HEADER, header_value("access_token", access_token)),)
    )
