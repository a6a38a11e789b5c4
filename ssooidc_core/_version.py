"""The version, written here because reading it from the package's metadata would read a file."""

__version__ = "0.1.0"
