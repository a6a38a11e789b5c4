"""The listener on 127.0.0.1 that receives the browser's answer."""
