"""Backends of the `keyring` library, and documents as its entries."""
