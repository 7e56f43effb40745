"""What `trackerdcs doctor` says of a broker and a database that it has tried: what would be lost, and what helps."""

import tempfile
import unittest
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.series_memory import MemorySeries
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.cli.doctor_findings import Finding
from trackerdcs.cli.doctor_probes import DISK, EMBEDDED, from_bucket, from_file, from_limits
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.probing import SESSION_S, BrokerLimits, BucketFacts, FileFacts, apart
from trackerdcs.domain.series import Point, RejectedPoint, Sample, Selection
from trackerdcs.services.probes import facts_of_file, write_and_read

NOW = 1_800_000_000
SHIPPED = BrokerLimits(SESSION_S, resumed=True, sent=1200, kept=1200, window=1000, loader_window=1200)
DEFAULT = replace(SHIPPED, kept=1000, window=20, loader_window=1000)


class Case(unittest.TestCase):
    def lines(self, findings: Iterable[Finding], *patterns: str) -> None:
        """One finding a pattern, in this order, the grade in front."""
        said = [f"{finding.grade} {finding.text}" for finding in findings]
        self.assertEqual(len(said), len(patterns), said)
        for line, pattern in zip(said, patterns, strict=True):
            self.assertRegex(line, pattern)


class Broker(Case):
    def test_ours(self) -> None:
        self.lines(
            from_limits(SHIPPED),
            "^OK broker kept all of 1200 messages for a client that was away$",
            "^OK broker has at least 1200 messages on their way to a loader at a time, 1000 to a client",
            "^OK broker grants a loader that is away 30 d; .*cannot be seen from here",
            "^OK .*cannot be seen from here: look for `persistence true`",
        )

    def test_a_short_queue_loses_in_silence(self) -> None:
        queue, window, *_ = from_limits(DEFAULT)
        pattern = "^WARN broker keeps 1000 messages .* drops the rest in silence: set max_queued_messages 0"
        self.lines([queue, window], pattern, "^OK .* at least 1000 .*, 20 to a client")

    def test_a_narrow_window(self) -> None:
        _, window, *_ = from_limits(replace(SHIPPED, window=32, loader_window=32))
        self.lines(
            [window], "^WARN broker has 32 messages on their way to a loader .* about 320 a second.*in flight to 1000"
        )
        _, window, *_ = from_limits(replace(DEFAULT, kept=10, window=10, loader_window=10))
        self.lines([window], "^OK .*at least 10 messages")

    def test_a_broker_that_forgets(self) -> None:
        *_, session, _ = from_limits(replace(SHIPPED, session_s=7200))
        self.lines([session], "^WARN broker forgets a loader that is away for 2 h")
        self.lines(from_limits(replace(SHIPPED, resumed=False, kept=0)), "^WARN broker forgets a loader that is away,")

    def test_what_does_not_work_at_all(self) -> None:
        self.lines(from_limits(BrokerLimits(0, qos=0)), "^FAIL broker takes QoS 0 only")
        retained, size, *_ = from_limits(replace(SHIPPED, retains=False, largest=4000))
        self.lines([retained, size], "^FAIL broker retains nothing", "^WARN .*at most 4000 bytes")
        self.assertEqual(len(list(from_limits(replace(SHIPPED, largest=10**6)))), 4)

    def test_the_embedded_one_is_no_reason_to_worry(self) -> None:
        self.lines([EMBEDDED], "^OK .*keeps nothing for a loader that is away: devices' journals")


class Bucket(Case):
    def of(self, retention_s: int | None, clock: int | None, late: float = 0.5) -> list[Finding]:
        """At a moment when our clock shows NOW and so many seconds."""
        at = int((NOW + late) * 10**9)
        return list(from_bucket("tracker", BucketFacts(retention_s, clock), at, at + 10**7))

    def test_retention(self) -> None:
        fine = "^OK clock of the database agrees with this one within 1 s$"
        self.lines(self.of(0, NOW), "^OK bucket tracker keeps values for ever", fine)
        self.lines(self.of(30 * 86400, NOW), "^WARN values older than 30 d are removed from bucket tracker: set", fine)
        self.lines(self.of(5400, NOW), "^WARN values older than 1.5 h are removed", fine)
        self.lines(self.of(None, NOW), "^OK .*cannot be seen with this token", fine)

    def test_clock(self) -> None:
        for clock, pattern in (
            (NOW - 1, "^OK .*within 2 s"),
            (NOW - 7, "^WARN clock of the database is 6 s behind this one"),
            (NOW + 7, "^WARN clock of the database is 6 s ahead of this one"),
            (None, "^OK clock of the database cannot be seen"),
        ):
            self.lines(self.of(0, clock)[1:], pattern)

    def test_a_cut_second_is_no_difference(self) -> None:
        second = 10**9
        self.assertEqual(apart(NOW, NOW * second, NOW * second), 0.0)
        self.assertEqual(apart(NOW, (NOW + 1) * second - 1, (NOW + 1) * second - 1), 0.0)
        self.assertEqual(apart(NOW, (NOW - 3) * second, (NOW + 3) * second), 0.0)
        self.assertEqual(apart(NOW, (NOW + 3) * second, (NOW + 3) * second), 2.0)
        self.assertEqual(apart(NOW, (NOW - 2) * second, (NOW - 2) * second), -2.0)


class Stored(unittest.IsolatedAsyncioTestCase, Case):
    async def test_a_value_is_written_and_read_in_a_series_of_its_own(self) -> None:
        series, clock = MemorySeries(), SystemClock()
        began = clock.now()
        self.assertGreater(await write_and_read(series, clock), 0.0)
        await write_and_read(series, clock)
        found = await series.samples(Selection("site", "doctor", None, "probe", began, clock.now()))
        self.assertEqual(len(found), 2)

    async def test_one_that_is_refused_or_not_there_is_said(self) -> None:
        class Refusing(MemorySeries):
            async def write(self, points: Iterable[Point]) -> list[RejectedPoint]:
                return [RejectedPoint(point, "too old") for point in points]

        class Forgetting(MemorySeries):
            async def samples(self, selection: Selection) -> list[Sample]:
                return []

        for series, why in ((Refusing(), "refused: too old"), (Forgetting(), "taken, and is not there")):
            with self.assertRaisesRegex(StoreDown, why):
                await write_and_read(series, SystemClock())

    async def test_the_file_is_looked_at_and_left_as_it_is(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "series.sqlite")
            with self.assertRaisesRegex(StoreDown, "series.sqlite"):
                facts_of_file(path)
            self.assertEqual(list(Path(folder).iterdir()), [])
            loader = SqliteSeries(path)
            await loader.write([Point("hv", (("stand", "demo"), ("device", "hv1")), NOW * 10**9, {"v_mon": 1.0})])
            before = path.read_bytes()
            facts = facts_of_file(path)
            self.assertEqual(facts.mode, "wal")
            self.assertGreater(facts.free, 0)
            self.assertEqual(path.read_bytes(), before)
            await loader.close()

    def test_disk_and_mode(self) -> None:
        self.lines(
            from_file("series.sqlite", FileFacts("wal", 81 * 10**9)), "^OK disk of series.sqlite has 81.0 GB left$"
        )
        self.lines(
            from_file("series.sqlite", FileFacts("delete", DISK - 1)),
            "^WARN store series.sqlite is in mode delete, a reader makes the loader wait",
            "^WARN disk of series.sqlite has 0.5 GB left, and once it is full nothing is stored: make space",
        )


if __name__ == "__main__":
    unittest.main()
