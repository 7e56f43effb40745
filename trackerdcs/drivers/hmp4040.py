"""Rohde & Schwarz HMP4040: four low-voltage outputs behind one selector and one general output switch."""

from typing import ClassVar

from trackerdcs.domain.errors import CommandRefused
from trackerdcs.domain.resource import Wire
from trackerdcs.drivers.scpi import ScpiSupply
from trackerdcs.drivers.table import Bits, Flags, Param, Rows, Switch

CONSTANT_CURRENT, OVERVOLTAGE, FUSE = 1 << 0, 1 << 9, 1 << 10


class Hmp4040(ScpiSupply):
    """Channels ch1 to ch4 as printed on the front panel; every access selects its channel and makes sure of it."""

    kind = "lv"
    models = ("HMP4040",)
    tcp = Wire(min_interval=0.01)
    serial = Wire(min_interval=0.01)
    numbers: ClassVar = {f"ch{n}": n for n in range(1, 5)}
    select = "INST:NSEL {n}"
    rows: ClassVar[Rows] = {
        "v_set": Param("VOLT?", "VOLT {value}", 0.0, 32.05, 1e-3),
        "i_limit": Param("CURR?", "CURR {value}", 0.0, 10.01, 1e-4),
        "v_mon": Param("MEAS:VOLT?", low=0.0, high=32.05),
        "i_mon": Param("MEAS:CURR?", low=0.0, high=10.01),
        "output": Bits("OUTP?"),
        "status": Bits("STAT:QUES:INST:ISUM{n}:COND?"),
    }
    flags: ClassVar[Flags] = {
        "on": ("output", 1),
        "compliance": ("status", CONSTANT_CURRENT),
        "trip": ("status", OVERVOLTAGE | FUSE),
    }
    output = Switch(on="OUTP ON", off="OUTP OFF", emergency_off="OUTP OFF", clear_trip="OUTP OFF;:VOLT:PROT:CLE")

    def switch(self, channel: str, on: bool) -> None:
        """Switch and read back. `on` is refused while it would close the general switch for other channels as well."""
        self._number(channel)
        if on:
            with self._fate("no"):
                waiting = [c for c in self.numbers if c != channel and self._waits(c)]
            if waiting:
                raise CommandRefused(
                    f"{channel} on would start {', '.join(waiting)} as well: switch off what waits first"
                )
        super().switch(channel, on)

    def _waits(self, channel: str) -> bool:
        """Whether a channel is selected for output and only the general switch keeps it off."""
        self._select(self.numbers[channel])
        selected, on = (self.rows["output"].parse(self.link.query(query)) for query in ("OUTP:SEL?", "OUTP?"))
        self._still_selected(self.numbers[channel])
        return selected > on
