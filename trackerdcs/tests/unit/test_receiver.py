"""What a receiver says while its spool is full."""

import asyncio
import unittest
from unittest import mock

from trackerdcs.app import receiver
from trackerdcs.app.backoff import Backoff
from trackerdcs.app.receiver import Receiver
from trackerdcs.tests.waiting import until


class Full:
    """A backlog that is full, and shrinks with each look."""

    full = True
    left = 1000

    @property
    def waiting(self) -> int:
        self.left -= 1
        return self.left


class TestReceiver(unittest.IsolatedAsyncioTestCase):
    async def test_a_full_spool_that_shrinks_is_one_fault_and_not_one_for_each_message_less(self) -> None:
        backlog, heard, looks = Full(), set[str | None](), 0
        self.enterContext(mock.patch.object(receiver, "ROOM_S", 0.001))
        subject = Receiver(mock.Mock(fault=None), backlog, mock.Mock(), Backoff(1, 1))  # type: ignore[arg-type]
        waiting = asyncio.create_task(subject._room())
        while looks < 10:
            await asyncio.sleep(0.005)
            heard.add(subject.fault)
            looks += 1
        self.assertEqual(heard, {"spool: full with 999 messages that the store has not taken"})
        backlog.full = False
        await until(waiting.done)
        self.assertIsNone(subject.fault)


if __name__ == "__main__":
    unittest.main()
