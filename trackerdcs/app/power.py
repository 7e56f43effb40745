"""The power channels of one device: commands go to their channel, and each channel judges what is polled of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from trackerdcs.app.channel_calls import ChannelCalls
from trackerdcs.app.channel_control import ChannelControl
from trackerdcs.app.leases import Leases
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.channel import Intents
from trackerdcs.domain.desk import Args
from trackerdcs.domain.errors import Rejected
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.domain.messages import Value
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Clock, PowerSupply

UNREADABLE = "trips of the last run are not readable"

"""By channel: what has begun, and its cause."""


class Power:
    """Executes commands on the channels of one supply, and what interlocks and lost neighbours ask for."""

    def __init__(
        self,
        driver: PowerSupply,
        worker: Worker,
        channels: dict[str, ChannelConfig],
        clock: Clock,
        calls: ChannelCalls,
    ) -> None:
        self._driver, self._worker, self._latch = driver, worker, calls.latch
        self._controls = {ch: ChannelControl(ch, c, driver, worker, clock, calls) for ch, c in channels.items()}
        self._leases = Leases(self._held, self._abandoned, calls.report)
        self._lost: dict[str, str] = {}
        """Channels that come down because their lease was lost, and why."""
        self._latched: dict[str, str | None] = dict.fromkeys(channels)
        self.lose = self.abandon
        """What brings a channel down whose lease was lost: its supply may have to wait for another one."""
        self._ours = asyncio.Event()
        self._ours.set()

    def remember(self, latched: dict[str, str] | None) -> None:
        """Trips that an earlier start has latched are still latched; nobody knows which (None) is a trip of all HV."""
        if latched is None:
            latched = dict.fromkeys(self._controls, UNREADABLE) if self._driver.kind == "hv" else {}
        for ch, cause in latched.items():
            if ch in self._controls:
                self._controls[ch].trip_again(cause)
                self._latched[ch] = None if cause == UNREADABLE else cause  # that is to be written down, too

    def bound_by(self, ch: str, config: ChannelConfig) -> None:
        """Other limits from now on: another module is on the channel."""
        self._controls[ch].bound_by(config)

    def beyond(self, ch: str, config: ChannelConfig) -> str | None:
        """Why the output is above these limits now, or None."""
        return self._controls[ch].beyond(config)

    @property
    def fault(self) -> str | None:
        """What is tripped, and why: who comes later has not heard the event."""
        by_cause: dict[str, list[str]] = {}
        for ch, cause in self._latched.items():
            if cause is not None:
                by_cause.setdefault(cause, []).append(ch)
        return "; ".join(f"{' '.join(channels)} tripped: {cause}" for cause, channels in by_cause.items()) or None

    def objection(self, cmd: str, ch: str, args: Args) -> str | None:
        """Why a judged command must not even begin, or None."""
        if (why := self._leases.objection(cmd, ch)) is not None:
            return why
        control = self._controls.get(ch)
        return control.objection(cmd, float(args.get("v", 0.0))) if control else None

    async def execute(self, cmd: str, ch: str, args: Args) -> dict[str, Value]:
        """Carry a judged command out and return what the channel reads back."""
        control = self._controls[ch]
        self._leases.check(cmd, ch)
        try:
            match cmd:
                case "set_voltage":
                    return await control.set_voltage(float(args["v"]))
                case "set_current_limit":
                    i = float(args["i"])
                    return {"i_limit": await self._set(lambda: self._driver.set_current_limit(ch, i))}
                case "set_ramp":
                    return await control.set_ramp(float(args["up"]), float(args["down"]))
                case "on":
                    return await control.on()
                case "off":
                    await self._ours.wait()
                    return await control.off()
                case "emergency_off":
                    return await control.emergency_off()
                case "hold":
                    return await control.hold()
                case "lease":
                    renewed = self._leases.take(ch, float(args["seconds"]))
                    return {"seconds": args["seconds"], "renewed": renewed}
                case "release":
                    self._leases.release(ch)
                    return {}
                case "clear_trip":
                    return await control.clear_trip()
        finally:
            self._keep_latches()
        raise Rejected(f"{cmd}: the device service does not know it")

    def resume(self, intents: Intents) -> None:
        """Complete what an earlier start has begun, first of all; what was killed is the killer's."""
        for ch, (intent, cause) in intents.items():
            if ch in self._controls and intent != "kill":
                self._controls[ch].down.resume(intent, cause)

    def bring_down(self, ch: str, cause: str) -> None:
        """Latch `cause` as a trip and ramp the channel down; nothing new while that is under way."""
        if not self._ours.is_set():
            return
        self._controls[ch].bring_down(cause)
        self._keep_latches()

    def abandon(self, ch: str, why: str) -> None:
        """Ramp a channel down because whoever held it is gone; nothing is latched."""
        if self._ours.is_set():
            self._controls[ch].abandon(why)

    def stay(self, ch: str, cause: str) -> None:
        """End a move upwards and hold the voltage of that moment."""
        if self._ours.is_set():
            self._controls[ch].stay(cause)

    def killed(self, cause: str) -> None:
        """The killer has taken over: what runs is cancelled, every channel is tripped with that cause."""
        if self._ours.is_set():
            self._ours.clear()
            for control in self._controls.values():
                control.killed(cause)
        self._keep_latches()

    def kill_ended(self) -> None:
        """Every channel was seen off, and is ours again."""
        if not self._ours.is_set():
            self._ours.set()
            for control in self._controls.values():
                control.kill_ended()

    def is_up(self, ch: str) -> bool:
        """True if the output is on, or not known to be off and below v_safe_off."""
        return self._controls[ch].judge.is_up()

    def poll_begins(self) -> None:
        """To be called before each poll."""
        for control in self._controls.values():
            control.judge.poll_begins()

    def judged(self, snapshot: Snapshot) -> Snapshot:
        """What was polled, with the states that the channels make of it."""
        for ch, control in self._controls.items():
            control.judge.look(snapshot.ch.get(ch))
        self._keep_latches()
        shown = {ch: values | {"state": self._controls[ch].judge.shown(values)} for ch, values in snapshot.ch.items()}
        self._lost = {ch: why for ch, why in self._lost.items() if self.is_up(ch)}
        unc = snapshot.unc | {
            ch: snapshot.unc.get(ch, {}) | {"state": why} for ch, why in self._lost.items() if ch in shown
        }
        return replace(snapshot, ch=shown, unc=unc)

    def _held(self, ch: str, holder: str | None) -> None:
        self._controls[ch].down.held_by(holder)

    def _abandoned(self, ch: str, why: str) -> None:
        self._lost[ch] = why
        self.lose(ch, why)

    async def _set(self, call: Callable[[], float]) -> float:
        return await self._worker.run(Priority.SET, call)

    def _keep_latches(self) -> None:
        for ch, control in self._controls.items():
            cause = control.status.cause
            if cause != self._latched[ch]:
                self._latched[ch] = cause
                self._latch(ch, cause)
