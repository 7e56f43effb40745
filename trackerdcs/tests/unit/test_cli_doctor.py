"""What `trackerdcs doctor` makes of what it heard and of the files beside it."""

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.deadletters_sqlite import SqliteDeadLetters
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.cli.clients import Place, demo_file
from trackerdcs.cli.doctor_findings import (
    WAITING,
    Finding,
    from_alarms,
    from_clock,
    from_device,
    from_files,
    from_loaders,
    from_outside,
)
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import Frame
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Entry, ParkedMessage
from trackerdcs.services.client import rows_in
from trackerdcs.settings import load_stand
from trackerdcs.tests.overview_bench import START, OverviewBench


class Heard(unittest.TestCase):
    def setUp(self) -> None:
        self.bench = OverviewBench()

    def device(self, at: float = 0.0) -> Finding:
        return from_device(self.bench.overview.devices["demo", "hv1"], self.bench.moment(at))

    def check(self, finding: Finding | None, grade: str, pattern: str) -> None:
        assert finding is not None
        self.assertEqual(finding.grade, grade, finding.text)
        self.assertRegex(finding.text, pattern)

    def test_rule_19_an_owner_silent_for_three_heartbeats_is_an_alarm(self) -> None:
        self.bench.status("demo/hv1")
        self.check(self.device(29.0), "WARN", "hv1 is online, said 29 s ago, but no frame")
        self.check(self.device(31.0), "FAIL", "hv1 is silent, said 31 s ago")

    def test_devices(self) -> None:
        self.bench.hv(v_mon=1.0)
        self.check(self.device(), "FAIL", "hv1 is not there: no status")
        self.bench.status("demo/hv1")
        self.check(self.device(2.0), "OK", "demo/hv1 is online, said 2.0 s ago, frames come")
        self.check(self.device(31.0), "FAIL", "hv1 is silent, said 31 s ago")
        self.bench.hv(v_mon=1.0, at=31.0)
        self.check(self.device(31.0), "WARN", "hv1 sends frames, but no heartbeat, said 31 s ago")
        self.bench.status("demo/hv1", "fault", "link refused")
        self.check(self.device(), "WARN", "has a fault.*: link refused")
        self.bench.status("demo/hv1", "offline", "last will")
        self.check(self.device(), "FAIL", "offline.*: last will$")
        self.bench.hv(on=True, v_mon=-300.0, at=1.0)
        self.check(
            self.device(), "FAIL", "last will; its HV WAS ON when last seen, ch0 at -300.00 V.*kill demo --direct"
        )

    def test_a_device_that_only_the_broker_remembers(self) -> None:
        self.bench.status("demo/hv1")
        self.bench.hv(retained=True, at=-5.0, v_mon=1.0)
        self.check(self.device(), "WARN", "no frame came while listening")

    def test_clocks(self) -> None:
        for behind, grade, pattern in [
            (0.4, "OK", "within 0.4"),
            (7.0, "WARN", "7.0 s behind"),
            (-7.0, "WARN", "ahead"),
        ]:
            bench = OverviewBench()
            bench.hear("demo/hv1/frame", Frame(START - int(behind * 1e9), 0, "b1", "0", "hv", {}))
            self.check(from_clock(bench.overview.devices["demo", "hv1"]), grade, pattern)
        self.bench.hv(retained=True, at=-50.0, v_mon=1.0)
        self.assertIsNone(from_clock(self.bench.overview.devices["demo", "hv1"]))

    def test_an_alarm_service_that_is_gone_is_said(self) -> None:
        self.assertEqual(list(from_alarms(self.bench.overview, self.bench.moment())), [], "none was ever heard")
        self.bench.status("demo/alarms")
        for at, grade, text in ((1.0, "OK", "online"), (31.0, "FAIL", "silent; nobody is told")):
            (finding,) = from_alarms(self.bench.overview, self.bench.moment(at))
            self.check(finding, grade, text)
        self.bench.status("demo/alarms", "fault", "disk full")
        (finding,) = from_alarms(self.bench.overview, self.bench.moment())
        self.check(finding, "WARN", "fault: disk full")

    def test_loaders(self) -> None:
        (finding,) = from_loaders(self.bench.overview, self.bench.moment())
        self.check(finding, "FAIL", "no loader is online")
        self.bench.status("site/loader", "offline")
        self.bench.status("site/loader-b")
        self.bench.frame("site/loader-b", "loader", {"-": {"parked": 3.0}})
        offline, online, parked = from_loaders(self.bench.overview, self.bench.moment(1.0))
        self.check(offline, "WARN", "loader is offline")
        self.check(online, "OK", "loader-b is online, said 1.0 s ago")
        self.check(
            parked, "WARN", r"loader-b has parked 3 messages .*\(see trackerdcs deadletter list --loader loader-b\)$"
        )

    def test_a_loader_that_does_not_keep_up(self) -> None:
        self.bench.status("site/loader")
        for age, lines in [(29.0, 1), (90.0, 2)]:
            self.bench.frame("site/loader", "loader", {"-": {"waiting": 5000.0, "spool_age": age}})
            found = list(from_loaders(self.bench.overview, self.bench.moment(1.0)))
            self.assertEqual(len(found), lines)
        self.check(found[-1], "WARN", "^loader has 5000 messages in its spool, the oldest for 90 s: more come than")

    def test_a_broker_that_does_not_answer(self) -> None:
        stand = load_stand(demo_file())
        for bus, pattern in [(stand.bus, "Is `trackerdcs demo` running"), (BusConfig(), "Is it running")]:
            where = Place(replace(stand, bus=bus), "bench.yaml")
            self.assertRegex(where.no_broker, rf"^no broker answers at .* \(from bench.yaml\). {pattern}\?")

    def test_messages_outside_the_contract(self) -> None:
        self.bench.hear("demo/hv1/frame", b'{"v":7}')
        (finding,) = from_outside(self.bench.overview)
        self.check(finding, "WARN", "1 messages outside the contract, newer version; last dcs/v1/demo/hv1/frame: v: 7")


class Files(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_journals_and_dead_letters_that_their_owners_have_open(self) -> None:
        journal = SqliteJournal(self.folder / "hv1.journal.sqlite")
        letters = SqliteDeadLetters(self.folder / "loader.deadletters.sqlite")
        self.addCleanup(journal.close)
        self.addCleanup(letters.close)
        journal.append([Entry("b", 0, b"x")])
        self.assertEqual(len(letters), 0)
        found = list(from_files(self.folder, ["hv1", "hv2"]))
        self.assertEqual([finding.grade for finding in found], ["OK", "OK"])
        self.assertRegex(found[0].text, "journal of hv1: 1 frames not yet stored")
        self.assertRegex(found[1].text, "loader.deadletters.sqlite: 0")
        journal.append([Entry("b", seq, b"x") for seq in range(1, WAITING + 1)])
        letters.park([ParkedMessage("topic", b"payload", "why", 1)])
        found = list(from_files(self.folder, ["hv1"]))
        self.assertEqual([finding.grade for finding in found], ["WARN", "WARN"])

    def test_a_damaged_file_is_said_and_left_as_it_is(self) -> None:
        path = self.folder / "hv1.journal.sqlite"
        path.write_bytes(b"no database" * 1000)
        (finding,) = from_files(self.folder, ["hv1"])
        self.assertEqual(finding.grade, "WARN")
        self.assertIn("cannot be read", finding.text)
        self.assertEqual(path.read_bytes(), b"no database" * 1000)

    def test_a_look_makes_no_file(self) -> None:
        path = self.folder / "hv1.journal.sqlite"
        with self.assertRaisesRegex(StoreFault, "hv1.journal.sqlite: cannot be read"):
            rows_in(path, "frames")
        self.assertFalse(path.exists())

    def test_nothing_local(self) -> None:
        self.assertEqual(list(from_files(self.folder / "nowhere", ["hv1"])), [])
        self.assertFalse((self.folder / "nowhere").exists())


if __name__ == "__main__":
    unittest.main()
