"""Two boards that measure air temperature and humidity and talk unasked on a serial port.

`EnvBoard`, our own firmware, says one JSON line a second, LF at its end:

    {"id":"trackerdcs-env","sn":"SIM-0001","fw":"1.0","seq":12,"t_air":21.31,"rh":40.2,"crc":"1a2b"}

`seq` counts from 0 since the board started. `crc` is the last key: CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF,
nothing reflected, no final exclusive-or; "123456789" gives 0x29B1) as four hex digits, over the bytes of the same line
without that key, i.e. the text before `,"crc"` and a closing brace:

    {"id":"trackerdcs-env","sn":"SIM-0001","fw":"1.0","seq":12,"t_air":21.31,"rh":40.2}

Keys in this order, no spaces. A value that could not be measured is left out. `DhtBoard` is an Arduino sketch for a
DHT22 as labs have it: after a banner, either two lines of which the second has no end, so that they run together
(`lines`), or both values in one line (`pairs`); `nan` and `Failed to read` when the sensor does not answer.
"""

import json
from typing import Literal

from trackerdcs.domain.crc import with_crc
from trackerdcs.sim.instrument import Truth
from trackerdcs.sim.talker import Talker
from trackerdcs.sim.world import World


class _Board(Talker):
    """Two measurements; sensor failure is part of what such a board says."""

    def __init__(self, world: World, name: str = "env1") -> None:
        super().__init__(world, name)
        self._sensor_fails = False

    def _air(self) -> tuple[float, float]:
        return self.shown("t_air", self.world.t_air()), self.shown("rh", self.world.rh())

    def truth(self) -> Truth:
        values = self.world.values()
        return {"-": {"t_air": values["t_air"], "rh": values["rh"]}}

    def brown_out(self) -> None:
        self.start()

    def fail_sensor(self, fails: bool) -> None:
        self._sensor_fails = fails


class EnvBoard(_Board):
    """Own firmware: JSON lines with a sequence number and a checksum."""

    def __init__(self, world: World, name: str = "env1") -> None:
        super().__init__(world, name)
        self._seq = 0

    def start(self) -> str:
        self._seq = 0
        return self.talk()

    def talk(self) -> str:
        t_air, rh = self._air()
        says: dict[str, object] = {"id": "trackerdcs-env", "sn": "SIM-0001", "fw": "1.0", "seq": self._seq}
        if not self._sensor_fails:
            says |= {"t_air": round(t_air, 2), "rh": round(rh, 1)}
        self._seq += 1
        return with_crc(json.dumps(says, separators=(",", ":"))) + "\n"


class DhtBoard(_Board):
    """An Arduino with a DHT22, at most one reading in 2 s."""

    period = 2.0

    def __init__(self, world: World, name: str = "env1", style: Literal["lines", "pairs"] = "lines") -> None:
        super().__init__(world, name)
        self._style = style

    def start(self) -> str:
        return "DHT22 SIM-0002\r\n"

    def talk(self) -> str:
        t_air, rh = self._air()
        if self._style == "pairs":
            if self._sensor_fails:
                return "Failed to read from DHT sensor!\r\n"
            return f"Humidity: {rh:.2f} | Temperature: {t_air:.2f}\r\n"
        if self._sensor_fails:
            return "Temperature: nan\r\nHumidity: nan"
        return f"Temperature: {t_air:.2f}\r\nHumidity: {rh:.2f}"
