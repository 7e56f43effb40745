"""A bridge to Ph2_ACF: a device of the stand that starts and aborts calibrations; its frames say how they go.

It commands no voltage by itself; the lease of a recipe only keeps others from moving what is there.
"""

import asyncio
import logging
from collections.abc import Sequence

from trackerdcs.app.account import present_account
from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.bridge_orders import Orders, Refusal, channels_of
from trackerdcs.app.bridge_parts import Parts
from trackerdcs.app.bridge_runs import BridgeRuns
from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.app.frames import Frames
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.app.outbox import Outbox
from trackerdcs.app.replay import UNCONFIRMED, Replay
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.domain.desk import Args, Policy
from trackerdcs.domain.errors import CommandRefused
from trackerdcs.domain.instrument import Role, Snapshot
from trackerdcs.domain.messages import Meta, Value
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.setup import BridgeConfig
from trackerdcs.domain.run import Run
from trackerdcs.ports import Bus, Clock, CommandLog, Journal, Ledger

LAST_WORDS = 0.5
KIND = "calibration"

log = logging.getLogger(__name__)


class Bridge:
    """One bridge on the bus. A program that runs goes on when the service ends; the next start adopts it."""

    def __init__(
        self,
        who: Who,
        config: BridgeConfig,
        users: dict[str, Role] | None,
        parts: Parts,
        orders: Orders,
        bus: Bus,
        journal: Journal,
        commands: CommandLog,
        ledger: Ledger,
        clock: Clock,
        unconfirmed: float = UNCONFIRMED,
        configs: Sequence[str] = (),
    ) -> None:
        self._who, self._config, self._parts, self._orders = who, config, parts, orders
        self._bus, self._clock = bus, clock
        self._channels = channels_of(config, configs)
        self._ledger = LedgerKeeper(ledger, who.boot, clock)
        self._outbox = Outbox(who.topic("frame"), bus, journal)
        self._replay = Replay(who.stand, who.device, who.boot, bus, journal, self._outbox, clock, unconfirmed)
        self._announcer = Announcer(who, bus, clock, self._faults)
        self._frames = Frames(who, KIND, config.sim, self._outbox, self._replay, self._announcer, clock)
        self._sole = SoleOwner(who, bus, clock)
        self.runs = BridgeRuns(config, parts, self._happened, clock)
        policy = Policy(self._channels, users)
        self._desk = CommandDesk(
            lambda: policy,
            self._execute,
            self._object_to,
            self._announcer.answer,
            self._announcer.report,
            commands,
            self._ledger,
            clock,
        )

    async def run(self) -> None:
        """Serve until cancelled; InUse if another bridge speaks under this name."""
        await self._sole.alone()
        self._ledger.note("started", args={"stand": self._who.stand, "device": self._who.device, "sw": self._who.sw})
        await self._desk.end_interrupted()
        try:
            async with asyncio.TaskGroup() as tasks:
                for job in (
                    self._parts.scene.listen(self._bus),
                    self._parts.queue.run(),
                    self._parts.speaker.recall(self.runs.known),
                    self._parts.speaker.run(),
                ):
                    tasks.create_task(job)
                await self.runs.adopt()
                self._introduce()
                for job in (
                    self._desk.serve(self._bus, self._who.stand, self._who.device),
                    self._replay.confirm(),
                    self._replay.watch_loaders(),
                    self._replay.run(),
                    self._tick(),
                    self._outbox.keep(),
                    self._outbox.send(),
                    self._sole.watch(self._announcer.report),
                    self._announcer.births(),
                    self._announcer.run(),
                ):
                    tasks.create_task(job)
        finally:
            self.runs.stop()
            self._outbox.give_up()
            self._frames.declare_lost()
            self._ledger.note("stopped")
            await asyncio.gather(
                self._announcer.say_last(LAST_WORDS), asyncio.to_thread(self._ledger.close, LAST_WORDS)
            )

    async def _tick(self) -> None:
        due = self._clock.monotonic()
        while True:
            self._frames.poll_begins()
            self._frames.send(self._snapshot(), self._channels)
            if self._bus.connected:
                self._frames.declare_lost()
            self._announcer.refresh()
            due = max(due + self._config.period, self._clock.monotonic())
            await asyncio.sleep(due - self._clock.monotonic())

    def _snapshot(self) -> Snapshot:
        pilot = self.runs.pilot
        if pilot is None:
            return Snapshot({"-": {"state": "idle"}, "stage": {"state": "idle"}})
        run = pilot.run
        progress = run.progress
        values: dict[str, float | bool | str] = {
            "state": run.state,
            "progress": progress.percent,
            "done": float(progress.done),
            "stages": float(progress.stages),
            "warnings": float(run.log.warning),
            "errors": float(run.log.error),
        }
        if progress.left is not None:
            values["left"] = progress.left
        return Snapshot({"-": values, "stage": {"state": progress.stage or run.state}})

    def _object_to(self, cmd: str, ch: str, args: Args) -> str | None:
        if cmd == "abort":
            return None if self.runs.busy else "no calibration is running"
        if busy := self.runs.busy:
            return f"busy: {failure('busy').text} ({busy})"
        found = self._orders.judge(args)
        if not isinstance(found, Refusal):
            return None
        if found.run is not None:
            self.runs.refused(found.run, found.failure)
        return found.text

    async def _execute(self, cmd: str, ch: str, args: Args) -> dict[str, Value]:
        if cmd == "abort":
            ended = await self.runs.abort(present_account().person)
            if ended is None:
                raise CommandRefused("no program runs: if a calibration is just being started, abort it again")
            return self._readback(ended)
        found = self._orders.judge(args)
        if isinstance(found, Refusal):
            raise CommandRefused(found.text)
        return self._readback(await self.runs.start(found))

    @staticmethod
    def _readback(run: Run) -> dict[str, Value]:
        return {"state": run.state, "run": run.id}

    def _happened(self, event: str, why: str) -> None:
        log.warning("%s: %s: %s", self._who.device, event, why)
        self._ledger.note("event", event=event, why=why)
        self._announcer.report(event, why)

    def _faults(self) -> str | None:
        own = (self._sole.fault, self._outbox.fault, self._replay.fault, self._desk.fault, self._ledger.fault)
        return "; ".join(f for f in (*own, self.runs.fault) if f) or None

    def _introduce(self) -> None:
        sw, boot, config = self._who.sw, self._who.boot, self._config
        self._announcer.introduce(
            Meta(KIND, "Ph2_ACF", "", "ph2acf", sw, config.sim, boot, config.period, self._channels)
        )
