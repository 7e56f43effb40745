"""The lines of `trackerdcs watch` into a file or a pipe: one for each change."""

import unittest

from trackerdcs.cli.watch import lines
from trackerdcs.domain.messages import Event
from trackerdcs.tests.overview_bench import OverviewBench


class Lines(unittest.TestCase):
    def setUp(self) -> None:
        self.bench = OverviewBench()
        self.bench.status("demo/hv1")
        self.bench.hv(v_set=-50.0, v_mon=-49.99, i_mon=-1e-9, on=True, state="on")

    def lines(self, at: float = 0.0) -> dict[str, str]:
        return lines(self.bench.overview, self.bench.moment(at))

    def changed(self, before: float, after: float) -> list[str]:
        old = self.lines(before)
        return [line for key, line in self.lines(after).items() if old.get(key) != line]

    def test_status_and_values(self) -> None:
        self.assertEqual(
            list(self.lines().values()),
            [
                "demo/hv1 is online",
                "demo/hv1 ch0 fresh: HV ON, on, v_set -50.000 V, v_mon -49.990 V, i_mon -1.000 nA",
            ],
        )

    def test_time_alone_is_no_change(self) -> None:
        self.assertEqual(self.changed(0.0, 2.9), [])

    def test_what_ceases_to_be_fresh_is_one(self) -> None:
        self.assertEqual(
            self.changed(2.9, 3.1),
            ["demo/hv1 ch0 stale: HV ?, (on), v_set (-50.000) V, v_mon (-49.990) V, i_mon (-1.000 nA)"],
        )
        self.assertEqual(self.changed(29.0, 31.0), ["demo/hv1 is silent"])

    def test_a_loader_has_a_line_for_itself_and_one_for_its_sources(self) -> None:
        lags = {f"b{i}": {"lag": float(i)} for i in range(1000)}
        self.bench.frame("site/loader", "loader", {"-": {"received": 1234567.0}, **lags})
        self.assertEqual(
            [line for line in self.lines().values() if line.startswith("site/")],
            [
                "site/loader is unknown",
                "site/loader - fresh: received 1234567",
                "site/loader fresh: 1000 sources, oldest values: b999 17 min, b998 17 min, b997 17 min",
            ],
        )

    def test_sources_in_doubt_are_named(self) -> None:
        lags = {f"b{i}": {"lag": 0.0} for i in range(5)}
        unc = {ch: {"lag": "its clock is 90 s ahead"} for ch in lags}
        self.bench.frame("site/loader", "loader", {"-": {"received": 5.0}, **lags}, unc=unc)
        said = self.lines()["sources site/loader"]
        self.assertTrue(said.endswith("; b2: its clock is 90 s ahead; and 2 more in doubt"), said)

    def test_bad_values_faults_events_and_nonsense(self) -> None:
        before = self.lines()
        self.bench.hv(bad={"v_mon": "no reply"}, v_set=-50.0)
        self.bench.status("demo/hv1", "fault", "link \x1b[31m")
        self.bench.hear("demo/hv1/event", Event("trip", 1, "b1", "ch0"))
        self.bench.hear("demo/hv1/frame", b"{")
        self.bench.overview.connected = False
        text = "\n".join(line for key, line in self.lines().items() if before.get(key) != line)
        for part in (
            "NO CONNECTION TO THE BROKER",
            "demo/hv1 is fault: link ?[31m",
            "v_mon bad",
            "v_mon: no reply",
            "demo/hv1 trip ch0",
            "outside the contract, not JSON: 1, last dcs/v1/demo/hv1/frame",
        ):
            self.assertIn(part, text)
        self.assertNotIn("49.99", text)


if __name__ == "__main__":
    unittest.main()
