"""A module brings its limits to whatever channel it is bound to, while the service runs."""

import asyncio
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.domain.modules import ModuleLimits, Modules, ModuleType
from trackerdcs.tests.channel_case import ChannelCase
from trackerdcs.tests.device_bench import device_bench

MODULES = Modules(
    {
        "2S": ModuleType(hv=ModuleLimits(v_min=-100.0, i_limit_max=1e-5, ramp_up=50.0)),
        "odd": ModuleType(hv=ModuleLimits(v_min=10.0, v_max=400.0)),
    },
    {"M-1": "2S", "M-odd": "odd"},
)


class TestModuleLimits(ChannelCase):
    name = "keithley2410"

    async def test_rule_01_the_limits_in_force_follow_the_module_on_the_channel(self):
        with tempfile.TemporaryDirectory() as folder:
            async with device_bench(self.config, data=Path(folder), modules=MODULES) as bench:
                self.assertEqual((await bench.command("set_voltage", v=-120.0)).state, "done")
                self.assertIn("is no range", (await bench.command("bind", module="M-odd")).why or "")
                self.assertEqual((await bench.command("bind", module="M-1")).state, "done")
                shown = bench.metas[-1].channels["ch0"]
                self.assertEqual(shown.commands["set_voltage"].args["v"].low, -100.0)
                self.assertEqual(shown.commands["set_ramp"].args["up"].high, 50.0)
                self.assertEqual(shown.commands["set_current_limit"].args["i"].high, 1e-5)
                self.assertEqual((await bench.command("set_voltage", v=-120.0)).state, "refused")
                self.assertEqual((await bench.command("on")).state, "refused", "its target is not within the limits")
            async with device_bench(self.config, boot="boot2", data=Path(folder), modules=MODULES) as bench:
                self.assertEqual((await bench.command("set_voltage", v=-120.0)).state, "refused")
                await bench.command("bind", module="M-2")
                self.assertEqual((await bench.command("set_voltage", v=-120.0)).state, "done")

    async def test_rule_01_no_module_is_bound_to_an_output_above_its_limits(self):
        async with self.at(self.config, -120.0, modules=MODULES) as bench:
            ack = await bench.command("bind", module="M-1")
            self.assertEqual(ack.state, "refused")
            self.assertIn("v_set -120 V", ack.why or "")
            self.assertEqual((await bench.command("bind", module="M-2")).state, "done", "it brings none")
            await bench.command("set_voltage", v=-50.0, wait=10)
            self.assertIn("i_limit", (await bench.command("bind", module="M-1")).why or "")
            await bench.command("set_current_limit", i=1e-5)
            await bench.next_frame(lambda f: float(f.ch["ch0"]["i_limit"]) <= 1.001e-5, "seen")
            binding = asyncio.create_task(bench.command("bind", module="M-1"))
            with mock.patch.object(SqliteCommandLog, "bind", _slowly(SqliteCommandLog.bind)):
                await bench.command("set_voltage", v=-120.0, wait=10)
                self.assertIn("v_set -1", (await binding).why or "", "it has risen while the disk was written to")
            await bench.command("set_voltage", v=-50.0, wait=10)
            self.assertEqual((await bench.command("bind", module="M-1")).why, None)


def _slowly(bind: Callable[[SqliteCommandLog, str, str | None], None]) -> Callable[..., None]:
    def slow(log: SqliteCommandLog, ch: str, module: str | None) -> None:
        time.sleep(0.5)
        bind(log, ch, module)

    return slow


del ChannelCase  # a case without a supply is no test

if __name__ == "__main__":
    unittest.main()
