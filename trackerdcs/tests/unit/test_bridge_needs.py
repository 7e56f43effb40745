"""What a calibration needs: judged by what is known now; what is not known does not hold."""

import unittest

from trackerdcs.app.run_conditions import condition_of
from trackerdcs.domain.inputs import Doubt
from trackerdcs.domain.messages import Interlock, Value
from trackerdcs.domain.ph2acf.needs import Seen, findings, judged
from trackerdcs.domain.ph2acf.setup import BridgeConfig, NeedConfig, RecipeConfig, bridge_faults
from trackerdcs.domain.series import Bucket

S = 1_000_000_000


class TestNeeds(unittest.TestCase):
    def judge(
        self, need: NeedConfig, value: "Value | Doubt", now: float = 0.0, seen: Seen | None = None
    ) -> bool | None:
        return judged(need, "a.b", lambda of: value, seen or Seen({}), now)[0]

    def test_each_kind_of_need(self) -> None:
        for need, good, bad in (
            (NeedConfig(of="a.b", equals="on"), "on", "ramping_up"),
            (NeedConfig(of="a.b", equals=True), True, False),
            (NeedConfig(of="a.b", min=5.0), 5.0, 4.9),
            (NeedConfig(of="a.b", max=5.0), -9.0, 5.1),
            (NeedConfig(of="a.b", min=50.0, absolute=True), -50.0, -49.0),
        ):
            with self.subTest(need):
                self.assertIs(self.judge(need, good), True)
                self.assertIs(self.judge(need, bad), False)
                self.assertIsNone(self.judge(need, Doubt("gone")), "what is not known does not hold")

    def test_steady_is_known_after_its_time_and_begins_anew_after_a_doubt(self) -> None:
        need, seen = NeedConfig(of="a.b", steady=1.0, over=10.0), Seen({"a.b": 10.0})
        for now in range(12):
            seen.note("a.b", 20.0 + 0.05 * now, float(now))
            self.assertIs(self.judge(need, 20.0, float(now), seen), True if now >= 10 else None, now)
        seen.note("a.b", 21.6, 12.0)
        self.assertIs(self.judge(need, 21.6, 12.0, seen), False)
        for now in range(13, 24):
            seen.note("a.b", 21.6, float(now))
        self.assertIs(self.judge(need, 21.6, 23.0, seen), True, "a step is forgotten in its time")
        seen.note("a.b", Doubt("gone"), 24.0)
        seen.note("a.b", 21.6, 25.0)
        self.assertIsNone(self.judge(need, 21.6, 25.0, seen))

    def test_a_need_of_each_is_about_the_channels_of_the_run_and_interlocks_have_to_be_heard(self) -> None:
        bridge = BridgeConfig(
            {}, needs={"on": NeedConfig(each="hv.on", equals=True, violated="abort")}, interlocks=("dry", "cold", "wet")
        )
        locks = {"dry": Interlock("ok", "kill", 1, 1, 0, "b"), "wet": Interlock("open", "kill", 1, 1, 0, "b", "rh")}
        on: dict[str, Value] = {"hv1.ch0.on": True, "hv1.ch1.on": False}
        kinds = {"hv1": "hv", "lv1": "lv"}
        recipe = RecipeConfig(needs=("on",))

        def of(*channels: tuple[str, str]) -> dict[str, bool | None]:
            found = findings(bridge, recipe, list(channels), kinds, on.__getitem__, Seen({}), locks.get, 0.0)
            return {each.check.name: each.check.ok for each in found}

        expected = {"interlock dry": True, "interlock cold": None, "interlock wet": False}
        self.assertEqual(of(("hv1", "ch0"), ("lv1", "ch1")), {"on hv1.ch0.on": True} | expected)
        self.assertIs(of(("hv1", "ch0"), ("hv1", "ch1"))["on hv1.ch1.on"], False)
        self.assertIsNone(of(("lv1", "ch1"))["on"], "a need that is about nothing is not met")


class TestSetup(unittest.TestCase):
    def test_contradictions_are_found_and_named(self) -> None:
        bad = BridgeConfig(
            {"x": RecipeConfig(needs=("nothing",), idle=0.0)},
            setup="opt",
            channels=("hv9.ch0",),
            interlocks=("nolock",),
            needs={"a": NeedConfig(), "b": NeedConfig(each="env.t", min=2, max=1)},
        )
        found = {field for field, _ in bridge_faults({"hv1": bad}, ["hv1"], [], [])}
        at = "calibrations.hv1"
        self.assertEqual(
            found,
            {
                at,
                *(f"{at}.{f}" for f in ("setup", "configs", "channels", "interlocks", "calibrations.x.needs")),
                *(f"{at}.{f}" for f in ("calibrations.x.idle", "needs.a.of", "needs.a.equals", "needs.b.each")),
                f"{at}.needs.b.min",
            },
        )
        good = BridgeConfig({"x": RecipeConfig()}, sim=True)
        self.assertEqual(list(bridge_faults({"ph2acf1": good}, ["hv1"], [], ["guard"])), [])
        holding = BridgeConfig({"x": RecipeConfig(lease=True)}, sim=True)
        for users, faults in ((None, 0), ({"ph2acf1": "shifter"}, 0), ({"ph2acf1": "viewer"}, 1), ({}, 1)):
            self.assertEqual(len(list(bridge_faults({"ph2acf1": holding}, ["hv1"], [], [], users))), faults)


class TestConditions(unittest.TestCase):
    def test_statistics_gaps_and_completeness(self) -> None:
        def bucket(i: int, mean: float = 1.0) -> Bucket:
            return Bucket(i * 3 * S, (i + 1) * 3 * S, 3, mean, mean - 1, mean + 1)

        whole = condition_of([bucket(i, float(i)) for i in range(10)], 10, 30.0, 1.0)
        self.assertEqual((whole.n, whole.mean, whole.low, whole.high), (30, 4.5, -1.0, 10.0))
        self.assertEqual((whole.complete, whole.gaps), (1.0, 0))
        holes = condition_of([bucket(i) for i in (0, 1, 4, 5, 8, 9)], 10, 30.0, 1.0)
        self.assertEqual((holes.complete, holes.gaps), (0.6, 2))
        late = condition_of([bucket(i) for i in range(4, 10)], 10, 30.0, 1.0)
        self.assertEqual(late.gaps, 1)
        nothing = condition_of([], 10, 30.0, 1.0)
        self.assertEqual((nothing.n, nothing.mean, nothing.complete, nothing.gaps), (0, None, 0.0, 1))


if __name__ == "__main__":
    unittest.main()
