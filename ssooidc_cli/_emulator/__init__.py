"""What `ssooidc emulator` does: serving, and its texts."""
