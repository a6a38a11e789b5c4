"""Files that belong to one user, and locks on files."""
