"""The recorder with a real broker and real stores: who commanded what is known of every stand, whatever was down."""

import asyncio
import contextlib
import json
import tempfile
import unittest
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.http_uvicorn import listen
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import Ack, Command, Event, Frame, Status
from trackerdcs.domain.run_links import BindingQuery, CommandQuery, StoredCommand
from trackerdcs.domain.stand import RunsConfig
from trackerdcs.services import recorder, web
from trackerdcs.services.stores import open_runs
from trackerdcs.tests.bridge_bench import BridgeCase
from trackerdcs.tests.mongo_server import Mongo
from trackerdcs.tests.servers import HOST, free_port
from trackerdcs.tests.waiting import until

LIFE = 5 * 10**9


class RecorderCase(BridgeCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.stand = replace(self.stand, calibrations={})
        self.said: list[Status] = []
        task = asyncio.create_task(self._overhear())
        self.addAsyncCleanup(self._cancelled, task)
        await asyncio.sleep(0.05)

    async def _overhear(self) -> None:
        async for delivery in self.bus.subscribe(topics.of_device("site", "recorder", "status")):
            delivery.acknowledge()
            if not delivery.retained:
                self.said.append(decode(Status, delivery.payload))

    async def record(self, state: str = "online") -> None:
        """Start the recorder, and wait for its word."""
        before = len(self.said)
        self.begin("recorder", recorder.serve([self.stand]))
        await self.saying(state, before)

    async def saying(self, state: str, before: int = 0) -> None:
        def heard() -> bool:
            if (task := self.tasks.get("recorder")) is not None and task.done():
                task.result()
            return any(each.state == state for each in self.said[before:])

        await until(heard, 20.0)

    async def give(self, id: str, args: dict[str, Any] | None = None, user: str = "web") -> None:
        now = self.now()
        told = Command(id, "set_voltage", now, now + LIFE, "ch0", args or {"v": -5.0}, "shifter", "why not")
        await self.bus.publish(topics.command(self.name, "hv1", user), encode(told))

    async def answer(self, id: str, state: Any = "done") -> None:
        ack = Ack(id, "web", state, self.now(), readback={"v_set": -5.0})
        await self.bus.publish(topics.of_device(self.name, "hv1", "ack"), encode(ack))

    async def happens(self, event: str, why: str, device: str = "hv1", **data: Any) -> None:
        said = Event(event, self.now(), "b", None, why, data)
        await self.bus.publish(topics.of_device(self.name, device, "event"), encode(said))

    async def kill(self, user: str = "web", **said: Any) -> None:
        await self.bus.publish(topics.kill(self.name, user), json.dumps(said).encode())

    @staticmethod
    def now() -> int:
        return SystemClock().now()

    async def kept(self, meant: Callable[[dict[str, StoredCommand]], object]) -> dict[str, StoredCommand]:
        """The record by id, when it is as it is meant to be."""
        store = open_runs(self.stand.runs, self.data, "web")
        try:
            found: dict[str, StoredCommand] = {}
            for _ in range(200):
                found = {c.id: c for c in await asyncio.to_thread(store.commands, CommandQuery(stand=self.name))}
                if meant(found):
                    return found
                await asyncio.sleep(0.1)
            self.fail(f"not as it should be: {found}")
        finally:
            store.close()


class TestStand(RecorderCase):
    async def test_commands_and_a_kill_of_a_stand_without_calibrations_are_in_the_ledger(self) -> None:
        await self.furnish()
        await self.saying("online")
        port = free_port()
        async with contextlib.AsyncExitStack() as stack:
            listener = stack.enter_context(listen(HOST, port))
            stack.push_async_callback(self.end, "web")
            self.begin("web", web.serve_open(self.stand, listener))
            async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client:

                async def ledger(**asked: str) -> list[dict[str, Any]]:
                    found = (await client.get("/api/ledger", params=asked)).raise_for_status().json()["commands"]
                    return list(found)

                self.assertEqual((await self.tell("lv1", "set_voltage", "ch1", v=2.0)).state, "done")
                self.assertEqual((await self.tell("lv1", "set_voltage", "ch1", v=99.0)).state, "refused")
                for device, ch, v, i in (("lv1", "ch1", 10.0, 1.0), ("hv1", "ch0", -40.0, 2e-5)):
                    for cmd, args in (("set_current_limit", {"i": i}), ("set_voltage", {"v": v}), ("on", {})):
                        ack = await self.tell(device, cmd, ch, **args)
                        self.assertEqual(ack.state, "done", ack.why)
                await self.kill(id="k-1", by="shifter", reason="shifter: it smells")

                async def ended() -> bool:
                    return any(row["state"] == "done" for row in await ledger(cmd="kill"))

                async with asyncio.timeout(20):
                    while not await ended():
                        await asyncio.sleep(0.1)
                (row,) = await ledger(cmd="kill")
                self.assertEqual((row["who"], row["user"], row["device"]), ("shifter", "web", "kill"))
                self.assertEqual((row["reason"], row["readback"]), ("it smells", {"hv1": "down"}))
                rows = await ledger(device="lv1")
                self.assertEqual(
                    [(r["cmd"], r["state"], r["who"]) for r in rows[::-1]][:2],
                    [
                        ("set_voltage", "done", "cli"),
                        ("set_voltage", "refused", "cli"),
                    ],
                )
                self.assertIn("99", rows[-2]["why"])
        await until(lambda: len(self.runs().bindings(BindingQuery(self.name, module="m-1"))) == 2)

    async def test_a_kill_by_hand_or_by_an_interlock_is_one_row_and_says_who(self) -> None:
        await self.record()
        await self.happens("killed", "by root at this computer: smoke", id="k-1")
        await self.happens("killed", "by root at this computer: smoke", "hv2", id="k-1")
        await self.kill("cli", id="k-1", reason="smoke")
        await self.happens("killed", "by interlock dry_air", "hv3")
        await self.kill("cli", reason="without an id")
        await self.happens("killed", "by cli: without an id", "hv4", id="made by hv4")
        await self.kill("nodered", id="k-3", by="expert")
        await self.happens("kill_refused", "user 'nodered' is not among the command users of this stand")
        await self.happens("kill_ended", "root at this computer: smoke: every channel was seen off", "hv2")
        found = await self.kept(lambda some: len(some) == 4 and "down" in some["k-1"].readback.values())
        first = found.pop("k-1")
        self.assertEqual((first.by, first.reason, first.state), ("root at this computer", "smoke", "accepted"))
        self.assertEqual(first.readback, {"hv1": "goes down", "hv2": "down"})
        refused = found.pop("k-3")
        self.assertEqual((refused.by, refused.state), ("expert", "refused"))
        rest = {(kill.user, kill.by, tuple(kill.readback)) for kill in found.values()}
        self.assertEqual(rest, {("-", "interlock dry_air", ("hv3",)), ("cli", None, ("hv4",))})


class TestAway(RecorderCase):
    """MongoDB with logins, which goes away; the recorder, which does so too."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        passwords = {"recorder": "r-secret", "web": "w-secret"}
        self.mongo = Mongo(passwords)
        self.addCleanup(self.mongo.stop)
        secrets = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for account, password in passwords.items():
            (secrets / account).write_text(password)
        runs = RunsConfig("mongodb", url=self.mongo.url, user="web", password_file=str(secrets / "web"))
        self.stand = replace(self.stand, runs=runs)

    async def test_nothing_is_lost_while_store_or_recorder_are_away(self) -> None:
        await self.record()
        await self.give("c-1")
        await self.kept(lambda some: "c-1" in some)
        self.mongo.kill()
        before = len(self.said)
        await self.give("c-2")
        await self.answer("c-2")
        await self.saying("fault", before)
        self.assertIn("store of runs", self.said[-1].error or "")
        await self.end("recorder")
        await self.give("c-3")
        await self.answer("c-3", "refused")
        await self.answer("c-1")
        await self.kill(id="k-1", by="shifter", reason="shifter: smoke")
        await self.happens("killed", "by web: shifter: smoke", id="k-1")
        self.mongo.restart()
        await self.record()
        found = await self.kept(lambda some: len(some) == 4 and some["k-1"].state)
        states = {id: command.state for id, command in found.items()}
        self.assertEqual(states, {"c-1": "done", "c-2": "done", "c-3": "refused", "k-1": "accepted"})
        self.assertEqual((found["c-1"].reason, found["c-1"].by), ("why not", "shifter"))
        self.assertLess(abs(found["k-1"].ts - found["c-3"].ts), 10**9, "when it was, and not when it was written")

    async def test_what_no_database_takes_keeps_nothing_back(self) -> None:
        await self.record()
        await self.give("c-1", {"v": 2**80})
        await self.give("c-2")
        await self.answer("c-1", "refused")
        await self.answer("c-9", "refused")
        found = await self.kept(lambda some: len(some) == 3 and some["c-1"].state)
        self.assertIn("not kept", found["c-1"].reason or "")
        self.assertEqual((found["c-1"].state, found["c-1"].args, found["c-2"].args), ("refused", {}, {"v": -5.0}))
        self.assertEqual((found["c-9"].cmd, found["c-9"].state), ("?", "refused"), "its command was not heard")

    async def test_a_module_that_was_taken_off_while_nobody_listened_is_off_in_the_store(self) -> None:
        async def frame(ts: int, seq: int, **mod: str) -> None:
            told = Frame(ts, seq, "b", "0", "hv", {"ch0": {}, "ch1": {}}, mod=mod)
            await self.bus.publish(topics.of_device(self.name, "hv1", "frame"), encode(told))

        def bound() -> list[tuple[str | None, int, int | None]]:
            return [(b.module, b.start, b.stop) for b in store.bindings(BindingQuery(self.name))]

        store = open_runs(self.stand.runs, self.data, "web")
        self.addCleanup(store.close)
        await self.record()
        await frame(5, 0, ch0="m-1")
        await until(lambda: bound() == [("m-1", 5, None)], 20.0)
        await self.end("recorder")
        await self.record()
        await frame(10, 1, ch1="m-2")
        await until(lambda: bound() == [("m-1", 5, 10), (None, 10, None), ("m-2", 10, None)], 20.0)


if __name__ == "__main__":
    unittest.main()
