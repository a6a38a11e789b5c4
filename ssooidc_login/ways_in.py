"""Browser or device code: which one fits this machine. A pure function over facts, and the reader of those facts."""

from __future__ import annotations

from ssooidc_login._browser.choice import Choice, Facts, choose_way, read_facts, ssh_hint

__all__ = ["Choice", "Facts", "choose_way", "read_facts", "ssh_hint"]
