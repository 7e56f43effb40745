"""For tests: a device service's loop between a simulated instrument on a real socket and a broker in memory."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.device_loop import DeviceLoop
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.dependence import Surroundings
from trackerdcs.domain.instrument import Channel, Role
from trackerdcs.domain.limits import narrow
from trackerdcs.domain.messages import FINAL, MESSAGES, Ack, Command, Event, Frame, Meta, Status
from trackerdcs.domain.modules import Modules
from trackerdcs.domain.stand import ChannelConfig, DeviceConfig, LinkConfig
from trackerdcs.drivers.registry import driver_class
from trackerdcs.ports import Bus, Clock, Will
from trackerdcs.services.links import open_link
from trackerdcs.tests.scripted_link import ScriptedLink
from trackerdcs.tests.waiting import full_speed
from trackerdcs.tests.witness import Witness

PERIOD = 0.05

_ids = itertools.count()


def config_for(driver: str, resource: str, **changes: Any) -> DeviceConfig:
    """A stand file's entry for a simulator: all channels that can be set, in limits that are narrower than its own."""
    described = driver_class(driver)(ScriptedLink()).channels()
    channels = {ch: _limited(c) for ch, c in described.items() if c.commands}
    config = DeviceConfig(driver, LinkConfig(resource, timeout=0.4), sim=True, period=PERIOD, channels=channels)
    return replace(config, **changes)


def _limited(channel: Channel) -> ChannelConfig:
    v, i = channel.quantities["v_set"], channel.quantities["i_limit"]
    low, high = v.low or 0.0, v.high or 0.0
    v_min, v_max = (0.4 * low, 0.0) if low < 0 else (low, 0.4 * high)
    return ChannelConfig(v_min, v_max, 0.2 * (i.high or 0.0), ramp_up=400, ramp_down=400)


class DeviceBench:
    """What a client of the bus sees of one device, and how it commands it."""

    broker: MemoryBroker
    """Of a device that has one of its own."""

    def __init__(self, me: Bus, device: str = "d") -> None:
        self.me, self.device = me, device
        self.frames: list[Frame] = []
        self.acks: list[Ack] = []
        self.events: list[Event] = []
        self.statuses: list[Status] = []
        self.metas: list[Meta] = []
        self.running: asyncio.Task[None] | None = None
        self.loop: DeviceLoop | None = None

    async def listen(self) -> None:
        kept: dict[type, list[Any]] = {
            Frame: self.frames,
            Ack: self.acks,
            Event: self.events,
            Status: self.statuses,
            Meta: self.metas,
        }
        async for delivery in self.me.subscribe(topics.all_of("s")):
            where = topics.parse(delivery.topic)
            kind = MESSAGES.get(where.kind)
            if where.device == self.device and kind in kept:
                kept[kind].append(decode(kind, delivery.payload))
            delivery.acknowledge()

    async def command(self, cmd: str, ch: str = "ch0", wait: float = 5.0, user: str = "cli", **args: Any) -> Ack:
        """Send a command and return its final ack."""
        id, now = f"test-{next(_ids)}", SystemClock().now()
        payload = encode(Command(id, cmd, now, now + 5 * 10**9, ch, args, reason="test"))
        await self.me.publish(topics.command("s", self.device, user), payload)
        finals = await self.until(
            lambda: [a for a in self.acks if a.id == id and a.state in FINAL], f"end of {cmd}", wait
        )
        final: Ack = finals[0]
        return final

    async def until(self, look: Callable[[], Any], what: str, wait: float = 5.0) -> Any:
        """Wait until `look` returns something true, and return it."""
        for _ in range(int(wait / 0.01)):
            if found := look():
                return found
            if self.running and self.running.done():
                self.running.result()
            await asyncio.sleep(0.01)
        raise AssertionError(
            f"{what}: not seen within {wait} s; last {self.frames[-1:]} {self.acks[-1:]} {self.events}"
        )

    async def next_frame(self, condition: Callable[[Frame], Any], what: str, wait: float = 5.0) -> Frame:
        """The next frame from now on that fulfils the condition."""
        start = len(self.frames)
        found: list[Frame] = await self.until(lambda: [f for f in self.frames[start:] if condition(f)], what, wait)
        return found[0]


@asynccontextmanager
async def device_on(
    join: Callable[[str, Will | None], Bus],
    me: Bus,
    config: DeviceConfig,
    path: Path,
    device: str = "d",
    boot: str = "boot1",
    clock: Clock | None = None,
    users: dict[str, Role] | None = None,
    around: Surroundings | None = None,
    modules: Modules | None = None,
) -> AsyncIterator[DeviceBench]:
    """Run a device loop until the block ends. `join(client id, will)` is a bus, `path` holds its files."""
    full_speed()
    clock = clock or SystemClock()
    who = Who("s", device, boot, "0.0.0")
    made = driver_class(config.driver)
    link = open_link(config.link, made.serial if config.link.resource.startswith("ASRL") else made.tcp)
    driver = made(link)
    journal, commands = SqliteJournal(path / "j.sqlite"), SqliteCommandLog(path / "c.sqlite")
    ledger = SqliteLedger(path / "l.sqlite")
    async with join(device, will_of(who, clock)) as bus:
        bench = DeviceBench(me, device)
        listening = asyncio.create_task(bench.listen())
        loop = DeviceLoop(
            who,
            config,
            narrow(driver.channels(), config),
            users,
            driver,
            link,
            bus,
            journal,
            commands,
            ledger,
            clock,
            modules=modules,
            around=around or Surroundings(),
        )
        bench.loop = loop
        bench.running = asyncio.create_task(loop.run())
        try:
            yield bench
        finally:
            bench.running.cancel()
            await asyncio.wait({bench.running})
            listening.cancel()
    journal.close()
    commands.close()
    ledger.close()


@asynccontextmanager
async def device_bench(
    config: DeviceConfig,
    clock: Clock | None = None,
    data: Path | None = None,
    boot: str = "boot1",
    started: bool = True,
    users: dict[str, Role] | None = None,
    modules: Modules | None = None,
) -> AsyncIterator[DeviceBench]:
    """Run a device loop on a broker of its own until the block ends."""
    broker = MemoryBroker()

    def join(client: str, will: Will | None) -> Bus:
        return MemoryBus(broker, client, will)

    with tempfile.TemporaryDirectory() as folder:
        async with (
            Witness(MemoryBus(broker, "witness")),
            MemoryBus(broker, "me") as me,
            device_on(join, me, config, data or Path(folder), "d", boot, clock, users, modules=modules) as bench,
        ):
            bench.broker = broker
            if started:
                await bench.until(lambda: bench.metas and bench.frames, "first frame")
            yield bench
