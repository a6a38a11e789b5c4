"""The settings of an instance: the keyword arguments of `IdentityCenter`, and the table `[instance]` of scene files."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, TypedDict, Unpack
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from ssooidc_core._endpoints import check_region, is_loopback

__all__ = ["GivenSettings", "RefreshMode", "Settings", "read_settings"]

RefreshMode: TypeAlias = Literal["stable", "rotating", "rotating-strict"]
"""The handling of refresh tokens that are used.

`stable`: the answer has the same token. `rotating`: the answer has a new one, and the old one works for another 60
seconds. `rotating-strict`: the answer has a new one, and using the old one again ends the session (RFC 9700 section
4.14.2).
"""

_NINETY_DAYS: Final = 90 * 24 * 3600
_TEN_YEARS: Final = 10 * 365 * 24 * 3600

# The descriptions complete error messages: "interval must be a whole number of seconds from 1".
_Region: TypeAlias = Annotated[str, Field(description="text")]  # `check_region` checks the rest.
_Text: TypeAlias = Annotated[str, Field(min_length=1, description="text")]
_OptionalText: TypeAlias = Annotated[str | None, Field(min_length=1, description="text")]
_Seconds: TypeAlias = Annotated[
    int, Field(ge=1, le=_TEN_YEARS, description="a whole number of seconds from 1")
]
_Flag: TypeAlias = Annotated[bool, Field(description="true or false")]
_Mode: TypeAlias = Annotated[
    RefreshMode, Field(description="one of 'stable', 'rotating' and 'rotating-strict'")
]


class GivenSettings(TypedDict, total=False):
    """The settings that a caller may pass, for type checkers; `IdentityCenter` documents each of them."""

    region: str
    start_url: str
    base_url: str | None
    interval: int
    device_code_lifetime: int
    authorization_code_lifetime: int
    registration_lifetime: int
    access_token_lifetime: int
    session_lifetime: int
    role_session_lifetime: int
    refresh_mode: RefreshMode
    enforce_interval: bool
    refuse_white_space: bool
    auto_approve: str | None


class Settings(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """The settings of an instance, with their defaults; `IdentityCenter` documents each of them."""

    region: _Region = "us-east-1"
    start_url: _Text = "https://d-1234567890.awsapps.com/start"
    base_url: _OptionalText = None
    interval: _Seconds = 1
    device_code_lifetime: _Seconds = 600
    authorization_code_lifetime: _Seconds = 600
    registration_lifetime: _Seconds = _NINETY_DAYS
    access_token_lifetime: _Seconds = 3600
    session_lifetime: _Seconds = 28800
    role_session_lifetime: _Seconds = 3600
    refresh_mode: _Mode = "stable"
    enforce_interval: _Flag = False
    refuse_white_space: _Flag = True
    auto_approve: _OptionalText = None

    def verification_uri(self, request_url: str) -> str:
        """Return the address of the device page for the sender of a request to this URL.

        That is `base_url`, if set. Otherwise it is this emulator's own page if the request came over loopback, so that
        a person can open it, and else the address that the real service used from 2019 to 2023.
        """
        if self.base_url is not None:
            return self.base_url
        parts = urlsplit(request_url)
        if is_loopback(parts.hostname or ""):
            return f"{parts.scheme}://{parts.netloc}/device"
        return f"https://device.sso.{self.region}.amazonaws.com/"

    def is_start_url(self, url: str) -> bool:
        """Return whether a start URL is this instance's.

        Documents and people write it with and without a trailing slash or `#/`. That the service accepts all of these
        is reported, not recorded.
        """
        return _plain(url) == _plain(self.start_url)


def read_settings(**given: Unpack[GivenSettings]) -> Settings:
    """Return the settings of a caller.

    Raises:
        ConfigurationError: the region is not one host label.
        ValueError: another value is wrong.
        TypeError: there is no such setting.
    """
    try:
        settings = Settings(**given)
    except ValidationError as error:
        name = str(error.errors(include_input=False)[0]["loc"][0])
    else:
        check_region(settings.region)
        return settings
    field = Settings.model_fields.get(name)
    if field is None:
        message = f"IdentityCenter has no argument {name!r}"
        raise TypeError(message)
    message = f"{name} must be {field.description}"
    raise ValueError(message)


def _plain(url: str) -> str:
    return url.partition("#")[0].rstrip("/")
