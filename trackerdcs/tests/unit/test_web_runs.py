"""The routes of runs: who may, in which form, what is wrong, and that the document says all of it."""

import builtins
import csv
import io
import json
import re
import unittest
from importlib.util import find_spec
from typing import Any
from unittest import mock

from trackerdcs.adapters.table_parquet import parquet_bytes
from trackerdcs.app.joiner import Joiner
from trackerdcs.domain.errors import StoreFault
from trackerdcs.tests.join_case import AIR, HV, MODULE, T0, S, filled, made_run
from trackerdcs.tests.web_case import WebCase
from trackerdcs.web.examples import EXAMPLES

ISO = "2026-05-28T20:27:00.123456789Z"
KEY = "pedenoise.0.0.0.8.MPA"
PATHS = {
    "id": "r1",
    "module": MODULE,
    "stand": "bench",
    "device": "hv1",
    "name": "Results.root",
    "key": KEY,
}
NEEDED = {"/api/at": {"time": str(T0)}}
"""Parameters without which a route does not answer."""
WITHOUT_A_BODY = {"command": 422}
"""What a route answers that wants one, to who may: only they are told what is wrong."""
PARQUET = find_spec("arro3") is not None


class RunsCase(WebCase):
    open_reads = False

    def setUp(self) -> None:
        super().setUp()
        self.stores, self.clients = filled(), dict[str, Any]()
        self.parts_of = {
            "joiner": Joiner(self.stores, self.clock),
            "parquet": parquet_bytes,
            "open_reads": self.open_reads,
        }

    async def get(self, path: str, role: str = "viewer", **more: Any) -> Any:
        if role not in self.clients:  # a login takes a tenth of a second, on purpose
            self.clients[role] = await self.logged_in(role)
        return await self.clients[role].get(path, **more)

    async def json(self, path: str, status: int = 200) -> Any:
        answer = await self.get(path)
        self.assertEqual(answer.status_code, status, answer.text)
        return answer.json()

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Each route of the document: method, address with its parameters, and what is said of it."""
        found = []
        for path, methods in self.app.openapi()["paths"].items():
            for method, said in methods.items():
                query = "&".join(f"{name}={value}" for name, value in NEEDED.get(path, {}).items())
                found.append((method.upper(), path.format(**PATHS) + (f"?{query}" if query else ""), said))
        return found


class TestDocument(RunsCase):
    async def test_it_has_every_route_with_an_example_and_every_fault(self) -> None:
        for method, address, said in self.operations():
            with self.subTest(f"{method} {address}"):
                self.assertTrue(said.get("description"))
                if "openapi" not in address:
                    well = said["responses"].get("200") or said["responses"]["202"]
                    (first, *_) = well["content"].values()
                    self.assertIn("example", first)
        self.assertEqual((await self.json("/api/openapi.json"))["info"]["version"], "1")

    async def test_answers_look_as_the_examples_do(self) -> None:
        def shape(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: shape(each) for key, each in value.items()}
            return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__ if value else None

        def same(one: Any, other: Any, where: str) -> None:
            if isinstance(one, dict) and isinstance(other, dict):
                if not any("/" in key for key in (*one, *other)):
                    self.assertEqual(one.keys(), other.keys(), where)
                for key in one.keys() & other.keys():
                    same(one[key], other[key], f"{where}.{key}")
            elif isinstance(one, list) and isinstance(other, list):
                same(one[0], other[0], f"{where}[]")
            elif isinstance(one, str) and isinstance(other, str) and {one, other} <= {"int", "float"}:
                return
            elif None not in (one, other) and {type(one), type(other)} == {str}:
                self.assertEqual(one, other, where)

        addresses = {
            "runs": "/api/runs",
            "run": "/api/runs/r1",
            "results": "/api/runs/r1/results",
            "conditions": "/api/runs/r1/conditions",
            "files": "/api/runs/r1/files",
            "picture": f"/api/runs/r1/results/{KEY}/blob",
            "noise": f"/api/modules/{MODULE}/noise?against=t_air",
            "at": f"/api/at?time={T0}",
        }
        self.assertEqual(addresses.keys(), EXAMPLES.keys())
        for name, address in addresses.items():
            json.dumps(EXAMPLES[name][0])
            same(shape(EXAMPLES[name][0]), shape(await self.json(address)), name)


class TestRuns(RunsCase):
    async def test_filters(self) -> None:
        after, before = T0 + 500 * S, T0 + 500 * S
        cases = {
            "": ["r2", "r1"],
            "?module=PS_1": ["r2", "r1"],
            "?module=other": [],
            "?calibration=noise": ["r1"],
            "?state=done&state=failed": ["r2", "r1"],
            "?state=failed": [],
            "?sim=true": [],
            f"?since={after}": ["r2"],
            f"?until={before}": ["r1"],
            "?since=2026-05-28T22:28:00%2B02:00&until=2026-05-28T20:29:00Z": ["r1"],
            "?limit=1": ["r2"],
        }
        for query, expected in cases.items():
            with self.subTest(query):
                self.assertEqual([r["id"] for r in (await self.json(f"/api/runs{query}"))["runs"]], expected)

    async def test_pages_are_followed_by_their_links(self) -> None:
        self.stores.run_store.put_run(made_run("r3", T0 + 2000 * S))
        first = await self.get("/api/runs?limit=1&module=PS_1")
        second = await self.json(first.json()["next"])
        self.assertEqual(([r["id"] for r in second["runs"]], second["next"].count("after=")), (["r2"], 1))
        third = await self.json(second["next"])
        self.assertEqual(([r["id"] for r in third["runs"]], third["next"]), (["r1"], None))
        self.assertEqual(first.headers["link"], f'<{first.json()["next"]}>; rel="next"')

    async def test_times_are_texts_with_all_digits(self) -> None:
        run = await self.json("/api/runs/r1")
        self.assertEqual((run["start"], run["clock"]["difference"]), (ISO, 0.01))
        body = json.dumps(await self.json("/api/runs/r1/conditions"))
        self.assertEqual(re.findall(r"[^.\d]\d{17,}", body), [])

    async def test_results_with_and_without_channels(self) -> None:
        (one,) = (await self.json("/api/runs/r1/results?kind=pedenoise"))["results"]
        self.assertEqual((one["stats"]["noise"]["mean"], "values" in one), (2.5, False))
        (one,) = (await self.json("/api/runs/r1/results?channels=true"))["results"]
        self.assertEqual(one["values"]["noise"], [2.4, None, 2.6])

    async def test_conditions(self) -> None:
        found = await self.json("/api/runs/r1/conditions?quantity=v_mon&quantity=t_air&bucket=10s")
        hv, air = found["conditions"]
        self.assertEqual((hv["quantity"], hv["unit"], air["quantity"]), (HV.name, "V", AIR.name))
        self.assertEqual(min(b["low"] for b in hv["buckets"]), -500.0)
        self.assertEqual(hv["gaps"][0]["kind"], "empty")
        self.assertEqual(found["window"]["start"], ISO)

    async def test_what_is_wrong_is_said(self) -> None:
        self.stores.run_store.put_run(made_run("queued", None, state="queued"))
        cases = [
            ("/api/runs/no", 404, "no run 'no'"),
            ("/api/runs/no/results", 404, "no run"),
            ("/api/runs/no/conditions", 404, "no run"),
            ("/api/runs/queued/conditions", 409, "has no start"),
            ("/api/runs/r1/conditions?quantity=rh", 422, "not measured here"),
            ("/api/runs/r1/conditions?bucket=7", 422, "bucket: '7'"),
            ("/api/runs/r1/conditions?bucket=1ms", 422, "shortest"),
            ("/api/runs/r1/conditions?bucket=0s", 422, "bucket"),
            ("/api/runs?since=yesterday", 422, "since: 'yesterday'"),
            ("/api/runs?state=gone", 422, "state"),
            ("/api/runs?limit=0", 422, "limit"),
            ("/api/runs?after=x", 422, "after"),
            (f"/api/runs?after={2**63}:r1", 422, "after"),
            (f"/api/runs?number={2**63}", 422, "number"),
            (f"/api/runs/r1/results?chip={2**63}", 422, "chip"),
            ("/api/runs?format=xml", 422, "format"),
            ("/api/at", 422, "time"),
            ("/api/at?time=2026-05-28T20:27:00", 422, "time"),
            (f"/api/modules/{MODULE}/noise?against=state", 422, "is a text"),
        ]
        for address, status, word in cases:
            with self.subTest(address):
                self.assertIn(word, (await self.json(address, status))["error"])

    async def test_a_database_that_is_away_is_503_and_the_rest_works(self) -> None:
        self.stores.run_store.down = "the store of runs is away"
        self.assertEqual((await self.json("/api/runs", 503))["error"], "the store of runs is away")
        self.stores.run_store.down, self.stores.time_series.down = None, "the time series is away"
        self.assertEqual((await self.json("/api/runs/r1/conditions", 503))["error"], "the time series is away")
        with mock.patch.object(self.stores, "runs", side_effect=StoreFault("no right")):
            self.assertEqual((await self.json("/api/runs", 503))["error"], "no right")
        self.assertEqual((await self.json("/healthz"))["faults"], [])


class TestForms(RunsCase):
    async def test_csv_of_each(self) -> None:
        for address in (
            "/api/runs",
            "/api/runs/r1",
            "/api/runs/r1/results",
            "/api/runs/r1/results?channels=1",
            "/api/runs/r1/conditions",
            f"/api/modules/{MODULE}/noise?against=t_air&chips=1",
            f"/api/at?time={T0}",
        ):
            with self.subTest(address):
                answer = await self.get(address, headers={"Accept": "text/csv"})
                self.assertEqual(answer.headers["content-type"], "text/csv; charset=utf-8")
                self.assertIn("attachment", answer.headers["content-disposition"])
                rows = list(csv.DictReader(io.StringIO(answer.text)))
                self.assertTrue(rows and all(None not in row and None not in row.values() for row in rows))

    async def test_csv_says_gaps_in_their_place(self) -> None:
        answer = await self.get("/api/runs/r1/conditions?quantity=v_mon&bucket=10s&format=csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        self.assertEqual([row["gap"] for row in rows], [""] * 4 + ["empty"] + [""] * 4)
        self.assertEqual((rows[0]["start"], rows[4]["mean"], rows[0]["mean"]), (ISO, "", "-200.0"))

    @unittest.skipUnless(PARQUET, "the extra trackerdcs[parquet] is not installed")
    async def test_parquet(self) -> None:
        from importlib import import_module

        answer = await self.get("/api/runs/r1/conditions?quantity=v_mon&bucket=10s&format=parquet")
        table = import_module("arro3.io").read_parquet(io.BytesIO(answer.content)).read_all()
        columns = dict(zip(table.schema.names, table.columns, strict=True))
        self.assertEqual(str(table.schema.field("start").type).strip(), 'arro3.core.DataType<Timestamp(ns, "UTC")>')
        starts = columns["start"].cast(import_module("arro3.core").DataType.int64())
        self.assertEqual(starts[0].as_py(), T0)
        means = [value.as_py() for value in columns["mean"]]
        self.assertEqual((len(means), means[0], means[4]), (9, -200.0, None))
        empty = await self.get("/api/runs?module=none&format=parquet")
        self.assertEqual((empty.status_code, empty.content[:4]), (200, b"PAR1"))

    async def test_parquet_where_it_is_not_installed(self) -> None:
        whole = builtins.__import__

        def without(name: str, *more: Any, **others: Any) -> Any:
            if name.startswith("arro3"):
                raise ImportError(name)
            return whole(name, *more, **others)

        with mock.patch("trackerdcs.adapters.table_parquet.import_module", side_effect=without):
            answer = await self.get("/api/runs?format=parquet")
        self.assertEqual(answer.status_code, 501)
        self.assertIn("trackerdcs[parquet]", answer.json()["error"])


class TestOpen(RunsCase):
    open_reads = True

    async def test_reads_need_no_login_on_this_computer_and_writes_do(self) -> None:
        for method, address, said in self.operations():
            with self.subTest(f"{method} {address}"):
                client = self.client()
                answer = await client.request(method, address, headers={"Origin": str(client.base_url)}, content=b"")
                open_to_all = method == "GET" and address != "/api/me"
                self.assertEqual(answer.status_code, 200 if open_to_all else 401, (said, answer.text))

    async def test_another_name_of_this_computer_is_another_site(self) -> None:
        self.assertEqual((await self.client("http://evil.example:8000").get("/api/runs")).status_code, 401)

    async def test_the_first_page_says_what_is_open(self) -> None:
        page = await self.client().get("/")
        self.assertEqual(page.status_code, 200)
        self.assertIn("reading only", page.text)
