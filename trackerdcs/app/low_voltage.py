"""Low voltage in the order of its modules: it does not go off while the high voltage of the module is up (SAFETY 4)."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from trackerdcs.app.conditions import GOES_OFF
from trackerdcs.app.neighbours import Neighbours
from trackerdcs.app.power import Power
from trackerdcs.domain.channel import Intents
from trackerdcs.domain.dependence import still_up
from trackerdcs.domain.stand import DeviceConfig
from trackerdcs.ports import Clock

PATIENCE = 10.0
"""Seconds that a low voltage which must go off waits at most for the high voltage of its module."""
LOOK = 0.05
"""Seconds between two looks meanwhile."""

Announce = Callable[[str, str, str, dict[str, Any]], None]


class LowVoltage:
    """The outputs of a low-voltage supply. `announce(event, ch, why, data)` tells the stand what is about to happen."""

    def __init__(
        self,
        power: Power,
        devices: Mapping[str, DeviceConfig],
        module: Callable[[str], str | None],
        neighbours: Neighbours,
        announce: Announce,
        clock: Clock,
    ) -> None:
        self._power, self._devices, self._module = power, devices, module
        self._neighbours, self._announce, self._clock = neighbours, announce, clock
        self._deadline: dict[str, float] = {}
        """Channels that wait for their high voltage, and until when (monotonic s)."""
        self._going: dict[str, asyncio.Task[None]] = {}
        power.lose = lambda ch, why: self._go_off(ch, why, power.abandon)

    def refusal(self, cmd: str, ch: str) -> str | None:
        """Why a command would break the order, or None."""
        if cmd != "emergency_off" and self._deadline.get(ch, 0.0) > self._clock.monotonic():
            return f"{ch} goes off as soon as the high voltage of {self._module(ch)} is down"
        return self.high_voltage(ch) if cmd == "off" else None

    def high_voltage(self, ch: str) -> str | None:
        """Why the high voltage of the module counts as up, or None."""
        module = self._module(ch)
        for device, other in self._neighbours.bound(module) if module else ():
            config = self._devices[device].channels.get(other)
            safe = config.v_safe_off if config else 0.0
            reading = self._neighbours.reading(device, other)
            if (why := still_up(f"{device}.{other}", module or "", reading, safe)) is not None:
                return why
        return None

    async def before(self, cmd: str, ch: str) -> None:
        """The fastest way off comes after the high voltage, too."""
        if cmd == "emergency_off":
            await self._last(ch, f"{ch} is switched off at once")

    async def _last(self, ch: str, why: str) -> None:
        """Say that the channel is about to go off, and wait for the high voltage of its module."""
        if self.high_voltage(ch) is None:
            return
        now = self._clock.monotonic()
        if self._deadline.get(ch, 0.0) <= now:  # asked for again meanwhile, the time of the first one goes on
            self._deadline[ch] = now + PATIENCE
        self._announce(GOES_OFF, ch, why, {"module": self._module(ch)})
        while self._clock.monotonic() < self._deadline.get(ch, 0.0):
            await asyncio.sleep(LOOK)
            if self.high_voltage(ch) is None:
                break
        self._deadline.pop(ch, None)

    def is_up(self, ch: str) -> bool:
        """True unless the output is known to be off."""
        return self._power.is_up(ch)

    def bring_down(self, ch: str, cause: str) -> None:
        """Off after the high voltage."""
        self._go_off(ch, cause, self._power.bring_down)

    def kill(self, ch: str, cause: str) -> None:
        """As bring_down: a low voltage has no faster way."""
        self.bring_down(ch, cause)

    def stay(self, ch: str, cause: str) -> None:
        """Nothing goes up any more."""
        self._power.stay(ch, cause)

    def resume(self, intents: Intents) -> None:
        """Complete what an earlier start has begun, after the high voltage."""
        for ch, (intent, cause) in intents.items():
            if ch not in self._going:
                self._going[ch] = asyncio.get_running_loop().create_task(self._resume(ch, {ch: (intent, cause)}))

    async def _resume(self, ch: str, intents: Intents) -> None:
        try:
            await self._last(ch, f"{ch} is switched off: an order of the last run is completed")
            self._power.resume(intents)
        finally:
            del self._going[ch]

    def _go_off(self, ch: str, why: str, off: Callable[[str, str], None]) -> None:
        if ch not in self._going:
            self._going[ch] = asyncio.get_running_loop().create_task(self._go(ch, why, off))

    async def _go(self, ch: str, why: str, off: Callable[[str, str], None]) -> None:
        try:
            await self._last(ch, why)
            off(ch, why)
        finally:
            del self._going[ch]
