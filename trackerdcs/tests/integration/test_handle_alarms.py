"""The page handle-alarms.md as it stands, against the demonstrator; its alarms are stored as history."""

import asyncio
import json
import re
import time

from trackerdcs.tests.documents import ROOT
from trackerdcs.tests.running_demo import LIMIT_S, AgainstTheDemo
from trackerdcs.tests.typed import run_block

PAGE = (ROOT / "doc" / "how-to" / "handle-alarms.md").read_text(encoding="utf-8")


class TestPage(AgainstTheDemo):
    async def typed(self, lines: str) -> str:
        done = await asyncio.to_thread(run_block, lines, self.environment, LIMIT_S)
        self.assertEqual(done.returncode, 0, f"{lines}\n{done.stdout}{done.stderr}")
        return done.stdout

    async def test_its_commands_work_as_they_stand_and_the_history_is_in_the_database(self) -> None:
        began = time.time_ns()
        sees, shelves, looks = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
        self.assertIn("done", await self.typed(sees))
        self.assertEqual((await self.typed(shelves)).count("done"), 2)
        self.assertIn("valve is being opened", await self.typed(looks))
        expected = ["alarm_raised", "alarm_acknowledged", "alarm_normal"]
        async with asyncio.timeout(LIMIT_S):
            while await self.history("damp", began) != expected:
                await asyncio.sleep(0.2)
        self.assertEqual(await self.history("silent-hv2", began), ["alarm_shelved", "alarm_normal"])

    async def history(self, alarm: str, since: int) -> list[str]:
        """What has become of an alarm, as the time series has it."""
        data = await self.demo.samples("alarms", None, "data", since)  # type: ignore[arg-type]
        said = (json.loads(str(sample.value)) for sample in data)
        return [f"alarm_{each['state']}" for each in said if each.get("alarm") == alarm]
