"""The owner's side of interlocks and of the order of voltages: what blocks a channel, and what brings it down.

Each owner decides alone, from what it hears live: an interlock or a low voltage that is open acts at once, one that is
not known blocks at once, and acts when it has not been known for `t_unknown` (SAFETY 9, 10, 18).
"""

import asyncio
from collections.abc import Callable, Mapping

from trackerdcs.app.announcer import Who
from trackerdcs.app.channel_calls import Report
from trackerdcs.app.neighbours import Neighbours
from trackerdcs.app.outputs import Outputs
from trackerdcs.domain.dependence import Source, Surroundings, of_interlock, of_low_voltage
from trackerdcs.domain.interlock import Action
from trackerdcs.domain.messages import Event
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Bus, Clock

TICK = 0.2
"""Seconds between two looks at what is not heard any more."""
GOES_OFF = "emergency_off"
"""Event of a low voltage that is about to be switched off at once; `data` names the module."""


class Conditions:
    """`module(ch)`: the module bound to a channel now; `report(event, ch, why)` says what is done of its own accord."""

    def __init__(
        self,
        who: Who,
        kind: str,
        channels: Mapping[str, ChannelConfig],
        around: Surroundings,
        module: Callable[[str], str | None],
        report: Report,
        clock: Clock,
    ) -> None:
        self._hv, self._channels, self._module = kind == "hv", channels, module
        self._report, self._clock = report, clock
        self.neighbours = Neighbours(who.stand, around, clock, self._hear)
        self.met = asyncio.Event()
        """To be set when the instrument was read for the first time: there is nothing to act on before."""
        self._interlocks = {ch: around.interlocks.get(ch, ()) for ch in channels}
        self._since: dict[str, dict[str, float]] = {ch: {} for ch in channels}
        """By channel and source: when it was found to be unknown (monotonic s)."""
        self._held: dict[str, set[str]] = {ch: set() for ch in channels}
        """By channel: unknown sources for which it is held."""
        self._killed: set[str] = set()
        """Channels whose kill has been asked for: a second one would be another order."""
        self._ordered: dict[str, str] = {}
        """Channels to be killed because the low voltage of their module is about to go, and why."""

    def unprotected(self) -> frozenset[str]:
        """The high-voltage channels that no interlock of the stand protects."""
        return frozenset(ch for ch, names in self._interlocks.items() if self._hv and not names)

    def objection(self, ch: str) -> str | None:
        """Why the unsafe direction of a channel is blocked now, or None."""
        found = next((source for source in self._sources(ch) if source.state != "ok"), None)
        return "; ".join(filter(None, (found.why, found.remedy))) if found else None

    async def serve(self, bus: Bus, outputs: Outputs | None) -> None:
        """Listen and act, for ever; without outputs there is nothing to do."""
        if outputs is None:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.neighbours.listen(bus))
            await self.met.wait()
            await self._watch(outputs)

    async def _watch(self, outputs: Outputs) -> None:
        tick = min([TICK, *(c.t_unknown / 5 for c in self._channels.values())])
        while True:
            self.neighbours.news.clear()
            for ch in self._channels:
                self._judge(ch, outputs)
            try:
                async with asyncio.timeout(tick):
                    await self.neighbours.news.wait()
            except TimeoutError:
                continue

    def _sources(self, ch: str) -> list[Source]:
        heard = self.neighbours
        sources = [of_interlock(name, heard.interlock(name)) for name in self._interlocks.get(ch, ())]
        module = self._module(ch)
        if self._hv and module:
            for device, other in heard.bound(module):
                sources.append(of_low_voltage(f"{device}.{other}", module, heard.reading(device, other)))
        return sources

    def _judge(self, ch: str, outputs: Outputs) -> None:
        if not outputs.is_up(ch):
            self._killed.discard(ch)
        if why := self._ordered.pop(ch, None):
            self._act(ch, "kill", why, outputs)
        config, now, sources = self._channels[ch], self._clock.monotonic(), self._sources(ch)
        unknown = {source.name for source in sources if source.state == "unknown"}
        since = self._since[ch] = {name: self._since[ch].get(name, now) for name in unknown}
        self._held[ch] &= unknown
        for source in sources:
            if source.state == "open":
                self._act(ch, source.action, source.why, outputs)
            elif source.state == "unknown" and now - since[source.name] >= config.t_unknown:
                why = f"{source.why}, for {config.t_unknown:g} s"
                if config.on_comm_loss != "hold":
                    self._act(ch, config.on_comm_loss, why, outputs)
                elif source.name not in self._held[ch] and outputs.is_up(ch):
                    self._held[ch].add(source.name)
                    outputs.stay(ch, why)
                    self._report("hold", ch, why)

    def _act(self, ch: str, action: Action, why: str, outputs: Outputs) -> None:
        if action == "block" or not outputs.is_up(ch):
            return
        if action == "ramp_down":
            outputs.bring_down(ch, why)
        elif ch not in self._killed:
            self._killed.add(ch)
            outputs.kill(ch, why)
        else:
            outputs.bring_down(ch, why)  # nothing during the kill; after it, what somebody has switched on meanwhile

    def _hear(self, device: str, event: Event) -> None:
        """A low voltage that is about to be switched off at once takes the high voltage of its module with it."""
        if not self._hv or event.event != GOES_OFF:
            return
        module = event.data.get("module")
        for ch in self._channels:
            if module is not None and self._module(ch) == module:
                self._ordered[ch] = f"{event.event} of {device}.{event.ch}, the low voltage of {module}"
