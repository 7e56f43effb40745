"""The device service: polls one instrument into frames, obeys commands, and says what it does."""

import asyncio
import logging
from typing import Any, cast

from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.bindings import Bindings
from trackerdcs.app.channel_calls import ChannelCalls
from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.app.conditions import Conditions
from trackerdcs.app.frames import Frames
from trackerdcs.app.kill_desk import KillDesk
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.app.low_voltage import LowVoltage
from trackerdcs.app.outbox import Outbox
from trackerdcs.app.outputs import HighVoltage, Outputs
from trackerdcs.app.owner import Owner
from trackerdcs.app.power import Power
from trackerdcs.app.recorder import RecordedSupply
from trackerdcs.app.remembered import Remembered
from trackerdcs.app.replay import UNCONFIRMED, Replay
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.app.worker import Worker
from trackerdcs.domain.dependence import Surroundings
from trackerdcs.domain.desk import Args, Policy
from trackerdcs.domain.errors import ConfigError, DeviceError
from trackerdcs.domain.instrument import Channel, Role
from trackerdcs.domain.messages import Meta, Value
from trackerdcs.domain.modules import Modules
from trackerdcs.domain.stand import DeviceConfig
from trackerdcs.ports import Bus, Clock, CommandLog, Driver, Journal, Ledger, Link, PowerSupply

LAST_WORDS = 0.5
"""Seconds that the last acks of a service that stops may take."""
SWITCHES = ("on", "off")
"""Commands on which another supply may wait: `done` comes when it can know, so that a script meets no stale refusal."""
log = logging.getLogger(__name__)


class DeviceLoop:
    """One instrument, from link to bus. `channels` are the driver's, narrowed to the stand file's.

    `around`: what these depend on.
    `kill_bus`: a connection on which nothing but kills comes, so that the broker holds none back behind other messages.
    `down_only`: why nothing but the safe direction is obeyed.
    """

    def __init__(
        self,
        who: Who,
        config: DeviceConfig,
        channels: dict[str, Channel],
        users: dict[str, Role] | None,
        driver: Driver,
        link: Link,
        bus: Bus,
        journal: Journal,
        commands: CommandLog,
        ledger: Ledger,
        clock: Clock,
        unconfirmed: float = UNCONFIRMED,
        kill_bus: Bus | None = None,
        sole: SoleOwner | None = None,
        down_only: str | None = None,
        modules: Modules | None = None,
        around: Surroundings | None = None,
    ) -> None:
        self._who, self._config, self._users = who, config, users
        self._remembered = Remembered(who.device, commands)
        self._bindings = Bindings(driver, config, channels, modules or Modules(), self._remembered)
        self._driver, self._bus, self._clock = driver, bus, clock
        self._ledger = LedgerKeeper(ledger, who.boot, clock)
        worker = Worker(who.device)
        self._owner = Owner(who.device, config, driver, link, worker, clock)
        self._outbox = Outbox(who.topic("frame"), bus, journal)
        self._replay = Replay(who.stand, who.device, who.boot, bus, journal, self._outbox, clock, unconfirmed)
        self._announcer = Announcer(who, bus, clock, self._faults)
        self._frames = Frames(who, driver.kind, config.sim, self._outbox, self._replay, self._announcer, clock)
        around = around or Surroundings()
        self._conditions = Conditions(
            who, driver.kind, self._bindings.configs, around, self._module, self._happened, clock
        )
        self._power: Power | None = None
        self._outputs: Outputs | None = None
        if any(c.commands for c in channels.values()):
            supply = RecordedSupply(cast(PowerSupply, driver), self._ledger, clock)
            self._power = Power(
                supply,
                worker,
                self._bindings.configs,
                clock,
                ChannelCalls(
                    report=self._happened,
                    latch=self._remembered.latch,
                    intend=self._remembered.intend,
                    hurry=self._owner.hurry,
                    blocked=self._conditions.objection,
                    kill=self._kill,
                ),
            )
        self._bindings.power = self._power
        self._desk = CommandDesk(
            self._policy,
            self._execute,
            self._object_to,
            self._announcer.answer,
            self._announcer.report,
            commands,
            self._ledger,
            clock,
        )
        self.kills: KillDesk | None = None
        """Whoever kills the high voltage of this device."""
        self._kill_bus = kill_bus
        if self._power and driver.kind == "hv":
            self.kills = KillDesk(
                who.device,
                config.channels,
                users,
                supply,
                worker,
                self._owner.reach,
                self._power,
                self._desk,
                self._kill_happened,
                clock,
            )
            self._outputs = HighVoltage(self._power, self.kills.killer)
        elif self._power:
            heard = self._conditions.neighbours
            self._outputs = LowVoltage(self._power, around.devices, self._module, heard, self._happened, clock)
        self._sole, self._down_only = sole or SoleOwner(who, bus, clock, grace=0.0), down_only
        self.identified = asyncio.Event()
        """Set when the instrument of the stand file has answered."""
        self._poll_now = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled; raises ConfigError if the instrument is another than the stand file says."""
        self._ledger.note("started", args={"stand": self._who.stand, "device": self._who.device, "sw": self._who.sw})
        await self._recall()
        await self._desk.end_interrupted()
        try:
            async with asyncio.TaskGroup() as tasks:
                if self.kills:
                    tasks.create_task(self.kills.serve(self._bus, self._kill_bus, self._who.stand))
                await self._sole.alone()  # a kill need not wait for that
                # First what listens: a device that says that it is online obeys.
                for job in (
                    self._desk.serve(self._bus, self._who.stand, self._who.device),
                    self._conditions.serve(self._bus, self._outputs),
                    self._frames.marks.listen(self._bus),
                    self._replay.confirm(),
                    self._replay.watch_loaders(),
                    self._replay.run(),
                    self._poll(),
                    self._outbox.keep(),
                    self._outbox.send(),
                    self._sole.watch(self._announcer.report),
                    self._announcer.births(),
                    self._announcer.run(),
                ):
                    tasks.create_task(job)
        except ExceptionGroup as group:
            if wrong := group.subgroup(ConfigError):
                raise wrong.exceptions[0] from group
            raise
        finally:
            if self.kills:
                self.kills.killer.stop()
            self._outbox.give_up()
            self._frames.declare_lost()
            await asyncio.gather(self._owner.close(), self._announcer.say_last(LAST_WORDS))
            await self._remembered.close(LAST_WORDS)
            self._ledger.note("stopped")
            await asyncio.to_thread(self._ledger.close, LAST_WORDS)

    def _kill(self, why: str) -> None:
        if self.kills:
            self.kills.killer.kill(why)

    def _kill_happened(self, event: str, why: str, data: dict[str, Any]) -> None:
        self._ledger.note("event", event=event, why=why, id=data.get("id"))
        self._announcer.report(event, why, data)
        self._poll_now.set()

    async def _poll(self) -> None:
        due, connects = self._clock.monotonic(), 0
        while True:
            fault = self._owner.fault
            self._frames.poll_begins()
            if self._power:
                self._power.poll_begins()
            snapshot = await self._owner.snapshot(self._channels)
            self._frames.send(self._power.judged(snapshot) if self._power else snapshot, self._channels)
            if self._owner.connects != connects:
                connects = self._owner.connects
                self.identified.set()
                self._introduce()
                self._conditions.met.set()
                self._ledger.found(self._channels, snapshot, fault if connects > 1 else None)
                if connects > 1:
                    self._announcer.report("reconnect", why=fault)
            if self._bus.connected:  # until then ranges grow together: no declaration is pushed out by a later one
                self._frames.declare_lost()
            self._announcer.refresh()
            due = max(due + self._config.period, self._clock.monotonic())
            try:
                async with asyncio.timeout(due - self._clock.monotonic()):
                    await self._poll_now.wait()
                self._poll_now.clear()
                due = self._clock.monotonic()  # a burst of commands must not put off the polls after it
            except TimeoutError:
                continue

    def _faults(self) -> str | None:
        fault = [part.fault for part in (self.kills, self._power) if part]
        own = (self._owner.fault, self._outbox.fault, self._replay.fault, self._desk.fault, self._ledger.fault)
        faults = (self._down_only, self._sole.fault, *fault, self._remembered.fault, *own)
        return "; ".join(f for f in faults if f) or None

    def _policy(self) -> Policy | None:
        identity = self._owner.identity
        if identity is None:
            return None
        unprotected: frozenset[str] = frozenset() if identity.sim else self._conditions.unprotected()
        return Policy(self._bindings.described(), self._users, unprotected, self._down_only)

    async def _execute(self, cmd: str, ch: str, args: Args) -> dict[str, Value]:
        if cmd == "bind":
            await self._bindings.take(ch, str(args["module"]) or None)
            self._introduce()
            self._poll_now.set()
            return {"module": args["module"]}
        if self._power is None or self._outputs is None:
            raise DeviceError(f"{cmd}: {self._who.device} knows no commands")
        await self._outputs.before(cmd, ch)
        try:
            readback = await self._power.execute(cmd, ch, args)
        finally:
            self._poll_now.set()  # who was told `done` shall not see an older frame for another period
        if cmd in SWITCHES:
            await self._frames.shown()
        return readback

    def _object_to(self, cmd: str, ch: str, args: Args) -> str | None:
        if cmd == "bind" and (why := self._bindings.objection(ch, str(args["module"]) or None)):
            return why
        if self._power is None or self._outputs is None:
            return None
        return self._outputs.refusal(cmd, ch) or self._power.objection(cmd, ch, args)

    def _happened(self, event: str, ch: str, why: str, data: dict[str, Any] | None = None) -> None:
        log.warning("%s %s: %s: %s", self._who.device, ch, event, why)
        self._ledger.note("event", event=event, ch=ch, why=why)
        self._announcer.report(event, why, data, ch)

    def _module(self, ch: str) -> str | None:
        return self._channels[ch].module

    async def _recall(self) -> None:
        """Go on with what outlives a restart."""
        earlier = await self._remembered.recall()
        for ch, module in (earlier.modules if earlier else {}).items():
            if ch in self._channels:
                self._bindings.bind(ch, module)
        if self._power:
            self._power.remember(earlier.latched if earlier else None)
        if self._outputs and earlier:
            self._outputs.resume(earlier.intents)

    @property
    def _channels(self) -> dict[str, Channel]:
        return self._bindings.channels

    def proven(self, proofs: dict[str, str]) -> None:
        """Say when the interlocks of each channel were last proven."""
        self._bindings.proven(proofs)
        self._introduce()

    def _introduce(self) -> None:
        identity, policy = self._owner.identity, self._policy()
        if identity is None or policy is None:
            return
        meta = Meta(
            kind=self._driver.kind,
            model=identity.model,
            serial=identity.serial,
            firmware=identity.firmware,
            driver=self._config.driver,
            sw=self._who.sw,
            sim=identity.sim,
            boot=self._who.boot,
            period=self._config.period,
            channels=policy.channels,
        )
        self._announcer.introduce(meta)
