"""Browser or device code: choose the way to sign in that fits this machine.

`choose_way` is a pure function of `Facts`, and `read_facts` collects the facts about this process.
"""

from __future__ import annotations

from ssooidc_login._browser.choice import Choice, Facts, choose_way, read_facts, ssh_hint

__all__ = ["Choice", "Facts", "choose_way", "read_facts", "ssh_hint"]
