"""One power channel: what a person, a fault or an interlock may ask of it, carried out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from trackerdcs.app.account import Account, on_account_of
from trackerdcs.app.channel_calls import ChannelCalls
from trackerdcs.app.channel_judge import ChannelJudge
from trackerdcs.app.channel_status import ChannelStatus, Reading
from trackerdcs.app.mover import Mover
from trackerdcs.app.way_down import RETRY, WayDown
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.errors import CommandRefused, LinkError, Rejected, TrackerError, VerifyError
from trackerdcs.domain.ramp import Watch, beginning, near, number, rises, tolerance
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock, PowerSupply

SOON = 0.5
"""Seconds that a person who clears a trip may have to wait for the end of the way down."""


class ChannelControl:
    """Commands of one channel, and what is done to it without one."""

    def __init__(
        self,
        ch: str,
        config: ChannelConfig,
        driver: PowerSupply,
        worker: Worker,
        clock: Clock,
        calls: ChannelCalls,
    ) -> None:
        self._ch, self._config, self._driver = ch, config, driver
        self._report, self._blocked = calls.report, calls.blocked
        self._hv = driver.kind == "hv"
        self.status = ChannelStatus()
        self._mover = Mover(
            ch,
            config,
            driver,
            worker,
            clock,
            lambda reading, follows: self.judge.step(reading, follows),
            lambda reading: self.judge.fall(reading),
        )
        self.down = WayDown(ch, self.status, self._mover, clock, calls)
        self._watch = Watch(config.i_soft, self._hv)
        self.judge = ChannelJudge(ch, config, self.status, self._mover, self.down, self._watch, clock, calls)
        self._rises = False
        self._holding: asyncio.Task[None] | None = None

    def bound_by(self, config: ChannelConfig) -> None:
        """Other limits from now on; a target outside of them is dropped."""
        self._config = self.judge.config = self._mover.config = config
        self._watch.i_soft = config.i_soft
        self._mover.up, self._mover.down = config.ramp_up, config.ramp_down
        if self.status.target is not None and not _within(config, self.status.target):
            self.status.target = None
            self.stay("its target is outside of the limits from now on")

    def beyond(self, config: ChannelConfig) -> str | None:
        """Why the output is above these limits now, or None."""
        known = self._mover.known
        if not self.judge.is_up():
            return None
        for quantity, close in (("v_set", 0.0), ("v_mon", 1.0)):
            v = number(known.get(quantity))
            slack = close and tolerance(self._driver.kind, v)
            if quantity in known and not (
                _within(config, v - slack) or _within(config, v) or _within(config, v + slack)
            ):
                return f"{self._ch} is up with {quantity} {v:g} V"
        if not known or (config.i_limit_max is not None and number(known.get("i_limit")) > config.i_limit_max):
            return f"{self._ch} is up with i_limit {known.get('i_limit', 'unknown')} A"
        return None

    def trip_again(self, cause: str) -> None:
        """A trip that was latched before the service started is still there."""
        self.status.cause, self.status.state = cause, "tripped"

    def bring_down(self, cause: str) -> None:
        """Latch a cause and come down; once, however often it is asked for while the channel is on its way."""
        if self.status.cause is None:
            self.down.trip(cause)
        elif self.judge.is_up() and not self.down.to_off:
            self.down.begin(cause)

    def abandon(self, why: str) -> None:
        """Come down because whoever held the channel is gone; nothing is latched."""
        if self.judge.is_up() and not self.down.to_off:
            self.down.begin(why)

    def stay(self, cause: str) -> None:
        """End a move upwards, and hold the voltage of that moment; nothing if the channel does not rise."""
        if not self._rises:
            return
        self.status.end_move(cause)
        self._report("hold", self._ch, cause)
        self._holding = asyncio.get_running_loop().create_task(self._hold_on(cause))

    def killed(self, cause: str) -> None:
        """The killer has the channel: nothing of ours moves it, and polls judge nothing, until `kill_ended`."""
        self.status.end_move("killed")
        if self._holding is not None:
            self._holding.cancel("killed")
        self.down.give_up()
        self.status.cause, self.status.target = cause, None
        self.down.intend("kill")
        self.status.busy += 1
        self.status.happens("trip")

    def kill_ended(self) -> None:
        """The channel is ours again, off and tripped."""
        self.status.busy -= 1
        self.status.agreed = None
        self.down.intend(None)

    def objection(self, cmd: str, v: float) -> str | None:
        """Why a command must not even begin, or None. `v`: the argument of set_voltage."""
        coming = self.down.under_way or (self.down.to_off and self.status.cause is not None)
        if coming and cmd in ("on", "set_voltage", "hold"):
            return f"{self._ch} is still coming down ({self.status.cause or self.down.why})"
        if self.down.owed and cmd in ("on", "set_voltage", "hold"):
            return f"{self._ch} goes down as soon as the link allows: {cmd} must not end that"
        if cmd == "on" and self.down.to_off:
            return f"{self._ch} is on its way to off: set_voltage ends that, or wait"
        if cmd == "clear_trip":
            return self._still_there()
        on, start = self._mover.known.get("on"), beginning(self._driver.kind, self._mover.known)
        up = cmd == "on" or (cmd == "set_voltage" and on is not False and rises(start, v))
        if up and self.status.cause:
            return f"{self._ch} is tripped ({self.status.cause}): clear_trip first"
        if up and self.status.state == "unknown":
            return f"{self._ch} is unknown: there is no good reading of it"
        if up and (why := self._blocked(self._ch)) is not None:
            return f"{self._ch}: {why}"
        if cmd == "on" and self._hv and on is False and self.status.target is None:
            return f"{self._ch} has no target since it was last off or the service started: set_voltage first"
        return None

    async def set_voltage(self, v: float) -> Reading:
        """Done when the setpoint reads back, and if the output is on when the voltage is there."""
        now = await self._mover.certain(Priority.SET, "on", "v_set")
        self._begins("set_voltage", v)
        if now["on"] is True and self._mover.doubts_switch():
            raise Rejected(f"{self._ch} is on by an order whose answer was lost: it is undone first")
        self.status.target = v
        if now["on"] is not True:
            return self.status.agree(await self._mover.set(Priority.SET, v))
        return await self._move(v, rises(beginning(self._driver.kind, now), v))

    async def set_ramp(self, up: float, down: float) -> Reading:
        """The ramp of the moves from now on, V/s; a supply that ramps by itself is told at once."""
        if self._driver.hardware_ramp:
            up, down = await self._mover.order(Priority.SET, lambda: self._driver.set_ramp(self._ch, up, down))
        self._mover.up, self._mover.down = up, down
        return {"ramp_up": up, "ramp_down": down}

    async def on(self) -> Reading:
        """Setpoint to zero, current limit within its bound, switch on, move to the target (SAFETY 3)."""
        now = await self._mover.certain(Priority.SET, "on", "v_set", "i_limit")
        self._begins("on")
        target = self.status.target
        self._mover.sending = None  # what became of an earlier order is read now, and this one decides (SAFETY 13)
        if now["on"] is True:
            if target is None or near(now, target, tolerance(self._driver.kind, target)):
                return self.status.agree(now)
            return await self._move(target, rises(beginning(self._driver.kind, now), target))
        allowed = self._config.i_limit_max
        with self.status.ours(), self._moves(up=True):
            low, high, found = self._config.v_min, self._config.v_max, number(now["v_set"])
            if not self._hv and low is not None and high is not None and not low <= found <= high:
                raise CommandRefused(f"{self._ch}: v_set {found:g} V is outside its limits: set_voltage first")
            if allowed is not None and number(now["i_limit"]) > allowed:
                await self._mover.order(Priority.SET, lambda: self._driver.set_current_limit(self._ch, allowed))
            if self._hv and target is None:
                raise CommandRefused(f"{self._ch} has no target: set_voltage first")
            if self._hv:
                await self._mover.set(Priority.SET, 0.0)
            self.judge.may_rise()
            self.status.happens("rise")
            await self._mover.order(Priority.SET, lambda: self._driver.switch(self._ch, True))
            return await self._move(number(now["v_set"]) if target is None else target, True)

    async def off(self) -> Reading:
        """Voltage down, then the switch. Goes on when the link is back after a fault: it is never given up."""
        return await self.down.off()

    async def emergency_off(self) -> Reading:
        """The fastest way there is, at any voltage; always allowed."""
        return await self.down.emergency_off()

    async def hold(self) -> Reading:
        """Stay at the voltage of now: a ramp of the supply's own is stopped there."""
        now = await self._mover.certain(Priority.DOWN, "on")
        self._begins("hold")
        self.status.target = None
        if now["on"] is not True:
            return now
        now = await self._mover.stop(Priority.DOWN, now)
        self.status.happens("stopped")
        return self.status.agree(now)

    async def clear_trip(self) -> Reading:
        """Unlatch, if the cause has gone; the state is then what the next reading says."""
        if not await self.down.ended(SOON):
            raise CommandRefused(f"{self._ch} is still coming down")
        await self._mover.order(Priority.SET, lambda: self._driver.clear_trip(self._ch))
        now = await self._mover.certain(Priority.SET, "on")
        if (trouble := Watch(self._config.i_soft, self._hv, _over=1, _limited=1).trouble(now)) is not None:
            raise CommandRefused(f"{self._ch}: the cause is still there: {trouble}")
        if (still := self._still_there()) is not None:
            raise CommandRefused(still)
        if self.status.cause is not None:
            self.status.cause = None
            self.status.happens("cleared")
        return self.status.agree(now)

    def _begins(self, cmd: str, v: float = 0.0) -> None:
        """Newer than any way down that has begun; CommandRefused if what was judged before is no longer so."""
        why = self.objection(cmd, v)
        if why is None and cmd == "set_voltage" and not _within(self._config, v):
            why = f"{self._ch}: {v:g} V is outside of its limits by now"
        if why is not None:
            raise CommandRefused(why)
        self.down.intend(None)

    def _still_there(self) -> str | None:
        why = self._blocked(self._ch)
        return None if why is None else f"{self._ch} stays tripped: {why}"

    async def _move(self, target: float, up: bool) -> Reading:
        try:
            with self.status.ours(), self._moves(up):
                self.status.happens("rise" if up else "fall")
                now = await self._mover.move(target, up)
        except VerifyError as e:
            self.status.happens("stopped")
            now = self.status.agree(self._mover.known)
            if now.get("compliance") is True:
                i, v = number(now.get("i_mon")), number(now.get("v_mon"))
                raise Rejected(f"{self._ch} is in current limit: {i:.4g} A at {v:.4g} V, not {target:g} V") from e
            raise
        except Rejected as e:
            if self.status.cause is None and self._mover.known.get("on") is True:
                try:
                    self.status.agree(await self._mover.stop(Priority.DOWN, self._mover.known))
                except LinkError:
                    self._holding = asyncio.get_running_loop().create_task(self._hold_on(str(e)))
            self.status.happens("stopped")
            raise
        except BaseException:
            self.status.happens("stopped")
            raise
        self.status.happens("arrived")
        return self.status.agree(now)

    @contextmanager
    def _moves(self, up: bool) -> Iterator[None]:
        """What moves the voltage can be ended, and what goes up can be told to stay."""
        self.status.moving, self._rises = asyncio.current_task(), up
        try:
            yield
        finally:
            self.status.moving, self._rises = None, False

    async def _hold_on(self, cause: str) -> None:
        """A ramp of the supply's own ends as soon as the link lets it, unless something else has moved it meanwhile."""
        on_account_of(Account(cause=cause))
        said = False
        while not self.down.to_off and self.status.moving is None:
            try:
                await self.hold()
            except TrackerError as e:
                if not said:
                    self._report("hold", self._ch, f"it is not held yet: {e}")
                said = True
                await asyncio.sleep(RETRY)
            else:
                return


def _within(config: ChannelConfig, v: float) -> bool:
    return (config.v_min is None or v >= config.v_min) and (config.v_max is None or v <= config.v_max)
