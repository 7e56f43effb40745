"""The password file of Mosquitto, as `mosquitto_passwd` writes it: $7$ is PBKDF2 with SHA-512."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

ROUNDS = 101
"""As mosquitto_passwd has it. The passwords are long and random: more rounds would only make each login slower."""
SALT_BYTES = 12


def password_file(passwords: Mapping[str, str], old: str) -> str:
    """The lines of all users; one of `old` stays as it is while the password is still that."""
    lines = dict(line.split(":", 1) for line in old.splitlines() if ":" in line)
    kept = {user: lines.get(user, "") for user in passwords}
    return "".join(
        f"{user}:{kept[user] if agrees(kept[user], password) else hashed(password)}\n"
        for user, password in passwords.items()
    )


def hashed(password: str) -> str:
    """What is behind the user's name, with a new salt."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"$7${ROUNDS}${_text(salt)}${_text(_digest(password, salt, ROUNDS))}"


def agrees(entry: str, password: str) -> bool:
    """True if the entry is of this password."""
    try:
        _, kind, rounds, salt, digest = entry.split("$")
        return kind == "7" and hmac.compare_digest(
            _digest(password, base64.b64decode(salt, validate=True), int(rounds)),
            base64.b64decode(digest, validate=True),
        )
    except ValueError:
        return False


def _digest(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
