"""Keeps what belongs to runs: commands with their ends, modules on channels, and what happened, from the bus."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.messages import Ack, Command, Event, Frame, Interlock, Message
from trackerdcs.domain.run import RunEvent
from trackerdcs.domain.run_links import Binding, BindingQuery, StoredCommand
from trackerdcs.domain.topics import Topic
from trackerdcs.ports import Clock
from trackerdcs.ports_runs import RunStore

WAITING = 10_000
"""Writes that may wait for a store that is away."""
RETRY = 2.0
FAULTS = ("down", "fault", "full")
EVENTS = 5000
COMMANDS = 1000
"""Commands whose end has not been heard yet."""

log = logging.getLogger(__name__)


class StoreQueue:
    """Writes to a store one after the other, in a thread; one that is away is waited for."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], object]] = deque()
        self._wake = asyncio.Event()
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why nothing is written, for the status of the service."""

    def put(self, job: Callable[[], object]) -> None:
        """To be done soon; the oldest is given up where too many wait."""
        if len(self._jobs) >= WAITING:
            self._jobs.popleft()
            self._edge.fail("full", "the store of runs is away for too long: what waits longest is given up")
        self._jobs.append(job)
        self._wake.set()

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._jobs:
                job = self._jobs[0]
                well = False
                try:
                    await asyncio.to_thread(job)
                    well = True
                except StoreDown as e:
                    self.fault = f"the store of runs is away: {e}"
                    self._edge.fail("down", self.fault)
                    await asyncio.sleep(RETRY)
                    continue
                except StoreFault as e:
                    self._edge.fail("fault", f"the store of runs refuses: {e}")
                except Exception as e:  # noqa: BLE001 what no store was made for must not end the service, and all runs
                    self._edge.fail("fault", f"the store of runs cannot take a write, which is given up: {e!r}")
                self.fault = None
                for key in FAULTS if well else ("down",):
                    self._edge.ok(key, "the store of runs is written again")
                if self._jobs and self._jobs[0] is job:
                    self._jobs.popleft()


class RunKeeper:
    """Of one stand. `tell` is to be called with every live message."""

    def __init__(self, stand: str, store: RunStore, queue: StoreQueue, clock: Clock) -> None:
        self._stand, self._store, self._queue, self._clock = stand, store, queue, clock
        self._modules: dict[tuple[str, str], str | None] = {}
        self._commands: OrderedDict[tuple[str, str, str, str], StoredCommand] = OrderedDict()
        self._heard: deque[tuple[int, str, str]] = deque(maxlen=EVENTS)
        """Time, device and id of commands."""
        self._events: deque[RunEvent] = deque(maxlen=EVENTS)
        self._locks: dict[str, str] = {}

    def tell(self, where: Topic, message: Message) -> None:
        """One message of the stand."""
        device = where.device or ""
        match message:
            case Frame():
                self._bound(device, message)
            case Command():
                self._command(device, where.item or "", message)
            case Ack():
                self._answer(device, message)
            case Event():
                source = f"{device}.{message.ch}" if message.ch else device
                self._events.append(RunEvent(self._clock.now(), source, message.event, message.why or ""))
            case Interlock():
                name, before = where.item or "", self._locks.get(where.item or "")
                self._locks[name] = message.state
                if before is not None and before != message.state:
                    why = ": ".join(filter(None, (message.first, message.why)))
                    self._events.append(RunEvent(self._clock.now(), f"interlock {name}", message.state, why))

    def events(self, devices: set[str], start: int, end: int) -> list[RunEvent]:
        """What happened in a window to these devices, and to interlocks."""
        return [
            e
            for e in self._events
            if e.ts is not None
            and start <= e.ts <= end
            and (e.source.partition(".")[0] in devices or e.source.startswith("interlock "))
        ]

    def commands(self, devices: set[str], start: int, end: int) -> tuple[str, ...]:
        """Ids of the commands to these devices in a window."""
        return tuple(dict.fromkeys(id for ts, device, id in self._heard if device in devices and start <= ts <= end))

    def _bound(self, device: str, frame: Frame) -> None:
        for ch in frame.ch.keys() | frame.bad.keys() | frame.mod.keys():
            module = frame.mod.get(ch)
            if self._modules.get((device, ch), "") != module:
                known = (device, ch) in self._modules
                self._modules[device, ch] = module
                if module is None and not known:
                    # Never bound as far as we know; the store knows more where we were away meanwhile.
                    self._queue.put(lambda ch=ch, ts=frame.ts: self._unbound(device, ch, ts))  # type: ignore[misc]
                    continue
                binding = Binding(self._stand, device, ch, module, frame.ts)
                self._queue.put(lambda b=binding: self._store.put_binding(b))  # type: ignore[misc]

    def _unbound(self, device: str, ch: str, ts: int) -> None:
        query = BindingQuery(self._stand, device, ch, at=ts)
        if any(binding.module is not None for binding in self._store.bindings(query)):
            self._store.put_binding(Binding(self._stand, device, ch, None, ts))

    def _command(self, device: str, user: str, message: Command) -> None:
        command = StoredCommand(
            message.id,
            self._stand,
            device,
            user,
            message.cmd,
            message.ts,
            message.ch,
            dict(message.args),
            message.by,
            message.reason,
        )
        if command.key in self._commands:
            return
        self._commands[command.key] = command
        while len(self._commands) > COMMANDS:
            self._commands.popitem(last=False)
        self._heard.append((self._clock.now(), device, message.id))
        self._keep(command)

    def _answer(self, device: str, ack: Ack) -> None:
        command = self._commands.get((self._stand, device, ack.user, ack.id))
        if command is None:
            return
        readback = dict(ack.readback)
        told = replace(
            command, state=ack.state, why=ack.why, readback=readback, answered=ack.ts, by=ack.by or command.by
        )
        self._commands[command.key] = told
        self._keep(told)

    def _keep(self, command: StoredCommand) -> None:
        self._queue.put(lambda: self._store.put_command(command))
