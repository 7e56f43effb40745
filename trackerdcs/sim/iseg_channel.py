"""One output of a simulated iseg SHR: its ramp in hardware, its current limit, its latches and its status word."""

from dataclasses import dataclass

from trackerdcs.sim.world import World

V_NOMINAL = 2000.0
I_NOMINAL = 4e-3
RAMP = (0.01, 400.0)  # V/s
SUBSTEP = 0.05  # s of a ramp between two looks at the current
NEAR = 0.05  # V below the voltage at which the limit holds

POSITIVE, ON, RAMPING, EMERGENCY, CC, CV, INHIBIT, TRIP = (1 << b for b in (0, 3, 4, 5, 6, 7, 12, 13))
LATCHED = EMERGENCY | CC | INHIBIT | TRIP
MODULE_GOOD, SAFETY_LOOP_GOOD = 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 14, 1 << 10
FLAG_ONLY, RAMP_DOWN, CHANNEL_OFF, MODULE_OFF, TRIP_DISABLED = range(5)


@dataclass
class ShrChannel:
    """One output; voltages and currents are magnitudes."""

    world: World
    key: str
    v_set: float = 0.0
    i_limit: float = I_NOMINAL
    up: float = 10.0
    down: float = 20.0
    trip_time: float = 0.1
    trip_action: int = CHANNEL_OFF
    sign: float = -1.0
    on: bool = False
    v: float = 0.0
    i: float = 0.0
    cc: bool = False
    tripped: bool = False
    emergency: bool = False
    inhibited: bool = False
    events: int = 0
    over: float = 0.0
    v_bounds: float = 0.0
    i_bounds: float = 0.0

    @property
    def target(self) -> float:
        return self.v_set if self.on else 0.0

    def advance(self, dt: float) -> None:
        """Ramp and look at the current in small steps: a trip happens where it should, however rarely we are asked."""
        while dt > 0.0:
            step = min(dt, max(SUBSTEP, dt / 400)) if self.v != self.target or self.cc else dt
            change = self.target - self.v
            self.v += min(max(change, -self.down * step), self.up * step)
            self.v, self.i, self.cc = self.world.sensor_point(self.key, self.v, self.i_limit)
            if self.v < self.target:  # held back already, however short this step was
                near = min(self.target, self.v + NEAR)
                self.cc = self.cc or self.world.sensor_current(self.key, near) > self.i_limit
            self.over = self.over + step if self.cc else 0.0
            if self.over > self.trip_time and self.trip_action != TRIP_DISABLED:
                self.trip()
            self.events |= self.status() & LATCHED
            dt -= step

    def trip(self) -> None:
        self.tripped, self.over = True, 0.0
        if self.trip_action == RAMP_DOWN:
            self.on = False
        elif self.trip_action != FLAG_ONLY:
            self.drop()
        self.events |= TRIP

    def drop(self) -> None:
        """Off without a ramp."""
        self.on, self.cc, self.v, self.i = False, False, 0.0, 0.0

    def status(self) -> int:
        ramping = self.v != self.target and not self.cc
        return (
            (POSITIVE if self.sign > 0 else 0)
            | (ON if self.on else 0)
            | (RAMPING if ramping else 0)
            | (EMERGENCY if self.emergency else 0)
            | (CC if self.cc else 0)
            | (CV if self.on and not ramping and not self.cc else 0)
            | (INHIBIT if self.inhibited else 0)
            | (TRIP if self.tripped else 0)
        )
