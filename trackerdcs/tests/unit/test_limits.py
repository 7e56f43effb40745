"""The stand file narrows what an instrument can do, and never widens it."""

import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec, Quantity
from trackerdcs.domain.limits import excesses, narrow, narrower, unbearable
from trackerdcs.domain.modules import ModuleLimits, Modules, ModuleType
from trackerdcs.domain.stand import ChannelConfig, DeviceConfig, LinkConfig

SUPPLY = Channel(
    {
        "v_set": Quantity("V", -2000.0, 2000.0),
        "v_mon": Quantity("V", -2000.0, 2000.0),
        "i_limit": Quantity("A", 0.0, 4e-3),
    },
    {
        "set_voltage": CommandSpec({"v": Argument("number", "V", -2000.0, 2000.0)}, "shifter"),
        "set_current_limit": CommandSpec({"i": Argument("number", "A", 1e-9, 4e-3)}, "expert"),
        "set_ramp": CommandSpec(
            {"up": Argument("number", "V/s", 0.1, 400.0), "down": Argument("number", "V/s", 0.1, 400.0)}
        ),
        "off": CommandSpec(),
    },
    label="output",
)
BOARD = Channel({"t_air": Quantity("degC", -40.0, 85.0)})
GOOD: dict[str, Any] = {"v_min": -800.0, "v_max": 0.0, "i_limit_max": 2e-5}


def device(**channels: ChannelConfig) -> DeviceConfig:
    return DeviceConfig("some_driver", LinkConfig("GPIB0::1::INSTR"), channels=channels)


class Narrow(unittest.TestCase):
    def test_only_listed_channels_remain(self) -> None:
        channels = narrow({"ch0": SUPPLY, "ch1": SUPPLY}, device(ch1=ChannelConfig(**GOOD)))
        self.assertEqual(list(channels), ["ch1"])

    def test_setpoints_and_arguments_are_narrowed_and_nothing_else(self) -> None:
        channel = narrow({"ch0": SUPPLY}, device(ch0=ChannelConfig(**GOOD)))["ch0"]
        self.assertEqual(
            channel.commands["set_voltage"], CommandSpec({"v": Argument("number", "V", -800.0, 0.0)}, "shifter")
        )
        current = CommandSpec({"i": Argument("number", "A", 1e-9, 2e-5)}, "expert")
        self.assertEqual(channel.commands["set_current_limit"], current)
        self.assertEqual(channel.quantities["v_set"], Quantity("V", -800.0, 0.0))
        self.assertEqual(channel.quantities["i_limit"], Quantity("A", 1e-9, 2e-5))
        self.assertEqual(channel.quantities["v_mon"], SUPPLY.quantities["v_mon"])
        self.assertEqual(channel.commands["off"], SUPPLY.commands["off"])
        self.assertEqual(SUPPLY.commands["set_voltage"].args["v"].low, -2000.0, "the driver's table is untouched")

    def test_label_and_module_are_filled_in(self) -> None:
        channels = narrow(
            {"ch0": SUPPLY, "ch1": SUPPLY},
            device(ch0=ChannelConfig(**GOOD, label="bias", module="M-1"), ch1=ChannelConfig(**GOOD)),
        )
        self.assertEqual((channels["ch0"].label, channels["ch0"].module), ("bias", "M-1"))
        self.assertEqual((channels["ch1"].label, channels["ch1"].module), ("output", None))

    def test_a_device_without_channels_needs_no_list(self) -> None:
        self.assertEqual(narrow({"-": BOARD}, device()), {"-": BOARD})
        listed = narrow({"-": BOARD}, device(**{"-": ChannelConfig(module="M-1")}))
        self.assertEqual(listed["-"].module, "M-1")

    def test_the_limits_of_the_instrument_themselves_are_allowed(self) -> None:
        whole = ChannelConfig(v_min=-2000.0, v_max=2000.0, i_limit_max=4e-3, ramp_up=400.0, ramp_down=0.1)
        self.assertEqual(excesses({"ch0": SUPPLY}, device(ch0=whole)), [])


class WithModule(unittest.TestCase):
    def test_rule_01_the_narrower_limit_counts_whoever_brings_it(self) -> None:
        own = ChannelConfig(**GOOD, ramp_up=10.0, ramp_down=20.0, i_soft=None, step_max=5.0)
        brought = ModuleLimits(v_min=-500.0, v_max=10.0, i_limit_max=1e-3, i_soft=1e-6, ramp_up=2.0, step_max=50.0)
        expected = replace(own, v_min=-500.0, i_soft=1e-6, ramp_up=2.0)
        self.assertEqual(narrower(own, brought), expected)
        self.assertEqual(narrower(own, ModuleLimits()), own)
        positive = replace(own, v_min=0.0, v_max=800.0)
        self.assertEqual(narrower(positive, ModuleLimits(v_min=-10.0, v_max=300.0)).v_max, 300.0)

    def test_rule_17_a_module_that_leaves_its_channel_no_range_is_named(self) -> None:
        modules = Modules({"2S": ModuleType(hv=ModuleLimits(v_min=0.0, v_max=400.0))}, {"M-1": "2S"})
        config = device(ch0=ChannelConfig(**GOOD, module="M-1"), ch1=ChannelConfig(**GOOD, module="M-2"))
        (fault,) = unbearable("hv", config, modules)
        self.assertEqual(fault[0], "channels.ch0.module")
        self.assertIn("0 V to v_max 0 V is no range", fault[1])
        self.assertEqual(unbearable("lv", config, modules), [], "its limits are on high voltage")


class Refused(unittest.TestCase):
    def refused(self, field: str, why: str, channels: dict[str, Channel], config: DeviceConfig) -> None:
        faults = excesses(channels, config)
        self.assertEqual([f for f, _ in faults], [field])
        self.assertRegex(faults[0][1], why)
        with self.assertRaisesRegex(ConfigError, why):
            narrow(channels, config)

    def test_a_channel_that_the_instrument_has_not(self) -> None:
        config = device(ch0=ChannelConfig(**GOOD), ch4=ChannelConfig(**GOOD))
        self.refused("channels.ch4", "expected one of ch0, ch1", {"ch0": SUPPLY, "ch1": SUPPLY}, config)

    def test_limits_wider_than_the_instrument(self) -> None:
        for field, value, why in (
            ("v_min", -2000.1, "-2000.1 V is below the -2000 V"),
            ("v_max", 2001.0, "2001 V is above the 2000 V"),
            ("i_limit_max", 5e-3, "0.005 A is above the 0.004 A"),
            ("i_limit_max", 1e-10, "1e-10 A is below the 1e-09 A"),
            ("ramp_up", 500.0, "500 V/s is above the 400 V/s"),
            ("ramp_down", 0.01, "0.01 V/s is below the 0.1 V/s"),
        ):
            with self.subTest(field=field, value=value):
                config = device(ch0=ChannelConfig(**(GOOD | {field: value})))
                self.refused(f"channels.ch0.{field}", why, {"ch0": SUPPLY}, config)

    def test_a_limit_left_open(self) -> None:
        for field in GOOD:
            with self.subTest(field):
                config = device(ch0=ChannelConfig(**(GOOD | {field: None})))
                self.refused(f"channels.ch0.{field}", "missing", {"ch0": SUPPLY}, config)

    def test_an_only_channel_that_can_be_set_still_needs_its_limits(self) -> None:
        faults = excesses({"-": SUPPLY}, device())
        self.assertEqual([f for f, _ in faults], ["channels.-.v_min", "channels.-.v_max", "channels.-.i_limit_max"])

    def test_a_limit_on_what_cannot_be_set(self) -> None:
        self.refused("channels.-.v_max", "cannot be set", {"-": BOARD}, device(**{"-": ChannelConfig(v_max=1.0)}))

    def test_a_list_of_nothing(self) -> None:
        self.refused("channels", "ch0, ch1", {"ch0": SUPPLY, "ch1": SUPPLY}, device())
        self.refused("channels", "-, ch0", {"-": BOARD, "ch0": SUPPLY}, device())
