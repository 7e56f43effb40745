"""An R&S HMP4040 low-voltage supply: four channels `ch1`..`ch4` behind one selector, the general output over all.

A channel gives voltage when it is selected for output (OUTP:SEL) and the general output is on. OUTP ON does both, so it
also starts other channels that were only waiting for the general output. A fuse trip ends when the channel is switched.
"""

from dataclasses import dataclass

from trackerdcs.sim.instrument import Handler, Refused, Scpi, Truth, number, switch
from trackerdcs.sim.world import World

V_MAX, I_MAX, OVP_MAX = 32.05, 10.01, 32.5
CC, CV, OVER_VOLTAGE, FUSE = (1 << b for b in (0, 1, 9, 10))


@dataclass
class HmpChannel:
    """One output."""

    key: str
    v_set: float = 0.0
    i_set: float = 0.1
    selected: bool = False
    ovp: float = OVP_MAX
    ovp_tripped: bool = False
    fuse: bool = False
    fuse_delay: float = 0.05
    fuse_tripped: bool = False
    limited_for: float = 0.0


class Hmp4040(Scpi):
    """The instrument."""

    identity = "ROHDE&SCHWARZ,HMP4040,SIM-104711,HW50020001/SW2.51"

    def __init__(self, world: World, name: str = "lv1") -> None:
        super().__init__(world, name)
        keys = [f"{name}.ch{n}" for n in range(1, 5)]
        for key in keys:
            world.load(key)
        self._channels = [HmpChannel(key) for key in keys]
        self._general, self._at, self._now = False, world.now(), self._channels[0]
        self._links: set[tuple[int, int]] = set()
        self.add(
            {
                "*RST": lambda _: self.brown_out(),
                "INST:NSEL": self._select,
                "INST:NSEL?": lambda _: str(self._channels.index(self._now) + 1),
                "INST": lambda rest: self._select(rest.upper().removeprefix("OUTP").removeprefix("OUT")),
                "INST?": lambda _: f"OUTP{self._channels.index(self._now) + 1}",
                "VOLT": self._set_voltage,
                "VOLT?": lambda rest: f"{_limit(rest, V_MAX, self._now.v_set):.3f}",
                "CURR": self._set_current,
                "CURR?": lambda rest: f"{_limit(rest, I_MAX, self._now.i_set):.4f}",
                "APPL": self._apply,
                "APPL?": lambda _: f"{self._now.v_set:.3f}, {self._now.i_set:.4f}",
                "OUTP": self._output,
                "OUTP?": lambda _: str(int(self._is_on(self._now))),
                "OUTP:STAT": self._output,
                "OUTP:STAT?": lambda _: str(int(self._is_on(self._now))),
                "OUTP:SEL": self._output_select,
                "OUTP:SEL?": lambda _: str(int(self._now.selected)),
                "OUTP:GEN": self._output_general,
                "OUTP:GEN?": lambda _: str(int(self._general)),
                "MEAS:VOLT?": lambda _: self._measure(0),
                "MEAS:CURR?": lambda _: self._measure(1),
                "VOLT:PROT": self._set_ovp,
                "VOLT:PROT?": lambda rest: f"{_limit(rest, OVP_MAX, self._now.ovp):.3f}",
                "VOLT:PROT:TRIP?": lambda _: str(int(self._now.ovp_tripped)),
                "VOLT:PROT:CLE": self._clear_ovp,
                "FUSE": self._set_fuse,
                "FUSE?": lambda _: str(int(self._now.fuse)),
                "FUSE:DEL": self._set_fuse_delay,
                "FUSE:DEL?": lambda _: f"{self._now.fuse_delay * 1e3:.0f}",
                "FUSE:TRIP?": lambda _: str(int(self._now.fuse_tripped)),
                "FUSE:LINK": self._link,
                "FUSE:UNL": self._unlink,
                **{f"STAT:QUES:INST:ISUM{n + 1}:COND?": self._condition(n) for n in range(4)},
                **{f"SYST:{word}": lambda _: None for word in ("REM", "LOC", "RWL", "MIX")},
            }
        )

    def advance(self) -> None:
        now = self.world.now()
        dt, self._at = now - self._at, now
        for n, c in enumerate(self._channels):
            v, _, limited = self._point(c)
            if v > c.ovp:
                c.ovp_tripped, c.selected = True, False
            c.limited_for = c.limited_for + dt if limited else 0.0
            if c.fuse and limited and c.limited_for > c.fuse_delay:
                for m in {n} | {b for a, b in self._links if a == n}:
                    self._channels[m].fuse_tripped, self._channels[m].selected = True, False

    def _is_on(self, c: HmpChannel) -> bool:
        return self._general and c.selected

    def _point(self, c: HmpChannel) -> tuple[float, float, bool]:
        return self.world.load_point(c.key, c.v_set, c.i_set) if self._is_on(c) else (0.0, 0.0, False)

    def _measure(self, what: int) -> str:
        value, digits, absolute = self._point(self._now)[what], (3, 4)[what], (3e-4, 5e-5)[what]
        return f"{max(self.shown(f'{self._now.key}.{what}', self.world.noise(value, 1e-4, absolute)), 0.0):.{digits}f}"

    def _condition(self, n: int) -> Handler:
        def ask(_: str) -> str:
            c = self._channels[n]
            limited = self._point(c)[2]
            mode = (CC if limited else CV) if self._is_on(c) else 0
            return str(mode | (OVER_VOLTAGE if c.ovp_tripped else 0) | (FUSE if c.fuse_tripped else 0))

        return ask

    def _select(self, rest: str) -> None:
        self._now = self._channels[int(number(rest, 1, len(self._channels))) - 1]

    def _set_voltage(self, rest: str) -> None:
        self._now.v_set = round(number(_limit_word(rest, V_MAX), 0.0, V_MAX), 3)

    def _set_current(self, rest: str) -> None:
        self._now.i_set = round(number(_limit_word(rest, I_MAX), 0.0, I_MAX), 4)

    def _apply(self, rest: str) -> None:
        v, _, i = rest.partition(",")
        v_set = round(number(v, 0.0, V_MAX), 3)
        self._set_current(i)
        self._now.v_set = v_set

    def _output(self, rest: str) -> None:
        on = switch(rest)
        self._output_select(rest)
        self._general = self._general or on

    def _output_select(self, rest: str) -> None:
        on = switch(rest)
        if on and self._now.ovp_tripped:
            raise Refused(-200, "Execution error")
        self._now.selected, self._now.fuse_tripped, self._now.limited_for = on, False, 0.0

    def _output_general(self, rest: str) -> None:
        self._general = switch(rest)

    def _set_ovp(self, rest: str) -> None:
        self._now.ovp = number(_limit_word(rest, OVP_MAX), 0.0, OVP_MAX)

    def _clear_ovp(self, _: str) -> None:
        self._now.ovp_tripped = False

    def _set_fuse(self, rest: str) -> None:
        self._now.fuse = switch(rest)

    def _set_fuse_delay(self, rest: str) -> None:
        self._now.fuse_delay = number(rest, 0.0, 250.0) / 1e3

    def _link(self, rest: str) -> None:
        self._links.add((self._channels.index(self._now), int(number(rest, 1, 4)) - 1))

    def _unlink(self, rest: str) -> None:
        self._links.discard((self._channels.index(self._now), int(number(rest, 1, 4)) - 1))

    def truth(self) -> Truth:
        self.advance()
        result: Truth = {}
        for n, c in enumerate(self._channels):
            v, i, limited = self._point(c)
            state = {"on": self._is_on(c), "compliance": limited, "tripped": c.ovp_tripped or c.fuse_tripped}
            result[f"ch{n + 1}"] = {"v": v, "i": i, "v_set": c.v_set, "i_limit": c.i_set, **state}
        return result

    def brown_out(self) -> None:
        self._channels = [HmpChannel(c.key) for c in self._channels]
        self._general, self._now = False, self._channels[0]
        self._links.clear()
        self.errors.clear()

    def front_panel(self, channel: str, change: dict[str, float | bool]) -> None:
        """Turning a knob selects the channel for everybody."""
        self._now = self._named(channel)
        self.turn(change, {"v_set": self._set_voltage, "i_limit": self._set_current, "on": self._output})

    def trip(self, channel: str) -> None:
        """Over-voltage."""
        c = self._named(channel)
        c.ovp_tripped, c.selected = True, False

    def _named(self, channel: str) -> HmpChannel:
        self.advance()
        for c in self._channels:
            if c.key == f"{self.name}.{channel}":
                return c
        raise ValueError(f"{self.name} has no channel {channel!r}, it has {', '.join(self.truth())}")


def _limit(rest: str, most: float, value: float) -> float:
    return {"MAX": most, "MIN": 0.0}.get(rest.upper()[:3], value)


def _limit_word(rest: str, most: float) -> str:
    return {"MAX": str(most), "MIN": "0"}.get(rest.upper()[:3], rest)
