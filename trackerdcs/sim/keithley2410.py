"""A Keithley 2410 source meter with one output `ch0`. :MEAS? switches the output on; :READ? wants it on already."""

from trackerdcs.sim.instrument import Handler, Refused, Scpi, Truth, number, switch
from trackerdcs.sim.world import World

V_RANGES = (0.2, 2.0, 20.0, 1000.0)
I_RANGES = (1e-6, 1e-5, 1e-4, 1e-3, 2e-2, 1e-1, 1.0)
ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")
NOTHING, OVERFLOW = 9.91e37, 9.9e37
OVER = 1.05  # a limit and a reading may exceed their range by this factor
COMPLIANCE = 1 << 3  # in the element STAT
CONDITION_ENABLE_OPEN, CONDITION_COMPLIANCE = 1 << 11, 1 << 14  # in :STAT:MEAS:COND?
OFF_NOT_PERMITTED = Refused(803, "Not permitted with OUTPUT off")
CONFLICT = Refused(-221, "Settings conflict")


def _range(ranges: tuple[float, ...], text: str) -> float:
    wanted = abs(number(text, -1.1 * ranges[-1], 1.1 * ranges[-1]))
    return next((r for r in ranges if wanted <= r * OVER), ranges[-1])


def _number(value: float) -> str:
    return f"{value + 0.0:+.6E}"


class Keithley2410(Scpi):
    """The instrument; LF ends its lines, whether on RS-232 or behind a serial-to-Ethernet box for one client."""

    identity = "KEITHLEY INSTRUMENTS INC.,MODEL 2410,SIM-1234567,C34 Sep 21 2016 15:30:00/A02 /J/H"
    no_error = '+0,"No error"'
    max_clients = 1

    def __init__(self, world: World, name: str = "hv2") -> None:
        super().__init__(world, name)
        self.key = f"{name}.ch0"
        world.sensor(self.key)
        self._open_enable = False
        self._reset()
        self.add(
            {
                "*RST": lambda _: self._reset(),
                "SOUR:FUNC": self._only("VOLT"),
                "SOUR:FUNC?": lambda _: "VOLT",
                "SOUR:VOLT:MODE": self._only("FIX"),
                "SOUR:VOLT:MODE?": lambda _: "FIX",
                "SOUR:VOLT": self._set_voltage,
                "SOUR:VOLT:LEV": self._set_voltage,
                "SOUR:VOLT?": lambda _: _number(self._v_set),
                "SOUR:VOLT:LEV?": lambda _: _number(self._v_set),
                "SOUR:VOLT:RANG": self._set_v_range,
                "SOUR:VOLT:RANG?": lambda _: _number(self._v_range),
                "SOUR:VOLT:PROT": self._set_clamp,
                "SOUR:VOLT:PROT?": lambda _: _number(self._clamp),
                "SOUR:CLE:AUTO": self._set_auto,
                "SOUR:CLE:AUTO?": lambda _: str(int(self._auto)),
                "SENS:FUNC": lambda _: None,
                "SENS:FUNC?": lambda _: '"VOLT:DC","CURR:DC"',
                "SENS:FUNC:CONC": lambda _: None,
                "SENS:FUNC:CONC?": lambda _: "1",
                "SENS:CURR:PROT": self._set_limit,
                "SENS:CURR:PROT?": lambda _: _number(self._i_limit),
                "SENS:CURR:PROT:TRIP?": lambda _: str(int(self._point()[2])),
                "SENS:CURR:RANG": self._set_i_range,
                "SENS:CURR:RANG?": lambda _: _number(self._i_range),
                "SENS:CURR:RANG:AUTO": self._set_i_auto,
                "SENS:CURR:RANG:AUTO?": lambda _: str(int(self._i_auto)),
                "SENS:CURR:NPLC": self._set_nplc,
                "SENS:CURR:NPLC?": lambda _: _number(self._nplc),
                "FORM:ELEM": self._set_elements,
                "FORM:ELEM?": lambda _: ",".join(self._elements),
                "OUTP": self._switch,
                "OUTP:STAT": self._switch,
                "OUTP?": lambda _: str(int(self._on)),
                "OUTP:STAT?": lambda _: str(int(self._on)),
                "OUTP:SMOD?": lambda _: "NORM",
                "OUTP:ENAB?": lambda _: "1",
                "OUTP:ENAB:TRIP?": lambda _: str(int(self._open_enable)),
                "STAT:MEAS:COND?": self._condition,
                "READ?": self._read,
                "MEAS?": self._measure,
                "SYST:LOC": lambda _: None,
                "SYST:REM": lambda _: None,
                "SYST:RWL": lambda _: None,
            }
        )

    def _reset(self) -> None:
        self._on, self._auto = False, False
        self._v_set, self._v_range, self._clamp = 0.0, 1000.0, 1100.0
        self._i_limit, self._i_range, self._i_auto = 1.05e-4, 1e-4, True
        self._nplc = 1.0
        self._elements: tuple[str, ...] = ELEMENTS

    def _only(self, word: str) -> Handler:
        def take(rest: str) -> None:
            if not rest.upper().startswith(word):
                raise CONFLICT

        return take

    def _set_voltage(self, rest: str) -> None:
        v = number(rest, -1.1 * self._v_range, 1.1 * self._v_range)
        if abs(v) > self._clamp:
            raise CONFLICT
        self._v_set = v

    def _set_v_range(self, rest: str) -> None:
        if abs(self._v_set) > 1.1 * (v_range := _range(V_RANGES, rest)):
            raise CONFLICT
        self._v_range = v_range

    def _set_clamp(self, rest: str) -> None:
        self._clamp = abs(number(rest, -1100.0, 1100.0))

    def _set_auto(self, rest: str) -> None:
        self._auto = switch(rest)

    def _set_limit(self, rest: str) -> None:
        i = abs(number(rest, -I_RANGES[-1] * OVER, I_RANGES[-1] * OVER))
        if i > self._i_range * OVER and not self._i_auto:
            raise CONFLICT
        self._i_limit = i

    def _set_i_range(self, rest: str) -> None:
        self._i_range, self._i_auto = _range(I_RANGES, rest), False

    def _set_i_auto(self, rest: str) -> None:
        self._i_auto = switch(rest)

    def _set_nplc(self, rest: str) -> None:
        self._nplc = number(rest, 0.01, 10.0)

    def _set_elements(self, rest: str) -> None:
        wanted = [w.strip().upper()[:4] for w in rest.split(",")]
        if not set(wanted) <= set(ELEMENTS):
            raise Refused(-224, "Illegal parameter value")
        self._elements = tuple(e for e in ELEMENTS if e in wanted)

    def _switch(self, rest: str) -> None:
        on = switch(rest)
        if on and self._open_enable:
            raise Refused(802, "OUTPUT blocked by output enable")
        self._on = on

    def _range_limit(self) -> float:
        """A range that is too small for the limit limits by itself, and its readings overflow."""
        return self._i_limit if self._i_auto else min(self._i_limit, self._i_range * OVER)

    def _point(self) -> tuple[float, float, bool]:
        if not self._on:
            return 0.0, 0.0, False
        v, i, limited = self.world.sensor_point(self.key, self._v_set, self._range_limit())
        return (v, i, limited) if self._v_set >= 0 else (-v, -i, limited)

    def _condition(self, _: str) -> str:
        return str(
            (CONDITION_COMPLIANCE if self._point()[2] else 0) | (CONDITION_ENABLE_OPEN if self._open_enable else 0)
        )

    def _read(self, _: str) -> str:
        if not self._on and not self._auto:
            raise OFF_NOT_PERMITTED
        if not self._auto:
            return self._reading()
        self._switch("ON")
        reading = self._reading()
        self._on = False
        return reading

    def _measure(self, _: str) -> str:
        self._switch("ON")
        return self._reading()

    def _reading(self) -> str:
        v, i, limited = self._point()
        overflow = limited and self._range_limit() < self._i_limit
        fields = {
            "VOLT": self.shown("v", self.world.noise(v, 2e-5, 2e-3)),
            "CURR": OVERFLOW if overflow else self.shown("i", self.world.noise(i, 2e-3, 5e-11)),
            "RES": NOTHING,
            "TIME": self.world.now(),
            "STAT": float(COMPLIANCE if limited else 0),
        }
        return ",".join(_number(fields[e]) for e in self._elements)

    def truth(self) -> Truth:
        v, i, limited = self._point()
        limits = {"v_set": self._v_set, "i_limit": self._i_limit}
        return {"ch0": {"v": v, "i": i, "on": self._on, **limits, "compliance": limited}}

    def brown_out(self) -> None:
        self._reset()
        self.errors.clear()

    def front_panel(self, channel: str, change: dict[str, float | bool]) -> None:
        self._known(channel)
        self.turn(change, {"v_set": self._set_voltage, "i_limit": self._set_limit, "on": self._switch})

    def trip(self, channel: str) -> None:
        """Over-temperature: the output goes off."""
        self._known(channel)
        self._on = False
        self.errors.append('+810,"Output blocked by over-temperature"')

    def interlock(self, is_open: bool) -> None:
        self._open_enable = is_open
        if is_open:
            self._on = False

    def _known(self, channel: str) -> None:
        if channel != "ch0":
            raise ValueError(f"{self.name} has no channel {channel!r}, it has ch0")
