"""How a command ends: the messages and exit statuses for errors, Ctrl-C and missing dependencies."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

from ssooidc_cli._extras import missing_text
from ssooidc_core import SsoOidcError

__all__ = ["plain_endings"]

_FAILED = 1
_INTERRUPTED = 130  # 128 and the number of SIGINT, as in a shell


@contextmanager
def plain_endings() -> Generator[None]:
    """Run the body of a command, and end it with a message and an exit status instead of a traceback.

    Raises:
        SystemExit: with status 1 after an error of this library, 130 after Ctrl-C.
        click.UsageError: a dependency is not installed; click shows the text and exits with status 2.
    """
    try:
        yield
    except ImportError as missing:
        raise click.UsageError(missing_text(missing)) from None
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        sys.exit(_INTERRUPTED)
    except SsoOidcError as error:
        click.echo(f"ssooidc: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(_FAILED)
