"""What a client may believe of what it hears: live and fresh, or old, or nothing."""

import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.app.overview import RECENT, DeviceView, Moment, Overview
from trackerdcs.domain.codec import encode
from trackerdcs.domain.instrument import Channel, Quantity
from trackerdcs.domain.messages import Ack, Bypass, Command, Event, Frame, Interlock, Message, Meta, Status

START = 10**18
META = Meta("hv", "SHR", "1", "iseg_shr", "0", True, "b1", 2.0, {"ch0": Channel({"v_mon": Quantity("V")})})


def frame(seq: int = 0, at: float = 0.0, boot: str = "b1", **values: Any) -> Frame:
    return Frame(START + int(at * 1e9), seq, boot, "0", "hv", {"ch0": values or {"v_mon": 1.0}})


class Heard(unittest.TestCase):
    def setUp(self) -> None:
        self.overview = Overview()

    def at(self, seconds: float) -> Moment:
        return Moment(START + int(seconds * 1e9), 500.0 + seconds)

    def hear(
        self, leaf: str, message: Message | bytes, at: float = 0.0, retained: bool = False, device: str = "s/d"
    ) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        self.overview.feed(f"dcs/v1/{device}/{leaf}", payload, retained, self.at(at))

    def status(self, state: Any = "online", at: float = 0.0, retained: bool = False) -> None:
        ts = self.at(at).now
        self.hear("status", Status(state, ts, ts, "b1", "0"), at, retained)

    @property
    def device(self) -> DeviceView:
        return self.overview.devices["s", "d"]

    def v_mon(self) -> Any:
        assert self.device.frame is not None
        return self.device.frame.ch["ch0"].get("v_mon")


class Freshness(Heard):
    def test_a_live_frame_is_fresh_for_three_periods(self) -> None:
        self.hear("meta", META)
        self.hear("frame", frame())
        self.assertTrue(self.device.fresh(self.at(6.0)))
        self.assertFalse(self.device.fresh(self.at(6.1)))
        self.assertAlmostEqual(self.device.age(self.at(6.1)) or 0, 6.1)

    def test_a_retained_frame_never_is_and_its_age_is_by_its_time_stamp(self) -> None:
        self.hear("frame", frame(at=-60.0), retained=True)
        self.assertFalse(self.device.live)
        self.assertFalse(self.device.fresh(self.at(0)))
        self.assertAlmostEqual(self.device.age(self.at(0)) or 0, 60.0)

    def test_a_live_frame_takes_the_place_of_a_retained_one(self) -> None:
        self.hear("frame", frame(), retained=True)
        self.hear("frame", frame(), at=0.1)
        self.assertTrue(self.device.fresh(self.at(0.2)))

    def test_the_frame_kept_by_the_broker_heard_again_after_a_reconnect_ends_nothing(self) -> None:
        self.hear("frame", frame(5))
        self.hear("frame", frame(5), at=0.5, retained=True)
        self.assertTrue(self.device.fresh(self.at(1.0)))

    def test_a_newer_frame_kept_by_the_broker_is_shown_but_is_not_live(self) -> None:
        self.hear("frame", frame(5))
        self.hear("frame", frame(9, v_mon=9.0), at=0.5, retained=True)
        self.assertEqual((self.v_mon(), self.device.live), (9.0, False))

    def test_an_older_or_repeated_frame_changes_nothing(self) -> None:
        self.hear("frame", frame(5))
        for seq in (4, 5):
            self.hear("frame", frame(seq, v_mon=9.0), at=2.9)
        self.assertEqual(self.v_mon(), 1.0)
        self.assertFalse(self.device.fresh(self.at(3.1)))

    def test_a_restarted_device_counts_from_zero(self) -> None:
        self.hear("frame", frame(5))
        self.hear("frame", frame(0, boot="b2", v_mon=2.0), at=1.0)
        self.assertEqual(self.v_mon(), 2.0)
        self.hear("frame", frame(7, at=-9.0, boot="b0", v_mon=9.0), at=1.0, retained=True)
        self.assertEqual(self.v_mon(), 2.0)

    def test_a_replay_is_never_shown(self) -> None:
        self.hear("replay", frame())
        self.assertNotIn(("s", "d"), self.overview.devices)

    def test_old_news_is_not_fresh_and_its_age_says_how_old(self) -> None:
        self.hear("frame", frame())
        self.hear("frame", frame(1, at=1.0), at=11.0)
        self.assertFalse(self.device.fresh(self.at(11.0)))
        self.assertAlmostEqual(self.device.age(self.at(11.5)) or 0, 10.5)

    def test_an_offline_device_has_no_fresh_value(self) -> None:
        self.hear("frame", frame())
        self.status("offline")
        self.assertFalse(self.device.fresh(self.at(0.1)))

    def test_a_value_that_is_bad_now_is_gone(self) -> None:
        self.hear("frame", frame())
        self.hear("frame", replace(frame(1), ch={"ch0": {}}, bad={"ch0": {"v_mon": "timeout"}}), at=1.0)
        self.assertIsNone(self.v_mon())

    def test_clocks_apart_are_measured_live_only(self) -> None:
        self.hear("frame", frame(at=-60.0), retained=True)
        self.assertIsNone(self.device.offset)
        self.hear("frame", frame(1, at=-3.0))
        self.assertAlmostEqual(self.device.offset or 0, 3.0)


class States(Heard):
    def test_unknown_before_it_spoke(self) -> None:
        self.hear("frame", frame())
        self.assertEqual(self.device.state(self.at(0)), "unknown")
        self.assertIsNone(self.device.status_age(self.at(0)))

    def test_silent_after_three_heartbeats(self) -> None:
        for retained in (False, True):
            with self.subTest(retained=retained):
                self.status(retained=retained)
                self.assertEqual(self.device.state(self.at(30.0)), "online")
                self.assertEqual(self.device.state(self.at(30.1)), "silent")

    def test_a_status_kept_by_the_broker_is_as_old_as_its_time_stamp(self) -> None:
        self.hear("status", Status("online", START - 60 * 10**9, START, "b1", "0"), retained=True)
        self.assertEqual(self.device.state(self.at(0.0)), "silent")
        self.hear("status", Status("online", START - 60 * 10**9, START, "b1", "0"))
        self.assertEqual(self.device.state(self.at(0.0)), "online")

    def test_offline_stays_offline(self) -> None:
        self.status("offline")
        self.assertEqual(self.device.state(self.at(1000.0)), "offline")

    def test_a_cleared_topic_is_forgotten_and_no_fault(self) -> None:
        self.status()
        self.hear("frame", frame())
        self.hear("status", b"")
        self.hear("frame", b"")
        self.assertEqual(self.device.state(self.at(0)), "unknown")
        self.assertIsNone(self.device.frame)
        self.assertFalse(self.device.fresh(self.at(0)))
        self.assertEqual(self.overview.outside, {})

    def test_simulated_if_frame_or_meta_says_so(self) -> None:
        self.hear("frame", frame())
        self.assertFalse(self.device.sim)
        self.hear("frame", replace(frame(1), sim=True))
        self.assertTrue(self.device.sim)

    def test_loaders_and_instruments(self) -> None:
        self.hear("frame", frame(), device="site/loader-a")
        self.hear("frame", frame(), device="site/config")
        self.hear("frame", frame(), device="s/guard")
        self.hear("frame", frame(), device="s/alarms")
        self.hear("frame", frame(), device="s/b")
        self.hear("frame", frame(), device="s/a")
        self.assertEqual([d.name for d in self.overview.loaders()], ["loader-a"])
        self.assertEqual([d.name for d in self.overview.instruments()], ["a", "b", "config"])

    def test_interlocks_are_how_the_guard_says_they_are_while_it_says_so(self) -> None:
        said = Interlock(
            "open",
            "kill",
            START,
            START,
            0,
            "b",
            "wet",
            "env1.rh is high",
            {},
            Bypass("ann", "dry run", 45_296 * 10**9),
            guidance="open the dry air",
        )
        topic = "dcs/v1/s/interlock/dry"
        self.overview.feed(topic, encode(said), True, Moment(START, 0.0))
        view = self.overview.interlocks["s", "dry"]
        self.assertEqual(view.state(0.0), "silent", "what the broker has kept is no news")
        self.overview.feed(topic, encode(said), False, Moment(START, 0.0))
        self.assertTrue(view.bypassed)
        bypass = "BYPASSED until 12:34:56Z by ann (dry run): it protects nothing"
        self.assertEqual(view.text(0.0), f"OPEN, {bypass}, wet: env1.rh is high; guidance: open the dry air")
        over = replace(said, bypass=None, over=True, guidance="", seq=1, ts=START + 1)
        self.overview.feed(topic, encode(over), False, Moment(START, 0.0))
        self.assertEqual(view.text(0.0), "OPEN, wet: env1.rh is high; this is over: reset it")
        self.assertEqual(view.text(3.1), "not known: the guard is not heard")
        self.overview.feed(topic, b"", True, Moment(START, 0.0))
        self.assertEqual(view.state(0.0), "silent")
        self.assertEqual(self.overview.outside, {})

    def test_channels_as_the_device_says_and_those_that_it_only_reports_on(self) -> None:
        self.hear("meta", META)
        self.hear("frame", replace(frame(), bad={"ch3": {"v_mon": "x"}}, unc={"-": {"ts": "clock"}}))
        self.assertEqual(self.device.channels(), ["ch0", "ch3", "-"])


class Outside(Heard):
    def test_messages_outside_the_contract_are_counted_by_cause(self) -> None:
        for payload, cause in [
            (b"nonsense", "not JSON"),
            (b"\xff", "not JSON"),
            (b'{"v":1,"ts":NaN}', "NaN or infinity"),
            (b'{"v":1,"ts":1,"seq":0,"boot":"b","sw":"","kind":"hv","ch":{"ch0":{"v_mon":1e999}}}', "not the schema"),
            (b'{"v":2}', "newer version"),
            (b'{"v":1}', "not the schema"),
            (b"[]", "not the schema"),
        ]:
            with self.subTest(payload):
                before = self.overview.outside.get(cause)
                count = before.count if before else 0
                self.hear("frame", payload)
                outside = self.overview.outside[cause]
                self.assertEqual((outside.count, outside.topic), (count + 1, "dcs/v1/s/d/frame"))
                self.assertTrue(outside.why)

    def test_a_topic_that_the_contract_has_not(self) -> None:
        self.hear("nonsense", frame())
        self.assertEqual(self.overview.outside["unknown topic"].topic, "dcs/v1/s/d/nonsense")

    def test_they_change_nothing_else(self) -> None:
        self.hear("frame", frame())
        self.hear("frame", b"{")
        self.assertEqual(self.v_mon(), 1.0)

    def test_other_branches_are_nobodys_fault(self) -> None:
        self.overview.feed("dcs/v1/s/kill/cli", b"now", False, self.at(0))
        self.overview.feed("dcs/v1/s/stored", b'{"d":{"b":[[0,5]]}}', False, self.at(0))
        self.assertEqual((self.overview.outside, self.overview.devices), ({}, {}))
        self.overview.feed("dcs/v1/s/stored", b'{"d":5}', False, self.at(0))
        self.assertEqual(self.overview.outside["not the schema"].count, 1)


class Notes(Heard):
    def test_an_ack_says_what_it_answers(self) -> None:
        self.hear("cmd/cli", Command("i1", "set_voltage", 1, 2, "ch0", {"v": -50.0}))
        self.hear("ack", Ack("i1", "cli", "accepted", 1))
        self.hear("ack", Ack("i1", "cli", "refused", 1, why="too much"))
        self.hear("ack", Ack("unheard-of", "web", "done", 1, by="deputy"))
        notes = [(note.text, note.bad) for note in self.overview.recent]
        self.assertEqual(
            notes,
            [
                ("cli: set_voltage ch0 v=-50: accepted", False),
                ("cli: set_voltage ch0 v=-50: refused (too much)", True),
                ("deputy: command unheard-: done", False),
            ],
        )

    def test_events(self) -> None:
        self.hear("event", Event("trip", 1, "b1", "ch0", "i_mon above the limit"))
        self.hear("event", Event("reconnect", 1, "b1"))
        notes = [(note.text, note.bad) for note in self.overview.recent]
        self.assertEqual(notes, [("trip ch0 (i_mon above the limit)", True), ("reconnect", False)])

    def test_what_happened_once_is_never_taken_from_the_brokers_memory(self) -> None:
        self.hear("event", Event("trip", 1, "b1"), retained=True)
        self.hear("ack", Ack("i1", "cli", "done", 1), retained=True)
        self.assertEqual(list(self.overview.recent), [])

    def test_only_the_last_ones_are_kept(self) -> None:
        for i in range(RECENT + 3):
            self.hear("event", Event(f"e{i}", 1, "b1"))
        self.assertEqual(len(self.overview.recent), RECENT)
        self.assertEqual(self.overview.recent[-1].text, f"e{RECENT + 2}")


if __name__ == "__main__":
    unittest.main()
