"""The alarms of a stand: hears it, judges its rules, says how each alarm is, and is told to acknowledge or shelve."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterable, Mapping

from trackerdcs.app.alarm_commands import COMMANDS, AlarmCommands
from trackerdcs.app.alarm_ears import Heard as Message_
from trackerdcs.app.alarm_ears import device_of, listen
from trackerdcs.app.alarm_memory import AlarmMemory
from trackerdcs.app.alarm_speaker import AlarmSpeaker
from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.domain import topics
from trackerdcs.domain.alarm import Alarmed
from trackerdcs.domain.alarm_config import AlarmRule
from trackerdcs.domain.alarm_said import quiet, said_of
from trackerdcs.domain.alarm_tree import Tree, alarms_of
from trackerdcs.domain.alarm_watch import Heard
from trackerdcs.domain.desk import Policy
from trackerdcs.domain.freshness import HEARTBEAT, SILENCE
from trackerdcs.domain.instrument import Channel, Role
from trackerdcs.domain.messages import NO_CHANNEL, Alarm, AlarmState, Event, Frame, Interlock, Meta, Status
from trackerdcs.domain.notice import Pace
from trackerdcs.ports import Bus, Clock, CommandLog, Ledger
from trackerdcs.ports_alarms import AlarmStore

LAST_WORDS = 0.5
PERIOD = 1.0
"""Seconds between two looks at all alarms: delays, silence and shelves end on time within one."""
TOGETHER = 100
"""Alarms that are judged before others have their turn: 10,000 at once must not keep anybody waiting."""

FLAPS = 10, 60.0
"""Changes of one alarm that are said as events at once, and the seconds after which there is room for one more."""

log = logging.getLogger(__name__)


class Alarms:
    """Alarms of one stand by its `rules`, for all that is in its `tree`. `silence` and `period` in s."""

    def __init__(
        self,
        who: Who,
        rules: Mapping[str, AlarmRule],
        tree: Tree,
        users: dict[str, Role] | None,
        bus: Bus,
        commands: CommandLog,
        ledger: Ledger,
        store: AlarmStore,
        clock: Clock,
        period: float = PERIOD,
        silence: float = SILENCE,
    ) -> None:
        self._who, self._bus, self._clock, self._period, self._tree = who, bus, clock, period, tree
        self._watched = alarms_of(rules, tree)
        self._alarms = {name: Alarmed(watched.rule, clock.now()) for name, watched in self._watched.items()}
        self._heard = Heard(tree, silence)
        self._by_device: dict[str, list[str]] = {}
        self._by_interlock: dict[str, list[str]] = {}
        self._hushes: dict[str, list[str]] = {}
        for name, watched in self._watched.items():
            hush = watched.hush.partition(".")[0] if watched.hush else watched.device
            for device in {watched.device, hush}:
                self._by_device.setdefault(device, []).append(name)
            self._by_interlock.setdefault(watched.item, []).append(name)
            for other in watched.hushed_by:
                self._hushes.setdefault(other, []).append(name)
        self._active: set[str] = set()
        self._paces: dict[str, Pace] = {}
        self._unsaid: dict[str, int] = {}
        """By alarm, the changes since its last event that were too many to be one."""
        self._seq = dict.fromkeys(self._alarms, 0)
        self._memory, self._ledger = AlarmMemory(store), LedgerKeeper(ledger, who.boot, clock)
        self._sole = SoleOwner(who, bus, clock)
        self._announcer = Announcer(who, bus, clock, self._fault, remark=lambda: self._memory.remark)
        self._speaker = AlarmSpeaker(who.stand, bus, self._message, lambda name: self._memory.note(name, None))
        told = AlarmCommands(self._alarms, clock, self._told)
        policy = Policy({NO_CHANNEL: Channel({}, COMMANDS)}, users)
        self._desk = CommandDesk(
            lambda: policy,
            told.execute,
            told.objection,
            self._announcer.answer,
            self._announcer.report,
            commands,
            self._ledger,
            clock,
        )

    async def run(self) -> None:
        """Watch until cancelled; InUse if another one speaks for the stand."""
        await self._sole.alone()
        self._ledger.note("started", args={"stand": self._who.stand, "device": self._who.device, "sw": self._who.sw})
        gone = await self._recall()
        await self._desk.end_interrupted()
        messages = listen(self._bus, self._who.stand, self._tree)
        self._introduce()
        try:
            async with asyncio.TaskGroup() as tasks:
                for job in (
                    self._desk.serve(self._bus, self._who.stand, self._who.device),
                    self._follow(messages),
                    self._follow_connection(gone),
                    self._speaker.run(),
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
            await self._memory.close(LAST_WORDS)

    async def _recall(self) -> list[str]:
        """Go on from what earlier starts have left; the names of alarms that no rule makes any more."""
        kept = await self._memory.recall()
        monotonic, now = self._clock.monotonic(), self._clock.now()
        for name, alarmed in self._alarms.items():
            if name in kept:
                alarmed.restore(kept[name], monotonic, now)
                if alarmed.active:
                    self._active.add(name)
                    if alarmed.rule.event is not None and not alarmed.acked:
                        self._heard.events[name] = alarmed.why or alarmed.rule.event
            self._note(name)  # so that it is known once no rule makes it any more
        return [name for name in kept if name not in self._alarms]

    async def _follow_connection(self, gone: list[str]) -> None:
        async for up in self._bus.connection():
            self._heard.connected = self._clock.monotonic() if up else None
            if up:
                self._speaker.say([*gone, *self._alarms])

    async def _follow(self, messages: AsyncIterator[Message_]) -> None:
        async for where, message, retained in messages:
            device, monotonic = device_of(where), self._clock.monotonic()
            match message:
                case Frame() if device in self._heard.devices:
                    if self._heard.inputs.hear(device, message, monotonic):
                        await self._examine(self._by_device.get(device, ()), frame_of=device)
                case Status():
                    loader = where.device if where.stand == topics.SITE else None
                    self._heard.hear_status(loader or device, message, monotonic, retained, loader is not None)
                    await self._examine(self._by_device.get(device, ()))
                case Event():
                    self._happened(device, message)
                case Interlock():
                    self._heard.hear_interlock(where.item or "", message, monotonic)
                    await self._examine(self._by_interlock.get(where.item or "", ()))

    def _happened(self, device: str, event: Event) -> None:
        for name in self._by_device.get(device, ()):
            watched, alarmed = self._watched[name], self._alarms[name]
            node = device if event.ch in (None, NO_CHANNEL) else f"{device}.{event.ch}"
            if watched.rule.event != event.event or not (node == watched.node or node.startswith(f"{watched.node}.")):
                continue
            self._heard.events[name] = f"{node}: {event.event}" + (f": {event.why}" if event.why else "")
            if alarmed.active:
                alarmed.count += 1
                self._note(name)
                self._speaker.say([name])
            self._look(name, False)

    async def _tick(self) -> None:
        beat = max(1, round(HEARTBEAT / self._period))
        for turn in itertools.cycle(range(beat)):
            began = self._clock.monotonic()
            await self._examine(self._alarms)
            for name in list(self._unsaid):
                self._tell_change(name, 0)
            self._speaker.repeat(itertools.islice(self._alarms, turn, None, beat))
            self._announcer.refresh()
            await asyncio.sleep(max(0.0, began + self._period - self._clock.monotonic()))

    async def _examine(self, names: Iterable[str], frame_of: str | None = None) -> None:
        """Judge alarms; `frame_of`: the device with a new frame, which is the first that others hear of it, too."""
        for n, name in enumerate(names, 1):
            self._look(name, frame_of is not None and self._watched[name].device == frame_of)
            if n % TOGETHER == 0:
                await asyncio.sleep(0)

    def _look(self, name: str, frame: bool) -> None:
        watched, alarmed, monotonic = self._watched[name], self._alarms[name], self._clock.monotonic()
        verdict = self._heard.judge(watched, alarmed, monotonic)
        hushed = self._heard.suppressed(watched, self._active, monotonic)
        before, was, count = alarmed.state, alarmed.active, alarmed.count
        changed = alarmed.examine(verdict, hushed, monotonic, self._clock.now(), frame)
        if changed or alarmed.active != was or alarmed.count != count:
            self._changed(name, before, alarmed.active != was)

    def _changed(self, name: str, before: AlarmState, other: bool) -> None:
        """Write down and say what has become of an alarm; `other`: it has come or gone, which others may wait for."""
        alarmed = self._alarms[name]
        (self._active.add if alarmed.active else self._active.discard)(name)
        self._note(name)
        self._speaker.say([name])
        if alarmed.state != before and not (quiet(before) and quiet(alarmed.state)):
            self._tell_change(name, 1)
        if other:
            for follower in self._hushes.get(name, ()):
                self._look(follower, False)

    def _tell_change(self, name: str, changes: int) -> None:
        """An event, but of an alarm that flaps only now and then: how it is at last is always said."""
        now, pace = self._clock.monotonic(), self._paces.setdefault(name, Pace(*FLAPS))
        unsaid = self._unsaid.pop(name, 0) + changes
        if pace.wait("critical", now) > 0:
            self._unsaid[name] = unsaid
            return
        pace.sent(now)
        flaps = f" (it flaps: {unsaid - 1} changes before were not said)" if unsaid > 1 else ""
        self._report(name, f"alarm_{self._alarms[name].state}", more=flaps)

    def _report(self, name: str, event: str, by: str | None = None, comment: str | None = None, more: str = "") -> None:
        """An event about an alarm; `by` whom, if a person has done it."""
        said = self._saying(name, 0)
        why = name + (f": {said.why}" if said.why else "") + more
        data = {"alarm": name, "state": said.state, "severity": said.severity, "rule": said.rule, "count": said.count}
        optional = {"of": said.of, "value": said.value, "by": by or said.by, "comment": comment or said.comment}
        log.log(logging.WARNING if said.state == "raised" else logging.INFO, "%s: %s", event, why)
        self._announcer.report(
            event, why, data | {key: value for key, value in optional.items() if value not in (None, "")}
        )
        self._ledger.note("event", event=event, why=why)

    async def _told(self, name: str, event: str, by: str, comment: str) -> None:
        """A person has done something to an alarm."""
        self._note(name)
        self._speaker.say([name])
        self._report(name, event, by, comment)
        self._look(name, False)
        await self._memory.written()

    def _note(self, name: str) -> None:
        self._memory.note(name, self._alarms[name].kept(self._clock.monotonic(), self._clock.now()))

    def _message(self, name: str) -> Alarm | None:
        if name not in self._alarms:
            return None
        seq = self._seq[name]
        self._seq[name] += 1
        return self._saying(name, seq)

    def _saying(self, name: str, seq: int) -> Alarm:
        monotonic, now = self._clock.monotonic(), self._clock.now()
        return said_of(self._watched[name], self._alarms[name], monotonic, now, seq, self._who.boot)

    def _fault(self) -> str | None:
        faults = (self._sole.fault, self._memory.fault, self._desk.fault, self._ledger.fault)
        return "; ".join(filter(None, faults)) or None

    def _introduce(self) -> None:
        channels, sw, boot = {NO_CHANNEL: Channel({}, COMMANDS)}, self._who.sw, self._who.boot
        self._announcer.introduce(
            Meta(topics.ALARMS, "trackerdcs", "", topics.ALARMS, sw, False, boot, self._period, channels)
        )
