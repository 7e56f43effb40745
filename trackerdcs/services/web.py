"""The web service: one login for all faces of the stack, and a KILL button that needs none of them."""

import asyncio
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import cast

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.cookies_itsdangerous import SignedCookies
from trackerdcs.adapters.http_uvicorn import listen, serve_http
from trackerdcs.adapters.json_msgspec import dumps
from trackerdcs.adapters.logins import secret_in
from trackerdcs.adapters.table_parquet import parquet_bytes
from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.adapters.whole_file import write_whole
from trackerdcs.app.desk import Desk
from trackerdcs.app.kill_button import KillButton
from trackerdcs.app.live_hub import LiveHub
from trackerdcs.app.requester import Requester
from trackerdcs.app.trends import Trends
from trackerdcs.domain.access import Account
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import LOCAL, BusConfig, Stand
from trackerdcs.domain.topics import SITE
from trackerdcs.ports import Bus
from trackerdcs.services.client import connect
from trackerdcs.services.health import health_of
from trackerdcs.services.join import StandStores, joiner_of
from trackerdcs.services.kill import high_voltage
from trackerdcs.sim.control import ask
from trackerdcs.web.app import create_app
from trackerdcs.web.invitation import GUEST, Invitation, no_password
from trackerdcs.web.parts import AGE_S, AskWorld, Parts
from trackerdcs.web.passwords import checked_hash

USER = "web"
"""The command user of the web service."""
FIRST = Account("admin", "admin")
SHORTEST_KEY = 32


async def serve(
    stands: Sequence[Stand],
    users_file: Path,
    folder: Path,
    host: str,
    port: int,
    behind_gateway: bool = False,
    gap_records: Path | None = None,
) -> None:
    """Answer until told to stop. `folder` has the secrets, `gap_records` is the data folder of the loader.
    Neither a broker nor a database that is down keeps anybody from logging in."""
    key = session_key(folder / "session-key")
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        users = stack.enter_context(closing(SqliteUsers(users_file, client=USER)))
        found_first(users, folder / "first-admin")
        await _answer(stands, users, key, listener, behind_gateway=behind_gateway, gap_records=gap_records)


async def serve_open(stand: Stand, listener: socket.socket, token: str | None = None) -> None:
    """For the demonstrator: who only reads need not log in, and the first who comes with the token is logged in. More
    users: `trackerdcs users`."""
    data = Path(stand.data)
    with closing(SqliteUsers(data / "users.sqlite", client=USER)) as users:
        guest = Invitation(GUEST.name, _guest(users), token) if token else None
        await _answer([stand], users, own_key(data / "session-key"), listener, open_reads=True, invitation=guest)


async def _answer(
    stands: Sequence[Stand],
    users: SqliteUsers,
    key: str,
    listener: socket.socket,
    behind_gateway: bool = False,
    open_reads: bool = False,
    gap_records: Path | None = None,
    invitation: Invitation | None = None,
) -> None:
    async with AsyncExitStack() as stack:
        clock, buses, ears = SystemClock(), dict[BusConfig, Bus](), dict[BusConfig, Bus]()
        for bus in {stand.bus for stand in stands}:
            buses[bus] = await stack.enter_async_context(connect(bus, USER))
            # Where filters overlap a broker sends twice, and KILL does not wait behind what pages are shown.
            ears[bus] = await stack.enter_async_context(connect(bus, USER))
        buttons = {s.stand: KillButton(buses[s.bus], s.stand, USER, high_voltage(s), clock) for s in stands}
        stores = StandStores(stands, USER, gap_records)
        stack.push_async_callback(stores.close)
        heard = {s.stand: ears[s.bus] for s in stands} | {SITE: ears[stands[0].bus]}
        health = health_of(stands, heard, clock)
        hub = LiveHub(heard, clock, health.hear)
        parts = Parts(
            users,
            SignedCookies(key, AGE_S),
            buttons,
            hub,
            clock,
            behind_gateway,
            joiner_of(stores),
            parquet_bytes,
            open_reads,
            dumps,
            trends=Trends(stores, clock),
            requesters={s.stand: Requester(buses[s.bus], clock, USER) for s in stands},
            worlds={s.stand: _world(s) for s in stands if open_reads and any(d.sim for d in s.devices.values())},
            invitation=invitation,
            desk=Desk(stores, [s.stand for s in stands], clock),
            health=health,
        )
        async with asyncio.TaskGroup() as tasks:
            for work in (hub.run(), *(button.follow() for button in buttons.values())):
                tasks.create_task(work)
            await serve_http(create_app(parts), listener)


def _guest(users: SqliteUsers) -> str:
    """The hash of the user who comes with a token; made where there is none, and left as an admin has changed it."""
    if (hash := users.hash_of(GUEST.name)) is None:
        users.add(GUEST, hash := no_password())
    return hash


def _world(stand: Stand) -> AskWorld:
    """The simulators of a stand, asked over their control socket."""

    async def world(values: Mapping[str, float]) -> Mapping[str, float]:
        answer = await asyncio.to_thread(ask, LOCAL, stand.sim.control, {"op": "world", "set": dict(values)})
        if not answer["ok"]:
            raise ValueError(answer["error"])
        return cast(Mapping[str, float], answer["world"])

    return world


def own_key(path: Path) -> str:
    """A key that is made where there is none, for this user's eyes only."""
    if not path.exists():
        write_whole(path, f"{secrets.token_urlsafe(SHORTEST_KEY)}\n".encode(), 0o600)
    return session_key(path)


def session_key(path: Path) -> str:
    """The key that sessions are signed with; ConfigError where it cannot be read or is easily guessed."""
    key = secret_in(path, "session-key")
    if len(key) < SHORTEST_KEY:
        raise ConfigError(f"session-key: the secret {path} is shorter than {SHORTEST_KEY} characters")
    return key


def found_first(users: SqliteUsers, path: Path) -> None:
    """With no user at all, the first admin comes from the secrets; ConfigError where there is no way to log in."""
    if not users.accounts():
        users.found(FIRST, checked_hash(secret_in(path, "first-admin"), f"first-admin: {path}"))
