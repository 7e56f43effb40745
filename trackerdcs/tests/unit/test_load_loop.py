"""What a loader does with frames, replays and nonsense while all is well around it."""

import json
import unittest
from dataclasses import replace

from trackerdcs.app.tally import QUANTITIES
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import NO_CHANNEL, Event, Frame, Meta, Status
from trackerdcs.domain.series import Selection
from trackerdcs.tests.loader_rig import Rig, frame
from trackerdcs.tests.waiting import until


class TestLoadLoop(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.rig = Rig()

    async def test_frames_and_replays_are_stored_confirmed_and_acknowledged(self) -> None:
        rig = self.rig
        async with rig.running():
            await rig.send_frames(*range(50))
            await rig.send(frame(50), "replay")
            await until(lambda: len(rig.confirmed) == 51)
            rig.check(self, *range(51))
            self.assertEqual(sorted(rig.series.seqs), list(range(51)))
            await until(lambda: not rig.broker._sessions["loader"].unacknowledged)
            await until(lambda: rig.figure("waiting") == 0)
            self.assertGreaterEqual(rig.figure("stored"), 51)
            self.assertEqual((rig.figure("parked"), rig.figure("duplicates")), (0, 0))

    async def test_what_is_retained_at_the_start_is_stored_and_confirmed(self) -> None:
        rig = self.rig
        rig.broker.publish("dcs/v1/bench/hv1/frame", frame(3), True)
        async with rig.running():
            await until(lambda: rig.confirmed == {3})
            rig.check(self, 3)

    async def test_poison_is_parked_with_its_cause_and_blocks_nothing(self) -> None:
        rig = self.rig
        poison = {
            b"not JSON": "not JSON",
            b'{"v":1}': "missing",
            frame(3).replace(b"1.5", b"NaN"): "NaN",
            frame(4).replace(b'"v":1', b'"v":2'): "newer",
        }
        rig.bad = {"dcs/v1/bench/hv1/frame", "dcs/v1/bench/Bad Name/frame"}
        async with rig.running():
            await rig.send_frames(0, 1, 2)
            for payload in poison:
                await rig.send(payload)
            await rig.send(frame(9), device="Bad Name")
            await rig.send_frames(5, 6)
            await until(lambda: len(rig.letters) == 5 and len(rig.confirmed) == 7)
            self.assertEqual(sorted(rig.series.seqs), [0, 1, 2, 5, 6])
            self.assertEqual(sorted(rig.confirmed), list(range(7)))
            self.assertEqual(rig.false_claims, [])
            for (_, payload, why), (sent, cause) in zip(rig.letters.parked, poison.items(), strict=False):
                self.assertEqual(payload, sent)
                self.assertIn(cause, why)
            await until(lambda: not rig.broker._sessions["loader"].unacknowledged)
            self.assertEqual(rig.figure("parked"), 5)
            await until(lambda: len(rig.events) == 2)  # one for each topic, not one for each message
            self.assertEqual({e.event for e in rig.events}, {"bad_message"})
            self.assertEqual(rig.events[0].data, {"topic": "dcs/v1/bench/hv1/frame"})
            self.assertEqual(rig.statuses[-1].state, "online")

    async def test_a_rejected_point_parks_its_frame(self) -> None:
        rig = self.rig
        rig.series.rejects = 1.0
        async with rig.running():
            await rig.send_frames(0, 1, 2, 3)
            await until(lambda: len(rig.confirmed) == 4)
            self.assertEqual([(json.loads(p)["seq"], why) for _, p, why in rig.letters.parked], [(2, "type conflict")])
            rig.check(self, 0, 1, 2, 3)

    async def test_a_device_whose_frames_are_all_rejected_has_stored_nothing(self) -> None:
        rig = self.rig
        rig.series.rejects = 1.0
        async with rig.running():
            await rig.send_frames(2)
            await rig.send(frame(2), device="hv2")
            await until(lambda: rig.figure("parked") == 2)
            await rig.send_frames(0)
            await until(lambda: rig.figure("waiting") == 0 and 0 in rig.confirmed)
        found = rig.loop.tally.figures().ch
        self.assertEqual(found["bench-hv1"]["stored"], 1.0)
        self.assertNotIn("bench-hv2", found)

    async def test_the_record_knows_what_became_of_each_frame(self) -> None:
        rig = self.rig
        rig.series.rejects, rig.bad = 1.0, {"dcs/v1/bench/hv1/event"}
        lost = Event("lost", 5, "b1", data={"boot": "b1", "from": 4, "to": 7, "cause": "disk full"})
        async with rig.running():
            await rig.send_frames(0, 1, 2, 3)
            trip, bad = replace(lost, event="trip", ts=6), replace(lost, data={"boot": "b1", "from": 9, "to": 8})
            for event in (lost, trip, bad):
                await rig.send(encode(event), "event")
            await rig.send_frames(8)
            await until(lambda: len(rig.confirmed) == 5 and rig.record.ranges("lost"))
            await until(lambda: not rig.broker._sessions["loader"].unacknowledged)
            self.assertEqual(rig.record.ranges("stored"), [(0, 1), (3, 3), (8, 8)])
            self.assertEqual((rig.record.ranges("parked"), rig.record.ranges("lost")), ([(2, 2)], [(4, 7)]))
            self.assertEqual([p.cause for p in rig.record.pieces if p.fate == "lost"], ["disk full"])
            self.assertIn("data.from, data.to: 9 to 8", rig.letters.parked[-1][2])
            await until(lambda: rig.figure("received") == rig.figure("stored") + 2 and rig.figure("waiting") == 0)
            self.assertEqual((rig.figure("parked"), rig.figure("duplicates")), (2, 0))
            told = await rig.series.samples(Selection("bench", "hv1", None, "event", 0, 10))
            self.assertEqual([sample.value for sample in told], ["lost", "trip"])
            self.assertEqual(rig.record.false, [])

    async def test_a_damaged_file_is_said_while_the_loader_does_its_work(self) -> None:
        rig = self.rig
        rig.letters.aside, rig.record.aside = "loader.deadletters.sqlite.damaged-1", "loader.gaps.sqlite.damaged-2"
        async with rig.running():
            await until(lambda: rig.statuses)
            self.assertEqual(rig.statuses[-1].state, "online")
            for name in (rig.letters.aside, rig.record.aside):
                self.assertIn(f"was set aside as {name}", rig.statuses[-1].error or "")

    async def test_a_duplicate_is_confirmed_again(self) -> None:
        rig = self.rig
        async with rig.running():
            await rig.send_frames(0, 1)
            await until(lambda: len(rig.confirmed) == 2)
            rig.confirmed.clear()
            await rig.send(frame(1), "replay")
            await until(lambda: rig.confirmed == {1})
            self.assertEqual(rig.figure("duplicates"), 1)
            self.assertEqual(rig.figure("parked"), 0)

    async def test_the_loader_is_a_device_of_the_site(self) -> None:
        rig = self.rig
        async with rig.running():
            await rig.send_frames(0, 1)
            await until(lambda: rig.figure("stored") >= 4)  # two of its own, it stores them too
            meta = decode(Meta, rig.broker.retained["dcs/v1/site/loader/meta"])
            self.assertEqual(list(meta.channels[NO_CHANNEL].quantities), [*QUANTITIES])
            self.assertEqual(meta.channels[NO_CHANNEL].quantities["lag"].unit, "s")
            figures = decode(Frame, rig.broker.retained["dcs/v1/site/loader/frame"])
            self.assertEqual(figures.kind, "loader")
            self.assertEqual(set(figures.ch[NO_CHANNEL]), set(QUANTITIES))
            self.assertGreaterEqual(float(figures.ch[NO_CHANNEL]["lag"]), 0.0)
            heard = len(rig.statuses)
            await until(lambda: len(rig.statuses) > heard + 1)
        offline = decode(Status, rig.broker.retained["dcs/v1/site/loader/status"])
        self.assertEqual(offline.state, "offline")

    async def test_the_lag_is_unknown_until_something_is_stored(self) -> None:
        figures = self.rig.loop.tally.figures()
        self.assertNotIn("lag", figures.ch[NO_CHANNEL])
        self.assertEqual(figures.bad, {NO_CHANNEL: {"lag": "nothing stored yet"}})

    async def test_a_clock_that_is_ahead_does_not_hide_the_lag(self) -> None:
        rig = self.rig
        async with rig.running():
            await rig.send(frame(0, ts=2**62 - 1))
            await until(lambda: rig.confirmed == {0})
            self.assertGreaterEqual(rig.figure("lag"), 0.0)
