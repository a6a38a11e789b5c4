"""How the portal's requests carry their members: in the query, and the access token in a header of its own."""

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
    """Make a request without a body.

    Raises:
        ConfigurationError: the token cannot be a header's value, or a parameter cannot be encoded.
    """
    # The token last: were it a local variable when a parameter is refused, tracebacks with locals would show it.
    addressed = query_url(url, parameters)
    return HttpRequest(
        method, addressed, ((_BEARER_HEADER, header_value("access_token", access_token)),)
    )
