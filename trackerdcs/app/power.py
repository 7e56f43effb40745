"""What the commands of a power channel do, step by step, each step a job of the worker.

A command is done when the instrument reads back what was asked. Ramps in the worker and interlocks have their place in
`_rise`: until they exist, only a simulated high-voltage supply is told to go up (domain/desk.py).
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.desk import Args
from trackerdcs.domain.errors import LinkError, Rejected, VerifyError
from trackerdcs.domain.messages import Value
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock, PowerSupply

LOOK = 0.2
"""Seconds between two looks at a channel that moves."""
SLACK = 10.0
"""Seconds that a channel may take beyond the time of its ramp, and a job of the worker before it counts as hung."""

Reading = dict[str, Value]
T = TypeVar("T")


def tolerance(kind: str, v: float) -> float:
    """How far (V) a measured voltage may be from its target and count as there."""
    return max(1.0 if kind == "hv" else 0.05, 0.01 * abs(v))


class Power:
    """Executes commands on the channels of one supply."""

    def __init__(self, driver: PowerSupply, worker: Worker, channels: dict[str, ChannelConfig], clock: Clock) -> None:
        self._driver, self._worker, self._channels, self._clock = driver, worker, channels, clock

    async def execute(self, cmd: str, ch: str, args: Args) -> Reading:
        """Carry a judged command out and return what the channel reads back."""
        match cmd:
            case "set_voltage":
                return await self._set_voltage(ch, float(args["v"]))
            case "set_current_limit":
                i = float(args["i"])
                return {"i_limit": await self._do(Priority.SET, lambda: self._driver.set_current_limit(ch, i))}
            case "set_ramp":
                up, down = float(args["up"]), float(args["down"])
                up, down = await self._do(Priority.SET, lambda: self._driver.set_ramp(ch, up, down))
                return {"ramp_up": up, "ramp_down": down}
            case "on":
                return await self._rise(ch)
            case "off":
                return await self._off(ch)
            case "emergency_off":
                await self._do(Priority.DOWN, lambda: self._driver.emergency_off(ch))
                return await self._until(ch, lambda now: now.get("on") is False, "off", 0.0)
            case "clear_trip":
                await self._do(Priority.SET, lambda: self._driver.clear_trip(ch))
                return await self._until(ch, lambda now: now.get("state") != "tripped", "without a trip", 0.0)
        raise Rejected(f"{cmd}: the device service does not know it")

    async def _set_voltage(self, ch: str, v: float) -> Reading:
        await self._do(Priority.SET, lambda: self._driver.set_voltage(ch, v))
        now = await self._known(ch, "on")
        return await self._until_at(ch, v) if now["on"] else now

    async def _rise(self, ch: str) -> Reading:
        await self._do(Priority.SET, lambda: self._driver.switch(ch, True))
        return await self._until_at(ch, _number(await self._known(ch, "v_set"), "v_set"))

    async def _off(self, ch: str) -> Reading:
        """Voltage down first, then the switch: at once for low voltage, after the fall for high voltage (SAFETY 2)."""
        safe = self._channels[ch].v_safe_off
        if self._driver.kind == "hv" and not self._driver.hardware_ramp and (await self._read(ch)).get("on"):
            await self._do(Priority.DOWN, lambda: self._driver.set_voltage(ch, 0.0))
            await self._until(ch, lambda now: _below(now, safe), f"below {safe:g} V", 0.0)
        start = await self._read(ch)
        await self._do(Priority.DOWN, lambda: self._driver.switch(ch, False))
        seconds = abs(_number(start, "v_mon", 0.0)) / self._channels[ch].ramp_down
        return await self._until(
            ch,
            lambda now: now.get("on") is False and _below(now, safe) and now.get("state") != "ramping_down",
            f"off, below {safe:g} V and at rest",
            seconds,
        )

    async def _until_at(self, ch: str, target: float) -> Reading:
        start = _number(await self._known(ch, "v_mon"), "v_mon")
        config = self._channels[ch]
        seconds = abs(target - start) / min(config.ramp_up, config.ramp_down)
        near = tolerance(self._driver.kind, target)
        return await self._until(
            ch,
            lambda now: now.get("state") == "on" and abs(_number(now, "v_mon") - target) <= near,
            f"on at {target:g} V",
            seconds,
            True,
        )

    async def _known(self, ch: str, quantity: str) -> Reading:
        """What is not measured is looked at again: it must not pass for a number, nor for off."""
        return await self._until(ch, lambda now: quantity in now, f"readable ({quantity})", 0.0)

    async def _until(
        self, ch: str, reached: Callable[[Reading], bool], what: str, seconds: float, up: bool = False
    ) -> Reading:
        """Look until the channel is there; a look may fail and be repeated, the order is never sent again."""
        deadline = self._clock.monotonic() + seconds + SLACK
        while True:
            try:
                now = await self._read(ch)
            except LinkError:
                if self._clock.monotonic() > deadline:
                    raise
            else:
                if reached(now):
                    return now
                if up and now.get("state") == "tripped":
                    raise Rejected(f"{ch} tripped on its way to be {what}")
                if self._clock.monotonic() > deadline:
                    raise VerifyError(f"{ch} after {seconds + SLACK:.0f} s", what, now)
            await asyncio.sleep(LOOK)

    async def _read(self, ch: str) -> Reading:
        return await self._do(Priority.SET, lambda: self._driver.read(ch))

    async def _do(self, priority: Priority, call: Callable[[], T]) -> T:
        """A job of the worker; one that still waits in the queue when it is given up is never executed."""
        try:
            async with asyncio.timeout(SLACK):
                return await self._worker.run(priority, call)
        except TimeoutError as e:
            raise LinkError("the link hangs") from e


def _number(now: Reading, quantity: str, absent: float = float("inf")) -> float:
    """A quantity as a number; `absent` (nowhere near anything, unless said) when it was not measured."""
    value = now.get(quantity, absent)
    return absent if isinstance(value, str) else float(value)


def _below(now: Reading, safe: float) -> bool:
    """True if the voltage is known to be low; a supply that does not measure while off has nothing to show."""
    return ("v_mon" not in now and now.get("on") is False) or abs(_number(now, "v_mon")) <= safe
