"""The way down of one channel during a kill, an exchange or two at a time, on the worker's thread."""

import logging
from collections.abc import Mapping

from trackerdcs.domain.errors import CommandRefused, DeviceError, LinkError, TrackerError, VerifyError
from trackerdcs.domain.messages import Value
from trackerdcs.domain.ramp import below, number, toward
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock, PowerSupply

log = logging.getLogger(__name__)

NO_PROGRESS = 10.0
"""Seconds without progress after which a kill switches off at any voltage (SAFETY 8)."""
LOOK = 0.2
"""Seconds between two looks at a channel that goes down."""
SELDOM = 1.0
"""Seconds between two looks at a supply whose steps are read back: a look at it takes longer than a step."""
PROGRESS = 0.5
"""V; a voltage that has fallen by less is noise."""


class KillWay:
    """Towards zero at `kill_rate`, the switch below `v_safe_off`; at once in an emergency. `down` when seen off."""

    def __init__(self, ch: str, config: ChannelConfig, driver: PowerSupply, clock: Clock) -> None:
        self.ch, self._config, self._driver, self._clock = ch, config, driver, clock
        self.reading: dict[str, Value] = {}
        """The last that was read of the channel."""
        self.down = False
        self.emergency = False
        self.trouble: str | None = "not looked at yet"
        """Why the channel is not known to go down, or None."""
        self.due = 0.0
        """When the next step may begin (monotonic s)."""
        self._progress_at = clock.monotonic()
        self._lowest = float("inf")
        self._told = False
        self._look_at = float("-inf")

    def hurry(self) -> None:
        """No ramp any more: the switch."""
        self.emergency, self.due = True, 0.0

    def step(self) -> None:
        """Go on by one step. What goes wrong is in `trouble`, and the next step tries again; raises LinkError."""
        now = self._clock.monotonic()
        if now - self._progress_at > NO_PROGRESS:
            self.emergency = True
        self.due = now + LOOK
        try:
            self._go(now)
        except LinkError as e:
            self._told, self.reading, self.trouble = False, {}, str(e)
            raise
        except TrackerError as e:
            self._told, self._look_at, self.trouble = False, float("-inf"), str(e)
        else:
            self.trouble = None

    def _go(self, now: float) -> None:
        if self.emergency and not self._seen_off(self.reading):
            self._driver.emergency_off(self.ch)
        elif self._driver.hardware_ramp and not self._told:
            self._tell_supply()
            self.due = now  # the other channels are told first, then each is looked at
            return
        elif not self._driver.hardware_ramp and self.reading.get("on") is True and now < self._look_at:
            self._step_down(now)
            return
        self._look(now)

    def _seen_off(self, reading: Mapping[str, Value]) -> bool:
        """Off, and below v_safe_off as well: a supply may ramp down after it was switched off."""
        return reading.get("on") is False and below(reading, self._config.v_safe_off)

    def _tell_supply(self) -> None:
        """It ramps by itself. One that does not take the rate goes down at its own."""
        try:
            self._driver.set_ramp(self.ch, self._config.ramp_up, self._config.kill_rate)
        except (CommandRefused, DeviceError, VerifyError) as e:
            log.warning("%s: the kill goes at the supply's own rate: %s", self.ch, e)
        self._driver.set_voltage(self.ch, 0.0)
        self._told = True

    def _step_down(self, now: float) -> None:
        v = number(self.reading.get("v_set"))
        if v in (0.0, float("inf")):
            return
        step = min(self._config.step_max, self._config.kill_rate * LOOK)
        self.reading = self.reading | {"v_set": self._driver.set_voltage(self.ch, toward(v, 0.0, step))}
        self._progress_at = self._clock.monotonic()
        # From the begin of a step to the begin of the next: those that had to wait do not catch up.
        self.due = now + step / self._config.kill_rate

    def _look(self, now: float) -> None:
        self.reading = found = self._driver.read(self.ch)
        safe = self._config.v_safe_off
        if found.get("on") is True and below(found, safe) and not self.emergency:
            self._driver.switch(self.ch, False)
            self.reading = found = self._driver.read(self.ch)
        v = abs(number(found.get("v_mon")))
        if v < self._lowest - PROGRESS:
            self._lowest, self._progress_at = min(v, self._lowest), self._clock.monotonic()
        self.down = self._seen_off(found)
        if found.get("on") is True and number(found.get("v_set")) != 0.0:
            self.due, self._look_at = now, self._clock.monotonic() + SELDOM
