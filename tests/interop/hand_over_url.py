"""A stand-in for a browser that sends the URL it should open to a test: `BROWSER="hand_over_url.py PORT %s &"`."""

import socket
import sys

if __name__ == "__main__":
    port, url = sys.argv[1:]
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as connection:
        connection.sendall(url.encode())
