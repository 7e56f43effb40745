"""Proves the interlocks of a stand: violates each condition, silences each sensor, and watches what follows."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.live import live
from trackerdcs.app.requester import Requester
from trackerdcs.domain import topics
from trackerdcs.domain.errors import BusDown, CommandRefused, TrackerError
from trackerdcs.domain.freshness import PERIODS
from trackerdcs.domain.interlock import ConditionConfig, InterlockConfig
from trackerdcs.domain.messages import NO_CHANNEL, Event, Frame, Interlock
from trackerdcs.domain.proving import Part, Shown
from trackerdcs.domain.wiring import Devices, outputs, parts
from trackerdcs.ports import Bus, Clock

PATIENCE = 15.0
"""Seconds, beside some periods of the devices, in which something must have happened."""
RECOVERY = 60.0
"""Seconds in which a sensor that was silenced must be back: its link is tried again in growing steps."""
LOW = 5.0
"""Volts of the target with which a blocked output is asked to switch on."""
DOWN = 120.0
"""Seconds that an output may take to come down."""

log = logging.getLogger(__name__)


class Ways(Protocol):
    """How conditions are violated. All raise TrackerError where there is no way."""

    touches_outputs: bool
    """True if outputs may be on, and may be asked to switch on to see that they are blocked."""

    async def violate(self, name: str, condition: str, c: ConditionConfig, values: Mapping[str, float]) -> None: ...
    async def silence(self, name: str, condition: str, c: ConditionConfig) -> None: ...
    async def restore(self) -> None: ...


class Prover:
    """Goes through all conditions; `tell` is called with each result."""

    def __init__(
        self,
        stand: str,
        interlocks: dict[str, InterlockConfig],
        devices: Devices,
        ways: Ways,
        bus: Bus,
        requester: Requester,
        clock: Clock,
        tell: Callable[[Shown], None],
    ) -> None:
        self._stand, self._interlocks, self._devices, self._ways = stand, interlocks, devices, ways
        self._bus, self._requester, self._clock, self._tell = bus, requester, clock, tell
        self._said: dict[str, Interlock] = {}
        self._frames: dict[str, Frame] = {}
        self._broken: dict[str, list[str]] = {}
        self._news = asyncio.Event()
        slowest = max((device.period for device in devices.values()), default=1.0)
        self._patience = PATIENCE + (PERIODS + 2) * slowest

    async def run(self) -> list[Shown]:
        """Prove; raises CommandRefused if the guard or an interlock is not as it must be before."""
        listening = asyncio.create_task(self._listen())
        shown: list[Shown] = []
        try:
            for name in self._interlocks:
                if not await self._until(lambda n=name: self._state(n) == "ok", self._patience):  # type: ignore[misc]
                    state = self._state(name) or "not heard: is the guard running?"
                    raise CommandRefused(f"interlock {name} is {state}: a proof begins where all is well")
            for name, interlock in self._interlocks.items():
                for condition, c in interlock.conditions.items():
                    for part in ("violation", "silence"):
                        shown.append(await self._prove(name, condition, c, part))
                        self._tell(shown[-1])
        finally:
            listening.cancel()
            await self._ways.restore()
        return shown

    async def _prove(self, name: str, condition: str, c: ConditionConfig, part: Part) -> Shown:
        began, seconds, seen = self._clock.monotonic(), None, dict[str, str]()
        ok, why = True, ""
        self._broken.pop(name, None)
        were_on = [out for out in self._outputs(name) if self._on(*out)]
        wanted = "open" if part == "violation" else "unknown"
        try:
            if not await self._until(lambda: len(self._values(c)) == len(set(c.inputs().values())), self._patience):
                raise CommandRefused(f"not heard: {', '.join(c.inputs().values())}")
            if part == "violation":
                await self._ways.violate(name, condition, c, self._values(c))
            else:
                await self._ways.silence(name, condition, c)
            if not await self._until(lambda: self._happened(name, condition, wanted), self._patience):
                raise CommandRefused(f"expected {wanted}, it is {self._state(name)}: {self._why(name)}")
            seconds = round(self._clock.monotonic() - began, 3)
            why = self._why(name)
            seen = await self._seen_at_outputs(name, part, were_on)
        except TrackerError as e:
            ok, why = False, str(e)
        try:
            await self._ways.restore()
            await self._back_to_ok(name, were_on)
        except TrackerError as e:
            ok, why = False, f"{why}; afterwards: {e}" if why else str(e)
        return Shown(name, condition, part, ok, why, seconds, seen)

    async def _seen_at_outputs(self, name: str, part: Part, were_on: list[tuple[str, str]]) -> dict[str, str]:
        """What became of the outputs; raises CommandRefused for one that neither came down nor is blocked."""
        seen: dict[str, str] = {}
        if not self._ways.touches_outputs:
            return {f"{device}.{ch}": "off" for device, ch in self._outputs(name)}
        action = self._interlocks[name].action
        for device, ch in self._outputs(name):
            key, began = f"{device}.{ch}", self._clock.monotonic()
            if part == "violation" and action != "block" and (device, ch) in were_on:
                if not await self._until(lambda d=device, c=ch: self._on(d, c) is False, DOWN):  # type: ignore[misc]
                    raise CommandRefused(f"{key} did not come down within {DOWN:g} s")
                seen[key] = f"came down in {self._clock.monotonic() - began:.1f} s"
            elif self._on(device, ch) is False:
                await self._ask(device, "set_voltage", ch, v=self._low(device, ch))
                state, why = await self._ask(device, "on", ch)
                await self._ask(device, "off", ch)
                if state != "refused" or f"interlock {name}" not in why:
                    raise CommandRefused(f"{key} was not blocked by it: on ended {state} {why}")
                seen[key] = f"blocked: {why}"
            else:
                seen[key] = "left on" if self._on(device, ch) else "not heard"
        return seen

    async def _back_to_ok(self, name: str, were_on: list[tuple[str, str]]) -> None:
        def calm() -> bool:
            said = self._said.get(name)
            return said is not None and (said.state != "unknown")

        if not await self._until(calm, RECOVERY):
            raise CommandRefused(f"the sensor does not come back: {self._why(name)}")
        deadline = self._clock.monotonic() + RECOVERY
        while self._state(name) == "open" and self._clock.monotonic() < deadline:
            await self._ask("guard", "reset", NO_CHANNEL, interlock=name)
            await self._until(lambda: self._state(name) == "ok", 1.0)
        if not await self._until(lambda: self._state(name) == "ok", self._patience):
            raise CommandRefused(f"it is {self._state(name)} and cannot be reset: {self._why(name)}")
        if self._ways.touches_outputs:
            for device, ch in were_on:
                await self._ask(device, "clear_trip", ch)

    def _low(self, device: str, ch: str) -> float:
        """A voltage that would do no harm."""
        v = self._devices[device].channels[ch].commands["set_voltage"].args["v"]
        return max(v.low, -LOW) if v.low is not None and v.low < 0 else min(LOW, v.high if v.high is not None else LOW)

    async def _ask(self, device: str, cmd: str, ch: str, **args: str | float) -> tuple[str, str]:
        """The end of a command: its state and why."""
        try:
            reason = "proof of the interlocks"
            answers = [a async for a in self._requester.request(self._stand, device, cmd, ch, args, reason)]
        except BusDown as e:
            raise CommandRefused(f"{cmd} to {device}: {e}") from e
        return getattr(answers[-1], "state", "unknown"), answers[-1].why or ""

    def _outputs(self, name: str) -> list[tuple[str, str]]:
        return outputs(self._interlocks[name], self._devices)

    def _happened(self, name: str, condition: str, wanted: str) -> bool:
        return self._state(name) == wanted and (wanted == "unknown" or condition in self._broken.get(name, ()))

    def _state(self, name: str) -> str | None:
        said = self._said.get(name)
        return said.state if said else None

    def _why(self, name: str) -> str:
        said = self._said.get(name)
        return ": ".join(filter(None, (said.first, said.why))) if said else "not heard"

    def _on(self, device: str, ch: str) -> bool | None:
        frame = self._frames.get(device)
        on = frame.ch.get(ch, {}).get("on") if frame else None
        return on if isinstance(on, bool) else None

    def _values(self, c: ConditionConfig) -> dict[str, float]:
        found = {}
        for of in c.inputs().values():
            device, ch, quantity = parts(of) or ("", "", "")
            frame = self._frames.get(device)
            value = frame.ch.get(ch, {}).get(quantity) if frame else None
            if isinstance(value, int | float):
                found[of] = float(value)
        return found

    async def _listen(self) -> None:
        guard = topics.of_device(self._stand, topics.GUARD, "event")
        filters = (topics.interlocks_of(self._stand), topics.any_device(self._stand, "frame"), guard)
        async for where, message in live(self._bus, EdgeLog(log), *filters):
            match message:
                case Interlock():
                    self._said[where.item or ""] = message
                case Frame():
                    self._frames[where.device or ""] = message
                case Event(event="interlock_open", data=data):
                    self._broken[data["interlock"]] = data["broken"]
            self._news.set()

    async def _until(self, condition: Callable[[], bool], limit: float) -> bool:
        deadline = self._clock.monotonic() + limit
        while not condition():
            self._news.clear()
            try:
                async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                return condition()
        return True
