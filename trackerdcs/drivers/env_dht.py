"""Environment board as labs have it: an Arduino sketch with a DHT22 that prints words and numbers.

There is no checksum and no sequence number: a digit lost on the wire or a sketch that repeats itself is not noticed.
"""

import re
from typing import ClassVar

from trackerdcs.domain.instrument import Identity
from trackerdcs.domain.resource import Wire
from trackerdcs.drivers.table import SIMULATED
from trackerdcs.drivers.talker import TalkingBoard

QUANTITIES = {"Humidity": "rh", "Temperature": "t_air"}
_VALUE = re.compile(r"(Humidity|Temperature):\s*(.*?)\s*(?=$|\||Humidity|Temperature)")
_BANNER = re.compile(r"DHT\d+ (\S+)")


class EnvDht(TalkingBoard):
    """A new value comes every two seconds at most: the stand file's period must not be shorter."""

    tcp: ClassVar[Wire] = Wire(timeout=4.5, read_end="\r\n")
    serial: ClassVar[Wire] = Wire(timeout=4.5, read_end="\r\n", settle=1.0)

    def introduced(self, line: str) -> Identity | None:
        """A serial number is in the banner, if the sketch has one."""
        banner = _BANNER.fullmatch(line)
        if not banner and self.said(line) == ({}, ""):
            return None
        serial = banner[1] if banner else ""
        return Identity("", "DHT22", serial, "", sim=serial.startswith(SIMULATED))

    def said(self, line: str) -> tuple[dict[str, str], str]:
        """The quantities found anywhere in a line: where a sketch forgets a line end, lines run together."""
        if "Failed to read" in line:
            return {}, "Failed to read"
        return {QUANTITIES[word]: text for word, text in _VALUE.findall(line)}, ""
