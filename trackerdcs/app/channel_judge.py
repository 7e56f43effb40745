"""Judges what is read of one channel: at each step upwards, and by polls while nothing of ours moves it."""

from trackerdcs.app.channel_calls import ChannelCalls
from trackerdcs.app.channel_status import ChannelStatus, Reading
from trackerdcs.app.mover import Mover
from trackerdcs.app.way_down import WayDown
from trackerdcs.domain.errors import Rejected
from trackerdcs.domain.messages import Value
from trackerdcs.domain.ramp import Watch, below, number, rises
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock

LOST = 3
"""Bad readings in a row after which an output that was on is unknown (SAFETY 21)."""


class ChannelJudge:
    """Trips a channel, and says what it may do, by what is read of it."""

    def __init__(
        self,
        ch: str,
        config: ChannelConfig,
        status: ChannelStatus,
        mover: Mover,
        down: WayDown,
        watch: Watch,
        clock: Clock,
        calls: ChannelCalls,
    ) -> None:
        self._ch, self.config, self._status, self._mover = ch, config, status, mover
        self._down, self._watch, self._clock = down, watch, clock
        self._blocked, self._report, self._kill = calls.blocked, calls.report, calls.kill
        self._at_poll: int | None = 0
        self._bad = 0
        self._lost_at: float | None = None

    def is_up(self) -> bool:
        """True if the output is on, or not known to be off and below v_safe_off."""
        known = self._mover.known
        return self._bad >= LOST or known.get("on") is not False or not below(known, self.config.v_safe_off)

    def may_rise(self) -> None:
        """Raise Rejected if the channel must not go up now, whoever asks."""
        if self._status.cause is not None:
            raise Rejected(f"{self._ch} tripped: {self._status.cause}")
        if self._status.state == "unknown":
            raise Rejected(f"{self._ch} was unknown on its way: three bad readings in a row")
        if (why := self._blocked(self._ch)) is not None:
            raise Rejected(f"{self._ch} stops: {why}")

    def step(self, reading: Reading, follows: float | None) -> None:
        """Judge a reading on the way up; raises Rejected to end it. `follows`: V that v_mon has to be near by now."""
        if self._status.cause is None and (trouble := self._watch.trouble(reading, follows)):
            self._down.trip(trouble)
        self.may_rise()

    def fall(self, reading: Reading) -> None:
        """Judge a reading on the way down. What is wrong is latched; only what is not yet on its way to off ends."""
        if self._status.cause is None and (trouble := self._watch.trouble(reading)):
            goes_on = self._down.to_off
            self._down.trip(trouble)
            if not goes_on:
                raise Rejected(f"{self._ch} tripped: {trouble}")

    def poll_begins(self) -> None:
        """What is polled from here on may be older than what a command does meanwhile."""
        self._at_poll = None if self._status.busy else self._mover.orders

    def look(self, reading: Reading | None) -> None:
        """Judge what a poll has read of the channel; None if it could not."""
        if reading is None or "on" not in reading:
            self._bad += 1
            if self._bad == LOST and self._status.state not in ("off", "unknown", "tripped"):
                self._status.happens("lost")
                self._report("unknown", self._ch, "three bad readings in a row with the output on")
                if self._mover.hv:  # what goes without its low voltage is for its own owner to decide
                    self._lost_at = self._clock.monotonic()
            elif self._lost_at is not None and self._clock.monotonic() - self._lost_at >= self.config.t_unknown:
                self._lost_at = None
                self._give_up_waiting()
            return
        self._bad, self._lost_at = 0, None
        if self._status.busy or self._at_poll != self._mover.orders:
            return
        before, self._mover.sending = self._mover.sending, None
        self._mover.known = reading
        self._notice(reading)
        self._status.happens("found_on" if reading["on"] is True else "found_off")
        if before is not None and reading["on"] is True and _raised(before, reading):
            self._undo(before)
        elif self._status.cause is None and (trouble := self._watch.trouble(reading)):
            self._down.trip(trouble)

    def shown(self, reading: Reading) -> Value:
        """The state for the frame: ours, except that the supply knows better how it ramps by itself."""
        if self._status.busy or self._status.state in ("tripped", "unknown", "hold"):
            return self._status.state
        return reading.get("state", self._status.state)

    def _give_up_waiting(self) -> None:
        """An output is not seen for too long: what is done begins at the first good exchange (SAFETY 21)."""
        why = f"no good reading for {self.config.t_unknown:g} s with the output on"
        match self.config.on_comm_loss:
            case "hold":  # its ramp has ended when it was lost
                self._report("hold", self._ch, why)
            case "ramp_down" if self._status.cause is None:
                self._down.trip(why)
            case "kill":
                self._kill(f"{self._ch}: {why}")

    def _undo(self, before: Reading) -> None:
        """An order of unknown fate has raised the voltage: back to off, or to the lower setpoint (SAFETY 13)."""
        self._report("compensation", self._ch, "an order that had timed out was executed: it is undone")
        back = number(before.get("v_set"))
        if self._down.to_off:
            return  # that goes further, and only waits for the link
        if self._status.cause is None and before.get("on") is True and back != float("inf"):
            self._down.step_back(back)
        else:
            self._down.begin("compensation")

    def _notice(self, reading: Reading) -> None:
        """Whatever changes while nothing of ours moves it was changed by somebody else (SAFETY 14)."""
        before = self._status.agreed
        self._status.agree(reading)
        now = self._status.agreed
        if before is None or now is None or None in now or before == now:
            return
        self._status.target = None
        was, is_now = (f"{'on' if on else 'off'} with v_set {v} V" for on, v in (before, now))
        self._report("external_change", self._ch, f"was {was}, is {is_now}")


def _raised(before: Reading, now: Reading) -> bool:
    return before.get("on") is not True or rises(number(before.get("v_set")), number(now.get("v_set")))
