"""The programs of a session: get a token, sign in, sign out, get a role's credentials. Each is written once."""
