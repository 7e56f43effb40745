"""Says how runs are: retained, repeated, and cleared an hour after their end."""

import asyncio
import logging
from collections.abc import Callable

from trackerdcs.app.announcer import Who
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import BusDown, ContractError
from trackerdcs.domain.messages import RunNote
from trackerdcs.domain.run import FINAL_STATES, Run
from trackerdcs.ports import Bus, Clock

REPEAT = 5.0
"""Seconds between two repetitions: a device that was restarted has to know soon which run it takes part in."""
KEPT = 3600.0
"""Seconds after its final state for which a run is still said."""
FASTEST = 0.5
"""Seconds between two messages of a run that only goes on."""

log = logging.getLogger(__name__)
Channels = dict[str, list[str]]


def note_of(run: Run, who: Who, channels: Channels, now: int, since: int, seq: int) -> RunNote:
    """The message of a run."""
    progress, failed = run.progress, run.failure
    return RunNote(
        state=run.state,
        ts=now,
        since=since,
        device=who.device,
        boot=who.boot,
        seq=seq,
        calibration=run.calibration,
        percent=100.0 if run.state == "done" else progress.percent,
        stage=progress.stage or None,
        done=progress.done,
        stages=progress.stages,
        left=progress.left if not run.final else None,
        modules=[module.name for module in run.modules if module.name],
        channels=channels,
        number=run.number,
        sim=True if run.sim else None,
        by=run.requested_by or None,
        reason=run.why or None,
        code=failed.code if failed else None,
        why=failed.text if failed else None,
    )


class RunSpeaker:
    """The runs of one bridge on the bus. What cannot be sent now is said anew with the next repetition."""

    def __init__(self, who: Who, bus: Bus, clock: Clock, kept: float = KEPT, repeat: float = REPEAT) -> None:
        self._who, self._bus, self._clock, self._kept, self._repeat = who, bus, clock, kept, repeat
        self._runs: dict[str, tuple[Run, Channels]] = {}
        self._since: dict[str, tuple[str, int]] = {}
        self._seq = 0
        self._due: dict[str, float] = {}
        self._clear: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._said: dict[str, float] = {}

    def say(self, run: Run, channels: tuple[tuple[str, ...], ...]) -> None:
        """Say how a run is now; a new state at once."""
        old = self._runs.get(run.id)
        by_device: Channels = {}
        for device, ch in channels:
            by_device.setdefault(device, []).append(ch)
        self._runs[run.id] = run, by_device
        now = self._clock.monotonic()
        if old is None or old[0].state != run.state:
            self._since[run.id] = run.state, self._clock.now()
            self._due[run.id] = now
            if run.state in FINAL_STATES:
                self._clear[run.id] = self._clock.now() + int(self._kept * 1e9)
        else:
            self._due[run.id] = min(self._due.get(run.id, now), self._said.get(run.id, 0.0) + FASTEST)
        self._wake.set()

    async def recall(self, known: Callable[[str], bool]) -> None:
        """What an earlier start has left on the bus: cleared in its time; what nobody knows any more, now. For ever."""
        async for delivery in self._bus.subscribe(topics.runs_of(self._who.stand)):
            delivery.acknowledge()
            if not delivery.retained or not delivery.payload:
                continue
            try:
                id, note = topics.parse(delivery.topic).item or "", decode(RunNote, delivery.payload)
            except ContractError as e:
                log.warning("%s: %s", delivery.topic, e)
                continue
            if note.device == self._who.device and id not in self._runs and not known(id):
                over = note.state in FINAL_STATES
                self._clear.setdefault(id, note.since + int(self._kept * 1e9) if over else self._clock.now())
                self._wake.set()

    async def run(self) -> None:
        """Say what is due, for ever."""
        while True:
            self._wake.clear()
            now = self._clock.monotonic()
            if self._bus.connected:
                try:
                    for id in [id for id, due in self._due.items() if due <= now]:
                        await self._publish(id, now)
                    for id in [id for id, at in self._clear.items() if at <= self._clock.now()]:
                        await self._bus.publish(topics.run(self._who.stand, id), b"", retain=True)
                        for kept in (self._clear, self._runs, self._due, self._since, self._said):
                            kept.pop(id, None)
                except BusDown as e:
                    log.debug("runs wait for the bus: %s", e)
            wait = min([1.0, *(due - now for due in self._due.values())])
            try:
                async with asyncio.timeout(max(wait, 0.05)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _publish(self, id: str, now: float) -> None:
        run, channels = self._runs[id]
        self._due[id], self._said[id] = now + self._repeat, now
        self._seq += 1
        note = note_of(run, self._who, channels, self._clock.now(), self._since[id][1], self._seq)
        await self._bus.publish(topics.run(self._who.stand, id), encode(note), retain=True)
