"""One thread a link: whatever touches an instrument is a job in its priority queue, so nothing ever collides."""

import asyncio
import contextvars
import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from typing import Any, TypeVar

from trackerdcs.domain.errors import Rejected

T = TypeVar("T")


class Priority(IntEnum):
    """Who goes first; jobs of one priority keep their order."""

    KILL = 0
    DOWN = 1
    SET = 2
    POLL = 3


GATED = frozenset({Priority.DOWN, Priority.SET})
"""What a closed gate refuses: during a kill nothing but the kill writes to the instrument."""

Job = tuple[Future[Any], Callable[[], Any]]


class Worker:
    """Owns the thread of one link. A job that waits in the queue when its caller is cancelled is never executed."""

    def __init__(self, name: str) -> None:
        self._queue: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self._number = itertools.count()
        self._thread = threading.Thread(target=self._work, name=f"link-{name}", daemon=True)
        self._shut: str | None = None
        self._thread.start()

    async def run(self, priority: Priority, call: Callable[[], T]) -> T:
        """The result of `call` made on the worker's thread, or its exception."""
        return await asyncio.wrap_future(self.submit(priority, call))

    def submit(self, priority: Priority, call: Callable[[], T]) -> Future[T]:
        """Queue a job from any thread; raises nothing, a refusal is the future's exception.

        It runs in the caller's context, so that what is written down there knows the command it belongs to.
        """
        future: Future[T] = Future()
        context = contextvars.copy_context()
        self._queue.put((priority, next(self._number), (future, lambda: context.run(call))))
        return future

    def close_gate(self, why: str) -> None:
        """From now on, what sets or brings down ends with Rejected(why), queued or new; polls and kills go on."""
        self._shut = why

    def open_gate(self) -> None:
        """Take all jobs again."""
        self._shut = None

    def stop(self) -> None:
        """End after the job in progress; what waits is not executed."""
        self._queue.put((-1, next(self._number), None))

    def join(self, timeout: float) -> bool:
        """Wait at most `timeout` s for the thread's end; False if a job hangs."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            priority, _, job = self._queue.get()
            if job is None:
                return
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if (why := self._shut) is not None and priority in GATED:
                    raise Rejected(why)
                result = call()
            except BaseException as e:  # noqa: BLE001 the waiting side gets it, whatever it is
                future.set_exception(e)
            else:
                future.set_result(result)
