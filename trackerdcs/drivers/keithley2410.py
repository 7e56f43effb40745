"""Keithley 2410: one high-voltage source with meters. Only :READ? measures, and only while the output is on."""

from collections.abc import Iterator
from typing import ClassVar

from trackerdcs.domain.errors import DeviceError
from trackerdcs.domain.instrument import Identity
from trackerdcs.drivers.scpi import ScpiSupply
from trackerdcs.drivers.table import Bits, Flags, Param, Rows, Switch

V, A = 1100.0, 0.021
MEASURED = {"v_mon": "VOLT", "i_mon": "CURR"}
"""Quantity -> function of the meter, and element of the answer to :READ?."""
NEEDED = {":SOUR:FUNC?": "VOLT", ":SOUR:CLE:AUTO?": "0"}
"""Settings that somebody else made: with another source, or an output that a reading switches, nothing here is true."""


class Keithley2410(ScpiSupply):
    """Its one output is ch0. It has no ramp and latches nothing; off, it measures nothing, so nothing is shown."""

    models = ("MODEL 2410",)
    numbers: ClassVar = {"ch0": 0}
    rows: ClassVar[Rows] = {
        "v_set": Param(":SOUR:VOLT?", ":SOUR:VOLT {value}", -V, V, 0.05),
        # The limit must fit the range of the meter: the range comes first.
        "i_limit": Param(":SENS:CURR:PROT?", ":SENS:CURR:RANG {value};:SENS:CURR:PROT {value}", 1e-9, A, 1e-9),
        "output": Bits(":OUTP?"),
        "limiting": Bits(":SENS:CURR:PROT:TRIP?"),
        "v_mon": Param("", low=-V, high=V),
        "i_mon": Param("", low=-A, high=A),
    }
    flags: ClassVar[Flags] = {"on": ("output", 1), "compliance": ("limiting", 1)}
    output = Switch(
        # Without its function on, the meter passes the setpoint off as a measured voltage.
        on=":SENS:FUNC:CONC ON;:SENS:FUNC 'VOLT','CURR';:OUTP ON",
        off=":OUTP OFF",
        emergency_off=":OUTP OFF",
    )

    def identify(self) -> Identity:
        """Ask who it is and how it is set; raises WrongDevice, or DeviceError for settings that it must not have."""
        identity = super().identify()
        for query, expected in NEEDED.items():
            if (found := self.link.query(query)) != expected:
                raise DeviceError(f"{identity.model}: {query} must be {expected}, it is {found[:40]!r}")
        return identity

    def _replies(self, where: str, number: int) -> Iterator[tuple[str, list[str]]]:
        on = False
        for quantity, replies in super()._replies(where, number):
            on = on or (quantity == "output" and replies == ["1"])
            yield quantity, replies
        if on:
            functions, elements = self.link.query(":SENS:FUNC?"), self.link.query(":FORM:ELEM?").split(",")
            reading = self.link.query(":READ?")
            fields = dict(zip(elements, reading.split(","), strict=False))
            for quantity, element in MEASURED.items():
                yield quantity, [fields.get(element, reading) if element in functions else f"{element} is not measured"]
