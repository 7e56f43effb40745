"""For tests: supplies without a wire that do what they are told, or not."""

from trackerdcs.domain.errors import Rejected, ReplyTimeout, VerifyError
from trackerdcs.tests.unit.test_power import Scripted, Values


class Obedient(Scripted):
    """Does what it is told, at once; as it stands it ramps by steps."""

    hardware_ramp = False

    def __init__(self) -> None:
        super().__init__()
        self.v, self.is_on = 0.0, False
        self.also: Values = {}
        self.lost = False

    def read(self, channel: str) -> Values:
        now: Values = {"on": self.is_on, "v_set": self.v, "v_mon": self.v if self.is_on else 0.0, "i_limit": 1e-6}
        return now | {"state": "on" if self.is_on else "off", "i_mon": 0.0} | self.also

    def set_voltage(self, channel: str, v: float) -> float:
        self.v = v
        return super().set_voltage(channel, v)

    def switch(self, channel: str, on: bool) -> None:
        self.is_on = on
        super().switch(channel, on)
        if self.lost:
            self.lost = False
            raise ReplyTimeout("on")

    def emergency_off(self, channel: str) -> None:
        super().emergency_off(channel)
        self.is_on = False


class Ramping(Obedient):
    """On its way to the setpoint for ever; a setpoint where it is stops it."""

    hardware_ramp = True
    deaf = 0
    """Orders that the link loses."""

    def set_voltage(self, channel: str, v: float) -> float:
        if self.deaf and self.is_on:
            self.deaf -= 1
            raise ReplyTimeout("v_set")
        return super().set_voltage(channel, v)

    def read(self, channel: str) -> Values:
        way: Values = {"v_mon": -7.0, "state": "ramping_up" if self.v < -7.0 else "on"}
        return super().read(channel) | (way if self.is_on else {})


class Stubborn(Obedient):
    """Stays where it is whatever it is told, but for the switch."""

    def __init__(self, verifies: bool) -> None:
        super().__init__()
        self.verifies = verifies

    def read(self, channel: str) -> Values:
        return super().read(channel) | ({"v_mon": -60.0} if self.is_on else {})

    def set_voltage(self, channel: str, v: float) -> float:
        if self.verifies and self.is_on:
            raise VerifyError("v_set", v, -60.0)
        return super().set_voltage(channel, v)

    def emergency_off(self, channel: str) -> None:
        if "emergency_off" not in self.orders:
            self.orders.append("emergency_off")
            raise Rejected("busy")
        super().emergency_off(channel)
