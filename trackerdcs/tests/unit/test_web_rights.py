"""Every route of the document, asked by nobody and by persons with rights at different nodes of the tree."""

import unittest
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

from trackerdcs.domain.access import ANYWHERE, Account, Need, Node, may
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.instrument import ROLES
from trackerdcs.tests.join_case import MODULE, T0
from trackerdcs.tests.web_case import SITE
from trackerdcs.tests.whole_web_case import HV, MASTER, NONE, ON_NODES, SITES, STRANGER, THEIRS, WholeCase

PERSONS: tuple[Account | None, ...] = (None, *ON_NODES, *(Account(role, role) for role in ROLES))
OF_A_STAND = ("{stand}", "{id}", "/api/series")
"""What is of `bench` in the addresses that are asked: the stand, its run `r1` and its entry, its quantity."""
ONE_STAND = ("/api/ledger", "/api/logbook", "/api/alarms/history")
"""Who sees some stands only is asked to name one of them."""
WITHOUT_A_BODY = {"command": 422, "set_world": 422, "write_entry": 415}
"""What a route answers that wants one, to who may: only they are told what is wrong."""
BY_STAND = ("quantities", "ledger", "logbook", "alarms/history")


async def _pieces() -> AsyncIterator[bytes]:
    yield b"{}"


class TestEveryRoute(WholeCase):
    def due(self, account: Account | None, method: str, path: str, needed: Need | Any) -> int:
        """The status by the document alone."""
        if needed == "all":
            return 200
        if account is None:
            return 401
        if "{device}" in path:
            return 200 if may(account, needed, "bench/hv1") else 403
        node: Node = "bench" if any(each in path for each in OF_A_STAND) else ANYWHERE
        one = method == "POST" or path not in ONE_STAND or account.stands is None or len(account.stands) == 1
        return 200 if may(account, needed, node) and one else 403

    async def test_each_route_without_a_login_and_with_rights_at_each_kind_of_node(self) -> None:
        paths = [path for path, methods in self.app.openapi()["paths"].items() for _ in methods]
        operations = [(*operation, path) for operation, path in zip(self.operations(), paths, strict=True)]
        self.assertEqual(len(operations), 25)
        for account in PERSONS:
            client = self.client() if account is None else await self.logged_in(account.name)
            for method, address, said, path in operations:
                with self.subTest(f"{method} {address} as {account and account.name}"):
                    answer = await client.request(method, address, headers={"Origin": SITE}, content=b"")
                    due = self.due(account, method, path, said["x-role"])
                    if due == 200:
                        due = WITHOUT_A_BODY.get(said["operationId"], 200)
                    self.assertEqual(answer.status_code, due, answer.text)
                    self.assertIn(str(due), said["responses"])
                    self.assertEqual(due != 200, answer.text.startswith('{"error"'))
                    if account in (STRANGER, MASTER) and due == 200 and said["x-role"] == "viewer":
                        self.assertNotIn("bench", answer.text.partition('"openapi"')[0])

    async def test_who_may_not_is_told_so_before_anything_is_looked_at(self) -> None:
        for account in (None, NONE, Account("viewer", "viewer")):
            client = self.client() if account is None else await self.logged_in(account.name)
            for method, address, said in self.operations():
                needed = said["x-role"]
                if needed == "all" or (account and may(account, needed)):
                    continue
                wrong = "&".join(f"{p['name']}=%00" for p in said.get("parameters", ()) if p["in"] == "query")
                for kind in ("application/json", "multipart/form-data", "text/x"):
                    with self.subTest(f"{method} {address} as {account and account.name}, {kind}"):
                        answer = await client.request(
                            method,
                            f"{address.partition('?')[0]}?{wrong}",
                            headers={"Origin": SITE, "Content-Type": kind},
                            content=b"{",
                        )
                        self.assertEqual(answer.status_code, 403 if account else 401, answer.text)

    async def test_no_other_site_changes_anything(self) -> None:
        client, posts = await self.logged_in("admin"), [o for o in self.operations() if o[0] != "GET"]
        others = (
            "http://evil.example",
            "null",
            "http://localhost:8001",
            f"{SITE}.evil.example",
            "https://localhost:8000",
        )
        table: list[dict[str, str]] = [{}, *({"Origin": each} for each in others)]
        table += [{"Origin": SITE, "Sec-Fetch-Site": each} for each in ("cross-site", "same-site", "none")]
        hidden = ("/login", "/logout", "/account", "/kill/bench")
        for method, address in [*(each[:2] for each in posts), *(("POST", path) for path in hidden)]:
            for headers in table:
                with self.subTest(f"{method} {address} {headers}"):
                    answer = await client.request(method, address, headers=headers, content=b"{}")
                    self.assertEqual(answer.status_code, 403, answer.text)
                    self.assertIn("only taken from a page of this site", answer.text)
        self.assertEqual(self.world["rh"], 40.0)
        self.assertTrue(await self.alive(client), "nobody was logged out")

    async def test_whatever_is_refused_is_said_to_programs_in_one_way(self) -> None:
        client = await self.logged_in("admin")
        paths = [path for path, methods in self.app.openapi()["paths"].items() for _ in methods]
        for (method, address, said), path in zip(self.operations(), paths, strict=True):
            if method == "POST":
                large, long = {"Origin": SITE}, b"x" * (10 << 20)
                short = {"Origin": SITE, "Transfer-Encoding": "chunked"}
                for status, headers, body in ((413, large, long), (411, short, _pieces()), (403, {}, b"")):
                    answer = await client.request(method, address, headers=headers, content=body)
                    self.assertEqual((answer.status_code, list(answer.json())), (status, ["error"]))
                    self.assertIn(str(status), said["responses"], path)
            if path != "/healthz":
                answer = await client.request("PUT", address, headers={"Origin": SITE}, content=b"")
                self.assertEqual((answer.status_code, list(answer.json())), (405, ["error"]))
                self.assertIn("allow", answer.headers)
                self.assertIn("503", said["responses"], path)
        for path in ("/api", "/api/", "/api/none", "/api/runs/a/b", "/api/logbook/%2e%2e/%2e%2e/users.sqlite"):
            answer = await client.get(path)
            self.assertEqual(answer.status_code, 404)
            self.assertEqual(answer.headers["content-type"] == "application/json", path != "/api")
        with mock.patch.object(self.users, "session", side_effect=StoreFault("no disk")):
            for method, address, said in self.operations():
                if said["x-role"] != "all":
                    with self.assertLogs("trackerdcs.web.app", "ERROR"):
                        answer = await client.request(method, address, headers={"Origin": SITE}, content=b"")
                    self.assertEqual((answer.status_code, list(answer.json())), (503, ["error"]), address)

    async def test_a_forged_cookie_is_no_login(self) -> None:
        client = await self.logged_in("admin")
        good = client.cookies["trackerdcs"]
        id, *_ = good.split(".")
        forged = (
            "",
            "admin",
            id,
            f"{good}x",
            good[:-1],
            good[::-1],
            f"{id}.AAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "x" * 9000,
        )
        for method, address, said in self.operations():
            if said["x-role"] != "all":
                for cookie in forged if address == "/api/me" else forged[2:4]:
                    headers = {"Origin": SITE, "Cookie": f"trackerdcs={cookie}"}
                    answer = await self.client().request(method, address, headers=headers, content=b"")
                    self.assertEqual(answer.status_code, 401, f"{method} {address} with {cookie[:40]!r}: {answer.text}")


class TestWhatIsSeen(WholeCase):
    async def seen(self, name: str, address: str) -> Any:
        answer = await self.get(address, name)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    async def test_runs_of_the_own_stands_alone(self) -> None:
        for name, ids in (
            ("viewer", ["n1", "o1", "r2", "r1"]),
            ("stranger", ["o1"]),
            ("inside", ["r2", "r1"]),
            ("below", []),
        ):
            said = await self.seen(name, "/api/runs")
            self.assertEqual([run["id"] for run in said["runs"]], ids, name)
        page = await self.seen("inside", "/api/runs?limit=1")
        self.assertEqual([run["id"] for run in (await self.seen("inside", page["next"]))["runs"]], ["r1"])

    async def test_what_is_of_another_stand_is_refused_by_name(self) -> None:
        for name, address, where in (
            ("inside", "/api/runs/o1", "at other"),
            ("inside", "/api/runs/o1/results", "at other"),
            ("inside", "/api/runs/o1/conditions", "at other"),
            ("inside", "/api/runs/n1", "on the site"),
            ("inside", "/api/runs?stand=other", "at other"),
            *(("inside", f"/api/{each}?stand=other", "at other") for each in BY_STAND),
            ("inside", f"/api/logbook/{THEIRS}/attachments/0", "at other"),
            ("inside", f"/api/logbook/{SITES}/attachments/0", "on the site"),
            ("inside", f"/api/series?quantity={HV}&quantity=other/env1/-/rh", "at other"),
            ("inside", "/api/stands/other/world", "at other"),
            ("inside", f"/api/at?time={T0}&stand=other", "at other"),
            ("below", "/api/runs/r1", "at bench"),
            ("none", "/api/runs", ""),
        ):
            with self.subTest(f"{address} as {name}"):
                answer = await self.get(address, name)
                self.assertEqual(answer.status_code, 403)
                self.assertIn(f"this needs the role viewer {where}".rstrip() + ", " + name, answer.json()["error"])

    async def test_neither_quantities_nor_modules_of_another_stand(self) -> None:
        for asked in ("/api/runs/r1/conditions?quantity={}", f"/api/modules/{MODULE}/noise?against=t_air&against={{}}"):
            for quantity in ("other/env1/-/rh", "other/unknown/-/x"):
                address = asked.format(quantity)
                self.assertEqual((await self.get(address, "viewer")).status_code, 200)
                answer = await self.get(address, "inside")
                self.assertEqual(answer.status_code, 403)
                self.assertIn("the role viewer at other", answer.text)
            answer = await self.get(asked.format("env1/-/rh"), "inside")
            self.assertEqual(answer.status_code, 422, answer.text)
            self.assertNotIn("other", answer.json().get("error", "").partition("others by")[0])
        noise = await self.seen("inside", f"/api/modules/{MODULE}/noise")
        self.assertEqual({row["run"] for row in noise["rows"]}, {"r1", "r2"})
        then = await self.seen("inside", f"/api/at?time={T0}")
        self.assertEqual({one["stand"] for one in then["bindings"]}, {"bench"})

    async def test_stands_and_who_i_am(self) -> None:
        self.assertEqual([s["stand"] for s in await self.seen("inside", "/api/stands")], ["bench"])
        self.assertEqual([s["stand"] for s in await self.seen("stranger", "/api/stands")], ["other"])
        self.assertEqual(await self.seen("below", "/api/stands"), [])
        self.assertEqual(
            await self.seen("local", "/api/me"),
            {"user": "local", "role": None, "rights": {"bench": "expert", "other/hv1": "admin"}},
        )

    async def test_rights_count_at_once(self) -> None:
        client = await self.logged_in("stranger")
        self.assertEqual((await client.get("/api/runs/r1")).status_code, 403)
        self.users.grant("stranger", "bench", "viewer")
        self.assertEqual((await client.get("/api/runs/r1")).status_code, 401)
        client = await self.logged_in("stranger")
        self.assertEqual((await client.get("/api/runs/r1")).status_code, 200)
        self.users.revoke("stranger", "bench")
        client = await self.logged_in("stranger")
        self.assertEqual((await client.get("/api/runs/r1")).status_code, 403)


class TestOpen(WholeCase):
    open_reads = True

    async def test_whoever_is_at_this_computer_reads_all(self) -> None:
        answer = await self.client().get("/api/runs")
        self.assertEqual(len(answer.json()["runs"]), 4)


class TestAreas(WholeCase):
    async def test_who_gets_in_where_and_with_which_rights(self) -> None:
        table = {
            "stranger": ("grafana", "api"),
            "master": ("grafana", "control", "api"),
            "local": ("grafana", "control", "api"),
            "below": ("grafana", "control", "api"),
            "none": ("api",),
            "expert": ("grafana", "control", "nodered", "api"),
        }
        for name, areas in table.items():
            client = await self.logged_in(name)
            for area in ("grafana", "control", "nodered", "api"):
                with self.subTest(f"{area} as {name}"):
                    answer = await client.get(f"/verify?area={area}")
                    self.assertEqual(answer.status_code, 200 if area in areas else 403)
                    if area in areas and name == "master":
                        said = [answer.headers[f"x-webauth-{what}"] for what in ("role", "rights", "grafana-role")]
                        self.assertEqual(said, ["", '{"other": "admin"}', "Viewer"])


del WholeCase  # it is no test

if __name__ == "__main__":
    unittest.main()
