"""`trackerdcs deadletter` on the dead letters of a loader that goes on parking, with its real store."""

import asyncio
import json
import tempfile
import time
import unittest
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner, Result

from trackerdcs.adapters.deadletters_sqlite import Letter, SqliteDeadLetters, read_letters
from trackerdcs.adapters.gaps_sqlite import SqliteGaps, read_gaps
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.cli.main import app
from trackerdcs.domain.batch import AT_THE_DOOR
from trackerdcs.domain.codec import encode
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.gaps import account
from trackerdcs.domain.messages import Event, Frame
from trackerdcs.domain.series import Sample, Selection
from trackerdcs.ports import ParkedMessage
from trackerdcs.services import dead_letters
from trackerdcs.settings import load_stand

STAND = """\
stand: bench
data: {data}
store: {{kind: sqlite}}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}}}
"""
T = 1_700_000_000 * 10**9
TOPIC = "dcs/v1/bench/hv1/frame"


def frame(seq: int, v: object = 1) -> bytes:
    return encode(Frame(T + seq, seq, "b", "0", "hv", {"ch0": {"v_mon": seq / 2}})).replace(b'"v":1', b'"v":%a' % v)


class TestDeadLetter(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "stand.yaml"
        self.file.write_text(STAND.format(data=self.folder))
        self.path = self.folder / "loader.deadletters.sqlite"
        self.letters, self.gaps = SqliteDeadLetters(self.path), SqliteGaps(self.folder / "loader.gaps.sqlite")
        self.addCleanup(self.letters.close)
        self.addCleanup(self.gaps.close)
        self.gaps.open()
        lost = Event("lost", 1, "b", data={"boot": "b", "from": 4, "to": 5, "cause": "disk full"})
        for topic, payload, why in [
            (TOPIC, frame(0), "an older loader"),
            (TOPIC, frame(1), "an older loader"),
            (TOPIC, frame(2, v=9), "v: 2 is newer \x1b[31m"),
            ("dcs/v1/bench/env1/frame", b"\xff\x00nonsense" * 20, "not JSON"),
            ("dcs/v1/bench/hv1/event", encode(lost), "an older loader"),
        ]:
            self.letters.park([ParkedMessage(topic, payload, why, time.time_ns())])

    def run_it(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["deadletter", words[0], "-f", str(self.file), *words[1:]])

    def left(self) -> list[int]:
        return [letter.id for letter in read_letters(self.path)]

    def stored(self) -> list[Sample]:
        series = SqliteSeries(self.folder / "series.sqlite", read_only=True)
        return asyncio.run(series.samples(Selection("bench", "hv1", "ch0", "v_mon", 0, 2 * T)))

    def test_list_shows_what_when_why_and_how_it_begins(self) -> None:
        result = self.run_it("list")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertNotIn("\x1b", result.stdout)
        lines = result.stdout.splitlines()
        self.assertEqual((len(lines), lines[-1]), (17, "5 dead letters"))
        self.assertRegex(lines[1], rf"^ +1  20..-..-.. ..:..:.. +{len(frame(0))}  {TOPIC}$")
        self.assertEqual([line.strip() for line in lines[8:9]], ["v: 2 is newer ?[31m"])
        self.assertIn('{"v":1,"ts":1700000000000000000,"seq":0', lines[3])
        self.assertTrue(lines[12].strip().startswith("ff 00 6e"))
        self.assertIn("5 dead letters, the newest 2 of them", self.run_it("list", "--last", "2").stdout)

    def test_filters(self) -> None:
        for words, ids in [
            (["--topic", "dcs/v1/bench/+/frame"], [1, 2, 3, 4]),
            (["--cause", "OLDER"], [1, 2, 5]),
            (["--topic", "dcs/v1/bench/hv1/#", "--cause", "newer"], [3]),
            (["2", "4"], [2, 4]),
        ]:
            with self.subTest(words):
                found = json.loads(self.run_it("list", "--json", *words).stdout)
                self.assertEqual([letter["id"] for letter in found], ids)
        self.assertIn("not there, or otherwise than asked for: 99", self.run_it("list", "99").stderr)

    def test_retry_stores_what_can_be_and_leaves_the_rest_with_the_cause_of_today(self) -> None:
        for again in range(2):
            result = self.run_it("retry")
            self.assertEqual(result.exit_code, 1)
            self.assertIn(f"{0 if again else 3} stored, 2 stay", result.stdout)
            self.assertIn("3 stays: v: 9 is newer than 1", result.stdout)
            self.assertEqual([s.value for s in self.stored()], [0.0, 0.5])
            self.assertEqual(
                [(x.id, x.why[:15]) for x in read_letters(self.path)], [(3, "v: 9 is newer t"), (4, "not JSON: 'utf-")]
            )
        told = account(read_gaps(self.folder / "loader.gaps.sqlite", "bench").pieces, 0, 2 * T)
        self.assertEqual((told.stored, told.frames("lost")), (2, 2))
        self.letters.park([ParkedMessage(TOPIC, b"x", "parked meanwhile", 5)])
        self.assertEqual(len(self.letters), 3)

    def test_a_message_of_which_only_the_beginning_is_kept_stays_with_its_cause(self) -> None:
        why = f"{AT_THE_DOOR}2000000 bytes: a loader takes 1048576 at most"
        self.letters.park([ParkedMessage(TOPIC, frame(6), why, 5)])
        self.assertIn("6 stays: not taken in", self.run_it("retry").stdout)
        self.assertEqual([x.why for x in read_letters(self.path) if x.id == 6], [why])
        self.assertEqual(len(self.stored()), 2)

    def test_retry_of_a_foreign_topic_needs_its_mapping_and_the_cause_is_kept_until_then(self) -> None:
        self.letters.park([ParkedMessage("lab/box/t_air", b"21.5", "an older mapping", 7 * 10**9)])
        result = self.run_it("retry", "6")
        self.assertEqual(result.exit_code, 1)
        self.assertIn(
            "6 stays: a foreign topic, not tried: give the mapping file that reads it (--mapping)", result.stdout
        )
        self.assertEqual([x.why for x in read_letters(self.path)][5:], ["an older mapping"])
        mapping = self.folder / "mapping.yaml"
        mapping.write_text(
            "topics: {'lab/+/t_air': {payload: number, measurement: env, tags: {stand: bench, device: box}, "
            "fields: {t_air: {}}}}"
        )
        result = self.run_it("retry", "6", "--mapping", str(mapping))
        self.assertEqual((result.exit_code, self.left()), (0, [1, 2, 3, 4, 5]), result.output)
        series = SqliteSeries(self.folder / "series.sqlite", read_only=True)
        found = asyncio.run(series.samples(Selection("bench", "box", "-", "t_air", 0, 2 * T)))
        self.assertEqual([(s.ts, s.value) for s in found], [(7 * 10**9, 21.5)])

    def test_retry_cut_off_before_the_end_is_repeated_and_does_no_harm(self) -> None:
        stand, letters = load_stand(self.file), list(read_letters(self.path))
        with (
            patch.object(SqliteDeadLetters, "remove", side_effect=KeyboardInterrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            asyncio.run(dead_letters.retry(stand, "loader", letters[:2]))
        self.assertEqual(len(self.left()), 5)
        self.assertEqual(asyncio.run(dead_letters.retry(stand, "loader", letters[:2])), [])
        self.assertEqual([s.value for s in self.stored()], [0.0, 0.5])
        self.letters.remove(letters[2:])
        self.letters.park([ParkedMessage(TOPIC, frame(7), "another one under the number of one that is gone", 1)])
        self.letters.remove(letters)
        self.letters.blame([(letter, "wrong") for letter in letters])
        self.assertEqual([x.why[:7] for x in read_letters(self.path)], ["another"])

    def test_a_store_that_is_down_leaves_them_all(self) -> None:
        (self.folder / "series.sqlite").mkdir()
        result = self.run_it("retry")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("series.sqlite", result.stderr)
        self.assertEqual([x.why for x in read_letters(self.path)][:2], ["an older loader"] * 2)

    def test_drop_asks_says_what_it_removes_and_the_record_knows(self) -> None:
        result = self.run_it("drop")
        self.assertEqual((result.exit_code, self.left()), (2, [1, 2, 3, 4, 5]))
        for words, ids in [(["1"], [1, 2, 3, 4, 5]), (["--topic", "#", "--cause", "newer", "--yes"], [1, 2, 4, 5])]:
            result = self.run_it("drop", *words)
            self.assertEqual((result.exit_code, self.left()), (0 if "--yes" in words else 1, ids), result.output)
            self.assertIn(TOPIC, result.stdout)
        told = account(read_gaps(self.folder / "loader.gaps.sqlite", "bench").pieces, 0, 2 * T)
        self.assertEqual([(s.fate, s.first) for s in told.spans if s.fate == "dropped"], [("dropped", 2)])
        self.assertIn("dropped from the dead letters: v: 2 is newer", told.spans[-1].cause)
        self.assertIn("nothing was removed", self.run_it("drop", "--cause", "no such", "--yes").stdout)

    def test_what_is_not_there_or_damaged_is_said_and_left_as_it_is(self) -> None:
        result = self.run_it("list", "--loader", "loader-b")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("Loaders there: loader", result.stderr)
        (self.folder / "loader.deadletters.sqlite.damaged-1").write_text("x")
        self.assertIn("loader.deadletters.sqlite.damaged-1", self.run_it("list").stderr)
        self.letters.close()
        self.path.write_bytes(b"no database" * 1000)
        for command in ("list", "retry"):
            self.assertIn("cannot be read", self.run_it(command).stderr)
        guest = SqliteDeadLetters(self.path, guest=True)
        with self.assertRaises(StoreFault):
            guest.remove([Letter(1, 1, "t", "w", b"")])
        self.assertEqual(self.path.read_bytes(), b"no database" * 1000)
        self.path.unlink()
        with self.assertRaises(StoreFault):
            guest.remove([])
        self.assertFalse(self.path.exists())


if __name__ == "__main__":
    unittest.main()
