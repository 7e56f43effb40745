"""Hashes the administrator's first password, with argon2."""

import argon2


def hashed(password: str) -> str:
    """What is kept of it: nobody gets the password back from this."""
    return argon2.PasswordHasher().hash(password)
