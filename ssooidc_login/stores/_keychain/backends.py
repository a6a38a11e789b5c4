"""The backends of keyring that keep secrets, and the texts for backends that fail."""

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
    "TimeoutError": "it does not answer. Check whether it asks for something, then try again",
}
# By name, because the libraries that raise them exist on Linux only.
_PASSING: Final = {
    "InitError",  # keyring could not open it
    "ItemNotFoundException",  # an entry was deleted between being found and being used
    "SecretServiceNotAvailableException",  # the daemon has ended, or is being started
    "DBusErrorResponse",  # a restarted daemon does not know the session of the previous one
    "ConnectionError",
    "TimeoutError",
}
_FINAL: Final = {"KeyringLocked", "LockedException", "NoKeyringError", "PromptDismissedException"}
_CAUSES: Final = 8
_RETRY: Final = "check that it runs and is unlocked, then try again, or use AwsCacheStore"


class Keychain(Protocol):
    """The part of a backend that is used here, with the types that keyring's metaclass hides."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return the password of an entry, or `None` if there is no entry."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an entry, replacing an old one."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Delete an entry, which must exist."""
        ...


def usable_backend(backend: KeyringBackend | None) -> Keychain:
    """Return a backend that keeps secrets: the given one, or keyring's own choice; of a chain, the first that does.

    Raises:
        StoreError: there is no backend, or it keeps nothing, or it keeps plain text.
        ImportError: keyring is not installed; the text names the extra.
    """
    try:
        import keyring  # noqa: PLC0415 - imported only where it is used
        from keyring.backends.chainer import ChainerBackend  # noqa: PLC0415 - likewise
    except ImportError:
        raise ImportError(_EXTRA, name="keyring") from None
    chosen: KeyringBackend | None = backend
    problem = _NONE
    if chosen is None:
        try:
            chosen = keyring.get_keyring()
        except Exception as failed:  # noqa: BLE001 - a configured backend may raise any class
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
    """Return whether trying again may help, without asking a person again for what they have refused."""
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
    """Return whether the backend deletes an entry before it writes the new one, as keyring's for macOS does."""
    return any(each.__module__ == "keyring.backends.macOS" for each in type(backend).__mro__)


def problem_of(doing: str, failed: Exception) -> str:
    """Return a text for an error, by its class: its own text may quote the document."""
    from keyring.errors import NoKeyringError  # noqa: PLC0415 - loaded already

    if isinstance(failed, NoKeyringError):
        return _NONE
    known = (each.__name__ for each in type(failed).__mro__ if each.__name__ in _ADVICE)
    name = next(known, None)
    advice = f"{type(failed).__name__}; {_RETRY}" if name is None else _ADVICE[name]
    return f"Cannot {doing} the keychain: {advice}"


def _over_one_connection(backend: KeyringBackend) -> Keychain:
    """Return a keychain with one connection for a backend that opens one for each call, else the backend itself."""
    # Compared by name, because the module can be imported only where it is used. A derived class stays as it is.
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
    # The backends of keyrings.alt, which another package may have installed.
    if any("plaintext" in cls.__name__.lower() for cls in type(backend).__mro__):
        return (
            "keyring's plain-text backend would keep tokens unencrypted. Configure another, or keep logins in files "
            "of mode 0600: AwsCacheStore"
        )
    return None
