"""The committed dashboards are what the code makes, Grafana's model reads them, and each panel says what it shows."""

import configparser
import json
import re
import unittest
from collections import Counter
from typing import Any

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tools.dashboards.__main__ import texts
from trackerdcs.domain.instrument import UNITS
from trackerdcs.tests.dashboards import GRAFANA, boards, questions
from trackerdcs.tests.documents import ROOT

UIDS = {"dcs-stand.json": "dcs-stand", "dcs-channel.json": "dcs-channel", "dcs-loader.json": "dcs-loader"}
"""Links to a dashboard hang on its uid: one that changes breaks them."""
SHOWN_AS = {
    ("V",): "volt",
    ("A",): "amp",
    ("A", "V"): "watt",
    ("degC",): "celsius",
    ("%", "degC"): "celsius",
    ("%",): "percent",
    ("1/s",): "mps",
    ("s",): "s",
    ("B",): "decbytes",
    ("1",): "none",
    ("",): "string",
}
"""Unit of a panel in Grafana by the units of the quantities in a query: a product of V and A is W, a dew point degC."""
PANELS = [(name, panel) for name, board in boards().items() for panel in board["panels"]]


def units_in(query: str) -> tuple[str, ...]:
    """Units of the quantities that a query reads."""
    read = re.sub(r' AS "[^"]+"', "", query)
    found = {UNITS[name] for name in re.findall(r'"(\w+)"', read) if name in UNITS}
    return tuple(sorted(found | ({"degC"} if "/^t_/" in query else set())))


class TestFiles(unittest.TestCase):
    def test_they_are_what_the_code_makes(self) -> None:
        committed = {path.name: path.read_text(encoding="utf-8") for path in (GRAFANA / "dashboards").iterdir()}
        self.assertEqual(committed, dict(texts()), "run: make dashboards")

    def test_their_uids_stay_and_each_is_one(self) -> None:
        self.assertEqual({name: board["uid"] for name, board in boards().items()}, UIDS)

    def test_the_model_of_grafana_reads_and_writes_them_alike(self) -> None:
        register_default_plugins()
        for name, board in boards().items():
            again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
            for one in (board, again):  # the model knows only the queries of Grafana's own annotations
                for annotation in one.get("annotations", {}).get("list", []):
                    annotation["target"] = {k: annotation["target"][k] for k in ("limit", "matchAny", "tags", "type")}
            self.assertEqual(again, board, name)


class TestPanels(unittest.TestCase):
    def test_each_has_a_source_a_unit_and_says_what_it_shows(self) -> None:
        self.assertGreater(len(PANELS), 20)
        for name, panel in PANELS:
            with self.subTest(name, panel=panel["title"]):
                for place in (panel, *panel["targets"]):
                    self.assertEqual(place["datasource"], {"type": "influxdb", "uid": source()["uid"]})
                self.assertGreater(len(panel["description"]), 40)
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                self.assertTrue(panel["targets"])
        for name, board in boards().items():
            titles = Counter(panel["title"] for panel in board["panels"])
            self.assertEqual([title for title, number in titles.items() if number > 1], [], name)

    def test_its_unit_is_that_of_what_it_reads(self) -> None:
        for name, board in boards().items():
            for question in questions(board):
                if question.unit is not None and '"events"' not in question.text and '"frames"' not in question.text:
                    with self.subTest(name, place=question.place):
                        self.assertEqual(question.unit, SHOWN_AS[units_in(question.text)], units_in(question.text))

    def test_a_gap_is_a_gap(self) -> None:
        for name, panel in PANELS:
            custom = panel["fieldConfig"]["defaults"].get("custom", {})
            with self.subTest(name, panel=panel["title"]):
                for target in panel["targets"]:
                    self.assertEqual("GROUP BY time($__interval)" in target["query"], panel["type"] != "table")
                    self.assertRegex(target["query"], r" (fill\(null\)|LIMIT 200)$")
                    self.assertNotRegex(target["query"], r"fill\((?!null\))")
                self.assertIn(custom.get("spanNulls", False), (False,))
                if panel["type"] == "timeseries":
                    self.assertIs(custom["spanNulls"], False)
                    self.assertTrue(custom["axisLabel"])

    def test_what_was_set_does_not_look_like_what_was_measured(self) -> None:
        for name, panel in PANELS:
            if panel["type"] != "timeseries":
                continue
            dashed, thin = [rule["matcher"]["options"].strip("/") for rule in panel["fieldConfig"]["overrides"]]
            for target in panel["targets"]:
                for column in re.findall(r'AS "([^"]+)"', target["query"]):
                    line = f"x {column}"
                    is_set = '"v_set") AS' in target["query"] or '"i_limit") AS' in target["query"]
                    with self.subTest(name, column=column):
                        self.assertEqual(bool(re.search(dashed, line)), is_set)
                        self.assertFalse(is_set and re.search(thin, line))

    def test_grafana_fills_in_the_time_of_an_annotation_once(self) -> None:
        for board in boards().values():
            for question in questions(board):
                if ": annotation " in question.place:
                    self.assertEqual(question.text.count("$timeFilter"), 1)


class TestProvisioning(unittest.TestCase):
    def test_the_source_reads_only_and_has_its_password_from_a_file(self) -> None:
        found = source()
        self.assertEqual((found["type"], found["url"], found["user"]), ("influxdb", "http://influxdb:8086", "grafana"))
        self.assertEqual(found["jsonData"]["dbName"], "slow-control")
        self.assertEqual(found["jsonData"]["version"], "InfluxQL")
        self.assertFalse(found["editable"])
        self.assertEqual(found["secureJsonData"], {"password": "$__file{/run/secrets/influx-password}"})

    def test_nobody_changes_a_provisioned_dashboard_in_the_browser(self) -> None:
        providers = read("provisioning/dashboards/dashboards.yaml")["providers"]
        self.assertEqual([p["options"]["path"] for p in providers], ["/etc/grafana/dashboards", "/etc/grafana/lab"])
        self.assertFalse(any(p["allowUiUpdates"] for p in providers))

    def test_the_gateway_is_the_only_way_in(self) -> None:
        ini = configparser.ConfigParser(interpolation=None, comment_prefixes=(";",))
        ini.read(GRAFANA / "grafana.ini", encoding="utf-8")
        self.assertFalse(ini.getboolean("auth.anonymous", "enabled"))
        self.assertFalse(ini.getboolean("auth.basic", "enabled"))
        self.assertTrue(ini.getboolean("auth", "disable_login_form"))
        self.assertTrue(ini.getboolean("auth.proxy", "enabled"))
        self.assertTrue(ini["security"]["admin_password"].startswith("$__file{"))
        home = ini["dashboards"]["default_home_dashboard_path"].removeprefix("/etc/grafana/")
        self.assertTrue((GRAFANA / home).is_file(), home)


def read(name: str) -> Any:
    """A YAML file of grafana/."""
    return yaml.safe_load((GRAFANA / name).read_text(encoding="utf-8"))


def source() -> dict[str, Any]:
    """The one data source."""
    (found,) = read("provisioning/datasources/slow-control.yaml")["datasources"]
    return dict(found)


class TestPage(unittest.TestCase):
    def test_every_panel_is_on_the_page(self) -> None:
        page = (ROOT / "doc" / "reference" / "dashboards.md").read_text(encoding="utf-8")
        for name, panel in PANELS:
            self.assertIn(f"| {panel['title']} |", page, name)


if __name__ == "__main__":
    unittest.main()
