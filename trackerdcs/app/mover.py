"""Moves the voltage of one channel: steps in the worker, stages of a supply that ramps by itself, and the way down.

Each step is a job of the worker, so a move that is cancelled sets nothing more and the voltage stays where it is.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from trackerdcs.app.channel_status import Reading
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.errors import CommandRefused, DeviceError, LinkError, VerifyError
from trackerdcs.domain.ramp import STAGE, beginning, below, near, number, tolerance, toward
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock, PowerSupply

LOOK = 0.2
"""Seconds between two looks at a channel that moves."""
STUCK = 5.0
"""Seconds without progress after which a move has failed."""
HANGS = 10.0
"""Seconds after which a job of the worker counts as hung."""


log = logging.getLogger(__name__)


class Stuck(VerifyError):
    """A voltage that has to come down does not move any more."""


T = TypeVar("T")


class Mover:
    """`judge(reading, follows)` raises what stops a move upwards, `notice(reading)` what stops one downwards.

    `known` is the newest reading of ours.
    """

    def __init__(
        self,
        ch: str,
        config: ChannelConfig,
        driver: PowerSupply,
        worker: Worker,
        clock: Clock,
        judge: Callable[[Reading, float | None], None],
        notice: Callable[[Reading], None],
    ) -> None:
        self._ch, self.config, self._driver = ch, config, driver
        self._worker, self._clock, self._judge = worker, clock, judge
        self._notice = notice
        self.hv = driver.kind == "hv"
        self.up, self.down = config.ramp_up, config.ramp_down
        """The ramp in force, V/s."""
        self.orders = 0
        """How many orders have begun: a poll that began before one of them says nothing about what came of it."""
        self.known: Reading = {}
        self.sending: Reading | None = None
        """What was known before an order of which nobody knows whether it has arrived."""

    def voltage(self) -> float:
        """The |V| measured last; infinite if it was not."""
        return abs(number(self.known.get("v_mon")))

    async def read(self, priority: Priority) -> Reading:
        """What the channel reads back now."""
        self.known = await self.do(priority, partial(self._driver.read, self._ch))
        return self.known

    async def certain(self, priority: Priority, *quantities: str) -> Reading:
        """A reading that has these quantities: what is not measured must not pass for a number, nor for off."""
        what = f"readable ({', '.join(quantities)})"
        return await self.until(priority, lambda now: all(q in now for q in quantities), what, STUCK)

    async def set(self, priority: Priority, v: float) -> Reading:
        """The setpoint, verified by the driver, and what the channel then reads."""

        def job() -> Reading:
            self._driver.set_voltage(self._ch, v)
            return self._driver.read(self._ch)

        self.known = await self.order(priority, job)
        return self.known

    async def order(self, priority: Priority, call: Callable[[], T]) -> T:
        """A job that writes: when nobody knows whether it has arrived, `sending` keeps what was before."""
        before, doubt, self.sending = self.known, self.sending, None
        self.orders += 1
        try:
            return await self.do(priority, call)
        except LinkError as e:
            # What was never sent does not settle what became of an earlier order.
            self.sending = doubt if e.delivered == "no" else before
            raise

    async def do(self, priority: Priority, call: Callable[[], T]) -> T:
        """A job of the worker; one that still waits in the queue when it is given up is never executed."""
        try:
            async with asyncio.timeout(HANGS):
                return await self._worker.run(priority, call)
        except TimeoutError as e:
            raise LinkError("the link hangs") from e

    async def move(self, target: float, up: bool) -> Reading:
        """To `target` (V) at the configured rate; returns when the voltage is there, raises what stops it."""
        priority = Priority.SET if up else Priority.DOWN
        rate = self.up if up else self.down
        now = await self.certain(priority, "v_set")
        if not self.hv:
            await self.set(priority, target)
        elif self._driver.hardware_ramp:
            start = beginning(self._driver.kind, now) if up else number(now["v_set"])
            await self._in_stages(start, target, rate, priority)
        else:
            await self._in_steps(number(now["v_set"]), target, rate, priority)
        close = tolerance(self._driver.kind, target)
        return await self.until(
            priority,
            lambda r: r.get("on") is True and near(r, target, close) and not _ramps(r),
            f"on at {target:g} V",
            STUCK,
            judged=up,
            noticed=not up,
        )

    def doubts_switch(self) -> bool:
        """True if an order may have switched the output on unnoticed."""
        return self.sending is not None and self.sending.get("on") is not True

    async def stop(self, priority: Priority, now: Reading) -> Reading:
        """Stay at the voltage of `now`: a ramp of the supply's own is stopped there."""
        if str(now.get("state")).startswith("ramping") and "v_mon" in now:
            return await self.set(priority, number(now["v_mon"]))
        return now

    async def emergency_off(self, priority: Priority) -> Reading:
        """Switch off at any voltage; returns when the output reads off."""
        await self.order(priority, lambda: self._driver.emergency_off(self._ch))
        return await self.until(priority, lambda r: r.get("on") is False, "off", 10.0)

    async def come_down(self, priority: Priority, patience: float) -> Reading:
        """Voltage to zero, wait until it is below v_safe_off, then the switch (SAFETY 2).

        Raises Stuck after `patience` s without progress.
        """
        now, safe = await self.certain(priority, "on"), self.config.v_safe_off
        if self.hv and now["on"] is True:
            await self._fall(priority, safe, patience)
        if now["on"] is True:
            await self.order(priority, lambda: self._driver.switch(self._ch, False))
        now = await self._low(
            priority,
            lambda r: r.get("on") is False and below(r, safe) and not _ramps(r),
            f"off and below {safe:g} V",
            patience,
        )
        if self.hv and now.get("v_set") != 0.0:
            now = await self.set(priority, 0.0)
        return now

    async def _low(self, priority: Priority, reached: Callable[[Reading], bool], what: str, patience: float) -> Reading:
        try:
            return await self.until(priority, reached, what, patience, noticed=True)
        except VerifyError as e:
            raise Stuck(f"{self._ch} for {patience:g} s without progress", e.expected, e.got) from e

    async def _fall(self, priority: Priority, safe: float, patience: float) -> None:
        if self._driver.hardware_ramp:
            try:
                await self._own_ramp(priority)
            except (CommandRefused, DeviceError, VerifyError) as e:  # that must not keep it up
                log.warning("%s: it goes down at the supply's own rate: %s", self._ch, e)
            return
        now = await self.certain(priority, "v_set")
        await self._in_steps(number(now["v_set"]), 0.0, self.down, priority)
        await self._low(priority, lambda r: below(r, safe), f"below {safe:g} V", patience)

    async def _own_ramp(self, priority: Priority) -> None:
        if (self.known.get("ramp_up"), self.known.get("ramp_down")) != (self.up, self.down):
            await self.do(priority, lambda: self._driver.set_ramp(self._ch, self.up, self.down))

    async def _in_steps(self, v: float, target: float, rate: float, priority: Priority) -> None:
        step = min(self.config.step_max, rate * LOOK)
        while v != target:
            v = toward(v, target, step)
            now = await self.set(priority, v)
            if priority is Priority.SET:
                self._judge(now, v)
            else:
                self._notice(now)
            # From the end of a step to the next: steps that had to wait in the queue do not catch up.
            await asyncio.sleep(step / rate)

    async def _in_stages(self, v: float, target: float, rate: float, priority: Priority) -> None:
        await self._own_ramp(priority)
        while v != target:
            v = toward(v, target, STAGE)
            await self.set(priority, v)
            if v != target:
                # The next stage is given shortly before the end of this one: the ramp does not pause in between.
                close = max(1.0, 2 * rate * LOOK)
                up = priority is Priority.SET
                await self.until(
                    priority, partial(near, target=v, close=close), f"at {v:g} V", STUCK, judged=up, noticed=not up
                )

    async def until(
        self,
        priority: Priority,
        reached: Callable[[Reading], bool],
        what: str,
        patience: float,
        judged: bool = False,
        noticed: bool = False,
    ) -> Reading:
        """Look until it is so; `patience` s without progress are a VerifyError. A look that fails is made again."""
        last: object = None
        since = self._clock.monotonic()
        while True:
            try:
                now = await self.read(priority)
            except LinkError:
                if self._clock.monotonic() - since > patience:
                    raise
            else:
                if judged:
                    self._judge(now, None)
                if noticed:
                    self._notice(now)
                if reached(now):
                    return now
                v = now.get("v_mon")
                if v is not None and (last is None or abs(number(v) - number(last)) > 0.1):
                    last, since = v, self._clock.monotonic()
                if self._clock.monotonic() - since > patience:
                    raise VerifyError(f"{self._ch} for {patience:g} s without progress", what, now)
            await asyncio.sleep(LOOK)


def _ramps(now: Reading) -> bool:
    return str(now.get("state")).startswith("ramping")
