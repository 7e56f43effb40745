"""Who may go where: roles and areas, what a name and a password may be, and where a login may lead."""

import re
from dataclasses import dataclass

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.instrument import ROLES, Role

AREAS: dict[str, Role] = {"grafana": "viewer", "control": "shifter", "nodered": "expert", "api": "viewer"}
"""The least role of each area behind the gateway. KILL is for everybody who is logged in."""
GRAFANA: dict[Role, str] = {"viewer": "Viewer", "shifter": "Viewer", "expert": "Editor", "admin": "Admin"}
"""Our role in Grafana's words."""
NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
SHORTEST, LONGEST = 10, 256
"""Characters of a password; hashing a book would take a core from everybody."""
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1999}")
"""A path of this site in printable ASCII: browsers take // and /\\ for another site, and leave out tabs."""


@dataclass(frozen=True)
class Account:
    """A person who may log in."""

    name: str
    role: Role


def suffices(role: Role, needed: Role) -> bool:
    """True if `role` is `needed` or a higher one."""
    return ROLES.index(role) >= ROLES.index(needed)


def local_path(text: str | None) -> str:
    """Where to go after a login: `text` if it is a path of this site, else the home page."""
    return text if text and _LOCAL.fullmatch(text) else "/"


def plain_name(text: str) -> str:
    """A name as it was typed, as it is kept: a telephone writes the first letter large."""
    return text.strip().lower()


def checked_name(text: str) -> str:
    """`text` as the name of an account, which is also sent in headers; ConfigError if it cannot be one."""
    if not NAME.fullmatch(text):
        raise ConfigError(f"name {text[:60]!r}: expected a small letter, then at most 31 of a-z 0-9 . _ -")
    return text


def checked_role(text: str) -> Role:
    """`text` as a role; ConfigError if it is none."""
    for role in ROLES:
        if role == text:
            return role
    raise ConfigError(f"role {text[:60]!r}: expected one of {', '.join(ROLES)}")


def password_fault(password: str, name: str) -> str | None:
    """Why this cannot be the password of `name`, or None."""
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters, this one has {len(password)}"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST} characters, this one has {len(password)}"
    if not password.isprintable():
        return "a password has no line ends, tabs or other characters that cannot be seen"
    if name in password.lower() and len(password) < len(name) + SHORTEST:
        return "this password is hardly more than the name"
    return None
