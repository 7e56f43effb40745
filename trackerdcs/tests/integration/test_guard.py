"""The guard on a bus: what it says of its interlocks, when, and what a person may tell it."""

import asyncio
import time

from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import InUse
from trackerdcs.domain.messages import Frame, Meta, Status
from trackerdcs.tests.guard_bench import PERIOD, GuardCase
from trackerdcs.tests.waiting import until


class TestGuard(GuardCase):
    async def test_rule_09_it_repeats_each_period_and_says_a_violation_at_once(self) -> None:
        await self.start()
        ok = await self.state("ok")
        self.assertEqual(ok.values["env1.rh"], 30.0)
        await until(lambda: self.now().seq >= ok.seq + 3)
        numbers = [i.seq for i in self.of_this_boot("dry")]
        self.assertEqual(numbers, list(range(len(numbers))))
        self.values = {"rh": 60.0, "t_air": 20.0}
        said = await self.state("open")
        self.assertEqual((said.first, said.why, said.action), ("humid", "env1.rh 60 % is above 50 %", "ramp_down"))
        self.assertEqual(self.now("warm").state, "ok", "the other interlock is not concerned")
        await until(lambda: ("interlock_open", "dry") in self.reported())
        opened = next(e for e in self.events if e.event == "interlock_open")
        self.assertEqual(opened.data["first"], "humid")
        self.values = {"rh": 30.0, "t_air": 20.0}
        await until(lambda: self.now().values.get("env1.rh") == 30.0)
        self.assertEqual(self.now().state, "open", "it stays open until it is reset")

    async def test_rule_09_before_every_input_was_heard_live_it_says_unknown(self) -> None:
        self.values = {"rh": 30.0, "t_air": 20.0}
        await until(lambda: topics.of_device("s", "env1", "frame") in self.broker.retained)
        self.values = None  # from here on there is only what the broker has kept
        await self.start()
        said = await self.state("unknown")
        self.assertEqual(said.why, "env1.rh has not been heard yet")
        replay = encode(Frame(self.clock.now(), 10**6, "b", "1", "env", {"-": {"rh": 30.0, "t_air": 20.0}}))
        await self.board.publish(topics.of_device("s", "env1", "replay"), replay)
        count = len(self.said["dry"])
        await until(lambda: len(self.said["dry"]) > count + 3)
        self.assertEqual({i.state for i in self.of_this_boot("dry")}, {"unknown"})

    async def test_rule_09_a_sensor_that_falls_silent_is_unknown_and_comes_back_by_itself(self) -> None:
        await self.start()
        await self.state("ok")
        self.values = None
        said = await self.state("unknown")
        self.assertIn("more than 3 periods", said.why or "")
        self.values = {"rh": 31.0, "t_air": 20.0}
        await self.state("ok")
        await until(lambda: {("interlock_unknown", "dry"), ("interlock_ok", "dry")} <= set(self.reported()))

    async def test_rule_09_a_clock_that_is_set_makes_no_old_news_and_ends_no_bypass(self) -> None:
        await self.start()
        await self.state("ok")
        await self.done("bypass", "new sensor", interlock="dry", seconds=600)
        for jump in (3600, -7200):
            self.guards_clock.jump = jump * 10**9
            count = len(self.said["dry"])
            seq = self.now().seq
            await self.past(seq + 3)
            self.assertEqual({i.state for i in self.said["dry"][count:]}, {"ok"})
            self.assertIsNotNone(self.now().bypass)

    async def test_rule_11_a_reset_is_refused_while_the_cause_holds(self) -> None:
        await self.start()
        await self.state("ok")
        await self.refused("it is not open", "reset", interlock="dry")
        await self.refused("interlock 'wet' is unknown, expected dry, warm", "reset", interlock="wet")
        self.values = {"rh": 60.0, "t_air": 20.0}
        await self.state("open")
        await self.refused("the cause is still there: humid: env1.rh 60 %", "reset", interlock="dry")
        self.values = {"rh": 47.0, "t_air": 20.0}
        await until(lambda: self.now().values.get("env1.rh") == 47.0)
        await self.refused(r"env1.rh 47 % was above 50 %, ok again at 45 % or lower", "reset", interlock="dry")
        self.values = {"rh": 40.0, "t_air": 20.0}
        await until(lambda: self.now().values.get("env1.rh") == 40.0)
        await until(lambda: self.now().over)
        await self.done("reset", interlock="dry")
        await self.state("ok")
        await until(lambda: ("reset", "dry") in self.reported())

    async def test_rule_11_what_is_open_outlives_a_restart_of_the_guard(self) -> None:
        await self.start()
        self.values = {"rh": 60.0, "t_air": 20.0}
        await self.state("open")
        await self.stop()
        self.values = {"rh": 30.0, "t_air": 20.0}
        await self.start()
        self.assertEqual({i.state for i in self.of_this_boot("dry")}, {"open"})
        self.assertEqual(self.now().first, "humid")
        await until(lambda: self.now().values)
        await self.done("reset", interlock="dry")
        await self.stop()
        await self.start()
        await self.state("ok")
        self.assertNotIn("open", {i.state for i in self.of_this_boot("dry")})

    async def test_rule_11_a_bypass_has_an_owner_a_reason_and_an_end(self) -> None:
        await self.start()
        await self.refused("argument 'seconds' is missing", "bypass", "new sensor", interlock="dry")
        await self.refused("seconds: 0 s is outside 1 to 28800 s", "bypass", "new sensor", interlock="dry", seconds=0)
        await self.refused("outside 1 to 28800 s", "bypass", "new sensor", interlock="dry", seconds=1e9)
        for reason in (None, "  "):
            await self.refused("bypass needs a reason", "bypass", reason, interlock="dry", seconds=1)
        self.values = {"rh": 60.0, "t_air": 20.0}
        await self.state("open")
        began = time.monotonic()
        await self.done("bypass", "new sensor", interlock="dry", seconds=1)
        await until(lambda: self.now().bypass)
        bypass = self.now().bypass
        assert bypass is not None
        self.assertEqual((bypass.by, bypass.reason), ("cli", "new sensor"))
        self.assertAlmostEqual(bypass.until / 1e9, time.time() + 1, delta=1.5)
        self.assertEqual(self.now().state, "open", "a bypass does not hide how it is")
        await until(lambda: self.now().bypass is None)
        self.assertGreaterEqual(time.monotonic() - began, 0.9)
        await until(lambda: ("bypass_end", "dry") in self.reported())

    async def test_rule_11_no_bypass_outlives_a_restart_of_the_guard(self) -> None:
        await self.start()
        await self.done("bypass", "new sensor", interlock="dry", seconds=600)
        await until(lambda: self.now().bypass)
        await self.stop()
        await self.start()
        self.assertEqual([i.bypass for i in self.of_this_boot("dry") if i.bypass], [])
        await self.done("bypass", "new sensor", interlock="dry", seconds=600)
        await self.done("end_bypass", interlock="dry")
        await until(lambda: self.now().bypass is None)

    async def test_a_proof_is_pretended_only_while_what_it_protects_is_off(self) -> None:
        await self.start()
        await self.state("ok")
        self.hv_on = True
        right = {"interlock": "dry", "condition": "humid", "as": "broken"}
        await asyncio.sleep(3 * PERIOD)
        await self.refused("hv1.ch0 must be off for a proof: it is on", "proof", "yearly", **right)
        self.hv_on = False
        await asyncio.sleep(3 * PERIOD)
        await self.refused(
            "condition 'cold' is unknown, expected humid", "proof", "yearly", **right | {"condition": "cold"}
        )
        await self.refused("as: expected broken or unknown", "proof", "yearly", **right | {"as": "odd"})
        await self.done("proof", "yearly", **right)
        said = await self.state("open")
        self.assertEqual((said.first, said.why), ("humid", "pretended for a proof"))

    async def test_rule_20_a_second_guard_does_not_begin(self) -> None:
        await self.start()
        await self.state("ok")
        beat = Status("online", self.clock.now(), self.clock.now(), "boot1", "0")
        first, self.boots = self.guard, self.boots + 1
        second = asyncio.create_task(self.serve())
        topic = topics.of_device("s", "guard", "status")
        while not second.done():  # the heartbeat of the first, sooner than it comes by itself
            await self.board.publish(topic, encode(beat), retain=True)
            await asyncio.sleep(PERIOD)
        self.assertRaisesRegex(InUse, "another owner of guard says that it is online: boot boot1", second.result)
        assert first is not None
        self.assertFalse(first.done())

    async def test_it_introduces_itself(self) -> None:
        await self.start()
        await until(lambda: topics.of_device("s", "guard", "meta") in self.broker.retained)
        meta = decode(Meta, self.broker.retained[topics.of_device("s", "guard", "meta")])
        self.assertEqual(set(meta.channels["-"].commands), {"reset", "bypass", "end_bypass", "proof"})
        self.assertTrue(meta.channels["-"].commands["bypass"].reason)
        self.assertIn(topics.interlock("s", "dry"), self.broker.retained, "interlocks are retained, for displays")

    async def test_a_broker_that_goes_and_comes_back(self) -> None:
        await self.start()
        await self.state("ok")
        self.broker.stop()
        await asyncio.sleep(4 * PERIOD)
        self.broker.start()
        count = len(self.said["dry"])
        await until(lambda: len(self.said["dry"]) > count + 2 and self.now().state == "ok")
