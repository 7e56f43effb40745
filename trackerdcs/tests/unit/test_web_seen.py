"""What somebody sees who has rights at some stands only: nothing of any other, in no list, page, table or socket."""

import json
from typing import Any
from unittest import mock

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from trackerdcs.adapters.bus_memory import MemoryBus
from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import Event, Frame, Status, Value
from trackerdcs.domain.series import point_of
from trackerdcs.tests.desk_web_case import Heard
from trackerdcs.tests.join_case import T0, S
from trackerdcs.tests.web_case import PASSWORD, SITE
from trackerdcs.tests.whole_web_case import HV, OURS, SITES, THEIRS, WholeCase
from trackerdcs.web import live

LISTS = {
    "ledger": ("commands", "id", {"bench": ["k-bench"], "other": ["k-other"]}),
    "logbook": ("entries", "id", {"bench": [OURS], "other": [THEIRS]}),
    "alarms/history": ("story", "alarm", {"bench": ["of-bench"], "other": ["of-other"]}),
}


class TestSeen(WholeCase):
    async def seen(self, name: str, address: str, status: int = 200) -> Any:
        answer = await self.get(address, name)
        self.assertEqual(answer.status_code, status, answer.text)
        return answer.json()

    async def test_ledger_logbook_and_alarms_of_the_own_stands(self) -> None:
        for stand in ("bench", "other"):
            data = {"alarm": f"of-{stand}", "severity": "critical", "value": 61.0}
            event = Event("alarm_raised", self.clock.now() - S, "b", why=f"of-{stand}: wet", data=data)
            await self.stores.time_series.write([point_of(stand, "alarms", event)])
        for path, (rows, key, by_stand) in LISTS.items():
            for name, stand in (("inside", "bench"), ("local", "bench"), ("stranger", "other"), ("master", "other")):
                for query in ("", f"?stand={stand}", "?limit=1"):
                    with self.subTest(f"{path}{query} as {name}"):
                        said = await self.seen(name, f"/api/{path}{query}")
                        self.assertEqual([row[key] for row in said[rows]], by_stand[stand])
                        self.assertIsNone(said.get("next"))
                table = (await self.get(f"/api/{path}?format=csv", name)).text
                self.assertNotIn("other" if stand == "bench" else "bench", table)
                self.assertEqual(table.count(stand) > 0, True)
            with self.subTest(f"{path} as somebody with two stands"):
                why = (await self.seen("both", f"/api/{path}", 403))["error"]
                self.assertEqual(why, "name a stand by ?stand=, one of: bench, other")
                for stand, expected in by_stand.items():
                    said = await self.seen("both", f"/api/{path}?stand={stand}")
                    self.assertEqual([row[key] for row in said[rows]], expected)
            whole = await self.seen("viewer", f"/api/{path}")
            self.assertGreaterEqual(
                {row[key] for row in whole[rows]}, {id for some in by_stand.values() for id in some}
            )
        nuisances = (await self.seen("inside", "/api/alarms/history"))["nuisances"]
        self.assertEqual([each["alarm"] for each in nuisances], ["of-bench"])
        for query in (f"id={THEIRS}", f"id={SITES}", "text=of", f"after={T0 + 9}:{SITES}"):
            said = await self.seen("inside", f"/api/logbook?{query}")
            self.assertLessEqual({entry["id"] for entry in said["entries"]}, {OURS})

    async def test_nothing_is_written_about_what_is_not_seen(self) -> None:
        client = await self.logged_in("local")

        async def write(status: int, **form: str) -> str:
            answer = await client.post("/api/logbook", data={"text": "x"} | form, headers={"Origin": SITE})
            self.assertEqual(answer.status_code, status, answer.text)
            return answer.text

        self.assertIn("needs the role shifter at other", await write(403, stand="other"))
        self.assertIn("needs the role shifter on the site", await write(403))
        self.assertIn("there is no run o1", await write(422, stand="bench", run="o1"))
        self.assertIn("there is no run none", await write(422, stand="bench", run="none"))
        for entry in (THEIRS, SITES, "d" * 32):
            self.assertIn(f"there is no entry {entry}", await write(422, stand="bench", refers=entry))
        await write(201, stand="bench", run="r1", refers=OURS)

    async def test_quantities_and_the_bands_of_a_plot(self) -> None:
        for name, stands in (("inside", {"bench"}), ("stranger", {"other"}), ("both", {"bench", "other"})):
            known = (await self.seen(name, "/api/quantities"))["quantities"]
            self.assertEqual({each["name"].partition("/")[0] for each in known}, stands)
        self.assertEqual(await self.seen("below", "/api/quantities"), {"quantities": []})
        self.assertNotIn("other", (await self.get("/api/quantities?format=csv", "inside")).text)
        address = f"/api/series?quantity={HV}&since={T0}&until={T0 + 4000 * S}"
        for name, runs in (("inside", {"r1", "r2"}), ("viewer", {"r1", "r2", "n1"})):
            self.assertEqual({run["id"] for run in (await self.seen(name, address))["runs"]}, runs)

    async def test_health_of_the_own_stands_and_what_the_loaders_store_of_them(self) -> None:
        now = self.clock.now()
        online = Status("online", now, now, "b", "1", None)
        values: dict[str, Value] = {"stored": 4.0, "stored_rate": 1.0, "lag": 1.0}
        frame = Frame(now, 0, "b", "1", "loader", {"-": {"lag": 1.0}, "bench-hv1": values, "other-hv1": values})
        for topic, message in (
            ("site/loader/status", online),
            ("site/loader/frame", frame),
            ("other/x/status", online),
        ):
            self.health.hear(Heard(f"dcs/v1/{topic}", encode(message)))
        for name, ours in (("inside", {"bench"}), ("stranger", {"other"}), ("below", set[str]())):
            said = await self.seen(name, "/api/health")
            self.assertEqual(set(said["brokers"]), ours)
            self.assertEqual({part["stand"] for part in said["parts"]}, ours)
            self.assertEqual({place["stand"] for place in said["places"]}, ours)
            self.assertEqual([s["source"] for s in said["loaders"][0]["sources"]], [f"{each}-hv1" for each in ours])
            for other in {"bench", "other"} - ours:
                self.assertNotIn(other, json.dumps(said))
        whole = await self.seen("viewer", "/api/health")
        self.assertEqual(set(whole["brokers"]), {"bench", "other", "site"})
        self.assertEqual(len(whole["loaders"][0]["sources"]), 2)


class TestLive(WholeCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.address = await self.served()
        self.voice = await self.enterAsyncContext(MemoryBus(self.broker, "voice"))
        await self.say("kept")

    async def say(self, device: str) -> None:
        now = self.clock.now()
        for stand in ("bench", "other", "site"):
            payload = encode(Status("online", now, now, "b", "1", None))
            await self.voice.publish(f"dcs/v1/{stand}/{device}/status", payload, retain=True)

    async def socket(self, name: str) -> ClientConnection:
        async with httpx.AsyncClient(base_url=self.address) as client:
            form = {"name": name, "password": PASSWORD}
            await client.post("/login", data=form, headers={"Origin": self.address})
            cookie = f"trackerdcs={client.cookies['trackerdcs']}"
        address = f"{self.address.replace('http', 'ws')}/api/live"
        socket = connect(address, origin=Origin(self.address), additional_headers={"Cookie": cookie})
        return await self.enterAsyncContext(socket)

    async def heard(self, socket: ClientConnection) -> tuple[set[str], set[str]]:
        """Stands that are spoken of, and all topics, the last ones of which are new."""
        stands, topics = set[str](), set[str]()
        for _ in range(50):
            batch = json.loads(await socket.recv())
            stands |= set(batch["stands"])
            topics |= {topic for topic, *_ in batch["said"]}
            if any("new" in topic for topic in topics) or (not stands and not batch["whole"]):
                break
        return stands, topics

    async def test_stands_that_one_may_see_and_no_others(self) -> None:
        table = {
            "viewer": {"bench", "other", "site"},
            "inside": {"bench"},
            "local": {"bench"},
            "both": {"bench", "other"},
            "below": set[str](),
            "none": set[str](),
        }
        sockets = {name: await self.socket(name) for name in table}
        await self.say("new")
        for name, expected in table.items():
            with self.subTest(name):
                stands, topics = await self.heard(sockets[name])
                self.assertEqual(stands, expected)
                self.assertEqual(topics, {f"{each}/{n}/status" for each in expected for n in ("kept", "new")})

    async def test_other_rights_are_another_socket(self) -> None:
        self.enterContext(mock.patch.object(live, "LOOK_AGAIN_S", 0.05))
        for change in (
            lambda: self.users.grant("inside", "other", "viewer"),
            lambda: self.users.revoke("inside", "bench"),
            lambda: self.users.remove("inside"),
        ):
            socket = await self.socket("inside")
            await socket.recv()
            change()
            with self.assertRaises(ConnectionClosed) as raised:
                while True:
                    await socket.recv()
            assert raised.exception.rcvd is not None
            self.assertEqual(raised.exception.rcvd.code, live.NOT_LOGGED_IN)
            if self.users.hash_of("inside"):
                whole = json.loads(await (await self.socket("inside")).recv())
                self.assertIn("other", whole["stands"])


del WholeCase  # it is no test
