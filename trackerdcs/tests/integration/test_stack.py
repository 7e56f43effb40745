"""A whole stand on real parts: instrument to database and back, and kill -9 of everything in between."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.servers import HOST
from trackerdcs.tests.stack import STAND, Stack
from trackerdcs.tests.waiting import until
from trackerdcs.tests.witness import Witness

DOWN_S = 0.25
PATIENCE_S = 60.0


class TestStack(unittest.IsolatedAsyncioTestCase):
    stack: Stack

    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        cls.stack = Stack(folder, cls.enterClassContext)

    async def send(self, device: str, *args: str) -> None:
        done = await asyncio.to_thread(self.stack.trackerdcs, "send", STAND, device, *args, "--reason", "test")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    async def test_nothing_is_lost_and_no_output_moves_when_each_service_is_killed(self):
        stack = self.stack
        await self.send("lv1", "on", "ch1")
        for args in (
            ("set_voltage", "ch0", "--arg", "v=-50"),
            ("on", "ch0"),
        ):
            await self.send("hv1", *args)
        async with Witness(MqttBus(BusConfig(host=HOST, port=stack.broker.port), "witness"), killed=True) as witness:
            victims = [
                stack.loader,
                stack.owners["hv1"],
                stack.broker,
                stack.owners["lv1"],
                stack.database,
                stack.owners["env1"],
            ]
            for victim in victims:
                victim.kill()
                await asyncio.sleep(DOWN_S)
                await asyncio.to_thread(victim.restart)
                await asyncio.sleep(DOWN_S)
            together = [stack.broker, stack.loader, stack.owners["hv1"], stack.database]
            for victim in together:
                victim.kill()
            await asyncio.sleep(DOWN_S)
            for victim in together:
                await asyncio.to_thread(victim.restart)
            await asyncio.sleep(2 * DOWN_S)
            # Broker and owner went together, so nobody has said that the old owner is gone: the new one listens first.
            await until(lambda: len({e.boot for e in stack.ledger("hv1") if e.event == "adopted"}) == 3, PATIENCE_S)
            stack.loader.freeze()
            await asyncio.sleep(DOWN_S)
            stack.loader.thaw()
            truth = await asyncio.to_thread(stack.truth, "hv1")
            self.assertTrue(truth["ch0"]["on"], "killing a service has changed an output")
            self.assertAlmostEqual(float(truth["ch0"]["v"]), -50.0, delta=1.0)
            stop = await asyncio.to_thread(stack.wait_drained, PATIENCE_S)
        self.assertEqual(await stack.losses(witness.seen, stop), [])
        for device, boots in {"hv1": 3, "lv1": 2, "env1": 2}.items():
            stored = await stack.stored(device, stop)
            self.assertEqual(len(stored), boots)
            self.assertGreater(sum(map(len, stored.values())), 20)
            steps = [entry.step for entry in stack.ledger(device)]
            self.assertEqual((steps.count("started"), steps.count("stopped")), (boots, 0), "killed, each time")

    async def test_a_command_reaches_the_instrument_and_its_effect_the_database(self):
        for args in (
            ("set_current_limit", "ch1", "--arg", "i=1"),
            ("set_voltage", "ch1", "--arg", "v=10"),
            ("on", "ch1"),
        ):
            await self.send("lv1", *args)
        await asyncio.to_thread(self.stack.wait_drained, PATIENCE_S)
        asked = ("--stand", STAND, "--device", "lv1", "--channel", "ch1", "--quantity", "v_mon", "--last", "60s")
        told = await asyncio.to_thread(self.stack.trackerdcs, "history", *asked, "--format", "csv")
        self.assertEqual(told.returncode, 0, told.stderr)
        values = [float(line.rsplit(",", 1)[1]) for line in told.stdout.splitlines()[1:]]
        self.assertAlmostEqual(values[0], 0.0, delta=0.1)
        self.assertAlmostEqual(values[-1], 10.0, delta=0.1)
        doctor = await asyncio.to_thread(self.stack.trackerdcs, "doctor", "--listen", "1")
        self.assertEqual(doctor.returncode, 0, doctor.stdout + doctor.stderr)


if __name__ == "__main__":
    unittest.main()
