"""What an emulated Identity Center instance is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from ssooidc_core._endpoints import check_region, is_loopback

__all__ = ["RefreshMode", "Settings"]

RefreshMode: TypeAlias = Literal["stable", "rotating", "rotating-strict"]
"""What becomes of a refresh token that was used.

`stable`: the same one comes back. `rotating`: a new one comes, the old one works for 60 more seconds.
`rotating-strict`: a new one comes, the old one is dead, and using it ends the session (RFC 9700 section 4.14.2).
"""

_MODES: Final = ("stable", "rotating", "rotating-strict")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The facts of an instance; see `IdentityCenter` for each."""

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

    def __post_init__(self) -> None:
        """Refuse what would make no sense.

        Raises:
            ConfigurationError: the region is not one host label.
            ValueError: a time is below 1 second, or the refresh mode is none.
        """
        check_region(self.region)
        for name in (
            "interval",
            "device_code_lifetime",
            "authorization_code_lifetime",
            "registration_lifetime",
            "access_token_lifetime",
            "session_lifetime",
            "role_session_lifetime",
        ):
            if getattr(self, name) < 1:
                message = f"{name} must be at least 1 second"
                raise ValueError(message)
        if self.refresh_mode not in _MODES:
            message = f"refresh_mode must be one of {', '.join(_MODES)}"
            raise ValueError(message)

    def verification_uri(self, request_url: str) -> str:
        """Give the address of the device page for who sent a request to this URL.

        That is `base_url`; without one, this emulator's own page where it was asked over loopback, so that a person
        can open it, and else the form that the real service had from 2019 to 2023.
        """
        if self.base_url is not None:
            return self.base_url
        parts = urlsplit(request_url)
        if is_loopback(parts.hostname or ""):
            return f"{parts.scheme}://{parts.netloc}/device"
        return f"https://device.sso.{self.region}.amazonaws.com/"

    def is_start_url(self, url: str) -> bool:
        """Say whether a start URL is this instance's.

        Documents and people write it with and without a last slash or `#/`; that all of these are accepted is
        reported, not recorded.
        """
        return _plain(url) == _plain(self.start_url)


def _plain(url: str) -> str:
    return url.partition("#")[0].rstrip("/")
