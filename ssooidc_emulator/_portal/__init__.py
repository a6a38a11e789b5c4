"""The access portal: accounts, roles and their credentials."""
