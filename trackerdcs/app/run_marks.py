"""Which runs the channels of a device take part in now, for its frames: only what a bridge says live, and lately."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.messages import MARKED, RunNote
from trackerdcs.ports import Bus, Clock, Delivery

BELIEVED = 60.0
"""Seconds for which a run counts after it was last heard of."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    boot: str
    seq: int
    heard: float
    channels: frozenset[str]


class RunMarks:
    """The runs of one device's channels."""

    def __init__(self, stand: str, device: str, clock: Clock) -> None:
        self._stand, self._device, self._clock = stand, device, clock
        self._runs: dict[str, _Run] = {}
        self._edge = EdgeLog(log)

    async def listen(self, bus: Bus) -> None:
        """Hear of runs, for ever."""
        async for delivery in bus.subscribe(topics.runs_of(self._stand)):
            delivery.acknowledge()
            self._hear(delivery)

    def of(self, channels: Iterable[str]) -> dict[str, list[str]]:
        """The runs of each of these channels that takes part in one, by id."""
        now = self._clock.monotonic()
        self._runs = {id: run for id, run in self._runs.items() if now - run.heard <= BELIEVED}
        marks = {ch: sorted(id for id, run in self._runs.items() if ch in run.channels) for ch in channels}
        return {ch: ids for ch, ids in marks.items() if ids}

    def _hear(self, delivery: Delivery) -> None:
        """A retained one may be of a bridge that has died long ago: it is repeated soon if it is not."""
        if delivery.retained:
            return
        try:
            id = topics.parse(delivery.topic).item or ""
            if not delivery.payload:  # cleared
                self._runs.pop(id, None)
                return
            note = decode(RunNote, delivery.payload)
        except ContractError as e:
            self._edge.fail(delivery.topic, f"{delivery.topic}: {e}")
            return
        old = self._runs.get(id)
        if old is not None and old.boot == note.boot and note.seq <= old.seq:
            return
        channels = note.channels.get(self._device, []) if note.state in MARKED else []
        self._runs[id] = _Run(note.boot, note.seq, self._clock.monotonic(), frozenset(channels))
