"""The simulated Ph2_ACF asks the simulated stand: noise follows bias voltage and temperature, and needs low voltage."""

import asyncio
import signal
import threading
from typing import Any

from trackerdcs.domain.stand import DeviceConfig, LinkConfig, SimConfig, Stand
from trackerdcs.sim.control import ask
from trackerdcs.sim.stand import SimStand
from trackerdcs.tests.ph2acf_bench import CROC, PS, Ph2AcfCase
from trackerdcs.tests.servers import free_port
from trackerdcs.tests.sim_stand import until


class TestStand(Ph2AcfCase):
    def setUp(self) -> None:
        super().setUp()
        self.ports = [free_port() for _ in range(3)]
        devices = {
            name: DeviceConfig(driver, LinkConfig(f"TCPIP::127.0.0.1::{port}::SOCKET"), sim=True)
            for name, driver, port in (("hv1", "iseg_shr", self.ports[0]), ("lv1", "hmp4040", self.ports[1]))
        }
        self.loop = asyncio.new_event_loop()
        self.stand = SimStand(Stand("bench", devices, sim=SimConfig(control=self.ports[2], speed=100.0)))
        self.loop.run_until_complete(self.stand.__aenter__())
        thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        thread.start()
        self.addCleanup(self._down, thread)

    def _down(self, thread: Any) -> None:
        asyncio.run_coroutine_threadsafe(self.stand.__aexit__(None, None, None), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        thread.join(5)
        self.loop.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        answer = ask("127.0.0.1", self.ports[2], request)
        self.assertTrue(answer["ok"], answer)
        return answer

    def switch(self, device: str, channel: str, v_set: float, on: bool = True) -> None:
        """Turn the knobs, and wait until the voltage is there."""
        args = {"channel": channel, "v_set": v_set, "i_limit": 1.0 if device == "lv1" else 1e-4, "on": on}
        self.ask(op="fault", device=device, fault="front_panel", args=args)
        goal = v_set if on else 0.0

        def there() -> bool:
            v = self.ask(op="state")["devices"][device]["channels"][channel]["v"]
            return abs(float(v) - goal) < 1.0

        self.assertTrue(until(there))

    def knobs(self) -> dict[str, str]:
        return {"SIM": f"127.0.0.1:{self.ports[2]}", "HV": "hv1.ch0", "LV": "lv1.ch1"}

    def noise(self, number: int) -> float:
        chips = self.truth(self.here / f"Results/Run_{number}/truth.json")["chips"]
        return float(sum(chip["noise_mean"] for chip in chips) / len(chips))

    def test_noise_follows_bias_and_temperature_and_a_module_without_power_has_no_link(self) -> None:
        dark = self.outer("pedenoise", **self.knobs())
        self.assertEqual(dark.rc, -signal.SIGABRT)
        self.assertIn("lpGBT link failed to LOCK!", dark.errors)
        self.assertFalse((self.here / "Results").exists())
        self.switch("lv1", "ch1", 10.0)
        self.ask(op="world", set={"t_plate": 20.0})
        off = self.outer("pedenoise", **self.knobs())
        self.assertIn("HV 0.0 V, LV 10.0 V, T 20.0 degC", "\n".join(off.lines))
        self.switch("hv1", "ch0", -300.0)
        self.assertEqual(self.outer("pedenoise", **self.knobs()).rc, 0)
        self.ask(op="world", set={"t_plate": 45.0})
        self.assertEqual(self.outer("pedenoise", **self.knobs()).rc, 0)
        unbiased, biased, hot = (self.noise(number) for number in (1, 2, 3))
        self.assertAlmostEqual(unbiased / biased, 1.8, delta=0.01)
        self.assertAlmostEqual(hot / biased, 1.05, delta=0.005)

    def test_power_lost_in_a_run_ends_it(self) -> None:
        self.switch("lv1", "ch1", 10.0)
        process = self.start("runCalibration", "-b", "-f", PS, "-c", "alignment", **self.knobs(), SPEED="10")
        self.read_until(process, "Starting OTalignLpGBTinputs")
        self.switch("lv1", "ch1", 10.0, on=False)
        ended = self.end(process)
        self.assertEqual(ended.rc, -signal.SIGABRT)
        self.assertIn("lpGBT link failed to LOCK!", ended.errors)
        self.assertTrue(any("Closing result file" in line for line in ended.lines))

    def test_the_inner_tracker_asks_too(self) -> None:
        dark = self.inner("latency", CROC, **self.knobs())
        self.assertIn("LpGBT chip not configured", dark.errors)
        self.switch("lv1", "ch1", 10.0)
        self.assertEqual(self.inner("latency", CROC, **self.knobs()).rc, 0)
        seen = self.truth(self.here / "Results" / "Run000000_Latency_truth.json")["surroundings"][-1]
        self.assertGreater(seen["noise_factor"], 1.7)

    def test_what_the_stand_does_not_know_is_said(self) -> None:
        ended = self.outer("alignment", SIM=f"127.0.0.1:{self.ports[2]}", HV="hv1.ch77", LV="lv9.ch1")
        self.assertEqual(ended.rc, 0)
        self.assertIn("has no channel hv1.ch77, lv9.ch1", "\n".join(ended.lines))
        ended = self.outer("alignment", SIM=f"127.0.0.1:{free_port()}", HV="hv1.ch0", LV="lv1.ch1")
        self.assertEqual(ended.rc, 0)
        self.assertIn("does not answer, a biased module at 20 degC is assumed", "\n".join(ended.lines))
        self.assertIn("no stand to ask", "\n".join(self.outer("alignment").lines))
