"""Derived quantities: what a stand file may say of them, and what becomes of inputs that cannot be believed."""

import unittest
from pathlib import Path

from trackerdcs.domain.at_bias import AtBias
from trackerdcs.domain.derived import DerivedConfig, channels_of, derived_faults, derived_misfits
from trackerdcs.domain.deriving import Deriver
from trackerdcs.domain.instrument import Channel, Origin, Quantity
from trackerdcs.domain.join import chosen
from trackerdcs.domain.messages import Frame
from trackerdcs.domain.wiring import Wired
from trackerdcs.services.join import known_of
from trackerdcs.settings import load_stand

DEMO = Path(__file__).parents[2] / "stands" / "demo.yaml"
S = 10**9
T0 = 1_700_000_000 * S
DEVICES = {
    "env1": Wired("env", {"-": Channel({"t_air": Quantity("degC"), "rh": Quantity("%")})}, 1.0),
    "hv1": Wired("hv", {"ch0": Channel({q: Quantity(u) for q, u in (("v_mon", "V"), ("i_mon", "A"))})}, 1.0),
}
AIR = DerivedConfig("dew_point", {"t_air": "env1.t_air", "rh": "env1.rh"})
LEAK = DerivedConfig("leakage_20c", {"i": "hv1.ch0.i_mon", "t": "env1.t_air"})
BIAS = DerivedConfig("time_at_bias", {"v": "hv1.ch0.v_mon"}, above=50.0)


class Config(unittest.TestCase):
    def test_good_ones_have_no_faults_and_say_where_they_come_from(self) -> None:
        good = {"air": AIR, "leak": LEAK, "bias": BIAS}
        self.assertEqual([*derived_faults(good), *derived_misfits(good, DEVICES)], [])
        channel = channels_of(good)["bias"]
        self.assertEqual(channel.origin, Origin("time_at_bias", 1, {"v": "hv1.ch0.v_mon"}, 50.0))
        self.assertEqual(
            {q: c.unit for q, c in channel.quantities.items()}, {"at_bias": "s", "missed": "s", "formula": "1"}
        )

    def test_each_fault_names_its_field(self) -> None:
        for config, field, why in (
            (DerivedConfig("dew_point", {"t_air": "env1.t_air"}), "inputs", "rh is missing"),
            (
                DerivedConfig("power", {"v": "a.v", "i": "a.i", "x": "a.x"}),
                "inputs.x",
                "has no such input, it has v, i",
            ),
            (DerivedConfig("time_at_bias", {"v": "hv1.ch0.v_mon"}), "above", "needs a voltage above 0 V, got None"),
            (DerivedConfig("time_at_bias", {"v": "hv1.ch0.v_mon"}, -5.0), "above", "got -5"),
            (DerivedConfig("power", {"v": "a.v", "i": "a.i"}, 5.0), "above", "has none"),
        ):
            with self.subTest(why):
                ((where, said),) = derived_faults({"x": config})
                self.assertEqual(where, f"derived.x.{field}")
                self.assertIn(why, said)
        self.assertEqual([field for field, _ in derived_faults({"Air": AIR})], ["derived.Air"])

    def test_inputs_that_the_stand_does_not_have(self) -> None:
        for of, why in (
            ("env2.t_air", "no device 'env2'"),
            ("env1.ch0.t_air", "no channel 'ch0'"),
            ("env1.t_plate", "no such quantity, it has t_air, rh"),
            ("env1.rh", "expected a quantity in degC, it is in %"),
            ("t_air", "expected DEVICE.QUANTITY"),
        ):
            with self.subTest(of):
                config = DerivedConfig("leakage_20c", {"i": "hv1.ch0.i_mon", "t": of})
                ((field, said),) = derived_misfits({"x": config}, DEVICES)
                self.assertEqual(field, "derived.x.inputs.t")
                self.assertIn(why, said)


class Deriving(unittest.TestCase):
    def setUp(self) -> None:
        self.at_bias = AtBias()
        self.deriver = Deriver({"air": AIR, "leak": LEAK, "bias": BIAS}, {"env1": 1.0, "hv1": 1.0}, self.at_bias)
        self.seq = 0

    def env(self, s: float, t: float = 20.0, rh: float = 50.0, **more: dict[str, dict[str, str]]) -> None:
        self.hear("env1", s, {"-": {"t_air": t, "rh": rh}}, **more)

    def hv(self, s: float, v: float = -100.0, module: str = "m-1") -> None:
        mod = {"ch0": module} if module else {}
        self.hear("hv1", s, {"ch0": {"v_mon": v, "i_mon": -1e-7}}, mod=mod, runs={"ch0": ["r1"]})

    def hear(self, device: str, s: float, ch: dict[str, dict[str, float]], **more: object) -> None:
        self.seq += 1
        frame = Frame(T0 + round(s * S), self.seq, "b", "1", "x", ch, **more)  # type: ignore[arg-type]
        self.deriver.hear(device, frame, s)

    def why(self, channel: str, s: float) -> str:
        ch, bad = self.deriver.find(s)
        self.assertNotIn(channel, ch, "no old number")
        (reason,) = set(bad[channel].values())
        return reason

    def test_values_with_version_module_and_run(self) -> None:
        self.env(0)
        self.hv(0)
        self.hv(1)
        ch, bad = self.deriver.find(1.0)
        self.assertEqual(bad, {})
        self.assertEqual(ch["bias"], {"at_bias": 1.0, "missed": 0.0, "formula": 1.0})
        self.assertAlmostEqual(float(ch["leak"]["i_20c"]), -1e-7)
        self.assertEqual(self.deriver.modules(), {"leak": "m-1", "bias": "m-1"})
        self.assertEqual(self.deriver.runs(), {"leak": ["r1"], "bias": ["r1"]})
        self.assertEqual(self.deriver.newest, T0 + S)

    def test_an_input_that_cannot_be_believed_spoils_all_that_it_goes_into_and_nothing_else(self) -> None:
        self.hv(0)
        self.assertIn("env1.t_air has not been heard yet", self.why("leak", 0.0))
        self.env(0, unc={"-": {"t_air": "drifts"}})
        self.assertEqual(self.why("air", 0.0), "env1.t_air is uncertain: drifts")
        self.env(1, bad={"-": {"t_air": "timeout"}})
        self.assertEqual(self.why("leak", 1.0), "env1.t_air cannot be read: timeout")
        self.env(2, t=-127.0)
        self.assertIn("-127 degC is not believed", self.why("leak", 2.0))
        self.assertIn("air of -127 degC", self.why("air", 2.0))
        self.env(3, rh=0.0)
        self.assertIn("humidity of 0 % is not possible", self.why("air", 3.0))
        self.assertIn("leak", self.deriver.find(3.0)[0])
        self.assertIn("more than 3 periods", self.why("leak", 7.0))
        self.assertIn("more than 3 periods", self.why("bias", 7.0))

    def test_time_at_bias_needs_a_module_and_what_was_counted_before(self) -> None:
        self.hv(0, module="")
        self.assertEqual(self.why("bias", 0.0), "no module is on hv1.ch0")
        self.deriver.not_counting = "not readable"
        self.hv(1)
        self.assertEqual(self.why("bias", 1.0), "not readable")

    def test_a_gap_is_told(self) -> None:
        self.hv(0)
        self.seq += 1
        frame = Frame(T0 + 10 * S, self.seq, "b", "1", "hv", {"ch0": {"v_mon": -100.0}}, mod={"ch0": "m-1"})
        self.assertEqual(self.deriver.hear("hv1", frame, 10.0), [("bias", "m-1", 10.0)])
        self.assertIsNone(self.deriver.hear("hv1", frame, 10.1), "no news")


class Known(unittest.TestCase):
    def test_a_run_finds_what_is_derived_of_its_channels_and_what_is_shared(self) -> None:
        known = known_of([load_stand(DEMO)])
        units = {f"{m.channel}/{m.quantity}": m.unit for m in known if m.device == "derived"}
        self.assertEqual(
            units,
            {"air/t_dew": "degC", "air_margin/dew_margin": "degC", "power1/power": "W", "power2/power": "W"}
            | {f"leak{i}/i_20c": "A" for i in (0, 1)}
            | {f"bias{i}/{quantity}": "s" for i in (0, 1) for quantity in ("at_bias", "missed")},
        )
        found = {
            m.channel for m in chosen([], known, {"demo/hv1/ch0", "demo/lv1/ch1"}, {"demo"}) if m.device == "derived"
        }
        self.assertEqual(found, {"air", "air_margin", "leak0", "bias0", "power1"})
