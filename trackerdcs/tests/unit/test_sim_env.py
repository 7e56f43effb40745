"""What the simulated sensor boards say."""

import json
import unittest

from trackerdcs.domain.crc import without_crc
from trackerdcs.sim.env_board import DhtBoard, EnvBoard
from trackerdcs.sim.world import World
from trackerdcs.tests.unit.test_sim_world import FakeTime


class TestEnvBoard(unittest.TestCase):
    def setUp(self) -> None:
        self.world = World(FakeTime())

    def test_a_json_line_with_sequence_and_checksum(self) -> None:
        board = EnvBoard(self.world)
        lines = [board.start(), board.talk(), board.talk()]
        for seq, line in enumerate(lines):
            self.assertTrue(line.endswith("}\n"))
            self.assertIsNotNone(without_crc(line), line)
            says = json.loads(line)
            self.assertEqual(list(says), ["id", "sn", "fw", "seq", "t_air", "rh", "crc"])
            self.assertEqual((says["id"], says["sn"], says["seq"]), ("trackerdcs-env", "SIM-0001", seq))
            self.assertAlmostEqual(says["rh"], 40.0, delta=1.5)
        self.assertEqual(json.loads(board.start())["seq"], 0, "a start begins anew")
        self.assertEqual(board.truth(), {"-": {"t_air": 21.0, "rh": 40.0}})
        self.assertIsNone(board.handle("*IDN?"), "it only talks")

    def test_a_failed_sensor_and_a_stuck_one(self) -> None:
        board = EnvBoard(self.world)
        board.fail_sensor(True)
        self.assertEqual(list(json.loads(board.talk())), ["id", "sn", "fw", "seq", "crc"])
        board.fail_sensor(False)
        board.stuck = True
        first, second = (json.loads(board.talk()) for _ in range(2))
        self.assertEqual((first["rh"], first["t_air"]), (second["rh"], second["t_air"]))
        self.assertLess(first["seq"], second["seq"])

    def test_a_sensor_that_is_wrong_by_so_much(self) -> None:
        board = EnvBoard(self.world)
        with self.assertRaisesRegex(ValueError, "env1 has not measured -.rh"):
            board.offset("-", "rh", 30.0)
        board.talk()
        board.offset("-", "rh", 30.0)
        self.assertAlmostEqual(json.loads(board.talk())["rh"], 70.0, delta=1.5)
        self.assertEqual(board.truth()["-"]["rh"], 40.0)

    def test_the_lines_of_an_arduino_run_together(self) -> None:
        self.world.set("t_air", -12.0)
        board = DhtBoard(self.world)
        text = board.start() + board.talk() + board.talk()
        self.assertRegex(text, r"^DHT22 SIM-0002\r\n(Temperature: -1\d\.\d\d\r\nHumidity: \d\d\.\d\d){2}$")
        board.fail_sensor(True)
        self.assertEqual(board.talk(), "Temperature: nan\r\nHumidity: nan")

    def test_the_other_sketch_has_both_in_a_line(self) -> None:
        board = DhtBoard(self.world, style="pairs")
        self.assertRegex(board.talk(), r"^Humidity: \d\d\.\d\d \| Temperature: 2\d\.\d\d\r\n$")
        board.fail_sensor(True)
        self.assertTrue(board.talk().startswith("Failed to read"))
