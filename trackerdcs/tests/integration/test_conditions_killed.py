"""The dead-man of a device service as a process: guard and broker are killed under a high voltage that is on."""

import asyncio
import tempfile
import threading
import time
import unittest
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.long import long
from trackerdcs.tests.servers import HOST
from trackerdcs.tests.soak_safety import DRY, T_UNKNOWN, Somebody, Stand, humidity


@long
class TestKilled(unittest.IsolatedAsyncioTestCase):
    async def test_rule_18_guard_and_broker_killed_for_longer_than_t_unknown_bring_high_voltage_down(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        stand = Stand(folder, self.enterContext)
        looking = threading.Thread(target=stand.look)
        looking.start()
        self.addCleanup(looking.join)
        self.addCleanup(stand.end)
        humidity(stand, DRY)
        async with MqttBus(BusConfig(host=HOST, port=stand.broker.port), "somebody") as bus:
            somebody = Somebody(bus)
            async with asyncio.timeout(60):
                while not stand.lives or stand.now[1] < 49.0:
                    await somebody.go_up(50.0)
            stand.services["guard"].kill()
            stand.broker.kill()
            killed = time.monotonic()
            await asyncio.sleep(1.0)
            self.assertGreater(stand.now[1], 49.0, "nothing moves before t_unknown")
            async with asyncio.timeout(30):
                while stand.now[2]:
                    await asyncio.sleep(0.05)
        self.assertGreater(time.monotonic() - killed, T_UNKNOWN)


if __name__ == "__main__":
    unittest.main()
