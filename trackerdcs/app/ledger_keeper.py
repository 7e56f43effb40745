"""Writes the ledger beside everything else: neither loop nor worker waits for the disk, nothing is lost unsaid."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.instrument import SAFE_COMMANDS, Channel, Snapshot
from trackerdcs.domain.ledger import LedgerEntry, Step
from trackerdcs.ports import Clock, Ledger

BUFFER = 10_000
"""Entries kept in memory while the disk does not take them; of what does not fit, an entry says how much it was."""
TOGETHER = 1000
"""Entries in one write."""
PATIENCE = 2.0
"""Seconds that a write may take until the ledger counts as one that cannot be written."""
RETRY = 1.0
"""Seconds until a ledger that failed is tried again."""

log = logging.getLogger(__name__)


class LedgerKeeper:
    """Takes entries from any thread, in their order; a thread of its own writes them."""

    def __init__(self, ledger: Ledger, boot: str, clock: Clock) -> None:
        self._ledger, self._boot, self._clock = ledger, boot, clock
        self._waiting: deque[LedgerEntry] = deque()
        self._lost: tuple[int, int, int] | None = None
        self._noted = self._settled = 0
        self._asking: list[asyncio.Future[None]] = []
        self._changed = threading.Condition()
        self._writes_since: float | None = None
        self._failure: str | None = None
        self._ending = False
        self._edge = EdgeLog(log)
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str | None:
        """Why entries are in memory only, for the device's status."""
        since = self._writes_since
        hangs = since is not None and self._clock.monotonic() - since > PATIENCE
        why = self._failure or (f"no answer within {PATIENCE:g} s" if hangs else None)
        return f"the ledger cannot be written: {why}" if why else None

    def objection(self, cmd: str) -> str | None:
        """Why a command must not begin, or None: what is not in the safe direction waits for a ledger."""
        return self.fault if cmd not in SAFE_COMMANDS else None

    def note(self, step: Step, **said: Any) -> None:
        """Take an entry (`said`: fields of LedgerEntry), from any thread; returns at once."""
        with self._changed:
            self._waiting.append(LedgerEntry(self._clock.now(), self._boot, step, **said))
            self._noted += 1
            while len(self._waiting) > BUFFER:
                gone = self._waiting.popleft().ts
                number, first, _ = self._lost or (0, gone, gone)
                self._lost = (number + 1, first, gone)
            self._changed.notify()

    def found(self, channels: Mapping[str, Channel], snapshot: Snapshot, fault: str | None) -> None:
        """What a start (without a fault) or a reconnect finds is where the owner goes on from."""
        event = "adopted" if fault is None else "reconnect"
        for ch in (ch for ch, c in channels.items() if c.commands):
            why = "; ".join(sorted({fault or "", *snapshot.bad.get(ch, {}).values()} - {""})) or None
            self.note("event", event=event, ch=ch, readback=snapshot.ch.get(ch, {}), why=why)

    async def written(self) -> str | None:
        """Wait until all that was noted is on disk; why not, if the disk does not take it in time."""
        with self._changed:
            wanted = self._noted
        try:
            async with asyncio.timeout(PATIENCE):
                while self._settled < wanted:
                    if fault := self.fault:
                        return fault
                    await self._next_write()
        except TimeoutError:
            return self.fault or f"the ledger cannot be written: no answer within {PATIENCE:g} s"
        return None

    def close(self, patience: float) -> None:
        """Write what is left, for at most `patience` s; for a thread that may wait."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(patience)
        if left := self._noted - self._settled:
            log.error("%d entries of the ledger were not written: %s", left, self.fault or "no time")

    async def _next_write(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._changed:
            self._asking.append(future)
            if self._settled == self._noted:  # it ended just now
                return
        await future

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            batch, settles = taken
            while not self._write(batch, settles):
                with self._changed:
                    if self._ending or self._changed.wait_for(lambda: self._ending, RETRY):
                        return

    def _take(self) -> tuple[list[LedgerEntry], int] | None:
        """What is to be written next, and how much of what was noted is settled by it; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            if not self._waiting:
                return None
            batch = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
            settles = len(batch)
            if self._lost is not None:
                number, first, last = self._lost
                settles, self._lost = settles + number, None
                lost = {"entries": number, "from": first, "to": last}
                batch.insert(0, LedgerEntry(batch[0].ts, self._boot, "lost", args=lost, why=self._failure))
            return batch, settles

    def _write(self, batch: list[LedgerEntry], settles: int) -> bool:
        self._writes_since = self._clock.monotonic()
        try:
            self._ledger.append(batch)
        except Exception as e:  # whatever it is, the thread must live: it is a fault that is shown and tried again
            if not isinstance(e, StoreFault):
                log.exception("ledger")
            self._failure = str(e) or repr(e)
            self._edge.fail("ledger", f"the ledger is in memory only: {self._failure}")
        else:
            self._settled += settles
            self._failure = None
            self._edge.ok("ledger", "the ledger is written again")
        self._writes_since = None
        with self._changed:
            asking, self._asking = self._asking, []
        for future in asking:
            try:
                future.get_loop().call_soon_threadsafe(_release, future)
            except RuntimeError:
                log.debug("who asked for the ledger is gone")
        return self._failure is None


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
