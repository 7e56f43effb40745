"""For tests: supplies without a wire that do what they are told, or not, and a service that their channels call."""

import threading
from typing import Any

from trackerdcs.app.channel_calls import ChannelCalls
from trackerdcs.domain.errors import LinkError, Rejected, ReplyTimeout, VerifyError
from trackerdcs.domain.instrument import Channel, Identity, Snapshot

Values = dict[str, float | bool | str]
UP: Values = {"v_set": -50.0, "v_mon": -50.0, "on": True, "state": "on", "i_limit": 1e-6}
OFF: Values = UP | {"v_mon": 0.0, "on": False, "state": "off"}


class Scripted:
    """A supply that reads back what the test says, the last line for ever, and does nothing."""

    kind = "hv"
    hardware_ramp = True

    def __init__(self, *reads: Values | LinkError) -> None:
        self.reads = list(reads)
        self.orders: list[Any] = []
        self.hangs: threading.Event | None = None

    def channels(self) -> dict[str, Channel]:
        return {}

    def identify(self) -> Identity:
        return Identity("", "", "", "", True)

    def poll(self, channels: object = None) -> Snapshot:
        return Snapshot({})

    def read(self, channel: str) -> Values:
        if self.hangs:
            self.hangs.wait(10)
        found = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        if isinstance(found, LinkError):
            raise found
        return found

    def set_voltage(self, channel: str, v: float) -> float:
        self.orders.append(v)
        return v

    def set_current_limit(self, channel: str, i: float) -> float:
        return i

    def set_ramp(self, channel: str, up: float, down: float) -> tuple[float, float]:
        return up, down

    def switch(self, channel: str, on: bool) -> None:
        self.orders.append(on)

    def emergency_off(self, channel: str) -> None:
        self.orders.append("emergency_off")

    def clear_trip(self, channel: str) -> None:
        self.orders.append("clear_trip")


def calls(**what: Any) -> ChannelCalls:
    """Calls that come to nothing, but for these."""
    nothing: dict[str, Any] = dict.fromkeys(("report", "latch", "intend", "hurry", "blocked", "kill"), lambda *_: None)
    return ChannelCalls(**nothing | what)


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
