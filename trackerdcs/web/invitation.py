"""A token that logs one browser in, once: the address that the demonstrator prints, as notebook servers do."""

import secrets
from dataclasses import dataclass, field

from trackerdcs.domain.access import Account

GUEST = Account("demo", "expert")
"""Who comes with the token of the demonstrator."""


@dataclass
class Invitation:
    """Whose session the token begins; `hash` is that of a password which nobody knows."""

    name: str
    hash: str
    _token: str | None = field(repr=False)

    def taken(self, said: str) -> bool:
        """True for the token, the first time; after that there is none."""
        right = self._token is not None and secrets.compare_digest(said.encode(), self._token.encode())
        if right:
            self._token = None
        return right


def no_password() -> str:
    """In place of a hash: no password has it."""
    return f"!{secrets.token_hex(32)}"
