"""VISA resource strings: the one way in which an instrument is addressed, and how its lines end."""

import re
from dataclasses import dataclass
from typing import Literal

from trackerdcs.domain.errors import ConfigError

Backend = Literal["auto", "native", "visa"]


@dataclass(frozen=True)
class TcpAddress:
    """A raw TCP socket: `TCPIP::host::port::SOCKET`."""

    host: str
    port: int


@dataclass(frozen=True)
class SerialAddress:
    """A serial port: `ASRL/dev/serial/by-id/...::INSTR`."""

    path: str


@dataclass(frozen=True)
class VisaAddress:
    """Any other resource (VXI-11, HiSLIP, USBTMC, GPIB): only a VISA library reaches it."""

    resource: str


Address = TcpAddress | SerialAddress | VisaAddress

_SOCKET = re.compile(r"TCPIP\d*::([^:\s]+|\[[0-9a-fA-F:]+\])::(\d{1,5})::SOCKET", re.IGNORECASE)
_SERIAL = re.compile(r"ASRL((?:[^:\s]|:(?!:))+)(::INSTR)?", re.IGNORECASE)  # by-path names hold single colons
_OTHER = re.compile(r"(TCPIP|USB|GPIB|VICP)\d*::\S+", re.IGNORECASE)


def parse_resource(resource: str) -> Address:
    """Take a VISA resource string apart; raises ConfigError saying which forms are known."""
    if (m := _SOCKET.fullmatch(resource)) and 0 < int(m[2]) < 65536:
        return TcpAddress(m[1].strip("[]").lower(), int(m[2]))
    if m := _SERIAL.fullmatch(resource):
        return SerialAddress(f"/dev/ttyS{m[1]}" if m[1].isdigit() else m[1])
    if _OTHER.fullmatch(resource) and not resource.upper().endswith("::SOCKET"):
        return VisaAddress(resource)
    raise ConfigError(
        f"resource {resource!r}: expected a VISA resource string such as TCPIP::192.0.2.10::5025::SOCKET, "
        "ASRL/dev/serial/by-id/usb-name::INSTR, TCPIP::192.0.2.10::inst0::INSTR, USB0::... or GPIB0::24::INSTR"
    )


@dataclass(frozen=True)
class Wire:
    """How an instrument talks on its wire; a driver declares it per kind of link, the stand file may override.

    Times in s. `echo`: each line comes back before its reply and must equal what was sent.
    `skip_empty`: empty lines are no replies. `settle`: pause after the port was opened (a board that resets).
    """

    write_end: str = "\n"
    read_end: str = "\n"
    timeout: float = 1.0
    min_interval: float = 0.0
    echo: bool = False
    skip_empty: bool = False
    baud: int = 9600
    settle: float = 0.0
