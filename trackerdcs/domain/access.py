"""Who may do what where: rights on the nodes of the tree, areas, names and passwords, and where a login may lead.

`may(account, needed, node)` is the one place that decides about a person: pages, API and gateway ask it.
A route that commands a device asks, before it sends anything:

    if not may(account, spec.role, node_of(stand, device, channel)): refuse(why_not(account, spec.role, node))

`spec` is what the device's meta says of the command. Node-RED asks the same of what `/verify` tells it of the person's
rights (`nodered/server/rights.js`); both are tested with one table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from trackerdcs.domain import topics
from trackerdcs.domain.errors import ConfigError, ContractError
from trackerdcs.domain.instrument import ROLES, Role

SITE = ""
"""The node above all stands. People write `site`, which no stand can be called."""


class _Anywhere(Enum):
    """No text, which could come out of an address."""

    ONE = "anywhere"


ANYWHERE = _Anywhere.ONE
"""In place of a node: it is enough to have the role at one node at least."""
Node = str | _Anywhere
LOGIN: Literal["login"] = "login"
"""In place of a role: whoever is logged in, with or without any right. KILL is for all of them."""
Need = Role | Literal["login"]
MOST_RIGHTS = 64
"""Of a person; all of them go into one header."""
AREAS: dict[str, tuple[Need, Node]] = {
    "grafana": ("viewer", ANYWHERE),
    "control": ("shifter", ANYWHERE),
    "nodered": ("expert", SITE),
    "api": (LOGIN, SITE),
}
"""The least role of each area behind the gateway, and where it has to be held. What is inside asks again by node."""
GRAFANA: dict[Role | None, str] = {
    None: "Viewer",
    "viewer": "Viewer",
    "shifter": "Viewer",
    "expert": "Editor",
    "admin": "Admin",
}
"""The role on the site in Grafana's words."""
NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
SHORTEST, LONGEST = 10, 256
"""Characters of a password; hashing a book would take a core from everybody."""
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1999}")
"""A path of this site in printable ASCII: browsers take // and /\\ for another site, and leave out tabs."""


@dataclass(frozen=True)
class Account:
    """A person who may log in: the role on the whole site, None if there is none, and rights at nodes below it."""

    name: str
    role: Role | None = None
    below: Mapping[str, Role] = field(default_factory=dict, hash=False)

    @property
    def rights(self) -> dict[str, Role]:
        """Node -> role, as given; the site is the node ""."""
        return ({SITE: self.role} if self.role else {}) | dict(self.below)

    def role_at(self, node: Node) -> Role | None:
        """The highest role that was given at `node` or at any node above it: further down a right can only be added.
        At `ANYWHERE`: the highest of all. None if there is none."""
        given = self.rights
        way = given if isinstance(node, _Anywhere) else [each for each in _way_up(node) if each in given]
        held = [given[each] for each in way]
        return max(held, key=ROLES.index, default=None)

    @property
    def stands(self) -> frozenset[str] | None:
        """The stands that they see; None for all."""
        return None if self.role else frozenset(node for node in self.below if "/" not in node)

    @property
    def standing(self) -> str:
        """What they are, in words: `shifter`, `viewer, expert at demo`, `without a role`."""
        below = [f"{role} at {node}" for node, role in sorted(self.below.items())]
        return ", ".join(([self.role] if self.role else []) + below) or "without a role"


def may(account: Account | None, needed: Need, node: Node = SITE) -> bool:
    """Whether a person may do what needs `needed` at `node`; None is nobody, who may nothing."""
    if account is None:
        return False
    return needed == LOGIN or suffices(account.role_at(node), needed)


def may_below(account: Account, needed: Role, node: str) -> bool:
    """Whether a person may do what needs `needed` at `node`, or at some node below it: which one is said later."""
    return may(account, needed, node) or any(
        may(account, needed, each) for each in account.below if each.startswith(f"{node}/")
    )


def why_not(account: Account, needed: Need, node: Node = SITE) -> str:
    """The sentence for somebody who may not."""
    where = "" if isinstance(node, _Anywhere) else f" at {node}" if node else " on the site"
    return f"this needs the role {needed}{where}, {account.name} is {account.standing}"


def node_of(stand: str, device: str = "", channel: str = "-") -> str:
    """The node of a stand, a device, or a channel of it; what a device does without a channel (`-`) is the device's."""
    return "/".join([stand, *([device] if device else []), *([channel] if channel not in ("", "-") else [])])


def shown_node(node: str) -> str:
    """A node as people write it."""
    return node or topics.SITE


def checked_node(text: str) -> str:
    """`text` as a node: `site`, STAND, STAND/DEVICE or STAND/DEVICE/CHANNEL; ConfigError if it is none."""
    if text in (SITE, topics.SITE):
        return SITE
    parts = text.split("/")
    try:
        if len(parts) > 3:
            raise ContractError(f"{len(parts)} levels")
        for part, what in zip(parts, ("stand", "device", "channel"), strict=False):
            topics.checked(part, what, topics.NOT_A_DEVICE if what == "device" else frozenset({topics.SITE}))
    except ContractError as e:
        raise ConfigError(
            f"node {text[:120]!r}: expected site, STAND, STAND/DEVICE or STAND/DEVICE/CHANNEL ({e})"
        ) from e
    return text


def suffices(role: Role | None, needed: Role) -> bool:
    """True if `role` is `needed` or a higher one. Of a person ask `may`."""
    return role is not None and ROLES.index(role) >= ROLES.index(needed)


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


def _way_up(node: str) -> list[str]:
    """`a/b/c`, `a/b`, `a` and the site."""
    parts = node.split("/") if node else []
    return ["/".join(parts[:length]) for length in range(len(parts), -1, -1)]
