"""Encryption of documents on a shared server."""
