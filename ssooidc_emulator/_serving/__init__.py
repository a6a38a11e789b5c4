"""The emulator over HTTP: the ASGI application, its server and the admin endpoint."""
