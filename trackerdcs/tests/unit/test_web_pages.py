"""Pages, rights, KILL, and what a request from elsewhere cannot do."""

import json

from trackerdcs.adapters.bus_memory import MemoryBus
from trackerdcs.domain import topics
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.instrument import ROLES
from trackerdcs.tests.waiting import until
from trackerdcs.tests.web_case import PASSWORD, SITE, WebCase

HTML = {"Accept": "text/html"}
MAY = {"grafana": ROLES, "api": ROLES, "control": ROLES[1:], "nodered": ROLES[2:]}


class Verify(WebCase):
    async def test_matrix(self) -> None:
        for role in ROLES:
            client = await self.logged_in(role)
            for area, roles in MAY.items():
                with self.subTest(role=role, area=area):
                    answer = await client.get("/verify", params={"area": area})
                    self.assertEqual(answer.status_code, 200 if role in roles else 403)
                    said = {k: v for k, v in answer.headers.items() if k.startswith("x-webauth")}
                    grafana = {"expert": "Editor", "admin": "Admin"}.get(role, "Viewer")
                    whole = {"x-webauth-user": role, "x-webauth-role": role, "x-webauth-grafana-role": grafana}
                    whole["x-webauth-rights"] = json.dumps({"": role})
                    self.assertEqual(said, whole if role in roles else {})

    async def test_nobody(self) -> None:
        client = self.client()
        answer = await client.get("/verify?area=nodered", headers=HTML | {"X-Forwarded-Uri": "/nodered/?a=1&b=2"})
        self.assertEqual(
            (answer.status_code, answer.headers["location"]), (303, "/login?next=%2Fnodered%2F%3Fa%3D1%26b%3D2")
        )
        answer = await client.get("/verify?area=nodered", headers=HTML | {"X-Forwarded-Uri": "//evil.example"})
        self.assertEqual(answer.headers["location"], "/login?next=%2F")
        for headers in ({}, HTML | {"X-Forwarded-Method": "POST"}, {"Accept": "*/*"}):
            answer = await client.get("/verify?area=nodered", headers=headers)
            self.assertEqual((answer.status_code, answer.json()), (401, {"error": "not logged in"}))

    async def test_too_low_says_what_is_needed_and_who_has_it(self) -> None:
        client = await self.logged_in("viewer")
        page = await client.get("/verify?area=nodered", headers=HTML)
        self.assertEqual(page.status_code, 403)
        self.assertIn("needs the role expert", page.text)
        self.assertIn("admin (admin), expert (expert)", page.text)
        short = await client.get("/verify?area=nodered")
        self.assertEqual(short.json(), {"error": "nodered needs the role expert, viewer is viewer"})

    async def test_an_area_that_nobody_knows_is_closed(self) -> None:
        client = await self.logged_in("admin")
        for area in ("", "influx", "Grafana", "../grafana"):
            self.assertEqual((await client.get("/verify", params={"area": area})).status_code, 404)


class Kill(WebCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.listener = MemoryBus(self.broker, "listener")
        await self.enterAsyncContext(self.listener)
        self.heard = self.listener.subscribe(topics.kills_of("bench"))

    async def test_everybody_may(self) -> None:
        for role in ROLES:
            self.clock.later += 10
            client = await self.logged_in(role)
            self.assertIn("KILL bench", (await client.get("/kill")).text)
            answer = await self.post(client, "/kill/bench", {"reason": "smoke"})
            self.assertEqual((answer.status_code, answer.headers["location"]), (303, "/kill#bench"))
            delivery = await anext(self.heard)
            self.assertEqual(delivery.topic, "dcs/v1/bench/kill/web")
            self.assertEqual(json.loads(delivery.payload)["reason"], f"{role}: smoke")
            page = (await client.get("/kill")).text
            self.assertIn(f"KILL SENT by {role}", page)
            self.assertRegex(
                page, r'(?s)class="kill".*name="reason".*Look again', "a slip of it must not be a second kill"
            )

    async def test_without_a_session_it_says_that_nothing_was_sent(self) -> None:
        answer = await self.post(self.client(), "/kill/bench")
        self.assertEqual(answer.status_code, 401)
        self.assertIn("NOT SENT", answer.text)
        answer = await self.client().post("/api/stands/bench/kill", json={}, headers={"Origin": SITE})
        self.assertEqual(answer.status_code, 401)
        self.assertIsNone(self.button.last)

    async def test_without_a_broker_the_page_says_so_and_what_to_do(self) -> None:
        client = await self.logged_in("viewer")
        self.broker.stop()
        await until(lambda: not self.bus.connected)
        self.assertIn("NO BROKER", (await client.get("/kill")).text)
        await self.post(client, "/kill/bench")
        page = (await client.get("/kill")).text
        self.assertIn("KILL NOT SENT", page)
        self.assertIn("trackerdcs kill bench", page)
        self.assertNotIn("KILL SENT", page)
        health = await client.get("/healthz")
        self.assertEqual(health.status_code, 503)
        self.assertEqual(health.json()["faults"], ["bench: the broker does not answer"])
        answer = await client.post("/api/stands/bench/kill", json={"reason": "x"}, headers={"Origin": SITE})
        self.assertEqual((answer.status_code, answer.json()["sent"]), (503, "not sent"))
        self.assertEqual((await self.log_in(self.client(), "admin")).status_code, 303, "a login needs no broker")

    async def test_by_program(self) -> None:
        client = await self.logged_in("viewer")
        self.assertEqual(
            (await client.get("/api/me")).json(), {"user": "viewer", "role": "viewer", "rights": {"": "viewer"}}
        )
        nothing: dict[str, object] = {"stand": "bench", "broker": "connected", "last_kill": None, "owners": {}}
        self.assertEqual((await client.get("/api/stands")).json(), [nothing])
        answer = await client.post("/api/stands/bench/kill", content=b"", headers={"Origin": SITE})
        self.assertEqual((answer.status_code, answer.json()["sent"], answer.json()["by"]), (200, "sent", "viewer"))
        self.assertEqual((await client.get("/api/stands")).json()[0]["last_kill"], answer.json())
        self.assertEqual((await self.post(client, "/api/stands/other/kill")).status_code, 404)
        self.assertEqual((await self.post(client, "/kill/other")).status_code, 404)


class FromElsewhere(WebCase):
    async def test_no_post_of_another_site_does_anything(self) -> None:
        client = await self.logged_in("admin")
        same = {"Origin": SITE}
        for path in ("/kill/bench", "/api/stands/bench/kill", "/logout", "/login", "/account"):
            for headers in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://localhost:8001"},
                {"Origin": "https://localhost:8000"},
                {"Origin": "http://localhost:8000.evil.example"},
                {},
                same | {"Sec-Fetch-Site": "cross-site"},
                same | {"Sec-Fetch-Site": "same-site"},
            ):
                with self.subTest(path=path, headers=headers):
                    answer = await client.post(path, data={"name": "admin", "password": PASSWORD}, headers=headers)
                    self.assertEqual(answer.status_code, 403)
        self.assertIsNone(self.button.last)
        self.assertTrue(await self.alive(client))
        allowed = await client.post("/kill/bench", headers=same | {"Sec-Fetch-Site": "same-origin"})
        self.assertEqual(allowed.status_code, 303)

    async def test_a_body_without_length_is_not_read(self) -> None:
        async def endless():
            yield b"name=a"

        answer = await self.client().post("/login", content=endless(), headers={"Origin": SITE})
        self.assertEqual(answer.status_code, 411)

    async def test_every_answer_says_what_a_browser_may_do_with_it(self) -> None:
        client = await self.logged_in("viewer")
        for path in ("/", "/kill", "/login", "/account", "/static/live.js", "/api/me", "/verify?area=nodered", "/none"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            kept = "no-cache" if path.startswith("/static/") else "no-store"
            self.assertEqual((headers["cache-control"], headers["x-content-type-options"]), (kept, "nosniff"))

    async def test_kill_and_account_need_no_script_and_nothing_from_elsewhere(self) -> None:
        client = await self.logged_in("admin")
        for path in ("/kill", "/account"):
            page = (await client.get(path)).text
            self.assertNotIn("<script", page)
            self.assertNotRegex(page, r'(?:src|href|action)="(?!/)')
            self.assertNotIn("style=", page)

    async def test_a_line_end_is_no_header(self) -> None:
        answer = await self.client().get(
            "/verify?area=nodered", headers=HTML | {"X-Forwarded-Uri": "/a%0d%0aX-Evil: 1"}
        )
        self.assertEqual(answer.headers["location"], "/login?next=%2F")
        answer = await self.log_in(self.client(), "viewer\r\nX-Webauth-Role: admin")
        self.assertEqual(answer.status_code, 401)

    async def test_what_is_not_here_says_where_it_is(self) -> None:
        answer = await self.client().get("/control/")
        self.assertEqual(answer.status_code, 404)
        self.assertIn("http://localhost:1880/control", answer.text)


class OwnAccount(WebCase):
    async def change(self, client, old: str, new: str, again: str | None = None):
        return await self.post(client, "/account", {"old": old, "new": new, "again": new if again is None else again})

    async def test_a_new_password_ends_all_other_sessions_and_not_this_one(self) -> None:
        client, other = await self.logged_in("viewer"), await self.logged_in("viewer")
        old = client.cookies["trackerdcs"]
        answer = await self.change(client, PASSWORD, "another fine one")
        self.assertEqual((answer.status_code, answer.headers["location"]), (303, "/account"))
        self.assertTrue(await self.alive(client))
        self.assertFalse(await self.alive(other))
        other.cookies.set("trackerdcs", old)
        self.assertFalse(await self.alive(other))
        self.assertEqual((await self.log_in(self.client(), "viewer")).status_code, 401)
        self.assertEqual((await self.log_in(self.client(), "viewer", "another fine one")).status_code, 303)

    async def test_what_is_not_taken(self) -> None:
        client = await self.logged_in("viewer")
        for old, new, again, why in (
            ("wrong password", "another fine one", None, "old password is wrong"),
            (PASSWORD, "short", None, "at least 10 characters"),
            (PASSWORD, "x" * 300, None, "at most 256"),
            (PASSWORD, "another fine one", "another fine two", "same way twice"),
        ):
            answer = await self.change(client, old, new, again)
            self.assertEqual(answer.status_code, 400)
            self.assertIn(why, answer.text)
            self.assertNotIn("another fine", answer.text)
        self.assertTrue(await self.alive(client))
        self.assertEqual((await self.change(self.client(), PASSWORD, "another fine one")).status_code, 303)
        self.assertEqual((await self.log_in(self.client(), "viewer")).status_code, 303)

    async def test_the_old_password_cannot_be_found_out_here(self) -> None:
        client = await self.logged_in("viewer")
        statuses = [(await self.change(client, "wrong password", "another fine one")).status_code for _ in range(11)]
        self.assertEqual(statuses, [400] * 10 + [429])


class NoStore(WebCase):
    async def test_a_file_that_fails_lets_nobody_in(self) -> None:
        client = await self.logged_in("admin")

        def fail(*_: object) -> None:
            raise StoreFault("users.sqlite: disk I/O error")

        object.__setattr__(self.users, "session", fail)
        object.__setattr__(self.users, "accounts", fail)
        with self.assertLogs("trackerdcs.web.app", "ERROR"):
            for path in ("/", "/api/me", "/verify?area=grafana", "/account"):
                answer = await client.get(path)
                self.assertEqual(answer.status_code, 503)
                self.assertNotIn("users.sqlite", answer.text)
        health = await client.get("/healthz")
        self.assertEqual((health.status_code, health.json()["faults"]), (503, ["the file of users cannot be read"]))
