"""Environment board with our firmware: air temperature and humidity as JSON lines, sent unasked.

Each poll waits for the next line, so that a value is never older than a poll; a board that says nothing is a dead link.
"""

import json
from collections.abc import Collection, Mapping
from typing import ClassVar

from trackerdcs.domain.crc import without_crc
from trackerdcs.domain.errors import BadReply, WrongDevice
from trackerdcs.domain.instrument import UNITS, Channel, Identity, Quantity, Snapshot
from trackerdcs.domain.messages import NO_CHANNEL
from trackerdcs.domain.resource import Wire
from trackerdcs.drivers.numbers import number
from trackerdcs.drivers.table import SIMULATED
from trackerdcs.ports import Link

RANGES: Mapping[str, tuple[float, float]] = {"t_air": (-60.0, 120.0), "rh": (0.0, 100.0)}
PATIENCE = 5
"""So many lines without sense are another instrument; the first may be the tail of one."""


class EnvBoard:
    """A line is one JSON object: who the board is, a sequence number, what was measured, and a checksum over it all."""

    kind = "env"
    tcp: ClassVar[Wire] = Wire(timeout=3.0)
    serial: ClassVar[Wire] = Wire(timeout=3.0, baud=115200, settle=2.0)

    def __init__(self, link: Link) -> None:
        self.link = link
        self._seq = ""

    def channels(self) -> dict[str, Channel]:
        """One channel, nothing to command."""
        return {NO_CHANNEL: Channel({q: Quantity(UNITS[q], *limits) for q, limits in RANGES.items()})}

    def identify(self) -> Identity:
        """Listen until the board says who it is; raises WrongDevice if what it says makes no sense."""
        heard: list[str] = []
        while len(heard) < PATIENCE:
            for line in self.link.lines():
                heard.append(line)
                if identity := self.introduced(line):
                    return identity
        raise WrongDevice(f"expected lines of {type(self).__name__}, the board says {heard[-1][:80]!r}")

    def poll(self, channels: Collection[str] | None = None) -> Snapshot:
        """The newest of what the board has said since the last poll; raises LinkError when it is silent."""
        good: dict[str, float | bool | str] = {}
        bad = dict.fromkeys(RANGES, "no new value")
        for line in self.link.lines():
            texts, why = self.said(line)
            for quantity in texts.keys() | (RANGES.keys() if why else ()):
                good.pop(quantity, None)
                try:
                    if quantity not in texts:
                        raise BadReply(why)
                    good[quantity] = number(texts[quantity], "", *RANGES[quantity])
                except BadReply as e:
                    bad[quantity] = str(e)
        bad = {q: reason for q, reason in bad.items() if q not in good}
        return Snapshot({NO_CHANNEL: good}, {NO_CHANNEL: bad} if bad else {})

    def introduced(self, line: str) -> Identity | None:
        """Who a line says the board is, or None."""
        says = _keys(line)
        serial, self._seq = says.get("sn", ""), says.get("seq", "")
        if not serial or not self._seq:
            return None
        return Identity("trackerdcs", says.get("id", ""), serial, says.get("fw", ""), sim=serial.startswith(SIMULATED))

    def said(self, line: str) -> tuple[dict[str, str], str]:
        """The quantities of a line as texts, and why the others are missing; empty if they were not to be expected."""
        says = _keys(line)
        if not says:
            return {}, "the checksum is wrong"
        before, self._seq = self._seq, says.get("seq", "")
        if self._seq == before:
            return {}, f"the sequence number is {before!r} again"
        return {q: says[q] for q in RANGES if q in says}, "not measured"


def _keys(line: str) -> dict[str, str]:
    """A line's keys, their values as they were printed; empty if its checksum is wrong."""
    try:
        says = json.loads(without_crc(line) or "", parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return {}
    return {key: str(value) for key, value in says.items()}
