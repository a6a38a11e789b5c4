"""Which backends of keyring keep secrets, and what to tell a person about those that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from ssooidc_login.errors import StoreError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

__all__ = ["Keychain", "problem_of", "usable_backend"]

_EXTRA: Final = 'Keeping logins in the keychain needs keyring: pip install "ssooidc-core[keyring]"'
_NONE: Final = (
    "There is no keychain here. Install one (GNOME Keyring or KWallet on Linux) and start it, or keep logins in files: "
    "AwsCacheStore"
)
_REFUSED: Final = "it refused. Unlock it, let this program use it, then try again"
_ADVICE: Final = {
    "KeyringLocked": "it is locked. Unlock it, then try again",
    "InitError": "it cannot be opened. Start or unlock it, then try again",
    "PasswordSetError": _REFUSED,
    "PasswordDeleteError": _REFUSED,
}
_RETRY: Final = "see that it is there and unlocked, then try again, or use AwsCacheStore"


class Keychain(Protocol):
    """What is used of a backend, with the types that keyring's metaclass hides."""

    def get_password(self, service: str, username: str) -> str | None:
        """Give what an entry has, or `None` where there is none."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an entry, new or in place of what was there."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Delete an entry, which must be there."""
        ...


def usable_backend(backend: KeyringBackend | None) -> Keychain:
    """Give a backend that keeps secrets: the one given, or keyring's own choice; of a chain, the first that does.

    Raises:
        StoreError: there is none, or it keeps nothing, or in the clear.
        ImportError: keyring is not installed; the text names the extra.
    """
    try:
        import keyring  # noqa: PLC0415 - at import, it would cost all who do not use it
        from keyring.backends.chainer import ChainerBackend  # noqa: PLC0415 - likewise
    except ImportError:
        raise ImportError(_EXTRA, name="keyring") from None
    chosen: KeyringBackend | None = backend
    problem = _NONE
    if chosen is None:
        try:
            chosen = keyring.get_keyring()
        except Exception as failed:  # noqa: BLE001 - whatever a configured backend raises
            problem = (
                f"keyring cannot load its backend ({type(failed).__name__}): look at PYTHON_KEYRING_BACKEND "
                "and at keyringrc.cfg, which `keyring diagnose` names"
            )
    candidates = [chosen]
    if isinstance(chosen, ChainerBackend):
        candidates = list(chosen.backends)
    for each in candidates:
        if each is None:
            continue
        refused = _refusal(each)
        if refused is None:
            return cast("Keychain", each)
        problem = refused
    raise StoreError(problem)


def problem_of(doing: str, failed: Exception) -> str:
    """Say what is wrong, by the error's class: its text may quote what was to be written."""
    from keyring.errors import NoKeyringError  # noqa: PLC0415 - loaded already

    if isinstance(failed, NoKeyringError):
        return _NONE
    known = (each.__name__ for each in type(failed).__mro__ if each.__name__ in _ADVICE)
    name = next(known, None)
    advice = f"{type(failed).__name__}; {_RETRY}" if name is None else _ADVICE[name]
    return f"Cannot {doing} the keychain: {advice}"


def _refusal(backend: KeyringBackend) -> str | None:
    from keyring.backends import fail, null  # noqa: PLC0415 - loaded already

    if isinstance(backend, fail.Keyring):
        return _NONE
    if isinstance(backend, null.Keyring):
        return (
            "keyring is switched off: its null backend keeps nothing. Configure another, or keep logins in files: "
            "AwsCacheStore"
        )
    # Those of keyrings.alt, which anything else may have installed.
    if any("plaintext" in cls.__name__.lower() for cls in type(backend).__mro__):
        return (
            "keyring's plain-text backend would keep tokens in the clear. Configure another, or keep logins in files "
            "of mode 0600: AwsCacheStore"
        )
    return None
