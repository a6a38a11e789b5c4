"""The options of `ssooidc demo`."""

from __future__ import annotations

import click

from ssooidc_cli._endings import plain_endings

__all__ = ["demo"]


@click.command()
@click.option(
    "--wait",
    is_flag=True,
    help="Let you approve the login: open the printed page in a browser.",
)
def demo(*, wait: bool) -> None:
    """Show a whole device login and a refresh over real HTTP, against a local emulator.

    Nothing outside this machine is contacted, and nothing is written to disk.
    """
    with plain_endings():
        from ssooidc_cli._demo import show  # noqa: PLC0415 - imports the emulator and a transport

        show(wait=wait)
