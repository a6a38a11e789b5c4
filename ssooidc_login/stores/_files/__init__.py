"""Private files of one user, and the locks beside them."""
