"""Every route of the document, asked by nobody and by persons with rights at different nodes of the tree."""

import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.domain.access import ANYWHERE, Account, Need, Node, may
from trackerdcs.domain.instrument import ROLES
from trackerdcs.domain.run_links import Binding
from trackerdcs.tests.join_case import AIR, KNOWN, MODULE, T0, S, made_run
from trackerdcs.tests.unit.test_web_runs import WITHOUT_A_BODY, RunsCase
from trackerdcs.tests.web_case import HASH

STRANGER = Account("stranger", None, {"other": "viewer"})
MASTER = Account("master", None, {"other": "admin"})
INSIDE = Account("inside", None, {"bench": "viewer"})
LOCAL = Account("local", None, {"bench": "expert", "other/hv1": "admin"})
BELOW = Account("below", None, {"bench/hv1": "admin"})
NONE = Account("none")
ON_NODES = (STRANGER, MASTER, INSIDE, LOCAL, BELOW, NONE)
PERSONS: tuple[Account | None, ...] = (None, *ON_NODES, *(Account(role, role) for role in ROLES))
OF_A_STAND = ("{stand}", "{id}")
"""Parameters that are `bench`, or the run `r1` of it."""


class RightsCase(RunsCase):
    """Stand `bench` with its runs as in other tests, and one run, module and quantity of the stand `other`."""

    def setUp(self) -> None:
        super().setUp()
        for account in ON_NODES:
            self.users.add(account, HASH)
        air = replace(AIR, stand="other", quantity="rh", unit="%")
        self.stores.known = (*KNOWN, air)
        self.stores.run_store.put_run(made_run("o1", T0 + 2000 * S, stand="other", modules=()))
        self.stores.run_store.put_run(made_run("n1", T0 + 3000 * S, stand=""))
        self.stores.run_store.put_binding(Binding("other", "hv1", "ch0", "PS_2", T0 - 500 * S))


class TestEveryRoute(RightsCase):
    async def test_each_route_without_a_login_and_with_rights_at_each_kind_of_node(self) -> None:
        operations = [(*operation, path) for operation, path in zip(self.operations(), self.paths(), strict=True)]
        self.assertEqual(len(operations), 15)
        for account in PERSONS:
            client = self.client() if account is None else await self.logged_in(account.name)
            for method, address, said, path in operations:
                with self.subTest(f"{method} {address} as {account and account.standing}"):
                    answer = await client.request(
                        method, address, headers={"Origin": str(client.base_url)}, content=b""
                    )
                    due = self.due(account, said["x-role"], path)
                    if due == 200:
                        due = WITHOUT_A_BODY.get(said["operationId"], 200)
                    self.assertEqual(answer.status_code, due, answer.text)
                    self.assertEqual(due != 200, answer.text.startswith('{"error"'))
                    if account in (STRANGER, MASTER) and due == 200 and said["x-role"] == "viewer":
                        self.assertNotIn("bench", answer.text)

    def paths(self) -> list[str]:
        return [path for path, methods in self.app.openapi()["paths"].items() for _ in methods]

    def due(self, account: Account | None, needed: Need | Any, path: str) -> int:
        """The status by the document alone."""
        if needed == "all":
            return 200
        if account is None:
            return 401
        if "{device}" in path:
            return 200 if may(account, needed, "bench/hv1") else 403
        node: Node = "bench" if any(parameter in path for parameter in OF_A_STAND) else ANYWHERE
        return 200 if may(account, needed, node) else 403


class TestWhatIsSeen(RightsCase):
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
        self.assertEqual(await self.seen("stranger", "/api/stands"), [])
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


class TestOpen(RightsCase):
    open_reads = True

    async def test_whoever_is_at_this_computer_reads_all(self) -> None:
        answer = await self.client().get("/api/runs")
        self.assertEqual(len(answer.json()["runs"]), 4)


class TestAreas(RightsCase):
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


del RunsCase, RightsCase  # they are no tests

if __name__ == "__main__":
    unittest.main()
