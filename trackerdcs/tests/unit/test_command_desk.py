"""The desk: one answer a command, whatever happens in between."""

import asyncio
import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.bus_queues import Received
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.app.command_desk import RUNNING
from trackerdcs.domain.errors import LinkLost, VerifyError
from trackerdcs.domain.messages import FINAL, Ack
from trackerdcs.tests.desk_case import POLICY, TOPIC, DeskCase

ENDS = ("accepted", "done")
LONG: dict[str, Any] = {15_000 * "x": 1}
"""An argument with an endless name."""


class TestCommandDesk(DeskCase):
    async def test_accepted_then_done_with_the_readback(self):
        await self.send(self.command())
        self.assertEqual(self.states(), ["accepted", "done"])
        self.assertEqual(self.acks[-1].readback, {"v_set": -50.0})
        self.assertEqual(self.executed, [("set_voltage", "ch0", {"v": -50.0})])
        self.assertEqual((self.acks[0].user, self.acks[0].by), ("cli", None))

    async def test_what_the_channel_objects_to_is_refused_and_not_begun(self):
        self.objection = "ch0 is tripped"
        await self.send(self.command("on"))
        self.assertEqual([(a.state, a.why) for a in self.acks], [("refused", "ch0 is tripped")])
        self.assertEqual(self.executed, [])

    async def test_rule_15_a_repeated_id_repeats_the_last_ack_and_is_not_executed_again(self):
        await self.send(self.command())
        await self.send(self.command("off"))
        self.assertEqual(self.states(), ["accepted", "done", "done"])
        self.assertEqual(len(self.executed), 1)

    async def test_rule_15_a_repeated_id_is_known_after_a_restart(self):
        await self.send(self.command())
        self.log.close()
        self.desk = self.make(SqliteCommandLog(self.path))
        await self.desk.end_interrupted()
        await self.send(self.command())
        self.assertEqual(self.states(), ["accepted", "done", "done"])
        self.assertEqual(len(self.executed), 1)

    async def test_a_repeated_id_while_it_runs_says_accepted(self):
        self.gate = asyncio.Event()
        await self.send(self.command())
        await self.send(self.command())
        self.assertEqual(self.states(), ["accepted", "accepted"])
        self.gate.set()
        await self.settle()
        self.assertEqual(self.states(), ["accepted", "accepted", "done"])

    async def test_a_command_cut_by_a_crash_ends_failed_restarted(self):
        self.gate = asyncio.Event()
        await self.send(self.command())
        self.acks.clear()
        second = self.make(SqliteCommandLog(self.path))
        await second.end_interrupted()
        self.assertEqual([(a.state, a.why) for a in self.acks], [("failed", "restarted")])
        await second.end_interrupted()
        self.assertEqual(len(self.acks), 1)

    async def test_a_newer_move_supersedes_the_one_that_waits(self):
        self.gate = asyncio.Event()
        await self.send(self.command("on"))
        await self.send(self.command("off", "i2"))
        self.assertEqual(
            [(a.id, a.state, a.why) for a in self.acks if a.state in FINAL], [("i1", "failed", "superseded")]
        )
        self.gate.set()
        await self.settle()
        self.assertEqual(self.states("i2"), ["accepted", "done"])

    async def test_what_must_not_begin_any_more_does_not_and_ends_nothing_else(self):
        self.gate = asyncio.Event()
        await self.send(self.command("off"))
        record = self.log.record

        def meanwhile(*acks: Ack) -> None:
            record(*acks)
            self.objection = "ch0 is still coming down"

        self.log.record = meanwhile  # type: ignore[method-assign]
        await self.send(self.command("set_voltage", "i2"))
        self.assertEqual(
            [(a.id, a.state, a.why) for a in self.acks if a.state in FINAL], [("i2", "failed", self.objection)]
        )
        self.gate.set()
        await self.until(lambda: "done" in self.states(), "off to its end")
        self.assertEqual([cmd for cmd, _, _ in self.executed], ["off"])

    async def test_an_off_goes_on_until_what_takes_its_place_may_begin(self):
        gone: str | None = "disk full"
        self.gate = asyncio.Event()

        async def written() -> str | None:
            return gone

        self.keeper.written = written  # type: ignore[method-assign]
        await self.send(self.command("off"))
        await self.send(self.command("set_voltage", "i2"))
        self.assertEqual([(a.id, a.state) for a in self.acks if a.state in FINAL], [("i2", "failed")])
        gone = None
        sent = (self.command("set_voltage", id) for id in ("i3", "i4"))
        await self.desk.handle(*(Received(TOPIC, each, False, lambda: None) for each in sent))
        await self.settle()
        self.assertEqual([self.states(id)[-1] for id in ("i1", "i3")], ["failed", "failed"], "superseded")
        self.gate.set()
        await self.until(lambda: "done" in self.states("i4"), "the newest")
        self.assertEqual([cmd for cmd, _, _ in self.executed], ["off", "set_voltage"])

    async def test_limits_that_have_become_narrower_while_a_command_waited_count(self):
        policies = [POLICY, replace(POLICY, channels={})]
        self.desk = self.make()
        self.desk._policy = lambda: policies.pop(0) if len(policies) > 1 else policies[0]
        await self.send(self.command("set_voltage"))
        self.assertEqual(self.states(), ["accepted", "failed"])
        self.assertEqual(self.executed, [])

    async def test_nothing_ends_an_emergency_off_not_even_what_has_come_with_it(self):
        self.gate = asyncio.Event()
        sent = (("e", "emergency_off"), ("v", "set_voltage"), ("o", "off"))
        await self.desk.handle(*(Received(TOPIC, self.command(cmd, id), False, lambda: None) for id, cmd in sent))
        await self.settle()
        self.assertEqual([(a.id, a.state) for a in self.acks if a.state in FINAL], [("v", "failed")])
        self.assertEqual([cmd for cmd, _, _ in self.executed], ["emergency_off"])
        self.gate.set()
        await self.until(lambda: "done" in self.states("o"), "off after it")
        self.assertEqual(self.states("e"), ["accepted", "done"])
        self.assertEqual([cmd for cmd, _, _ in self.executed], ["emergency_off", "off"])

    async def test_each_command_has_its_end_when_the_service_stops(self):
        self.gate = asyncio.Event()
        broker = MemoryBroker()
        async with MemoryBus(broker, "me") as me, MemoryBus(broker, "device") as bus:
            serving = asyncio.create_task(self.desk.serve(bus, "s", "d"))
            await asyncio.sleep(0)
            await me.publish(TOPIC, self.command("on"))
            await me.publish(TOPIC, self.command("off", "i2"))
            await self.until(lambda: self.states("i2"), "accepted")
            serving.cancel()
            await asyncio.wait({serving})
        self.assertEqual(
            [(a.id, a.why) for a in self.acks if a.state == "failed"],
            [("i1", "superseded"), ("i2", "the service stops")],
        )
        self.assertEqual({a.state for a in self.log.recall(9)}, {"failed"})

    async def test_too_many_commands_at_a_time_are_refused_but_not_those_in_the_safe_direction(self):
        self.gate = asyncio.Event()
        await self.desk.handle(
            *(
                Received(TOPIC, self.command("set_current_limit", f"i{n}", i=1e-6), False, lambda: None)
                for n in range(RUNNING + 1)
            )
        )
        await self.send(self.command("off", "o"))
        self.assertEqual([self.states(i) for i in ("i49", "i50", "o")], [["accepted"], ["refused"], ["accepted"]])
        self.gate.set()
        await self.until(lambda: "done" in self.states("o") and "done" in self.states("i49"), "done")
        await self.settle()
        await self.send(self.command("set_current_limit", "later", i=1e-6))
        self.assertEqual(self.states("later"), ["accepted", "done"])

    async def test_two_users_may_use_the_same_id(self):
        await self.send(self.command("off"))
        await self.send(self.command("on"), topic="dcs/v1/s/d/cmd/web")
        self.assertEqual([(a.user, a.state) for a in self.acks], [(u, s) for u in ("cli", "web") for s in ENDS])
        self.assertEqual([cmd for cmd, _, _ in self.executed], ["off", "on"])

    async def test_a_current_limit_does_not_end_a_move(self):
        self.gate = asyncio.Event()
        await self.send(self.command("on"))
        await self.send(self.command("set_current_limit", "i2", i=1e-6))
        self.gate.set()
        await self.settle()
        self.assertEqual((self.states(), self.states("i2")), (["accepted", "done"], ["accepted", "done"]))

    async def test_a_driver_that_raises_ends_failed_and_never_done(self):
        for number, error in enumerate((VerifyError("v_set", -50, -40), ZeroDivisionError("bug"), LinkLost(""))):
            with self.subTest(error=error):
                self.error = error
                with self.assertLogs("trackerdcs.app.command_desk", "INFO"):
                    await self.send(self.command(id=f"e{number}"))
                self.assertEqual(self.states(f"e{number}"), ["accepted", "failed"])
                self.assertIn(str(error)[:3] or "LinkLost", self.acks[-1].why or "")

    async def test_refused_and_expired_execute_nothing(self):
        await self.send(self.command(v=50.0))
        await self.send(self.command(id="i2", life=-1.0))
        await self.send(self.command(id="i3"), retained=True)
        self.assertEqual([a.state for a in self.acks], ["refused", "expired", "refused"])
        self.assertEqual(self.executed, [])

    async def test_before_the_instrument_is_known_everything_is_refused(self):
        self.desk = self.make(policy=None)
        await self.send(self.command("off"))
        self.assertEqual(self.states(), ["refused"])

    async def test_what_is_no_command_is_reported_and_the_desk_goes_on(self):
        with self.assertLogs("trackerdcs.app.command_desk", "WARNING") as logs:
            for payload in (
                b"",
                b"off",
                b"{}",
                b'{"v":2}',
                b'{"v":1,"id":"x","cmd":"on","ch":"ch0","ts":NaN,"expires":1}',
                b'{"v":"%s"}' % (10_000_000 * b"x"),
                self.command(**LONG).replace(b'"i1"', b'""'),
            ):
                await self.send(payload)
            self.assertEqual(len(logs.output), 1, "said once, then counted")
            await self.send(self.command())
        self.assertIn("after 7 failures", logs.output[1])
        self.assertEqual([event for event, _ in self.reports], ["bad_message"] * 7)
        self.assertTrue(all(TOPIC in why for _, why in self.reports))
        self.assertLess(max(len(why) for _, why in self.reports), 1000)
        self.assertEqual(self.states(), ["accepted", "done"])

    async def test_an_answer_is_not_as_long_as_the_question(self):
        for n, payload in enumerate((self.command(id="i0", **LONG), self.command(10_000 * "x", "i1"))):
            await self.send(payload)
            self.assertEqual(self.states(f"i{n}"), ["refused"])
            self.assertLess(len(self.acks[-1].why or ""), 1000)


if __name__ == "__main__":
    unittest.main()
