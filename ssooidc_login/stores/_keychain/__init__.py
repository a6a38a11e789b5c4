"""Backends of the `keyring` library, turns at writing, and documents as entries of a keychain."""
