"""The desk of one device: each command is judged, acknowledged, executed once, and acknowledged with its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode
from trackerdcs.domain.desk import Args, Policy, judge, person
from trackerdcs.domain.errors import ContractError, StoreFault, TrackerError
from trackerdcs.domain.messages import FINAL, Ack, Command, Value
from trackerdcs.ports import Bus, Clock, CommandLog, Delivery

REMEMBERED = 10_000
"""Ids kept in memory, so that a repeated command is known even when the log cannot be read."""
MOVES = frozenset({"on", "off", "emergency_off", "set_voltage"})
"""Commands that end an earlier one of the same channel which still waits for its read-back."""

log = logging.getLogger(__name__)

Execute = Callable[[str, str, Args], Awaitable[dict[str, Value]]]


class CommandDesk:
    """Judges by `policy`, executes by `execute(cmd, channel, args) -> read-back`, answers by `answer(ack)`."""

    def __init__(
        self,
        policy: Callable[[], Policy | None],
        execute: Execute,
        answer: Callable[[Ack], None],
        report: Callable[[str, str], None],
        command_log: CommandLog,
        clock: Clock,
    ) -> None:
        self._policy, self._execute, self._answer, self._report = policy, execute, answer, report
        self._log, self._clock = command_log, clock
        self._acks: dict[str, Ack] = {}
        self._moving: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why commands are remembered in memory only, for the device's status."""

    async def end_interrupted(self) -> None:
        """Commands that a crash cut short end as failed; call once, before `serve`."""
        try:
            interrupted = await asyncio.to_thread(self._log.unfinished)
        except StoreFault as e:
            self._failed(e)
            return
        for ack in interrupted:
            await self._conclude(replace(ack, state="failed", why="restarted", ts=self._clock.now()))

    async def serve(self, bus: Bus, stand: str, device: str) -> None:
        """Handle what comes, for ever; on the way out, what runs is ended as failed."""
        try:
            async for delivery in bus.subscribe(topics.commands_of(stand, device)):
                await self.handle(delivery)
                delivery.acknowledge()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def handle(self, delivery: Delivery) -> None:
        """Answer one command; only its execution goes on after the return."""
        try:
            user = topics.parse(delivery.topic).item or ""
            command = decode(Command, delivery.payload)
        except ContractError as e:
            log.warning("%s: %s", delivery.topic, e)
            self._report("bad_message", f"{delivery.topic}: {e}")
            return
        if known := await self._find(command.id):
            self._answer(known)
            return
        now = self._clock.now()
        ack = Ack(id=command.id, user=user, state="accepted", ts=now, by=person(command, user))
        policy = self._policy()
        if policy is None:
            await self._conclude(replace(ack, state="refused", why="the instrument has not identified itself yet"))
            return
        verdict = judge(command, user, retained=delivery.retained, now=now, policy=policy)
        ack = replace(ack, state=verdict.state, why=verdict.why)
        await self._conclude(ack)
        if verdict.state == "accepted":
            log.info("%s %s %s by %s (%s): %s", command.cmd, command.ch, command.args, user, ack.by, command.reason)
            self._start(command, verdict.args or {}, ack)

    def _start(self, command: Command, args: Args, ack: Ack) -> None:
        if command.cmd in MOVES and (earlier := self._moving.get(command.ch)):
            earlier.cancel("superseded")
        task = asyncio.get_running_loop().create_task(self._carry_out(command, args, ack))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if command.cmd in MOVES:
            self._moving[command.ch] = task

    async def _carry_out(self, command: Command, args: Args, ack: Ack) -> None:
        why: str | None = None
        readback: dict[str, Value] = {}
        try:
            readback = await self._execute(command.cmd, command.ch, args)
        except TrackerError as e:
            why = str(e)
        except asyncio.CancelledError as e:
            why = e.args[0] if e.args else "the service stops"
        except Exception as e:
            log.exception("%s %s", command.cmd, command.ch)
            why = f"fault in the driver: {e!r}"
        await self._conclude(
            replace(ack, state="failed" if why else "done", why=why, readback=readback, ts=self._clock.now())
        )

    async def _find(self, id: str) -> Ack | None:
        if id in self._acks:
            return self._acks[id]
        try:
            return await asyncio.to_thread(self._log.find, id)
        except StoreFault as e:
            self._failed(e)
            return None

    async def _conclude(self, ack: Ack) -> None:
        """Remember, then answer: an answered command is never executed again."""
        self._acks[ack.id] = ack
        if len(self._acks) > REMEMBERED:
            self._forget_oldest()
        try:
            await asyncio.to_thread(self._log.record, ack)
        except StoreFault as e:
            self._failed(e)
        else:
            self.fault = None
            self._edge.ok("log", "commands are written down again")
        self._answer(ack)

    def _forget_oldest(self) -> None:
        oldest = next((id for id, ack in self._acks.items() if ack.state in FINAL), None)
        if oldest is not None:
            del self._acks[oldest]

    def _failed(self, error: StoreFault) -> None:
        self.fault = f"commands are remembered in memory only: {error}"
        self._edge.fail("log", self.fault)
