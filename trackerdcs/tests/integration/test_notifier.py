"""Notifications on a bus, to a real mail server and real web hooks: what arrives where, and what a fault delays."""

import asyncio
import contextlib
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from trackerdcs.adapters.alive_http import HttpWatcher
from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.adapters.notify_apprise import AppriseNotifier
from trackerdcs.adapters.told_sqlite import SqliteTold
from trackerdcs.app import notice_sender
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.notifier import Notifications
from trackerdcs.app.requester import Requester
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import Ack, Alarm, AlarmState, Event, Meta, Severity, Status
from trackerdcs.domain.notify import AddressConfig, AliveConfig, NotifyConfig, PersonConfig, StepConfig
from trackerdcs.tests.post_office import PASSWORD, HookServer, MailServer
from trackerdcs.tests.waiting import full_speed, until

CONFIG = NotifyConfig(
    addresses={name: AddressConfig(name) for name in ("mail", "phone", "chat")},
    people={"shifter": PersonConfig(("mail", "phone")), "expert": PersonConfig(("chat",))},
    shift=("shifter",),
    escalation=(StepConfig(("shift",)), StepConfig(("expert",), 1.5)),
    alive=AliveConfig("alive", 1.0),
)
RAISED = 1_800_000_000 * 10**9


class TestNotifier(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        full_speed()
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder, self.clock, self.broker, self.boots = Path(folder.name), SystemClock(), MemoryBroker(), 0
        self.pace = 50, 1.0
        self.config, self.mail, self.hooks, self.watcher = CONFIG, MailServer(), HookServer(), HookServer()
        for server in (self.mail, self.hooks, self.watcher):
            self.addCleanup(server.stop)
        for name, url in [
            ("mail", self.mail.url),
            ("phone", self.hooks.ntfy),
            ("chat", self.hooks.mattermost),
            ("alive", self.watcher.alive),
        ]:
            (self.folder / name).write_text(f"{url}\n")
        sooner = patch.multiple(notice_sender, FIRST=0.2, LIMIT=0.2, LINGER=0.05, PATIENCE=0.5)
        sooner.start()
        self.addCleanup(sooner.stop)
        stack = contextlib.AsyncExitStack()
        self.addAsyncCleanup(stack.aclose)
        self.me = await stack.enter_async_context(MemoryBus(self.broker, "me"))
        self.task: asyncio.Task[None] | None = None
        self.events: list[Event] = []
        self.status: Status | None = None
        self.meta: Meta | None = None
        self.listening = asyncio.create_task(self._listen())
        await asyncio.sleep(0)

    async def asyncTearDown(self) -> None:
        await self.stop()
        self.listening.cancel()
        await asyncio.wait({self.listening})

    async def start(self) -> None:
        self.boots += 1
        self.task = asyncio.create_task(self._serve())
        await until(lambda: self.status and self.status.boot == f"boot{self.boots}" and self.status.state != "offline")

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})
            if not self.task.cancelled():
                self.task.result()

    async def _serve(self) -> None:
        who = Who("s", "notify", f"boot{self.boots}", "0")
        told, log = SqliteTold(self.folder / "told.sqlite"), SqliteCommandLog(self.folder / "commands.sqlite")
        ledger = SqliteLedger(self.folder / "ledger.sqlite")
        notifiers = {name: AppriseNotifier(self.folder / name, name) for name in self.config.addresses}
        watcher = HttpWatcher(self.folder / "alive", "alive")
        try:
            async with MemoryBus(self.broker, f"notify{self.boots}", will_of(who, self.clock)) as bus:
                self.notifications = Notifications(
                    who, self.config, notifiers, watcher, None, bus, told, log, ledger, self.clock, self.pace
                )
                await self.notifications.run()
        finally:
            for store in (told, log, ledger):
                store.close()

    async def _listen(self) -> None:
        async for delivery in self.me.subscribe("dcs/v1/s/notify/#"):
            match topics.parse(delivery.topic).kind:
                case "event":
                    self.events.append(decode(Event, delivery.payload))
                case "status":
                    self.status = decode(Status, delivery.payload)
                case "meta":
                    self.meta = decode(Meta, delivery.payload)

    async def say(
        self, state: AlarmState = "raised", name: str = "hot", severity: Severity = "critical", raised: int = RAISED
    ) -> None:
        alarm = Alarm(state, severity, raised, raised, 0, "b", name, "hv1.ch0", 31.5, "t is high", "open the gas")
        await self.me.publish(topics.alarm("s", name), encode(replace(alarm, raised=raised)), retain=True)

    async def engine_lives(self) -> None:
        now = self.clock.now()
        status = encode(Status("online", now, now, "b", "0"))
        await self.me.publish(topics.of_device("s", "alarms", "status"), status, retain=True)

    async def tell(self, cmd: str, **args: str) -> Ack:
        requester = Requester(self.me, self.clock, "cli", 20.0)
        answer = [a async for a in requester.request("s", "notify", cmd, args=args, reason=None)][-1]
        assert isinstance(answer, Ack)
        return answer

    def chat(self) -> list[str]:
        return [body["text"] for path, body in self.hooks.got if path.startswith("/hooks/")]

    async def test_raised_escalated_acknowledged_and_over(self) -> None:
        await self.start()
        await self.say()
        await until(lambda: self.mail.mails and self.hooks.titles())
        self.assertEqual((self.mail.subjects(), self.hooks.titles()), (["s: CRITICAL: hot"],) * 2)
        for part in ("why: t is high", "of: hv1.ch0", "value: 31.5", "what to do: open the gas"):
            self.assertIn(part, self.mail.texts()[0])
        self.assertEqual(self.chat(), [])
        await until(self.chat)
        self.assertIn("s: CRITICAL: hot still not acknowledged", self.chat()[0])
        await self.say("acknowledged")
        await self.say("normal")
        await until(lambda: len(self.chat()) == len(self.mail.mails) == len(self.hooks.titles()) == 2)
        self.assertEqual(self.mail.subjects()[1], "s: over: hot")

    async def test_that_nobody_knows_any_more_who_was_put_on_shift_is_said_until_the_next_start(self) -> None:
        (self.folder / "told.sqlite").write_bytes(b"no database at all" * 100)
        await self.start()
        await self.say()
        await until(lambda: self.mail.mails)
        await until(lambda: self.status and self.status.state == "online")
        self.assertIn("who had been put on shift, is not known from before", (self.status and self.status.error) or "")

    async def test_that_the_alarm_service_has_gone_is_told_once_and_that_it_is_back(self) -> None:
        with patch.multiple("trackerdcs.app.engine_watch", SILENCE=1.0, PATIENCE=1.0):
            await self.start()
            await self.engine_lives()
            await until(lambda: self.mail.subjects() == ["s: CRITICAL: the alarm service"])
            self.assertIn("start `trackerdcs alarms`", self.mail.texts()[0])
            await asyncio.sleep(0.5)  # that it was sent is noted
            await self.stop()
            await self.start()
            await asyncio.sleep(3.0)
            self.assertEqual(self.mail.subjects()[1:], [], "a start of ours is no reason to tell it again")
            await self.engine_lives()
            await until(lambda: self.mail.subjects()[1:] == ["s: over: the alarm service"])

    async def test_acknowledged_in_time_nobody_else_is_woken(self) -> None:
        await self.start()
        await self.say()
        await until(lambda: self.mail.mails)
        await self.say("acknowledged")
        await asyncio.sleep(2.5)
        await self.say("normal")
        await until(lambda: len(self.mail.mails) == 2)
        self.assertEqual(self.chat(), [])

    async def test_one_that_hangs_delays_no_other_and_gets_all_in_one_when_it_is_back(self) -> None:
        self.hooks.let_go.clear()
        await self.start()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.say(name="first")
        await until(lambda: len(self.mail.mails) == 1)
        for n in range(5):
            await self.say(name=f"a{n}")
        await until(lambda: len(self.mail.mails) == 2)
        self.assertLess(loop.time() - began, 3.0)
        self.assertEqual(self.mail.subjects()[1], "s: 5 notices: 5 CRITICAL")
        await until(lambda: "phone takes no messages: no answer within" in ((self.status and self.status.error) or ""))
        self.assertIn("notify_failed", [event.event for event in self.events])
        self.hooks.let_go.set()
        await until(lambda: len(self.hooks.titles()) == 2)
        self.assertEqual(self.hooks.titles(), ["s: CRITICAL: first", "s: 5 notices: 5 CRITICAL"])
        await until(lambda: self.status and self.status.state == "online")

    async def test_one_that_refuses_is_tried_until_it_takes_it(self) -> None:
        self.mail.refuse = True
        await self.start()
        await self.say()
        await until(lambda: self.status and self.status.state == "fault")
        assert self.status is not None
        self.assertIn("mail takes no messages", self.status.error or "")
        self.assertNotIn(PASSWORD, self.status.error or "")
        await self.say("normal")
        await asyncio.sleep(1.0)
        self.mail.refuse = False
        await until(lambda: self.mail.mails)
        self.assertEqual(self.mail.subjects(), ["s: 2 notices: 1 CRITICAL, 1 over"])
        self.assertIn("hot", self.mail.texts()[0])

    async def test_ten_thousand_at_once_are_a_handful_of_messages(self) -> None:
        self.pace = 4, 1.0
        await self.start()
        began = self.clock.monotonic()
        for n in range(10_000):
            await self.say(name=f"a{n}", severity="warning")
            if n % 500 == 0:
                await asyncio.sleep(0)
        total = lambda: sum(int(s.split()[1]) if "notices" in s else 1 for s in self.mail.subjects())  # noqa: E731
        await until(lambda: total() == 10_000, 60)
        self.assertLessEqual(len(self.mail.mails), 4 + (self.clock.monotonic() - began) + 1)
        self.assertLess(max(len(text) for text in self.mail.texts()), 20_000)

    async def test_after_a_restart_nobody_is_told_twice_and_nobody_is_forgotten(self) -> None:
        self.hooks.status = 500
        await self.start()
        await self.say()
        await until(lambda: self.mail.mails and self.status and self.status.state == "fault")
        await self.stop()
        self.hooks.status = 200
        await self.start()
        await until(lambda: self.hooks.titles() and self.chat())
        self.assertEqual((self.mail.subjects(), self.hooks.titles()), (["s: CRITICAL: hot"],) * 2)
        await self.stop()
        await self.say("cleared")
        await self.start()
        await until(lambda: len(self.chat()) == len(self.mail.mails) == len(self.hooks.titles()) == 2)

    async def test_commands(self) -> None:
        self.hooks.status = 500
        await self.start()
        answer = await self.tell("test", person="shifter")
        self.assertEqual(answer.state, "failed")
        self.assertRegex(answer.why or "", "^phone: .*500")
        self.assertEqual(self.mail.subjects(), ["s: test"], "what can be reached was")
        self.hooks.status = 200
        self.assertEqual((await self.tell("test", person="shifter")).state, "done")
        self.assertEqual(self.hooks.titles(), ["s: test"])
        answer = await self.tell("test", person="nobody")
        self.assertEqual(
            (answer.state, answer.why), ("refused", "person 'nobody' is unknown, expected shifter, expert")
        )
        self.assertEqual((await self.tell("shift", people="expert, ghost")).state, "refused")
        answer = await self.tell("shift", people="expert")
        self.assertEqual((answer.state, answer.readback), ("done", {"people": "expert"}))
        await until(lambda: self.meta and self.meta.channels["-"].label == "on shift: expert")
        await self.stop()
        await self.start()
        await until(lambda: self.meta and self.meta.boot == "boot2")
        assert self.meta is not None
        self.assertEqual(self.meta.channels["-"].label, "on shift: expert")
        await self.say()
        await until(self.chat)
        self.assertEqual(len(self.mail.mails), 2, "the tests, and nothing to who is off")

    async def test_nobody_on_shift_is_said_loudly(self) -> None:
        self.config = replace(CONFIG, escalation=(StepConfig(("shift",)),))
        await self.start()
        await self.tell("shift", people="nobody")
        await self.say()
        await until(lambda: "nobody was told of 1 critical" in ((self.status and self.status.error) or ""))
        await until(lambda: "nobody_told" in [event.event for event in self.events])
        await self.tell("shift", people="shifter")
        await until(lambda: self.mail.mails)
        await until(lambda: self.status and self.status.state == "online")

    async def test_the_watcher_is_called_while_all_is_well_and_only_then(self) -> None:
        await self.engine_lives()
        await self.start()
        await asyncio.sleep(1.5)
        self.assertEqual(self.watcher.calls(), 0, "what the broker has kept is no heartbeat")
        await self.engine_lives()
        await until(lambda: self.watcher.calls() >= 2)
        self.broker.stop()
        await asyncio.sleep(1.2)
        count = self.watcher.calls()
        await asyncio.sleep(2.5)
        self.assertEqual(self.watcher.calls(), count)
