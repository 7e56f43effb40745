"""The desk of one device: each command is judged, acknowledged, executed once, and acknowledged with its end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from trackerdcs.app.command_memory import CommandMemory
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, plain
from trackerdcs.domain.desk import Args, Policy, judge, person
from trackerdcs.domain.errors import ContractError, TrackerError
from trackerdcs.domain.messages import Ack, AckState, Command, Value
from trackerdcs.ports import Bus, Clock, CommandLog, Delivery

PAYLOAD = 16_384
"""Bytes of the longest command."""
WHY = 500
"""Characters of the longest answer: it may quote what a client has sent."""
MOVES = frozenset({"on", "off", "emergency_off", "set_voltage"})
"""Commands that end an earlier one of the same channel which still waits for its read-back."""

log = logging.getLogger(__name__)

Work = asyncio.Future[dict[str, Value]]
Execute = Callable[[str, str, Args], Coroutine[Any, Any, dict[str, Value]]]


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
        self._memory, self._clock = CommandMemory(command_log), clock
        self._moving: dict[str, Work] = {}
        self._running: dict[asyncio.Future[None], Work] = {}
        self._edge = EdgeLog(log)

    @property
    def fault(self) -> str | None:
        """Why commands are remembered in memory only, for the device's status."""
        return self._memory.fault

    async def end_interrupted(self) -> None:
        """Commands that a crash cut short end as failed; call once, before `serve`."""
        for ack in await self._memory.recall():
            await self._conclude(replace(ack, state="failed", why="restarted", ts=self._clock.now()))

    async def serve(self, bus: Bus, stand: str, device: str) -> None:
        """Handle what comes, for ever; on the way out, what runs is ended as failed."""
        try:
            async for delivery in bus.subscribe(topics.commands_of(stand, device)):
                await self.handle(delivery)
                delivery.acknowledge()
                await asyncio.sleep(0)  # a flood of what is refused at once must not keep polls and acks waiting
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End what runs as failed."""
        for work in self._running.values():
            work.cancel()
        if self._running:
            await asyncio.wait(self._running)
        await self._memory.close()

    async def handle(self, delivery: Delivery) -> None:
        """Answer one command; only its execution goes on after the return."""
        try:
            user = topics.parse(delivery.topic).item or ""
            if len(delivery.payload) > PAYLOAD:
                raise ContractError(f"{len(delivery.payload)} bytes are no command, {PAYLOAD} are the most")
            command = decode(Command, delivery.payload)
        except ContractError as e:
            why = f"{delivery.topic}: {e}"[:WHY]
            self._edge.fail("bad", why)
            self._report("bad_message", why)
            return
        self._edge.ok("bad", f"{delivery.topic}: a command again")
        if known := self._memory.find(user, command.id):
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
        """Begin to execute. What may be cancelled is the work alone: whoever sees to its end answers in any case."""
        if command.cmd in MOVES and (earlier := self._moving.get(command.ch)):
            earlier.cancel("superseded")
        work = asyncio.ensure_future(self._execute(command.cmd, command.ch, args))
        if command.cmd in MOVES:
            self._moving[command.ch] = work
        end = asyncio.ensure_future(self._see_to_its_end(command, work, ack))
        self._running[end] = work
        end.add_done_callback(self._running.pop)

    async def _see_to_its_end(self, command: Command, work: Work, ack: Ack) -> None:
        await asyncio.wait({work})
        state: AckState = "failed"
        why: str | None = None
        readback: dict[str, Value] = {}
        try:
            state, readback = "done", work.result()
        except TrackerError as e:
            why = str(e) or type(e).__name__
        except asyncio.CancelledError as e:
            why = e.args[0] if e.args else "the service stops"
        except Exception as e:
            log.exception("%s %s", command.cmd, command.ch)
            why = f"fault in the driver: {e!r}"
        await self._conclude(replace(ack, state=state, why=why, readback=readback, ts=self._clock.now()))

    async def _conclude(self, ack: Ack) -> None:
        """Remember, then answer: an answered command is never executed again."""
        ack = replace(ack, why=plain(ack.why)[:WHY] if ack.why else None)
        await self._memory.note(ack)
        self._answer(ack)
