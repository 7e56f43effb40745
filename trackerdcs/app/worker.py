"""One thread a link: whatever touches an instrument is a job in its priority queue, so nothing ever collides."""

import asyncio
import contextvars
import itertools
import logging
import queue
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


class Priority(IntEnum):
    """Who goes first; jobs of one priority keep their order."""

    KILL = 0
    DOWN = 1
    SET = 2
    POLL = 3


class _Job:
    """A call to make on the worker's thread, and the future that waits for it on the loop."""

    def __init__(self, call: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self.call, self.future, self.loop = call, future, future.get_loop()

    def run(self) -> None:
        if self.future.cancelled():
            return
        try:
            result, error = self.call(), None
        except BaseException as e:  # noqa: BLE001 the waiting side gets it, whatever it is
            result, error = None, e
        try:
            self.loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            log.warning("a job ended after its loop was closed")

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.cancelled():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class Worker:
    """Owns the thread of one link. A job that waits in the queue when its caller is cancelled is never executed."""

    def __init__(self, name: str) -> None:
        self._queue: queue.PriorityQueue[tuple[int, int, _Job | None]] = queue.PriorityQueue()
        self._number = itertools.count()
        self._thread = threading.Thread(target=self._work, name=f"link-{name}", daemon=True)
        self._thread.start()

    async def run(self, priority: Priority, call: Callable[[], T]) -> T:
        """The result of `call` made on the worker's thread, or its exception. It runs in the caller's context, so that
        what is written down there knows the command it belongs to."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        context = contextvars.copy_context()
        self._queue.put((priority, next(self._number), _Job(lambda: context.run(call), future)))
        return await future

    def stop(self) -> None:
        """End after the job in progress; what waits is not executed."""
        self._queue.put((-1, next(self._number), None))

    def join(self, timeout: float) -> bool:
        """Wait at most `timeout` s for the thread's end; False if a job hangs."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            _, _, job = self._queue.get()
            if job is None:
                return
            job.run()
