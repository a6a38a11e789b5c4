"""One of several processes: `session_child.py ours|botocore|login`. It prints "ready" and waits for its input to end.

Then it asks for a token, and prints the token or the error as a line of JSON, after the messages of a login.
"""

import json
import sys

from ssooidc_login import SsoSession, WayIn


class Person:
    """Prints the messages of a login."""

    def show(self, text: str, /) -> None:
        say({"shown": text})

    def open_url(self, url: str, /) -> bool:
        return False


def say(members: dict[str, str]) -> None:
    sys.stdout.write(f"{json.dumps(members)}\n")
    sys.stdout.flush()


def start() -> None:
    say({"state": "ready"})
    sys.stdin.read()


def ours() -> str:
    with SsoSession.from_profile() as session:
        # Import everything that sending needs, so that all processes ask at the same time.
        session.status()
        start()
        return session.token().access_token.get_secret_value()


def login() -> str:
    with SsoSession.from_profile() as session:
        start()
        token = session.login(way=WayIn.DEVICE_CODE, interaction=Person())
        return token.access_token.get_secret_value()


def botocore() -> str:
    import botocore.session  # noqa: PLC0415 - only this one needs it
    from botocore.tokens import SSOTokenProvider  # noqa: PLC0415 - likewise

    session = botocore.session.Session(profile="emulator")
    provider = SSOTokenProvider(session)
    # Likewise; botocore makes its client when it first needs it.
    session.create_client("sso-oidc", region_name="us-east-1")
    token = provider.load_token()
    start()
    # None if the provider finds no token.
    found: str = token.get_frozen_token().token
    return found


if __name__ == "__main__":
    ways = {"ours": ours, "login": login, "botocore": botocore}
    try:
        say({"token": ways[sys.argv[1]]()})
    except Exception as error:  # noqa: BLE001 - the test checks for every error
        say({"error": type(error).__name__, "text": str(error)})
