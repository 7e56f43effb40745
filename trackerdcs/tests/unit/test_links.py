"""Which link an instrument gets, and that the page about links tells the truth."""

import re
import subprocess
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any

from trackerdcs.domain.errors import BadReply, ConfigError, NotConnected, ReplyTimeout
from trackerdcs.domain.resource import Wire, parse_resource
from trackerdcs.domain.stand import LinkConfig
from trackerdcs.services.links import open_link
from trackerdcs.tests.scripted_link import ScriptedLink

PAGE = Path(__file__).parents[3] / "doc" / "reference" / "links.md"
ROW = re.compile(r"^\| `([^`]+)` \| .* \| (own TCP link|own serial link|VISA library) \|$", re.MULTILINE)
TAKEN = {"own TCP link": "TcpWire", "own serial link": "SerialWire", "VISA library": "VisaWire"}


def taken(config: LinkConfig) -> str:
    return type(open_link(config, Wire())._raw).__name__  # type: ignore[attr-defined]


class TestOpenLink(unittest.TestCase):
    def test_every_example_of_the_page_is_parsed_and_gets_the_link_that_it_says(self):
        rows = ROW.findall(PAGE.read_text())
        self.assertEqual(len(rows), 10)
        for resource, link in rows:
            with self.subTest(resource=resource):
                parse_resource(resource)
                self.assertEqual(taken(LinkConfig(resource=resource)), TAKEN[link])

    def test_the_stand_file_may_force_a_visa_library(self):
        for resource in ("TCPIP::127.0.0.1::5025::SOCKET", "ASRL/dev/ttyUSB0"):
            self.assertEqual(taken(LinkConfig(resource=resource, backend="visa")), "VisaWire")
            self.assertNotEqual(taken(LinkConfig(resource=resource, backend="native")), "VisaWire")

    def test_native_where_only_a_visa_library_reaches_is_refused(self):
        with self.assertRaisesRegex(ConfigError, r"link\.backend.*GPIB0::24::INSTR"):
            open_link(LinkConfig(resource="GPIB0::24::INSTR", backend="native"), Wire())

    def test_the_stand_file_overrides_the_wire_of_the_driver(self):
        said: dict[str, Any] = {"timeout": 0.25, "min_interval": 0.5, "write_end": "\r", "read_end": "\r\n"}
        said["baud"] = 19200
        link = open_link(LinkConfig(resource="ASRL/dev/ttyUSB0", **said), Wire(echo=True, settle=2.0))
        self.assertEqual(link._wire, Wire(echo=True, settle=2.0, **said))  # type: ignore[attr-defined]
        self.assertEqual(link._raw._baud, 19200)  # type: ignore[attr-defined]

    def test_a_wire_that_cannot_work_is_refused(self):
        nan = float("nan")
        wrong: dict[str, Any] = {"timeout": (0.0, -1.0, nan, float("inf")), "min_interval": (-1.0, nan)}
        for field, values in (*wrong.items(), ("read_end", ("", "µ")), ("write_end", ("",))):
            for value in values:
                with self.subTest(field=field, value=value), self.assertRaisesRegex(ConfigError, f"link.{field}"):
                    open_link(LinkConfig(resource="ASRL/dev/ttyUSB0", **{field: value}), Wire())

    def test_opening_is_silent(self):
        self.assertFalse(open_link(LinkConfig(resource="TCPIP::127.0.0.1::9::SOCKET"), Wire()).connected)

    def test_a_visa_resource_that_is_not_there_is_not_connected(self):
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves the socket of a failed attempt to Python
        for resource in ("GPIB0::24::INSTR", "USB0::0x05E6::0x2470::04412345::INSTR", "TCPIP::127.0.0.1::inst0::INSTR"):
            with self.subTest(resource=resource), self.assertRaisesRegex(NotConnected, re.escape(resource)):
                open_link(LinkConfig(resource=resource), Wire(timeout=0.05)).connect()

    def test_a_socket_needs_no_visa_library_in_memory(self):
        code = (
            "import sys; from trackerdcs.services.links import *;"
            "open_link(LinkConfig(resource='TCPIP::127.0.0.1::9::SOCKET'), Wire());"
            "sys.exit(any(m in sys.modules for m in ('pyvisa', 'serial')))"
        )
        self.assertEqual(subprocess.run([sys.executable, "-c", code]).returncode, 0)


class TestScriptedLink(unittest.TestCase):
    def test_it_insists_on_its_steps(self):
        link = ScriptedLink(("VOLT 1", None), ("VOLT?", "1.0"), (None, ["t=1"]))
        link.order("VOLT 1")
        with self.assertRaisesRegex(AssertionError, "still expected"):
            link.assert_done()
        self.assertEqual(link.query("VOLT?"), "1.0")
        self.assertEqual(link.lines(), ["t=1"])
        link.assert_done()
        with self.assertRaisesRegex(AssertionError, "after the end"):
            link.query("VOLT?")

    def test_another_command_fails(self):
        with self.assertRaisesRegex(AssertionError, r"expected 'VOLT\?', got 'CURR\?'"):
            ScriptedLink(("VOLT?", "1.0")).query("CURR?")

    def test_a_fault_drops_it_until_it_is_connected_again(self):
        link = ScriptedLink(("VOLT?", ReplyTimeout("late")), ("VOLT?", BadReply("odd")))
        for error in (ReplyTimeout, BadReply):
            link.connect()
            with self.assertRaises(error):
                link.query("VOLT?")
            with self.assertRaises(NotConnected):
                link.query("VOLT?")
        self.assertEqual(link.drops, 2)
