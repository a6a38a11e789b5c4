"""Browser or device code: the choice, opening a URL, and the person at a terminal."""
