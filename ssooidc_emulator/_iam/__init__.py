"""CreateTokenWithIAM: signatures, assertions, and the tokens that applications get."""
