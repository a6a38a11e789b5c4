"""CreateTokenWithIAM: signatures, assertions, and the tokens of applications."""
