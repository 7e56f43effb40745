"""A spool keeps what it was told, over restarts, and a damaged file costs no more than what was damaged."""

import logging
import random
import sqlite3
import tempfile
import unittest
from contextlib import closing
from pathlib import Path
from unittest import mock

from trackerdcs.adapters import spool_sqlite
from trackerdcs.adapters.spool_sqlite import SqliteSpool
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import StoreFault

T0 = 1_700_000_000_000_000_000


def some(number: int) -> list[Arrival]:
    return [
        Arrival("dcs/v1/bench/hv1/frame", b"%d" % number * 100),
        Arrival("t", b"", True),
        Arrival("", b"x", False, "w"),
    ]


class SpoolCase(unittest.TestCase):
    """A spool in a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "new" / "loader.spool.sqlite"

    def open(self) -> SqliteSpool:
        spool = SqliteSpool(self.path)
        self.addCleanup(spool.close)
        return spool

    def filled(self, batches: int) -> SqliteSpool:
        spool = self.open()
        for number in range(1, batches + 1):
            spool.append(some(number), T0 + number, [])
        return spool

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as db, db:
            return db.execute(statement, values).fetchall()

    def damage(self) -> None:
        """So that the next use finds it out: no page but the first can be read."""
        with self.path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * (self.path.stat().st_size - 100))


class TestSpool(SpoolCase):
    def test_what_is_appended_is_there_after_a_restart_and_in_order(self) -> None:
        spool = self.open()
        told = [spool.append(some(number), T0 - number, []) for number in range(20)]
        self.assertEqual([s.number for s in told], sorted(s.number for s in told))
        spool.close()
        again = self.open()
        self.assertEqual(again.waiting(), told)
        for number, spooled in enumerate(told):
            self.assertEqual(again.read(spooled.number), some(number))
            self.assertEqual((spooled.arrived, spooled.messages), (T0 - number, 3))
        self.assertEqual(sum(s.size for s in told), self.sql("SELECT sum(length(block)) FROM batches")[0][0])

    def test_done_batches_go_with_the_next_one_in_one_commit(self) -> None:
        spool = self.filled(3)
        with mock.patch.object(spool_sqlite, "NEXT", "no_such_function(?)"), self.assertRaises(StoreFault):
            spool.append(some(4), T0, [1, 2])
        self.assertEqual([s.number for s in spool.waiting()], [1, 2, 3])
        spool.append(some(4), T0, [1, 2, 77])
        self.assertEqual([s.number for s in spool.waiting()], [3, 4])
        spool.remove([3])
        spool.remove([])
        self.assertEqual([s.number for s in self.open().waiting()], [4])

    def test_a_number_never_comes_again(self) -> None:
        spool = self.filled(3)
        spool.remove([1, 2, 3])
        spool.close()
        self.assertEqual(self.open().append(some(0), T0, []).number, 4)

    def test_many_are_done_at_once(self) -> None:
        spool = self.filled(2)
        spool.remove(range(100_000))
        self.assertEqual(spool.waiting(), [])

    def test_a_disk_that_fills_keeps_room_for_those_who_empty_the_spool(self) -> None:
        spool, big = self.open(), [Arrival("t", b"x" * 100_000)]
        for _ in range(3):
            spool.append(big, T0, [])
        left = mock.Mock(free=spool_sqlite.RESERVE - 1)
        with mock.patch("shutil.disk_usage", return_value=left):
            with self.assertRaisesRegex(StoreFault, "the disk has 63 MB left, 64 MB are kept free"):
                spool.append(big, T0, [])
            self.assertEqual([each.number for each in spool.waiting()], [1, 2, 3])
            spool.append(big, T0, [1, 2])  # there is room inside the file
            self.assertEqual([each.number for each in spool.waiting()], [3, 4])
            spool.remove([3, 4])
            self.assertEqual([spool.append(big, T0, []).number for _ in range(2)], [5, 6])
            with self.assertRaises(StoreFault):
                for _ in range(3):
                    spool.append(big, T0, [])

    def test_filters_that_ever_were_and_are_no_more(self) -> None:
        spool = self.open()
        self.assertEqual(spool.swap_filters(["a", "b"]), [])
        self.assertEqual(spool.swap_filters(["b", "c", "c"]), ["a"])
        spool.close()
        again = self.open()
        self.assertEqual(again.swap_filters(["c"]), ["a", "b"])
        self.assertEqual(again.swap_filters(["a"]), ["b", "c"])
        self.assertEqual(again.swap_filters([]), ["a", "b", "c"])

    def test_a_folder_that_cannot_be_written_is_a_fault_and_heals(self) -> None:
        self.path.parent.write_text("a file where the folder should be")
        spool = self.open()
        for use in (spool.open, spool.waiting, lambda: spool.append(some(1), T0, []), lambda: spool.read(1)):
            with self.assertRaisesRegex(StoreFault, str(self.path)):
                use()
        self.path.parent.unlink()
        self.assertEqual(spool.append(some(1), T0, []).number, 1)
        self.assertIsNone(spool.aside)

    def test_a_locked_file_is_a_fault_and_heals(self) -> None:
        spool = self.filled(1)
        with closing(sqlite3.connect(self.path)) as other, mock.patch.object(sqlite3, "connect", _impatient):
            spool.close()
            spool.waiting()
            other.execute("BEGIN IMMEDIATE")
            with self.assertRaisesRegex(StoreFault, "locked"):
                spool.append(some(2), T0, [1])
            other.rollback()
            self.assertEqual(spool.append(some(2), T0, [1]).number, 2)
        self.assertEqual([s.number for s in spool.waiting()], [2])


class TestDamage(SpoolCase):
    def test_a_flipped_byte_costs_its_own_batch_only(self) -> None:
        spool = self.filled(3)
        (block,) = self.sql("SELECT block FROM batches WHERE number = 2")[0]
        assert isinstance(block, bytes)
        for at in (0, 5, 30, len(block) - 1):
            bad = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
            self.sql("UPDATE batches SET block = ? WHERE number = 2", bad)
            (refused,) = spool.read(2)
            self.assertEqual((refused.topic, refused.payload), ("", bad))
            self.assertIn("batch 2 of the spool is damaged", refused.refused)
        self.assertEqual([spool.read(1), spool.read(3)], [some(1), some(3)])
        self.assertIsNone(spool.aside)

    def test_a_batch_that_is_no_block_for_all_its_checksum(self) -> None:
        spool = self.filled(1)
        self.sql("UPDATE batches SET block = ?, crc = 0", b"")
        self.assertIn("damaged: a block of 0 bytes", spool.read(1)[0].refused)

    def test_values_of_other_types_are_damage_and_no_bug(self) -> None:
        spool = self.filled(3)
        self.sql("UPDATE batches SET block = CAST(x'ff41' AS TEXT), arrived = 'x', messages = 1.5 WHERE number = 2")
        self.sql("UPDATE batches SET arrived = 9223372036854775807, messages = -1 WHERE number = 3")
        figures = [s[:3] for s in spool.waiting()]
        self.assertEqual(figures, [(1, T0 + 1, 3), (2, 0, 0), (3, 0, 0)])
        self.assertEqual(spool.read(2)[0].payload, b"\xffA")
        self.assertIn("damaged", spool.read(2)[0].refused)

    def test_a_damaged_file_is_set_aside_and_the_spool_goes_on_above_its_numbers(self) -> None:
        spool = self.filled(4)
        spool.close()
        self.damage()
        with self.assertLogs("trackerdcs", "ERROR"):
            self.assertEqual(spool.append(some(9), T0, [1, 2]).number, 5, "1 to 4 may still be in somebody's hands")
        self.assertEqual(spool.aside, f"{self.path.name}.damaged-1")
        self.assertTrue(self.path.with_name(f"{self.path.name}.damaged-1").exists())
        (gone,) = spool.read(3)
        self.assertEqual((gone.topic, gone.payload), ("", b""))
        self.assertIn(f"batch 3 of the spool is gone: {self.path} was damaged", gone.refused)
        self.assertEqual(spool.read(5), some(9))

    def test_numbers_that_a_start_has_found_count_as_well(self) -> None:
        self.filled(4).close()
        spool = self.open()
        self.assertEqual(len(spool.waiting()), 4)
        spool.close()
        self.damage()
        with self.assertLogs("trackerdcs", "ERROR"):
            self.assertEqual(spool.append(some(9), T0, []).number, 5)

    def test_a_second_damaged_file_gets_a_name_of_its_own(self) -> None:
        for number in (1, 2):
            spool = self.filled(1)
            spool.close()
            self.damage()
            with self.assertLogs("trackerdcs", "ERROR"):
                spool.open()
            self.assertEqual(spool.aside, f"{self.path.name}.damaged-{number}")
            spool.close()

    def test_any_flipped_bit_of_the_file_is_a_fault_or_an_answer_and_is_over_soon(self) -> None:
        spool = self.filled(6)
        spool.remove([2])
        spool.swap_filters(["a", "b"])
        spool.close()
        whole = self.path.read_bytes()
        places = [at for at, byte in enumerate(whole) if byte and at not in (18, 19)]  # a file that says "read-only"
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        dice = random.Random(20261128)
        for at in [*places[:20], *dice.sample(places, 130)]:
            for old in self.path.parent.iterdir():
                old.unlink()
            bit = 1 << dice.randrange(8)
            self.path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            with self.subTest(at=at, bit=bit):
                self.use(self.open())

    def use(self, spool: SqliteSpool) -> None:
        for attempt in (1, 2, 3):
            try:
                waiting = spool.waiting()
                for spooled in waiting:
                    self.assertTrue(all(type(value) is int for value in spooled))
                    for arrival in spool.read(spooled.number):
                        self.assertIsInstance(arrival.payload, bytes)
                number = spool.append([Arrival("t", b"new")], T0, [1]).number
                self.assertGreater(number, max((s.number for s in waiting), default=0))
                self.assertEqual(spool.read(number), [Arrival("t", b"new")])
                self.assertNotIn("c", spool.swap_filters(["c"]))
            except StoreFault:
                if attempt == 3:
                    raise
                continue
            break
        spool.close()


_connect = sqlite3.connect


def _impatient(name: str, **options: object) -> sqlite3.Connection:
    return _connect(name, **{**options, "timeout": 0.05})  # type: ignore[call-overload, no-any-return]
