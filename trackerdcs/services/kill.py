"""What `trackerdcs kill` does beyond the local sockets: the topic, dead owners, and looking until all is down."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.host_lock import HostLock
from trackerdcs.adapters.kill_socket import Answer, KillClient
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.killer import Killer
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.app.live import live
from trackerdcs.app.owner import Owner
from trackerdcs.app.recorder import RecordedSupply
from trackerdcs.app.worker import Worker
from trackerdcs.domain import topics
from trackerdcs.domain.errors import BusDown, ConfigError, NotConnected
from trackerdcs.domain.messages import Event, Frame
from trackerdcs.domain.ramp import below
from trackerdcs.domain.resource import parse_resource
from trackerdcs.domain.stand import DeviceConfig, Stand
from trackerdcs.drivers.registry import tables_of
from trackerdcs.ports import Bus, PowerSupply
from trackerdcs.services.client import USER
from trackerdcs.services.links import link_of

HEARD = 1.5
"""Seconds in which an owner that is reached by topic says so."""
LOOK = 0.2
LAST_WORDS = 1.0
"""Seconds that the ledger may take at the end."""

log = logging.getLogger(__name__)


@dataclass
class Target:
    """One high-voltage device: how it was reached, and what is known of its channels."""

    name: str
    config: DeviceConfig
    client: KillClient | None = None
    reached: bool = False
    down: bool = False
    known: str = "nothing was heard of it"
    """What was last seen of its channels, for a person."""

    def take_answer(self, answer: Answer) -> None:
        """What the owner says of its own kill."""
        self.down = answer.get("state") == "down"
        self.known = _shown(answer.get("channels") or {})

    def take_frame(self, frame: Frame) -> None:
        """A live frame: it proves a channel off that says so."""
        readings = {ch: frame.ch.get(ch, {}) for ch in self.config.channels}
        self.known = _shown(readings)
        self.down = self.reached and all(
            readings[ch].get("on") is False and below(readings[ch], c.v_safe_off)
            for ch, c in self.config.channels.items()
        )


def high_voltage(stand: Stand) -> dict[str, DeviceConfig]:
    """The devices of a stand that a kill is for."""
    return {name: c for name, c in stand.devices.items() if tables_of(c.driver).kind == "hv"}


async def by_topic(
    bus: Bus,
    stand: str,
    payload: bytes,
    targets: dict[str, Target],
    asked: asyncio.Event,
    say: Callable[[str, str], None],
) -> None:
    """Send the kill, then listen for ever; `say(device, text)` when an owner has heard it, `asked` when all could."""
    began = time.monotonic()
    filters = (topics.of_device(stand, name, leaf) for name in targets for leaf in ("event", "frame"))
    heard = live(bus, EdgeLog(log), *filters)
    if not bus.connected:
        raise BusDown("no broker answers: nothing was sent by topic")
    async with asyncio.timeout(HEARD):
        await bus.publish(topics.kill(stand, USER), payload)
    asyncio.get_running_loop().call_later(HEARD, asked.set)
    async for where, message in heard:
        name = where.device or ""
        target = targets[name]
        match message:
            case Frame():
                target.take_frame(message)
            case Event(event="killed" | "kill_emergency" | "kill_refused" as event) if not target.reached:
                target.reached = event != "kill_refused"
                say(name, f"{event} ({message.why}), by topic in {1000 * (time.monotonic() - began):.0f} ms")


async def look(target: Target) -> None:
    """Ask an owner over its socket until all its channels are seen off, for ever if need be."""
    assert target.client is not None
    while not target.down:
        await asyncio.sleep(LOOK)
        try:
            target.take_answer(await asyncio.to_thread(target.client.look))
        except NotConnected as e:
            target.known = f"its owner has gone: {e}"


async def directly(target: Target, data: Path, who: str, say: Callable[[str, str], None]) -> None:
    """Take the instrument of a dead owner and bring it down; refuses while the owner lives on this computer.

    It is in the ledger of the owner, in the folder `data`, if that can be written.
    """
    config, clock = target.config, SystemClock()
    try:
        with HostLock(parse_resource(config.link.resource), who):
            link, driver = link_of(config)
            worker = Worker(target.name)
            owner = Owner(target.name, config, driver, link, worker, clock)
            ledger = SqliteLedger(data / f"{target.name}.ledger.sqlite")
            keeper = LedgerKeeper(ledger, uuid.uuid4().hex[:12], clock)
            supply = RecordedSupply(cast(PowerSupply, driver), keeper, clock)
            killer = Killer(target.name, config.channels, supply, worker, owner.reach, lambda *_: None, clock)
            try:
                keeper.note("event", event="killed", why=f"by {who}")
                killer.kill(who)
                target.reached = True
                say(target.name, "its owner is dead: brought down directly")
                while not target.down:
                    await asyncio.sleep(LOOK)
                    progress = killer.progress()
                    target.down = progress.state == "down"
                    target.known = _shown(progress.channels) if not killer.fault else killer.fault
            finally:
                killer.stop()
                keeper.note("event", event="kill_ended" if target.down else "kill_left", why=target.known)
                try:  # who sees that all is down cancels this; a thread that has begun is waited for nevertheless
                    await asyncio.to_thread(_close, keeper, ledger)
                finally:
                    await owner.close()
    except ConfigError as e:
        target.known = str(e)


def _close(keeper: LedgerKeeper, ledger: SqliteLedger) -> None:
    keeper.close(LAST_WORDS)
    ledger.close()


def _shown(channels: dict[str, dict[str, float | bool | str]]) -> str:
    def one(ch: str, reading: dict[str, float | bool | str]) -> str:
        on = {True: "ON", False: "off"}.get(cast(bool, reading.get("on")), "?")
        v = reading.get("v_mon")
        return f"{ch} {on}" + (f" {v:.1f} V" if isinstance(v, float) else "")

    return ", ".join(one(ch, reading) for ch, reading in channels.items())
