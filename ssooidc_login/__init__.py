"""The command line on top of the core, the transports and the emulator; see `ssooidc_login.cli`."""
