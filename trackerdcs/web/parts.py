"""What the web application is made of, and what it needs of the outside."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from trackerdcs.app.desk import Desk
from trackerdcs.app.health_view import HealthView
from trackerdcs.app.joiner import Joiner
from trackerdcs.app.kill_button import KillButton
from trackerdcs.app.live_hub import LiveHub
from trackerdcs.app.requester import Requester
from trackerdcs.app.trends import Trends
from trackerdcs.domain.access import Account
from trackerdcs.domain.answers import Table
from trackerdcs.domain.attempts import Attempts
from trackerdcs.ports import Clock
from trackerdcs.web.invitation import Invitation
from trackerdcs.web.passwords import Passwords

AGE_S = 12 * 3600
"""The longest session."""
WINDOW_S = 300.0
AskWorld = Callable[[Mapping[str, float]], Awaitable[Mapping[str, float]]]
"""Set values of a simulated world, some or none, and get them all. Raises OSError, ValueError."""


class Users(Protocol):
    """Accounts and sessions, durable. All methods raise StoreFault; times in ns UTC."""

    def accounts(self) -> list[Account]: ...
    def hash_of(self, name: str) -> str | None: ...
    def set_password(self, name: str, hash: str, instead_of: str | None = None) -> bool: ...
    def begin(self, id: str, name: str, hash: str, now: int, ends: int) -> bool: ...
    def session(self, id: str, now: int) -> Account | None: ...
    def end(self, id: str) -> None: ...


class Seal(Protocol):
    """Signs what a browser keeps; `unseal` returns None for what was not signed here, or too long ago."""

    def seal(self, text: str) -> str: ...
    def unseal(self, sealed: str) -> str | None: ...


@dataclass(frozen=True)
class Parts:
    """The parts of one web service. `behind_gateway`: X-Forwarded-For and X-Forwarded-Proto are the gateway's word.
    `open_reads`: who only reads need not log in, as in the demonstrator, which only this computer reaches.
    `invitation` and `worlds` are the demonstrator's too."""

    users: Users
    seal: Seal
    buttons: Mapping[str, KillButton]
    hub: LiveHub
    clock: Clock
    behind_gateway: bool = False
    joiner: Joiner | None = None
    parquet: Callable[[Table], bytes] | None = None
    open_reads: bool = False
    encode: Callable[[Any], bytes] = lambda value: json.dumps(value, allow_nan=False).encode()
    passwords: Passwords = field(default_factory=Passwords)
    desk: Desk | None = None
    health: HealthView | None = None
    by_name: Attempts = field(default_factory=lambda: Attempts(10, WINDOW_S))
    by_address: Attempts = field(default_factory=lambda: Attempts(30, WINDOW_S))
    trends: Trends | None = None
    requesters: Mapping[str, Requester] = field(default_factory=dict)
    worlds: Mapping[str, AskWorld] = field(default_factory=dict)
    invitation: Invitation | None = None
