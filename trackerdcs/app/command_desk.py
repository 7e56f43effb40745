"""The desk of one device: each command is judged, acknowledged, executed once, and acknowledged with its end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from trackerdcs.app.account import Account, on_account_of
from trackerdcs.app.command_memory import CommandMemory
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, plain
from trackerdcs.domain.desk import Args, Policy, Verdict, judge, person
from trackerdcs.domain.errors import CommandRefused, ContractError, Rejected, TrackerError
from trackerdcs.domain.instrument import SAFE_COMMANDS
from trackerdcs.domain.messages import FINAL, Ack, AckState, Command, Value
from trackerdcs.ports import Bus, Clock, CommandLog, Delivery

PAYLOAD = 16_384
"""Bytes of the longest command."""
RUNNING = 50
"""Commands that may be under way: more would only keep polls, and each other, from the instrument."""
TOGETHER = 500
"""Commands that are handled together at most."""
WHY = 500
"""Characters of the longest answer: it may quote what a client has sent."""
STOPS = "the service stops"
MOVES = frozenset({"on", "off", "emergency_off", "set_voltage", "hold"})
"""Commands that end an earlier one of the same channel which still waits for its read-back."""
FASTEST = "emergency_off"

BEGINS = frozenset({"accepted", "refused", "expired"})
"""The first word on a command."""

log = logging.getLogger(__name__)

Work = asyncio.Future[dict[str, Value]]
Execute = Callable[[str, str, Args], Coroutine[Any, Any, dict[str, Value]]]


class CommandDesk:
    """Judges by `policy`, executes by `execute(cmd, channel, args) -> read-back`, answers by `answer(ack)`.

    `object_to(cmd, channel, args)` says why a command must not begin in the present state, or None.
    """

    def __init__(
        self,
        policy: Callable[[], Policy | None],
        execute: Execute,
        object_to: Callable[[str, str, Args], str | None],
        answer: Callable[[Ack], None],
        report: Callable[[str, str], None],
        command_log: CommandLog,
        ledger: LedgerKeeper,
        clock: Clock,
    ) -> None:
        self._policy, self._execute, self._object_to = policy, execute, object_to
        self._answer, self._report = answer, report
        self._memory, self._ledger, self._clock = CommandMemory(command_log), ledger, clock
        self._arrived: dict[tuple[str, str], float] = {}
        self._moving: dict[str, tuple[str, Work]] = {}
        self._running: dict[asyncio.Future[None], Work] = {}
        self._edge = EdgeLog(log)

    @property
    def fault(self) -> str | None:
        """Why commands are remembered in memory only, for the device's status."""
        return self._memory.fault

    async def end_interrupted(self) -> None:
        """Commands that a crash cut short end as failed; call once, before `serve`."""
        for ack in await self._memory.recall():
            self._answer(self._noted(replace(ack, state="failed", why="restarted", ts=self._clock.now())))

    async def serve(self, bus: Bus, stand: str, device: str) -> None:
        """Handle what comes, for ever; on the way out, what runs is ended as failed.

        What comes while the disk is written to is handled together: each waits for two writes at most.
        """
        commands = bus.subscribe(topics.commands_of(stand, device))
        arrived: asyncio.Queue[Delivery] = asyncio.Queue(TOGETHER)

        async def arrive() -> None:
            async for delivery in commands:
                await arrived.put(delivery)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(arrive())
                while True:
                    deliveries = [await arrived.get()]
                    while not arrived.empty():
                        deliveries.append(arrived.get_nowait())
                    await self.handle(*deliveries)
                    await asyncio.sleep(0)  # a flood of what is refused at once must not keep polls and acks waiting
        finally:
            await self.stop()

    def end_all(self, why: str) -> None:
        """Let what runs end as failed, and say why."""
        for work in self._running.values():
            work.cancel(why)

    async def stop(self) -> None:
        """End what runs as failed."""
        self.end_all(STOPS)
        if self._running:
            await asyncio.wait(self._running)
        await self._memory.close()

    async def handle(self, *deliveries: Delivery) -> None:
        """Answer commands in their order; only their execution goes on after the return."""
        accepted: list[tuple[Command, Args, Ack]] = []
        for delivery in deliveries:
            if taken := self._take(delivery, len(accepted) + len(self._running)):
                accepted.append(taken)
        if accepted:  # what was refused has changed nothing: to judge it anew after a crash is harmless
            try:
                await self._memory.saved()
            except asyncio.CancelledError:
                for command, _, ack in accepted:
                    self._answer(self._noted(replace(ack, state="failed", why=STOPS, ts=self._clock.now()), command))
                raise
        for command, args, ack in accepted:
            self._answer(ack)
            log.info("%s %s %s by %s (%s): %s", command.cmd, command.ch, args, ack.user, ack.by, command.reason)
            self._start(command, args, ack)

    def _take(self, delivery: Delivery, running: int) -> tuple[Command, Args, Ack] | None:
        """Judge a command; what is to be executed is noted and returned, everything else is answered."""
        delivery.acknowledge()
        try:
            user = topics.parse(delivery.topic).item or ""
            if len(delivery.payload) > PAYLOAD:
                raise ContractError(f"{len(delivery.payload)} bytes are no command, {PAYLOAD} are the most")
            command = decode(Command, delivery.payload)
        except ContractError as e:
            why = f"{delivery.topic}: {e}"[:WHY]
            self._edge.fail("bad", why)
            self._report("bad_message", why)
            return None
        self._edge.ok("bad", f"{delivery.topic}: a command again")
        if known := self._memory.find(user, command.id):
            self._ledger.note("repeated", id=command.id, user=user, cmd=command.cmd, ch=command.ch)
            self._answer(known)
            return None
        self._arrived[user, command.id] = self._clock.monotonic()
        now = self._clock.now()
        ack = Ack(id=command.id, user=user, state="accepted", ts=now, by=person(command, user))
        policy = self._policy()
        if policy is None:
            verdict = Verdict("refused", "the instrument has not identified itself yet")
        elif running >= RUNNING and command.cmd not in SAFE_COMMANDS:
            verdict = Verdict("refused", f"{running} commands of this device have not come to their end yet")
        else:
            verdict = judge(command, user, retained=delivery.retained, now=now, policy=policy)
        if verdict.args is not None:
            on_account_of(Account(command.id, user, ack.by, command.reason or ""))
            objection = self._object_to(command.cmd, command.ch, verdict.args) or self._ledger.objection(command.cmd)
            verdict = Verdict("refused", objection) if objection else verdict
        ack = self._noted(replace(ack, state=verdict.state, why=verdict.why), command)
        if verdict.state == "accepted":
            return command, verdict.args or {}, ack
        self._answer(ack)
        return None

    def _start(self, command: Command, args: Args, ack: Ack) -> None:
        """Begin to execute. What may be cancelled is the work alone: whoever sees to its end answers in any case."""
        on_account_of(Account(command.id, ack.user, ack.by, command.reason or ""))
        work = self._moved(command, args, ack) if command.cmd in MOVES else self._begun(command, args, ack)
        end = asyncio.ensure_future(self._see_to_its_end(command, work, ack))
        self._running[end] = work
        end.add_done_callback(self._running.pop)

    def _begun(self, command: Command, args: Args, ack: Ack) -> Work:
        return asyncio.ensure_future(self._carry_out(command, args, ack))

    def _moved(self, command: Command, args: Args, ack: Ack) -> Work:
        """What moves a channel takes the place of what moved it before, unless that was the fastest way to off."""
        cmd, earlier = self._moving.get(command.ch, ("", None))
        if earlier is not None and not earlier.done():
            if cmd == FASTEST != command.cmd:
                return asyncio.ensure_future(self._behind(earlier, command, args, ack))
            if (why := self._by_now(command, args, ack)) is not None:  # it must not end what goes on rightly
                work: Work = asyncio.get_running_loop().create_future()
                work.set_exception(CommandRefused(why))
                return work
            if cmd == "off" and command.cmd not in SAFE_COMMANDS:
                work = asyncio.ensure_future(self._instead_of_off(earlier, command, args, ack))
                off = earlier
                work.add_done_callback(lambda ended: ended.cancelled() and off.cancel("superseded"))
                self._moving[command.ch] = (command.cmd, work)
                return work
            earlier.cancel("superseded")
        work = self._begun(command, args, ack)
        self._moving[command.ch] = (command.cmd, work)
        return work

    async def _instead_of_off(self, off: Work, command: Command, args: Args, ack: Ack) -> dict[str, Value]:
        """A way to off ends when what takes its place may begin, and not before: else it is the one that decides."""
        if (why := await self._ledger.written()) is not None:
            self._moving[command.ch] = ("off", off)
            raise CommandRefused(f"nothing was sent: {why}")
        off.cancel("superseded")
        await asyncio.wait({off})
        return await self._carry_out(command, args, ack)

    async def _behind(self, fastest: Work, command: Command, args: Args, ack: Ack) -> dict[str, Value]:
        if command.cmd != "off":
            raise Rejected(f"{command.ch}: an {FASTEST} is under way: {command.cmd} must not end that")
        await asyncio.wait({fastest})
        return await self._carry_out(command, args, ack)

    async def _carry_out(self, command: Command, args: Args, ack: Ack) -> dict[str, Value]:
        """Execute; what is not in the safe direction waits until the ledger has it."""
        if command.cmd not in SAFE_COMMANDS and (why := await self._ledger.written()):
            raise CommandRefused(f"nothing was sent: {why}")
        if (why := self._by_now(command, args, ack)) is not None:
            raise CommandRefused(why)
        return await self._execute(command.cmd, command.ch, args)

    def _by_now(self, command: Command, args: Args, ack: Ack) -> str | None:
        """Why what was accepted must not begin any more: limits and the state may have changed while it waited."""
        policy = self._policy()
        if policy is not None:
            verdict = judge(command, ack.user, retained=False, now=ack.ts, policy=policy)
            if verdict.state != "accepted":
                return verdict.why
        return self._object_to(command.cmd, command.ch, args)

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
            why = e.args[0] if e.args else STOPS
        except Exception as e:
            log.exception("%s %s", command.cmd, command.ch)
            why = f"fault in the driver: {e!r}"
        ack = self._noted(replace(ack, state=state, why=why, readback=readback, ts=self._clock.now()), command)
        await self._memory.saved()
        self._answer(ack)

    def _noted(self, ack: Ack, command: Command | None = None) -> Ack:
        """Remembered before it is answered: an answered command is never executed again."""
        ack = replace(ack, why=plain(ack.why)[:WHY] if ack.why else None)
        self._memory.note(ack)
        self._enter(ack, command)
        return ack

    def _enter(self, ack: Ack, command: Command | None) -> None:
        """A step of a command for the ledger; the first one says all that was asked for."""
        began, about = self._arrived.get((ack.user, ack.id)), dict[str, Any]()
        if command is not None:
            about = {"cmd": command.cmd, "ch": command.ch}
        if command is not None and ack.state in BEGINS:
            about |= {"reason": command.reason, "args": command.args}
        if began is not None:
            about["ms"] = round((self._clock.monotonic() - began) * 1e3, 3)
        if ack.state in FINAL:
            self._arrived.pop((ack.user, ack.id), None)
        self._ledger.note(ack.state, id=ack.id, user=ack.user, by=ack.by, why=ack.why, readback=ack.readback, **about)
