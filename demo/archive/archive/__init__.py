"""The article archive: a few hundred articles about Python, for readers with and without an account."""
