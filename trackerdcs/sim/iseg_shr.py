"""An iseg SHR high-voltage supply: four channels `ch0`..`ch3` = (@0)..(@3) of negative polarity, ramps in hardware.

On TCP each order is followed by an empty line; on a serial port every character comes back instead. What it does not
take gets no answer at all. An exponent of zero has no digits: `5.00000EV`.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from trackerdcs.sim.instrument import Handler, Instrument, Refused, Truth, number, short_form, units
from trackerdcs.sim.iseg_channel import (
    EMERGENCY,
    FLAG_ONLY,
    I_NOMINAL,
    MODULE_OFF,
    RAMP,
    TRIP_DISABLED,
    V_NOMINAL,
    ShrChannel,
)
from trackerdcs.sim.world import World

_LIST = re.compile(r"(.*?),?\s*\(@([0-9,\- ]*)\)")


T = TypeVar("T")
Order = Callable[[str, list[ShrChannel]], None]
Query = Callable[[ShrChannel], str]

MODULE_GOOD, SAFETY_LOOP_GOOD = 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 14, 1 << 10


def _number(value: float, unit: str) -> str:
    mantissa, exponent = f"{value + 0.0:.5E}".split("E")
    return f"{mantissa}E{int(exponent) or ''}{unit}"


def _table(handlers: dict[str, T]) -> dict[str, T]:
    return {short_form(header): handler for header, handler in handlers.items()}


class IsegShr(Instrument):
    """The module."""

    identity = "iseg Spezialelektronik GmbH,SHR4260,SIM-7400123,4.28"
    write_end = "\r\n"
    echoes_on_serial = True

    def __init__(self, world: World, name: str = "hv1") -> None:
        super().__init__(world, name)
        self.channels = [ShrChannel(world, f"{name}.ch{n}") for n in range(4)]
        for c in self.channels:
            world.sensor(c.key)
        self._at = world.now()
        self._orders: dict[str, Order] = _table(
            {
                "VOLT": self._voltage,
                "CURR": lambda a, cs: self._each(cs, "i_limit", number(a, 0.0, I_NOMINAL)),
                "VOLT:BOUNDS": lambda a, cs: self._each(cs, "v_bounds", number(a, 0.0, V_NOMINAL)),
                "CURR:BOUNDS": lambda a, cs: self._each(cs, "i_bounds", number(a, 0.0, I_NOMINAL)),
                "CONF:RAMP:VOLT": lambda a, cs: self._ramp(a, cs, "up", "down"),
                "CONF:RAMP:VOLT:UP": lambda a, cs: self._ramp(a, cs, "up"),
                "CONF:RAMP:VOLT:DOWN": lambda a, cs: self._ramp(a, cs, "down"),
                "CONF:TRIP:TIME": lambda a, cs: self._each(cs, "trip_time", number(a, 1.0, 4095.0) / 1e3),
                "CONF:TRIP:ACTION": lambda a, cs: self._each(
                    cs, "trip_action", int(number(a, FLAG_ONLY, TRIP_DISABLED))
                ),
                "CONF:OUTP:POL": self._polarity,
                "EVENT": self._event,
                "*CLS": lambda a, cs: self._clear(self.channels),
                "*RST": lambda a, cs: self._reset(),
                "*LLO": lambda a, cs: None,
                "*GTL": lambda a, cs: None,
            }
        )
        self._queries: dict[str, Query] = _table(
            {
                "MEAS:VOLT?": lambda c: _number(self.shown(f"{c.key}.v", world.noise(c.sign * c.v, 1e-5, 5e-3)), "V"),
                "MEAS:CURR?": lambda c: _number(self.shown(f"{c.key}.i", world.noise(c.sign * c.i, 2e-3, 5e-11)), "A"),
                "READ:VOLT?": lambda c: _number(c.sign * c.v_set, "V"),
                "READ:CURR?": lambda c: _number(c.i_limit, "A"),
                "READ:VOLT:NOM?": lambda c: _number(V_NOMINAL, "V"),
                "READ:CURR:NOM?": lambda c: _number(I_NOMINAL, "A"),
                "READ:VOLT:LIM?": lambda c: _number(V_NOMINAL, "V"),
                "READ:CURR:LIM?": lambda c: _number(I_NOMINAL, "A"),
                "READ:VOLT:ON?": lambda c: str(int(c.on)),
                "READ:VOLT:BOUNDS?": lambda c: _number(c.v_bounds, "V"),
                "READ:CURR:BOUNDS?": lambda c: _number(c.i_bounds, "A"),
                "READ:CHAN:STAT?": lambda c: str(c.status()),
                "READ:CHAN:EV:STAT?": lambda c: str(c.events),
                "CONF:RAMP:VOLT:UP?": lambda c: _number(c.up, "V/s"),
                "CONF:RAMP:VOLT:DOWN?": lambda c: _number(c.down, "V/s"),
                "CONF:TRIP:TIME?": lambda c: str(round(c.trip_time * 1e3)),
                "CONF:TRIP:ACTION?": lambda c: str(c.trip_action),
                "CONF:OUTP:POL?": lambda c: "p" if c.sign > 0 else "n",
            }
        )
        self._module: dict[str, Callable[[], str]] = _table(
            {
                "*IDN?": lambda: self.identity,
                "*INSTR?": lambda: "EDCP",
                "*OPC?": lambda: "1",
                "READ:MOD:IDENT?": lambda: self.identity,
                "READ:FIRM:NAME?": lambda: "SHR04",
                "READ:FIRM:REL?": lambda: "4.28",
                "READ:MOD:CHAN?": lambda: str(len(self.channels)),
                "READ:MOD:STAT?": lambda: str(MODULE_GOOD | (0 if self.channels[0].inhibited else SAFETY_LOOP_GOOD)),
                "READ:MOD:TEMP?": lambda: _number(32.5, "C"),
                "READ:VOLT:LIM?": lambda: "100.000%",
                "READ:CURR:LIM?": lambda: "100.000%",
                "CONF:RAMP:VOLT:UP?": lambda: _number(self.channels[0].up / V_NOMINAL * 100, "%/s"),
                "CONF:RAMP:VOLT:DOWN?": lambda: _number(self.channels[0].down / V_NOMINAL * 100, "%/s"),
            }
        )

    def answer(self, line: str) -> str | None:
        replies = []
        for header, rest in units(line):
            self._advance()
            try:
                if "?" in header:
                    replies.append(self._ask(header, rest))
                elif self.ignores_orders and not header.startswith("*"):
                    replies.append("")
                else:
                    self._order(header, rest)
                    replies.append("")
            except Refused:
                return None
        return "\n".join(replies)

    def _ask(self, header: str, rest: str) -> str:
        argument, channels = self._split(rest)
        if channels is None and header in self._module:
            return self._module[header]()
        if channels is None or argument or header not in self._queries:
            raise Refused(-113, header)
        return ",".join(self._queries[header](c) for c in channels)

    def _order(self, header: str, rest: str) -> None:
        argument, channels = self._split(rest)
        if header not in self._orders:
            raise Refused(-113, header)
        if channels is None:
            if header.startswith("CONF:RAMP:VOLT"):
                argument, channels = str(number(argument, 0.0, 100.0) / 100 * V_NOMINAL), self.channels
            elif header.startswith("CONF:TRIP") or header == short_form("EVENT"):
                channels = self.channels
            elif not header.startswith("*"):
                raise Refused(-109, "no channel list")
        self._orders[header](argument, channels or [])

    def _split(self, rest: str) -> tuple[str, list[ShrChannel] | None]:
        if "(#" in rest:
            return "", None
        if not (m := _LIST.fullmatch(rest)):
            return rest.strip(), None
        numbers: list[int] = []
        for part in m[2].split(","):
            first, _, last = part.strip().partition("-")
            if not first.isdigit() or not (last or first).isdigit():
                raise Refused(-102, "channel list")
            numbers += range(int(first), int(last or first) + 1)
        if not numbers or max(numbers) >= len(self.channels):
            raise Refused(-114, "channel list")
        return m[1].strip(), [self.channels[n] for n in numbers]

    def _voltage(self, argument: str, channels: list[ShrChannel]) -> None:
        order = argument.upper()
        for c in channels:
            if order == "ON":
                if c.emergency or c.tripped or c.inhibited:
                    raise Refused(-200, "latched")
                c.on = True
            elif order == "OFF":
                c.on = False
            elif order == "EMCY OFF":
                c.drop()
                c.emergency = True
                c.events |= EMERGENCY
            elif order == "EMCY CLR":
                c.emergency = False
            else:
                c.v_set = c.sign * number(argument, min(0.0, c.sign * V_NOMINAL), max(0.0, c.sign * V_NOMINAL)) + 0.0

    def _ramp(self, argument: str, channels: list[ShrChannel], *ways: str) -> None:
        for way in ways:
            self._each(channels, way, number(argument, *RAMP))

    def _polarity(self, argument: str, channels: list[ShrChannel]) -> None:
        if argument.lower() not in ("p", "n") or any(c.on or c.v for c in channels):
            raise Refused(-221, "only at zero")
        self._each(channels, "sign", 1.0 if argument.lower() == "p" else -1.0)

    def _event(self, argument: str, channels: list[ShrChannel]) -> None:
        if argument.upper() != "CLEAR":
            raise Refused(-113, argument)
        self._clear(channels)

    def _clear(self, channels: list[ShrChannel]) -> None:
        for c in channels:
            c.tripped, c.events = False, 0

    def _each(self, channels: list[ShrChannel], name: str, value: float) -> None:
        for c in channels:
            setattr(c, name, value)

    def _reset(self) -> None:
        for c in self.channels:
            c.on, c.v_set = False, 0.0

    def _advance(self) -> None:
        now = self.world.now()
        before = [c.tripped for c in self.channels]
        for c in self.channels:
            c.advance(now - self._at)
        self._at = now
        if any(
            c.tripped and c.trip_action == MODULE_OFF and not was for c, was in zip(self.channels, before, strict=True)
        ):
            for c in self.channels:
                c.drop()

    def truth(self) -> Truth:
        self._advance()
        return {
            f"ch{n}": {
                "v": c.sign * c.v + 0.0,
                "i": c.sign * c.i + 0.0,
                "on": c.on,
                "v_set": c.sign * c.v_set + 0.0,
                "i_limit": c.i_limit,
                "tripped": c.tripped,
                "emergency": c.emergency,
            }
            for n, c in enumerate(self.channels)
        }

    def brown_out(self) -> None:
        self.channels = [ShrChannel(self.world, c.key, inhibited=c.inhibited) for c in self.channels]
        self._at = self.world.now()

    def front_panel(self, channel: str, change: dict[str, float | bool]) -> None:
        c = self._named(channel)
        knobs: dict[str, Handler] = {
            "v_set": lambda text: self._voltage(text, [c]),
            "i_limit": lambda text: self._each([c], "i_limit", number(text, 0.0, I_NOMINAL)),
            "on": lambda text: self._voltage("ON" if text == "1" else "OFF", [c]),
        }
        self.turn(change, knobs)

    def trip(self, channel: str) -> None:
        self._named(channel).trip()

    def interlock(self, is_open: bool) -> None:
        self._advance()
        for c in self.channels:
            c.inhibited = is_open
            if is_open:
                c.drop()

    def _named(self, channel: str) -> ShrChannel:
        self._advance()
        for c in self.channels:
            if c.key == f"{self.name}.{channel}":
                return c
        raise ValueError(f"{self.name} has no channel {channel!r}, it has {', '.join(self.truth())}")
