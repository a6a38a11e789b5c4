"""`SsoSession` and `AsyncSsoSession`, and the parts that they share."""
