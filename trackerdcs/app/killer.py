"""Brings all high voltage of one supply down, in a thread of its own: it needs no event loop, no broker and no disk."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Literal

from trackerdcs.app.account import Account, on_account_of
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.kill_way import KillWay
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.errors import TrackerError
from trackerdcs.domain.messages import Value
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock, PowerSupply

RETRY = 0.2
"""Seconds between two tries to reach the instrument."""
STOPS = 0.2
"""Seconds after which a stopped killer has seen it."""

log = logging.getLogger(__name__)

News = Literal["killed", "emergency", "down"]
Tell = Callable[[News, str, str | None], None]
"""What happened, by whom, and the id of the order. Called from any thread, and must not wait."""


@dataclass(frozen=True)
class Progress:
    """How far a kill is. `state`: idle before the first, killing, emergency, down when every channel was seen off."""

    state: Literal["idle", "killing", "emergency", "down"]
    cause: str | None
    channels: dict[str, dict[str, Value]]
    """What was last read of each channel, and `down`."""


class Killer:
    """`reach()` connects the link if it is down and makes sure who answers; it is called on the worker's thread.

    The worker's gate is closed from the first moment on and stays so: whoever hears `down` opens it, when nothing of
    before the kill can run any more.
    """

    def __init__(
        self,
        device: str,
        channels: dict[str, ChannelConfig],
        driver: PowerSupply,
        worker: Worker,
        reach: Callable[[], None],
        tell: Tell,
        clock: Clock,
    ) -> None:
        self._device, self._channels, self._driver, self._worker = device, channels, driver, worker
        self._reach, self._tell, self._clock = reach, tell, clock
        self._changed = threading.Condition()
        self._cause: str | None = None
        self._ids: set[str] = set()
        self._ways: list[KillWay] = []
        self._under_way = self._emergency = self._stopped = False
        self._edge = EdgeLog(log)
        self._thread = threading.Thread(target=self._work, name=f"kill-{device}", daemon=True)
        self._thread.start()

    def kill(self, by: str, id: str | None = None) -> Progress:
        """Bring everything down; returns at once, from any thread.

        A second order of a person, one with another `id`, means emergency_off; one without an id never does.
        """
        news: News | None = None
        with self._changed:
            if not self._under_way:
                news, self._cause = "killed", f"killed by {by}"
                self._under_way, self._emergency, self._ids = True, False, set()
                self._ways = [KillWay(ch, c, self._driver, self._clock) for ch, c in self._channels.items()]
                self._worker.close_gate(self._cause)
            elif id is not None and id not in self._ids:
                news, self._emergency = "emergency", True
            if id is not None:
                self._ids.add(id)
            self._changed.notify()
        if news is not None:
            log.error("%s: %s by %s", self._device, news, by)
            self._tell(news, by, id)
        return self.progress()

    def progress(self) -> Progress:
        """How far it is, from any thread."""
        with self._changed:
            ways = self._ways
            running: Literal["killing", "emergency"] = "emergency" if self._emergency else "killing"
            state = running if self._under_way else "down" if ways else "idle"
            return Progress(state, self._cause, {way.ch: way.reading | {"down": way.down} for way in ways})

    @property
    def fault(self) -> str | None:
        """What a kill under way still waits for, for the device's status."""
        if not self._under_way:
            return None
        left = "; ".join(f"{way.ch} {way.trouble or 'goes down'}" for way in self._ways if not way.down)
        return f"{self._cause}: {left}" if left else self._cause

    def release(self) -> bool:
        """Open the worker's gate; False if another kill has begun meanwhile."""
        with self._changed:
            if not self._under_way:
                self._worker.open_gate()
            return not self._under_way

    def stop(self) -> None:
        """End the thread; what is on its way down at the instrument goes on there."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._under_way or self._stopped)
                on_account_of(Account(cause=self._cause))
            while not self._stopped and (left := [way for way in self._ways if not way.down]):
                try:
                    self._go_on(left)
                except Exception:  # whatever it is: the thread must live until all is down
                    log.exception("%s: the kill is held up", self._device)
                    time.sleep(RETRY)
            if self._stopped:
                return
            with self._changed:
                self._under_way = False
                cause = self._cause or ""
            log.error("%s: %s: every channel was seen off", self._device, cause)
            self._tell("down", cause, None)

    def _go_on(self, left: list[KillWay]) -> None:
        """One step of each channel that is due, then wait for the next."""
        for way in sorted(left, key=lambda way: way.due):
            if self._emergency and not way.emergency:
                way.hurry()
            if way.due <= self._clock.monotonic():
                self._step(way)
        pause = min(way.due for way in left) - self._clock.monotonic()
        with self._changed:
            if pause > 0 and not self._stopped:
                self._changed.wait(pause)

    def _step(self, way: KillWay) -> None:
        def job() -> None:
            self._reach()
            way.step()

        future = self._worker.submit(Priority.KILL, job)
        while not wait([future], STOPS).done:
            if self._stopped:
                return
        self._settle(way, future)

    def _settle(self, way: KillWay, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            way.trouble = str(error) if isinstance(error, TrackerError) else f"fault in the driver: {error!r}"
            way.due = self._clock.monotonic() + RETRY
        if way.trouble is not None:
            self._edge.fail(way.ch, f"{self._device} {way.ch}: the kill is held up: {way.trouble}")
        else:
            self._edge.ok(way.ch, f"{self._device} {way.ch}: the kill goes on")
