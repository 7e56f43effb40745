"""Tells people of the alarms of a stand: hears them on the bus, keeps who was told, and is told who is on shift."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence

from trackerdcs.app.alive import Alive
from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.engine_watch import NAME, EngineWatch, said_of_it
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.app.notice_sender import NoticeSender
from trackerdcs.app.notify_commands import COMMANDS, NotifyCommands
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.app.told_keeper import ToldKeeper
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode
from trackerdcs.domain.desk import Policy
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.instrument import Channel, Role
from trackerdcs.domain.messages import NO_CHANNEL, Alarm, Meta, Status
from trackerdcs.domain.notice import Letter, Notice, Pace
from trackerdcs.domain.notify import NotifyConfig
from trackerdcs.domain.notifying import Notifying
from trackerdcs.ports import Bus, Clock, CommandLog, Delivery, Ledger
from trackerdcs.ports_notify import Notifier, Told, Watcher

TICK = 0.5
"""Seconds between two looks at who is to be told next."""
LAST_WORDS = 0.5
TEST_PATIENCE = 25.0
"""Seconds that an address may take for a test."""

log = logging.getLogger(__name__)


class Notifications:
    """Notifications of one stand. `notifiers`: how to reach each address of the configuration."""

    def __init__(
        self,
        who: Who,
        config: NotifyConfig,
        notifiers: Mapping[str, Notifier],
        watcher: Watcher | None,
        users: dict[str, Role] | None,
        bus: Bus,
        told: Told,
        commands: CommandLog,
        ledger: Ledger,
        clock: Clock,
        pace: tuple[int, float] | None = None,
    ) -> None:
        self._who, self._config, self._bus, self._clock = who, config, bus, clock
        self._keeper, self._ledger = ToldKeeper(told), LedgerKeeper(ledger, who.boot, clock)
        self._policy, self._edge = Notifying(config), EdgeLog(log)
        self._sole = SoleOwner(who, bus, clock)
        self._announcer = Announcer(who, bus, clock, self._fault, remark=self._remark)
        report = self._announcer.report
        self._senders = {
            name: NoticeSender(who.stand, name, n, Pace(*pace or ()), self._keeper.sent, report, clock)
            for name, n in notifiers.items()
        }
        self._engine = EngineWatch()
        every = config.alive.every if config.alive else 0.0
        self._alive = Alive(watcher, every, self.ill, clock) if watcher else None
        told_what = NotifyCommands(config, self.test, self._change_shift)
        policy = Policy({NO_CHANNEL: Channel({}, COMMANDS)}, users)
        self._desk = CommandDesk(
            lambda: policy,
            told_what.execute,
            told_what.objection,
            self._announcer.answer,
            report,
            commands,
            self._ledger,
            clock,
        )
        self._wake = asyncio.Event()
        self._loud: str | None = None

    async def run(self) -> None:
        """Tell people until cancelled; InUse if another one does for this stand."""
        await self._sole.alone()
        self._ledger.note("started", args={"stand": self._who.stand, "device": self._who.device, "sw": self._who.sw})
        earlier = await self._keeper.recall()
        self._policy = Notifying(self._config, earlier.shift)
        self._policy.recall(earlier.episodes, self._clock.monotonic(), self._clock.now())
        await self._hand_over(earlier.notices)
        await self._desk.end_interrupted()
        engine = topics.of_device(self._who.stand, topics.ALARMS, "status")
        heard = self._bus.subscribe(topics.alarms_of(self._who.stand), engine)
        self._introduce()
        try:
            async with asyncio.TaskGroup() as tasks:
                for job in (
                    self._desk.serve(self._bus, self._who.stand, self._who.device),
                    self._listen(heard),
                    self._tell(),
                    *(sender.run() for sender in self._senders.values()),
                    *([self._alive.run()] if self._alive else []),
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
            await self._keeper.close(LAST_WORDS)

    async def test(self, person: str) -> str | None:
        """Write to all addresses of a person; why one of them did not take it, or None."""
        what = Letter(f"{self._who.stand}: test", f"A test of the notifications of {person}. Nothing to do.", "info")
        senders = [self._senders[name] for name in self._config.people[person].addresses]
        ends = await asyncio.gather(*(sender.test(what, TEST_PATIENCE) for sender in senders))
        return "; ".join(end for end in ends if end) or None

    def ill(self) -> str | None:
        """Why this alarm system is not well: what a watcher elsewhere must find out, or None."""
        now = self._clock.monotonic()
        if not self._bus.connected:
            return "no broker"
        if (why := self._engine.ill(now)) is not None:
            return why
        if self._senders and all(sender.fault for sender in self._senders.values()):
            return "no address takes messages"
        return self._sole.fault

    async def _listen(self, heard: AsyncIterator[Delivery]) -> None:
        async for delivery in heard:
            delivery.acknowledge()
            try:
                self._hear(topics.parse(delivery.topic), delivery)
            except ContractError as e:
                self._edge.fail(delivery.topic, f"{delivery.topic}: {e}")
            else:
                self._edge.ok(delivery.topic, f"{delivery.topic}: a message again")

    def _hear(self, where: topics.Topic, delivery: Delivery) -> None:
        now = self._clock.monotonic()
        if where.kind == "status":
            if delivery.payload and not delivery.retained:
                self._engine.hear(decode(Status, delivery.payload).state, now)
            return
        alarm = decode(Alarm, delivery.payload) if delivery.payload else None
        self._policy.hear(where.item or "", alarm, now, self._clock.now())
        if self._policy.has_news:
            self._wake.set()

    async def _tell(self) -> None:
        """What is decided is written down, then handed to those who send it, for ever."""
        due = self._clock.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - self._clock.monotonic())):
                    await self._wake.wait()
            self._wake.clear()
            if (now := self._clock.monotonic()) >= due:  # a look at all that is open, not one for each that is heard
                self._miss_engine(now)
                self._policy.tick(now)
                due = now + TICK
            episodes, notices = self._policy.take()
            if episodes or notices:
                await self._keeper.save(episodes, notices)
            await self._hand_over(notices)
            if (loud := self._policy.fault) != self._loud and loud:
                log.error("%s", loud)
                self._announcer.report("nobody_told", loud)
            self._loud = loud
            self._announcer.refresh()

    def _miss_engine(self, now: float) -> None:
        """That nobody watches is told like an alarm, and until the alarm service is there again."""
        why, utc, known = self._engine.gone(self._bus.connected, now), self._clock.now(), self._policy.raised_of(NAME)
        if why is not None or (known is not None and self._engine.ill(now) is None):
            said = said_of_it(why, utc if known is None else known, utc, self._who.boot)
            self._policy.hear(NAME, said, now, utc)

    async def _hand_over(self, notices: Sequence[Notice]) -> None:
        of_address: dict[str, list[Notice]] = {}
        for notice in notices:
            of_address.setdefault(notice.address, []).append(notice)
        for name, of_one in of_address.items():
            if name in self._senders and (dropped := self._senders[name].put(of_one)):
                await self._keeper.sent(dropped)

    async def _change_shift(self, people: Sequence[str]) -> None:
        await self._keeper.put_on_shift(people)
        self._policy.change_shift(people, self._clock.monotonic())
        self._introduce()
        self._wake.set()

    def _fault(self) -> str | None:
        faults = (
            self._policy.fault,
            *(sender.fault for sender in self._senders.values()),
            self._keeper.fault,
            self._sole.fault,
            self._desk.fault,
            self._ledger.fault,
        )
        return "; ".join(fault for fault in faults if fault) or None

    def _remark(self) -> str | None:
        return "; ".join(filter(None, (self._keeper.remark, self._alive.fault if self._alive else None))) or None

    def _introduce(self) -> None:
        label = f"on shift: {', '.join(self._policy.shift) or 'nobody'}"
        channels = {NO_CHANNEL: Channel({}, COMMANDS, label)}
        sw, boot = self._who.sw, self._who.boot
        self._announcer.introduce(
            Meta(topics.NOTIFY, "trackerdcs", "", topics.NOTIFY, sw, False, boot, HEARTBEAT, channels)
        )
