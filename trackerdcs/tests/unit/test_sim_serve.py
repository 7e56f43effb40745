"""Each fault over a real socket."""

import socket
import time
import unittest

from trackerdcs.sim.env_board import DhtBoard, EnvBoard
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.keithley2410 import Keithley2410
from trackerdcs.sim.world import World
from trackerdcs.tests.sim_stand import RunningSim, running, until

PATIENCE = 5.0  # s, for what must come
SILENCE = 0.08  # s, for what must not
IDN = b"KEITHLEY INSTRUMENTS INC.,MODEL 2410,SIM-1234567,C34 Sep 21 2016 15:30:00/A02 /J/H\n"


class Client:
    """A bare TCP client that reads exactly what comes."""

    def __init__(self, sim: RunningSim) -> None:
        _, _, host, _, port, _, _ = sim.resource.split(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)

    def send(self, line: str) -> None:
        self.socket.sendall(line.encode() + b"\r\n")

    def read(self, number: int) -> bytes:
        data = b""
        while len(data) < number and (more := self.socket.recv(number - len(data))):
            data += more
        return data

    def silent(self) -> bool:
        self.socket.settimeout(SILENCE)
        try:
            return self.socket.recv(1) is None
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


class TestReplies(unittest.TestCase):
    def setUp(self) -> None:
        instrument = Keithley2410(World(), "hv2")
        self.sim = self.enterContext(running(instrument))
        self.client = self.connect()

    def connect(self) -> Client:
        client = Client(self.sim)
        self.addCleanup(client.socket.close)
        return client

    def ask(self, number: int = len(IDN)) -> bytes:
        self.client.send("*IDN?")
        return self.client.read(number)

    def test_late(self) -> None:
        self.sim.faults.set("late", delay=0.1)
        start = time.monotonic()
        self.assertEqual(self.ask(), IDN)
        self.assertGreaterEqual(time.monotonic() - start, 0.1)
        self.assertEqual(self.ask(), IDN)

    def test_drop_so_many_times(self) -> None:
        self.sim.faults.set("drop", times=2)
        for _ in range(2):
            self.client.send("*IDN?")
            self.assertTrue(self.client.silent())
        self.assertEqual(self.ask(), IDN)
        self.assertEqual(self.sim.transcript, ["*IDN?"] * 3)

    def test_until_cleared(self) -> None:
        self.sim.faults.set("drop", times=None)
        for _ in range(3):
            self.client.send("*IDN?")
        self.assertTrue(self.client.silent())
        self.sim.faults.clear("drop")
        self.assertEqual(self.ask(), IDN)

    def test_partial(self) -> None:
        self.sim.faults.set("partial", keep=5)
        self.assertEqual(self.ask(5), IDN[:5])
        self.assertTrue(self.client.silent())
        self.assertEqual(self.ask(), IDN)

    def test_late_tail(self) -> None:
        self.sim.faults.set("late_tail", keep=5, delay=2 * SILENCE)
        self.assertEqual(self.ask(5), IDN[:5])
        self.assertTrue(self.client.silent())
        self.assertEqual(self.client.read(len(IDN) - 5), IDN[5:])

    def test_garbage(self) -> None:
        self.sim.faults.set("garbage")
        with self.assertRaises(UnicodeDecodeError):
            self.ask(7).decode()
        self.assertEqual(self.ask(), IDN)

    def test_double(self) -> None:
        self.sim.faults.set("double")
        self.assertEqual(self.ask(2 * len(IDN)), 2 * IDN)

    def test_close_is_an_end_and_reset_is_an_error(self) -> None:
        self.sim.faults.set("close")
        self.assertEqual(self.ask(), b"")
        self.client.socket.close()
        self.client = self.connect()
        self.sim.faults.set("reset")
        with self.assertRaises(ConnectionResetError):
            self.ask()

    def test_a_hanging_instrument_executes_at_the_end_what_it_got_though_the_client_has_gone(self) -> None:
        self.sim.faults.set("hang")
        self.client.send(":OUTP ON")
        self.assertTrue(self.client.silent())
        self.client.socket.close()
        self.assertFalse(self.sim.truth()["ch0"]["on"])
        self.sim.faults.clear()
        self.assertTrue(until(lambda: self.sim.truth()["ch0"]["on"]))

    def test_refused_connections_and_back_on_the_same_port(self) -> None:
        self.sim.faults.set("refuse")
        with self.assertRaises(ConnectionResetError):
            self.ask()
        with self.assertRaises(ConnectionRefusedError):
            Client(self.sim)
        self.sim.faults.clear()
        self.client = self.connect()
        self.assertEqual(self.ask(), IDN)

    def test_brown_out_cuts_and_switches_off(self) -> None:
        self.sim.faults.set("front_panel", v_set=-20.0, on=True)
        self.assertEqual(self.sim.truth()["ch0"]["v"], -20.0)
        self.sim.faults.set("brown_out")
        self.assertFalse(self.sim.truth()["ch0"]["on"])
        with self.assertRaises(ConnectionResetError):
            self.ask()

    def test_trip_interlock_stuck_and_ignored_orders(self) -> None:
        self.sim.faults.set("front_panel", v_set=-20.0, on=True)
        self.sim.faults.set("trip")
        self.assertFalse(self.sim.truth()["ch0"]["on"])
        self.sim.faults.set("interlock")
        self.client.send(":OUTP:ENAB:TRIP?")
        self.assertEqual(self.client.read(2), b"1\n")
        self.sim.faults.clear("interlock")
        self.client.send(":OUTP ON;:FORM:ELEM VOLT;:READ?")
        first = self.client.read(14)
        self.sim.faults.set("stuck")
        self.client.send(":SOUR:VOLT -50;:READ?")
        self.assertEqual(self.client.read(14), first)
        self.sim.faults.set("ignore_set")
        self.client.send(":OUTP OFF;*OPC?")
        self.assertEqual(self.client.read(2), b"1\n")
        self.assertTrue(self.sim.truth()["ch0"]["on"])
        self.sim.faults.clear()
        self.client.send(":OUTP OFF;:OUTP?")
        self.assertEqual(self.client.read(2), b"0\n")

    def test_its_serial_box_takes_one_client_at_a_time(self) -> None:
        self.assertEqual(self.ask(), IDN)
        second = self.connect()
        self.assertEqual(second.read(1), b"")
        self.assertEqual(self.ask(), IDN)
        self.client.socket.close()
        self.client = self.connect()
        self.assertEqual(self.ask(), IDN)

    def test_faults_that_make_no_sense_are_refused(self) -> None:
        for name, times, args in (
            ("lat", 1, {}),
            ("late", 0, {}),
            ("late", True, {}),
            ("late", 1, {"dealy": 0.1}),
            ("late", 1, {"delay": "long"}),
            ("late", 1, {"delay": -1}),
            ("trip", 1, {"channel": "ch7"}),
            ("trip", 1, {"channel": 0}),
            ("front_panel", 1, {"v_set": "x"}),
            ("sensor", 1, {}),
        ):
            with self.assertRaises(ValueError, msg=f"{name} {times} {args}"):
                self.sim.faults.set(name, times, **args)
        with self.assertRaises(ValueError):
            self.sim.faults.clear("lat")
        self.assertEqual(self.ask(), IDN)


class TestLines(unittest.TestCase):
    def test_iseg_on_tcp_says_an_empty_line_after_an_order_and_takes_several_clients(self) -> None:
        with running(IsegShr(World(), "hv1")) as sim:
            for client in (Client(sim), Client(sim)):
                client.send(":VOLT -50,(@0)")
                self.assertEqual(client.read(2), b"\r\n")
                client.send(":VOLT -51,(@0);*OPC?")
                self.assertEqual(client.read(5), b"\r\n1\r\n")
                client.send(":VOLT 52,(@0);*OPC?")
                self.assertTrue(client.silent())
                client.socket.close()
            self.assertEqual(sim.truth()["ch0"]["v_set"], -51.0)

    def test_talking_boards_begin_anew_at_each_opening(self) -> None:
        for board, first in ((EnvBoard(World(speed=50)), b'{"id":"trac'), (DhtBoard(World(speed=50)), b"DHT22 SIM-0")):
            with self.subTest(board=type(board).__name__), running(board) as sim:
                for _ in range(2):
                    client = Client(sim)
                    self.assertEqual(client.read(11), first)
                    client.read(100)
                    client.socket.close()
