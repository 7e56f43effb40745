"""The alarm service on a real broker: what it says and when, what people may tell it, what outlives it."""

import asyncio
import tempfile
import time
import unittest
from pathlib import Path
from typing import ClassVar

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.domain import topics
from trackerdcs.domain.alarm_config import AlarmRule, SuppressConfig
from trackerdcs.domain.alarm_tree import Tree
from trackerdcs.domain.codec import encode
from trackerdcs.domain.instrument import Channel, Quantity
from trackerdcs.domain.messages import Event, Frame, Interlock, Status, Value
from trackerdcs.domain.stand import BusConfig
from trackerdcs.domain.wiring import Wired
from trackerdcs.ports import Bus, Will
from trackerdcs.tests.alarm_bench import PERIOD, AlarmBench, quiet
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.waiting import full_speed, until

HV = {"i_mon": Quantity("A"), "on": Quantity("1"), "state": Quantity("")}
TREE = Tree(
    {
        "env1": Wired("env", {"-": Channel({"rh": Quantity("%")})}, PERIOD),
        "hv1": Wired("hv", {"ch0": Channel(HV)}, PERIOD),
    },
    ("guard",),
    ("dry",),
)
RULES = {
    "damp": AlarmRule(quantity="rh", above=50.0, hysteresis=5.0, severity="warning", guidance="open the dry air"),
    "high": AlarmRule(at="hv1.ch0", quantity="i_mon", above=1e-6, suppress=SuppressConfig(quantity="on", equals=False)),
    "turned": AlarmRule(at="hv1", event="external_change", severity="info"),
    "silent": AlarmRule(status="silent", severity="critical"),
    "stale": AlarmRule(stale=True, delay=0.2, suppress=SuppressConfig(alarm="silent")),
    "unjudged": AlarmRule(interlock="unknown", delay=0.2),
}
OFF: dict[str, Value] = {"i_mon": 0.0, "on": False, "state": "off"}


class AlarmCase(unittest.IsolatedAsyncioTestCase):
    broker: ClassVar[Mosquitto]

    @classmethod
    def setUpClass(cls) -> None:
        cls.broker = cls.enterClassContext(Mosquitto())

    async def asyncSetUp(self) -> None:
        full_speed()
        quiet(self)
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.bench = AlarmBench(self.join, Path(folder.name), dict(RULES), TREE)
        await self.enterAsyncContext(self.bench.open())
        self.env = await self.bench.device("env1", {"-": {"rh": 30.0}})
        self.hv = await self.bench.device("hv1", {"ch0": dict(OFF)})

    async def asyncTearDown(self) -> None:
        for topic in [*map(self.alarm_topic, self.bench.said), "dcs/v1/s/env1/status", "dcs/v1/s/hv1/status"]:
            await self.bench.client.publish(topic, b"", retain=True)

    @staticmethod
    def alarm_topic(name: str) -> str:
        return topics.alarm("s", name)

    def join(self, name: str, will: Will | None) -> Bus:
        return MqttBus(BusConfig(port=self.broker.port), f"{name}-{time.monotonic_ns()}", will=will)

    def humid(self, rh: float) -> None:
        self.env.values = {"-": {"rh": rh}}


class TestAlarms(AlarmCase):
    async def test_from_raised_to_normal_with_everything_that_is_said(self) -> None:
        bench = self.bench
        bench.start()
        await bench.state("damp-env1", "normal")
        self.humid(60.0)
        said = await bench.state("damp-env1", "raised")
        self.assertEqual((said.severity, said.rule, said.of, said.value), ("warning", "damp", "env1.rh", 60.0))
        self.assertEqual((said.why, said.guidance), ("env1.rh 60 % is above 50 %", "open the dry air"))
        self.assertEqual((said.count, said.raised), (1, said.since))
        self.assertEqual(await bench.tell("ack", alarm="damp-env1", comment="valve ordered"), "done")
        said = await bench.state("damp-env1", "acknowledged")
        self.assertEqual((said.by, said.comment), ("cli", "valve ordered"))
        self.humid(47.0)
        await until(lambda: bench.said["damp-env1"][-1].value == 47.0)
        self.assertEqual(bench.said["damp-env1"][-1].state, "acknowledged", "hysteresis")
        self.humid(44.0)
        await bench.state("damp-env1", "normal")
        self.humid(51.0)
        self.assertIsNone((await bench.state("damp-env1", "raised")).by, "an ack does not survive a new raise")
        expected = ["alarm_raised", "alarm_acknowledged", "alarm_normal", "alarm_raised"]
        await until(lambda: bench.reported("damp-env1") == expected)
        steps = await asyncio.to_thread(self.ledger)
        for step in ("accepted", "done"):
            self.assertIn(f'"step":"{step}"', steps)
        self.assertIn("valve ordered", steps)

    def ledger(self) -> str:
        ledger = SqliteLedger(self.bench.folder / "alarms.ledger.sqlite")
        try:
            return "\n".join(chained.body.decode() for chained in ledger.chain())
        finally:
            ledger.close()

    async def test_it_repeats_all_and_counts_its_messages(self) -> None:
        bench = self.bench
        bench.start()
        await bench.state("damp-env1", "normal")
        seq = bench.said["damp-env1"][-1].seq
        await until(lambda: bench.said["damp-env1"][-1].seq > seq, 15.0)
        numbers = [a.seq for a in bench.said["damp-env1"]]
        self.assertEqual(numbers, list(range(len(numbers))))

    async def test_a_sensor_that_falls_silent_is_not_evaluated_and_an_ack_of_that_is_no_ack_of_what_comes(self) -> None:
        bench = self.bench
        bench.start()
        await bench.state("damp-env1", "normal")
        self.env.talks = False
        said = await bench.state("damp-env1", "not_evaluated")
        self.assertIn("more than 3 periods", said.why or "")
        stale = await bench.state("stale-env1", "raised")
        self.assertIn("the last frame of env1", stale.why or "")
        self.assertEqual(await bench.tell("ack", alarm="damp-env1"), "done")
        self.humid(60.0)
        self.env.talks = True
        self.assertIsNone((await bench.state("damp-env1", "raised")).by)
        await bench.state("stale-env1", "normal")
        self.env.talks = False
        await bench.state("stale-env1", "raised")
        said = await bench.state("damp-env1", "raised")
        await until(lambda: "not known now" in (bench.said["damp-env1"][-1].why or ""), 15.0)

    async def test_what_is_only_kept_by_the_broker_is_no_input(self) -> None:
        await until(lambda: self.bench.client.connected)
        for device in (self.env, self.hv):
            device.talks = device.beats = False
        await asyncio.sleep(2 * PERIOD)
        frame = Frame(time.time_ns(), 10**6, "b", "0", "x", {"-": {"rh": 90.0}})
        await self.env.say("frame", frame)
        self.bench.start()
        await self.bench.state("damp-env1", "not_evaluated")
        topic = topics.of_device("s", "env1", "replay")
        await self.bench.client.publish(topic, encode(frame))
        await asyncio.sleep(5 * PERIOD)
        self.assertEqual({a.state for a in self.bench.said["damp-env1"]}, {"not_evaluated"})
        await self.env.say("status", Status("offline", 1, 1, "b", "0", "cut"))
        said = await self.bench.state("silent-env1", "raised")
        self.assertEqual(said.why, "env1 is offline: cut")

    async def test_rule_19_an_owner_silent_for_three_heartbeats_is_an_alarm_and_suppresses_what_follows(self) -> None:
        bench = self.bench
        bench.silence = 1.0
        bench.start()
        await bench.state("silent-env1", "normal")
        self.env.beats = self.env.talks = False
        said = await bench.state("silent-env1", "raised")
        self.assertIn("env1 has said nothing for 1 s", said.why or "")
        said = await bench.state("stale-env1", "suppressed")
        self.assertEqual(said.why, "alarm silent-env1 is active")
        await bench.state("silent-hv1", "normal")

    async def test_rule_21_a_channel_of_which_nobody_knows_how_it_is_is_an_alarm(self) -> None:
        self.bench.rules["unknown"] = AlarmRule(quantity="state", equals="unknown", severity="critical")
        self.bench.start()
        await self.bench.state("unknown-hv1-ch0", "normal")
        self.hv.values = {"ch0": OFF | {"state": "unknown"}}
        await self.bench.state("unknown-hv1-ch0", "raised")

    async def test_suppressed_while_the_output_is_off(self) -> None:
        bench = self.bench
        bench.start()
        await bench.state("high", "suppressed")
        self.hv.values = {"ch0": {"i_mon": 2e-6, "on": False, "state": "off"}}
        await asyncio.sleep(5 * PERIOD)
        self.assertEqual({a.state for a in bench.said["high"]} - {"not_evaluated"}, {"suppressed"})
        self.hv.values = {"ch0": {"i_mon": 2e-6, "on": True, "state": "on"}}
        await bench.state("high", "raised")

    async def test_an_event_is_there_until_somebody_acknowledges_it(self) -> None:
        bench = self.bench
        bench.start()
        await bench.state("turned", "normal")
        event = Event("external_change", 1, "b", ch="ch0", why="somebody turned a knob")
        for _ in range(2):
            await self.hv.say("event", event, retain=False)
        said = await bench.state("turned", "raised")
        self.assertEqual(said.why, "hv1.ch0: external_change: somebody turned a knob")
        await until(lambda: bench.said["turned"][-1].count == 2)
        await bench.stop()
        bench.start()
        await bench.state("turned", "raised")
        self.assertEqual(await bench.tell("ack", alarm="turned"), "done")
        await bench.state("turned", "normal")

    async def test_a_guard_that_is_not_heard_and_interlocks(self) -> None:
        bench = self.bench
        bench.start()
        said = await bench.state("unjudged-dry", "raised")
        self.assertEqual(said.why, "dry: the guard is not heard")

        async def guard() -> None:
            for seq in range(10**6):
                lock = Interlock("open", "kill", 1, 1, seq, "g", "humid", "env1.rh 60 % is above 50 %")
                await bench.client.publish(topics.interlock("s", "dry"), encode(lock))
                await asyncio.sleep(PERIOD)

        bench.begin(guard())
        said = await bench.state("interlock-dry", "raised")
        self.assertEqual(said.why, "dry: humid: env1.rh 60 % is above 50 %")
        await bench.state("unjudged-dry", "normal")

    async def test_a_shelf_has_an_end_and_commands_are_judged(self) -> None:
        bench = self.bench
        bench.start()
        self.humid(60.0)
        await bench.state("damp-env1", "raised")
        for why, cmd, args in (
            ("there is no alarm 'wet'", "ack", {"alarm": "wet"}),
            ("argument 'minutes' is missing", "shelve", {"alarm": "damp-env1"}),
            ("outside 1 to 1440", "shelve", {"alarm": "damp-env1", "minutes": 1e6}),
            ("needs a comment or a reason", "shelve", {"alarm": "damp-env1", "minutes": 5}),
            ("it is not shelved", "unshelve", {"alarm": "damp-env1"}),
            ("comment: expected a printable text of at most 200", "ack", {"alarm": "damp-env1", "comment": "x" * 201}),
        ):
            self.assertIn(why, await bench.tell(cmd, **args))
        self.assertEqual(await bench.tell("shelve", "new sensor", alarm="damp-env1", minutes=5), "done")
        said = await bench.state("damp-env1", "shelved")
        self.assertEqual((said.by, said.comment), ("cli", "new sensor"))
        self.assertAlmostEqual((said.until or 0) / 1e9, time.time() + 300, delta=10)
        self.assertIn("it is shelved", await bench.tell("ack", alarm="damp-env1"))
        await bench.stop()
        bench.start()
        await bench.state("damp-env1", "shelved")
        self.assertEqual(await bench.tell("unshelve", alarm="damp-env1"), "done")
        await bench.state("damp-env1", "raised")

    async def test_a_rule_taken_away_takes_its_topic_along(self) -> None:
        bench = self.bench
        bench.start()
        self.humid(60.0)
        await bench.state("damp-env1", "raised")
        await bench.stop()
        del bench.rules["damp"]
        bench.start()
        await until(lambda: "damp-env1" in bench.gone)
        await bench.state("high", "suppressed")
        await bench.stop()
        bench.gone.clear()
        bench.start()
        await bench.state("high", "suppressed")
        self.assertEqual(bench.gone, [], "it is forgotten")

    async def test_a_broker_that_is_killed_raises_nothing_and_all_is_said_again(self) -> None:
        bench = self.bench
        bench.start()
        self.humid(60.0)
        await bench.state("damp-env1", "raised")
        await bench.state("silent-env1", "normal")
        bench.said.clear()
        self.broker.kill()
        await asyncio.sleep(1.0)
        self.broker.restart()
        await bench.state("damp-env1", "raised")
        await bench.state("silent-env1", "normal")
        states = {a.state for name in ("silent-env1", "stale-env1") for a in bench.said.get(name, [])}
        self.assertLessEqual(states, {"normal", "not_evaluated"})


if __name__ == "__main__":
    unittest.main()
