"""All services of a stand with their own logins on the broker as it is shipped: the list grants what they need."""

import os
import sqlite3
import tempfile
import time
import unittest
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from trackerdcs.adapters.gaps_sqlite import read_gaps
from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import Alarm
from trackerdcs.domain.run_links import BindingQuery, CommandQuery, StoredCommand
from trackerdcs.services.secret_folder import fill
from trackerdcs.settings import load_stand
from trackerdcs.sim.control import ask
from trackerdcs.tests import forked
from trackerdcs.tests.lab_broker import LabBroker
from trackerdcs.tests.mqtt_talker import Talker
from trackerdcs.tests.servers import HOST, free_port
from trackerdcs.tests.service import Forked

PATIENCE_S = 20.0
"""Less than the 30 s after which a journal sends again: what is stored sooner, the broker has kept."""
DEVICES = ("hv1", "lv1", "env1")
STORED = (*DEVICES, "derived")
FILE = """
stand: bench
data: {data}
bus: {{host: localhost, port: {port}, passwords: {secrets}/{folder}/mqtt{ca}}}
users: {{cli: expert}}
sim: {{control: {control}, speed: 10}}
interlocks:
  dry_air:
    action: ramp_down
    conditions:
      humidity: {{of: env1.rh, max: 60, hysteresis: 5, accuracy: 2, frozen_after: 600}}
alarms:
  damp: {{quantity: rh, above: 65, hysteresis: 2, guidance: open the dry air}}
devices:
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{hv1}::SOCKET"}}
    period: 0.2
    channels:
      ch0: {{v_min: -800, v_max: 0, i_limit_max: 2e-5, ramp_up: 100, ramp_down: 100, kill_rate: 100, module: m-1}}
  lv1:
    driver: hmp4040
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{lv1}::SOCKET"}}
    period: 0.2
    channels:
      ch1: {{v_min: 0, v_max: 12.5, i_limit_max: 2, module: m-1}}
  env1:
    driver: env_board
    sim: true
    link: {{resource: "ASRL{run}/env1.tty::INSTR"}}
    period: 0.2
derived:
  air: {{formula: dew_point, inputs: {{t_air: env1.t_air, rh: env1.rh}}}}
"""


class TestServices(unittest.TestCase):
    folder: ClassVar[Path]
    broker: ClassVar[LabBroker]
    known: ClassVar[dict[str, object]]
    loader: ClassVar[Forked]
    alarms: ClassVar[Forked]
    cli: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        state = {"TRACKERDCS_STATE": str(folder / "state")}
        cls.enterClassContext(patch.dict(os.environ, state))
        cls.known = {"control": free_port(), "hv1": free_port(), "lv1": free_port(), "run": folder}
        cls.known["secrets"] = folder / "secrets"
        any_file = cls.file("cli", "cli", 1883)
        fill(folder / "secrets", [load_stand(any_file)])
        cls.broker = cls.enterClassContext(LabBroker(folder / "secrets"))
        cls.enterClassContext(Forked(["sim", "run", str(any_file)], "env1: simulated at"))
        cls.loader = cls.enterClassContext(Forked(["loader", str(cls.file("loader", "loader", cls.broker.port))]))
        cls.enterClassContext(Forked(["recorder", str(cls.file("recorder", "recorder", cls.broker.port))]))
        cls.enterClassContext(Forked(["guard", str(cls.file("guard", "bench-guard", cls.broker.port))]))
        cls.alarms = cls.enterClassContext(Forked(["alarms", str(cls.file("alarms", "bench-alarms", cls.broker.port))]))
        for name in DEVICES:
            cls.enterClassContext(Forked(["device", str(cls.file(name, f"bench-{name}", cls.broker.port)), name]))
        cls.enterClassContext(Forked(["derived", str(cls.file("derived", "bench-derived", cls.broker.port))]))
        deadline = time.monotonic() + PATIENCE_S
        while not all(map(cls.is_stored, STORED)):
            assert time.monotonic() < deadline, f"nothing is stored\n{cls.loader.log()}"
            time.sleep(0.1)
        # As a laptop elsewhere: over TLS, and without the sockets of the services.
        cls.cli = cls.file("cli", "cli", cls.broker.tls_port, ca=True)

    @classmethod
    def file(cls, name: str, folder: str, port: int, ca: bool = False) -> Path:
        """The stand file as it is in one container: with the secrets of that one alone."""
        path, trust = cls.folder / f"{name}.yaml", f", ca: {cls.folder}/secrets/ca/ca.crt" if ca else ""
        path.write_text(FILE.format(folder=folder, port=port, ca=trust, data=cls.folder / "data" / name, **cls.known))
        return path

    @classmethod
    def is_stored(cls, device: str) -> bool:
        """True when the loader has stored something of a device."""
        try:
            return bool(read_gaps(cls.folder / "data" / "loader" / "loader.gaps.sqlite", "bench", device).pieces)
        except StoreFault:  # it has no record yet
            return False

    def tried(self, *arguments: str) -> tuple[int, str]:
        done = forked.trackerdcs(arguments, os.environ | {"TRACKERDCS_STAND_FILE": str(self.cli)})
        return done.returncode, done.stdout + done.stderr

    def trackerdcs(self, *arguments: str) -> str:
        code, said = self.tried(*arguments)
        self.assertEqual(code, 0, said)
        return said

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)

    def hv(self) -> dict[str, object]:
        channels = ask(HOST, int(str(self.known["control"])), {"op": "state"})["devices"]["hv1"]["channels"]
        found: dict[str, object] = channels["ch0"]
        return found

    def waiting(self) -> set[tuple[str, int]]:
        """Frames of all devices that are not known to be stored."""
        found = set()
        for device in STORED:
            path = self.folder / "data" / device / f"{device}.journal.sqlite"
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
                found |= {(device, seq) for (seq,) in db.execute("SELECT seq FROM frames")}
        return found

    def up(self) -> None:
        said = ("--reason", "test")
        self.trackerdcs("send", "bench", "lv1", "on", "ch1", *said)
        self.trackerdcs("send", "bench", "hv1", "set_voltage", "ch0", "--arg", "v=-50", *said)
        self.until(lambda: self.tried("send", "bench", "hv1", "on", "ch0", *said)[0] == 0, "interlock ok, and lv1 on")
        self.assertTrue(self.hv()["on"])

    def test_commands_interlock_reset_and_kill(self) -> None:
        self.up()
        self.trackerdcs("sim", "fault", "bench", "env1", "offset", "--arg", "quantity=rh", "--arg", "by=40")
        self.until(lambda: not self.hv()["on"], "the guard's interlock brings the voltage down")
        self.trackerdcs("sim", "clear", "bench", "env1")
        reset = ("send", "bench", "guard", "reset", "--arg", "interlock=dry_air", "--reason", "test")
        self.until(lambda: self.tried(*reset)[0] == 0, "the guard takes a reset")
        self.trackerdcs("send", "bench", "hv1", "clear_trip", "ch0", "--reason", "test")
        self.up()
        self.assertIn("by topic", self.trackerdcs("kill", "bench"))
        self.assertFalse(self.hv()["on"])
        with closing(SqliteRuns(self.folder / "data" / "recorder" / "runs.sqlite", guest=True)) as store:

            def recorded(cmd: str) -> list[StoredCommand]:
                return [each for each in store.commands(CommandQuery("bench", cmd=cmd)) if each.state == "done"]

            self.until(lambda: any(kill.user == "cli" for kill in recorded("kill")), "the kill is recorded")
            self.assertEqual({(each.device, each.user) for each in recorded("reset")}, {("guard", "cli")})
            self.assertEqual(store.bindings(BindingQuery("bench", "hv1"))[0].module, "m-1")

    def alarm(self, name: str) -> Alarm:
        """What the broker keeps of an alarm."""
        talker = Talker(self.broker.port, "cli", self.broker.password("cli"))
        with talker:
            said = [payload for _, payload in talker.came(f"dcs/v1/bench/alarm/{name}")]
        return decode(Alarm, said[0]) if said else Alarm("not_evaluated", "info", 0, 0, 0, "", "none yet")

    def test_an_alarm_is_acknowledged_and_that_outlives_a_kill_of_its_service(self) -> None:
        self.until(lambda: self.alarm("damp-env1").state == "normal", "it hears the sensor")
        self.until(lambda: self.alarm("loader").state == "normal", "and the loader")
        self.trackerdcs("sim", "fault", "bench", "env1", "offset", "--arg", "quantity=rh", "--arg", "by=40")
        self.until(lambda: self.alarm("damp-env1").state == "raised", "a raised alarm")
        said = ("--arg", "comment=valve ordered", "--reason", "test")
        self.trackerdcs("send", "bench", "alarms", "ack", "--arg", "alarm=damp-env1", *said)
        boot = self.alarm("damp-env1").boot
        self.alarms.kill()
        self.alarms.restart()
        self.until(lambda: self.alarm("damp-env1").boot != boot, "it is said again")
        acked = self.alarm("damp-env1")
        self.assertEqual((acked.state, acked.by, acked.comment), ("acknowledged", "cli", "valve ordered"))
        written = self.trackerdcs("ledger", "bench", "--device", "alarms", "--file", str(self.folder / "alarms.yaml"))
        self.assertIn("valve ordered", written)
        self.trackerdcs("sim", "clear", "bench", "env1")
        self.until(lambda: self.alarm("damp-env1").state == "normal", "it has gone")
        reset = ("send", "bench", "guard", "reset", "--arg", "interlock=dry_air", "--reason", "test")
        self.until(lambda: self.tried(*reset)[0] == 0, "the guard takes a reset")

    def test_frames_are_stored_and_the_journals_told_so(self) -> None:
        now: set[tuple[str, int]] = set()
        while len(now) < 6:
            now |= self.waiting()
        self.until(lambda: not now & self.waiting(), "the loader's word arrives")

    def test_what_comes_while_the_loader_is_away_is_kept_over_a_restart_of_the_broker(self) -> None:
        """An access list for each listener has to hold for a client that is away, too."""
        self.loader.kill()
        kept = self.spoken()
        self.broker.restart()
        time.sleep(2)  # the devices are back
        kept |= self.spoken()
        self.loader.restart()
        self.until(lambda: not kept & self.waiting(), "the broker has kept it")

    def spoken(self) -> set[tuple[str, int]]:
        """What the broker has acknowledged within a second."""
        before = self.waiting()
        time.sleep(1)
        now = self.waiting()
        time.sleep(0.1)
        self.assertGreater(len(now - before), 5)
        return now - before

    def test_the_doctor_tries_the_broker(self) -> None:
        _, said = self.tried("doctor", "--listen", "1")
        self.assertIn("broker kept all of 1200 messages", said)
        self.assertIn("OK   loader is online", said)


if __name__ == "__main__":
    unittest.main()
