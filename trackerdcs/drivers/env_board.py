"""Environment board with our firmware: air temperature and humidity as JSON lines, sent unasked."""

import json
from typing import ClassVar

from trackerdcs.domain.crc import without_crc
from trackerdcs.domain.instrument import Identity
from trackerdcs.domain.resource import Wire
from trackerdcs.drivers.table import SIMULATED
from trackerdcs.drivers.talker import TalkingBoard
from trackerdcs.ports import Link


class EnvBoard(TalkingBoard):
    """A line is one JSON object: who the board is, a sequence number, what was measured, and a checksum over it all."""

    tcp: ClassVar[Wire] = Wire(timeout=3.0)
    serial: ClassVar[Wire] = Wire(timeout=3.0, baud=115200, settle=2.0)

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._seq = ""

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
        return {q: says[q] for q in self.ranges if q in says}, "not measured"


def _keys(line: str) -> dict[str, str]:
    """A line's keys, their values as they were printed; empty if its checksum is wrong."""
    try:
        says = json.loads(without_crc(line) or "", parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return {}
    return {key: str(value) for key, value in says.items()}
