"""One power channel: what a person may ask of it, what a poll reads of it, and the state that follows from both."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.mover import Mover
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.channel import Happening, State, after
from trackerdcs.domain.errors import CommandRefused, LinkError, Rejected, TrackerError, VerifyError
from trackerdcs.domain.messages import Value
from trackerdcs.domain.ramp import Watch, number, rises
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock, PowerSupply

RETRY = 0.5
"""Seconds between two tries to bring a channel down over a link that has a fault."""
LOST = 3
"""Bad readings in a row after which an output that was on is unknown (SAFETY 21)."""

log = logging.getLogger(__name__)

Reading = dict[str, Value]
Report = Callable[[str, str, str], None]


class ChannelControl:
    """Commands and watches one channel.

    `report(event, ch, why)` says what happens of its own accord, `hurry()` asks for the link after a fault.
    """

    def __init__(
        self,
        ch: str,
        config: ChannelConfig,
        driver: PowerSupply,
        worker: Worker,
        clock: Clock,
        report: Report,
        hurry: Callable[[], None],
    ) -> None:
        self._ch, self._config, self._driver, self._report, self._hurry = ch, config, driver, report, hurry
        self._hv = driver.kind == "hv"
        self._mover = Mover(ch, config, driver, worker, clock, self._stop_if)
        self._watch = Watch(config.i_soft, self._hv)
        self._polled: tuple[Value | None, Value | None] | None = None
        self._target: float | None = None
        self._down: asyncio.Task[None] | None = None
        self._owed: set[Callable[[], Awaitable[Reading]]] = set()
        self._busy = 0
        self._at_poll: int | None = 0
        self._bad = 0
        self.state: State = "unknown"
        self.cause: str | None = None
        """Why the channel is tripped; latched until a person clears it."""

    def trip_again(self, cause: str) -> None:
        """A trip that was latched before the service started is still there."""
        self.cause, self.state = cause, "tripped"

    def objection(self, cmd: str, v: float) -> str | None:
        """Why a command must not even begin, or None. `v`: the argument of set_voltage."""
        if self._owed and cmd in ("on", "set_voltage", "hold"):
            return f"{self._ch} goes down as soon as the link allows: {cmd} must not end that"
        if self._down is not None and not self._down.done() and cmd in ("on", "set_voltage"):
            return f"{self._ch} is still coming down ({self.cause or 'an order is undone'})"
        on, setpoint = self._mover.known.get("on"), number(self._mover.known.get("v_set"))
        up = cmd == "on" or (cmd == "set_voltage" and on is not False and rises(setpoint, v))
        if up and self.cause:
            return f"{self._ch} is tripped ({self.cause}): clear_trip first"
        if up and self.state == "unknown":
            return f"{self._ch} is unknown: there is no good reading of it"
        if cmd == "on" and self._hv and on is False and self._target is None:
            return f"{self._ch} has no target since it was last off or the service started: set_voltage first"
        return None

    async def set_voltage(self, v: float) -> Reading:
        """Done when the setpoint reads back, and if the output is on when the voltage is there."""
        now = await self._mover.certain(Priority.SET, "on", "v_set")
        self._target = v
        if now["on"] is not True:
            return self._agreed(await self._mover.set(Priority.SET, v))
        return await self._move(v, rises(number(now["v_set"]), v))

    async def set_ramp(self, up: float, down: float) -> Reading:
        """The ramp of the moves from now on, V/s; a supply that ramps by itself is told at once."""
        if self._driver.hardware_ramp:
            up, down = await self._mover.order(Priority.SET, lambda: self._driver.set_ramp(self._ch, up, down))
        self._mover.up, self._mover.down = up, down
        return {"ramp_up": up, "ramp_down": down}

    async def on(self) -> Reading:
        """Setpoint to zero, current limit within its bound, switch on, move to the target (SAFETY 3)."""
        now, target = await self._mover.certain(Priority.SET, "on", "v_set", "i_limit"), self._target
        if now["on"] is True:
            return now
        allowed = self._config.i_limit_max
        with self._ours():
            low, high, found = self._config.v_min, self._config.v_max, number(now["v_set"])
            if not self._hv and low is not None and high is not None and not low <= found <= high:
                raise CommandRefused(f"{self._ch}: v_set {found:g} V is outside its limits: set_voltage first")
            if allowed is not None and number(now["i_limit"]) > allowed:
                await self._mover.order(Priority.SET, lambda: self._driver.set_current_limit(self._ch, allowed))
            if self._hv and target is None:
                raise CommandRefused(f"{self._ch} has no target: set_voltage first")
            if self._hv:
                await self._mover.set(Priority.SET, 0.0)
            self._happens("rise")
            await self._mover.order(Priority.SET, lambda: self._driver.switch(self._ch, True))
            return await self._move(number(now["v_set"]) if target is None else target, True)

    async def off(self) -> Reading:
        """Voltage down, then the switch. Goes on when the link is back after a fault: it is never given up."""
        return await self._to_off(lambda: self._mover.come_down(Priority.DOWN))

    async def emergency_off(self) -> Reading:
        """The fastest way there is, at any voltage; always allowed."""

        async def switch() -> Reading:
            await self._mover.order(Priority.DOWN, lambda: self._driver.emergency_off(self._ch))
            return await self._mover.until(Priority.DOWN, lambda r: r.get("on") is False, "off", 10.0)

        self._owed.add(switch)  # from its first moment: what is slower must not take its place
        return await self._to_off(switch)

    async def hold(self) -> Reading:
        """Stay at the voltage of now: a ramp of the supply's own is stopped there."""
        self._target = None
        now = await self._mover.certain(Priority.DOWN, "on")
        if now["on"] is not True:
            return now
        if str(now.get("state")).startswith("ramping") and "v_mon" in now:
            now = await self._mover.set(Priority.DOWN, number(now["v_mon"]))
        self._happens("stopped")
        return self._agreed(now)

    async def clear_trip(self) -> Reading:
        """Unlatch, if the cause has gone; the state is then what the next reading says."""
        await self._mover.order(Priority.SET, lambda: self._driver.clear_trip(self._ch))
        now = await self._mover.certain(Priority.SET, "on")
        if (trouble := Watch(self._config.i_soft, self._hv, _over=1, _limited=1).trouble(now)) is not None:
            raise CommandRefused(f"{self._ch}: the cause is still there: {trouble}")
        if self._down is not None and not (await asyncio.wait({self._down}, timeout=RETRY))[0]:
            raise CommandRefused(f"{self._ch} is still coming down")
        if self.cause is not None:
            self.cause = None
            self._happens("cleared")
        return self._agreed(now)

    def poll_begins(self) -> None:
        """What is polled from here on may be older than what a command does meanwhile."""
        self._at_poll = None if self._busy else self._mover.orders

    def look(self, reading: Reading | None) -> None:
        """Judge what a poll has read of the channel; None if it could not."""
        if reading is None or "on" not in reading:
            self._bad += 1
            if self._bad == LOST and self.state not in ("off", "unknown", "tripped"):
                self._happens("lost")
                self._report("unknown", self._ch, "three bad readings in a row with the output on")
            return
        self._bad = 0
        if self._busy or self._at_poll != self._mover.orders:
            return
        before, self._mover.sending = self._mover.sending, None
        self._mover.known = reading
        self._notice(reading)
        self._happens("found_on" if reading["on"] is True else "found_off")
        if before is not None and reading["on"] is True and self._raised(before, reading):
            self._undo(before)
        elif self.cause is None and (trouble := self._watch.trouble(reading)):
            self._trip(trouble)

    def shown(self, reading: Reading) -> Value:
        """The state for the frame: ours, except that the supply knows better how it ramps by itself."""
        if self._busy or self.state in ("tripped", "unknown", "hold"):
            return self.state
        return reading.get("state", self.state)

    def _raised(self, before: Reading, now: Reading) -> bool:
        return before.get("on") is not True or rises(number(before.get("v_set")), number(now.get("v_set")))

    def _undo(self, before: Reading) -> None:
        """An order of unknown fate has raised the voltage: back to off, or to the lower setpoint (SAFETY 13)."""
        self._report("compensation", self._ch, "an order that had timed out was executed: it is undone")
        back = number(before.get("v_set"))
        if before.get("on") is True and back != float("inf"):
            self._soon(self._step_back(back))
        else:
            self._soon(self._come_down())

    def _notice(self, reading: Reading) -> None:
        """Whatever changes while nothing of ours moves it was changed by somebody else (SAFETY 14)."""
        now, before = (reading.get("on"), reading.get("v_set")), self._polled
        self._polled = now
        if before is None or None in now or before == now:
            return
        self._target = None
        was, is_now = (f"{'on' if on else 'off'} with v_set {v} V" for on, v in (before, now))
        self._report("external_change", self._ch, f"was {was}, is {is_now}")

    def _agreed(self, now: Reading) -> Reading:
        """What a command has led to is no change by somebody else."""
        self._polled = (now.get("on"), now.get("v_set"))
        return now

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Meanwhile polls judge nothing; an order may be on its way at a bad end, so the next reading is ours too."""
        self._busy += 1
        try:
            yield
        except BaseException:
            self._polled = None
            raise
        finally:
            self._busy -= 1

    async def _to_off(self, way: Callable[[], Awaitable[Reading]]) -> Reading:
        self._target = None
        with self._ours():
            self._happens("fall")
            now = await self._insist(way)
            self._happens("found_off")
            return self._agreed(now)

    async def _insist(self, attempt: Callable[[], Awaitable[Reading]]) -> Reading:
        """The safe direction is not given up because of the link: tried again until the instrument has answered."""
        edge = EdgeLog(log)
        try:
            while True:
                try:
                    return await attempt()
                except LinkError as e:
                    edge.fail("link", f"{self._ch}: it goes down when the link is back: {e}")
                    self._owed.add(attempt)
                    self._hurry()
                    await asyncio.sleep(RETRY)
        finally:
            self._owed.discard(attempt)

    async def _move(self, target: float, up: bool) -> Reading:
        try:
            with self._ours():
                self._happens("rise" if up else "fall")
                now = await self._mover.move(target, up)
        except VerifyError as e:
            self._happens("stopped")
            now = self._agreed(self._mover.known)
            if now.get("compliance") is True:
                i, v = number(now.get("i_mon")), number(now.get("v_mon"))
                raise Rejected(f"{self._ch} is in current limit: {i:.4g} A at {v:.4g} V, not {target:g} V") from e
            raise
        except BaseException:
            self._happens("stopped")
            raise
        self._happens("arrived")
        return self._agreed(now)

    def _stop_if(self, reading: Reading, follows: float | None) -> None:
        if self.cause is None and (trouble := self._watch.trouble(reading, follows)):
            self._trip(trouble)
        if self.cause is not None:
            raise Rejected(f"{self._ch} tripped: {self.cause}")
        if self.state == "unknown":
            raise Rejected(f"{self._ch} was unknown on its way: three bad readings in a row")

    def _trip(self, why: str) -> None:
        self.cause, self._target = why, None
        self._happens("trip")
        self._report("trip", self._ch, why)
        self._soon(self._come_down())

    def _soon(self, way_down: Coroutine[Any, Any, None]) -> None:
        if self._down is not None:
            self._down.cancel()
        self._down = asyncio.get_running_loop().create_task(way_down)

    async def _come_down(self) -> None:
        try:
            await self.off()
        except Exception as e:  # whatever it is, nobody else would hear of it
            log.exception("%s: on the way down", self._ch)
            self._report("trip", self._ch, f"it does not come down: {type(e).__name__}: {e}")

    async def _step_back(self, v: float) -> None:
        try:
            with self._ours():
                self._agreed(await self._insist(lambda: self._mover.set(Priority.DOWN, v)))
            self._happens("stopped")
        except TrackerError as e:
            self._report("compensation", self._ch, f"it could not be undone: {e}")

    def _happens(self, what: Happening) -> None:
        self.state = after(self.state, what)
