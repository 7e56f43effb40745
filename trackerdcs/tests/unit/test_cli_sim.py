"""`trackerdcs sim`: what it says of a fault is how long the fault lasts."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from typer.testing import CliRunner

from trackerdcs.cli.main import app
from trackerdcs.domain.stand import DeviceConfig, LinkConfig, SimConfig, Stand
from trackerdcs.sim.stand import SimStand
from trackerdcs.tests.servers import free_port
from trackerdcs.tests.waiting import full_speed


class Lasting(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        full_speed()  # else asyncio says on a slow machine what took long, in the middle of what the command says
        self.port = free_port()
        hv1 = DeviceConfig("iseg_shr", LinkConfig(f"TCPIP::127.0.0.1::{free_port()}::SOCKET"), sim=True)
        await self.enterAsyncContext(SimStand(Stand("demo", {"hv1": hv1}, sim=SimConfig(control=self.port))))

    async def sim(self, *args: str) -> tuple[int, str]:
        command = ["sim", *args, "--port", str(self.port)]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        return result.exit_code, result.output

    async def test_a_fault(self) -> None:
        for args, lasts in [
            (("hang", "--times", "5"), "until `trackerdcs sim clear hv1`"),
            (("hang",), "until `trackerdcs sim clear hv1`"),
            (("late", "--times", "0"), "until `trackerdcs sim clear hv1`"),
            (("late",), "for the next reply"),
            (("late", "--times", "3"), "for the next 3 replies"),
            (("trip",), "done"),
        ]:
            with self.subTest(args):
                self.assertEqual(await self.sim("fault", "hv1", *args), (0, f"hv1: {args[0]}, {lasts}\n"))

    async def test_a_stand_file_says_where_its_simulators_are(self) -> None:
        path = Path(self.enterContext(tempfile.TemporaryDirectory()), "stand.yaml")
        device = "{driver: env_board, sim: true, link: {resource: ASRLx/env1::INSTR}}"
        path.write_text(
            f"stand: bench\nbus: {{kind: embedded}}\nsim: {{control: {self.port}}}\ndevices: {{env1: {device}}}\n"
        )

        def sim(*args: str) -> tuple[int, str]:
            result = CliRunner().invoke(app, ["sim", *args], env={"TRACKERDCS_STAND_FILE": str(path)})
            return result.exit_code, result.output

        for stand in (str(path), "bench"):
            lasts = "until `trackerdcs sim clear hv1`"
            self.assertEqual(await asyncio.to_thread(sim, "fault", stand, "hv1", "hang"), (0, f"hv1: hang, {lasts}\n"))
            self.assertEqual(await asyncio.to_thread(sim, "clear", stand, "hv1"), (0, "hv1: no faults\n"))
        code, output = await asyncio.to_thread(sim, "fault", "demo", "hv1", "hang")
        self.assertEqual(code, 2)
        self.assertIn("'demo' is no file", output)
        self.assertEqual((await asyncio.to_thread(sim, "fault", "hang"))[0], 2)

    async def test_the_list(self) -> None:
        _, out = await self.sim("faults")
        lines = {line.split()[0]: line for line in out.splitlines()}
        self.assertIn("; until cleared", lines["hang"])
        self.assertIn("; once", lines["brown_out"])
        self.assertNotIn(";", lines["late"])


if __name__ == "__main__":
    unittest.main()
