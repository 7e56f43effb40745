"""The suite that every power supply's driver passes against its simulator; test_drivers.py makes tests of it."""

import math
from collections.abc import Callable
from typing import Any, cast

from trackerdcs.domain.errors import CommandRefused, Unsupported, VerifyError, WrongDevice
from trackerdcs.domain.instrument import UNITS, Argument
from trackerdcs.drivers.registry import driver_class
from trackerdcs.drivers.scpi import ScpiSupply
from trackerdcs.drivers.table import Param
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.stand import SIMULATORS
from trackerdcs.sim.world import World
from trackerdcs.tests.driver_cases import SupplyCase, link_to, orders
from trackerdcs.tests.sim_stand import running

COMMANDS = {"set_voltage", "set_current_limit", "on", "off", "emergency_off", "clear_trip"}
"""What every channel of a power supply knows; `set_ramp` comes with a ramp in hardware."""


class Stranger(Instrument):
    """An instrument that nobody has a driver for, on the wire of one that somebody has."""

    def __init__(self, like: Instrument) -> None:
        super().__init__(like.world)
        self.write_end, self.echoes_on_serial = like.write_end, like.echoes_on_serial

    def answer(self, line: str) -> str | None:
        return "OTHER,THING 1,12345,1.0" if line.upper().startswith("*IDN?") else "0"


class SupplyOnItsWire(SupplyCase):
    """What any power supply's driver does, where the wire has a say."""

    def test_it_says_who_it_is_and_that_it_is_simulated(self) -> None:
        identity = self.bench().identity
        self.assertTrue(identity.sim)
        self.assertTrue(identity.vendor and identity.model and identity.serial and identity.firmware)

    def test_another_instrument_is_refused_and_told_nothing(self) -> None:
        with running(Stranger(SIMULATORS[self.name](World())), self.kind) as sim:
            link = link_to(self.name, self.kind, sim.resource)
            self.addCleanup(link.drop)
            link.connect()
            with self.assertRaisesRegex(WrongDevice, "expected .*THING 1"):
                driver_class(self.name)(link).identify()
            self.assertEqual([line.upper() for line in sim.transcript], ["*IDN?"])

    def test_looking_never_changes_anything(self) -> None:
        b = self.bench()
        self.prepare(b)
        before = b.sim.truth()
        for _ in range(2):
            self.check(b, b.driver.poll())
            for channel in b.driver.channels():
                b.supply.read(channel)
            b.reconnect()
        b.link.drop()
        after = b.sim.truth()
        for channel, true in before.items():
            for quantity in ("v_set", "i_limit", "on"):
                self.assertEqual(after[channel][quantity], true[quantity])
        self.assertEqual(orders(b.sim.transcript), [])

    def test_a_poll_reads_every_quantity_of_every_channel(self) -> None:
        b = self.bench()
        self.prepare(b)
        snapshot = b.driver.poll()
        self.check(b, snapshot)
        self.assertEqual(snapshot.bad, {})
        first, *others = b.driver.channels()
        self.assertEqual(snapshot.ch[first].keys(), b.driver.channels()[first].quantities.keys())
        self.assertEqual(
            [snapshot.ch[channel]["state"] for channel in (first, *others)], ["on"] + ["off"] * len(others)
        )
        self.assertEqual(b.supply.read(first).keys(), snapshot.ch[first].keys())

    def test_what_is_set_is_read_back_and_true(self) -> None:
        b = self.bench()
        for i, channel in enumerate(b.driver.channels()):
            v, limit = self.voltage(b, channel, 0.2 + i / 50), self.limit(b, i + 5)
            self.assertAlmostEqual(b.supply.set_voltage(channel, v), v, delta=1e-3)
            self.assertAlmostEqual(b.supply.set_current_limit(channel, limit), limit, delta=1e-6)
            true = b.sim.truth()[channel]
            self.assertAlmostEqual(true["v_set"], v, delta=1e-3)
            self.assertAlmostEqual(true["i_limit"], limit, delta=1e-6)
            self.assertFalse(true["on"], "a setpoint switches nothing on")
        self.check(b, b.driver.poll())

    def test_on_off_and_emergency_off_are_true(self) -> None:
        b = self.bench()
        for channel in b.driver.channels():
            for off in (lambda c: b.supply.switch(c, False), b.supply.emergency_off):
                b.supply.set_voltage(channel, self.voltage(b, channel))
                b.supply.switch(channel, True)
                self.assertTrue(b.sim.truth()[channel]["on"])
                self.assertTrue(b.supply.read(channel)["on"])
                off(channel)
                self.assertFalse(b.sim.truth()[channel]["on"])
                self.assertFalse(b.supply.read(channel)["on"])
                b.supply.clear_trip(channel)
                self.settle(b)
                self.assertEqual(b.supply.read(channel)["state"], "off")


class SupplyContract(SupplyCase):
    """What any power supply's driver does besides."""

    def test_its_channels_are_described_in_words_of_the_contract(self) -> None:
        b = self.bench()
        for channel, described in b.driver.channels().items():
            self.assertEqual(
                described.commands.keys(), COMMANDS | ({"set_ramp"} if b.supply.hardware_ramp else set()), channel
            )
            self.assertLessEqual({"v_set", "v_mon", "i_limit", "i_mon", "on", "state"}, described.quantities.keys())
            for quantity, q in described.quantities.items():
                self.assertEqual(q.unit, UNITS[quantity])
            for command in described.commands.values():
                for argument in command.args.values():
                    self.assertLess(argument.low or 0.0, argument.high or 0.0)

    def test_the_smallest_current_limit_is_not_rounded_away(self) -> None:
        b = self.bench()
        channel = next(iter(b.driver.channels()))
        if b.driver.kind == "hv":
            self.assertAlmostEqual(b.supply.set_current_limit(channel, 0.5e-6), 0.5e-6, delta=1e-9)
            self.assertAlmostEqual(b.sim.truth()[channel]["i_limit"], 0.5e-6, delta=1e-9)
        else:
            with self.assertRaises(CommandRefused):
                b.supply.set_current_limit(channel, 0.5e-6)

    def test_steps_of_the_instrument_are_not_rounded_away(self) -> None:
        b = self.bench()
        channel = next(iter(b.driver.channels()))
        v = self.voltage(b, channel) + cast(Param, cast(ScpiSupply, b.driver).rows["v_set"]).resolution
        self.assertAlmostEqual(b.supply.set_voltage(channel, v), v, delta=1e-6)
        self.assertAlmostEqual(b.sim.truth()[channel]["v_set"], v, delta=1e-6)

    def test_a_ramp_is_set_where_the_instrument_has_one(self) -> None:
        b = self.bench()
        for i, channel in enumerate(b.driver.channels()):
            if not b.supply.hardware_ramp:
                with self.assertRaises(Unsupported):
                    b.supply.set_ramp(channel, 10.0, 20.0)
                continue
            up, down = 10.5 + i, 20.25 + i
            self.assertEqual(b.supply.set_ramp(channel, up, down), (up, down))
            read = b.supply.read(channel)
            self.assertEqual((read["ramp_up"], read["ramp_down"]), (up, down))

    def test_looking_at_what_is_off_leaves_it_off_and_shows_no_voltage(self) -> None:
        b = self.bench()
        for _ in range(2):
            snapshot = b.driver.poll()
            self.check(b, snapshot)
            self.assertEqual((snapshot.bad, {c["state"] for c in snapshot.ch.values()}), ({}, {"off"}))
        self.assertEqual({true["on"] for true in b.sim.truth().values()}, {False})

    def test_emergency_off_of_one_channel_leaves_the_others_alone(self) -> None:
        b = self.bench()
        for channel in b.driver.channels():
            b.supply.set_voltage(channel, self.voltage(b, channel))
            b.supply.switch(channel, True)
        first, *others = b.driver.channels()
        b.supply.emergency_off(first)
        self.assertEqual([b.sim.truth()[c]["on"] for c in (first, *others)], [False] + [True] * len(others))

    def test_a_trip_shows_and_is_cleared_by_command_only(self) -> None:
        b = self.bench()
        channel = list(b.driver.channels())[-1]
        if "trip" not in b.driver.channels()[channel].quantities:
            before = b.sim.transcript
            b.supply.clear_trip(channel)
            self.assertEqual(b.sim.transcript, before, "it latches nothing, so it is told nothing")
            return
        b.supply.set_voltage(channel, self.voltage(b, channel))
        b.supply.switch(channel, True)
        b.sim.faults.set("trip", channel=channel)
        for _ in range(2):
            self.assertEqual(b.driver.poll().ch[channel]["state"], "tripped")
            b.reconnect()
        b.supply.clear_trip(channel)
        self.assertEqual(b.supply.read(channel)["state"], "off")
        self.assertFalse(b.sim.truth()[channel]["on"])

    def test_an_instrument_that_does_not_do_it_is_found_out(self) -> None:
        b = self.bench()
        channel = next(iter(b.driver.channels()))
        b.sim.faults.set("ignore_set")
        for order, often in [
            (lambda: b.supply.set_voltage(channel, self.voltage(b, channel)), 2),
            (lambda: b.supply.set_current_limit(channel, self.limit(b, 5)), 2),
            (lambda: b.supply.switch(channel, True), 1),
        ]:
            before = len(orders(b.sim.transcript))
            with self.assertRaises(VerifyError):
                order()
            sent = orders(b.sim.transcript)[before:]
            self.assertEqual(len(sent), often * len(set(sent)), f"sent {often} times: {sent}")

    def test_what_is_not_a_number_in_range_is_refused_before_a_byte_is_sent(self) -> None:
        b = self.bench()
        before = b.sim.transcript
        channel = next(iter(b.driver.channels()))
        ranges = b.driver.channels()[channel].commands
        methods: list[tuple[Callable[[str, Any], float], Argument]] = [
            (b.supply.set_voltage, ranges["set_voltage"].args["v"]),
            (b.supply.set_current_limit, ranges["set_current_limit"].args["i"]),
        ]
        for method, argument in methods:
            low, high = argument.low or 0.0, argument.high or 0.0
            for value in (high * 1.01, low - 0.01 * high, math.nan, math.inf, -math.inf, True, "1", None):
                with self.subTest(f"{method.__name__} {value}"), self.assertRaises(CommandRefused):
                    method(channel, value)
        for call in (b.supply.read, b.supply.emergency_off, b.supply.clear_trip, lambda c: b.supply.switch(c, True)):
            with self.assertRaises(CommandRefused):
                call("ch99")
        self.assertEqual(b.sim.transcript, before)
