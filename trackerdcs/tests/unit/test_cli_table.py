"""The table in the terminal cannot be misread: old is not new, unknown is not off, and simulated is not real."""

import html
import io
import re
import unittest
from typing import Any

from rich.console import Console

from trackerdcs.cli.rows import rows_of
from trackerdcs.cli.table import Fitted, table
from trackerdcs.domain.messages import Ack, Event
from trackerdcs.tests.overview_bench import OverviewBench

ON: dict[str, Any] = {"v_set": -200.0, "v_mon": -199.97, "i_mon": -1.2e-7, "on": True, "state": "on"}
OFF: dict[str, Any] = {"v_set": -200.0, "v_mon": -0.0004, "i_mon": 0.0, "on": False, "state": "off"}


def line_of(text: str, word: str) -> str:
    return next((line for line in text.splitlines() if word in line), f"{word} is missing in:\n{text}")


class TableCase(unittest.TestCase):
    def setUp(self) -> None:
        self.bench = OverviewBench()

    def styled(self, text: str, at: float = 0.0) -> str:
        """The style in which a text is printed."""
        page = html.unescape(self.bench.look(at, colours=True))
        found = re.search(rf'<span style="([^"]*)">[^<]*{re.escape(text)}', page)
        return found[1] if found else ""


class Values(TableCase):
    def test_a_fresh_value(self) -> None:
        self.bench.hv(**ON)
        line = line_of(self.bench.look(0.5), "hv1")
        self.assertRegex(line, r"hv1 +ch0 +ON +on +-200.00 +-199.97 +-120.0 nA +0.5 s")

    def test_a_stale_value_is_grey_in_parentheses_with_its_age(self) -> None:
        self.bench.hv(**ON)
        line = line_of(self.bench.look(42.0), "hv1")
        self.assertRegex(line, r"hv1 +ch0 +\? +\(on\) +\(-200.00\) +\(-199.97\) +\(-120.0 nA\) +stale")
        self.assertIn("42 s", self.bench.look(42.0))
        self.assertIn("color: #7f7f7f", self.styled("(-199.97)", 42.0))
        self.assertNotRegex(self.bench.look(42.0), r" -199\.97")

    def test_a_retained_value_is_not_live(self) -> None:
        self.bench.hv(at=-7200.0, retained=True, **ON)
        text = self.bench.look()
        self.assertRegex(text, r"\(-199.97\).*not live")
        self.assertRegex(text, r"  2 h|120 min")

    def test_a_bad_value_is_red_with_its_reason_and_the_old_number_is_gone(self) -> None:
        self.bench.hv(**ON)
        self.bench.hv(at=1.0, bad={"v_mon": "no reply", "i_mon": "no reply"}, v_set=-200.0, on=True, state="on")
        text = self.bench.look(1.0)
        self.assertRegex(line_of(text, "hv1"), r"-200.00 +bad +bad")
        self.assertIn("v_mon i_mon: no reply", text)
        self.assertNotIn("199.97", text)
        self.assertRegex(self.styled("bad", 1.0), "color: #(800000|ff0000|aa0000|cc0000)")

    def test_an_output_of_which_nothing_is_known_takes_one_line(self) -> None:
        why = "127.0.0.1:15001: not connected"
        bad = {
            ch: dict.fromkeys(("v_set", "v_mon", "i_mon", "i_limit", "on", "trip", "state"), why) for ch in ("a", "b")
        }
        self.bench.status("demo/hv1")
        self.bench.frame("demo/hv1", "hv", {}, bad=bad)
        line = line_of(self.bench.look(), "hv1 ")
        self.assertRegex(line, rf"a +\? +bad +bad +bad +bad +0.0 s nothing can be read: {why} *$")
        self.bench.status("demo/hv1", "fault", why)
        text = self.bench.look()
        self.assertEqual(text.count(why), 1)
        self.assertRegex(line_of(text, "b  ?"), r"b +\? +bad +bad +bad +bad +0.0 s *$")

    def test_what_is_true_and_should_not_be_stands_first_in_red(self) -> None:
        self.bench.meta("demo/hv1", "hv", {}, ch0=("sensor bias", None))
        self.bench.hv(**OFF | {"state": "tripped", "i_limit": 1e-6, "trip": True, "compliance": False})
        self.assertRegex(line_of(self.bench.look(), "hv1"), r"0.0 s trip  sensor bias  i_limit 1.000 uA")
        for word in ("tripped", "trip "):
            self.assertRegex(self.styled(word.strip()), "color: #(800000|ff0000|aa0000|cc0000)")
        self.assertRegex(line_of(self.bench.look(42.0), "hv1"), r"\(trip\)  sensor bias")

    def test_a_doubtful_value_has_a_question_mark_and_the_reason(self) -> None:
        self.bench.frame("demo/hv1", "hv", {"ch0": ON}, unc={"ch0": {"i_mon": "out of range"}})
        text = self.bench.look()
        self.assertIn("-120.0 nA?", text)
        self.assertIn("i_mon: out of range", text)

    def test_other_quantities_with_their_units(self) -> None:
        self.bench.frame("demo/env1", "env", {"-": {"t_air": 21.35, "rh": 40.0, "compliance": True, "trip": False}})
        line = line_of(self.bench.look(), "env1")
        for text in ("t_air 21.35 degC", "rh 40 %", "compliance"):
            self.assertIn(text, line)
        self.assertNotIn("trip", line)

    def test_units_are_those_that_the_device_gives(self) -> None:
        self.bench.meta("demo/x", "other", {"flow": "l/min", "leak": "A"}, ch0=("pump", None))
        self.bench.frame("demo/x", "other", {"ch0": {"flow": 1.5, "leak": 2e-9}})
        line = line_of(self.bench.look(), "pump")
        self.assertIn("flow 1.5 l/min", line)
        self.assertIn("leak 2.000 nA", line)


class HighVoltage(TableCase):
    def flag(self, at: float = 0.0) -> str:
        (row,) = rows_of(self.bench.overview.devices["demo", "hv1"], self.bench.moment(at))
        return row.hv

    def test_where_it_is_known(self) -> None:
        cases: list[tuple[str, dict[str, Any]]] = [
            ("ON", ON),
            ("off", OFF),
            ("ON", OFF | {"v_mon": -42.0}),  # off, and still charged
            ("ON", OFF | {"v_mon": 10.5}),
            ("off", OFF | {"v_mon": -9.9}),
            ("ON", ON | {"v_mon": 0.0}),
            ("off", {"on": False, "state": "off"}),  # a source-meter measures with its output on only
        ]
        for flag, values in cases:
            with self.subTest(values):
                self.bench.hv(**values)
                self.assertEqual(self.flag(), flag)

    def test_where_it_is_not(self) -> None:
        self.bench.hv(**OFF)
        self.assertEqual((self.flag(3.0), self.flag(3.1)), ("off", "?"))
        without = {q: v for q, v in OFF.items() if q != "v_mon"}
        self.bench.hv(bad={"v_mon": "no reply"}, **without)
        self.assertEqual(self.flag(), "?")
        for values in ({"v_mon": 0.0}, {"v_mon": 0.0, "on": False}):
            self.bench.hv(bad={"on": "no reply"}, **values)  # type: ignore[arg-type]
            self.assertEqual(self.flag(), "?")
        self.bench.hv(retained=True, at=0.1, **OFF)
        self.assertEqual(self.flag(), "?")

    def test_a_device_that_went_offline(self) -> None:
        self.bench.hv(**OFF)
        self.bench.status("demo/hv1", "offline", "last will")
        self.assertEqual(self.flag(), "?")

    def test_it_is_unmistakable(self) -> None:
        self.bench.hv(**ON)
        self.assertRegex(self.styled("ON"), "background-color: #(800000|ff0000|aa0000|cc0000)")

    def test_a_low_voltage_has_no_such_flag(self) -> None:
        self.bench.frame("demo/lv1", "lv", {"ch1": {"v_mon": 12.0, "on": True, "state": "on"}})
        self.assertRegex(line_of(self.bench.look(), "lv1"), r"lv1 +ch1 +on +12.000")


class Around(TableCase):
    def test_simulated_devices_are_marked(self) -> None:
        self.bench.hv(**ON)
        self.bench.frame("demo/hv2", "hv", {"ch0": ON}, sim=True)
        text = self.bench.look()
        self.assertIn("hv2 SIM", text)
        self.assertNotIn("hv1 SIM", text)

    def test_what_is_wrong_with_a_device(self) -> None:
        self.bench.hv(**ON)
        self.bench.status("demo/hv1", "fault", "link: refused")
        self.assertIn("fault: link: refused", self.bench.look())
        self.bench.status("demo/hv1")
        self.assertIn("silent for 31 s", self.bench.look(31.0))
        self.bench.status("demo/hv3", "offline", "stopped")
        self.assertIn("offline: stopped", line_of(self.bench.look(), "hv3"))

    def test_loader_with_its_figures(self) -> None:
        self.assertIn("no loader heard", self.bench.look())
        self.bench.status("site/loader")
        self.bench.frame("site/loader", "loader", {"-": {"received": 12.0, "parked": 2.0, "lag": 0.25}})
        line = line_of(self.bench.look(4.0), "loader")
        self.assertRegex(line, r"loader: online \(4.0 s ago\)  received 12  parked 2  lag 0.2 s")

    def test_counts_of_a_loader_can_be_compared_and_of_its_sources_the_oldest_are_named(self) -> None:
        figures = {"received": 1234567.0, "stored": 1234566.0, "spool_size": 12345678.0}
        lags = {f"lab-box{i}": {"stored": 1.0, "lag": float(i)} for i in range(1000)}
        self.bench.frame("site/loader", "loader", {"-": figures, **lags, "lab-empty": {}})
        text = " ".join(self.bench.look(4.0).split())
        self.assertIn("received 1234567 stored 1234566 spool_size 12.3 MB", text)
        self.assertIn("1000 sources, oldest values: lab-box999 17 min, lab-box998 17 min, lab-box997 17 min", text)

    def test_messages_outside_the_contract(self) -> None:
        self.bench.hear("demo/hv1/frame", b"nonsense")
        line = line_of(self.bench.look(), "outside")
        self.assertIn("outside the contract, not JSON: 1, last dcs/v1/demo/hv1/frame: not JSON", line)

    def test_events_and_acks(self) -> None:
        self.bench.hear("demo/hv1/event", Event("trip", 1700000000 * 10**9, "b1", "ch0"))
        self.bench.hear("demo/hv1/ack", Ack("i1", "cli", "failed", 1700000000 * 10**9, why="no"))
        text = self.bench.look()
        self.assertIn("22:13:20Z hv1 trip ch0", text)
        self.assertIn("hv1 cli: command i1: failed (no)", text)

    def test_a_low_terminal_says_what_is_missing(self) -> None:
        self.bench.frame("demo/hv1", "hv", {f"ch{n}": ON for n in range(8)})
        console = Console(width=100, height=7, record=True, file=io.StringIO())
        console.print(Fitted(table(self.bench.overview, self.bench.moment())))
        lines = console.export_text().splitlines()
        whole = len(self.bench.look(width=100).splitlines())
        self.assertEqual(len(lines), 7)
        self.assertEqual(lines[-1].strip(), f"{whole - 6} MORE LINES BELOW: make this window higher")

    def test_no_broker_and_no_device(self) -> None:
        self.assertIn("no device has said anything", self.bench.look())
        self.bench.overview.connected = False
        self.assertIn("NO CONNECTION TO THE BROKER", self.bench.look())

    def test_two_stands_are_told_apart(self) -> None:
        self.bench.hv(**ON)
        self.bench.frame("lab/hv1", "hv", {"ch0": OFF})
        text = self.bench.look()
        self.assertIn("demo/hv1", text)
        self.assertIn("lab/hv1", text)

    def test_a_message_cannot_move_the_cursor(self) -> None:
        self.bench.status("demo/hv1", "fault", "\x1b[2J\x1b[H all is well\r\n")
        self.bench.hear("demo/hv1/ack", Ack("i1", "cli", "failed", 1, why="\x1b[31m"))
        self.assertIn("?[2J?[H all is well", self.bench.look())
        self.assertNotIn("\x1b", self.bench.look())

    def test_nothing_is_cut_off_from_80_columns_up(self) -> None:
        self.bench.meta("demo/hv1", "hv", {"v_set": "V"}, ch0=("sensor bias", "demo-module-1"), ch1=("free", None))
        ramping = {"v_set": -1000.0, "v_mon": -999.99, "i_mon": -1.2e-6, "on": True, "state": "ramping_down"}
        self.bench.frame("demo/hv1", "hv", {"ch0": ramping, "ch1": OFF}, sim=True)
        self.bench.frame("demo/hv2", "hv", {"ch0": ramping}, at=-9000.0, retained=True)
        for width in (80, 100, 120, 160):
            for at in (0.0, 3600.0):
                text = self.bench.look(at, width)
                with self.subTest(width=width, at=at):
                    self.assertNotIn("…", text)
                    self.assertLessEqual(max(map(len, text.splitlines())), width)
                    for word in ("hv1 SIM", "ch1", "-1000.00", "-999.99", "-1.200 uA", "not live", "ramping", "down"):
                        self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
