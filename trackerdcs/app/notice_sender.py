"""Sends what waits for one address: all of it in one message, again and again until it is taken, and not too often."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from trackerdcs.app.backoff import Backoff
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.errors import NotifyFailed
from trackerdcs.domain.notice import Key, Letter, Notice, Pace, letter, superfluous
from trackerdcs.ports import Clock
from trackerdcs.ports_notify import Notifier

LINGER = 0.5
"""Seconds in which what is raised together is gathered into one message."""
PATIENCE = 30.0
"""Seconds after which an address that does not answer is said to hang; it is waited for all the same."""
FIRST, LIMIT = 5.0, 60.0
"""Seconds between two tries, at first and at most."""
WAITING = 10_000
"""Notices that wait for an address at most; what matters least is dropped, and that is said."""

log = logging.getLogger(__name__)

Report = Callable[[str, str], None]


class NoticeSender:
    """One address, with a thread of its own: one that hangs keeps no other from being told."""

    def __init__(
        self,
        stand: str,
        name: str,
        notifier: Notifier,
        pace: Pace,
        sent: Callable[[Sequence[Key]], Awaitable[None]],
        report: Report,
        clock: Clock,
    ) -> None:
        self.name = name
        self.fault: str | None = None
        """Why the address does not take what is sent, for the status."""
        self._stand, self._notifier, self._pace, self._sent, self._report = stand, notifier, pace, sent, report
        self._clock, self._edge = clock, EdgeLog(log)
        self._worker = Worker(f"notify-{name}")
        self._waiting: dict[Key, Notice] = {}
        self._wake = asyncio.Event()

    def put(self, notices: Iterable[Notice]) -> list[Key]:
        """Send them soon; returns what there is no room for."""
        for notice in notices:
            self._waiting[notice.key] = notice
            self._wake.set()
        dropped = superfluous(self._waiting.values(), WAITING) if len(self._waiting) > WAITING else []
        for key in dropped:
            del self._waiting[key]
        if dropped:
            self._report(
                "notices_dropped",
                f"{self.name}: {len(dropped)} notices are not sent: it takes nothing, and too many wait",
            )
        return dropped

    async def run(self) -> None:
        """Send, for ever."""
        backoff = Backoff(FIRST, LIMIT)
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(LINGER)
                if not self._waiting:
                    self._wake.clear()
                    continue
                notices = list(self._waiting.values())
                what = letter(self._stand, notices)
                if wait := self._pace.wait(what.severity, self._clock.monotonic()):
                    await self._news(wait)
                    continue
                try:
                    await self._send(what)
                except NotifyFailed:
                    await asyncio.sleep(backoff.next())
                    continue
                backoff.reset()
                self._pace.sent(self._clock.monotonic())
                for notice in notices:
                    self._waiting.pop(notice.key, None)
                if not self._waiting:
                    self._wake.clear()
                await self._sent([notice.key for notice in notices])
        finally:
            self._worker.stop()

    async def test(self, what: Letter, patience: float) -> str | None:
        """Send this now; why it has not been taken within so many s, or None."""
        try:
            async with asyncio.timeout(patience):
                await self._send(what)
        except NotifyFailed as e:
            return f"{self.name}: {e}"
        except TimeoutError:
            return f"{self.name}: no answer within {patience:g} s"
        return None

    async def _news(self, wait: float) -> None:
        """Until the pace allows what waits now, or something else comes, which may be graver."""
        self._wake.clear()
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            self._wake.set()

    async def _send(self, what: Letter) -> None:
        sending = asyncio.ensure_future(
            self._worker.run(Priority.SET, lambda: self._notifier.send(what.title, what.text, what.severity))
        )
        try:
            if not (await asyncio.wait({sending}, timeout=PATIENCE))[0]:
                self._failed(f"no answer within {PATIENCE:g} s")
            await sending
        except NotifyFailed as e:
            self._failed(str(e))
            raise
        except asyncio.CancelledError:
            sending.cancel()
            raise
        self.fault = None
        self._edge.ok("send", f"{self.name} takes messages again")

    def _failed(self, why: str) -> None:
        self.fault = f"{self.name} takes no messages: {why}"
        if self._edge.fail("send", self.fault):
            self._report("notify_failed", self.fault)
