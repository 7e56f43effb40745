"""Instruments behind a pty: clients that come and go, and an adapter that is unplugged."""

import os
import select
import time
import unittest

import serial

from trackerdcs.sim.env_board import EnvBoard
from trackerdcs.sim.hmp4040 import Hmp4040
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.keithley2410 import Keithley2410
from trackerdcs.sim.world import World
from trackerdcs.tests.sim_stand import RunningSim, running, until
from trackerdcs.tests.unit.test_sim_serve import IDN, PATIENCE, SILENCE


class TestPty(unittest.TestCase):
    def port(self, sim: RunningSim) -> serial.Serial:
        path = sim.resource.removeprefix("ASRL").removesuffix("::INSTR")
        port = serial.Serial(path, timeout=PATIENCE, exclusive=True)
        self.addCleanup(port.close)
        return port

    def serve(self, instrument: Instrument) -> RunningSim:
        return self.enterContext(running(instrument, "pty"))

    def test_iseg_echoes_each_character_and_outlives_its_clients(self) -> None:
        sim = self.serve(IsegShr(World(), "hv1"))
        for v in (-50, -60):
            port = self.port(sim)
            order = f":VOLT {v},(@0);*OPC?\r\n".encode()
            port.write(order)
            self.assertEqual(port.read(len(order) + 3), order + b"1\r\n")
            port.write(b":VOLT 7,(@0)\r\n")
            self.assertEqual(port.read(14), b":VOLT 7,(@0)\r\n")
            port.close()
            self.assertEqual(sim.truth()["ch0"]["v_set"], v)

    def bare(self, sim: RunningSim) -> int:
        """Open the port as it is: no mode set, nothing flushed, as pyserial would."""
        fd = os.open(sim.resource.removeprefix("ASRL").removesuffix("::INSTR"), os.O_RDWR | os.O_NOCTTY)
        os.set_blocking(fd, False)
        return fd

    def test_what_a_client_did_not_read_is_not_for_the_next_one(self) -> None:
        sim = self.serve(Keithley2410(World(), "hv2"))
        fd = self.bare(sim)
        os.write(fd, b"*IDN?\n")
        self.assertTrue(until(lambda: select.select([fd], [], [], 0)[0]))
        os.close(fd)
        time.sleep(SILENCE)
        fd = self.bare(sim)
        self.addCleanup(os.close, fd)
        self.assertFalse(select.select([fd], [], [], 0)[0])

    def test_a_line_is_raw(self) -> None:
        sim = self.serve(Hmp4040(World(), "lv1"))
        fd = self.bare(sim)
        self.addCleanup(os.close, fd)
        for _ in range(2):
            os.write(fd, b"INST:NSEL?\n")
            self.assertTrue(until(lambda: select.select([fd], [], [], 0)[0]))
            self.assertEqual(os.read(fd, 100), b"1\n")
        self.assertEqual(sim.transcript, ["INST:NSEL?"] * 2, "nothing came back to the instrument")

    def test_unplugged_and_plugged_in_again(self) -> None:
        sim = self.serve(Keithley2410(World(), "hv2"))
        port = self.port(sim)
        sim.faults.set("close")
        port.write(b"*IDN?\n")
        with self.assertRaises(serial.SerialException):
            port.read(1)
        port = self.port(sim)
        port.write(b"*IDN?\n")
        self.assertEqual(port.read(len(IDN)), IDN)
        sim.faults.set("refuse")
        with self.assertRaises(serial.SerialException):
            self.port(sim)
        sim.faults.clear()
        port = self.port(sim)
        port.write(b"*IDN?\n")
        self.assertEqual(port.read(len(IDN)), IDN)

    def test_opening_starts_a_board_anew(self) -> None:
        sim = self.serve(EnvBoard(World(speed=50)))
        for _ in range(2):
            port = self.port(sim)
            self.assertIn(b'"seq":0,', port.read_until(b"\n"))
            self.assertIn(b'"seq":1,', port.read_until(b"\n"))
            port.close()
            time.sleep(SILENCE)
