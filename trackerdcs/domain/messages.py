"""What travels on the bus: one frozen dataclass a message, its fields named as on the wire.

A field that is None or an empty container is absent on the wire. Times are integer ns UTC, units are SI (°C and %
for temperature and humidity). Keys that this version does not know are kept in `extra` and written out again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.instrument import Channel
from trackerdcs.domain.topics import NAME

VERSION = 1
NO_CHANNEL = "-"
TEXT = "state"
"""The one quantity that is a text: a number's column must never become one because of a single message."""
NOT_A_KIND = frozenset({"events", "frames"})
"""The kind is the measurement of a frame's values; these hold what devices report, and the identities of all frames."""

Value = float | bool | str
Readings = dict[str, dict[str, Value]]
Reasons = dict[str, dict[str, str]]
AckState = Literal["accepted", "refused", "done", "failed", "expired"]
FINAL: frozenset[str] = frozenset({"refused", "done", "failed", "expired"})


def _extra() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Message:
    """What all messages share: the version of the contract and the keys that this version does not know."""

    v: int = field(default=VERSION, kw_only=True)
    extra: dict[str, Any] = field(default_factory=_extra, kw_only=True)


@dataclass(frozen=True)
class Frame(Message):
    """All quantities of a device read in one poll. Its identity is (device, boot, seq)."""

    ts: int
    seq: int
    boot: str
    sw: str
    kind: str
    ch: Readings
    sim: bool | None = None
    bad: Reasons = field(default_factory=dict)
    unc: Reasons = field(default_factory=dict)
    mod: dict[str, str] = field(default_factory=dict)
    runs: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ts <= 0 or self.seq < 0 or not self.boot:
            raise ContractError(f"frame: ts {self.ts}, seq {self.seq}, boot {self.boot!r} are no identity")
        if not NAME.fullmatch(self.kind) or self.kind in NOT_A_KIND:
            raise ContractError(f"frame: kind {self.kind!r} is no name of a measurement")
        groups: list[Mapping[str, Mapping[str, object]]] = [self.ch, self.bad, self.unc]
        for channel, quantities in (item for group in groups for item in group.items()):
            if channel != NO_CHANNEL and not NAME.fullmatch(channel):
                raise ContractError(f"frame: channel {channel!r} is no name")
            for quantity in quantities:
                if not NAME.fullmatch(quantity):
                    raise ContractError(f"frame: quantity {quantity!r} of {channel} is no name")
        for channel, values in self.ch.items():
            for quantity, value in values.items():
                if isinstance(value, str) is not (quantity == TEXT):
                    raise ContractError(f"frame: {channel}.{quantity}: only {TEXT} is a text, got {value!r:.60}")


@dataclass(frozen=True)
class Command(Message):
    """A request to a device; `by` is the person behind a shared client, believed only from web and nodered."""

    id: str
    cmd: str
    ts: int
    expires: int
    ch: str = NO_CHANNEL
    args: dict[str, Any] = field(default_factory=dict)
    by: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.id) <= 64:
            raise ContractError("command: id has 1 to 64 characters")


@dataclass(frozen=True)
class Ack(Message):
    """What became of a command: at most one `accepted`, exactly one final state."""

    id: str
    user: str
    state: AckState
    ts: int
    by: str | None = None
    why: str | None = None
    readback: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Status(Message):
    """Heartbeat of a device, retained: `since` is when the state began, `error` the last error."""

    state: Literal["online", "offline", "fault"]
    ts: int
    since: int
    boot: str
    sw: str
    error: str | None = None


@dataclass(frozen=True)
class Meta(Message):
    """Who a device is, retained: what it measures, which commands it knows and in which limits."""

    kind: str
    model: str
    serial: str
    driver: str
    sw: str
    sim: bool
    boot: str
    period: float
    channels: dict[str, Channel]
    firmware: str = ""


@dataclass(frozen=True)
class Event(Message):
    """Something that happened once: trip, external_change, reconnect, compensation, lost, bad_message ..."""

    event: str
    ts: int
    boot: str
    ch: str | None = None
    why: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bypass:
    """Who has taken an interlock out of force, why, and until when (ns UTC, to show: the guard's own clock ends it)."""

    by: str
    reason: str
    until: int


@dataclass(frozen=True)
class Interlock(Message):
    """What the guard says of one interlock, retained and repeated each period; only live ones count for an output.

    `open` stays until a person resets it; `first` names the condition that opened it and `why` says how; `over` is true
    when all conditions hold again. An interlock with a `bypass` binds nobody, whatever its state is.
    """

    state: Literal["ok", "open", "unknown"]
    action: Literal["block", "ramp_down", "kill"]
    ts: int
    since: int
    seq: int
    boot: str
    first: str | None = None
    why: str | None = None
    values: dict[str, Value] = field(default_factory=dict)
    bypass: Bypass | None = None
    over: bool = False
    guidance: str = ""


AlarmState = Literal["normal", "raised", "acknowledged", "cleared", "shelved", "suppressed", "not_evaluated"]
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class Alarm(Message):
    """What the alarm service says of one alarm, retained; repeated with its own seq and boot: a dead service shows.

    `raised` is there and nobody has acknowledged it, `acknowledged` is still there, `cleared` has gone and nobody has
    acknowledged it. `of` is the node of the tree that it is about (`hv1.ch0.i_mon`, `hv1`, or empty: the stand),
    `raised` when it was raised last, `until` the end of a shelf (ns UTC), `by` and `comment` who acknowledged or
    shelved, and why.
    """

    state: AlarmState
    severity: Severity
    ts: int
    since: int
    seq: int
    boot: str
    rule: str
    of: str = ""
    value: Value | None = None
    why: str | None = None
    guidance: str = ""
    by: str | None = None
    comment: str | None = None
    until: int | None = None
    raised: int | None = None
    count: int = 0


@dataclass(frozen=True)
class RunNote(Message):
    """What a bridge says of a run, retained and repeated: devices put its id into their frames of `channels` (device ->
    channels) as long as it is said live and is not over. `left` is in s, `percent` of the whole run."""

    state: Literal["queued", "configuring", "running", "finalizing", "done", "failed", "aborted"]
    ts: int
    since: int
    device: str
    boot: str
    seq: int
    calibration: str
    percent: float = 0.0
    stage: str | None = None
    done: int = 0
    stages: int = 0
    left: float | None = None
    modules: list[str] = field(default_factory=list)
    channels: dict[str, list[str]] = field(default_factory=dict)
    number: int | None = None
    sim: bool | None = None
    by: str | None = None
    reason: str | None = None
    code: str | None = None
    why: str | None = None


MARKED: frozenset[str] = frozenset({"configuring", "running"})
"""States of a run in which its id is in the frames of its channels: its program runs."""

Stored = dict[str, dict[str, list[tuple[int, int]]]]
"""Device -> boot -> ranges of sequence numbers that are durably stored (increments)."""

MESSAGES: dict[str, type[Message]] = {
    "meta": Meta,
    "status": Status,
    "frame": Frame,
    "replay": Frame,
    "cmd": Command,
    "ack": Ack,
    "event": Event,
    "interlock": Interlock,
    "alarm": Alarm,
    "run": RunNote,
}
"""Which message a topic carries, by its kind."""
