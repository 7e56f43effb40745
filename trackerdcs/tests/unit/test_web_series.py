"""Quantities over any window: spikes, gaps, runs and events in it, forms, bounds, and what is refused and why."""

import csv
import io
from typing import Any

from trackerdcs.app.trends import Trends
from trackerdcs.domain.instrument import ROLES
from trackerdcs.domain.moments import iso
from trackerdcs.domain.series import FieldValue, Point
from trackerdcs.domain.trend import MOST_BANDS, MOST_BUCKETS, MOST_QUANTITIES
from trackerdcs.tests.join_case import T0, S, filled, made_run
from trackerdcs.tests.web_case import WebCase
from trackerdcs.web.examples_series import EXAMPLES

HV, AIR = "bench/hv1/ch0/v_mon", "bench/env1/-/t_air"
WINDOW = f"since={T0}&until={T0 + 100 * S}"


def event(ts: int, device: str, channel: str | None, name: str, why: str = "") -> Point:
    tags = [("stand", "bench"), ("device", device)] + ([("channel", channel)] if channel else [])
    fields: dict[str, FieldValue] = {"event": name}
    return Point("events", tuple(tags), ts, fields | ({"why": why} if why else {}))


class SeriesCase(WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.stores = filled()
        self.parts_of = {"trends": Trends(self.stores, self.clock)}

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.viewer = await self.logged_in("viewer")

    async def json(self, path: str, status: int = 200) -> Any:
        answer = await self.viewer.get(path)
        self.assertEqual(answer.status_code, status, answer.text)
        return answer.json()


class TestSeries(SeriesCase):
    async def test_spikes_stay_in_few_buckets_and_gaps_are_marked(self) -> None:
        whole = await self.json(f"/api/series?quantity={HV}&quantity={AIR}&{WINDOW}&number=10")
        hv, air = whole["series"]
        self.assertEqual((hv["quantity"], hv["unit"], air["unit"], whole["bucket_s"]), (HV, "V", "degC", 10.0))
        self.assertEqual((hv["at"], hv["n"]), ([0, 10, 20, 30, 60, 70, 80, 90], [10] * 8))
        spike = hv["at"].index(70)
        self.assertEqual((hv["low"][spike], hv["high"][spike], hv["mean"][spike]), (-500.0, -200.0, -230.0))
        self.assertEqual([(gap["at"], gap["until"], gap["kind"]) for gap in hv["gaps"]], [(40, 60, "empty")])
        self.assertEqual((air["gaps"], len(air["at"])), ([], 10))
        self.assertEqual(whole["window"], {"start": iso(T0), "stop": iso(T0 + 100 * S)})

    async def test_what_nobody_has_listed_has_gaps_all_the_same(self) -> None:
        tags = (("stand", "bench"), ("device", "old"), ("channel", "ch0"))
        points = [Point("x", tags, T0 + s * S, {"v": 1.0}) for s in range(100) if not 50 <= s < 70]
        await self.stores.time_series.write(points)
        (one,) = (await self.json(f"/api/series?quantity=bench/old/ch0/v&{WINDOW}&number=100"))["series"]
        self.assertEqual((one["period_s"], [(g["at"], g["until"]) for g in one["gaps"]]), (1.0, [(50, 70)]))

    async def test_runs_and_events_of_the_window(self) -> None:
        await self.stores.time_series.write(
            [
                event(T0 + 5 * S, "hv1", "ch0", "trip", "current limit"),
                event(T0 + 6 * S, "hv1", "ch1", "trip"),
                event(T0 + 7 * S, "guard", None, "interlock_open"),
                event(T0 + 200 * S, "hv1", None, "reconnect"),
            ]
        )
        whole = await self.json(f"/api/series?quantity={HV}&{WINDOW}")
        self.assertEqual([run["id"] for run in whole["runs"]], ["r1"])
        seen = [(each["device"], each["event"], each["why"]) for each in whole["events"]]
        self.assertEqual(seen, [("hv1", "trip", "current limit"), ("guard", "interlock_open", "")])

    async def test_many_runs_are_cut_and_a_store_that_is_away_is_said(self) -> None:
        for i in range(MOST_BANDS + 1):
            self.stores.run_store.put_run(made_run(f"x{i}", T0 + i))
        whole = await self.json(f"/api/series?quantity={HV}&{WINDOW}")
        self.assertEqual(len(whole["runs"]), MOST_BANDS)
        self.assertIn("more than 200 runs", whole["note"])
        self.stores.run_store.down = "the store of runs is away"
        whole = await self.json(f"/api/series?quantity={HV}&{WINDOW}")
        self.assertEqual((whole["runs"], whole["note"]), ([], "runs are not shown: the store of runs is away"))
        self.assertTrue(whole["series"][0]["at"])

    async def test_a_window_ends_now(self) -> None:
        later = self.clock.now() + 3600 * S
        whole = await self.json(f"/api/series?quantity={HV}&since={later - 7200 * S}&until={later}")
        self.assertLess(whole["window"]["stop"], iso(later - 3500 * S) or "")

    async def test_csv_has_a_row_for_each_bucket_and_gap(self) -> None:
        answer = await self.viewer.get(f"/api/series?quantity={HV}&{WINDOW}&number=10&format=csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        self.assertEqual([row["gap"] for row in rows], [""] * 4 + ["empty"] + [""] * 4)
        self.assertEqual((rows[0]["start"], rows[4]["mean"], rows[6]["low"]), (iso(T0), "", "-500.0"))

    async def test_what_is_refused_says_which_parameter_and_what_was_expected(self) -> None:
        many = "&".join(f"quantity=a/b/c/q{i}" for i in range(MOST_QUANTITIES + 1))
        cases = {
            "": "quantity: expected at least one",
            "quantity=v_mon": "expected stand/device/channel/name",
            "quantity=a/b//v": "expected stand/device/channel/name",
            "quantity=bench/hv1/ch0/state": "is a text",
            many: f"at most {MOST_QUANTITIES}",
            f"quantity={HV}&since=yesterday": "since: 'yesterday'",
            f"quantity={HV}&since={T0}&until={T0}": "is not before until",
            f"quantity={HV}&since={2**61}": "is not before until",
            f"quantity={HV}&since={2**61}&until={2**61 + 1}": "later than now",
            f"quantity={HV}&since=-5": "since",
            f"quantity={HV}&number=0": "number",
            f"quantity={HV}&number={MOST_BUCKETS + 1}": "number",
            f"quantity={HV}&format=xml": "format",
        }
        for query, words in cases.items():
            with self.subTest(query[:60]):
                self.assertIn(words, (await self.json(f"/api/series?{query}", 422))["error"])

    async def test_a_database_that_is_away_is_503(self) -> None:
        self.stores.time_series.down = "the time series is away"
        self.assertEqual((await self.json(f"/api/series?quantity={HV}", 503))["error"], "the time series is away")


class TestQuantities(SeriesCase):
    async def test_all_or_of_a_stand(self) -> None:
        found = (await self.json("/api/quantities?stand=bench"))["quantities"]
        self.assertEqual(found[0]["name"], HV)
        self.assertEqual((found[0]["unit"], found[0]["period"]), ("V", 1.0))
        self.assertEqual(await self.json("/api/quantities"), {"quantities": found})
        self.assertIn("no stand 'x'", (await self.json("/api/quantities?stand=x", 404))["error"])


class TestDocument(SeriesCase):
    async def test_each_route_without_a_login_and_with_each_role(self) -> None:
        said = self.app.openapi()["paths"]
        addresses = {"/api/series": f"/api/series?quantity={HV}", "/api/quantities": "/api/quantities"}
        for role in (None, *ROLES):
            client = self.client() if role is None else await self.logged_in(role)
            for path, address in addresses.items():
                with self.subTest(f"{path} as {role}"):
                    self.assertEqual(said[path]["get"]["x-role"], "viewer")
                    self.assertEqual((await client.get(address)).status_code, 401 if role is None else 200)

    async def test_answers_have_the_fields_of_the_examples(self) -> None:
        real = await self.json(f"/api/series?quantity={HV}&{WINDOW}&number=10")
        made = EXAMPLES["series"][0]
        self.assertEqual(real.keys(), made.keys())
        for name in ("series", "runs"):
            self.assertEqual(real[name][0].keys(), made[name][0].keys())
        known, listed = await self.json("/api/quantities"), EXAMPLES["quantities"][0]
        self.assertEqual(known["quantities"][0].keys(), listed["quantities"][0].keys())
