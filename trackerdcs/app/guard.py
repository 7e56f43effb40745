"""The guard of a stand: hears its devices, judges its interlocks, says how they are, and is told to reset or bypass."""

import asyncio
import logging
from collections.abc import AsyncIterator

from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.guard_commands import COMMANDS, GuardCommands
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.app.live import live
from trackerdcs.app.remembered import Remembered
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.desk import Policy
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.freshness import GUARD_PERIOD
from trackerdcs.domain.guarding import Interlocked, State
from trackerdcs.domain.inputs import Inputs
from trackerdcs.domain.instrument import Channel, Role
from trackerdcs.domain.interlock import InterlockConfig
from trackerdcs.domain.messages import NO_CHANNEL, Bypass, Frame, Interlock, Message, Meta
from trackerdcs.domain.topics import Topic
from trackerdcs.domain.wiring import Devices, device_of, outputs
from trackerdcs.ports import Bus, Clock, CommandLog, Ledger

LAST_WORDS = 0.5

log = logging.getLogger(__name__)


class Guard:
    """Interlocks of one stand. `devices` are its devices as their drivers describe them."""

    def __init__(
        self,
        who: Who,
        interlocks: dict[str, InterlockConfig],
        devices: Devices,
        users: dict[str, Role] | None,
        bus: Bus,
        commands: CommandLog,
        ledger: Ledger,
        clock: Clock,
        period: float = GUARD_PERIOD,
    ) -> None:
        self._who, self._bus, self._clock, self._period = who, bus, clock, period
        protected = {name: outputs(interlock, devices) for name, interlock in interlocks.items()}
        self._locks = {name: Interlocked(config) for name, config in interlocks.items()}
        self._since: dict[str, tuple[State, int]] = {name: ("unknown", clock.now()) for name in interlocks}
        self._seq = dict.fromkeys(interlocks, 0)
        self._of: dict[str, list[str]] = {}
        for name, interlock in interlocks.items():
            for device in {device_of(of) for of in interlock.inputs()}:
                self._of.setdefault(device, []).append(name)
        heard = {*self._of, *(device for outs in protected.values() for device, _ in outs)}
        watched = frozenset(of for interlock in interlocks.values() for of in interlock.inputs())
        self._inputs = Inputs({name: devices[name].period for name in sorted(heard)}, watched)
        self._remembered, self._ledger = Remembered(who.device, commands), LedgerKeeper(ledger, who.boot, clock)
        self._sole = SoleOwner(who, bus, clock)
        self._announcer = Announcer(who, bus, clock, self._fault)
        report = self._announcer.report
        told = GuardCommands(self._locks, protected, self._inputs, clock, self._told)
        policy = Policy({NO_CHANNEL: Channel({}, COMMANDS)}, users)
        self._desk = CommandDesk(
            lambda: policy,
            told.execute,
            told.objection,
            self._announcer.answer,
            report,
            commands,
            self._ledger,
            clock,
        )
        self._due: set[str] = set()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Guard until cancelled; InUse if another guard speaks for the stand."""
        await self._sole.alone()
        self._ledger.note("started", args={"stand": self._who.stand, "device": self._who.device, "sw": self._who.sw})
        earlier = await self._remembered.recall()
        for name, cause in (earlier.latched if earlier else {}).items():
            if name in self._locks:
                first, _, why = cause.partition(": ")
                self._locks[name] = Interlocked(self._locks[name].config, first, why)
                self._since[name] = "open", self._clock.now()
                log.warning("interlock %s is open since an earlier start: %s", name, cause)
        await self._desk.end_interrupted()
        filters = (topics.of_device(self._who.stand, device, "frame") for device in self._inputs.periods)
        frames = live(self._bus, EdgeLog(log), *filters)  # from before anybody hears that the guard is there
        self._introduce()
        try:
            async with asyncio.TaskGroup() as tasks:
                for job in (
                    self._desk.serve(self._bus, self._who.stand, self._who.device),
                    self._listen(frames),
                    self._speak(),
                    self._tick(),
                    self._sole.watch(self._announcer.report),
                    self._announcer.births(),
                    self._announcer.run(),
                ):
                    tasks.create_task(job)
        finally:
            self._ledger.note("stopped")
            await asyncio.gather(
                self._announcer.say_last(LAST_WORDS), asyncio.to_thread(self._ledger.close, LAST_WORDS)
            )
            await self._remembered.close(LAST_WORDS)

    async def _listen(self, frames: AsyncIterator[tuple[Topic, Message]]) -> None:
        async for where, frame in frames:
            device, monotonic = where.device or "", self._clock.monotonic()
            if isinstance(frame, Frame) and self._inputs.hear(device, frame, monotonic):
                self._examine(self._of.get(device, []), monotonic, device)

    async def _tick(self) -> None:
        due = self._clock.monotonic()
        while True:
            self._examine(list(self._locks), self._clock.monotonic())
            self._due |= self._locks.keys()
            self._wake.set()
            self._announcer.refresh()
            due = max(due + self._period, self._clock.monotonic())
            await asyncio.sleep(due - self._clock.monotonic())

    def _examine(self, names: list[str], monotonic: float, device: str | None = None) -> None:
        for name in names:
            lock = self._locks[name]
            bypass, latched = lock.bypass, lock.first
            lock.examine(self._inputs, monotonic, device)
            if bypass is not None and lock.bypass is None:
                self._say(name, "bypass_end", f"the bypass by {bypass.by} has ended")
            if latched is None and lock.first is not None:
                self._remembered.latch(name, f"{lock.first}: {lock.why}")
            self._note(name)

    def _note(self, name: str) -> None:
        """Say a state that has changed, at once."""
        lock = self._locks[name]
        if lock.state != self._since[name][0]:
            self._since[name] = lock.state, self._clock.now()
            first, why = self._cause(lock)
            self._say(name, f"interlock_{lock.state}", ": ".join(filter(None, (first, why))) or None)

    def _say(self, name: str, event: str, why: str | None) -> None:
        lock = self._locks[name]
        log.warning("interlock %s: %s: %s", name, event, why)
        first, _ = self._cause(lock)
        broken = [condition for condition, finding in lock.findings.items() if finding.verdict == "broken"]
        data = {"interlock": name, "values": lock.values, "broken": broken} | ({"first": first} if first else {})
        why = f"{name}: {why}" if why else name
        self._announcer.report(event, why, data)
        self._ledger.note("event", event=event, why=why)
        self._due.add(name)
        self._wake.set()

    @staticmethod
    def _cause(lock: Interlocked) -> tuple[str | None, str | None]:
        return (lock.first, lock.why) if lock.first is not None else lock.cause or (None, None)

    async def _speak(self) -> None:
        """Say what is due, for ever. What cannot be sent now is said anew with the next period."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            names, self._due = self._due, set()
            if self._bus.connected:
                said = [
                    (topics.interlock(self._who.stand, name), encode(self._message(name))) for name in sorted(names)
                ]
                ends = await asyncio.gather(
                    *(self._bus.publish(topic, payload, retain=True) for topic, payload in said), return_exceptions=True
                )
                for end in ends:
                    if end is not None and not isinstance(end, BusDown):
                        raise end

    def _message(self, name: str) -> Interlock:
        lock, seq, now = self._locks[name], self._seq[name], self._clock.now()
        self._seq[name] += 1
        first, why = self._cause(lock)
        bypass = None
        if lock.bypass is not None:
            left = lock.bypass.until - self._clock.monotonic()
            bypass = Bypass(lock.bypass.by, lock.bypass.reason, now + int(left * 1e9))
        return Interlock(
            state=lock.state,
            action=lock.config.action,
            ts=now,
            since=self._since[name][1],
            seq=seq,
            boot=self._who.boot,
            first=first,
            why=why,
            values=dict(lock.values),
            bypass=bypass,
            over=lock.first is not None and lock.cause is None,
            guidance=lock.config.guidance,
        )

    def _told(self, name: str, event: str, why: str) -> None:
        """A person has changed something about an interlock."""
        if event == "reset":
            self._remembered.latch(name, None)
        self._say(name, event, why)
        self._examine([name], self._clock.monotonic())

    def _fault(self) -> str | None:
        return (
            "; ".join(f for f in (self._sole.fault, self._remembered.fault, self._desk.fault, self._ledger.fault) if f)
            or None
        )

    def _introduce(self) -> None:
        channels = {NO_CHANNEL: Channel({}, COMMANDS)}
        sw, boot = self._who.sw, self._who.boot
        self._announcer.introduce(
            Meta(topics.GUARD, "trackerdcs", "", topics.GUARD, sw, False, boot, self._period, channels)
        )
