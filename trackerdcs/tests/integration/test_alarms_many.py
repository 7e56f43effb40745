"""Ten thousand alarms at once on a real broker: all are said, and nobody is kept waiting for it."""

import asyncio
import tempfile
import time
import unittest
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.alarm_config import AlarmRule
from trackerdcs.domain.alarm_tree import Tree
from trackerdcs.domain.instrument import Channel, Quantity
from trackerdcs.domain.messages import Frame, Readings
from trackerdcs.domain.stand import BusConfig
from trackerdcs.domain.wiring import Wired
from trackerdcs.ports import Bus, Will
from trackerdcs.tests.alarm_bench import AlarmBench, Device, quiet
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.waiting import full_speed, until


class TestMany(unittest.IsolatedAsyncioTestCase):
    """10,000 alarms of one device that all come with one frame."""

    async def test_ten_thousand_at_once_keep_nobody_waiting(self) -> None:
        full_speed()
        quiet(self)
        number = 10_000
        names = [f"hot-big-c{n}" for n in range(number)]
        channels = {f"c{n}": Channel({"t_air": Quantity("degC")}) for n in range(number)}
        tree = Tree({"big": Wired("env", channels, 5.0)})
        rules = {name: AlarmRule(stale=True, enabled=False) for name in ("silent", "fault", "stale")}
        rules["hot"] = AlarmRule(quantity="t_air", above=30.0)
        folder = self.enterContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        broker = self.enterContext(Mosquitto())

        def join(name: str, will: Will | None) -> Bus:
            return MqttBus(BusConfig(port=broker.port), name, will=will)

        bench = AlarmBench(join, Path(folder), rules, tree)
        bench.period = 1.0
        async with bench.open(), join("big", None) as bus:
            big = Device(bus, "big", {})
            bench.start()
            await until(lambda: set(names) <= bench.said.keys(), 60.0)
            gaps = [0.0]

            async def beat() -> None:
                while True:
                    began = time.monotonic()
                    await asyncio.sleep(0.01)
                    gaps.append(time.monotonic() - began - 0.01)

            bench.begin(beat())
            values: Readings = {name: {"t_air": 40.0} for name in channels}
            began = time.monotonic()
            await big.say("frame", Frame(time.time_ns(), 0, "b", "0", "env", values))

            while sum(bench.said[name][-1].state == "raised" for name in names) < number:
                self.assertLess(time.monotonic() - began, 60.0)
                await asyncio.sleep(0.3)
            took = time.monotonic() - began
            asked = time.monotonic()
            self.assertEqual(await bench.tell("ack", alarm="hot-big-c77"), "done")
            answered = time.monotonic() - asked
        slowest = f"loop away {max(gaps) * 1e3:.0f} ms at most"
        print(f"\n10,000 alarms at once: said in {took:.1f} s, {slowest}, ack in {answered:.2f} s")


if __name__ == "__main__":
    unittest.main()
