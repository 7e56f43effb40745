"""Every query of every dashboard against a real InfluxDB, with what a stand has really said: values, units, gaps."""

import asyncio
import tempfile
import time
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.domain.dew_point import dew_point
from trackerdcs.domain.series import Point, Selection
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.dashboards import ALL, Database, Question, Values, boards, filled, named, questions
from trackerdcs.tests.documents import blocks, pages
from trackerdcs.tests.servers import HOST
from trackerdcs.tests.stack import STAND, Stack
from trackerdcs.tests.waiting import until

HV, LV, AMPERES = -60.0, 5.0, 1.0
PLATEAU_S = 4.0
LOADER_S = 21.0
"""Two frames of the loader itself."""
MS = 1_000_000
EVERYTHING = {name: [ALL] for name in ("device", "channel", "module", "loader", "source")} | {"stand": [STAND]}
ONE = {"stand": [STAND], "device": ["hv1"], "channel": ["ch0"], "module": [ALL], "loader": ["loader"], "source": [ALL]}
CHOSEN = {
    "dcs-stand.json": [
        EVERYTHING,
        ONE | {"device": ["hv1", "lv1"], "channel": ["ch0", "ch1"], "module": ["m-1"]},
    ],
    "dcs-channel.json": [ONE, ONE | {"module": ["m-1", "m.2"]}, ONE | {"device": ["lv1"], "channel": ["ch1"]}],
    "dcs-loader.json": [EVERYTHING, EVERYTHING | {"loader": ["loader"], "source": ["bench-hv1", "bench-env1"]}],
}


class TestQueries(unittest.IsolatedAsyncioTestCase):
    """One stand does something once; all tests ask about it."""

    stack: Stack
    database: Database
    begin: int
    plateau: tuple[int, int]
    end: int

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        cls.stack = Stack(folder, cls.enterClassContext)
        server = cls.stack.database
        cls.database = Database(server.url, server.org, server.bucket, server.token)
        cls.begin = time.time_ns() // MS
        asyncio.run(cls.play())
        cls.end = time.time_ns() // MS

    @classmethod
    async def play(cls) -> None:
        stack, began = cls.stack, time.monotonic()

        def run(*args: str) -> None:
            done = stack.trackerdcs(*args)
            assert done.returncode == 0, done.stdout + done.stderr

        run("send", STAND, "lv1", "set_current_limit", "ch1", "--arg", f"i={AMPERES}", "--reason", "test")
        run("send", STAND, "lv1", "set_voltage", "ch1", "--arg", f"v={LV}", "--reason", "test")
        run("send", STAND, "lv1", "on", "ch1", "--reason", "test")
        run("send", STAND, "hv1", "set_voltage", "ch0", "--arg", f"v={HV}", "--reason", "test")
        run("send", STAND, "hv1", "on", "ch0", "--reason", "test")
        start = time.time_ns() // MS
        async with MqttBus(BusConfig(host=HOST, port=stack.broker.port), "fool") as bus:
            await until(lambda: bus.connected)
            await bus.publish(f"dcs/v1/{STAND}/hv9/frame", b"no frame")
        time.sleep(max(PLATEAU_S, LOADER_S - (time.monotonic() - began)))
        cls.plateau = (start, time.time_ns() // MS)
        run("kill", str(stack.file), "--reason", "test")
        await until(lambda: cls.database.ask('SELECT * FROM "events" WHERE "event" = \'killed\'').get("series"))
        stack.wait_drained(30)

    def lines(
        self,
        question: Question,
        chosen: dict[str, list[str]],
        window: tuple[int, int] | None = None,
        step: str = "1s",
    ) -> dict[str, Values]:
        query = filled(question.text, chosen, window or (self.begin, self.end), question.step or step)
        return named(question, self.database.ask(query))

    def panel(self, board: str, title: str, window: tuple[int, int] | None = None, step: str = "1s") -> Any:
        """All lines of a panel, without what was not measured."""
        chosen = CHOSEN[board][0]
        found: dict[str, list[Any]] = {}
        for question in questions(boards()[board]):
            if question.place.split(": ", 1)[1].startswith(f"{title}: "):
                for name, values in self.lines(question, chosen, window, step).items():
                    found[name] = [value for _, value in values if value is not None]
        self.assertTrue(found, f"{board}: no panel {title!r}, or nothing in it")
        return found

    async def samples(self, device: str, channel: str | None, quantity: str, window: Sequence[int]) -> dict[int, Any]:
        server = self.stack.database
        series = InfluxSeries(server.url, server.org, server.bucket, server.token)
        start, stop = window[0] * MS, window[1] * MS + 1
        found = await series.samples(Selection(STAND, device, channel, quantity, start, stop))
        await series.close()
        return {sample.ts: sample.value for sample in found}

    def test_each_has_an_answer_whatever_is_chosen(self) -> None:
        asked = 0
        for name, board in boards().items():
            for chosen in CHOSEN[name]:
                for question in questions(board):
                    with self.subTest(question.place, chosen=chosen):
                        lines = self.lines(question, chosen)
                        self.assertTrue(any(v is not None for vs in lines.values() for _, v in vs), lines)
                        asked += 1
        self.assertGreater(asked, 60)

    def test_what_was_set_is_measured(self) -> None:
        found = self.panel("dcs-stand.json", "High voltage: set and measured", self.plateau)
        self.assertEqual(
            {*found}, {f"hv1 ch0 {what}" for what in ("set", "measured", "measured lowest", "measured highest")}
        )
        self.assertEqual({*found["hv1 ch0 set"]}, {HV})
        for what in ("measured", "measured lowest", "measured highest"):
            for value in found[f"hv1 ch0 {what}"]:
                self.assertAlmostEqual(value, HV, delta=0.5)
        low = self.panel("dcs-stand.json", "Low voltage: set and measured", self.plateau)
        self.assertEqual({*low["lv1 ch1 set"]}, {LV})
        self.assertAlmostEqual(low["lv1 ch1 measured"][-1], LV, delta=0.1)
        one = self.panel("dcs-channel.json", "Voltage: set and measured", self.plateau)
        self.assertEqual({*one["voltage set"]}, {HV})
        self.assertAlmostEqual(one["voltage measured"][-1], HV, delta=0.5)
        difference = self.panel("dcs-channel.json", "Measured voltage minus set voltage", self.plateau)["difference"]
        self.assertTrue(all(abs(value) < 0.5 for value in difference), difference)

    async def test_no_spike_is_averaged_away(self) -> None:
        whole = (self.begin, self.end)
        volts = await self.samples("hv1", "ch0", "v_mon", whole)
        for step in ("1s", "10m"):
            found = self.panel("dcs-stand.json", "High voltage: set and measured", whole, step)
            self.assertEqual(min(found["hv1 ch0 measured lowest"]), min(volts.values()))
            self.assertEqual(max(found["hv1 ch0 measured highest"]), max(volts.values()))

    async def test_a_leakage_current_is_shown_without_its_sign(self) -> None:
        whole = (self.begin, self.end)
        amperes = await self.samples("hv1", "ch0", "i_mon", whole)
        self.assertLess(min(amperes.values()), 0.0)
        for board, title, name in (
            ("dcs-stand.json", "Leakage current, magnitude", "hv1 ch0 measured highest"),
            ("dcs-channel.json", "Current, magnitude", "magnitude measured highest"),
        ):
            found = self.panel(board, title, whole)
            self.assertEqual(max(found[name]), max(map(abs, amperes.values())))
        signed = self.panel("dcs-channel.json", "Current: limit and measured", whole)
        self.assertEqual(min(signed["current measured lowest"]), min(amperes.values()))
        self.assertGreater(min(signed["current limit"]), 0.0)

    async def test_power_is_voltage_times_current_of_the_same_reading(self) -> None:
        whole = (self.begin, self.end)
        for board, title, name, device, channel in (
            ("dcs-stand.json", "Low-voltage power", "lv1 ch1 measured highest", "lv1", "ch1"),
            ("dcs-channel.json", "Power", "power measured highest", "hv1", "ch0"),
        ):
            volts = await self.samples(device, channel, "v_mon", whole)
            amperes = await self.samples(device, channel, "i_mon", whole)
            watts = [volts[ts] * amperes[ts] for ts in volts.keys() & amperes.keys()]
            self.assertGreater(max(watts), 1e-9)
            found = self.panel(board, title, whole)
            self.assertAlmostEqual(max(found[name]) / max(watts), 1.0, delta=1e-9)

    async def test_the_dew_point_is_that_of_the_domain(self) -> None:
        whole = (self.begin, self.end)
        air, damp = [await self.samples("env1", "-", quantity, whole) for quantity in ("t_air", "rh")]
        dew = [dew_point(air[ts], damp[ts]) for ts in air.keys() & damp.keys()]
        found = self.panel("dcs-stand.json", "Temperatures and dew point", whole)
        self.assertEqual({*found}, {"env1 - mean_t_air", "env1 - dew point", "env1 - dew point highest"})
        self.assertAlmostEqual(max(found["env1 - dew point highest"]), max(dew), delta=1e-9)
        self.assertAlmostEqual(found["env1 - mean_t_air"][-1], air[max(air)], delta=1.0)
        humid = self.panel("dcs-stand.json", "Relative humidity", whole)
        self.assertEqual(max(humid["env1 - measured highest"]), max(damp.values()))

    async def test_states_events_and_frames_tell_what_happened(self) -> None:
        states = self.panel("dcs-stand.json", "States")
        self.assertEqual({*states}, {"hv1 ch0", "lv1 ch1"})
        self.assertLessEqual({"off", "on"}, {*states["hv1 ch0"]})
        by_module = self.panel("dcs-channel.json", "State, by module")
        self.assertEqual(by_module, {"module m-1": states["hv1 ch0"]})
        self.assertEqual({*self.panel("dcs-channel.json", "Limit and trip")["tripped"]}, {0.0})
        events = self.panel("dcs-stand.json", "Events")
        self.assertIn("killed", events["event"])
        (annotation,) = [q for q in questions(boards()["dcs-stand.json"]) if "annotation" in q.place]
        marks = self.lines(annotation, EVERYTHING)
        self.assertEqual([*marks], ["why", "event", "device", "channel"])
        self.assertEqual(sorted(v for _, v in marks["event"]), sorted(events["event"]))
        frames = self.panel("dcs-channel.json", "Frames of the device", (self.begin, self.end))["stored"]
        self.assertEqual(sum(frames), len(await self.samples("hv1", None, "seq", (self.begin, self.end))))

    def test_the_loader_is_seen_as_a_whole_and_by_source(self) -> None:
        rates = self.panel("dcs-loader.json", "Messages received and stored, a second")
        self.assertGreater(rates["loader received"][-1], 5.0)
        self.assertAlmostEqual(rates["loader stored"][-1], rates["loader received"][-1], delta=5.0)
        bad = self.panel("dcs-loader.json", "Parked and duplicate messages since the loader's start")
        self.assertEqual((bad["loader parked"][-1], bad["loader duplicates"][-1]), (1.0, 0.0))
        self.assertLess(self.panel("dcs-loader.json", "Age of the newest stored value")["loader newest value"][-1], 5.0)
        sources = self.panel("dcs-loader.json", "Stored messages of each source, a second")
        self.assertEqual(
            {*sources}, {f"{name} stored" for name in ("bench-hv1", "bench-lv1", "bench-env1", "site-loader")}
        )
        self.assertAlmostEqual(sources["bench-hv1 stored"][-1], 5.0, delta=2.0)
        self.assertIn("bad_message", self.panel("dcs-loader.json", "What the loaders report")["event"])

    def test_a_step_without_a_value_is_null_and_nothing_is_filled_in(self) -> None:
        before = (self.begin - 60_000, self.end)
        for name in ("dcs-stand.json", "dcs-channel.json"):
            for question in questions(boards()[name]):
                if "GROUP BY time" not in question.text:
                    continue
                for line, values in self.lines(question, CHOSEN[name][0], before).items():
                    early = [value for ts, value in values if ts < self.begin - 10_000]
                    self.assertGreater(len(early), 40, f"{question.place}: {line}: no row is no gap")
                    nothing = {None, 0} if "count(" in question.text else {None}  # no frames are none, and known to be
                    self.assertLessEqual({*early}, nothing, f"{question.place}: {line}")

    async def test_all_modules_are_also_channels_without_one(self) -> None:
        server = self.stack.database
        series = InfluxSeries(server.url, server.org, server.bucket, server.token)
        tags = (("stand", "other"), ("device", "hv1"), ("channel", "ch0"))
        await series.write([Point("hv", tags, self.begin * MS, {"v_set": -5.0})])
        await series.close()
        question = next(q for q in questions(boards()["dcs-stand.json"]) if "High voltage" in q.place)
        for modules, found in (([ALL], {-5.0}), (["m-1"], set())):
            lines = self.lines(question, EVERYTHING | {"stand": ["other"], "module": modules})
            self.assertEqual({v for vs in lines.values() for _, v in vs if v is not None}, found)

    def test_the_query_of_the_page_for_own_dashboards(self) -> None:
        page = "doc/reference/dashboards.md"
        (block,) = [b for b in blocks(page, pages()[page]) if b.language == "influxql"]
        lines = self.lines(Question(page, block.text, "$tag_device $tag_channel $col"), EVERYTHING)
        self.assertEqual([*lines], ["env1 - measured"])
        self.assertTrue(any(value is not None for _, value in lines["env1 - measured"]))

    def test_variables_list_what_is_there(self) -> None:
        listed = {}
        for name, board in boards().items():
            for question in questions(board):
                if "variable" in question.place:
                    listed[question.place] = {v for v in self.lines(question, CHOSEN[name][0])["value"] for v in v[1:]}
        self.assertLessEqual({STAND}, listed["dcs-stand: variable stand"])
        self.assertEqual(listed["dcs-stand: variable device"], {"hv1", "lv1"})
        self.assertEqual(listed["dcs-channel: variable channel"], {"ch0"})
        self.assertEqual(listed["dcs-channel: variable module"], {"m-1"})
        self.assertEqual(listed["dcs-loader: variable loader"], {"loader"})
        self.assertIn("bench-hv1", listed["dcs-loader: variable source"])


if __name__ == "__main__":
    unittest.main()
