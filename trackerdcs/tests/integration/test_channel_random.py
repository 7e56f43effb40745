"""Random commands and faults on one channel, judged by the truth: never higher than asked, never steeper."""

import asyncio
import os
import random
import unittest

from trackerdcs.tests.channel_case import DOWN, STEP, UP, ChannelCase, Trace
from trackerdcs.tests.device_bench import DeviceBench, device_bench
from trackerdcs.tests.long import long

SECONDS = 2.0
FAULTS = ("late", "drop", "partial", "garbage", "double", "close", "reset")


class RandomCase(ChannelCase):
    async def test_whatever_comes(self):
        seed = int(os.environ.get("TRACKERDCS_SEED", "1"))
        dice = random.Random(f"{seed} {self.name}")
        asked = [60.0]
        with self.subTest(seed=seed), Trace(self.sim) as trace:
            async with device_bench(self.config) as bench:
                await bench.command("set_voltage", v=-asked[0])
                self.assertEqual((await bench.command("on", wait=10)).state, "done")
                end = asyncio.get_running_loop().time() + SECONDS
                waiting: set[asyncio.Task[object]] = set()
                while asyncio.get_running_loop().time() < end:
                    if dice.random() < 0.15:
                        self.sim.faults.set(dice.choice(FAULTS), times=dice.randint(1, 3))
                    else:
                        waiting.add(asyncio.create_task(self.command(dice, bench, asked)))
                    await asyncio.sleep(dice.uniform(0.02, 0.9))
                self.sim.faults.clear()
                await asyncio.wait(waiting, timeout=30)
                self.assertTrue(all(task.done() and task.exception() is None for task in waiting), "each has an end")
                off = await bench.command("off", wait=30)
                self.assertEqual((off.state, off.why), ("done", None))
                await asyncio.sleep(0.5)
                truth = self.sim.truth()["ch0"]
                self.assertFalse(truth["on"], "the latest intent was off")
                finals = [a.id for a in bench.acks if a.state != "accepted"]
                self.assertEqual(len(finals), len(set(finals)), "exactly one final ack")
            self.assertLessEqual(trace.highest(), max(asked) + 1.0)
            self.assertLessEqual(trace.fastest(1), 1.1 * UP)
            self.assertLessEqual(trace.largest_step(), 1.3 * STEP)
            self.assertLessEqual(trace.fastest(-1), 1.1 * DOWN)

    async def command(self, dice: random.Random, bench: DeviceBench, asked: list[float]) -> None:
        cmd = dice.choice(("go", "go", "go", "set_voltage", "on", "off", "hold", "clear_trip", "set_ramp"))
        v = -float(dice.randint(20, 150))
        if cmd in ("go", "set_voltage"):
            asked.append(-v)
            await bench.command("set_voltage", wait=30, v=v)
        if cmd == "set_ramp":
            await bench.command(cmd, wait=30, up=dice.uniform(50, UP), down=dice.uniform(50, DOWN))
        elif cmd != "set_voltage":
            await bench.command("on" if cmd == "go" else cmd, wait=30)


@long
class TestIseg(RandomCase):
    name = "iseg_shr"


class Test2410(RandomCase):
    name = "keithley2410"


del RandomCase, ChannelCase  # cases without a supply are no tests

if __name__ == "__main__":
    unittest.main()
