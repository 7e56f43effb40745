"""What the inside needs from the outside. Each Protocol has one contract suite in tests/contract."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.channel import Intent, Intents
from trackerdcs.domain.gaps import Piece
from trackerdcs.domain.instrument import Channel, Identity, Snapshot
from trackerdcs.domain.ledger import Chained, LedgerEntry
from trackerdcs.domain.messages import Ack
from trackerdcs.domain.series import Bucket, Point, RejectedPoint, Sample, Selection

Lack = Literal["persistent_sessions", "take_over", "shared_subscriptions"]


class Clock(Protocol):
    """Time: `now` in ns UTC for what is written down, `monotonic` in s for what is waited for."""

    def now(self) -> int: ...
    def monotonic(self) -> float: ...


@dataclass(frozen=True)
class Will:
    """What a client's retained status says when it is gone: `payload(why)` is called at each connect and at the end."""

    topic: str
    payload: Callable[[str], bytes]


class Delivery(Protocol):
    """A message received at QoS 1. With a persistent session the broker keeps it until `acknowledge` (idempotent, from
    the loop's thread); with a clean one nothing would come again, and the bus acknowledges at arrival."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retained(self) -> bool: ...
    def acknowledge(self) -> None: ...


class Bus(Protocol):
    """A connection to the broker that comes back by itself. QoS 1 everywhere; nothing is queued while disconnected.

    `lacks` says what the broker behind it cannot do. Used as `async with`: entering it returns after the first try,
    successful or not; leaving it publishes the will, retained, and disconnects.
    """

    lacks: frozenset[Lack]

    @property
    def connected(self) -> bool: ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Return when the broker has acknowledged; raise BusDown at once if there is no connection, or when it ends
        before the acknowledgement. An empty retained payload clears the topic."""

    def subscribe(self, *filters: str) -> AsyncIterator[Delivery]:
        """What matches, in the order of arrival, from now on and again after each reconnect.

        The queue is bounded: what does not fit is not acknowledged, counted in `dropped` and logged.
        """

    def connection(self) -> AsyncIterator[bool]:
        """The present state, then each change; True comes after all subscriptions are in force again."""

    @property
    def dropped(self) -> int: ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Gulp(Protocol):
    """Messages that came together, in the order of arrival; together they are acknowledged when they are safe."""

    @property
    def arrivals(self) -> Sequence[Arrival]: ...
    def acknowledge(self) -> None:
        """From the loop's thread; does nothing where the connection has ended: the broker sends them again."""


class Inlet(Protocol):
    """A loader's subscription, whose session outlives it, where the broker can do that. It comes back by itself.

    Used as `async with`, like a Bus. What does not fit stays with the broker: no more is read than `gulp` takes.
    """

    @property
    def fault(self) -> str | None:
        """Why nothing can come, as far as a person has to do something about it."""

    async def gulp(self, linger: float) -> Gulp:
        """What has come, at least one message: within `linger` s of the first one, or earlier if it is much."""

    async def leave(self) -> None:
        """Subscribe to nothing any more: what the broker holds still comes, and at an exit without an exception the
        session ends. Called again it returns when the broker answers: what it held before that has come."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Link(Protocol):
    """A wire to one instrument, used by one thread. A fault drops it with a reset: no stale reply is ever the next.

    All methods raise LinkError; its `delivered` says whether the instrument may have received the order.
    """

    @property
    def connected(self) -> bool: ...
    def connect(self) -> None: ...
    def drop(self) -> None: ...

    def query(self, command: str, timeout: float | None = None) -> str:
        """Send a line, return the one line that answers it, without terminators."""

    def order(self, command: str) -> None:
        """Send a line that has no answer; the caller proves it by a following query."""

    def lines(self, timeout: float | None = None) -> list[str]:
        """Whole lines that a talking instrument has sent since the last call; waits for at least one."""


class Driver(Protocol):
    """An instrument as domain data. Building one is silent; only methods that say so write to the instrument."""

    kind: str

    def channels(self) -> dict[str, Channel]: ...
    def identify(self) -> Identity: ...

    def poll(self, channels: Collection[str] | None = None) -> Snapshot:
        """Read these channels, all if not said; those that cost nothing more may come along."""


class PowerSupply(Driver, Protocol):
    """A driver that can set. Each method returns what the instrument reads back; VerifyError when it does not agree."""

    hardware_ramp: bool

    def read(self, channel: str) -> dict[str, float | bool | str]: ...
    def set_voltage(self, channel: str, v: float) -> float: ...
    def set_current_limit(self, channel: str, i: float) -> float: ...
    def set_ramp(self, channel: str, up: float, down: float) -> tuple[float, float]: ...
    def switch(self, channel: str, on: bool) -> None: ...
    def emergency_off(self, channel: str) -> None: ...
    def clear_trip(self, channel: str) -> None: ...


class TimeSeries(Protocol):
    """A database of points. Writing a point twice is harmless."""

    async def write(self, points: Sequence[Point]) -> list[RejectedPoint]:
        """Return when the points are durable, with those that it will never take; raise StoreDown to be asked again."""

    async def samples(self, selection: Selection) -> list[Sample]: ...

    async def buckets(self, selection: Selection, number: int) -> list[Bucket]:
        """The window in at most `number` parts of equal length, cut as `domain/storing.py` says; texts are left out,
        parts without numbers are absent."""

    async def many_buckets(self, selections: Sequence[Selection], number: int) -> list[list[Bucket]]:
        """The same for several selections at once, in their order: much faster than one after the other."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Entry:
    """A frame in a journal, as it was published."""

    boot: str
    seq: int
    payload: bytes


class Journal(Protocol):
    """A device's durable log of frames that are not yet known to be stored. All methods raise StoreFault."""

    def append(self, entries: Iterable[Entry]) -> None: ...
    def confirm(self, boots: dict[str, list[tuple[int, int]]]) -> None: ...
    def oldest(self, limit: int) -> list[Entry]: ...
    def __len__(self) -> int: ...
    def close(self) -> None: ...


class CommandLog(Protocol):
    """Commands by user and id, what became of them, and the module on each channel, across restarts.

    All methods raise StoreFault.
    """

    def recall(self, newest: int) -> list[Ack]:
        """The last ack of the `newest` commands, and of all that are unfinished; the latest is the last."""

    def record(self, *acks: Ack) -> None: ...
    def bindings(self) -> dict[str, str | None]: ...
    def bind(self, channel: str, module: str | None) -> None: ...
    def latches(self) -> dict[str, str]: ...
    def latch(self, channel: str, cause: str | None) -> None: ...
    def intents(self) -> Intents:
        """Ways down that have begun and are not at their end, with their cause: completed first after a restart."""

    def intend(self, channel: str, intent: Intent | None, cause: str | None) -> None: ...
    def close(self) -> None: ...


class Ledger(Protocol):
    """What was asked of a device and what it did, append-only and chained, written by one process at a time.

    All methods raise StoreFault.
    """

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Return when they are durable, all or none."""

    def chain(self, since: int = 0) -> Iterator[Chained]:
        """In the order of writing, from the first entry at or after `since` (ns UTC)."""

    def close(self) -> None: ...


class Spooled(NamedTuple):
    """A batch in a spool: its number, when it came (ns UTC), how many messages and bytes it has."""

    number: int
    arrived: int
    messages: int
    size: int


class Spool(Protocol):
    """What a loader has taken from the broker and the database does not have yet, in batches. All methods raise
    StoreFault."""

    def append(self, arrivals: Sequence[Arrival], arrived: int, done: Collection[int]) -> Spooled:
        """Return when the batch is durable, and the `done` ones are gone: one commit for both."""

    def remove(self, done: Collection[int]) -> None: ...
    def waiting(self) -> list[Spooled]:
        """Batches that are not done, the oldest first."""

    def read(self, number: int) -> list[Arrival]:
        """The messages of a batch; of a damaged one its bytes, as one message that was refused."""

    def swap_filters(self, filters: Sequence[str]) -> list[str]:
        """Remember what is subscribed to from now on; what ever was, and is not any more: the broker may not have heard
        of the last change."""

    def close(self) -> None: ...

    @property
    def aside(self) -> str | None:
        """The name under which a damaged file was set aside since the start."""


class ParkedMessage(NamedTuple):
    """A message as it came at `arrived` (ns UTC), and why it cannot be stored."""

    topic: str
    payload: bytes
    why: str
    arrived: int


class DeadLetters(Protocol):
    """Messages that cannot be stored, kept with their cause. All methods raise StoreFault."""

    def park(self, messages: Sequence[ParkedMessage]) -> None:
        """All or none; one that is there already, from before a restart, is not put there again."""

    def __len__(self) -> int: ...
    def close(self) -> None: ...

    @property
    def aside(self) -> str | None:
        """The name under which a damaged file was set aside since the start."""


class GapRecord(Protocol):
    """What became of each frame, as ranges of sequence numbers. All methods raise StoreFault."""

    def add(self, pieces: Sequence[Piece]) -> None:
        """Return when they are durable, joined with what is known; adding a piece again is harmless."""

    def close(self) -> None: ...

    @property
    def aside(self) -> str | None:
        """The name under which a damaged file was set aside since the start."""
