"""Which backends of keyring keep secrets, and what to tell a person about those that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from ssooidc_login.errors import StoreError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend
    from keyring.backends import SecretService

__all__ = ["Keychain", "is_passing", "problem_of", "replaces_by_deleting", "usable_backend"]

_EXTRA: Final = 'Keeping logins in the keychain needs keyring: pip install "ssooidc-core[keyring]"'
_NONE: Final = (
    "There is no keychain here. Install one (GNOME Keyring or KWallet on Linux) and start it, or keep logins in files: "
    "AwsCacheStore"
)
_REFUSED: Final = "it refused. Unlock it, let this program use it, then try again"
_LOCKED: Final = "it is locked. Unlock it, then try again"
_ADVICE: Final = {
    "KeyringLocked": _LOCKED,
    "LockedException": _LOCKED,
    "PromptDismissedException": _LOCKED,
    "InitError": "it cannot be opened. Start or unlock it, then try again",
    "PasswordSetError": _REFUSED,
    "PasswordDeleteError": _REFUSED,
    "TimeoutError": "it does not answer. See whether it asks for something, then try again",
}
# By name: the libraries that raise them are there on Linux only.
_PASSING: Final = {
    "InitError",  # keyring could not open it
    "ItemNotFoundException",  # an entry went away between being found and being used
    "SecretServiceNotAvailableException",  # the daemon ended, or is being started
    "DBusErrorResponse",  # a started daemon does not know the session of the one before it
    "ConnectionError",
    "TimeoutError",
}
_FINAL: Final = {"KeyringLocked", "LockedException", "NoKeyringError", "PromptDismissedException"}
_CAUSES: Final = 8
_RETRY: Final = "see that it is there and unlocked, then try again, or use AwsCacheStore"


class Keychain(Protocol):
    """What is used of a backend, with the types that keyring's metaclass hides."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return what an entry has, or `None` where there is none."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an entry, new or in place of what was there."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Delete an entry, which must be there."""
        ...


def usable_backend(backend: KeyringBackend | None) -> Keychain:
    """Return a backend that keeps secrets: the one given, or keyring's own choice; of a chain, the first that does.

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
            return _over_one_connection(each)
        problem = refused
    raise StoreError(problem)


def is_passing(failed: Exception) -> bool:
    """Return whether trying again may help, without a person being asked again for what they refused."""
    names: set[str] = set()
    cause: BaseException | None = failed
    for _ in range(_CAUSES):
        if cause is None:
            break
        names.update(each.__name__ for each in type(cause).__mro__)
        cause = cause.__cause__
    own = {each.__name__ for each in type(failed).__mro__}
    return bool(own & _PASSING) and not names & _FINAL


def replaces_by_deleting(backend: Keychain) -> bool:
    """Return whether an entry that is replaced is gone for a moment: keyring does so in macOS's Keychain."""
    return any(each.__module__ == "keyring.backends.macOS" for each in type(backend).__mro__)


def problem_of(doing: str, failed: Exception) -> str:
    """Return what is wrong, by the error's class: its text may quote what was to be written."""
    from keyring.errors import NoKeyringError  # noqa: PLC0415 - loaded already

    if isinstance(failed, NoKeyringError):
        return _NONE
    known = (each.__name__ for each in type(failed).__mro__ if each.__name__ in _ADVICE)
    name = next(known, None)
    advice = f"{type(failed).__name__}; {_RETRY}" if name is None else _ADVICE[name]
    return f"Cannot {doing} the keychain: {advice}"


def _over_one_connection(backend: KeyringBackend) -> Keychain:
    """Return a keychain that does as a backend does, over one connection where keyring would open many."""
    # Named without being imported: only who has it in use has a Secret Service. A class of one's own stays as it is.
    kind = type(backend)
    if (kind.__module__, kind.__name__) == ("keyring.backends.SecretService", "Keyring"):
        from ssooidc_login.stores._keychain.secret_service import (  # noqa: PLC0415 - for Linux only
            SecretServiceKeychain,
        )

        return SecretServiceKeychain(cast("SecretService.Keyring", backend))
    return cast("Keychain", backend)


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
