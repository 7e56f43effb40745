"""What a client knows of a stand from its messages alone: devices, values and how old they are, and what went wrong."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from trackerdcs.app.interlock_view import InterlockView
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, decode_stored
from trackerdcs.domain.errors import ContractError, UnknownVersion
from trackerdcs.domain.freshness import SILENCE, Freshness, stamp
from trackerdcs.domain.messages import MESSAGES, Ack, Command, Event, Frame, Interlock, Message, Meta, Status, Value
from trackerdcs.domain.topics import Topic

RECENT = 8
COMMANDS = 200
BAD_EVENTS = frozenset({"trip", "lost", "bad_message", "interlock_open"})
PERIOD_S = 1.0
"""Of a device that has not said its own yet."""


class Moment(NamedTuple):
    """Both clocks of the receiver: ns UTC and monotonic s."""

    now: int
    monotonic: float


@dataclass(frozen=True)
class Note:
    """Something that happened once; `ts` is the source's."""

    ts: int
    stand: str
    device: str
    text: str
    bad: bool = False


@dataclass
class Outside:
    """Messages outside the contract for one cause: how many, and the last one's topic and fault."""

    count: int = 0
    topic: str = ""
    why: str = ""


@dataclass
class DeviceView:
    """One device, as far as it has been heard."""

    stand: str
    name: str
    status: Status | None = None
    meta: Meta | None = None
    frame: Frame | None = None
    live: bool = False
    """False while the frame shown was only kept by the broker: nobody knows whether it is still true."""
    offset: float | None = None
    """Seconds that our clock is ahead of the time stamp of the last live frame: the way it took, or clocks apart."""
    _freshness: Freshness = field(default_factory=lambda: Freshness(PERIOD_S))
    _status_heard: float | None = None

    def state(self, at: Moment) -> str:
        """online, fault or offline as the device says, silent if it has ceased to say it, unknown if it never did."""
        age = self.status_age(at)
        if self.status is None or age is None:
            return "unknown"
        return "silent" if self.status.state != "offline" and age > SILENCE else self.status.state

    def status_age(self, at: Moment) -> float | None:
        """Seconds since the last status: by our clock where it was heard live, by its time stamp where it was kept."""
        if self.status is None:
            return None
        if self._status_heard is not None:
            return at.monotonic - self._status_heard
        return (at.now - self.status.ts) / 1e9

    def fresh(self, at: Moment) -> bool:
        """True if the values shown were said just now, live, by a device that is there."""
        there = self.status is None or self.status.state != "offline"
        return self.live and there and self._freshness.fresh(at.monotonic)

    def age(self, at: Moment) -> float | None:
        """Seconds since the values shown were true, by the clock that can be trusted for it; None without any."""
        if self.frame is None:
            return None
        return self._freshness.age(at.monotonic) if self.live else (at.now - self.frame.ts) / 1e9

    def take_status(self, status: Status | None, retained: bool, at: Moment) -> None:
        self.status = status
        self._status_heard = None if retained or status is None else at.monotonic

    def take_meta(self, meta: Meta | None) -> None:
        self.meta = meta
        if meta is not None and meta.period > 0:
            self._freshness.period = meta.period

    def take_frame(self, frame: Frame, retained: bool, at: Moment) -> None:
        """Show a frame unless what is shown is newer."""
        known = self.frame
        if known is not None and known.boot == frame.boot:
            if frame.seq < known.seq or (frame.seq == known.seq and self.live):
                return
        elif known is not None and retained and frame.ts < known.ts:
            return
        self.frame, self.live = frame, not retained
        if not retained:
            self._freshness.hear(frame.boot, frame.seq, stamp(frame), at.monotonic)
            self.offset = (at.now - frame.ts) / 1e9

    def forget_frame(self) -> None:
        self.frame, self.live = None, False

    def channels(self) -> list[str]:
        """Those that it says it has, then those that it only reports on."""
        said = list(self.meta.channels) if self.meta else []
        frame = self.frame
        heard = [*frame.ch, *frame.bad, *frame.unc] if frame else []
        return list(dict.fromkeys([*said, *heard]))

    @property
    def sim(self) -> bool:
        return bool((self.frame and self.frame.sim) or (self.meta and self.meta.sim))


class Overview:
    """All of it. Feed it with every message of a stand; it keeps the last of each kind and forgets the rest."""

    def __init__(self, recent: int = RECENT) -> None:
        self.devices: dict[tuple[str, str], DeviceView] = {}
        self.interlocks: dict[tuple[str, str], InterlockView] = {}
        self.recent: deque[Note] = deque(maxlen=recent)
        self.outside: dict[str, Outside] = {}
        self.connected: bool | None = None
        """Whether the broker is there, set by who feeds; None: not said."""
        self._commands: dict[str, Command] = {}

    def feed(self, topic: str, payload: bytes, retained: bool, at: Moment) -> None:
        """Take note of a message. Never raises: one outside the contract is counted by its cause."""
        try:
            where = topics.parse(topic)
            if where.kind == "stored":
                decode_stored(payload)
            elif where.kind == "interlock":
                self._take_interlock(where, payload, retained, at)
            elif where.device is None:
                return
            elif not payload and where.kind in topics.RETAINED:
                self._take(where, None, retained, at)
            else:
                self._take(where, decode(MESSAGES[where.kind], payload), retained, at)
        except ContractError as e:
            outside = self.outside.setdefault(cause(e), Outside())
            outside.count += 1
            outside.topic, outside.why = topic, str(e)

    def loaders(self) -> list[DeviceView]:
        """Who stores what the devices say."""
        return [d for d in self.devices.values() if topics.is_loader(Topic(d.stand, "status", d.name))]

    def instruments(self) -> list[DeviceView]:
        """All devices that are neither loaders, guards nor alarm services, by name."""
        own = (topics.GUARD, topics.ALARMS, topics.RECORDER)
        services = {id(d) for d in self.loaders()} | {id(d) for d in self.devices.values() if d.name in own}
        return sorted((d for d in self.devices.values() if id(d) not in services), key=lambda d: (d.stand, d.name))

    def _take_interlock(self, where: Topic, payload: bytes, retained: bool, at: Moment) -> None:
        name = where.item or ""
        view = self.interlocks.setdefault((where.stand, name), InterlockView(where.stand, name))
        view.take(decode(Interlock, payload) if payload else None, retained, at.monotonic)

    def _take(self, where: Topic, message: Message | None, retained: bool, at: Moment) -> None:
        if where.kind == "replay" or (retained and where.kind not in topics.RETAINED):
            return
        stand, name = where.stand, where.device or ""
        if isinstance(message, Command):
            self._commands[message.id] = message
            if len(self._commands) > COMMANDS:
                self._commands.pop(next(iter(self._commands)))
            return
        device = self.devices.setdefault((stand, name), DeviceView(stand, name))
        match message:
            case Status():
                device.take_status(message, retained, at)
            case Meta():
                device.take_meta(message)
            case Frame():
                device.take_frame(message, retained, at)
            case Ack():
                text = " ".join(filter(None, (self._words(message), message.state, message.why and f"({message.why})")))
                self.recent.append(Note(message.ts, stand, name, text, message.state not in ("accepted", "done")))
            case Event():
                text = " ".join(filter(None, (message.event, message.ch, message.why and f"({message.why})")))
                self.recent.append(Note(message.ts, stand, name, text, message.event in BAD_EVENTS))
            case _:
                self._cleared(device, where.kind)

    def _cleared(self, device: DeviceView, kind: str) -> None:
        match kind:
            case "status":
                device.status = None
            case "meta":
                device.take_meta(None)
            case "frame":
                device.forget_frame()

    def _words(self, ack: Ack) -> str:
        """What an ack answers, as far as its command was heard."""
        command = self._commands.get(ack.id)
        if command is None:
            return f"{ack.by or ack.user}: command {ack.id[:8]}:"
        args = (f"{name}={said(value)}" for name, value in command.args.items())
        return f"{ack.by or ack.user}: {' '.join((command.cmd, command.ch, *args))}:"


def said(value: Value) -> str:
    """A value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def cause(error: ContractError) -> str:
    """The kind of fault, for counting."""
    text = str(error)
    if isinstance(error, UnknownVersion):
        return "newer version"
    if text.endswith("is not JSON") or "expected a finite number" in text:
        return "NaN or infinity"
    if text.startswith("not JSON"):
        return "not JSON"
    return "unknown topic" if text.startswith("topic ") else "not the schema"
