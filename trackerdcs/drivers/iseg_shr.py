"""iseg SHR: four high-voltage outputs that ramp in hardware. Orders go unanswered, so a query proves each of them."""

from typing import ClassVar

from trackerdcs.domain.errors import CommandRefused
from trackerdcs.domain.resource import Wire
from trackerdcs.drivers.scpi import ScpiSupply
from trackerdcs.drivers.table import Bits, Flags, Param, Rows, Switch

V, A, RATE = 2000.0, 4e-3, 400.0
POSITIVE, ON, RAMPING, EMERGENCY, CURRENT_CONTROL, INHIBIT, TRIP = (1 << bit for bit in (0, 3, 4, 5, 6, 12, 13))


class IsegShr(ScpiSupply):
    """Channels ch0 to ch3 of one module, asked all at once; the sign of a voltage is the polarity of the module."""

    hardware_ramp = True
    models = ("SR", "SHR")
    tcp = Wire(write_end="\r\n", read_end="\r\n", skip_empty=True)
    serial = Wire(write_end="\r\n", read_end="\r\n", skip_empty=True, echo=True)
    numbers: ClassVar = {f"ch{n}": n for n in range(4)}
    every = "0-3"
    proof = ";*OPC?"
    rows: ClassVar[Rows] = {
        "v_set": Param(":READ:VOLT? (@{n})", ":VOLT {value},(@{n})", -V, V, 0.01, "V"),
        "i_limit": Param(":READ:CURR? (@{n})", ":CURR {value},(@{n})", 0.0, A, 1e-9, "A"),
        "v_mon": Param(":MEAS:VOLT? (@{n})", low=-V, high=V, unit="V"),
        "i_mon": Param(":MEAS:CURR? (@{n})", low=-A, high=A, unit="A"),
        "ramp_up": Param(":CONF:RAMP:VOLT:UP? (@{n})", ":CONF:RAMP:VOLT:UP {value},(@{n})", 0.01, RATE, 0.01, "V/s"),
        "ramp_down": Param(
            ":CONF:RAMP:VOLT:DOWN? (@{n})", ":CONF:RAMP:VOLT:DOWN {value},(@{n})", 0.01, RATE, 0.01, "V/s"
        ),
        "status": Bits(":READ:CHAN:STAT? (@{n})"),
    }
    flags: ClassVar[Flags] = {
        "on": ("status", ON),
        "compliance": ("status", CURRENT_CONTROL),
        "trip": ("status", TRIP | EMERGENCY | INHIBIT),
        "ramping": ("status", RAMPING),
    }
    output = Switch(
        on=":VOLT ON,(@{n})",
        off=":VOLT OFF,(@{n})",
        emergency_off=":VOLT EMCY OFF,(@{n})",
        clear_trip=":EVENT CLEAR,(@{n});:VOLT EMCY CLR,(@{n})",
    )

    def set_voltage(self, channel: str, v: float) -> float:
        """Set and read back, in V; refused for the other polarity, which the module would pass over in silence."""
        self._check(channel, v_set=v)
        if v == 0:  # of both polarities: a kill has no time to ask
            return super().set_voltage(channel, v)
        with self._fate("no"):
            row = self.rows["status"]
            positive = int(row.parse(self.link.query(row.read.format(n=self.numbers[channel])))) & POSITIVE
        if (v > 0) != bool(positive):
            raise CommandRefused(f"{channel} v_set: {v:g} V is of the other polarity than the module")
        return super().set_voltage(channel, v)
