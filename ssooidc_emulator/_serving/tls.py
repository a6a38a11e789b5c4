"""A certificate for this machine's loopback names, made for one server and forgotten with it."""

from __future__ import annotations

import ssl

__all__ = ["server_tls"]


def server_tls() -> tuple[ssl.SSLContext, str]:
    """Give what a server needs, and the certificate, in PEM form, that its clients must trust.

    Raises:
        ImportError: trustme is not installed; the text names the extra.
    """
    try:
        import trustme  # noqa: PLC0415 - for TLS only, and slow to import
    except ImportError:
        message = 'TLS needs trustme: pip install "ssooidc-core[emulator]"'
        raise ImportError(message, name="trustme") from None
    authority = trustme.CA(organization_name="ssooidc emulator, for tests only")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # The authority's own key is never written down: nobody can make another certificate with it.
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]  # it may take OpenSSL's own type too
    return context, authority.cert_pem.bytes().decode("ascii")
