"""Encryption and authentication of the values in a py-key-value-aio store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.fernet import Fernet, MultiFernet
from key_value.aio.protocols import AsyncKeyValue
from key_value.aio.wrappers.base import BaseWrapper
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper
from pydantic import SecretStr

from ssooidc_core import ConfigurationError

__all__ = ["NotSealedError", "Passphrase", "seal"]

_ENCRYPTED: Final = "__encrypted_data__"
_SHORTEST: Final = 16


class NotSealedError(Exception):
    """A value is not encrypted, or was saved under another key."""


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase from which an encryption key is derived with PBKDF2. A Fernet key is better if you can keep one.

    Attributes:
        text: 16 characters or more. It must not be guessable: an attacker who has the server's data can try any number
            of passphrases.
        salt: any text of your own, the same wherever the passphrase is used. It is not secret.
    """

    text: SecretStr
    salt: str


class _OnlyEncrypted(BaseWrapper):
    """Refuses unencrypted values: the library's encryption wrapper returns them as if they had been encrypted."""

    def __init__(self, key_value: AsyncKeyValue) -> None:
        self.key_value = key_value
        super().__init__()

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        value = await self.key_value.get(key, collection=collection)
        if value is not None and _ENCRYPTED not in value:
            raise NotSealedError
        return value


def seal(
    backend: AsyncKeyValue, encryption: SecretStr | Sequence[SecretStr] | Passphrase
) -> FernetEncryptionWrapper:
    """Wrap a store so that `put` encrypts, and `get` returns only values that were encrypted with one of the keys.

    Raises:
        ConfigurationError: a key is malformed, there is no key, or a passphrase is too short.
    """
    guarded = _OnlyEncrypted(backend)
    if isinstance(encryption, Passphrase):
        if len(encryption.text) < _SHORTEST or not encryption.salt.strip():
            message = f"A passphrase needs {_SHORTEST} characters or more, and a salt"
            raise ConfigurationError(message)
        return FernetEncryptionWrapper(
            guarded, source_material=encryption.text.get_secret_value(), salt=encryption.salt
        )
    keys = [encryption] if isinstance(encryption, SecretStr) else list(encryption)
    fernets = [_fernet(key) for key in keys]
    known = [fernet for fernet in fernets if fernet is not None]
    if not known or len(known) != len(fernets):
        message = (
            "An encryption key is 32 bytes in URL-safe base64, as Fernet.generate_key() makes it"
        )
        raise ConfigurationError(message)
    return FernetEncryptionWrapper(guarded, fernet=MultiFernet(known))


def _fernet(key: SecretStr) -> Fernet | None:
    try:
        return Fernet(key.get_secret_value())
    except ValueError:
        return None
