"""Browser or device code: the choice, and opening a URL."""
