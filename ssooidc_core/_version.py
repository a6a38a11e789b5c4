"""The version, as text in the code: asking the package's metadata would read a file."""

__version__ = "0.1.0"
