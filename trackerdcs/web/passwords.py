"""Passwords: hashed with argon2id, checked in threads, few at once, in the same time whether a person exists or not."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from trackerdcs.domain.access import LONGEST
from trackerdcs.domain.errors import ConfigError

AT_ONCE = 2
"""Hashes at once: each takes a core and 64 MiB."""
WAITING = 20
"""Logins that wait for their turn; more are turned away."""

T = TypeVar("T")

_HASHER = PasswordHasher()
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$nedAj6xHyqqaaDHzSJc6Zg$A/YHV1gVPEG/IkvtWS6bFZAjZM2WRg2B6n/GQcR+xZE"
"""In place of the hash of somebody who does not exist: no password is known to give it, and trying takes as long."""


class TooMany(Exception):
    """More passwords to check than can be checked soon."""


def hash_password(password: str) -> str:
    """The hash that is kept in place of a password."""
    return _HASHER.hash(password)


def checked_hash(text: str, field: str) -> str:
    """`text` if it is a hash that passwords can be checked against; ConfigError names `field`."""
    try:
        extract_parameters(text)
    except InvalidHashError as e:
        raise ConfigError(f"{field}: expected the argon2 hash of a password") from e
    return text


class Passwords:
    """Checks and hashes without holding up the event loop."""

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def right(self, hash: str | None, password: str) -> bool:
        """True if `password` belongs to `hash`; never for None, after the same work. Raises TooMany."""
        if len(password) > LONGEST:
            return False
        right = await self._in_turn(self._verify, hash or _NOBODY, password)
        return right and hash is not None

    async def hash(self, password: str) -> str:
        """The hash of a new password. Raises TooMany."""
        return await self._in_turn(self._hasher.hash, password)

    def _verify(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[..., T], *args: str) -> T:
        if self._waiting >= WAITING:
            raise TooMany
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *args)
        finally:
            self._waiting -= 1
