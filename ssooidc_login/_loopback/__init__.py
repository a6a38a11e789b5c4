"""The listener on 127.0.0.1 that a browser comes back to."""
