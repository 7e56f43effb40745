"""What the messages of each topic become: our frames and events, and by a mapping those of others."""

from collections.abc import Callable, Sequence
from typing import Protocol

from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.intake import Intake, take_in
from trackerdcs.domain.series import Point
from trackerdcs.domain.topics import ROOT, parse

TOPICS = 20_000
"""Topics that are remembered; of more than these, each costs a little more."""

LONGEST = 400
"""Characters of a topic that may be remembered; those of the contract have a hundred."""

FrameReader = Callable[[bytes], Intake | None]
Handler = Callable[[Arrival, int], Intake]


class ForeignReader(Protocol):
    """Reads the messages of one topic that is not ours; `timed` if they say their time themselves."""

    @property
    def timed(self) -> bool: ...
    def points(self, payload: bytes, arrived: int) -> list[Point]:
        """Raises ContractError where the payload is another than the mapping says; `arrived` in ns UTC. No points:
        nothing to store."""


class Foreign(Protocol):
    """What a mapping says: the filters of topics that are not ours, and who reads a topic."""

    @property
    def filters(self) -> Sequence[str]: ...
    def reader(self, topic: str) -> ForeignReader | None: ...


class Reception:
    """`frames(stand, device)` makes a fast reader of a device's frames, which returns None where it is not sure;
    `foreign(topic)` finds the reader of a topic that is not ours, or None."""

    def __init__(
        self,
        frames: Callable[[str, str], FrameReader] | None = None,
        foreign: Callable[[str], ForeignReader | None] | None = None,
    ) -> None:
        self._frames, self._foreign = frames, foreign
        self._handlers: dict[str, Handler] = {}

    def __call__(self, arrivals: Sequence[Arrival], arrived: int) -> list[Intake]:
        """What they become; `arrived` is when the first of them came, each next one counts as 1 ns later."""
        handlers, found = self._handlers, []
        for arrival in arrivals:
            if arrival.refused:
                found.append(Intake(None, why=arrival.refused))
            else:
                handler = handlers.get(arrival.topic) or self._learn(arrival.topic)
                found.append(handler(arrival, arrived))
            arrived += 1
        return found

    def _learn(self, topic: str) -> Handler:
        handler = self._handler(topic)
        if len(topic) <= LONGEST:
            if len(self._handlers) >= TOPICS:
                self._handlers.clear()
            self._handlers[topic] = handler
        return handler

    def _handler(self, topic: str) -> Handler:
        if not topic.startswith(f"{ROOT}/"):
            return self._of_foreign(topic)
        try:
            where = parse(topic)
        except ContractError:
            where = None
        if where is None or where.device is None or where.kind not in ("frame", "replay") or self._frames is None:
            return lambda arrival, _: take_in(arrival.topic, arrival.payload)
        read = self._frames(where.stand, where.device)
        return lambda arrival, _: read(arrival.payload) or take_in(arrival.topic, arrival.payload)

    def _of_foreign(self, topic: str) -> Handler:
        reader = self._foreign(topic) if self._foreign is not None else None
        if reader is None:
            unknown = Intake(None, why=f"topic {topic[:200]!r}: neither the contract nor a mapping knows it")
            return lambda _arrival, _arrived: unknown

        tags: object = None
        source = "", ""

        def handle(arrival: Arrival, arrived: int) -> Intake:
            nonlocal tags, source
            if arrival.retained and not reader.timed:
                return Intake(None)  # of which time nobody knows; when it was new it was taken
            try:
                points = reader.points(arrival.payload, arrived)
            except ContractError as e:
                return Intake(None, why=f"{arrival.topic}: {e}")
            except Exception as e:  # noqa: BLE001 a bug, which at each start would meet the same message again
                return Intake(None, why=f"{arrival.topic}: unexpected: {type(e).__name__}: {e}")
            if not points:
                return Intake(None)
            first = points[0]
            if first.tags is not tags:  # mostly it is the same tuple for ever
                tags, source = first.tags, _source(first)
            return Intake(None, first.ts, points, None, None, source)

        return handle


def _source(point: Point) -> tuple[str, str]:
    tags = dict(point.tags)
    return tags.get("stand", ""), tags.get("device", "")
