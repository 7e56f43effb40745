"""What the messages of each topic become: our frames and events, and by a mapping those of others."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol

from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.intake import Intake, take_in
from trackerdcs.domain.series import EVENTS, Point
from trackerdcs.domain.topics import ROOT, parse

TOPICS = 20_000
"""Topics that are remembered; of more than these, each costs a little more."""

LONGEST = 400
"""Characters of a topic that may be remembered; those of the contract have a hundred."""

FrameReader = Callable[[bytes], Intake | None]
Source = tuple[str, str]
"""Stand and device."""


class ForeignReader(Protocol):
    """Reads the messages of one topic that is not ours; `timed` if they say their time themselves.

    `points(payload, arrived)` raises ContractError where the payload is another than the mapping says; `arrived` in ns
    UTC. No points: nothing in it is to be stored.
    """

    @property
    def timed(self) -> bool: ...
    @property
    def points(self) -> Callable[[bytes, int], list[Point]]: ...


class Foreign(Protocol):
    """What a mapping says: the filters of topics that are not ours, and who reads a topic."""

    @property
    def filters(self) -> Sequence[str]: ...
    def reader(self, topic: str) -> ForeignReader | None: ...


@dataclass
class Taken:
    """What a batch of messages has become. A message is known by its place in the batch."""

    points: list[Point] = field(default_factory=list)
    """All that is to be stored, of all messages."""
    ours: dict[int, Intake] = field(default_factory=dict)
    """Frames, and events that declare some lost, by place."""
    causes: dict[int, str] = field(default_factory=dict)
    """Why messages cannot be stored, by place: in the end also of those that the database has rejected."""
    last: dict[int, Point] = field(default_factory=dict)
    """The last point of each other message that has some, by place."""

    def sources(self) -> Iterator[tuple[Source, int, int]]:
        """Source, number of messages and newest time of what has no cause; a source may come more than once.

        Events are none of it: they come when they like, and one now and then must not make a dead source look alive.
        """
        last = self.last.values() if not self.causes else [p for at, p in self.last.items() if at not in self.causes]
        counts = Counter(id(point.tags) for point in last)
        by_time = sorted(last, key=attrgetter("ts"))
        for key, point in {id(point.tags): point for point in by_time}.items():
            if point.measurement == EVENTS:
                continue
            tags = dict(point.tags)
            yield (tags.get("stand", ""), tags.get("device", "")), counts[key], point.ts
        ours = (intake for at, intake in self.ours.items() if intake.points and at not in self.causes)
        frames = sorted(ours, key=attrgetter("ts"))
        numbers = Counter(intake.source for intake in frames)
        for source, ts in {intake.source: intake.ts for intake in frames}.items():
            if source is not None:
                yield source, numbers[source], ts


class Reception:
    """`frames(stand, device)` makes a fast reader of a device's frames, which returns None where it is not sure;
    `foreign(topic)` finds the reader of a topic that is not ours, or None."""

    def __init__(
        self,
        frames: Callable[[str, str], FrameReader] | None = None,
        foreign: Callable[[str], ForeignReader | None] | None = None,
    ) -> None:
        self._frames, self._foreign = frames, foreign
        self._ours: dict[str, FrameReader] = {}
        self._others: dict[str, ForeignReader] = {}

    def __call__(self, arrivals: Sequence[Arrival], arrived: int) -> Taken:
        """What they become; `arrived` (ns UTC) is when the first of them came, each next one counts as 1 ns later."""
        taken, others, ours = Taken(), self._others, self._ours
        points, last, place = taken.points, taken.last, -1
        for arrival in arrivals:
            place += 1
            topic, payload, retained, refused = arrival
            reader = others.get(topic)
            if reader is not None and not refused and not retained:
                try:
                    found = reader.points(payload, arrived + place)
                except Exception as e:  # noqa: BLE001 a bug, too, costs its message alone
                    taken.causes[place] = _cause(topic, e)
                    continue
                if found:
                    points += found
                    last[place] = found[-1]
                continue
            read = ours.get(topic)
            intake = None if read is None or refused else read(payload)
            if intake is None:
                intake = self.one(arrival, arrived + place)
            if intake.why is not None:
                taken.causes[place] = intake.why
            points += intake.points
            if intake.id is not None:
                taken.ours[place] = intake
                continue
            if intake.lost is not None:
                taken.ours[place] = intake
            if intake.points:
                last[place] = intake.points[-1]
        return taken

    def one(self, arrival: Arrival, arrived: int) -> Intake:
        """One message with all care; remembers who reads its topic."""
        topic, payload, retained, refused = arrival
        if refused:
            return Intake(None, why=refused)
        if topic.startswith(f"{ROOT}/"):
            self._learn(topic)
            return take_in(topic, payload)
        reader = self._others.get(topic) or (self._foreign(topic) if self._foreign is not None else None)
        if reader is None:
            return Intake(None, why=f"topic {topic[:200]!r}: neither the contract nor a mapping knows it")
        if len(topic) <= LONGEST:
            if len(self._others) >= TOPICS:
                self._others.clear()
            self._others[topic] = reader
        if retained and not reader.timed:
            return Intake(None)  # of which time nobody knows; when it was new it was taken
        try:
            return Intake(None, points=reader.points(payload, arrived))
        except Exception as e:  # noqa: BLE001 a bug, which at each start would meet the same message again
            return Intake(None, why=_cause(topic, e))

    def _learn(self, topic: str) -> None:
        if self._frames is None or topic in self._ours or len(topic) > LONGEST:
            return
        try:
            where = parse(topic)
        except ContractError:
            return
        if where.device is not None and where.kind in ("frame", "replay"):
            if len(self._ours) >= TOPICS:
                self._ours.clear()
            self._ours[topic] = self._frames(where.stand, where.device)


def _cause(topic: str, error: Exception) -> str:
    return f"{topic}: {error if isinstance(error, ContractError) else f'unexpected: {type(error).__name__}: {error}'}"
