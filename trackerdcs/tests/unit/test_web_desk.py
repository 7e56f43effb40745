"""The desk's routes: who may, what is wrong and said so, and that what somebody typed stays what it is."""

import json
from dataclasses import replace
from typing import Any

from trackerdcs.domain.alarm_story import chapter
from trackerdcs.domain.instrument import ROLES
from trackerdcs.domain.messages import Event
from trackerdcs.domain.run_links import StoredCommand
from trackerdcs.domain.series import point_of
from trackerdcs.tests.desk_web_case import DeskCase
from trackerdcs.tests.join_case import made_run
from trackerdcs.tests.web_case import SITE
from trackerdcs.web.desk_examples import DESK

S = 1_000_000_000
T0 = 1_780_000_000 * S
ID = "5f0c2a7e9b6d4c1f8e3a7b2d4c6e8f01"
PNG = b"\x89PNG\r\n\x1a\n picture"
SCRIPT = "<script>alert(1)</script>"


class TestRights(DeskCase):
    async def test_each_route_without_a_login_and_with_each_role(self) -> None:
        written = await self.write(text="x", files=[("file", ("a.txt", b"content"))])
        found = []
        for path, methods in self.app.openapi()["paths"].items():
            for method, said in methods.items():
                if "desk" in said["tags"]:
                    self.assertTrue(said.get("description"), path)
                    found.append((method.upper(), path.format(id=written["id"], n=0), said["x-role"]))
        self.assertEqual(len(found), 6)
        for role in (None, *ROLES):
            client = self.client() if role is None else await self.as_(role)
            for method, path, needed in found:
                with self.subTest(f"{method} {path} as {role}"):
                    # A body that nobody could take: who may not is told so before it is looked at.
                    answer = await client.request(method, path, headers={"Origin": SITE}, content=b"")
                    low = role is not None and ROLES.index(role) < ROLES.index(needed)
                    ok = 415 if method == "POST" else 200
                    self.assertEqual(answer.status_code, 401 if role is None else 403 if low else ok, answer.text)

    async def test_answers_look_as_the_examples_do(self) -> None:
        await self.write(text="x", files=[("file", ("a.txt", b"content"))])
        self.stores.run_store.put_command(StoredCommand("k1", "bench", "hv1", "web", "on", T0))
        for path, name in {
            "/api/logbook": "logbook",
            "/api/ledger": "ledger",
            "/api/health": "health",
            "/api/alarms/history": "alarm_history",
        }.items():
            with self.subTest(path):
                example, answer = DESK[name][0], (await self.get(path)).json()
                self.assertEqual(answer.keys(), example.keys())
                for key in ("entries", "commands", "parts", "places"):
                    for mine, its in zip(answer.get(key, [])[:1], example.get(key, []), strict=False):
                        self.assertEqual(mine.keys(), its.keys())

    async def test_a_form_of_another_site_writes_nothing(self) -> None:
        client = await self.as_("admin")
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}):
            answer = await client.post("/api/logbook", data={"text": "x"}, headers=headers)
            self.assertEqual(answer.status_code, 403)
            self.assertIn("only taken from a page of this site", answer.json()["error"])
        self.assertEqual((await self.get("/api/logbook")).json()["entries"], [])


class TestLogbook(DeskCase):
    async def test_what_was_written_is_there_as_it_was_typed(self) -> None:
        self.stores.run_store.put_run(made_run("r1"))
        files = [("file", ("../../etc/böx.png", PNG, "text/html")), ("file", ("x.html", SCRIPT.encode(), "image/png"))]
        said = await self.write(text=f" {SCRIPT}\r\nGröße ", tags="hv, box hv", stand="bench", run="r1", files=files)
        self.assertEqual((said["text"], said["author"], said["tags"]), (f"{SCRIPT}\nGröße", "shifter", ["hv", "box"]))
        kinds = [(each["name"], each["type"]) for each in said["attachments"]]
        self.assertEqual(kinds, [("böx.png", "image/png"), ("x.html", "application/octet-stream")])
        self.assertEqual((await self.get("/api/logbook")).json()["entries"], [said])
        for each, content in zip(said["attachments"], (PNG, SCRIPT.encode()), strict=True):
            answer = await self.get(each["address"])
            self.assertEqual((answer.content, answer.headers["content-type"]), (content, each["type"]))
            self.assertTrue(answer.headers["content-disposition"].startswith("attachment; filename="))
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
            self.assertEqual(answer.headers["content-security-policy"], "sandbox; default-src 'none'")

    async def test_filters_and_pages(self) -> None:
        for n in range(3):
            self.clock.later = 10.0 * n
            await self.write(text=f"number {n}", tags="odd" if n % 2 else "")
        ids = [e["text"][-1] for e in (await self.get("/api/logbook")).json()["entries"]]
        self.assertEqual(ids, ["2", "1", "0"])
        first = (await self.get("/api/logbook?limit=2&text=NUMBER")).json()
        rest = (await self.get(first["next"])).json()
        self.assertEqual([e["text"][-1] for e in first["entries"] + rest["entries"]], ["2", "1", "0"])
        self.assertIsNone(rest["next"])
        self.assertEqual(len((await self.get("/api/logbook?tag=odd")).json()["entries"]), 1)
        self.assertIn("number 2", (await self.get("/api/logbook?format=csv")).text)

    async def test_an_entry_is_never_changed_and_twice_is_once(self) -> None:
        first = await self.write(text="one", id=ID)
        self.assertEqual(await self.write(200, text="one", id=ID), first)
        self.assertIn("another entry", (await self.write(422, text="two", id=ID))["error"])
        again = await self.write(text="it was two", refers=ID)
        self.assertEqual(again["refers"], ID)
        client = await self.as_("admin")
        for method in ("PUT", "PATCH", "DELETE"):
            answer = await client.request(method, "/api/logbook", headers={"Origin": SITE}, json={})
            self.assertEqual(answer.status_code, 405)
        self.assertEqual(len((await self.get("/api/logbook")).json()["entries"]), 2)

    async def test_what_cannot_be_taken_is_refused_with_a_sentence(self) -> None:
        wrong: list[tuple[int, dict[str, Any], str]] = [
            (422, {"text": "  "}, "text: it is empty"),
            (422, {"text": "x" * 10_001}, "text: 10001 characters, at most 10000"),
            (413, {"text": "x" * 60_000}, "the form cannot be taken"),
            (422, {"text": "a\u202eb"}, "cannot be seen"),
            (422, {"text": "x", "tags": "../etc"}, "tags: '../etc': expected a small letter"),
            (422, {"text": "x", "tags": " ".join(f"t{n}" for n in range(11))}, "tags: 11 of them"),
            (422, {"text": "x", "stand": SCRIPT}, "stand"),
            (422, {"text": "x", "run": "../r"}, "run: '../r': expected the id of a run"),
            (422, {"text": "x", "run": "r9"}, "there is no run r9"),
            (422, {"text": "x", "refers": ID}, "there is no entry"),
            (422, {"text": "x", "refers": "1"}, "32 hexadecimal digits"),
            (422, {"text": "x", "author": "admin"}, "'author': expected text, tags"),
            (422, {"text": ["x", "y"]}, "text: it is there twice"),
        ]
        for status, form, words in wrong:
            with self.subTest(words):
                self.assertIn(words, (await self.write(status, **form))["error"])
        large, name = b"x" * (4 * 1024 * 1024 + 1), "f.bin"
        some: list[tuple[int, list[Any], str]] = [
            (413, [("file", (name, large))], "'f.bin' has more than 4194304 bytes"),
            (413, [("file", (name, large[:-1]))] * 3, "Nothing was done: more than"),
            (413, [("file", (name, b"x"))] * 5, "Too many files"),
            (422, [("file", (name, b""))], "'f.bin' is empty"),
            (422, [("picture", (name, b"x"))], "'picture': expected"),
        ]
        for status, files, words in some:
            with self.subTest(words):
                self.assertIn(words, (await self.write(status, files=files, text="x"))["error"])
        client, same = await self.as_("shifter"), {"Origin": SITE}
        answer = await client.post("/api/logbook", json={"text": "x"}, headers=same)
        self.assertEqual((answer.status_code, answer.json()["error"][:15]), (415, "expected a form"))
        broken = same | {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await client.post("/api/logbook", content=b"--y nonsense", headers=broken)
        self.assertEqual(answer.status_code, 422, answer.text)
        self.assertEqual((await self.get("/api/logbook")).json()["entries"], [])
        for path in ("/api/stands/bench/kill", "/login"):  # more room here is more room nowhere else
            answer = await client.post(path, content=b"x" * 20_000, headers=same)
            self.assertEqual(answer.status_code, 413)

    async def test_no_path_leads_anywhere(self) -> None:
        await self.write(text="x", id=ID, files=[("file", ("a", b"content"))])
        for path in (
            f"/api/logbook/{ID}/attachments/1",
            f"/api/logbook/{ID}/attachments/-1",
            "/api/logbook/..%2F..%2Fetc%2Fpasswd/attachments/0",
            f"/api/logbook/{'0' * 32}/attachments/0",
            "/api/logbook/%00/attachments/0",
        ):
            with self.subTest(path):
                await self.get(path, 404)
        await self.get(f"/api/logbook/{ID}/attachments/..%2F0", 404)
        await self.get(f"/api/logbook/{ID}/attachments/x", 422)
        for query in ("limit=0", "limit=x", "since=yesterday", "after=x", "after=1", f"text={'x' * 201}"):
            with self.subTest(query):
                self.assertIn("error", (await self.get(f"/api/logbook?{query}", 422)).json())

    async def test_a_store_that_is_away_is_503(self) -> None:
        self.stores.run_store.down = "not reachable"
        self.assertIn("not reachable", (await self.get("/api/logbook", 503)).json()["error"])
        self.assertIn("not reachable", (await self.write(503, text="x"))["error"])


class TestLedger(DeskCase):
    async def test_who_did_what_and_how_long_it_took(self) -> None:
        store = self.stores.run_store
        done = StoredCommand("k1", "bench", "hv1", "web", "on", T0, "ch0", {}, "shifter", "=1+1", "done")
        store.put_command(replace(done, answered=T0 + 4 * S))
        store.put_command(StoredCommand("a:b", "bench", "lv1", "cli", "off", T0 + S))
        store.put_command(StoredCommand("k3", "bench", "lv1", "cli", "off", T0 + 2 * S, state="refused", why="no"))
        page = (await self.get("/api/ledger?limit=1")).json()
        found = page["commands"]
        while page["next"]:
            page = (await self.get(page["next"])).json()
            found += page["commands"]
        self.assertEqual([each["id"] for each in found], ["k3", "a:b", "k1"])
        self.assertEqual((found[2]["who"], found[2]["took"], found[1]["took"]), ("shifter", 4.0, None))
        for query, ids in {
            "user=shifter": ["k1"],
            "user=cli&cmd=off": ["k3", "a:b"],
            "device=hv1": ["k1"],
            f"since={T0 + 1}&until={T0 + 2 * S}": ["a:b"],
            "stand=other": [],
        }.items():
            with self.subTest(query):
                self.assertEqual([c["id"] for c in (await self.get(f"/api/ledger?{query}")).json()["commands"]], ids)
        self.assertIn("shifter", (await self.get("/api/ledger?format=csv")).text)
        for query in ("limit=1001", "after=1:2", f"device={'x' * 65}", "until=tomorrow"):
            self.assertIn("error", (await self.get(f"/api/ledger?{query}", 422)).json())


class TestAlarmHistory(DeskCase):
    async def test_the_story_and_the_worst_nuisances(self) -> None:
        now = self.clock.now()
        states = ("raised", "acknowledged", "normal", "raised")
        events = [
            Event(
                f"alarm_{state}",
                now - (9 - n) * S,
                "b",
                why="damp: 61 above 60",
                data={"alarm": "damp", "severity": "critical", "value": 61.0, "by": "shifter"},
            )
            for n, state in enumerate(states)
        ]
        events.append(Event("reconnect", now - S, "b"))
        await self.stores.time_series.write([point_of("bench", "alarms", event) for event in events])
        said = (await self.get("/api/alarms/history?limit=2")).json()
        self.assertEqual([each["state"] for each in said["story"]], ["raised", "normal"])
        self.assertEqual((said["left_out"], said["story"][0]["why"]), (2, "61 above 60"))
        self.assertEqual([(n["alarm"], n["raised"]) for n in said["nuisances"]], [("damp", 2)])
        self.assertEqual((await self.get("/api/alarms/history?alarm=other")).json()["story"], [])
        self.assertIn("damp", (await self.get("/api/alarms/history?format=csv")).text)
        await self.get("/api/alarms/history?last=soon", 422)

    def test_an_event_that_nobody_can_read_is_left_out(self) -> None:
        self.assertIsNone(chapter("bench", 1, "trip", "why", ""))
        self.assertIsNone(chapter("bench", 1, "alarm_raised", "", "{"))
        self.assertIsNone(chapter("bench", 1, "alarm_raised", "x", "[1]"))
        found = chapter("bench", 1, "alarm_raised", "damp: wet", json.dumps({"severity": 3, "value": [1]}))
        assert found is not None
        self.assertEqual((found.alarm, found.severity, found.value, found.why), ("damp", "", None, "wet"))
