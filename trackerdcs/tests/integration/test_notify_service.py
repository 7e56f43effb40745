"""`trackerdcs notify` as a process on a real broker: killed while it tells people, and with the broker gone."""

import asyncio
import os
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import Alarm, AlarmState, Status
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests import forked
from trackerdcs.tests.post_office import HookServer, MailServer
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.service import Forked
from trackerdcs.tests.waiting import full_speed, until

NOTED = 2.0
"""Seconds until what a server has taken is on disk, of a busy machine: a kill in this moment would tell it twice."""
STAND = """
stand: s
data: {folder}/data
bus: {{port: {port}}}
users: {{cli: expert}}
devices:
  hv1:
    driver: iseg_shr
    link: {{resource: "TCPIP::192.0.2.20::10001::SOCKET"}}
    channels: {{ch0: {{v_min: -600, v_max: 0, i_limit_max: 2e-5}}}}
notify:
  addresses:
    mail: {{url_file: {folder}/mail}}
    phone: {{url_file: {folder}/phone}}
    chat: {{url_file: {folder}/chat}}
  people:
    shifter: {{addresses: [mail, phone], at: [hv1]}}
    expert: {{addresses: [chat], least: critical}}
  shift: [shifter]
  escalation:
    - {{to: [shift]}}
    - {{to: [expert], after: 4}}
  alive: {{url_file: {folder}/alive, every: 1}}
"""


class TestNotifyService(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        full_speed()
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder, self.clock = Path(folder.name), SystemClock()
        self.mail, self.hooks, self.watcher = MailServer(), HookServer(), HookServer()
        for server in (self.mail, self.hooks, self.watcher):
            self.addCleanup(server.stop)
        self.broker = Mosquitto()
        self.addCleanup(self.broker.stop)
        for name, url in [
            ("mail", self.mail.url),
            ("phone", self.hooks.ntfy),
            ("chat", self.hooks.mattermost),
            ("alive", self.watcher.alive),
        ]:
            (self.folder / name).write_text(f"{url}\n")
        self.file = self.folder / "s.yaml"
        self.file.write_text(STAND.format(folder=self.folder, port=self.broker.port))
        self.bus = MqttBus(BusConfig(port=self.broker.port), "engine", None)
        await self.bus.__aenter__()
        self.addAsyncCleanup(self.bus.__aexit__, None, None, None)

    async def say(self, state: AlarmState) -> None:
        alarm = Alarm(
            state, "critical", 1, 2, 0, "b", "hot", "hv1.ch0", 31.5, "t is high", "open the gas", raised=10**18
        )
        await self.bus.publish(topics.alarm("s", "hot"), encode(alarm), retain=True)

    async def lives(self) -> None:
        """The alarm service, as far as its heartbeat goes."""
        while True:
            now = self.clock.now()
            status = encode(Status("online", now, now, "b", "0"))
            if self.bus.connected:
                await self.bus.publish(topics.of_device("s", "alarms", "status"), status, retain=True)
            await asyncio.sleep(0.5)

    def told(self) -> tuple[int, int, int]:
        """How often by mail, on the phone, and in the chat."""
        chat = sum(path.startswith("/hooks/") for path, _ in self.hooks.got)
        return len(self.mail.mails), len(self.hooks.titles()), chat

    async def test_killed_in_between_it_tells_nobody_twice_and_forgets_nobody(self) -> None:
        self.hooks.status = 500
        await self.say("raised")
        with Forked(["notify", str(self.file)]) as service:
            await until(lambda: self.told() == (1, 0, 0), 60)
            await until(lambda: "phone takes no messages" in service.log())
            await asyncio.sleep(NOTED)
            service.kill()
            self.hooks.status = 200
            service.restart()
            await until(lambda: self.told() == (1, 1, 1), 60)
            await asyncio.sleep(NOTED)
            service.kill()
            await self.say("cleared")
            service.restart()
            await until(lambda: self.told() == (2, 2, 2), 60)
            await asyncio.sleep(NOTED)
            service.kill()
            service.restart()
            await asyncio.sleep(3)
            self.assertEqual(self.told(), (2, 2, 2))
            self.assertEqual(self.mail.subjects(), ["s: CRITICAL: hot", "s: over: hot"])
            log = service.log()
            self.assertEqual(service.end()[0], 0)
        for secret in ("sesame", "secret-topic", "3ccdd", "shift@lab"):
            self.assertNotIn(secret, log)

    async def test_the_watcher_hears_nothing_of_a_system_without_a_broker(self) -> None:
        living = asyncio.create_task(self.lives())
        with Forked(["notify", str(self.file)]) as service:
            await until(lambda: self.watcher.calls() >= 2)
            self.broker.kill()
            await until(lambda: "the watcher is not called: no broker" in service.log())
            count = self.watcher.calls()
            await asyncio.sleep(3)
            self.assertEqual(self.watcher.calls(), count)
            self.broker.restart()
            await until(lambda: self.watcher.calls() > count)
        living.cancel()

    async def test_a_secret_that_is_not_there_keeps_it_from_starting(self) -> None:
        (self.folder / "chat").unlink()
        ended = forked.trackerdcs(("notify", str(self.file)), os.environ)
        self.assertEqual(ended.returncode, os.EX_CONFIG)
        self.assertRegex(ended.stderr, "notify.addresses.chat.url_file: the secret .*/chat cannot be read")
