"""The page guard-a-stand.md as it stands, against the demonstrator, and the proof of its interlocks."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode
from trackerdcs.domain.messages import Meta
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.documents import ROOT
from trackerdcs.tests.long import long
from trackerdcs.tests.running_demo import LIMIT_S, AgainstTheDemo

PAGE = (ROOT / "doc" / "how-to" / "guard-a-stand.md").read_text(encoding="utf-8")


@long
class TestPage(AgainstTheDemo):
    def typed(self, lines: str, status: int = 0) -> str:
        path = f"{Path(sys.executable).parent}:{self.environment['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            capture_output=True,
            text=True,
            timeout=3 * LIMIT_S,
            env=self.environment | {"PATH": path},
        )
        self.assertEqual(done.returncode, status, f"{lines}\n{done.stdout}{done.stderr}")
        return done.stdout

    async def test_its_commands_work_as_they_stand(self) -> None:
        await self.demo.all_stored()
        opens, resets, bypasses = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
        self.assertIn("OPEN, humidity: env1.rh", self.typed(opens))
        refused = "trackerdcs send demo guard reset --arg interlock=dry_air"
        self.typed(f"! {refused}")
        self.assertIn("done", self.typed(resets))
        self.typed(bypasses)

    async def test_rule_09_the_demonstrator_proves_its_interlocks(self) -> None:
        await self.demo.all_stored()
        said = self.typed("trackerdcs proof demo --by ann")
        self.assertNotIn("FAIL", said)
        (report,) = self.demo.data.glob("proof-*.json")
        proven = json.loads(report.read_text())["proven"]
        self.assertEqual(proven, ["hv1.ch0", "hv1.ch1", "hv1.ch2", "hv1.ch3", "hv2.ch0"])
        async with asyncio.timeout(LIMIT_S), MqttBus(BusConfig(port=self.demo.port), "looks-at-meta") as bus:
            async for delivery in bus.subscribe(topics.of_device("demo", "hv1", "meta")):
                proof = decode(Meta, delivery.payload).channels["ch0"].proof
                if proof is not None:
                    self.assertRegex(proof, r"^20\d\d-.*Z \(simulated\)$")
                    break
