"""The control socket of a simulated stand over real TCP, and the stand as its file describes it."""

import asyncio
import json
import socket
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from typing import Any

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import DeviceConfig, LinkConfig, SimConfig, Stand
from trackerdcs.sim.control import ask
from trackerdcs.sim.faults import FAULTS
from trackerdcs.sim.stand import SimStand
from trackerdcs.tests.servers import free_port


def device(driver: str, resource: str, sim: bool = True) -> DeviceConfig:
    return DeviceConfig(driver, LinkConfig(resource), sim=sim)


class StandCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.tty = Path(folder, "ports", "env1")
        self.ports = [free_port() for _ in range(4)]
        self.stand = Stand(
            "demo",
            {
                "hv1": device("iseg_shr", f"TCPIP::127.0.0.1::{self.ports[0]}::SOCKET"),
                "lv1": device("hmp4040", f"TCPIP::127.0.0.1::{self.ports[1]}::SOCKET"),
                "hv2": device("keithley2410", f"TCPIP::127.0.0.1::{self.ports[2]}::SOCKET"),
                "env1": device("env_board", f"ASRL{self.tty}::INSTR"),
                "real": device("other", "TCPIP::192.0.2.1::5025::SOCKET", sim=False),
            },
            sim=SimConfig(control=self.ports[3], speed=100.0),
        )

    async def ask(self, request: Any) -> dict[str, Any]:
        return await asyncio.to_thread(ask, "127.0.0.1", self.ports[3], request)


class TestControl(StandCase):
    async def asyncSetUp(self) -> None:
        await self.enterAsyncContext(SimStand(self.stand))

    async def test_every_device_is_at_its_own_address(self) -> None:
        for port, name in zip(self.ports, ("SHR4260", "HMP4040", "MODEL 2410"), strict=False):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"*IDN?\r\n")
            self.assertIn(name, (await reader.readline()).decode())
            writer.close()
        self.assertTrue(self.tty.is_char_device())

    async def test_faults_are_listed_caused_seen_and_cleared(self) -> None:
        known = await self.ask({"op": "faults"})
        self.assertEqual(known["faults"].keys(), FAULTS.keys())
        self.assertEqual(known["faults"]["late"]["args"], {"delay": 0.5})
        fault = {"op": "fault", "device": "hv2", "fault": "front_panel", "args": {"v_set": -30, "on": True}}
        self.assertEqual(await self.ask(fault), {"ok": True})
        self.assertEqual(await self.ask({"op": "fault", "device": "hv1", "fault": "drop", "times": 3}), {"ok": True})
        self.assertEqual(await self.ask({"op": "fault", "device": "hv1", "fault": "late", "times": None}), {"ok": True})
        state = await self.ask({"op": "state"})
        self.assertEqual(state["devices"].keys(), {"hv1", "lv1", "hv2", "env1"})
        self.assertEqual(state["devices"]["hv2"]["channels"]["ch0"]["v"], -30.0)
        late, drop = {"args": {"delay": 0.5}, "left": None}, {"args": {}, "left": 3}
        self.assertEqual(state["devices"]["hv1"]["faults"], {"late": late, "drop": drop})
        self.assertEqual(await self.ask({"op": "clear", "device": "hv1", "fault": "drop"}), {"ok": True})
        self.assertEqual((await self.ask({"op": "state"}))["devices"]["hv1"]["faults"], {"late": late})
        self.assertEqual(await self.ask({"op": "clear"}), {"ok": True})
        self.assertEqual((await self.ask({"op": "state"}))["devices"]["hv1"]["faults"], {})

    async def test_a_port_that_was_taken_meanwhile_can_be_asked_for_again(self) -> None:
        await self.ask({"op": "fault", "device": "hv1", "fault": "refuse"})
        with socket.create_server(("127.0.0.1", self.ports[0])):
            self.assertIn("in use", (await self.ask({"op": "clear"}))["error"])
        self.assertEqual(await self.ask({"op": "clear"}), {"ok": True})
        _, writer = await asyncio.open_connection("127.0.0.1", self.ports[0])
        writer.close()

    async def test_the_world_is_set_whole_or_not_at_all(self) -> None:
        world = (await self.ask({"op": "world", "set": {"rh": 80, "hv1.ch0.v_breakdown": 150}}))["world"]
        self.assertEqual((world["rh"], world["hv1.ch0.v_breakdown"]), (80.0, 150.0))
        refused = await self.ask({"op": "world", "set": {"t_air": 3.0, "nonsense": 1}})
        self.assertIn("nonsense", refused["error"])
        self.assertEqual((await self.ask({"op": "world"}))["world"]["t_air"], 21.0)

    async def test_what_is_wrong_is_said(self) -> None:
        for request, words in (
            ([], "JSON object"),
            ({}, "no op None"),
            ({"op": "explode"}, "faults, fault, clear, world, state"),
            ({"op": "fault", "device": "hv9", "fault": "late"}, "hv1, lv1, hv2, env1"),
            ({"op": "fault", "device": ["hv1"], "fault": "late"}, "device: expected a text"),
            ({"op": "fault", "device": "hv1"}, "fault: expected a text"),
            ({"op": "fault", "device": "hv1", "fault": "lat"}, "known are late"),
            ({"op": "fault", "device": "hv1", "fault": "late", "args": 3}, "args: expected a JSON object"),
            ({"op": "fault", "device": "hv1", "fault": "late", "times": "x"}, "times"),
            ({"op": "fault", "device": "lv1", "fault": "interlock"}, "no interlock"),
            ({"op": "world", "set": {"rh": "wet"}}, "finite number"),
        ):
            answer = await self.ask(request)
            self.assertIs(answer["ok"], False, request)
            self.assertIn(words, answer["error"], request)

    async def test_several_requests_on_one_connection_and_no_json(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[3])
        writer.write(b'what?\n{"op":"world"}\n')
        self.assertEqual([json.loads(await reader.readline())["ok"] for _ in range(2)], [False, True])
        writer.close()


class TestAddresses(StandCase):
    async def test_a_port_in_use_names_port_and_device_and_leaves_nothing_open(self) -> None:
        why = rf"devices\.hv2\.link\.resource.*{self.ports[2]}"
        with socket.create_server(("127.0.0.1", self.ports[2])), self.assertRaisesRegex(ConfigError, why):
            await self.enterAsyncContext(SimStand(self.stand))
        async with SimStand(self.stand):
            pass
        self.assertFalse(self.tty.is_symlink())

    async def test_a_control_port_in_use_is_named(self) -> None:
        why = rf"sim\.control.*{self.ports[3]}"
        with socket.create_server(("127.0.0.1", self.ports[3])), self.assertRaisesRegex(ConfigError, why):
            await self.enterAsyncContext(SimStand(self.stand))

    async def test_a_file_in_the_place_of_a_port_stays(self) -> None:
        self.tty.parent.mkdir()
        self.tty.write_text("mine")
        with self.assertRaisesRegex(ConfigError, r"devices\.env1"):
            await self.enterAsyncContext(SimStand(self.stand))
        self.assertEqual(self.tty.read_text(), "mine")

    async def test_a_link_is_replaced_only_if_it_is_what_is_left_of_a_pty(self) -> None:
        self.tty.parent.mkdir()
        self.tty.symlink_to("/dev/null")
        with self.assertRaisesRegex(ConfigError, r"devices\.env1.*/dev/null"):
            await self.enterAsyncContext(SimStand(self.stand))
        self.tty.unlink()
        self.tty.symlink_to("/dev/pts/99999")
        async with SimStand(self.stand):
            self.assertTrue(self.tty.is_char_device())

    def test_only_addresses_of_this_host_and_known_drivers(self) -> None:
        for driver, resource, words in (
            ("iseg_shr", "TCPIP::192.0.2.1::10001::SOCKET", "127.0.0.1"),
            ("iseg_shr", "TCPIP::0.0.0.0::10001::SOCKET", "127.0.0.1"),
            ("iseg_shr", "TCPIP::localhost::10001::SOCKET", "127.0.0.1"),
            ("iseg_shr", "ASRL1::INSTR", "outside /dev"),
            ("iseg_shr", "GPIB0::24::INSTR", "127.0.0.1"),
            ("nonsense", "TCPIP::127.0.0.1::10001::SOCKET", "iseg_shr, keithley2410, hmp4040, env_board, env_dht"),
        ):
            stand = replace(self.stand, devices={"hv1": device(driver, resource)})
            with self.assertRaisesRegex(ConfigError, rf"devices\.hv1.*{words}", msg=resource):
                SimStand(stand)
