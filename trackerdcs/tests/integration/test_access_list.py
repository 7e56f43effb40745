"""Who may write and read what, on the real broker as it is shipped: each user tries each kind of topic.

The table is written by hand from the contract, never derived from the code that writes the list.
"""

import tempfile
import unittest
from pathlib import Path
from typing import ClassVar

from trackerdcs.domain.access_list import Bench, access_list
from trackerdcs.services.secret_folder import fill
from trackerdcs.settings import load_stand
from trackerdcs.tests.documents import ROOT, blocks
from trackerdcs.tests.lab_broker import ONLOOKER, LabBroker, with_onlooker
from trackerdcs.tests.mqtt_talker import Talker

STAND = """
stand: {stand}
calibrations: {{ph2acf1: {{sim: true, calibrations: {{x: {{}}}}}}}}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}}}
  env1: {{driver: env_board, link: {{resource: "TCPIP::127.0.0.1::15002::SOCKET"}}}}
derived: {{air: {{formula: dew_point, inputs: {{t_air: env1.t_air, rh: env1.rh}}}}}}
"""
HV1, ENV1, GUARD, LOADER = "bench/hv1", "bench/env1", "bench/guard", "site/loader"
ALARMS, STRANGE_ALARMS = "bench/alarms", "other/alarms"
BRIDGE, DERIVED, STRANGE_DERIVED = "bench/ph2acf1", "bench/derived", "other/derived"
LOADER_B, STRANGE_HV1, STRANGE_GUARD = "site/loader-b", "other/hv1", "other/guard"
RECORDER = "site/recorder"
CLI, NODERED, WEB = "cli", "nodered", "web"
USERS = (
    *(HV1, ENV1, GUARD, ALARMS, BRIDGE, DERIVED, LOADER, LOADER_B),
    *(STRANGE_HV1, "other/env1", STRANGE_GUARD, STRANGE_ALARMS, STRANGE_DERIVED),
    *(CLI, NODERED, WEB, RECORDER),
)
NOBODY: set[str] = set()
LOADERS = {LOADER, LOADER_B}
PEOPLE = {CLI, NODERED, WEB}
WATCHERS = {GUARD, ALARMS, BRIDGE} | LOADERS | PEOPLE
"""Who reads all of the stand `bench`."""
BENCH = {HV1, ENV1}
DEVICES = {HV1, ENV1, STRANGE_HV1, "other/env1"}
STRANGERS = {STRANGE_GUARD, STRANGE_ALARMS} | LOADERS | PEOPLE
"""The same, of the stand `other`."""
SITE = LOADERS | PEOPLE
KEPT = {RECORDER}
"""Who keeps what was commanded, and where modules are."""
WATCH_SITE = {ALARMS, STRANGE_ALARMS}
"""Who raises an alarm when nothing is stored."""

# topic: (who may write it, who may read it)
MAY: dict[str, tuple[set[str], set[str]]] = {
    "dcs/v1/bench/hv1/meta": ({HV1}, WATCHERS),
    "dcs/v1/bench/hv1/status": ({HV1}, WATCHERS | {HV1}),
    "dcs/v1/bench/hv1/frame": ({HV1}, WATCHERS | BENCH | {DERIVED} | KEPT),
    "dcs/v1/bench/hv1/replay": ({HV1}, WATCHERS),
    "dcs/v1/bench/hv1/ack": ({HV1}, WATCHERS | KEPT),
    "dcs/v1/bench/hv1/event": ({HV1}, WATCHERS | BENCH | KEPT),
    "dcs/v1/bench/hv1/cmd/cli": ({CLI}, WATCHERS | {HV1} | KEPT),
    "dcs/v1/bench/hv1/cmd/nodered": ({NODERED}, WATCHERS | {HV1} | KEPT),
    "dcs/v1/bench/hv1/cmd/web": ({WEB}, WATCHERS | {HV1} | KEPT),
    "dcs/v1/bench/hv1/cmd/guard": (NOBODY, WATCHERS | {HV1} | KEPT),
    "dcs/v1/bench/hv1/cmd/loader": (NOBODY, WATCHERS | {HV1} | KEPT),
    "dcs/v1/bench/hv1/cmd/hv1": (NOBODY, WATCHERS | {HV1} | KEPT),
    "dcs/v1/bench/hv1/cmd": (NOBODY, WATCHERS),
    "dcs/v1/bench/hv1": (NOBODY, WATCHERS),
    "dcs/v1/bench/env1/frame": ({ENV1}, WATCHERS | BENCH | {DERIVED} | KEPT),
    "dcs/v1/bench/env1/cmd/cli": ({CLI}, WATCHERS | {ENV1} | KEPT),
    "dcs/v1/bench/hv2/frame": (NOBODY, WATCHERS | BENCH | {DERIVED} | KEPT),
    "dcs/v1/bench/guard/meta": ({GUARD}, WATCHERS),
    "dcs/v1/bench/guard/status": ({GUARD}, WATCHERS),
    "dcs/v1/bench/guard/frame": ({GUARD}, WATCHERS | BENCH | {DERIVED} | KEPT),
    "dcs/v1/bench/guard/replay": ({GUARD}, WATCHERS),
    "dcs/v1/bench/guard/ack": ({GUARD}, WATCHERS | KEPT),
    "dcs/v1/bench/guard/event": ({GUARD}, WATCHERS | BENCH | KEPT),
    "dcs/v1/bench/guard/cmd/cli": ({CLI}, WATCHERS | KEPT),
    "dcs/v1/bench/guard/cmd/web": ({WEB}, WATCHERS | KEPT),
    "dcs/v1/bench/guard/cmd/guard": (NOBODY, WATCHERS | KEPT),
    "dcs/v1/bench/interlock/dry": ({GUARD}, WATCHERS | BENCH),
    "dcs/v1/bench/alarm/warm": ({ALARMS}, WATCHERS),
    "dcs/v1/other/alarm/warm": ({STRANGE_ALARMS}, STRANGERS),
    "dcs/v1/bench/alarms/event": ({ALARMS}, WATCHERS | BENCH | KEPT),
    "dcs/v1/bench/alarms/status": ({ALARMS}, WATCHERS),
    "dcs/v1/bench/alarms/cmd/web": ({WEB}, WATCHERS | KEPT),
    "dcs/v1/bench/alarms/cmd/alarms": (NOBODY, WATCHERS | KEPT),
    "dcs/v1/bench/run/r-1": ({BRIDGE}, WATCHERS | BENCH),
    "dcs/v1/bench/ph2acf1/frame": ({BRIDGE}, WATCHERS | BENCH | {DERIVED} | KEPT),
    "dcs/v1/bench/ph2acf1/cmd/cli": ({CLI}, WATCHERS | KEPT),
    "dcs/v1/bench/ph2acf1/cmd/ph2acf1": (NOBODY, WATCHERS | KEPT),
    "dcs/v1/bench/hv1/cmd/ph2acf1": ({BRIDGE}, WATCHERS | {HV1} | KEPT),
    "dcs/v1/bench/derived/frame": ({DERIVED}, WATCHERS | BENCH | {DERIVED} | KEPT),
    "dcs/v1/bench/derived/replay": ({DERIVED}, WATCHERS),
    "dcs/v1/bench/derived/status": ({DERIVED}, WATCHERS | {DERIVED}),
    "dcs/v1/bench/hv1/cmd/derived": (NOBODY, WATCHERS | {HV1} | KEPT),
    "dcs/v1/other/derived/frame": ({STRANGE_DERIVED}, STRANGERS | {STRANGE_HV1, "other/env1", STRANGE_DERIVED} | KEPT),
    "dcs/v1/other/hv1/cmd/ph2acf1": (NOBODY, STRANGERS | {STRANGE_HV1} | KEPT),
    "dcs/v1/other/run/r-1": (NOBODY, STRANGERS | {STRANGE_HV1, "other/env1"}),
    "dcs/v1/bench/stored": (LOADERS, WATCHERS | BENCH | {DERIVED}),
    "dcs/v1/bench/kill/cli": ({CLI}, WATCHERS | BENCH | KEPT),
    "dcs/v1/bench/kill/nodered": ({NODERED}, WATCHERS | BENCH | KEPT),
    "dcs/v1/bench/kill/web": ({WEB}, WATCHERS | BENCH | KEPT),
    "dcs/v1/bench/kill/guard": (NOBODY, WATCHERS | BENCH | KEPT),
    "dcs/v1/other/hv1/frame": ({STRANGE_HV1}, STRANGERS | {STRANGE_HV1, "other/env1"} | {STRANGE_DERIVED} | KEPT),
    "dcs/v1/other/interlock/dry": ({STRANGE_GUARD}, STRANGERS | {STRANGE_HV1, "other/env1"}),
    "dcs/v1/other/stored": (LOADERS, STRANGERS | {STRANGE_HV1, "other/env1"} | {STRANGE_DERIVED}),
    "dcs/v1/other/kill/cli": ({CLI}, STRANGERS | {STRANGE_HV1, "other/env1"} | KEPT),
    "dcs/v1/other/hv1/cmd/web": ({WEB}, STRANGERS | {STRANGE_HV1} | KEPT),
    "dcs/v1/absent/hv1/frame": (NOBODY, PEOPLE),
    "dcs/v1/absent/kill/cli": ({CLI}, PEOPLE),
    "dcs/v1/site/loader/meta": ({LOADER}, SITE),
    "dcs/v1/site/loader/status": (
        {LOADER},
        SITE | DEVICES | {BRIDGE} | {DERIVED, STRANGE_DERIVED} | WATCH_SITE,
    ),
    "dcs/v1/site/loader/frame": ({LOADER}, SITE | WATCH_SITE),
    "dcs/v1/site/loader/replay": ({LOADER}, SITE),
    "dcs/v1/site/loader/ack": ({LOADER}, SITE),
    "dcs/v1/site/loader/event": ({LOADER}, SITE),
    "dcs/v1/site/loader/cmd/cli": ({CLI}, SITE),
    "dcs/v1/site/loader-b/status": (
        {LOADER_B},
        SITE | DEVICES | {BRIDGE} | {DERIVED, STRANGE_DERIVED} | WATCH_SITE,
    ),
    "dcs/v1/site/recorder/meta": (KEPT, SITE),
    "dcs/v1/site/recorder/status": (
        KEPT,
        SITE | DEVICES | {BRIDGE} | {DERIVED, STRANGE_DERIVED} | WATCH_SITE,
    ),
    "dcs/v1/site/recorder/cmd/cli": ({CLI}, SITE),
    "dcs/v1/site/stored": (LOADERS, SITE),
    "dcs/v2/bench/hv1/frame": (NOBODY, NOBODY),
    "dcs/probe/abc": ({CLI}, {CLI}),
    "lab/room/temperature": (NOBODY, NOBODY),
    "lab/nodered/testdata": ({NODERED}, NOBODY),
    "bench/hv1/frame": (NOBODY, NOBODY),
}


class InALab(unittest.TestCase):
    """Two stands, their secrets, and the broker as it is shipped."""

    broker: ClassVar[LabBroker]
    onlooker: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        stands = []
        for name in ("bench", "other"):
            (folder / f"{name}.yaml").write_text(STAND.format(stand=name))
            stands.append(load_stand(folder / f"{name}.yaml"))
        fill(folder / "secrets", stands, loaders=["loader-b"])
        cls.onlooker = with_onlooker(folder / "secrets")
        cls.broker = cls.enterClassContext(LabBroker(folder / "secrets"))

    def talker(self, user: str) -> Talker:
        password = self.onlooker if user == ONLOOKER else self.broker.password(user)
        return self.enterContext(Talker(self.broker.port, user, password))


class TestPage(unittest.TestCase):
    def test_what_it_shows_of_the_file_is_in_it(self) -> None:
        page = "doc/reference/access-list.md"
        (shown,) = blocks(page, (ROOT / page).read_text())
        written = access_list([Bench("bench", ("hv1",))]).split("\n\n")
        for part in shown.text.strip().split("\n\n"):
            self.assertIn(part, written)


class TestAccessList(InALab):
    def test_everybody_writes_what_the_contract_allows_and_nothing_else(self) -> None:
        onlooker = self.talker(ONLOOKER)
        before = onlooker.came("#")
        answers = {user: self.talker(user).publish_all(MAY, user.encode()) for user in USERS}
        arrived = {(topic, user.decode()) for topic, user in onlooker.came()[len(before) :]}
        expected = {(topic, user) for topic, (writers, _) in MAY.items() for user in writers}
        self.assertEqual(arrived - expected, set(), "arrived, and is not allowed")
        self.assertEqual(expected - arrived, set(), "is allowed, and did not arrive")
        granted = {(t, user) for user, said in answers.items() for t, code in said.items() if code != "Not authorized"}
        self.assertEqual(granted, expected, "the broker says so, too")

    def test_everybody_reads_what_the_contract_allows_and_nothing_else(self) -> None:
        onlooker = self.talker(ONLOOKER)
        for mark in (b"live", b"kept"):  # said while they listen; and retained before they come
            if mark == b"kept":
                for topic in MAY:
                    onlooker.publish(topic, mark, retain=True)
            talkers = {user: self.talker(user) for user in USERS}
            for talker in talkers.values():
                talker.came("#", *MAY)  # by a filter that asks for everything, and by each topic
            if mark == b"live":
                onlooker.publish_all(MAY, mark)
            for user, talker in talkers.items():
                came = {topic for topic, payload in talker.came() if payload == mark}
                expected = {topic for topic, (_, readers) in MAY.items() if user in readers}
                with self.subTest(user, mark=mark):
                    self.assertEqual(came - expected, set(), "came, and is not allowed")
                    self.assertEqual(expected - came, set(), "is allowed, and did not come")

    def test_the_brokers_own_figures(self) -> None:
        for user in USERS:
            came = {topic for topic, _ in self.talker(user).came("$SYS/#")}
            with self.subTest(user):
                self.assertEqual(bool(came), user == CLI, came)
        self.assertEqual(self.talker(CLI).publish("$SYS/broker/uptime", b"1"), "Not authorized")

    def test_the_health_check_reads_how_long_the_broker_is_up_and_no_more(self) -> None:
        onlooker = self.talker(ONLOOKER)
        onlooker.came("#")
        onlooker.publish("dcs/v1/bench/hv1/frame", b"kept", retain=True)
        health = self.enterContext(Talker(self.broker.health_port, None, None))
        answers = health.publish_all(MAY, b"health")
        self.assertEqual({topic for topic, code in answers.items() if code != "Not authorized"}, set())
        self.assertEqual({topic for topic, _ in health.came("#", "$SYS/#", *MAY)}, {"$SYS/broker/uptime"})
        self.assertNotIn(b"health", {payload for _, payload in onlooker.came()})
