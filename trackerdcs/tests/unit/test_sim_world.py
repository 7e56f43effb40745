"""The physics of a simulated stand, on a clock that the test turns."""

import unittest

from trackerdcs.sim.world import World, leakage_scale


class FakeTime:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.t = 100.0

    def __call__(self) -> float:
        return self.t


class TestWorld(unittest.TestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.world = World(self.time, seed=3, speed=10.0)
        self.world.sensor("hv1.ch0")
        self.world.load("lv1.ch1")

    def test_leakage_falls_by_59_from_20_to_minus_20_degrees(self) -> None:
        self.assertAlmostEqual(leakage_scale(20.0), 1.0)
        warm = self.world.sensor_current("hv1.ch0", -200.0)
        self.world.set("t_plate", -20.0)
        self.assertAlmostEqual(warm / self.world.sensor_current("hv1.ch0", -200.0), 59.0, delta=0.5)

    def test_leakage_grows_with_the_root_of_the_voltage_and_breaks_down(self) -> None:
        at = lambda v: self.world.sensor_current("hv1.ch0", v)  # noqa: E731
        self.assertAlmostEqual(at(400.0) / at(100.0), 2.0)
        breakdown = self.world.values()["hv1.ch0.v_breakdown"]
        self.assertTrue(580.0 < breakdown < 650.0)
        self.assertGreater(at(breakdown + 40.0) / at(breakdown), 100.0)
        self.world.set("hv1.ch0.v_breakdown", 150.0)
        self.assertGreater(at(200.0), 100 * at(150.0))

    def test_a_current_limit_holds_the_voltage_back(self) -> None:
        v, i, limited = self.world.sensor_point("hv1.ch0", -800.0, 1e-5)
        self.assertTrue(limited)
        self.assertEqual(i, 1e-5)
        self.assertAlmostEqual(self.world.sensor_current("hv1.ch0", v), 1e-5, delta=1e-9)
        self.assertFalse(self.world.sensor_point("hv1.ch0", 100.0, 1e-5)[2])

    def test_a_load_draws_more_when_the_module_is_active_until_the_limit(self) -> None:
        idle = self.world.load_point("lv1.ch1", 10.0, 3.0)
        self.world.set("lv1.ch1.activity", 1.6)
        self.assertAlmostEqual(self.world.load_point("lv1.ch1", 10.0, 3.0)[1], 1.6 * idle[1])
        v, i, limited = self.world.load_point("lv1.ch1", 10.0, 0.1)
        self.assertEqual((i, limited), (0.1, True))
        self.assertLess(v, 10.0)

    def test_the_cold_plate_approaches_its_target_on_the_fast_clock(self) -> None:
        self.world.set("t_plate_target", -20.0)
        self.time.t += 6.0  # 60 s of the world, its time constant
        self.assertAlmostEqual(self.world.t_plate(), -20.0 + 40.0 / 2.718281828, places=5)
        self.world.set("t_plate_target", 20.0)
        self.assertAlmostEqual(self.world.t_plate(), -20.0 + 40.0 / 2.718281828, places=5, msg="no jump")
        self.world.set("t_plate", 5.0)
        self.assertEqual(self.world.t_plate(), 5.0)

    def test_air_follows_what_is_set(self) -> None:
        self.world.set("rh", 80.0)
        self.world.set("t_air", -5.0)
        self.assertAlmostEqual(self.world.rh(), 80.0, delta=1.5)
        self.assertAlmostEqual(self.world.t_air(), -5.0, delta=0.5)
        self.assertEqual(len({self.world.rh() for _ in range(5)}), 5, "a live sensor makes noise")

    def test_the_same_seed_gives_the_same_numbers(self) -> None:
        def story(seed: int) -> list[float]:
            world = World(FakeTime(), seed)
            world.sensor("hv1.ch0")
            return [world.rh(), world.t_air(), world.noise(1.0, 0.1, 0.1), world.sensor_current("hv1.ch0", 100.0)]

        self.assertEqual(story(1), story(1))
        self.assertNotEqual(story(1), story(2))

    def test_names_and_numbers_without_sense_are_refused(self) -> None:
        cases = {"rhh": 1.0, "rh": float("nan"), "t_air": True, "hv1.ch0.i0": -1.0, "lv1.ch1.r": 0.0, "hv9.ch0.i0": 1.0}
        before = self.world.values()
        for name, value in cases.items():
            with self.assertRaisesRegex(ValueError, name):
                self.world.set(name, value)
        with self.assertRaisesRegex(ValueError, "rh"):
            self.world.set("rh", "wet")  # type: ignore[arg-type]
        self.assertEqual(self.world.values(), before)
