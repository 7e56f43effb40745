"""VISA resource strings: what they name, and what is none."""

import unittest

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.resource import SerialAddress, TcpAddress, VisaAddress, parse_resource

BY_PATH = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"


class Parse(unittest.TestCase):
    def test_sockets(self) -> None:
        for resource, address in (
            ("TCPIP::192.0.2.10::5025::SOCKET", TcpAddress("192.0.2.10", 5025)),
            ("tcpip0::Supply.lab.example::1::socket", TcpAddress("supply.lab.example", 1)),
            ("TCPIP::[2001:DB8::1]::65535::SOCKET", TcpAddress("2001:db8::1", 65535)),
        ):
            self.assertEqual(parse_resource(resource), address)

    def test_serial_ports(self) -> None:
        for resource, path in (
            ("ASRL/dev/serial/by-id/usb-x-if00-port0::INSTR", "/dev/serial/by-id/usb-x-if00-port0"),
            ("ASRL/dev/ttyUSB0", "/dev/ttyUSB0"),
            ("asrlvar/demo/env1.tty::instr", "var/demo/env1.tty"),
            (f"ASRL{BY_PATH}::INSTR", BY_PATH),
            ("ASRL1::INSTR", "/dev/ttyS1"),
        ):
            self.assertEqual(parse_resource(resource), SerialAddress(path))

    def test_all_else_is_left_to_a_visa_library(self) -> None:
        for resource in (
            "TCPIP::192.0.2.10::INSTR",
            "TCPIP0::192.0.2.10::hislip0::INSTR",
            "USB0::0x05E6::0x2450::04412345::INSTR",
            "GPIB0::24::INSTR",
        ):
            self.assertEqual(parse_resource(resource), VisaAddress(resource))

    def test_what_is_no_resource_is_refused_with_the_known_forms(self) -> None:
        for resource in (
            "",
            "192.0.2.10:5025",
            "/dev/ttyUSB0",
            "TCPIP::192.0.2.10::0::SOCKET",
            "TCPIP::192.0.2.10::65536::SOCKET",
            "TCPIP::192.0.2.10::port::SOCKET",
            "TCPIP::192.0.2.10::5025::SOCKET ",
            "TCPIP:192.0.2.10:5025:SOCKET",
            "ASRL::INSTR",
            "ASRL/dev/tty USB0::INSTR",
            "GPIB",
        ):
            with (
                self.subTest(resource=resource),
                self.assertRaisesRegex(ConfigError, "expected a VISA resource string"),
            ):
                parse_resource(resource)
