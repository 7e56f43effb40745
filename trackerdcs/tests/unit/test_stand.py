"""Every contradiction of a stand is found, and named by its field."""

import math
import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.domain.modules import ModuleLimits, ModuleType
from trackerdcs.domain.stand import (
    BusConfig,
    ChannelConfig,
    DeviceConfig,
    LinkConfig,
    SimConfig,
    Stand,
    StoreConfig,
    contradictions,
)

HV = DeviceConfig(
    "iseg_shr", LinkConfig("TCPIP::127.0.0.1::15001::SOCKET"), sim=True, channels={"ch0": ChannelConfig()}
)
LV = DeviceConfig("hmp4040", LinkConfig("TCPIP::192.0.2.7::5025::SOCKET"))
GOOD = Stand("demo", {"hv1": HV, "lv1": LV}, users={"cli": "expert"})


class Contradictions(unittest.TestCase):
    def found(self, stand: Stand, field: str, why: str) -> None:
        faults = contradictions(stand)
        self.assertEqual([f for f, _ in faults], [field], faults)
        self.assertRegex(faults[0][1], why)

    def with_device(self, name: str = "hv1", **changes: Any) -> Stand:
        return replace(GOOD, devices={name: replace(HV, **changes)})

    def with_link(self, **changes: Any) -> Stand:
        return self.with_device(link=replace(HV.link, **changes))

    def test_a_good_stand_has_none(self) -> None:
        self.assertEqual(contradictions(GOOD), [])

    def test_names(self) -> None:
        for name in ("Demo", "", "site", "a b", "a" * 33):
            with self.subTest(stand=name):
                self.found(replace(GOOD, stand=name), "stand", "expected a small letter|reserved")
        for name in ("HV1", "kill", "stored", "guard", "loader", "sim", "a.b"):
            with self.subTest(device=name):
                self.found(self.with_device(name), f"devices.{name}", "expected a small letter|reserved")
        for name in ("Web", "ack", "cmd"):
            with self.subTest(user=name):
                self.found(replace(GOOD, users={name: "expert"}), f"users.{name}", "expected a small letter|reserved")
        self.found(
            self.with_device(channels={"CH 0": ChannelConfig()}), "devices.hv1.channels.CH 0", "expected a small letter"
        )
        self.assertEqual(contradictions(self.with_device(channels={"-": ChannelConfig()})), [])

    def test_rule_17_module_types_and_modules(self) -> None:
        types = {"2S": ModuleType(hv=ModuleLimits(v_min=-600.0, v_max=0.0))}
        self.assertEqual(contradictions(replace(GOOD, module_types=types, modules={"M-1": "2S"})), [])
        self.found(replace(GOOD, module_types=types, modules={"M-1": "PS"}), "modules.M-1", "no module type 'PS'.*2S")
        for kind in ("hv", "lv"):
            for field, limits in (
                ("v_min", ModuleLimits(v_min=0.0, v_max=-1.0)),
                ("ramp_up", ModuleLimits(ramp_up=0.0)),
                ("i_soft", ModuleLimits(i_soft=-1e-6)),
            ):
                stand = replace(GOOD, module_types={"2S": ModuleType(**{kind: limits})})
                self.found(stand, f"module_types.2S.{kind}.{field}", "not below|above 0")

    def test_fuse_ids(self) -> None:
        self.assertEqual(contradictions(replace(GOOD, fuse_ids={"M-1": "ec2acd51", "M-2": "0xEC2ACD52"})), [])
        self.found(replace(GOOD, fuse_ids={"M-1": "gluon"}), "fuse_ids.M-1", "hexadecimal.*gluon")
        self.found(replace(GOOD, fuse_ids={"M-1": "ec2acd51", "M-2": "0xEC2ACD51"}), "fuse_ids.M-2", "of M-1")

    def test_another_schema(self) -> None:
        self.found(replace(GOOD, schema=2), "schema", "expected 1, got 2")

    def test_no_device(self) -> None:
        self.found(replace(GOOD, devices={}), "devices", "at least one")

    def test_times(self) -> None:
        for value in (0.0, -1.0, math.nan, math.inf):
            with self.subTest(value):
                self.found(self.with_device(period=value), "devices.hv1.period", "above 0")
                self.found(self.with_link(timeout=value), "devices.hv1.link.timeout", "above 0")
                self.found(replace(GOOD, sim=SimConfig(speed=value)), "sim.speed", "above 0")
        self.found(self.with_link(min_interval=-0.1), "devices.hv1.link.min_interval", "at least 0")
        self.found(self.with_link(baud=0), "devices.hv1.link.baud", "above 0")
        self.assertEqual(contradictions(self.with_link(min_interval=0.0)), [])

    def test_line_ends(self) -> None:
        for field in ("write_end", "read_end"):
            self.found(self.with_link(**{field: ""}), f"devices.hv1.link.{field}", "needs an end")

    def test_resources(self) -> None:
        self.found(self.with_link(resource="127.0.0.1:1"), "devices.hv1.link.resource", "VISA resource string")
        self.found(self.with_link(resource="TCPIP::192.0.2.1::1::SOCKET"), "devices.hv1.link.resource", "simulated")
        self.found(self.with_link(resource="GPIB0::1::INSTR", backend="native"), "devices.hv1.link.backend", "VISA")

    def test_one_owner_per_instrument_however_it_is_spelt(self) -> None:
        other = replace(LV, link=LinkConfig("tcpip0::127.0.0.1::15001::socket"))
        self.found(replace(GOOD, devices={"hv1": HV, "lv1": other}), "devices.lv1.link.resource", "belongs to hv1")

    def test_ports_of_our_own_services_are_no_instruments(self) -> None:
        resource = "TCPIP::127.0.0.1::{}::SOCKET"
        self.found(self.with_link(resource=resource.format(1883)), "devices.hv1.link.resource", "belongs to the broker")
        self.found(self.with_link(resource=resource.format(15000)), "devices.hv1.link.resource", "control socket")

    def test_ports(self) -> None:
        for port in (0, -1, 65536):
            with self.subTest(port):
                self.found(replace(GOOD, bus=BusConfig(port=port)), "bus.port", "1 to 65535")
                self.found(replace(GOOD, sim=SimConfig(control=port)), "sim.control", "1 to 65535")

    def test_limits_of_a_channel(self) -> None:
        cases: list[tuple[dict[str, Any], str, str]] = [
            ({"v_min": 0.0, "v_max": -1.0}, "v_min", "not below v_max"),
            ({"v_min": 1.0, "v_max": 1.0}, "v_min", "not below v_max"),
            ({"v_min": math.nan}, "v_min", "finite"),
            ({"v_max": math.inf}, "v_max", "finite"),
            ({"ramp_up": 0.0}, "ramp_up", "above 0"),
            ({"ramp_down": -1.0}, "ramp_down", "above 0"),
            ({"v_safe_off": math.nan}, "v_safe_off", "above 0"),
            ({"v_safe_off": 900.0}, "v_safe_off", "at most 60 V"),
            ({"step_max": 0.0}, "step_max", "above 0"),
            ({"step_max": -5.0}, "step_max", "above 0"),
            ({"i_soft": -1e-6}, "i_soft", "above 0"),
            ({"i_soft": 1e-3, "i_limit_max": 1e-6}, "i_soft", "never trip"),
            ({"i_limit_max": 0.0}, "i_limit_max", "above 0"),
            ({"module": ""}, "module", "name of a module"),
            ({"module": "m\n1"}, "module", "printable"),
        ]
        for limits, field, why in cases:
            with self.subTest(limits):
                channels = {"ch0": ChannelConfig(**limits)}
                self.found(self.with_device(channels=channels), f"devices.hv1.channels.ch0.{field}", why)

    def test_the_embedded_broker_stays_at_home(self) -> None:
        self.assertEqual(contradictions(replace(GOOD, bus=BusConfig("embedded", port=1884))), [])
        self.found(replace(GOOD, bus=BusConfig("embedded", host="0.0.0.0")), "bus.host", "no logins")
        for field in ("passwords", "ca"):
            login: dict[str, Any] = {field: "x"}
            self.found(replace(GOOD, bus=BusConfig("embedded", **login)), f"bus.{field}", "no logins")

    def test_a_store_has_what_it_needs_and_nothing_that_it_would_ignore(self) -> None:
        whole = StoreConfig("influxdb", url="http://127.0.0.1:8086", org="o", bucket="b", token_file="T")
        self.assertEqual(contradictions(replace(GOOD, store=whole)), [])
        for field in ("url", "org", "bucket", "token_file"):
            none: dict[str, Any] = {field: None}
            some: dict[str, Any] = {field: "x"}
            self.found(replace(GOOD, store=replace(whole, **none)), f"store.{field}", "needed")
            self.found(replace(GOOD, store=StoreConfig(**some)), f"store.{field}", "only known to influxdb")

    def test_all_are_told_at_once(self) -> None:
        stand = replace(GOOD, stand="X", users={"ack": "expert"}, sim=SimConfig(speed=0.0))
        self.assertEqual([f for f, _ in contradictions(stand)], ["stand", "users.ack", "sim.speed"])
